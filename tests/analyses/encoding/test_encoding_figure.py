"""The encoding figure, drawn from planted tables as Snakemake draws it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_cases import STUDY, caption_of, run_script, texts

from auscult.analyses.encoding.analysis import CURVE_COLUMNS, SCORE_COLUMNS
from auscult.analyses.encoding.curves import curve_rows
from auscult.analyses.encoding.summary import summarise_encoding
from auscult.analyses.encoding.sweep_scores import LevelScores, score_rows
from auscult.dynamics.curves import doublings
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


def planted(steps=STEPS, n_groups=16, levels=LEVELS):
    rng, scores, curves, draws = np.random.default_rng(0), [], [], []
    x = doublings([float(step) for step in steps], 25)
    for model, height in TRAINED.items():
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
                "normalised": ceiling * height,
            }
            scores += [{**shared, "layer": layer} for layer in ("input", "selected")]
    scores, curves = pd.DataFrame(scores).reindex(columns=list(SCORE_COLUMNS)), pd.DataFrame(curves)
    return scores, curves.reindex(columns=list(CURVE_COLUMNS)), pd.concat(draws, ignore_index=True)


def draw(folder, scores, curves, draws, compare=(CALLED,)):
    tables = {"scores": scores, "curves": curves, "summary": summarise_encoding(curves, draws, compare)}
    for name, table in tables.items():
        write_table(table, folder / f"{name}.csv")
    inputs = {name: str(folder / f"{name}.csv") for name in tables}
    figure = {"title": "Levels", "analysis": {"compare": [list(pair) for pair in compare]}}
    study = STUDY | {"sources": {"dutch": "synthetic"}}
    return run_script("encoding", folder, figure, inputs, study=study, models=MODELS)


@pytest.fixture(scope="module")
def stem(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("encoding"), *planted())


def test_figure_names_levels_models_baselines_and_what_they_rest_on(stem):
    words = texts(stem)
    for name in (
        "phone class",
        "syntactic depth",
        "phone, zero-shot",
        "HuBERT (Dutch)",
        "wav2vec 2.0 (Dutch)",
        "log-mel",
    ):
        assert name in words
    joined = " ".join(words)
    assert "35 classes, n = 2,181 of 16 speakers" in joined
    assert "held out: speakers, words · chance 0.06" in joined
    assert "95 % interval over speakers" in joined
    assert "midpoint of a sigmoid that fits" in words


def test_figure_says_how_many_curves_have_no_fit_and_why(stem):
    note = " ".join(texts(stem))
    curves = pd.read_csv(stem.parents[1] / "curves.csv")
    rows = curves[(curves["metric"] == "midpoint") & (curves["verdict"] != "sigmoid")]
    for verdict, count in rows["verdict"].value_counts().items():
        assert f"{verdict}: {count}" in note


def test_figure_tells_how_compared_models_differ_with_an_interval(stem):
    joined = " ".join(texts(stem))
    assert "HuBERT (Dutch) − wav2vec 2.0 (Dutch)" in joined
    summary = pd.read_csv(stem.parents[1] / "summary.csv")
    row = summary[(summary["metric"] == "spread_difference") & (summary["probe"] == "ridge")].iloc[0]
    assert f"{row['value']:.2f} [{row['ci_low']:.2f}, {row['ci_high']:.2f}]".replace("-", "−") in joined


def test_figure_ships_its_tables_and_provenance(stem):
    shipped = pd.read_csv(f"{stem}.csv")
    assert {"accuracy", "abx_accuracy", "midpoint", "layer_centre", "midpoint_spread"} <= set(shipped["metric"])
    source = json.loads(Path(f"{stem}.json").read_text())
    folder = stem.parents[1]
    assert source["tables"] == {
        f"{name}.csv": digest(folder / f"{name}.csv") for name in ("scores", "curves", "summary")
    }


def test_encoding_lays_no_text_over_text(tmp_path, misplaced):
    draw(tmp_path, *planted())
    assert misplaced == []


def test_a_study_of_few_steps_and_speakers_is_drawn_without_fits_or_intervals(tmp_path):
    few = {name: LEVELS[name] for name in ("phone", "number")}
    stem = draw(tmp_path, *planted(steps=("0", "4", "12"), n_groups=4, levels=few), compare=())
    words = " ".join(texts(stem))
    assert "fewer than 6 steps: 15" in words
    assert "no curve has a fit" in words
    assert "fewer than 4 levels" in words


def test_caption_takes_levels_and_numbers_from_the_study():
    targets = {"phone": {"abstractness": 1}, "syntactic_depth": {"abstractness": 5}, "gender": {"abstractness": None}}
    analysis = {"targets": targets, "n_folds": 4, "n_resamples": 1234, "max_items": 2400, "compare": [CALLED]}
    figure = {"name": "encoding", "title": "T", "models": CALLED, "analysis": analysis}
    caption = caption_of("encoding", {"figure": figure, "study": STUDY, "models": MODELS})
    assert "phone (1), syntactic depth (5)" in caption
    assert "For contrast, and in no order: gender." in caption
    assert "of HuBERT (Dutch) and wav2vec 2.0 (Dutch)" in caption
    assert "1,234 resamplings of whole speakers" in caption
    assert "problematic" not in caption


def test_a_model_of_which_the_last_checkpoint_alone_is_published_is_a_level_line(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr("matplotlib.axes.Axes.axhline", lambda self, y=0, **style: lines.append(y))
    scores, curves, draws = planted()
    last = scores[scores["model"] == "mel"].assign(model="hubert-mandarin", layer="selected", normalised=0.77)
    untrained = last.assign(step="0", normalised=0.11)
    stem = draw(tmp_path, pd.concat([scores, untrained, last]), curves, draws)
    assert lines.count(0.77) == len(LEVELS)
    assert 0.11 not in lines
    assert "HuBERT (Mandarin)" in texts(stem)
