"""The scrubbing figure, drawn from planted tables of plausible shape as Snakemake draws it."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_cases import MODELS, STUDY, caption_of, run_script, texts

from auscult.analyses.scrubbing.analysis import SCRUBBING_COLUMNS
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
        return [("none", "", ""), ("leace", "frame", "all")]
    return [
        ("none", "", ""),
        *(("leace", "frame", layer) for layer in (*layers, "blocks")),
        *((*each, "all") for each in ALL_METHODS),
    ]


def scrubbing_table(runs=RUNS, layers=LAYERS, n_speakers=20):
    rows, width = [], 0.06 if n_speakers >= 6 else np.nan
    for model, step in runs:
        own = ("input",) if model == "mel" else layers
        for method, level, at in conditions(model, step, own):
            shared = {
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
            value = 0.9 if method in ("none", "random", "shuffled") else 0.55
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


def draw(folder, table, figure=None, study=STUDY | {"sources": {"english-reading": "synthetic"}}):
    write_table(table, folder / "scrubbing.csv")
    inputs = {"table": str(folder / "scrubbing.csv")}
    return run_script("scrubbing", folder, figure or {"title": "Scrubbing"}, inputs, study)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return texts(draw(tmp_path_factory.mktemp("scrubbing"), scrubbing_table()))


def test_scrubbing_states_counts_controls_and_what_was_resampled(drawn):
    words = " ".join(drawn)
    assert "n = 320, 20 speakers" in words
    assert "95 % interval over speakers" in words
    assert {
        "HuBERT (English), untrained, nothing erased",
        "log-mel",
        "random direction at all layers",
        "genders shuffled, at all layers",
        "LEACE at this layer alone",
    } <= set(drawn)
    assert "Study “default”, synthesised speech (english-reading)." in words


def test_scrubbing_names_every_condition_and_its_change(drawn):
    assert {
        "nothing erased",
        "LEACE, cnn",
        "LEACE, T4",
        "LEACE, all layers",
        "INLP, all layers",
        "LEACE, all but cnn",
        "LEACE, all layers, fitted on utterances",
        "class means, all layers",
    } <= set(drawn)
    assert "+0.004 [−0.016, +0.024], p = 0.03" in drawn


def test_scrubbing_writes_what_is_found_behind_an_erased_layer(drawn):
    # Six layers with nothing erased, each erased layer and those behind it, all but the first and all of them.
    assert drawn.count("0.90") >= 6
    assert drawn.count("0.55") >= 6 * 7 / 2 + 5 + 6


def test_scrubbing_with_too_few_speakers_says_so(tmp_path):
    words = " ".join(texts(draw(tmp_path, scrubbing_table(n_speakers=4))))
    assert "no interval: 4 speakers" in words


def test_scrubbing_of_a_model_without_results_ends_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit):
        draw(tmp_path, scrubbing_table(), {"title": "", "models": ["absent"]})
    assert "auscult: expected model 'absent' in" in capsys.readouterr().err


def test_scrubbing_drawn_twice_has_the_same_bytes_and_names_its_source(tmp_path):
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        stems.append(draw(folder, scrubbing_table()))
    for ending in ("pdf", "svg", "png", "csv", "json"):
        assert digest(Path(f"{stems[0]}.{ending}")) == digest(Path(f"{stems[1]}.{ending}")), ending
    assert set(json.loads(Path(f"{stems[0]}.json").read_text())["tables"]) == {"scrubbing.csv"}


@pytest.mark.parametrize(("runs", "layers"), [(RUNS, LAYERS), (RUNS[1:2], LAYERS), (MORE, LAYERS), (RUNS, LARGE)])
def test_scrubbing_lays_no_text_over_text(tmp_path, misplaced, runs, layers):
    draw(tmp_path, scrubbing_table(runs, layers))
    assert misplaced == []


def test_the_caption_takes_its_numbers_from_the_study():
    analysis = {"n_resamples": 1234, "n_permutations": 4321, "n_utterances": 200, "edge_ms": 100}
    figure = {"name": "scrubbing", "title": "T", "models": ["hubert-english", "mel"], "analysis": analysis}
    caption = caption_of("scrubbing", {"figure": figure, "study": STUDY, "models": MODELS})
    assert "1,234 resamplings" in caption
    assert "4321 random exchanges" in caption
    assert "problematic" not in caption
