"""The figure of representation-space comparisons, on tables of the agreed form with plausible numbers."""

import json
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_cases import LAYERS, MODELS, STUDY, caption_of, run_script, texts

from auscult.analyses.similarity.analysis import SIMILARITY_COLUMNS
from auscult.manifests import digest
from auscult.tables import write_table

RUNS = [("hubert-english", "0"), ("hubert-english", "1500"), ("w2v2-english", "0"), ("w2v2-english", "1500")]
REFERENCES = {"mel": 0.75, "phone": 0.35, "articulatory": 0.5, "word": 0.2, "lexical": 0.15}
RSA = {
    "distance": "cosine",
    "correlation": "spearman",
    "n_conditions": 39,
    "ceiling_low": 0.82,
    "ceiling_high": 0.88,
    "resampling_unit": "speaker and condition",
}
SHOWN = ["hubert-english", "w2v2-english", "mel", "mfcc"]


def make_row(model, step, layer, target, metric, value, width=0.03, n_groups=16, **more):
    width = width if n_groups >= 6 else np.nan
    row = {
        "corpus": "english",
        "model": model,
        "step": step,
        "layer": layer,
        "target": target,
        "metric": metric,
        "value": value,
        "ci_low": value - width,
        "ci_high": value + width,
        "n": 3000,
        "n_groups": n_groups,
        "resampling_unit": "speaker",
    }
    return row | more


def matrix_rows(layers, one, other, target, **more):
    random = np.random.default_rng(1)
    for (i, a), (j, b) in product(enumerate(layers), repeat=2):
        if target == "models" or i <= j:
            alike = np.exp(-abs(i - j) / (2 if one[1] != "0" else 6)) * (1 if target == "layers" else 0.7)
            about = {"other_model": other[0], "other_step": other[1], "other_layer": b}
            value = alike * random.uniform(0.95, 1) if i != j or target == "models" else 1
            yield make_row(*one, a, target, "cka", value, 0.01, **about, **more)


def reference_rows(run, layers, references=tuple(REFERENCES), **more):
    random, depth = np.random.default_rng(len(run[0])), np.linspace(0, 1, len(layers))
    for target, top in ((name, REFERENCES[name]) for name in references):
        shape = 1 - 0.7 * depth if target == "mel" else 0.3 + 0.7 * np.sin(3 * depth * 0.9)
        shape = shape if run[1] != "0" else np.full(len(layers), 0.35)
        for metric in ("cka", "rsa", "pwcca"):
            rsa = RSA if metric == "rsa" else {}
            if target in ("phone", "word") and metric == "rsa":
                continue
            curve = (
                top
                * shape
                * random.uniform(0.7, 1)
                * (1.25 if metric == "pwcca" else 1)
                * random.uniform(0.95, 1, len(layers))
            )
            for layer, value in zip(layers, curve):
                yield make_row(*run, layer, target, metric, value, chance=random.normal(0, 0.01), **rsa, **more)


def similarity_table(layers=LAYERS, runs=RUNS, references=tuple(REFERENCES), **more):
    rows = [row for run in runs for row in matrix_rows(layers, run, run, "layers", **more)]
    rows += [row for run in runs for row in reference_rows(run, layers, references, **more)]
    for run in (("mel", "final"), ("mfcc", "final")):
        rows += reference_rows(run, ("input",), references, **more)
    trained = [run for run in runs if run[1] != "0"]
    for model, step in trained:
        rows += matrix_rows(layers, (model, step), (model, "0"), "models", **more)
    for one, other in combinations(trained, 2):
        rows += matrix_rows(layers, one, other, "models", **more)
    return pd.DataFrame(rows).reindex(columns=SIMILARITY_COLUMNS)


def draw(folder, table, figure=None, **more):
    write_table(table, folder / "similarity.csv")
    figure = figure or {"title": "Similarity", "models": SHOWN}
    return run_script("similarity", folder, figure, {"table": str(folder / "similarity.csv")}, **more)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return texts(draw(tmp_path_factory.mktemp("similarity"), similarity_table()))


