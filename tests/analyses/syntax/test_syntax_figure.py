"""The syntax figure: aligned curves with seeds and onsets, for any corpora and steps."""

import re

import numpy as np
import pandas as pd
import pytest
from figure_cases import caption_of, context_of, draw_styled, drawn, note_of, run_script

from auscult.analyses.syntax import figure, headline
from auscult.analyses.syntax.analysis import SYNTAX_COLUMNS
from auscult.analyses.syntax.onsets import find_onsets
from auscult.figures.legibility import SLIDE_MM, faults
from auscult.figures.slide import slide_style
from auscult.tables import write_table

MODELS = {
    "bert-1": {"label": "BERT, seed 1", "source": "trained"},
    "bert-2": {"label": "BERT, seed 2", "source": "trained"},
    "bert-suppressed": {"label": "BERT, suppressed", "source": "trained"},
}
STUDY = {"name": "default", "title": "x", "sources": {"written": "text", "ud": "written", "blimp": "written"}}
STEPS = (0, 100, 1000, 10000)


def rows(corpus, model, metrics, steps=STEPS):
    found = []
    for place, step in enumerate(steps):
        for metric, target in metrics:
            value = {
                "loss": 6 - place,
                "uas": 0.1 + 0.2 * place,
                "uas_fixed_offset": 0.5,
                "uas_off_offset": 0.1 + 0.2 * place,
                "uas_off_offset_fixed": 0.3,
                "accuracy": 0.5 + 0.1 * place,
            }[metric]
            row = [corpus, model, str(step), "heads", target, metric, value, value - 0.02, value + 0.02, 900, 300]
            found.append(dict(zip(SYNTAX_COLUMNS, row)) | {"chance": 0.1, "resampling_unit": "sentence"})
    return found


_ATTACHMENT = ("uas", "uas_fixed_offset", "uas_off_offset", "uas_off_offset_fixed")
PARSED = [
    ("loss", "all"),
    *[(metric, target) for metric in _ATTACHMENT for target in ("all", "det", "obj")],
]
PAIRED = [("accuracy", "all"), ("accuracy", "agreement_adjacent"), ("accuracy", "npi_present")]


def tables(parts=None):
    parts = [row for model in MODELS for row in rows("written", model, PARSED + PAIRED)] if parts is None else parts
    table = pd.DataFrame(parts).reindex(columns=list(SYNTAX_COLUMNS))
    return {"table": table, "onsets": find_onsets(table)}


def context():
    return context_of("syntax", models=MODELS, study=STUDY)


@pytest.fixture(scope="module")
def whole():
    return draw_styled(figure, context(), **tables())


def test_curves_name_corpus_counts_and_unit(whole):
    words = set(drawn(whole))
    assert "written · n = 900 arcs of 300 sentences" in words
    titles = {"Loss at masked tokens", "Attachment of attention heads", "Minimal pairs", "Attachment by relation"}
    off = "Attachment off the commonest distance"
    assert {*titles, off, "Accuracy by paradigm"} <= words


def test_seeds_are_one_condition_in_the_legend(whole):
    words = drawn(whole)
    assert {"BERT", "BERT, suppressed", "BERT, mean over seeds", "untrained"} <= set(words)
    assert "BERT, seed 1" not in words


def test_controls_steps_and_paradigms_are_named(whole):
    names = {"best fixed offset", "chance", "0", "1,000", "agreement adjacent", "npi present", "det", "obj"}
    assert names <= set(drawn(whole))


def test_notes_are_short_and_state_the_onsets(whole):
    assert re.search(r"Onsets of BERT \(steps\): loss \d+, \d+; structure \d+, \d+; capability ", note_of(whole))
    assert all(len(note_of(page).split()) <= 60 for page in whole)


def test_curves_and_parts_have_pages_of_their_own(whole):
    assert [len(page.axes) for page in whole] == [4, 2]
    parts = rows("ud", "bert-1", PARSED) + rows("blimp", "bert-1", PAIRED) + rows("more", "bert-1", PAIRED)
    assert len(draw_styled(figure, context(), **tables(parts))) == 4


def test_parses_and_pairs_may_be_of_two_corpora_and_a_model_of_one_last_step():
    made = tables(rows("ud", "bert-1", PARSED, (0, "final")) + rows("blimp", "bert-1", PAIRED, (0, "final")))
    words = drawn(draw_styled(figure, context(), **made))
    assert "final" in words
    assert "blimp · n = 900 pairs of 300 sentences" in words
    assert not any(np.char.find(words, "nan") >= 0)


def test_tables_alone_are_drawn():
    made = tables()
    assert {"bert", "bert-suppressed"} <= set(drawn(figure.draw(**made)))
    pd.testing.assert_frame_equal(figure.drawn_rows(**made), made["table"])


@pytest.mark.parametrize(
    ("offset", "end"),
    [
        (0.5, "above the best fixed distance (.50) and untrained (.10)."),
        (0.72, "above untrained (.10), not separated from the best fixed distance (.72)."),
        (0.9, "above untrained (.10), below the best fixed distance (.90)."),
    ],
)
def test_the_finding_compares_attachment_with_offsets_and_the_untrained_model(offset, end):
    made = tables()
    fixed = made["table"]["metric"] == "uas_off_offset_fixed"
    made["table"].loc[fixed, ["value", "ci_low", "ci_high"]] = offset, offset - 0.02, offset + 0.02
    sentence = figure.describe_finding(**made, context=context())
    assert sentence.startswith(f"Attachment of BERT away from the commonest distances is .70 [.68, .72], {end}")
    assert len(sentence.split()) <= 40


