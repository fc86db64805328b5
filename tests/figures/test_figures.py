"""Figure scripts run on tables of the agreed form, as Snakemake runs them: with an injected object."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_cases import (
    LAYERS,
    MODELS,
    PANELS,
    STUDY,
    caption_of,
    draw_probing,
    probing_table,
    run_script,
    texts,
)

from auscult.manifests import digest
from auscult.tables import RESULT_COLUMNS, write_table

METHODS = ("pca", "lda", "umap")
MAPPED = [("hubert-english", "0", "T3"), ("hubert-english", "1500", "T3"), ("mel", "final", "input")]
CLASSES = ("vowel", "stop", "fricative", "nasal", "approximant", "affricate", "silence")


def coordinates_table(n_items=1500, classes=CLASSES):
    random, tables = np.random.default_rng(2), []
    for model, step, layer in MAPPED:
        for method in METHODS:
            labels = random.choice(classes, n_items)
            centres = dict(zip(classes, random.normal(0, 1 if step == "0" else 2.5, (len(classes), 2))))
            points = np.array([centres[label] for label in labels]) + random.normal(size=(n_items, 2))
            columns = {"corpus": "english", "model": model, "step": step, "layer": layer, "method": method}
            part = np.where(np.arange(n_items) % 2, "held-out", "fit")
            factors = {"phone_class": labels, "part": part}
            tables.append(pd.DataFrame({"x": points[:, 0], "y": points[:, 1], **factors}).assign(**columns))
    return pd.concat(tables, ignore_index=True)


def quality_rows(model, step, layer, method, value, metric, target, n_groups):
    width = 0.03 if n_groups >= 6 else np.nan
    row = ["english", model, step, layer, target, metric, value, value - width, value + width, 750, n_groups]
    chance = 0.5 if metric == "trustworthiness" else -0.02
    return dict(zip(RESULT_COLUMNS, row)) | {"method": method, "resampling_unit": "speaker", "chance": chance}


def quality_table(n_groups=8):
    random, rows = np.random.default_rng(3), []
    for run in MAPPED:
        for method in ("none", *METHODS):
            for factor in ("phone_class", "speaker", "gender", "language"):
                rows.append(quality_rows(*run, method, random.uniform(-0.2, 0.4), "silhouette", factor, n_groups))
            if method != "none":
                value = random.uniform(0.75, 0.95)
                rows.append(quality_rows(*run, method, value, "trustworthiness", "neighbourhood", n_groups))
    return pd.DataFrame(rows)


def draw_reduction(folder, quality, coordinates, figure=None, **more):
    write_table(quality, folder / "reduction.csv")
    write_table(coordinates, folder / "coordinates.parquet")
    inputs = {"quality": str(folder / "reduction.csv"), "coordinates": str(folder / "coordinates.parquet")}
    analysis = {"layers": ["T3"], "factors": ["phone_class", "speaker", "gender"]}
    figure = figure or {"title": "Maps", "models": ["hubert-english", "mel"], "analysis": analysis}
    return run_script("reduction", folder, figure, inputs, **more)


@pytest.fixture(scope="module")
def probing(tmp_path_factory):
    return texts(draw_probing(tmp_path_factory.mktemp("probing"), probing_table()))


@pytest.fixture(scope="module")
def reduction(tmp_path_factory):
    return texts(draw_reduction(tmp_path_factory.mktemp("reduction"), quality_table(), coordinates_table()))


def test_probing_states_counts_speakers_and_resampling_of_every_panel(probing):
    assert "english · phone" in probing
    assert "multilingual · language" in probing
    assert "39 classes · n = 12,480 of 16 speakers" in probing
    assert probing.count("held out: speakers · 95 % interval over speakers") == 4


def test_probing_names_every_control(probing):
    names = (
        "HuBERT (English)",
        "HuBERT (English), untrained",
        "untrained",
        "log-mel",
        "time",
        "chance",
        "control: shuffled labels",
    )
    assert all(name in probing for name in names)
    assert any("Study “default”, synthesised speech (english, multilingual)." in text for text in probing)


def test_probing_writes_the_value_and_layer_of_each_model(tmp_path):
    table = probing_table([("english", "phone")])
    drawn = texts(draw_probing(tmp_path, table))
    row = table.query("layer == 'selected' and labels == 'true' and model == 'hubert-english' and step == '1500'").iloc[
        0
    ]
    assert f"{row['value']:.2f} {row['selected_layer']}" in drawn


def test_probing_with_too_few_speakers_says_so_and_draws_no_interval(tmp_path):
    stem = draw_probing(tmp_path, probing_table([("english", "phone")], n_groups=3))
    assert "held out: speakers · no interval: 3 speakers" in texts(stem)


def test_probing_draws_only_the_models_asked_for(tmp_path):
    figure = {"title": "One", "models": ["mel", "hubert-english"]}
    stem = draw_probing(tmp_path, probing_table([("english", "phone")]), figure)
    assert "wav2vec 2.0 (English)" not in texts(stem)
    assert set(pd.read_csv(f"{stem}.csv")["model"]) == {"mel", "hubert-english"}


def test_probing_of_a_model_without_results_ends_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit):
        draw_probing(tmp_path, probing_table([("english", "phone")]), {"title": "", "models": ["absent"]})
    assert "auscult: expected model 'absent' in" in capsys.readouterr().err
    assert not (tmp_path / "figures").exists()


def test_reduction_says_what_is_supervised_and_how_many_points_there_are(reduction):
    assert "LDA (supervised)" in reduction
    assert "english, T3, n = 750" in reduction
    assert "english, input, n = 750" in reduction
    assert any("one point is one held-out segment, coloured by phone class" in text for text in reduction)


def test_reduction_shows_quality_of_every_factor_with_its_interval(reduction):
    assert all(factor in reduction for factor in ("phone class", "speaker", "gender", "language", "neighbourhood"))
    assert "trustworthiness" in reduction
    assert "layer itself" in reduction
    assert any("95 % interval over speakers" in text for text in reduction)


@pytest.mark.parametrize("name", ["probing", "reduction"])
def test_a_figure_drawn_twice_has_the_same_bytes_and_names_its_sources(tmp_path, name):
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        if name == "probing":
            stems.append(draw_probing(folder, probing_table([("english", "phone")])))
        else:
            stems.append(draw_reduction(folder, quality_table(), coordinates_table(200)))
    for ending in ("pdf", "svg", "png", "csv", "json"):
        assert digest(Path(f"{stems[0]}.{ending}")) == digest(Path(f"{stems[1]}.{ending}")), ending
    source = json.loads(Path(f"{stems[0]}.json").read_text())
    assert set(source["corpora"]) == {"english"}
    assert set(source["models"]) == {"hubert-english/1500"}


@pytest.mark.parametrize("panels", [1, 3])
@pytest.mark.parametrize("layers", [LAYERS, ("cnn", "embed", *(f"T{i}" for i in range(1, 25)))])
def test_probing_lays_no_text_over_text(tmp_path, misplaced, panels, layers):
    draw_probing(tmp_path, probing_table(PANELS[:panels], layers=layers))
    assert misplaced == []


def test_reduction_lays_no_text_over_text(tmp_path, misplaced):
    draw_reduction(tmp_path, quality_table(), coordinates_table(200))
    assert misplaced == []


@pytest.mark.parametrize("name", ["probing", "reduction"])
def test_captions_take_their_numbers_from_the_study(name):
    analysis = {"probe": "ridge", "n_folds": 4, "n_resamples": 1234, "tier": "phone"}
    analysis |= {"n_neighbours": 15, "factors": ["phone_class"]}
    figure = {"name": name, "title": "T", "models": ["hubert-english", "mel"], "analysis": analysis}
    caption = caption_of(f"{name}", {"figure": figure, "study": STUDY, "models": MODELS})
    assert "1,234 resamplings" in caption
    assert "problematic" not in caption


def test_probing_can_show_baselines_alone(tmp_path):
    runs = [("mel", "final"), ("mfcc", "final")]
    stem = draw_probing(tmp_path, probing_table(runs=runs))
    assert "log-mel" in stem.with_suffix(".svg").read_text()
