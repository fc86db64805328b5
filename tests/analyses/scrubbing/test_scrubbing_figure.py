"""The scrubbing figure, drawn from planted tables: panels, controls, note, finding, files and caption."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_cases import MODELS, STUDY, caption_of, context_of, draw_styled, drawn, note_of, run_script

from auscult.analyses.scrubbing import figure as scrubbing, headline
from auscult.analyses.scrubbing.analysis import SCRUBBING_COLUMNS
from auscult.errors import AnalysisError
from auscult.figures import plotting
from auscult.figures.legibility import SLIDE_MM, faults
from auscult.figures.slide import slide_style
from auscult.manifests import digest
from auscult.tables import write_table

LAYERS = ("cnn", "embed", "T1", "T2", "T3", "T4")
LARGE = ("cnn", "embed", *(f"T{i}" for i in range(1, 25)))
ALL_METHODS = (
    ("leace", "frame"),
    ("leace", "utterance"),
    ("inlp", "frame"),
    ("mean_projection", "frame"),
    ("random", "frame"),
    ("shuffled", "frame"),
)
RUNS = [("hubert-english", "0"), ("hubert-english", "1500"), ("mel", "final")]
MORE = [*RUNS, ("w2v2-english", "0"), ("w2v2-english", "1500")]


def conditions(model, step, layers):
    if model == "mel" or step == "0":
        return [("none", "", "", 0.0), ("leace", "frame", "all", 1.0)]
    return [
        ("none", "", "", 0.0),
        *(("leace", "frame", layers[0], dose) for dose in (0.25, 0.5)),
        *(("leace", "frame", layer, 1.0) for layer in (*layers, "blocks")),
        *((*each, "all", 1.0) for each in ALL_METHODS),
    ]


def scrubbing_table(runs=RUNS, layers=LAYERS, n_speakers=20, erased=0.55, kinds=False, met=0.5):
    rows, width = [], 0.06 if n_speakers >= 6 else np.nan
    for model, step in runs:
        own = ("input",) if model == "mel" else layers
        planned = [("kind" if kinds else "speaker", each) for each in conditions(model, step, own)]
        planned += [("speaker", each) for each in conditions(model, "0", own) if kinds]
        for disjoint_in, (method, level, at, dose) in planned:
            shared = {
                "disjoint_in": disjoint_in,
                "dose": dose,
                "model": model,
                "step": step,
                "method": method,
                "fitted_on": level,
                "erased_at": at,
                "n_groups": n_speakers,
                "n_fit": 0 if method == "none" else 17000,
                "rank": 1,
            }
            behind = own[own.index(at) :] if at in own else own[1:] if at == "blocks" else own
            value = 0.9 if method in ("none", "random", "shuffled") else erased
            value = met if kinds and disjoint_in == "speaker" and method == "leace" else value
            for layer, position, probe in product(behind, ("all", "first", "middle", "last"), ("ridge", "mlp")):
                if probe == "ridge" or position == "all":
                    rows.append(
                        shared
                        | {
                            "layer": layer,
                            "target": "gender",
                            "metric": "accuracy",
                            "value": value,
                            "n": 320,
                            "ci_low": value - width,
                            "ci_high": min(1, value + width),
                            "probe": probe,
                            "position": position,
                            "gender": "all",
                            "chance": 0.5,
                        }
                    )
            if model == "mel":
                continue
            rate = (0.14 if step != "0" else 1.2) + 0.004 * (method != "none")
            for gender, ending in product(("all", "female", "male"), ("", "_change")[: 1 + (method != "none")]):
                value = 0.004 if ending else rate
                rows.append(
                    shared
                    | {
                        "layer": "output",
                        "target": "transcript",
                        "metric": f"word_error_rate{ending}",
                        "value": value,
                        "ci_low": value - width / 3,
                        "ci_high": value + width / 3,
                        "gender": gender,
                        "n": 320,
                        "p_value": 0.03 if ending else np.nan,
                    }
                )
    table = pd.DataFrame(rows).assign(corpus="english-reading", resampling_unit="speaker")
    return table.reindex(columns=list(SCRUBBING_COLUMNS))


CONTEXT = context_of("scrubbing", study=STUDY | {"sources": {"english-reading": "synthetic"}})


@pytest.fixture(scope="module")
def figure():
    return draw_styled(scrubbing, CONTEXT, table=scrubbing_table())


@pytest.fixture(scope="module")
def shown(figure):
    return drawn(figure)


def test_counts_controls_and_the_resampled_unit_are_stated(figure, shown):
    words = " ".join(shown)
    assert "n = 320, 20 speakers" in words
    assert "95 % interval over speakers" in words
    assert {
        "HuBERT (English), untrained, nothing erased",
        "log-mel",
        "random direction at all layers",
        "LEACE of shuffled genders at all layers",
        "LEACE at all layers",
    } <= set(shown)
    assert "Study “default”, synthesised speech (english-reading)." in note_of(figure)
    assert all(len(note_of(page).split()) <= 60 for page in figure)


def test_panels_have_standard_titles(shown):
    assert {
        "Linear probe by layer",
        "Network probe by layer",
        "Linear probe by position",
        "Probe accuracy after erasure, by layer",
        "Linear probe by dose",
        "Word errors by dose",
        "Word error rate by condition",
    } <= set(shown)


def test_every_condition_and_its_change_is_named(shown):
    assert {
        "nothing erased",
        ".25 of LEACE, cnn",
        ".50 of LEACE, cnn",
        "LEACE, cnn",
        "LEACE, T4",
        "LEACE, all layers",
        "INLP, all layers",
        "LEACE, all but cnn",
        "LEACE, all layers, fitted on utterances",
        "mean projection, all layers",
    } <= set(shown)
    assert "+0.004 [−0.016, +0.024], p = 0.03" in shown


def test_the_matrix_holds_the_layers_from_the_erased_one_on(shown):
    # Six layers with nothing erased; each erased layer and those after it, all but the front end, and all layers.
    assert shown.count(".90") == 6
    assert shown.count(".55") == 6 * 7 / 2 + 5 + 6


def test_the_scale_of_the_matrix_shows_values_below_chance():
    figure = draw_styled(scrubbing, CONTEXT, table=scrubbing_table(erased=0.42))
    cells = [mesh for axes in figure[0].axes for mesh in axes.collections if mesh.get_array() is not None]
    assert next(mesh.get_clim() for mesh in cells if mesh.get_clim()[0] is not None) == (0.42, 1)


def test_kinds_of_voice_that_the_eraser_met_are_drawn_beside_other_kinds():
    table = scrubbing_table(kinds=True, erased=0.8, met=0.52)
    figure = draw_styled(scrubbing, CONTEXT, table=table)
    shown = drawn(figure)
    assert "LEACE at all layers, kinds of voice met" in shown
    assert "share no kind of voice" in note_of(figure)
    assert all(len(note_of(page).split()) <= 60 for page in figure)
    assert shown.count(".80") == 6 * 7 / 2 + 5 + 6
    found = scrubbing.describe_finding(table, context=CONTEXT)
    assert found == (
        "After LEACE at all layers, linear gender accuracy at T4 for other kinds of voice is .80 [.74, .86], above "
        "chance (.50; before .90)."
    )
    assert len(found.split()) <= 26


def test_a_table_alone_can_be_drawn():
    shown = drawn(scrubbing.draw(scrubbing_table()))
    assert "hubert-english, nothing erased" in shown


def test_too_few_speakers_have_no_interval():
    table = scrubbing_table(n_speakers=4)
    assert "no interval: 4 speakers" in " ".join(drawn(draw_styled(scrubbing, CONTEXT, table=table)))


def test_a_model_without_results_is_named():
    with pytest.raises(AnalysisError, match="expected model 'absent' in the table of scrubbing"):
        scrubbing.draw(scrubbing_table(), context=context_of("scrubbing", shown=["absent"]))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"erased": 0.55}, "is .55 [.49, .61], not separated from chance (.50; before .90)."),
        ({"erased": 0.8}, "is .80 [.74, .86], above chance (.50; before .90)."),
        ({"erased": 0.3}, "is .30 [.24, .36], below chance (.50; before .90)."),
        ({"n_speakers": 4}, "is .55 without interval, against chance (.50; before .90)."),
    ],
)
def test_the_finding_compares_the_erased_layer_with_chance(changes, sentence):
    found = scrubbing.describe_finding(scrubbing_table(**changes), context=CONTEXT)
    assert found == f"After LEACE at all layers, linear gender accuracy at T4 {sentence}"
    assert len(found.split()) <= 22


def test_the_finding_names_the_first_of_several_recognisers():
    found = scrubbing.describe_finding(scrubbing_table(MORE), context=CONTEXT)
    assert found == (
        "After LEACE at all layers of HuBERT (English), final-layer gender accuracy is .55 [.49, .61], "
        "not separated from chance (.50)."
    )
    assert len(found.split()) <= 22


def test_without_a_recogniser_or_without_erasure_there_is_no_finding():
    table = scrubbing_table()
    assert scrubbing.describe_finding(table[table["model"] == "mel"]) == ""
    assert scrubbing.describe_finding(table[table["erased_at"] != "all"]) == ""


def test_files_are_the_same_when_drawn_twice_and_name_their_source(tmp_path):
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        write_table(scrubbing_table(), folder / "scrubbing.csv")
        inputs = {"table": str(folder / "scrubbing.csv")}
        stems.append(run_script("scrubbing", folder, {"title": "Scrubbing"}, inputs))
    for ending in ("pdf", "svg", "png", "csv", "json"):
        assert digest(Path(f"{stems[0]}.{ending}")) == digest(Path(f"{stems[1]}.{ending}")), ending
    assert set(json.loads(Path(f"{stems[0]}.json").read_text())["tables"]) == {"scrubbing.csv"}
    assert len(pd.read_csv(f"{stems[0]}.csv")) == len(scrubbing_table())
    assert "not separated from chance" in Path(f"{stems[0]}.rst").read_text()


@pytest.mark.parametrize("kinds", [False, True])
@pytest.mark.parametrize(("runs", "layers"), [(RUNS, LAYERS), (RUNS[1:2], LAYERS), (MORE, LAYERS), (RUNS, LARGE)])
def test_no_text_lies_over_text(misplaced, runs, layers, kinds):
    pages = draw_styled(scrubbing, CONTEXT, table=scrubbing_table(runs, layers, kinds=kinds))
    plotting.save_pages(pages, "")
    assert misplaced == []
    # For each recogniser, one page of probes and one of word errors.
    assert len(pages) == 2 * len({model for model, step in runs if model != "mel" and step != "0"})


@pytest.mark.parametrize("kinds", [False, True])
@pytest.mark.parametrize(("runs", "layers"), [(RUNS, LAYERS), (RUNS[1:2], LAYERS), (MORE, LAYERS), (RUNS, LARGE)])
def test_the_slide_is_legible_and_its_title_is_the_finding(runs, layers, kinds):
    table = scrubbing_table(runs, layers, kinds=kinds)
    with slide_style():
        slide = headline.draw(table, context=CONTEXT)
    assert faults(slide, SLIDE_MM) == []
    assert " ".join(slide.texts[0].get_text().split()) == headline.describe_headline(table, context=CONTEXT)
    assert {"nothing erased", "gender erased", "chance", "all", "all, shuffled"} <= set(drawn(slide))
    assert not slide.legends


@pytest.mark.parametrize(
    ("changes", "probe"),
    [
        ({"erased": 0.55}, ".55, not separated from chance (.50)"),
        ({"erased": 0.8}, ".80, above chance (.50)"),
        ({"erased": 0.3}, ".30, below chance (.50)"),
        ({"n_speakers": 4}, ".55, beside chance (.50)"),
    ],
)
def test_the_headline_compares_the_erased_layer_with_chance(changes, probe):
    title = headline.describe_headline(scrubbing_table(**changes), context=CONTEXT)
    assert title.startswith(f"Gender erased in all layers: probe of T4 from .90 to {probe}; word errors ")
    assert title.endswith(" from .14 to .14 (control: .14)") or "not separated (control: .14)" in title


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        ((0.2, 0.1, 0.3), "word errors rise from .14 to .34 (control: .14)"),
        ((0.2, -0.1, 0.3), "word errors from .14 to .34, not separated (control: .14)"),
        ((-0.1, -0.12, -0.05), "word errors fall from .14 to .04 (control: .14)"),
    ],
)
def test_the_headline_judges_word_errors_by_their_paired_change(change, moved):
    table = scrubbing_table()
    erased = (table["method"] == "leace") & (table["erased_at"] == "all") & (table["step"] == "1500")
    rates = erased & (table["metric"] == "word_error_rate")
    table.loc[rates, ["value", "ci_low", "ci_high"]] = [0.14 + end for end in change]
    table.loc[erased & (table["metric"] == "word_error_rate_change"), ["value", "ci_low", "ci_high"]] = change
    assert headline.describe_headline(table, context=CONTEXT).endswith(moved)


def test_the_headline_without_erasure_is_on_the_probe_alone():
    table = scrubbing_table()
    title = headline.describe_headline(table[table["method"] == "none"], context=CONTEXT)
    assert title == "Gender probe: .90, above chance (.50)"
    with slide_style():
        assert faults(headline.draw(table[table["method"] == "none"]), SLIDE_MM) == []


def test_a_table_without_word_errors_is_refused():
    table = scrubbing_table([("mel", "final")])
    for module in (scrubbing, headline):
        with pytest.raises(AnalysisError, match="expected word error rates of a trained recogniser"):
            module.draw(table)


def test_the_caption_takes_its_numbers_from_the_study():
    analysis = {"n_resamples": 1234, "n_permutations": 4321, "edge_ms": 80, "kinds": ["tract", "pitch_hz"]}
    figure = {"name": "scrubbing", "title": "T", "models": ["hubert-english", "mel"], "analysis": analysis}
    caption = caption_of("scrubbing", {"figure": figure, "study": STUDY, "models": MODELS})
    assert "of HuBERT (English) before and after gender is erased. Seen." in caption
    for text in (
        "first, middle and last 80 ms",
        "no kind of voice (tract, pitch_hz)",
        "1234 resamplings of speakers",
        "p from 4321 exchanges",
    ):
        assert text in caption
    assert "problematic" not in caption
