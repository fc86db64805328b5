"""Results of single items agree with the scores, and fitted probes with the predictions."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from reference import plant
from safetensors import safe_open
from test_probing import PHONE, value

from auscult.analyses.probing.analysis import probe_activations
from auscult.analyses.probing.kept_results import (
    CONFUSION_COLUMNS,
    ITEM_COLUMNS,
    KeptResults,
    confusion_table,
)
from auscult.analyses.probing.settings import ProbingSettings

LENGTH = {"name": "length", "tier": "phone", "column": "length", "held_out": "speaker", "kind": "values"}
NAMES = {"corpus": "c", "model": "m", "step": "final"}


@pytest.fixture(scope="module")
def planted():
    planted = plant(n_speakers=6)
    return dataclasses.replace(planted, index=planted.index.assign(length=planted.vectors["T1"][:, 0].astype(float)))


@pytest.fixture(scope="module")
def probed(planted):
    kept = KeptResults()
    settings = ProbingSettings(n_resamples=200, min_class_size=5, n_permutations=1)
    targets = [PHONE, LENGTH, PHONE | {"name": "new", "test": {"speaker": ["s03"]}}]
    return probe_activations(planted, targets=targets, kept=kept, settings=settings, **NAMES), kept


def test_every_tested_item_has_a_row_at_every_layer_and_at_the_selected_one(planted, probed):
    items = probed[1].table()
    assert list(items) == list(ITEM_COLUMNS)
    rows = items.groupby(["target", "layer"]).size()
    assert (rows.loc[["phone", "length"]] == 240).all()
    assert (rows.loc["new"] == 40).all()
    assert set(items["layer"]) == {*planted.layers, "selected"}
    found = items.query("target == 'phone' and layer == 'T1'").reset_index(drop=True)
    for column in ("utterance", "speaker", "index"):
        assert found[column].tolist() == planted.index[column].tolist()
    assert found["truth"].tolist() == planted.index["label"].tolist()
    assert (found.groupby("speaker")["fold"].nunique() == 1).all()


def test_scores_of_the_table_are_means_over_its_items(probed):
    results, items = probed[0], probed[1].table()
    for (target, layer), rows in items[items["truth"].notna()].groupby(["target", "layer"]):
        expected = value(results, target=target, layer=layer, probe="logistic")
        assert (rows["truth"] == rows["prediction"]).mean() == pytest.approx(expected)
    of_values = items.query("target == 'length' and layer == 'T1'")
    assert np.corrcoef(of_values["true_value"], of_values["predicted_value"])[0, 1] > 0.99
    assert of_values["probability"].isna().all()


def test_probabilities_are_those_of_the_prediction_and_of_the_truth(probed):
    items = probed[1].table().query("target == 'phone'")
    right = items["truth"] == items["prediction"]
    assert items["probability"].between(0.25, 1).all()
    np.testing.assert_array_equal(items.loc[right, "probability"], items.loc[right, "probability_of_truth"])
    assert (items.loc[~right, "probability"] > items.loc[~right, "probability_of_truth"]).all()
    sure = items.query("layer == 'T2' and probability > 0.95")
    assert (sure["truth"] == sure["prediction"]).mean() > 0.9


@pytest.mark.parametrize(("target", "layer"), [("phone", "T1"), ("phone", "selected"), ("length", "T2"), ("new", "T2")])
def test_fitted_probes_give_the_predictions_of_the_items_that_they_did_not_meet(
    tmp_path, planted, probed, target, layer
):
    kept = probed[1]
    kept.write_probes(tmp_path / "probes.safetensors")
    items = kept.table().query("target == @target and layer == @layer")
    with safe_open(tmp_path / "probes.safetensors", framework="numpy") as stream:
        classes = json.loads(stream.metadata()["classes"])[target]
        place = planted.index.reset_index().set_index(["utterance", "index"])["level_0"]
        for fold, rows in items.groupby("fold"):
            weights, intercepts = (
                stream.get_tensor(f"m/final/{target}/{layer}/{fold}/{name}") for name in ("weights", "intercepts")
            )
            at = place.loc[list(zip(rows["utterance"], rows["index"]))].to_numpy()
            scores = planted.load("T2" if layer == "selected" else layer, at) @ weights + intercepts
            if classes:
                assert np.mean(np.array(classes)[scores.argmax(axis=1)] == rows["prediction"]) > 0.99
            else:
                np.testing.assert_allclose(scores[:, 0], rows["predicted_value"], atol=1e-3)


def test_confusions_count_all_items_of_a_class(probed):
    items = probed[1].table()
    confusions = confusion_table(items)
    assert list(confusions) == list(CONFUSION_COLUMNS)
    assert set(confusions["target"]) == {"phone", "new"}
    phone = confusions.query("target == 'phone' and layer == 'noise'").pivot(
        index="truth", columns="prediction", values="n"
    )
    own = items.query("target == 'phone' and layer == 'noise'")
    expected = pd.crosstab(own["truth"], own["prediction"])
    np.testing.assert_array_equal(phone.fillna(0).to_numpy(), expected.to_numpy())
    shares = confusions.groupby(["target", "layer", "truth"])["share"].sum()
    np.testing.assert_allclose(shares, 1)


def test_nothing_is_kept_and_no_score_changes_unless_it_is_asked_for(planted, probed):
    settings = ProbingSettings(n_resamples=200, min_class_size=5, n_permutations=1)
    alone = probe_activations(planted, targets=[PHONE], settings=settings, **NAMES)
    pd.testing.assert_frame_equal(alone, probed[0].query("target == 'phone'").reset_index(drop=True), check_exact=False)
