"""The parts of the figure that only some studies have: control tasks, twins, code lengths, regressions."""

import numpy as np
import pandas as pd
import pytest
from figure_cases import (
    CHANCE,
    LAYERS,
    LEVEL,
    MODELS,
    PANELS,
    RUNS,
    caption_of,
    draw_probing,
    probing_rows,
    probing_table,
    texts,
)

from auscult.figures import plotting

TRAINED = {"nonspeech": {"label": "HuBERT (non-speech)", "source": "trained"}}


def extra_rows(corpus="english", target="phone", runs=RUNS, n_groups=16):
    """Return rows at the chosen layer: MLP, control task, selectivity, compression and a learning curve."""
    rows, random = [], np.random.default_rng(5)
    for model, step in runs:
        true = CHANCE[target][0] + 0.9 * (LEVEL[model] if step != "0" else 0.3)
        control = 0.3 * true + random.uniform(0, 0.1)
        kinds = [
            ("ridge", "control", "accuracy", control),
            ("ridge", "true", "selectivity", true - control),
            ("mlp", "true", "accuracy", true + 0.04),
            ("mlp", "control", "accuracy", control + 0.15),
            ("mlp", "true", "selectivity", true - control - 0.11),
            ("ridge (sample)", "true", "accuracy", true - 0.05),
            ("ridge (sample)", "control", "accuracy", control),
            ("ridge (sample)", "true", "selectivity", true - control - 0.05),
            ("online logistic", "true", "compression", 1 + 2 * true),
            ("online logistic", "control", "compression", 1 + 0.3 * control),
        ]
        for probe, labels, metric, value in kinds:
            more = {
                "probe": probe,
                "labels": labels,
                "metric": metric,
                "n_groups": n_groups,
                "type": "context",
                "type_overlap": 0.82,
                "selected_layer": "T3",
                "chance": 1.06 if metric == "compression" else 0,
            }
            if probe in ("mlp", "ridge (sample)"):
                more |= {"n_train": 2890, "n": 6000}
            rows.append(probing_rows(corpus, target, model, step, "selected", value, **more))
        rows.append(probing_rows(corpus, target, model, step, "selected", 0.111, n_train=100, selected_layer="T3"))
    return pd.DataFrame(rows)


def regression_table():
    table = probing_table([("english", "gender")]).assign(target="log_f0", metric="r2", n_classes=0, chance=0.0)
    return table.assign(value=table["value"] - 0.5, held_out="speaker+type", type="context", type_overlap=0.0)


def full_table(**more):
    return pd.concat([probing_table(PANELS[:2], **more), extra_rows(), regression_table()], ignore_index=True)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return texts(draw_probing(tmp_path_factory.mktemp("probing"), full_table()))


def test_control_task_selectivity_and_compression_are_drawn_and_explained(drawn):
    expected = (
        "english · phone: control",
        "one random label per context",
        "82 % of test items: type known",
        "selectivity: true − control",
        "control: a random label per type",
        "code without vectors",
        "MLP probe",
        "linear probe on the same items",
        "online code length",
        "n = 12,480",
    )
    assert [text for text in expected if text not in drawn] == []


def test_a_learning_curve_does_not_disturb_what_is_drawn(drawn):
    assert not any(text.startswith("0.11") for text in drawn)


def test_a_regression_has_no_classes_and_names_its_metric(drawn):
    assert "R² at the chosen layer" in drawn
    assert "n = 12,480 of 16 speakers" in drawn
    assert any(text.startswith("held out: speakers, types") for text in drawn)


def test_code_lengths_without_a_control_task_stand_alone(tmp_path):
    extra = extra_rows()
    table = pd.concat([probing_table(PANELS[:1]), extra[extra["metric"] == "compression"]], ignore_index=True)
    drawn = texts(draw_probing(tmp_path, table))
    assert "english · phone: online code" in drawn
    assert not any(text.startswith("selectivity") for text in drawn)


def test_few_speakers_are_said_to_have_no_interval(tmp_path):
    table = pd.concat([probing_table(PANELS[:1], n_groups=3), extra_rows(n_groups=3)], ignore_index=True)
    assert "no interval: 3 speakers" in texts(draw_probing(tmp_path, table))


def test_no_text_lies_over_text(tmp_path, misplaced):
    draw_probing(tmp_path, full_table())
    assert misplaced == []