@pytest.mark.parametrize(
    ("ends", "sentence"),
    [
        ((1.2, 3.0, 1.1, 2.0), "First came structure in 2 of 2 seeds."),
        ((1.2, 3.0, 0.4, 0.8), "First came structure in 1 and capability in 1 of 2 seeds."),
        ((0.8, 3.0, np.nan, 2.0), "Which came first, structure or capability, cannot be told in any of 2 seeds."),
    ],
)
def test_the_finding_says_in_how_many_seeds_which_came_first(ends, sentence):
    ratios = pd.DataFrame(
        {"model": ["bert-1", "bert-2"], "metric": "onset_ratio", "target": "all", "curve": "accuracy"}
    )
    onsets = ratios.assign(ci_low=ends[::2], ci_high=ends[1::2], value=1.0)
    assert figure.describe_finding(tables()["table"], onsets, context=context()).endswith(sentence)


def test_the_finding_of_pairs_alone_is_their_accuracy():
    made = tables(rows("blimp", "bert-1", PAIRED))
    sentence = figure.describe_finding(**made, context=context())
    assert sentence == "Accuracy of BERT, seed 1 on minimal pairs is .80 [.78, .82], above chance (.50)."


def test_the_finding_without_intervals_or_rows_judges_nothing():
    made = tables()
    bare = made["table"].assign(ci_low=np.nan, ci_high=np.nan)
    sentence = figure.describe_finding(bare, made["onsets"], context=context())
    assert "above" not in sentence
    assert "below" not in sentence
    assert ".70" in sentence
    assert figure.describe_finding(bare[:0], made["onsets"], context=context()) == ""


def first_of(parts, *ends):
    """Return tables of two seeds in which the interval of the onset ratio of each is given."""
    made = tables(parts)
    ratios = made["onsets"]["metric"] == "onset_ratio"
    n = int(ratios.sum())
    made["onsets"].loc[ratios, ["ci_low", "ci_high"]] = np.array(ends, dtype=float)[:n]
    return made


def two_seeds():
    return [row for model in ("bert-1", "bert-2") for row in rows("written", model, PARSED + PAIRED)]


@pytest.mark.parametrize(
    ("ends", "start"),
    [
        (((1.2, 3), (1.1, 2)), "Syntax in attention rises before grammar, in 2 of 2 seeds; "),
        (((0.2, 0.8), (0.4, 2)), "Grammar rises before syntax in attention, in 1 of 2 seeds; "),
        (((1.2, 3), (0.4, 0.8)), "Syntax in attention rises first in 1, grammar in 1 of 2 seeds; "),
        (((0.8, 3), (np.nan, 2)), "Syntax in attention and grammar: onsets not separated in each of 2 seeds; "),
    ],
)
def test_the_headline_says_which_came_first(ends, start):
    title = headline.describe_headline(**first_of(two_seeds(), *ends), context=context())
    assert title == f"{start}attention finds .70 of syntactic links, above fixed distance (.30)"


@pytest.mark.parametrize(
    ("offset", "end"),
    [(0.5, "above fixed distance (.50)"), (0.72, "not separated from fixed distance (.72)"), (0.9, "below fixed d")],
)
def test_the_headline_compares_attention_with_fixed_distances(offset, end):
    made = tables(two_seeds())
    fixed = made["table"]["metric"] == "uas_off_offset_fixed"
    made["table"].loc[fixed, ["value", "ci_low", "ci_high"]] = offset, offset - 0.02, offset + 0.02
    assert f"attention finds .70 of syntactic links, {end}" in headline.describe_headline(**made, context=context())


def test_the_headline_of_several_conditions_names_the_first():
    assert headline.describe_headline(**tables(), context=context()).startswith("BERT: ")


SLIDES = {
    "three conditions": tables,
    "one seed": lambda: tables(rows("written", "bert-1", PARSED + PAIRED)),
    "pairs alone": lambda: tables(rows("blimp", "bert-1", PAIRED, (0, "final"))),
    "parses alone": lambda: tables(rows("ud", "bert-1", PARSED)),
    "without baselines": lambda: tables(rows("ud", "bert-1", [("uas", "all"), ("uas_off_offset", "all")], ("final",))),
}


@pytest.mark.parametrize("kind", SLIDES)
def test_the_slide_is_legible_and_its_title_is_the_finding(kind):
    made = SLIDES[kind]()
    with slide_style():
        shown = headline.draw(**made, context=context())
    assert faults(shown, SLIDE_MM) == []
    assert " ".join(shown.texts[0].get_text().split()) == headline.describe_headline(**made, context=context())
    assert not shown.legends


def test_the_slide_without_intervals_judges_nothing():
    made = tables(two_seeds())
    bare = made["table"].assign(ci_low=np.nan, ci_high=np.nan)
    with slide_style():
        words = " ".join(drawn(headline.draw(bare, find_onsets(bare))))
    assert "beside fixed distance (.30)" in words
    assert {"above", "below"}.isdisjoint(words.split())


def test_syntax_lays_no_text_over_text(tmp_path, misplaced):
    made = tables()
    for name, table in made.items():
        write_table(table, tmp_path / f"{name}.csv")
    inputs = {name: str(tmp_path / f"{name}.csv") for name in made}
    run_script("syntax", tmp_path, {"title": "Syntax", "models": [*MODELS]}, inputs, study=STUDY, models=MODELS)
    assert misplaced == []


def test_the_caption_takes_its_numbers_from_the_study():
    analysis = {"onset_share": 0.4, "n_resamples": 1234}
    entry = {"name": "syntax", "title": "T", "models": [*MODELS], "analysis": analysis}
    caption = caption_of("syntax", {"figure": entry, "study": STUDY, "models": MODELS})
    assert "BERT; BERT, suppressed" in caption
    assert "Seen." in caption
    assert "40 % of the way" in caption
