"""The translation figure, drawn from planted tables: panels, controls, note, finding, files and caption."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_cases import STUDY, caption_of, context_of, draw_styled, drawn, note_of, run_script
from places import REFERENCE
from translation_planted import PLANTED, SIX, exchanged, study

from auscult.analyses.translation import figure as translation, headline
from auscult.analyses.translation.analysis import _probe_rows, _share_rows, _table
from auscult.analyses.translation.settings import TranslationSettings
from auscult.analyses.translation.summary import summarise_translation
from auscult.errors import AnalysisError
from auscult.figures import plotting
from auscult.figures.legibility import SLIDE_MM, faults
from auscult.figures.slide import slide_style
from auscult.figures.talk import headline_numbers
from auscult.manifests import digest
from auscult.tables import read_table, write_table

MODELS = {
    f"{condition}-{seed}": {"label": f"{condition} adapter, seed {seed}", "source": "translator"}
    for condition in (*PLANTED, *SIX)
    for seed in (1, 2)
} | {"mel": {"label": "log-mel", "source": "acoustic"}}
PUBLISHED = (("probes", ""), ("accuracies", "_accuracy"))
SETTINGS = {"n_probe": 40, "n_resamples": 100, "bar": 0.5, "baselines": ["mel"]}


# Rows that other tests check: after an adapter that removes gender, on silence, and quality.
_OF_ALL = {"target": "all", "control": "", "n": 288, "n_groups": 8, "chance": np.nan}
ADDED = (
    _OF_ALL | {"layer": "adapter", "metric": "probe_macro_f1", "value": 0.4, "chance": 0.5},
    _OF_ALL | {"layer": "output", "metric": "masculine_preference", "control": "silence", "value": 0.9},
    _OF_ALL | {"layer": "output", "metric": "bleu", "value": 70.0},
    _OF_ALL | {"layer": "output", "metric": "chrf", "value": 80.0},
)


def tables(n_speakers=8, accuracy=PLANTED, heard=PLANTED):
    """Return the four tables of the figure; by default, gender accuracy follows the probe, and gender the pitch."""
    items = study(accuracy, heard, n_speakers=n_speakers)
    exchanges = exchanged(accuracy, dict.fromkeys(accuracy, ("pitch",)))
    parts = []
    for model, mine in items.groupby("model", sort=False):
        for step in ("0", "9") if model.endswith("1") else ("9",):
            rows = [*_share_rows(mine, 100, 0), *_probe_rows(mine, ("encoder",), 100, 0), *ADDED]
            parts.append(_table(rows, {"corpus": "first-person", "model": model, "step": step}))
    first = items[items["model"] == items["model"].iloc[0]]
    frames = [row | {"layer": "input"} for row in _probe_rows(first, ("encoder",), 100, 0)]
    parts.append(_table(frames, {"corpus": "first-person", "model": "mel", "step": "final"}))
    both = pd.concat([items, exchanges], ignore_index=True)
    summary = summarise_translation(both, settings=TranslationSettings(n_resamples=100))
    published = {name: read_table(REFERENCE / f"fucci_2025{end}.csv") for name, end in PUBLISHED}
    return {"table": pd.concat(parts, ignore_index=True), "summary": summary, **published}


@pytest.fixture(scope="module")
def made():
    return tables()


def names_of(conditions):
    return [f"{condition}-{seed}" for condition in conditions for seed in (1, 2)]


def context(models=tuple(names_of(PLANTED)), bar=0.5):
    study_entry = STUDY | {"sources": {"first-person": "synthetic"}}
    return context_of("translation", MODELS, models, SETTINGS | {"bar": bar}, study_entry)


def finding(made, conditions=PLANTED):
    return translation.describe_finding(**made, context=context(names_of(conditions)))


@pytest.fixture(scope="module")
def six():
    return tables(accuracy=SIX, heard=SIX)


def test_counts_controls_and_the_resampled_unit_are_stated(made):
    pages = draw_styled(translation, context(), **made)
    shown, note = drawn(pages), note_of(pages)
    words = " ".join(shown)
    for title in (
        "Probe F1 vs. gender accuracy",
        "Control: shuffled genders",
        "Women and men",
        "Before and after the adapter",
        "Pitch or tract exchanged",
        "The same, gender by probe",
        "BLEU and chrF",
    ):
        assert shown.count(title) == 1
    assert shown.count("Published values") == 2
    assert "as reported: R² .99, p < .01" in shown
    assert "9 points, R²" in words
    assert "95 % over speakers and seeds" in words
    assert "(points), .167 (3 models)" in words
    assert "n = 128, 8 pairs" in words
    assert {"untrained", "log-mel", "chance", "share of masculine forms"} <= set(shown)
    assert "all at or above the bar of 0.5" in note
    assert "Study “default”, synthesised speech (first-person)." in note
    assert all(len(note_of(page).split()) <= 60 for page in pages)


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
    few = tables(n_speakers=4, accuracy=SIX, heard=SIX)
    assert " without interval, against 0; shuffled genders " in finding(few, SIX)


def test_a_model_without_results_is_named(made, monkeypatch):
    monkeypatch.setitem(MODELS, "absent-1", {"label": "absent", "source": "translator"})
    with pytest.raises(AnalysisError, match="expected model 'absent' in the table of translation"):
        draw_styled(translation, context(["absent-1"]), **made)


def test_three_models_support_no_statement(made):
    # Their accuracies follow the probe perfectly, with p = 1/6.
    found = finding(made)
    assert found.startswith("3 models are too few for a statement on gender accuracy and probe F1. ")
    assert "follow" not in found
    assert "slope" not in found


def test_six_models_in_order_follow_the_probe(six):
    found = finding(six, SIX)
    assert found.startswith(
        "Over 6 models gender accuracy follows probe F1 (rank correlation 1.00, exact p .001; slope "
    )
    assert "], above 0; shuffled genders " in found
    assert len(found.split()) <= 70


def test_six_models_without_order_do_not_follow_the_probe():
    found = finding(tables(accuracy=dict.fromkeys(SIX, 0.75), heard=SIX), SIX)
    assert found.startswith("Over 6 models gender accuracy does not demonstrably follow probe F1 (rank correlation ")


def test_what_adapters_do_is_compared_with_the_published_ones(made):
    assert "rises from before to after the adapter in 0 of 3 models, in 0 of 2 published ones." in finding(made)
    table = made["table"].copy()
    table.loc[(table["layer"] == "adapter") & table["model"].str.startswith("high"), "value"] = 1.0
    assert "rises from before to after the adapter in 1 of 3 models, in 0 of 2" in finding(made | {"table": table})


def test_what_moves_the_gender_is_counted_by_intervals_above_0(made):
    assert finding(made).endswith(
        "The written gender moves with exchanged pitch in 3 and an exchanged vocal tract in 0 of 3 models (interval "
        "above 0)."
    )


def test_without_a_regression_there_is_no_finding(made):
    summary = made["summary"]
    for without in (summary[summary["metric"] != "slope"], summary.assign(value=np.nan)):
        assert finding(made | {"summary": without}).startswith("Probe F1 rises from before to after")


def draw_files(folder, made):
    inputs = {}
    for name, frame in made.items():
        write_table(frame, folder / f"{name}.csv")
        inputs[name] = str(folder / f"{name}.csv")
    figure = {"title": "Translation", "models": names_of(PLANTED), "analysis": SETTINGS}
    return run_script("translation", folder, figure, inputs, models=MODELS)


def test_files_are_the_same_when_drawn_twice_and_name_their_sources(tmp_path, made):
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        stems.append(draw_files(folder, made))
    for ending in ("pdf", "svg", "png", "csv", "json", "rst"):
        assert digest(Path(f"{stems[0]}.{ending}")) == digest(Path(f"{stems[1]}.{ending}")), ending
    assert set(json.loads(Path(f"{stems[0]}.json").read_text())["tables"]) == {f"{name}.csv" for name in made}
    assert "3 models are too few" in Path(f"{stems[0]}.rst").read_text()


def test_no_text_lies_over_text(made, misplaced):
    plotting.save_pages(draw_styled(translation, context(), **made), "")
    assert misplaced == []


def test_no_text_lies_over_text_with_six_models(six, misplaced):
    plotting.save_pages(draw_styled(translation, context(names_of(SIX)), **six), "")
    assert misplaced == []


def title(made, conditions=PLANTED):
    return headline.describe_headline(**made, context=context(names_of(conditions)))


def draw_slide(made, conditions=PLANTED, **more):
    with slide_style():
        return headline.draw(**made, context=context(names_of(conditions), **more))


@pytest.mark.parametrize("bar", [0.5, 0.99])
def test_the_slide_is_legible_and_its_title_is_the_finding(made, six, bar):
    for tables_of, conditions in ((made, PLANTED), (six, SIX)):
        slide = draw_slide(tables_of, conditions, bar=bar)
        assert faults(slide, SLIDE_MM) == []
        assert " ".join(slide.texts[0].get_text().split()) == title(tables_of, conditions)
        names = {style for condition in conditions for style in [f"{condition} adapter"]}
        assert names | {"chance", "log-mel", "This study", "Published: R² .99, p < .01"} <= set(drawn(slide))
        assert not slide.legends
    assert "open: few sentences right" in note_of(draw_slide(made, bar=1.1))


def test_the_slide_of_tables_alone_is_drawn(made):
    with slide_style():
        assert {"low", "middle", "high", "mel"} <= set(drawn(headline.draw(**made)))


def test_the_headline_follows_only_with_a_rank_p_and_a_slope_above_0(six):
    assert title(six, SIX).startswith("Written gender follows the gender heard by a probe (6 models): slope ")
    assert "], above 0; with shuffled genders " in title(six, SIX)
    flat = tables(accuracy=dict.fromkeys(SIX, 0.75), heard=SIX)
    assert title(flat, SIX).startswith("Written gender is not shown to follow the gender heard by a probe (6 models): ")


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [((0.2, 0.9), "], above 0"), ((-0.2, 0.9), "], not separated from 0"), ((-0.9, -0.2), "], below 0")],
)
def test_the_headline_judges_the_slope_by_its_interval(six, ends, verdict):
    summary = six["summary"].copy()
    slopes = (summary["metric"] == "slope") & (summary["model"] == "all")
    summary.loc[slopes, ["ci_low", "ci_high"]] = ends
    found = title(six | {"summary": summary}, SIX)
    assert f"{verdict}; with shuffled genders " in found
    assert found.startswith("Written gender follows") == ("above" in verdict)


def test_the_headline_of_few_models_or_none_states_no_trend(made):
    assert title(made).startswith("3 models are too few to tell whether written gender follows the probe: slope ")
    nothing = made["summary"].assign(value=np.nan)
    assert title(made | {"summary": nothing}) == (
        "3 models are too few to tell whether written gender follows the probe"
    )


def test_the_caption_takes_its_numbers_from_the_study():
    figure = {"name": "translation", "title": "T", "models": ["low-1", "high-1"], "analysis": SETTINGS}
    caption = caption_of("translation", {"figure": figure, "study": STUDY, "models": MODELS})
    assert "after Fucci et al. (2025). Seen." in caption
    assert "100 resamplings of speakers" in caption
    assert "with log-mel and untrained models (crosses)" in caption
    assert "problematic" not in caption


def test_no_number_of_translation_hides_another_in_the_metrics(made, tmp_path):
    numbers = headline_numbers([read_table(f"{draw_files(tmp_path, made)}.csv")])
    assert set(numbers["r_squared"]["c"]["all"]) == {"none", "shuffled"}
    assert set(numbers["gender_accuracy"]["c"]) == {"all", "french", "italian", "spanish"}
