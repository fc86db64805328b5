"""The reduction figure with stability, all methods and several corpora, drawn as Snakemake draws it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_cases import caption_of, run_script, texts

from auscult.tables import RESULT_COLUMNS, write_table

MODELS = {
    "hubert-english": {"label": "HuBERT (English)", "source": "trained"},
    "mel": {"label": "log-mel", "source": "acoustic"},
}
MAPPED = [("hubert-english", "0", "T3"), ("hubert-english", "1500", "T3"), ("mel", "final", "input")]
METHODS = ("pca", "lda", "mds", "umap", "tsne")
FACTORS = ("phone_class", "speaker", "gender", "language")
CLASSES = ("vowel", "stop", "fricative", "nasal", "approximant", "affricate")
ANALYSIS = {
    "layers": ["T3"],
    "factors": list(FACTORS),
    "methods": list(METHODS),
    "tier": "phone",
    "n_neighbours": 15,
    "n_resamples": 1234,
    "n_seeds": 3,
}
STUDY = {"name": "default", "title": "", "seed": 1, "sources": {"english": "synthetic"}, "left_out": {}}


def coordinates_table(corpora, n_items=300):
    random, tables = np.random.default_rng(2), []
    for corpus, (model, step, layer), method in ((c, m, k) for c in corpora for m in MAPPED for k in METHODS):
        labels = random.choice(CLASSES, n_items)
        centres = dict(zip(CLASSES, random.normal(0, 1 if step == "0" else 2.5, (len(CLASSES), 2))))
        points = np.array([centres[label] for label in labels]) + random.normal(size=(n_items, 2))
        names = {"corpus": corpus, "model": model, "step": step, "layer": layer, "method": method, "part": "held-out"}
        tables.append(pd.DataFrame({"x": points[:, 0], "y": points[:, 1], "phone_class": labels}).assign(**names))
    return pd.concat(tables, ignore_index=True)


def quality_table(corpora, stability, n_groups=8):
    random, rows = np.random.default_rng(3), []
    for corpus, run, method in ((c, r, k) for c in corpora for r in MAPPED for k in ("none", *METHODS)):
        measured = [("silhouette", factor, random.uniform(-0.2, 0.4), -0.02) for factor in FACTORS]
        if method != "none":
            measured.append(("trustworthiness", "neighbourhood", random.uniform(0.75, 0.95), 0.5))
        if method != "none" and stability:
            measured.append(("stability", "neighbourhood", random.uniform(0.3, 0.7), 0.01))
            measured.append(("stability", "shape", random.uniform(0.7, 1), 0.0))
        for metric, target, value, chance in measured:
            width = 0.03 if n_groups >= 6 else np.nan
            row = [corpus, *run, target, metric, value, value - width, value + width, 750, n_groups]
            more = {"method": method, "resampling_unit": "speaker", "chance": chance}
            rows.append(dict(zip(RESULT_COLUMNS, row)) | more | {"n_seeds": 3 if metric == "stability" else 1})
    return pd.DataFrame(rows)


def draw(folder, corpora=("english",), stability=True, n_groups=8):
    write_table(quality_table(corpora, stability, n_groups), folder / "reduction.csv")
    write_table(coordinates_table(corpora), folder / "coordinates.parquet")
    figure = {"title": "Maps", "models": list(MODELS), "analysis": ANALYSIS}
    inputs = {"quality": str(folder / "reduction.csv"), "coordinates": str(folder / "coordinates.parquet")}
    return run_script("reduction", folder, figure, inputs, study=STUDY, models=MODELS)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return texts(draw(tmp_path_factory.mktemp("reduction")))


def test_stability_is_shown_for_every_method_beside_the_other_qualities(drawn):
    assert {"same neighbours", "same shape", "neighbourhood"} <= set(drawn)
    assert drawn.count("stability") == 2
    assert {"PCA", "LDA (supervised)", "MDS", "UMAP", "t-SNE"} <= set(drawn)


def test_the_note_says_what_stability_compares(drawn):
    assert any("Stability: agreement of 3 maps, each with its own seed" in text for text in [" ".join(drawn)])


def test_without_stability_nothing_is_said_of_it(tmp_path):
    words = " ".join(texts(draw(tmp_path, stability=False)))
    assert "tability" not in words
    assert "same shape" not in words


def test_the_table_beside_the_figure_holds_the_stability_drawn(tmp_path):
    stem = draw(tmp_path)
    table = pd.read_csv(f"{stem}.csv")
    assert (table["metric"] == "stability").sum() == len(MAPPED) * len(METHODS) * 2
    assert set(json.loads(Path(f"{stem}.json").read_text())["tables"]) == {"reduction.csv", "coordinates.parquet"}


def test_few_speakers_leave_out_the_intervals_and_say_so(tmp_path):
    assert any("no interval: 4 speakers" in text for text in [" ".join(texts(draw(tmp_path, n_groups=4)))])


@pytest.mark.parametrize("corpora", [("english",), ("english", "multilingual")])
def test_no_text_lies_over_text(tmp_path, misplaced, corpora):
    draw(tmp_path, corpora)
    assert misplaced == []


def test_the_caption_explains_stability_and_the_methods_that_are_special():
    figure = {"name": "reduction", "title": "T", "models": list(MODELS), "analysis": ANALYSIS}
    caption = caption_of("reduction", {"figure": figure, "study": STUDY, "models": MODELS})
    assert "Stability compares 3 maps of a method" in caption
    assert "MDS keeps distances to landmarks" in caption
    assert "t-SNE cannot place new items" in caption
    assert "problematic" not in caption


def test_without_a_factor_to_colour_by_the_figure_ends_in_one_line(tmp_path, monkeypatch, capsys):
    complete = coordinates_table
    monkeypatch.setattr(
        "test_reduction_figure.coordinates_table", lambda corpora: complete(corpora).drop(columns="phone_class")
    )
    with pytest.raises(SystemExit):
        draw(tmp_path)
    expected = "found none of phone_class, speaker, gender, language in the collected coordinates; name another factor"
    assert expected in capsys.readouterr().err