def test_many_targets_and_models_lay_no_text_over_text(tmp_path, misplaced, monkeypatch):
    monkeypatch.setitem(LEVEL, "nonspeech", 0.5)
    models = {**TRAINED, **MODELS}
    monkeypatch.setattr("figure_cases.MODELS", models)
    runs = [("nonspeech", "0"), ("nonspeech", "1500"), *RUNS]
    tables = [
        probing_table([("english", target)], runs).assign(target=name)
        for target, name in (
            ("phone", "phone"),
            ("phone", "word"),
            ("gender", "number"),
            ("speaker", "speaker"),
            ("language", "part_of_speech"),
            ("gender", "gender"),
        )
    ]
    table = pd.concat([*tables, extra_rows(runs=runs), extra_rows(target="gender", runs=runs)], ignore_index=True)
    draw_probing(tmp_path, table, models=models)
    assert misplaced == []


def test_layers_of_a_deep_model_are_thinned(tmp_path):
    table = pd.concat([probing_table(PANELS[:1], layers=(*LAYERS, *(f"T{i}" for i in range(5, 25)))), extra_rows()])
    assert "T24" not in texts(draw_probing(tmp_path, table))


def test_twins_are_drawn_beside_the_linear_probe_of_their_items_and_their_number_is_said(drawn):
    words = " ".join(drawn)
    assert "MLP (+): trained on 2,890 of a random sample of 6,000 items" in words
    assert "the small circle is the linear probe on the same items" in words


def test_a_peer_is_not_taken_for_the_probe_of_all_items(tmp_path):
    with_peer, without = full_table(), full_table()
    without = without[~without["probe"].isin(["mlp", "ridge (sample)"])]
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    words = [texts(draw_probing(tmp_path / name, table)) for name, table in (("with", with_peer), ("without", without))]
    numbers = [[text for text in found if text[:2] == "0." and " T" in text] for found in words]
    assert numbers[0] == numbers[1]


def lines_of(figure):
    return [line for axes in figure.axes for line in axes.lines]


def test_the_marker_of_a_peer_lies_beside_that_of_its_twin(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr("auscult.figures.plotting.save_figure", lambda figure, *_: figures.append(figure))
    draw_probing(tmp_path, full_table())
    heights = {
        marker: sorted({float(line.get_ydata()[0]) for line in lines_of(figures[0]) if marked(line, marker)})
        for marker in ("+", "o")
    }
    assert heights["+"] == heights["o"] != []


def marked(line, marker):
    return line.get_marker() == marker and len(line.get_ydata()) == 1 and line.get_markersize() in (5.5, 2.4)


@pytest.mark.parametrize(("worst", "low", "said"), [(-0.3, -0.33, False), (-4.0, -0.5, True)])
def test_an_r2_far_below_zero_widens_the_axis_or_is_said_not_to_be_drawn(tmp_path, monkeypatch, worst, low, said):
    figures, save = [], plotting.save_figure
    monkeypatch.setattr(plotting, "save_figure", lambda figure, *rest: figures.append(figure) or save(figure, *rest))
    table = regression_table()
    table.loc[table["model"] == "time", "value"] = worst
    words = " ".join(texts(draw_probing(tmp_path, table)))
    assert figures[0].axes[0].get_ylim()[0] == pytest.approx(low)
    assert ("R² below −0.5 is not drawn" in words) == said


def test_a_baseline_that_holds_the_values_asked_for_is_called_a_ceiling(tmp_path):
    figure = {"title": "", "analysis": {"targets": {"log_f0": {"column": "log_f0"}, "phone": {"column": "label"}}}}
    models = {
        name: entry | {"features": name} if entry["source"] == "acoustic" else entry for name, entry in MODELS.items()
    }
    words = " ".join(texts(draw_probing(tmp_path, full_table(), figure, models=models)))
    assert "F0 holds log f0 itself: a ceiling, not a baseline." in words
    assert words.count("a ceiling") == 1


def test_where_types_are_held_out_intervals_are_said_to_resample_speakers_only(tmp_path, drawn):
    assert "Intervals resample speakers only, where types are held out, too." in " ".join(drawn)
    assert "resample speakers only" not in " ".join(texts(draw_probing(tmp_path, probing_table(PANELS[:1]))))


def test_the_caption_says_which_probes_chose_the_layers_and_what_intervals_leave_out():
    analysis = {"probe": "ridge", "n_folds": 4, "n_resamples": 1234}
    figure = {"name": "probing", "title": "T", "models": list(MODELS), "analysis": analysis}
    caption = caption_of("probing", {"figure": figure, "models": MODELS})
    assert "Twins and learning curves take the layers that linear probes with the full training side chose." in caption
    assert "resamplings of whole speakers, even where types are held out" in caption
