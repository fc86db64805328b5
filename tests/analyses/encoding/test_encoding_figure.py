"""The encoding figure, drawn from planted tables."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_cases import STUDY, caption_of, context_of, draw_styled, drawn, note_of, run_script

from auscult.analyses.encoding import figure, headline
from auscult.analyses.encoding.analysis import CURVE_COLUMNS, SCORE_COLUMNS
from auscult.analyses.encoding.curves import curve_rows
from auscult.analyses.encoding.summary import summarise_encoding
from auscult.analyses.encoding.sweep_scores import LevelScores, score_rows
from auscult.dynamics.curves import doublings
from auscult.errors import AnalysisError
from auscult.figures.findings import number, value_text
from auscult.figures.legibility import SLIDE_MM, faults
from auscult.figures.slide import slide_style
from auscult.manifests import digest
from auscult.tables import write_table

STEPS = ("0", "25", "50", "100", "200", "400", "700", "1200")
LAYERS = ("cnn", "embed", "T1", "T2", "T3", "T4", "selected")
# Midpoint, layer, ceiling: the last never rises.
LEVELS = {
    "phone_class": ("phone", 40, 1, 0.85, 1),
    "phone": ("phone", 60, 2, 0.8, 1),
    "syllable": ("syllable", 90, 2, 0.6, 2),
    "word": ("word", 140, 3, 0.55, 3),
    "part_of_speech": ("word", 260, 4, 0.45, 4),
    "number": ("word", 300, 4, 0.4, 4),
    "syntactic_depth": ("word", 400, 5, 0.02, 5),
    "speaker": ("utterance", 30, 0, 0.9, None),
    "gender": ("utterance", 30, 1, 0.95, None),
}
ZERO_SHOT = ("phone_class", "phone", "syllable", "word")
MODELS = {
    name: {"label": label, "source": "trained"}
    for name, label in {
        "hubert-english": "HuBERT (English)",
        "hubert-mandarin": "HuBERT (Mandarin)",
        "hubert-dutch": "HuBERT (Dutch)",
        "hubert-multilingual": "HuBERT (multilingual)",
        "hubert-nonspeech": "HuBERT (non-speech)",
        "wav2vec2-dutch": "wav2vec 2.0 (Dutch)",
    }.items()
} | {"mel": {"label": "log-mel", "source": "acoustic"}, "mfcc": {"label": "MFCC", "source": "acoustic"}}
TRAINED = {
    "hubert-dutch": 1,
    "hubert-english": 0.9,
    "hubert-multilingual": 0.95,
    "hubert-nonspeech": 0.3,
    "wav2vec2-dutch": 0.85,
}
CALLED = ["hubert-dutch", "wav2vec2-dutch"]


def planted(steps=STEPS, n_groups=16, levels=LEVELS, trained=TRAINED):
    rng, scores, curves, draws = np.random.default_rng(0), [], [], []
    x = doublings([float(step) for step in steps], 25)
    for model, height in trained.items():
        for name, (tier, midpoint, deep, ceiling, rank) in levels.items():
            late = midpoint ** (1.15 if model == "wav2vec2-dutch" else 1)
            rise = 1 / (1 + np.exp(-1.6 * (x - doublings([late], 25)[0])))
            for method, chance in (("ridge", 0.06), ("abx", 0.5)) if name in ZERO_SHOT else (("ridge", 0.06),):
                shape = np.exp(-((np.arange(len(LAYERS) - 1) - deep) ** 2) / 10)
                reached = 0.08 + (ceiling * height * shape - 0.08).clip(0) * rise[:, None]
                values = chance + (1 - chance) * np.column_stack([reached, reached.max(axis=1)])
                values += rng.normal(0, 0.004, values.shape)
                resampled = values + rng.normal(0, 0.01, (120, 1, 1)) + rng.normal(0, 0.006, (120, *values.shape))
                level = {"name": name, "tier": tier, "abstractness": rank}
                about = {
                    "n": 2181,
                    "n_groups": n_groups,
                    "resampling_unit": "speaker",
                    "n_classes": 35,
                    "duration_alone": chance + 0.05 * (1 - chance),
                    "held_out": "speaker+type" if rank and rank > 3 else "speaker",
                }
                found = LevelScores(
                    level,
                    method,
                    steps,
                    LAYERS,
                    values,
                    resampled if n_groups >= 6 else None,
                    ("T3",) * len(steps),
                    chance,
                    about,
                )
                rows, drawn = curve_rows(found)
                run = {"corpus": "dutch", "model": model}
                scores += [row | run for row in score_rows(found)]
                curves += [row | run for row in rows]
                draws.append(drawn.assign(**run))
    for model, height in {"mel": 0.5, "mfcc": 0.45}.items():
        for name, (tier, _, _, ceiling, rank) in levels.items():
            shared = {
                "corpus": "dutch",
                "model": model,
                "step": "final",
                "target": name,
                "metric": "accuracy",
                "n": 2181,
                "n_groups": n_groups,
                "probe": "ridge",
                "chance": 0.06,
                "tier": tier,
                "abstractness": rank,
                "held_out": "speaker",
                "n_classes": 35,
                "value": 0.5,
                "duration_alone": 0.1,
                "normalised": ceiling * height,
            }
            scores += [{**shared, "layer": layer} for layer in ("input", "selected")]
    scores, curves = pd.DataFrame(scores).reindex(columns=list(SCORE_COLUMNS)), pd.DataFrame(curves)
    return scores, curves.reindex(columns=list(CURVE_COLUMNS)), pd.concat(draws, ignore_index=True)


def tables(compare=(CALLED,), **planting):
    scores, curves, draws = planted(**planting)
    return {"table": scores, "curves": curves, "summary": summarise_encoding(curves, draws, compare)}


def context(compare=(CALLED,)):
    analysis = {"compare": [list(pair) for pair in compare]}
    study = STUDY | {"sources": {"dutch": "synthetic"}}
    return context_of("encoding", models=MODELS, analysis=analysis, study=study)


def write(folder, made, models=MODELS, shown=(*TRAINED, "mel", "mfcc"), called=CALLED):
    for name, table in made.items():
        write_table(table, folder / f"{name}.csv")
    inputs = {name: str(folder / f"{name}.csv") for name in made}
    entry = {"title": "Levels", "models": list(shown), "analysis": {"compare": [called]}}
    return run_script("encoding", folder, entry, inputs, models=models)


@pytest.fixture(scope="module")
def made():
    return tables()


@pytest.fixture(scope="module")
def whole(made):
    return draw_styled(figure, context(), **made)


def test_figure_names_levels_models_baselines_and_counts(whole):
    words = drawn(whole)
    for name in (
        "phone class",
        "syntactic depth",
        "phone, zero-shot",
        "HuBERT (Dutch)",
        "wav2vec 2.0 (Dutch)",
        "log-mel",
        "midpoint of the sigmoid",
        "Spread of midpoints",
        "Rank vs. midpoint",
        "Centre over layers",
    ):
        assert name in words
    joined = " ".join(words)
    assert "35 classes, n = 2,181 of 16 speakers" in joined
    assert "held out: speakers, words" in words
    assert "chance .06" in words
    assert "95 % interval over speakers" in joined


def test_notes_are_short_and_count_curves_without_a_fit(whole, made):
    curves, note = made["curves"], note_of(whole)
    rows = curves[(curves["metric"] == "midpoint") & (curves["verdict"] != "sigmoid")]
    for verdict, count in rows["verdict"].value_counts().items():
        assert f"{verdict}: {count}" in note
    assert all(len(note_of(page).split()) <= 60 for page in whole)


def test_compared_models_differ_by_a_value_with_its_interval(whole, made):
    summary, note = made["summary"], note_of(whole)
    assert "Spread, HuBERT (Dutch) − wav2vec 2.0 (Dutch): probe " in note
    for _, row in summary[summary["metric"] == "spread_difference"].iterrows():
        assert value_text(row) in note


def test_pages_are_by_theme(whole):
    # Probes, midpoints with summaries, zero-shot, maps.
    assert len(whole) == 4
    titles = [set(drawn(page)) for page in whole]
    assert {"phone class", "gender"} <= titles[0]
    assert {"Midpoint, probe", "Spread of midpoints"} <= titles[1]
    assert "phone, zero-shot" in titles[2]
    assert "HuBERT (Dutch)" in titles[3]


@pytest.fixture(scope="module")
def shown(made):
    with slide_style():
        return headline.draw(**made, context=context())


def test_the_slide_has_one_panel_per_compared_model_with_levels_labelled(shown):
    assert [" ".join(axes.get_title(loc="left").split()) for axes in shown.axes] == [
        "HuBERT (Dutch)",
        "wav2vec 2.0 (Dutch)",
    ]
    assert {"phone class", "phone", "syllable", "word", "number", "chance"} <= set(drawn(shown))
    assert not shown.legends


def test_the_slide_is_legible_and_its_title_is_the_finding(shown, made):
    assert faults(shown, SLIDE_MM) == []
    title = headline.describe_headline(**made, context=context())
    assert " ".join(shown.texts[0].get_text().split()) == title
    assert title.startswith("HuBERT (Dutch): levels rise ")


@pytest.mark.parametrize(("half", "separated"), [(0.1, True), (1e3, False)])
def test_the_headline_names_the_first_and_last_level_only_where_intervals_are_apart(made, half, separated):
    summary = made["summary"].copy()
    midpoints = summary["metric"] == "midpoint"
    summary.loc[midpoints, "ci_low"] = summary.loc[midpoints, "value"] - half
    summary.loc[midpoints, "ci_high"] = summary.loc[midpoints, "value"] + half
    title = headline.describe_headline(**{**made, "summary": summary}, context=context())
    times = title.split(";")[0]
    assert times.endswith(", not separated") is not separated
    assert ("(number)" in times) is separated


def with_summary(made, **changes):
    """Return tables in which the order of levels, or its correlation by probes, of the first model is given."""
    summary = made["summary"].copy()
    own = summary["model"] == "hubert-dutch"
    if "verdict" in changes:
        summary.loc[own & (summary["metric"] == "abstractness_order"), "verdict"] = changes["verdict"]
    if "correlation" in changes:
        rows = own & (summary["metric"] == "abstractness_midpoint") & (summary["probe"] == "ridge")
        summary.loc[rows, ["value", "ci_low", "ci_high"]] = changes["correlation"]
    return made | {"summary": summary}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"verdict": "later", "correlation": (0.8, 0.5, 1)}, "; abstract ones later (ρ .80 [.50, 1.00]); "),
        ({"verdict": "earlier", "correlation": (-0.8, -1, -0.5)}, "; abstract ones earlier (ρ −.80 [−1.00, −.50]); "),
        ({"correlation": (0.2, -0.5, 0.7)}, "; not ordered by abstractness (ρ .20 [−.50, .70]); "),
        ({"correlation": (0.8, 0.5, 1)}, "; no order stated (ρ .80 [.50, 1.00]); "),
    ],
)
def test_the_headline_states_an_order_only_with_a_verdict(made, changes, said):
    assert said in headline.describe_headline(**with_summary(made, **changes), context=context())


@pytest.mark.parametrize(("baseline", "n_above"), [(0.3, None), (0.99, 0)])
def test_the_headline_counts_levels_above_their_controls(made, baseline, n_above):
    table = made["table"].copy()
    final = table["step"] == "final"
    table.loc[final, ["normalised", "normalised_low", "normalised_high"]] = baseline, baseline - 0.01, baseline + 0.01
    found = headline.describe_headline(**made | {"table": table}, context=context())
    n = int(found.split("; ")[-1].split(" of ")[0])
    assert found.endswith(f"{n} of 7 end above controls")
    assert n == n_above if n_above is not None else n > 0


def test_slides_of_few_steps_of_one_model_and_of_tables_alone_are_legible(made):
    few = {name: LEVELS[name] for name in ("phone", "number")}
    poor = tables(compare=(), steps=("0", "4", "12"), n_groups=4, levels=few)
    for tables_of, entry in ((poor, context(())), (made, context_of("encoding"))):
        with slide_style():
            slide = headline.draw(**tables_of, context=entry)
        assert faults(slide, SLIDE_MM) == []
        assert len(slide.axes) == 1
    assert "no midpoints of two levels" in headline.describe_headline(**poor, context=context(()))
    assert "above" not in headline.describe_headline(**poor, context=context(()))


def test_a_slide_without_a_trained_model_is_refused(made):
    baselines = {name: table[table["model"] == "mel"] for name, table in made.items()}
    with pytest.raises(AnalysisError, match="expected probe scores of a trained model"):
        headline.draw(**baselines, context=context())


def test_figure_ships_its_tables_and_provenance(tmp_path, made):
    stem = write(tmp_path, made)
    shipped = pd.read_csv(f"{stem}.csv")
    assert {"accuracy", "abx_accuracy", "midpoint", "layer_centre", "midpoint_spread"} <= set(shipped["metric"])
    source = json.loads(Path(f"{stem}.json").read_text())
    assert source["tables"] == {f"{name}.csv": digest(tmp_path / f"{name}.csv") for name in made}


def test_encoding_lays_no_text_over_text(tmp_path, misplaced, made):
    write(tmp_path, made)
    assert misplaced == []


def test_two_corpora_and_seeds_are_drawn_without_text_over_text(tmp_path, misplaced):
    labels = {
        "hubert-dutch": "HuBERT (Dutch, mel)",
        "hubert-dutch-2": "HuBERT (Dutch, mel), seed 2",
        "hubert-dutch-iterated": "HuBERT (Dutch, 2nd iteration)",
        "hubert-nonspeech": "HuBERT (non-speech, mel)",
        "wav2vec2-dutch": "wav2vec 2.0 (Dutch)",
        "wav2vec2-dutch-2": "wav2vec 2.0 (Dutch), seed 2",
    }
    levels = {name: entry for name, entry in LEVELS.items() if name != "syntactic_depth"}
    scores, curves, draws = planted(trained=dict(zip(labels, (1, 0.98, 0.95, 0.3, 0.85, 0.8))), levels=levels)
    scores, curves, draws = (
        table.assign(corpus=table["corpus"].where(table["target"] != "number", "french"))
        for table in (scores, curves, draws)
    )
    made = {"table": scores, "curves": curves, "summary": summarise_encoding(curves, draws, [CALLED])}
    models = {name: {"label": label, "source": "trained"} for name, label in labels.items()}
    shown = (*labels, "mel", "mfcc")
    write(tmp_path, made, models | {name: MODELS[name] for name in ("mel", "mfcc")}, shown)
    assert misplaced == []


def test_a_study_of_few_steps_and_speakers_is_drawn_without_fits_or_intervals():
    few = {name: LEVELS[name] for name in ("phone", "number")}
    made = tables(compare=(), steps=("0", "4", "12"), n_groups=4, levels=few)
    words = " ".join(drawn(draw_styled(figure, context(()), **made)))
    assert "fewer than 6 steps: 15" in words
    assert "no fits" in words
    assert "fewer than 4 levels" in words
    sentence = figure.describe_finding(**made, context=context(()))
    assert "HuBERT (Dutch) ends without comparable intervals; largest difference on " in sentence


def test_tables_alone_are_drawn(made):
    words = drawn(figure.draw(**made))
    assert {"phone class", "hubert-dutch", "mel"} <= set(words)
    assert len(figure.drawn_rows(**made)) == sum(len(table) for table in made.values())


@pytest.mark.parametrize(
    ("baseline", "said"),
    [
        (0.3, "ends above its strongest control on "),
        (0.99, "ends below its strongest control on 7 of 7 levels, most on syntactic depth: "),
    ],
)
def test_the_finding_counts_levels_above_their_strongest_control(made, baseline, said):
    table = made["table"].copy()
    final = table["step"] == "final"
    table.loc[final, ["normalised", "normalised_low", "normalised_high"]] = baseline, baseline - 0.01, baseline + 0.01
    sentence = figure.describe_finding(**{**made, "table": table}, context=context())
    assert sentence.startswith(f"HuBERT (Dutch) {said}")
    first, order = sentence.split(". No order ")
    assert first.endswith(f"log-mel {number(baseline)}")
    assert order.startswith("of levels is stated: one seed (probe ρ ")
    assert len(sentence.split()) <= 45


def test_the_finding_states_where_no_level_is_separated(made):
    table = made["table"].copy()
    table["normalised_low"], table["normalised_high"] = -1.0, 1.0
    sentence = figure.describe_finding(**{**made, "table": table}, context=context())
    assert sentence.startswith("HuBERT (Dutch) ends not separated from its controls on 7 of 7 levels, most on ")


def test_without_a_trained_model_there_is_no_finding(made):
    baselines = {name: table[table["model"] == "mel"] for name, table in made.items()}
    assert figure.describe_finding(**baselines, context=context()) == ""


def test_caption_takes_models_and_numbers_from_the_study():
    targets = {"phone": {"abx": True, "abstractness": 1}, "gender": {"abx": False, "abstractness": None}}
    analysis = {"targets": targets, "n_folds": 4, "n_resamples": 1234, "max_items": 2400, "compare": [CALLED]}
    entry = {"name": "encoding", "title": "T", "models": CALLED, "analysis": analysis}
    caption = caption_of("encoding", {"figure": entry, "study": STUDY, "models": MODELS})
    assert "HuBERT (Dutch) and wav2vec 2.0 (Dutch)" in caption
    assert "Seen." in caption
    assert "zero-shot ABX" in caption
    assert "(1234 resamplings)" in caption
    assert "problematic" not in caption


def test_a_model_with_only_its_last_checkpoint_is_a_level_line(made, monkeypatch):
    lines = []
    monkeypatch.setattr("matplotlib.axes.Axes.axhline", lambda self, y=0, **style: lines.append(y))
    scores = made["table"]
    last = scores[scores["model"] == "mel"].assign(model="hubert-mandarin", layer="selected", normalised=0.77)
    untrained = last.assign(step="0", normalised=0.11)
    whole = draw_styled(figure, context(), **{**made, "table": pd.concat([scores, untrained, last])})
    # Two rows per level, of which the first is drawn.
    assert lines.count(0.77) == len(LEVELS)
    assert 0.11 not in lines
    assert "HuBERT (Mandarin)" in drawn(whole)


def test_another_trained_model_is_no_control_of_the_finding(made):
    table = made["table"]
    rows = table[table["model"] == "mel"].assign(
        model="published", normalised=1.0, normalised_low=1.0, normalised_high=1.0
    )
    models = {**context().models, "published": {"source": "hub", "label": "published"}}
    sentence = figure.describe_finding(
        **{**made, "table": pd.concat([table, rows])}, context=replace(context(), models=models, shown=())
    )
    assert sentence
    assert "published" not in sentence
