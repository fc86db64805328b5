"""The translation figure, drawn from planted tables: panels, controls, note, finding, files and caption."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_cases import STUDY, caption_of, context_of, draw_styled, drawn, note_of, run_script
from places import REFERENCE
from translation_planted import PLANTED, study

from auscult.analyses.translation import figure as translation
from auscult.analyses.translation.analysis import _probe_rows, _share_rows, _table
from auscult.analyses.translation.settings import TranslationSettings
from auscult.analyses.translation.summary import summarise_translation
from auscult.errors import AnalysisError
from auscult.figures import plotting
from auscult.figures.talk import headline_numbers
from auscult.manifests import digest
from auscult.tables import read_table, write_table

MODELS = {
    f"{condition}-{seed}": {"label": f"{condition} adapter, seed {seed}", "source": "translator"}
    for condition in PLANTED
    for seed in (1, 2)
} | {"mel": {"label": "log-mel", "source": "acoustic"}}
PUBLISHED = (("probes", ""), ("accuracies", "_accuracy"))
SETTINGS = {"n_probe": 40, "n_resamples": 100, "bar": 0.5, "baselines": ["mel"]}


def tables(n_speakers=8, accuracy=PLANTED):
    """Return the four tables of the figure; by default, gender accuracy follows the probe."""
    items = study(accuracy, PLANTED, n_speakers=n_speakers)
    parts = []
    for model, mine in items.groupby("model", sort=False):
        for step in ("0", "9") if model.endswith("1") else ("9",):
            rows = [*_share_rows(mine, 100, 0), *_probe_rows(mine, ("encoder",), 100, 0)]
            parts.append(_table(rows, {"corpus": "first-person", "model": model, "step": step}))
    frames = [row | {"layer": "input"} for row in _probe_rows(items[items["model"] == "low-1"], ("encoder",), 100, 0)]
    parts.append(_table(frames, {"corpus": "first-person", "model": "mel", "step": "final"}))
    summary = summarise_translation(items, settings=TranslationSettings(n_resamples=100))
    published = {name: read_table(REFERENCE / f"fucci_2025{end}.csv") for name, end in PUBLISHED}
    return {"table": pd.concat(parts, ignore_index=True), "summary": summary, **published}


@pytest.fixture(scope="module")
def made():
    return tables()


def context(models=tuple(name for name in MODELS if name != "mel"), bar=0.5):
    study_entry = STUDY | {"sources": {"first-person": "synthetic"}}
    return context_of("translation", MODELS, models, SETTINGS | {"bar": bar}, study_entry)


def finding(made):
    return translation.describe_finding(**made, context=context())


def test_counts_controls_and_the_resampled_unit_are_stated(made):
    figure = draw_styled(translation, context(), **made)
    shown, note = drawn(figure), note_of(figure)
    words = " ".join(shown)
    for title in (
        "Probe F1 vs. gender accuracy",
        "Control: shuffled genders",
        "Women and men",
        "Before and after the adapter",
    ):
        assert shown.count(title) == 1
    assert shown.count("Published values") == 2
    assert "as reported: R² .99, p < .01" in shown
    assert "9 points, R²" in words
    assert "95 % interval over speakers" in words
    assert "(points), .167 (models)" in words
    assert {"untrained", "log-mel", "chance", "share of masculine forms"} <= set(shown)
    assert "all at or above the bar of 0.5" in note
    assert "Study “default”, synthesised speech (first-person)." in note
    assert len(note.split()) <= 60


def test_a_model_below_the_bar_is_named(made):
    summary = made["summary"].copy()
    summary.loc[summary["metric"] == "exact_match_but_gender", "value"] = 0.3
    figure = draw_styled(translation, context(), **made | {"summary": summary})
    assert "below the bar of 0.5: low adapter, middle adapter, high adapter" in note_of(figure)


def test_tables_alone_can_be_drawn(made):
    shown = drawn(translation.draw(**made))
    assert {"low", "middle", "high", "mel"} <= set(shown)


def test_published_values_are_those_of_the_tables():
    lines = (REFERENCE / "fucci_2025.csv").read_text().splitlines()
    assert "enc-dec,encoder,en-es,93.14,reported" in lines
    assert len(lines) == 16
    assert "Seamless,14.33,90.25,53.35" in (REFERENCE / "fucci_2025_accuracy.csv").read_text()


def test_too_few_speakers_have_no_interval():
    few = tables(n_speakers=4)
    assert "no interval: 4 speakers" in " ".join(drawn(draw_styled(translation, context(), **few)))
    assert " without interval, against 0 (shuffled genders " in finding(few)
    assert len(finding(few).split()) <= 22


def test_a_model_without_results_is_named(made, monkeypatch):
    monkeypatch.setitem(MODELS, "absent-1", {"label": "absent", "source": "translator"})
    with pytest.raises(AnalysisError, match="expected model 'absent' in the table of translation"):
        draw_styled(translation, context(["absent-1"]), **made)


def test_a_slope_whose_interval_excludes_0_is_above_0(made):
    found = finding(made)
    assert found.startswith("The slope of gender accuracy on probe F1 is ")
    assert "], above 0 (shuffled genders " in found
    assert found.endswith("; p over models .167).")
    assert len(found.split()) <= 22


def test_a_slope_whose_interval_includes_0_is_not_separated_from_0():
    assert "], not separated from 0 (shuffled genders " in finding(tables(accuracy=dict.fromkeys(PLANTED, 0.75)))


def test_without_a_regression_there_is_no_finding(made):
    summary = made["summary"]
    assert finding(made | {"summary": summary[summary["metric"] != "slope"]}) == ""
    assert finding(made | {"summary": summary.assign(value=np.nan)}) == ""


def draw_files(folder, made):
    inputs = {}
    for name, frame in made.items():
        write_table(frame, folder / f"{name}.csv")
        inputs[name] = str(folder / f"{name}.csv")
    figure = {"title": "Translation", "models": [name for name in MODELS if name != "mel"], "analysis": SETTINGS}
    return run_script("translation", folder, figure, inputs, models=MODELS)


def test_files_are_the_same_when_drawn_twice_and_name_their_sources(tmp_path, made):
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        stems.append(draw_files(folder, made))
    for ending in ("pdf", "svg", "png", "csv", "json", "rst"):
        assert digest(Path(f"{stems[0]}.{ending}")) == digest(Path(f"{stems[1]}.{ending}")), ending
    assert set(json.loads(Path(f"{stems[0]}.json").read_text())["tables"]) == {f"{name}.csv" for name in made}
    assert "above 0" in Path(f"{stems[0]}.rst").read_text()


def test_no_text_lies_over_text(made, misplaced):
    plotting.save_figure(draw_styled(translation, context(), **made), "")
    assert misplaced == []


def test_the_caption_takes_its_numbers_from_the_study():
    figure = {"name": "translation", "title": "T", "models": ["low-1", "high-1"], "analysis": SETTINGS}
    caption = caption_of("translation", {"figure": figure, "study": STUDY, "models": MODELS})
    assert "(low adapter, high adapter), after Fucci et al. (2025). Seen." in caption
    assert "100 resamplings of speakers" in caption
    assert "untrained models (crosses), log-mel and chance (dotted)." in caption
    assert "problematic" not in caption


def test_no_number_of_translation_hides_another_in_the_metrics(made, tmp_path):
    numbers = headline_numbers([read_table(f"{draw_files(tmp_path, made)}.csv")])
    assert set(numbers["r_squared"]["c"]["all"]) == {"none", "shuffled"}
    assert set(numbers["gender_accuracy"]["c"]) == {"all", "french", "italian", "spanish"}
