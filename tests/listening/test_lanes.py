"""Lanes of a corpus: utterances by rule, letters with their frames, mixing and attribution of words, unseen voices."""

import json

import numpy as np
import pandas as pd
import pytest
from listening_cases import corpus
from tiny_predictors import TOKENS, tiny_head, tiny_predictor

from auscult.errors import AnalysisError
from auscult.listening.lanes import Run, listen
from auscult.listening.settings import ListenSettings
from auscult.listening.spellings import judge_targets, score_spelling_of, spell_layers

ALL = ("probe", "spelling", "mixing", "attribution")
WORDS = ("ab", "c", "ba")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    tiny_head("hubert-ctc")[0].save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": True, "sampling_rate": 16000}))
    (folder / "vocab.json").write_text(json.dumps({token: place for place, token in enumerate(TOKENS)}))
    return str(folder)


def runs(checkpoint):
    return [Run("r", "0", "recogniser", checkpoint), Run("r", "9", "recogniser", checkpoint)]


def settings(*lanes, **more):
    return ListenSettings(
        models=("r",), lanes=lanes, **({"drawn": 2, "hardest": 1, "n_folds": 2, "n_frames": 200} | more)
    )


def scores(speech, names, onsets=(1600, 10132)):
    """Return attributions of the second word to the others, in two utterances, one of them incomplete."""
    return pd.DataFrame(
        [
            {"corpus": "french", "model": "r", "step": "9", "utterance": name, "method": method, "input": "waveform",
             "unit": unit, "target": "c", "form": "ab [c|a] ba", "onset": onset, "score": 0.12345, "probability": 0.5,
             "complete": method == "lime"}
            for name in names
            for method in ("lime", "saliency")
            for unit in ("word", "frame")
            for onset in onsets
        ]
    )  # fmt: skip


def test_all_lanes_of_a_recogniser(tmp_path, checkpoint):
    speech = corpus(tmp_path, 6, labels=WORDS)
    explained = ["french-1", "french-2"]
    found = listen(speech, runs(checkpoint), settings(*ALL), attributions=scores(speech, explained), seed=1)
    assert sorted(one["id"] for one in found["utterances"] if one["rule"] == "drawn") == explained
    assert [one["rule"] for one in found["utterances"]] == ["drawn", "drawn", "hardest"]
    assert found["rules"]["drawn"] == (
        "2 drawn at random from 2 of 6 utterances of french (test) that the study's attribution explains"
    )
    assert found["rules"]["hardest"].startswith("1 other with the lowest mean probability of the true phones (probe of")
    assert [(run["key"], run["label"]) for run in found["runs"]] == [
        ("r/0", "recogniser, untrained"),
        ("r/9", "recogniser"),
    ]
    assert found["runs"][0]["layers"] == ["cnn", "embed", "T1", "T2"]
    first = found["utterances"][0]["runs"]
    lanes = first["r/9"]
    assert np.array(lanes["probe"]["true"]).shape == (4, 49)
    assert np.array(lanes["probe"]["top"]).shape == (4, 49, 3)
    assert set(lanes["mixing"]) == {"attention", "value_zeroing"}
    assert np.abs(np.array(lanes["mixing"]["attention"]["T2"]).sum(axis=1) - 1000).max() <= 2
    assert first["r/0"]["attribution"] == []
    assert [(row["method"], row["scores"]) for row in lanes["attribution"]] == [("lime", [0.123, None, 0.123])]
    json.dumps(found, allow_nan=False)


def test_letters_of_a_layer_spell_its_transcript(tmp_path):
    speech, predictor = corpus(tmp_path, 1), tiny_predictor("hubert-ctc")
    spelt = spell_layers(predictor, speech, "french-0")
    texts = predictor.transcribe_layers(speech.waveform("french-0"))
    assert {layer: one.text for layer, one in spelt.items()} == texts
    assert any(texts.values())
    for one in spelt.values():
        assert " ".join("".join(letter for letter, *_ in one.letters).split()) == one.text
        assert all(0 <= first < end <= 49 and 0 < p <= 1 for _, first, end, p in one.letters)


def test_a_homophone_has_the_probability_of_its_number_against_the_other(tmp_path):
    speech, predictor = corpus(tmp_path, 1, labels=WORDS), tiny_predictor("hubert-ctc")
    about = {"utterance": "french-0", "target_index": 1, "cue_index": 0, "number": "plural"}
    targets = pd.DataFrame([about | {"word": "c", "other": "cab"}])
    (one,) = judge_targets(predictor, speech, "french-0", targets, "ab cab ba")
    (other,) = judge_targets(
        predictor,
        corpus(tmp_path / "other", 1, labels=("ab", "cab", "ba")),
        "french-0",
        targets.assign(word="cab", other="c"),
        "ab cab ba",
    )
    assert one["verdict"] == "wrong"
    assert other["verdict"] == "right"
    assert one["p"] + other["p"] == pytest.approx(1, abs=1e-4)
    assert score_spelling_of(predictor, speech, "french-0", targets) == one["p"]
    (unknown,) = judge_targets(predictor, speech, "french-0", targets.assign(other=""), "ab cab ba")
    assert (unknown["p"], unknown["verdict"]) == (None, "misspelt")


def test_missing_attributions_are_an_error(tmp_path, checkpoint):
    speech = corpus(tmp_path, 2, labels=WORDS)
    message = (
        "expected attributions to words in corpus 'french' by r/0, r/9 for the lane attribution, found none; add word"
    )
    with pytest.raises(AnalysisError, match=message):
        listen(speech, runs(checkpoint), settings("spelling", "attribution"), attributions=scores(speech, []))
    message = "expected utterances of corpus 'french' that attribution explains among 2 utterances .* found none"
    with pytest.raises(AnalysisError, match=message):
        listen(speech, runs(checkpoint), settings("spelling", "attribution"), attributions=scores(speech, ["train-1"]))


def test_recordings_of_another_rate_are_refused(tmp_path, checkpoint):
    speech = corpus(tmp_path, 2, labels=WORDS)
    speech.utterances["sample_rate_hz"] = 8000
    with pytest.raises(AnalysisError, match="expected recordings at 16000 Hz, which r/0 reads, found 8000 Hz"):
        listen(speech, runs(checkpoint), settings("spelling"))
