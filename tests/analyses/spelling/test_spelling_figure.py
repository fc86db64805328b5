"""The spelling figure, drawn from planted tables of plausible shape as Snakemake draws it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_cases import MODELS, STUDY, caption_of, run_script, texts

from auscult.analyses.spelling.analysis import SPELLING_COLUMNS
from auscult.manifests import digest
from auscult.tables import write_table

RUNS = [("hubert-english", "0"), ("hubert-english", "1500")]
MORE = [*RUNS, ("w2v2-english", "0"), ("w2v2-english", "1500")]
# Of a trained recogniser: the cue heard and silenced.
TRAINED = {
    "number_right": 0.95,
    "number_right_balanced": 0.97,
    "number_clear": 0.98,
    "number_wrong": 0.03,
    "exact": 0.9,
    "number_right_silenced": 0.53,
    "number_clear_silenced": 0.9,
    "number_wrong_silenced": 0.41,
    "exact_silenced": 0.44,
}
BALANCED = ("number_right_balanced", "number_right_silenced")


def spelling_table(runs=RUNS, n_speakers=16):
    rows, width = [], 0.07 if n_speakers >= 6 else np.nan
    for model, step in runs:
        for shift, target in enumerate(("all", "noun", "verb")):
            for metric, value in TRAINED.items():
                value = value - 0.01 * shift if step != "0" else np.nan if metric in BALANCED else 0.0
                n = 0 if np.isnan(value) else 216 if metric == "number_right_silenced" else 240
                low, high = (value - width, min(1, value + width)) if step != "0" else (value, value)
                chance = 0.5 if metric in BALANCED else np.nan
                rows.append([model, step, target, metric, value, low, high, n, n_speakers if n else 0, chance])
        for metric, value in (("character_error_rate", 0.021), ("word_error_rate", 0.07)):
            rows.append([model, step, "all", metric, value if step != "0" else 1.0, np.nan, np.nan, 400, 16, np.nan])
    names = ["model", "step", "target", "metric", "value", "ci_low", "ci_high", "n", "n_groups", "chance"]
    table = pd.DataFrame(rows, columns=names).assign(corpus="french", layer="output", resampling_unit="speaker")
    return table[list(SPELLING_COLUMNS)]


def draw(folder, table, figure=None, study=STUDY | {"sources": {"french": "synthetic"}}):
    write_table(table, folder / "spelling.csv")
    return run_script(
        "spelling", folder, figure or {"title": "Spelling"}, {"table": str(folder / "spelling.csv")}, study
    )


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return texts(draw(tmp_path_factory.mktemp("spelling"), spelling_table()))


def test_spelling_states_counts_controls_and_what_was_resampled(drawn):
    words = " ".join(drawn)
    assert "n = 240, silenced 216; 16 speakers" in words
    assert "95 % interval over speakers" in words
    assert {"untrained", "chance, cue silenced"} <= set(drawn)
    assert "a silence of one length, 150 ms" in words
    assert "Study “default”, synthesised speech (french)." in words


def test_spelling_shows_what_was_written_with_the_cue_heard_and_silenced(drawn):
    for name in ("noun, cue heard", "noun, cue silenced", "verb, cue heard", "verb, cue silenced", "wrong number"):
        assert name in drawn
    assert "character error rate 0.021, word error rate 0.070" in drawn


def test_parts_of_what_was_written_are_shares_of_all_targets(drawn):
    # The noun: .89 exact and .05 with a misspelt stem are the .94 that are right, .02 wrong, .03 neither.
    heard = {"exact": 0.89, "right": 0.06, "wrong": 0.02}
    silenced = {"exact": 0.43, "right": 0.06, "wrong": 0.40, "neither": 0.11}
    for share in (*heard.values(), *silenced.values()):
        if share >= 0.055:
            assert f"{share:.2f}".removeprefix("0") in drawn


def test_spelling_of_few_speakers_says_that_there_is_no_interval(tmp_path):
    words = " ".join(texts(draw(tmp_path, spelling_table(n_speakers=4))))
    assert "no interval: 4 speakers" in words


def test_spelling_of_an_untrained_recogniser_alone_is_drawn(tmp_path):
    words = " ".join(texts(draw(tmp_path, spelling_table(RUNS[:1]))))
    assert "HuBERT (English), untrained" in words


def test_spelling_of_a_model_without_results_ends_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit):
        draw(tmp_path, spelling_table(), {"title": "", "models": ["absent"]})
    assert "auscult: expected model 'absent' in" in capsys.readouterr().err


def test_spelling_drawn_twice_has_the_same_bytes_and_names_its_source(tmp_path):
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        stems.append(draw(folder, spelling_table()))
    for ending in ("pdf", "svg", "png", "csv", "json"):
        assert digest(Path(f"{stems[0]}.{ending}")) == digest(Path(f"{stems[1]}.{ending}")), ending
    assert set(json.loads(Path(f"{stems[0]}.json").read_text())["tables"]) == {"spelling.csv"}


@pytest.mark.parametrize("runs", [RUNS[:1], RUNS, MORE])
def test_spelling_lays_no_text_over_text(tmp_path, misplaced, runs):
    draw(tmp_path, spelling_table(runs))
    assert misplaced == []


def test_the_caption_takes_its_numbers_from_the_study():
    figure = {"name": "spelling", "title": "T", "models": ["hubert-english"], "analysis": {"n_resamples": 1234}}
    caption = caption_of("spelling", {"figure": figure, "study": STUDY, "models": MODELS})
    assert "1,234 resamplings" in caption
    assert "HuBERT (English), on sentences" in caption
    assert "problematic" not in caption