def test_it_shows_trained_and_untrained_layers_and_two_models(drawn):
    assert all(title in drawn for title in ("HuBERT (English)", "the same, untrained", "two models"))
    assert drawn.count("wav2vec 2.0 (English)") == 2
    assert drawn.count("english · n = 3,000, 16 speakers") == 3
    assert drawn.count("95 % interval: ± 0.01 at most") == 3


def test_it_names_every_reference_measure_and_control(drawn):
    assert all(f"to {name}" in drawn for name in REFERENCES)
    assert all(name in drawn for name in ("CKA", "RSA", "PWCCA,", "log-mel", "MFCC", "chance: shuffled items"))
    assert any("Study “default”, synthesised speech (english)." in text for text in drawn)
    assert any("(39 labels)" in text for text in drawn)


def test_rsa_against_one_hot_labels_is_said_to_be_undefined(drawn):
    assert drawn.count("undefined: labels") == 2
    assert "CKA, unbiased over speakers" in drawn


def test_groups_of_speakers_are_not_called_speakers(tmp_path):
    table = similarity_table(runs=RUNS[:2], references=["mel"]).assign(resampling_unit="speaker group", n_groups=40)
    found = texts(draw(tmp_path, table, {"models": ["hubert-english", "mel"]}))
    assert found.count("english · n = 3,000, 40 speaker groups") == 3
    assert not any(text.endswith("40 speakers") for text in found)


def test_measures_left_out_for_a_property_of_the_speaker_are_said_to_be(tmp_path):
    table = similarity_table(runs=RUNS[:2], references=["mel", "phone"])
    table = table[~((table["target"] == "mel") & table["metric"].isin(["pwcca", "cka"]))]
    found = texts(draw(tmp_path, table, {"models": ["hubert-english", "mel"]}))
    assert {"left out: a property of", "undefined: no two"} <= set(found)


def test_a_single_model_is_compared_with_its_untrained_self(tmp_path):
    table = similarity_table(runs=RUNS[:2], references=["mel"])
    assert "trained × untrained" in texts(draw(tmp_path, table, {"models": ["hubert-english", "mel"]}))


def test_too_few_speakers_give_no_interval_and_say_so(tmp_path):
    found = texts(draw(tmp_path, similarity_table(references=["mel"], n_groups=4)))
    assert found.count("no interval: 4 speakers") == 3


def test_a_model_without_results_ends_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit):
        draw(tmp_path, similarity_table(references=["mel"]), {"models": ["absent"]})
    assert "auscult: expected model 'absent' in" in capsys.readouterr().err


def test_drawn_twice_it_has_the_same_bytes_and_names_its_sources(tmp_path):
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        stems.append(draw(folder, similarity_table(references=["mel"])))
    for ending in ("pdf", "svg", "png", "csv", "json"):
        assert digest(Path(f"{stems[0]}.{ending}")) == digest(Path(f"{stems[1]}.{ending}")), ending
    assert set(json.loads(Path(f"{stems[0]}.json").read_text())["corpora"]) == {"english"}


@pytest.mark.parametrize("layers", [LAYERS, ("cnn", "embed", *(f"T{i}" for i in range(1, 13)))])
def test_no_text_lies_over_text(tmp_path, misplaced, layers):
    draw(tmp_path, similarity_table(layers=layers))
    assert misplaced == []


def test_the_caption_takes_its_numbers_from_the_study():
    analysis = {"n_items": 3000, "references": REFERENCES, "measures": {"n_resamples": 1234, "max_conditions": 80}}
    figure = {"name": "similarity", "title": "T", "models": SHOWN, "analysis": analysis}
    caption = caption_of("similarity", {"figure": figure, "study": STUDY, "models": MODELS})
    assert "1,234 resamplings" in caption
    assert "problematic" not in caption
