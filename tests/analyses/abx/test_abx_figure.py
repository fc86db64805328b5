"""The ABX figure, drawn from planted tables as Snakemake draws it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_cases import LAYERS, LEVEL, MODELS, RUNS, STUDY, caption_of, probing_table, run_script, texts
from places import REFERENCE

from auscult.analyses.abx.agreement import rank_agreement
from auscult.analyses.abx.analysis import ABX_COLUMNS
from auscult.manifests import digest
from auscult.tables import write_table

PUBLISHED = REFERENCE / "de_heer_kloots_2025.csv"
CONDITIONS = (("in", "within"), ("in", "across"), ("any", "within"), ("any", "across"))


def abx_table(targets=("phone",), layers=LAYERS, n_groups=16):
    """Return ABX rows in which the middle layers are best, as for the probe, but not in the same order."""
    random, rows = np.random.default_rng(2), []
    for target in targets:
        for context, speaker in CONDITIONS:
            for model, step in RUNS:
                names = layers if MODELS[model]["source"] == "trained" else ("input",)
                top = 0.5 + 0.45 * LEVEL[model] * (1 if step != "0" else 0.5) - 0.04 * (speaker == "across")
                shape = np.sin(np.linspace(0.9, 2.8, len(names))) ** 0.3 if len(names) > 1 else np.ones(1)
                for name, value in zip(names, top * shape + random.normal(0, 0.006, len(names))):
                    rows.append(row(target, context, speaker, model, step, name, value, n_groups))
    return pd.DataFrame(rows)[list(ABX_COLUMNS)]


def row(target, context, speaker, model, step, layer, value, n_groups):
    width = 0.015 if n_groups >= 6 else np.nan
    return {
        "corpus": "english",
        "model": model,
        "step": step,
        "layer": layer,
        "target": target,
        "metric": "abx_accuracy",
        "value": value,
        "ci_low": value - width,
        "ci_high": value + width,
        "n": 8134,
        "n_groups": n_groups,
        "tier": "phone",
        "context": context,
        "speaker": speaker,
        "distance": "cosine",
        "chance": 0.5,
        "resampling_unit": "speaker",
        "n_contrasts": 1120,
        "n_cells": 20000,
        "n_possible_cells": 53211,
        "n_triples": 913321,
    }


def draw(folder, abx, probing=None, figure=None):
    probing = probing_table([("english", target) for target in abx["target"].unique()]) if probing is None else probing
    tables = {"abx": abx, "probing": probing, "agreement": rank_agreement(abx, probing)}
    for name, table in tables.items():
        write_table(table, folder / f"{name}.csv")
    inputs = {name: str(folder / f"{name}.csv") for name in tables} | {"published": str(PUBLISHED)}
    return run_script("abx", folder, figure or {"title": "ABX"}, inputs)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return texts(draw(tmp_path_factory.mktemp("abx"), abx_table()))


def test_abx_states_counts_speakers_and_resampling_of_its_panels(drawn):
    words = " ".join(drawn)
    assert "ABX, across speakers" in words
    assert words.count("cosine · 1,120 contrasts, 20,000 cells") == 2
    assert words.count("n = 8,134 of 16 speakers") == 2
    assert "n = 12,480 of 16 speakers" in words
    assert words.count("95 % interval over speakers") == 3


def test_abx_names_every_model_condition_and_how_many_were_ranked(drawn):
    for name in ("HuBERT (English)", "HuBERT (English), untrained", "log-mel", "chance", "over models"):
        assert name in drawn
    assert "ρ: in context, within speaker" in drawn
    assert "n = 8" in drawn
    assert any(text.startswith("n = 6 · T") for text in drawn)


def test_published_numbers_stand_in_panels_of_their_own(drawn):
    assert {"Not ours: published ABX", "Not ours: published probe", "Not ours: both"} <= set(drawn)
    assert "read by eye off the slides," in " ".join(drawn)
    assert "published: Dutch" in drawn


def test_abx_with_too_few_speakers_says_so(tmp_path):
    words = " ".join(texts(draw(tmp_path, abx_table(n_groups=3))))
    assert "n = 8,134 of 3 speakers no interval: 3 speakers" in words


def test_abx_of_a_target_that_was_not_probed_says_so(tmp_path):
    probing = probing_table([("english", "speaker")])
    assert "not probed for this target" in " ".join(texts(draw(tmp_path, abx_table(), probing)))


@pytest.fixture
def with_item_file():
    """Return ABX rows of a probed target and of an item file, and the probe's."""
    abx = abx_table(("phone", "triphone"))
    abx.loc[abx["target"] == "triphone", "distance"] = "angular, dtw"
    return abx, probing_table([("english", "phone")])


def test_item_files_that_were_not_probed_are_drawn_beside_a_target_that_was(tmp_path, with_item_file):
    words = " ".join(texts(draw(tmp_path, *with_item_file)))
    assert "angular, dtw · 1,120 contrasts" in words
    assert "not probed for this target" in words


def test_panels_of_item_files_lay_no_text_over_text(tmp_path, misplaced, with_item_file):
    draw(tmp_path, *with_item_file)
    assert misplaced == []


def test_abx_of_a_model_without_results_ends_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit):
        draw(tmp_path, abx_table(), figure={"title": "", "models": ["absent"]})
    assert "auscult: expected model 'absent' in" in capsys.readouterr().err


def test_abx_drawn_twice_has_the_same_bytes_and_names_its_sources(tmp_path):
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        stems.append(draw(folder, abx_table()))
    for ending in ("pdf", "svg", "png", "csv", "json"):
        assert digest(Path(f"{stems[0]}.{ending}")) == digest(Path(f"{stems[1]}.{ending}")), ending
    tables = json.loads(Path(f"{stems[0]}.json").read_text())["tables"]
    assert set(tables) == {"abx.csv", "probing.csv", "agreement.csv", "de_heer_kloots_2025.csv"}


@pytest.mark.parametrize("targets", [("phone",), ("phone", "gender")])
@pytest.mark.parametrize("layers", [LAYERS, ("cnn", "embed", *(f"T{i}" for i in range(1, 25)))])
def test_abx_lays_no_text_over_text(tmp_path, misplaced, targets, layers):
    probing = probing_table([("english", target) for target in targets], layers=layers)
    draw(tmp_path, abx_table(targets, layers), probing)
    assert misplaced == []


def test_the_caption_takes_its_numbers_from_the_study():
    triphone = {"items": "dev.item", "frames": "dtw", "distance": "angular"}
    targets = {"phone": {"tier": "phone", "column": "label"}, "triphone": triphone}
    analysis = {"distance": "cosine", "n_resamples": 1234, "max_cells": 20000, "targets": targets}
    figure = {"name": "abx", "title": "T", "models": ["hubert-english", "mel"], "analysis": analysis}
    caption = caption_of("abx", {"figure": figure, "study": STUDY, "models": MODELS})
    assert "1,234 resamplings of speakers: across speakers a cell counts" in caption
    assert "as that of X. The items of triphone come from a file: sequences of frames" in caption
    assert "The items of phone" not in caption
    assert "more than 20000 cells" in caption
    assert "problematic" not in caption
