"""The figure of syntax: aligned curves with seeds and onsets, whatever the corpora and steps."""

import numpy as np
import pandas as pd
import pytest
from figure_cases import run_script, texts

from auscult.analyses.syntax.analysis import SYNTAX_COLUMNS
from auscult.analyses.syntax.onsets import find_onsets
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
                "accuracy": 0.5 + 0.1 * place,
            }[metric]
            row = [corpus, model, str(step), "heads", target, metric, value, value - 0.02, value + 0.02, 900, 300]
            found.append(dict(zip(SYNTAX_COLUMNS, row)) | {"chance": 0.1, "resampling_unit": "sentence"})
    return found


PARSED = [
    ("loss", "all"),
    *[(metric, target) for metric in ("uas", "uas_fixed_offset") for target in ("all", "det", "obj")],
]
PAIRED = [("accuracy", "all"), ("accuracy", "agreement_adjacent"), ("accuracy", "npi_present")]


def draw(folder, parts):
    table = pd.DataFrame(parts).reindex(columns=list(SYNTAX_COLUMNS))
    write_table(table, folder / "syntax.csv")
    write_table(find_onsets(table), folder / "onsets.csv")
    inputs = {"table": str(folder / "syntax.csv"), "onsets": str(folder / "onsets.csv")}
    return texts(run_script("syntax", folder, {"title": "Syntax"}, inputs, study=STUDY, models=MODELS))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    parts = [row for model in MODELS for row in rows("written", model, PARSED + PAIRED)]
    return draw(tmp_path_factory.mktemp("syntax"), parts)


def test_curves_name_corpus_counts_and_unit(whole):
    assert "written · n = 900 arcs of 300 sentences" in whole
    assert {"Loss at hidden words", "Syntax in attention", "Grammar", "By relation, most frequent first"} <= set(whole)


def test_seeds_are_one_family_in_the_legend(whole):
    assert "BERT" in whole
    assert "BERT, suppressed" in whole
    assert "BERT, seed 1" not in whole


def test_controls_steps_and_paradigms_are_named(whole):
    assert {"best fixed offset", "chance", "0", "1,000", "agreement adjacent", "npi present", "det", "obj"} <= set(
        whole
    )


def test_the_note_dates_the_onsets(whole):
    assert "Onsets: bert loss" in " ".join(whole)


def test_parses_and_pairs_may_be_of_two_corpora_and_a_model_of_one_last_step(tmp_path):
    parts = rows("ud", "bert-1", PARSED, (0, "final")) + rows("blimp", "bert-1", PAIRED, (0, "final"))
    written = draw(tmp_path, parts)
    assert "final" in written
    assert "blimp · n = 900 pairs of 300 sentences" in written
    assert not any(np.char.find(written, "nan") >= 0)
