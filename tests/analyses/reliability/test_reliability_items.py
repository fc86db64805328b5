import numpy as np
import pytest

from auscult.analyses.reliability.items import (
    ITEM_COLUMNS,
    RELIABILITY_COLUMNS,
    average_classes,
    contrast_units,
    describe_items,
    method_class,
    summarise_items,
)

RUN = {"corpus": "english", "model": "keyword", "step": "300", "task": "keyword", "n_seeds": 5}


def item(value, utterance="a", unit="word", method="lime", question="seeds", **more):
    return {
        "question": question,
        "method": method,
        "input": "waveform",
        "unit": unit,
        "metric": "pearson",
        "utterance": utterance,
        "value": value,
        "chance": 0.0,
    } | more


def many(values, **more):
    return [item(value, f"u{i}", **more) for i, value in enumerate(values)]


def test_missing_entries_of_items_receive_defaults():
    found = describe_items([item(0.5)])
    assert list(found.columns) == list(ITEM_COLUMNS)
    assert found.loc[0, ["layer", "against", "n_constant", "n_unmatched"]].tolist() == ["output", "", 0, 0]


def test_a_summary_has_the_mean_its_interval_and_what_was_left_out():
    values = [*np.linspace(0, 1, 11), np.nan]
    items = describe_items(many(values))
    items.loc[11, "n_constant"] = 1
    found = summarise_items(items, **RUN)
    assert list(found.columns) == list(RELIABILITY_COLUMNS)
    row = found.iloc[0]
    assert row["value"] == pytest.approx(0.5)
    assert row["ci_low"] < 0.4 < 0.6 < row["ci_high"]
    assert row[["n", "n_groups", "n_constant", "n_seeds"]].tolist() == [11, 11, 1, 5]
    assert row["resampling_unit"] == "utterance"


def test_utterances_are_resampled_whole_however_many_seeds_explain_them():
    once = summarise_items(describe_items(many(np.arange(10.0))), **RUN).iloc[0]
    twice = summarise_items(describe_items(many(np.arange(10.0)) * 2), **RUN).iloc[0]
    assert twice["n"] == 2 * once["n"]
    assert twice["ci_low"] == pytest.approx(once["ci_low"])


def test_too_few_utterances_have_no_interval_and_none_no_value():
    assert np.isnan(summarise_items(describe_items(many([0.1, 0.2])), **RUN).iloc[0]["ci_low"])
    nothing = summarise_items(describe_items(many([np.nan] * 7, n_constant=1)), **RUN).iloc[0]
    assert nothing["n"] == 0
    assert nothing["n_constant"] == 7
    assert np.isnan(nothing["value"])


def test_units_are_contrasted_utterance_by_utterance_and_averaged_within_classes_of_methods():
    items = describe_items(
        many([0.9, 0.8])
        + many([0.1, 0.3], unit="frame")
        + many([0.5, 0.5], method="occlusion")
        + many([0.5, 0.4], unit="frame", method="occlusion")
        + many([0.2, 0.2], method="saliency")
        + many([0.3, 0.3], unit="frame", method="saliency")
    )
    found = contrast_units(items, [("word", "frame"), ("word", "phone")])
    means = found.groupby("method")["value"].mean().to_dict()
    expected = {"lime": 0.65, "occlusion": 0.05, "saliency": -0.1, "perturbation": 0.65, "gradient": -0.1}
    assert means == pytest.approx(expected)
    assert set(found["question"]) == {"units"}
    assert set(found["against"]) == {"frame"}


def test_a_class_averages_its_methods_within_each_utterance():
    items = describe_items(
        many([0.9, 0.5])
        + many([0.1, np.nan], method="ablation")
        + many([0.2], method="saliency")
        + many([0.7, 0.7], method="occlusion")
        + many([0.7, 0.7], method="duration")
    )
    found = average_classes(items).set_index(["method", "utterance"])["value"].to_dict()
    expected = {("perturbation", "u0"): 0.5, ("perturbation", "u1"): 0.5, ("gradient", "u0"): 0.2}
    assert found == pytest.approx(expected)


def test_methods_are_known_by_what_they_do_and_occlusion_and_duration_stand_apart():
    assert {method_class(name) for name in ("saliency", "input_x_gradient", "integrated_gradients")} == {"gradient"}
    assert {method_class(name) for name in ("lime", "kernel_shap", "ablation")} == {"perturbation"}
    assert [method_class("occlusion"), method_class("duration")] == ["occlusion", ""]


def test_the_median_number_of_segments_is_over_utterances_with_a_value():
    items = describe_items([*many([0.1, 0.2, 0.3], n_segments=9), item(np.nan, "x", n_segments=2, n_short=1)])
    row = summarise_items(items, **RUN).iloc[0]
    assert row[["n_segments", "n_short", "n"]].tolist() == [9, 1, 3]
