"""The translation figure, drawn from planted tables of plausible shape as Snakemake draws it."""

import json
from pathlib import Path

import pandas as pd
import pytest
from figure_cases import STUDY, caption_of, run_script, texts
from places import REFERENCE
from translation_planted import PLANTED, study

from auscult.analyses.translation.analysis import _probe_rows, _share_rows, _table
from auscult.analyses.translation.settings import TranslationSettings
from auscult.analyses.translation.summary import summarise_translation
from auscult.figures.talk import headline_numbers
from auscult.manifests import digest
from auscult.tables import read_table, write_table

MODELS = {
    f"{condition}-{seed}": {"label": f"{condition} adapter, seed {seed}", "source": "translator"}
    for condition in PLANTED
    for seed in (1, 2)
} | {"mel": {"label": "log-mel", "source": "acoustic"}}
SETTINGS = {"n_probe": 40, "n_resamples": 100, "bar": 0.5, "baselines": ["mel"]}


def tables(n_speakers=8):
    items = study(PLANTED, PLANTED, n_speakers=n_speakers)
    parts = []
    for model, mine in items.groupby("model", sort=False):
        for step in ("0", "9") if model.endswith("1") else ("9",):
            rows = [*_share_rows(mine, 100, 0), *_probe_rows(mine, ("encoder",), 100, 0)]
            parts.append(_table(rows, {"corpus": "first-person", "model": model, "step": step}))
    frames = [row | {"layer": "input"} for row in _probe_rows(items[items["model"] == "low-1"], ("encoder",), 100, 0)]
    parts.append(_table(frames, {"corpus": "first-person", "model": "mel", "step": "final"}))
    return pd.concat(parts, ignore_index=True), summarise_translation(
        items, settings=TranslationSettings(n_resamples=100)
    )


@pytest.fixture(scope="module")
def made():
    return tables()


def draw(folder, made, models=None, bar=0.5):
    for name, table in zip(("translation", "summary"), made):
        write_table(table, folder / f"{name}.csv")
    inputs = {
        "table": str(folder / "translation.csv"),
        "summary": str(folder / "summary.csv"),
        "probes": str(REFERENCE / "fucci_2025.csv"),
        "accuracies": str(REFERENCE / "fucci_2025_accuracy.csv"),
    }
    figure = {
        "title": "Translation",
        "models": models or [name for name in MODELS if name != "mel"],
        "analysis": SETTINGS | {"bar": bar},
    }
    return run_script("translation", folder, figure, inputs, STUDY | {"sources": {"first-person": "synthetic"}}, MODELS)


def test_translation_states_counts_controls_and_what_was_resampled(tmp_path, made):
    drawn = texts(draw(tmp_path, made))
    words = " ".join(drawn)
    for title in (
        "Heard and written",
        "Control: voices dealt at random",
        "Women and men",
        "Before and after the adapter",
    ):
        assert drawn.count(title) == 1
    assert drawn.count("Not ours: published") == 2
    assert "9 points, R²" in words
    assert "95 % interval over speakers" in words
    assert "of points, .167 of models" in words
    assert "all at or above the bar of 0.5" in words
    assert "Study “default”, synthesised speech (first-person)." in words
    assert {"untrained", "log-mel", "chance", "share of masculine forms"} <= set(drawn)


def test_a_model_below_the_bar_is_named(tmp_path, made):
    low = made[1].copy()
    low.loc[low["metric"] == "exact_match_but_gender", "value"] = 0.3
    assert "below the bar of 0.5: low, middle, high" in " ".join(texts(draw(tmp_path, (made[0], low))))


def test_published_values_are_those_of_the_tables():
    lines = (REFERENCE / "fucci_2025.csv").read_text().splitlines()
    assert "enc-dec,encoder,en-es,93.14,reported" in lines
    assert len(lines) == 16
    assert "Seamless,14.33,90.25,53.35" in (REFERENCE / "fucci_2025_accuracy.csv").read_text()


def test_few_speakers_have_no_interval(tmp_path):
    words = " ".join(texts(draw(tmp_path, tables(n_speakers=4))))
    assert "no interval: 4 speakers" in words


def test_a_model_without_results_ends_in_one_line(tmp_path, made, capsys):
    MODELS["absent-1"] = {"label": "absent", "source": "translator"}
    try:
        with pytest.raises(SystemExit):
            draw(tmp_path, made, ["absent-1"])
    finally:
        del MODELS["absent-1"]
    assert "auscult: expected model 'absent' in" in capsys.readouterr().err


def test_translation_drawn_twice_has_the_same_bytes_and_names_its_sources(tmp_path, made):
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        stems.append(draw(folder, made))
    for ending in ("pdf", "svg", "png", "csv", "json"):
        assert digest(Path(f"{stems[0]}.{ending}")) == digest(Path(f"{stems[1]}.{ending}")), ending
    assert set(json.loads(Path(f"{stems[0]}.json").read_text())["tables"]) == {
        "translation.csv",
        "summary.csv",
        "fucci_2025.csv",
        "fucci_2025_accuracy.csv",
    }


def test_translation_lays_no_text_over_text(tmp_path, made, misplaced):
    draw(tmp_path, made)
    assert misplaced == []


def test_the_caption_takes_its_numbers_from_the_study():
    figure = {"name": "translation", "title": "T", "models": ["low-1", "high-1"], "analysis": SETTINGS}
    caption = caption_of("translation", {"figure": figure, "study": STUDY, "models": MODELS})
    assert "trained on 40 training utterances" in caption
    assert "100 resamplings of speakers" in caption
    assert "problematic" not in caption


def test_no_number_of_translation_hides_another_in_the_metrics(tmp_path, made):
    draw(tmp_path, made)
    numbers = headline_numbers([read_table(tmp_path / "figures" / "translation.csv")])
    assert set(numbers["r_squared"]["c"]["all"]) == {"none", "shuffled"}
    assert set(numbers["gender_accuracy"]["c"]) == {"all", "french", "italian", "spanish"}
