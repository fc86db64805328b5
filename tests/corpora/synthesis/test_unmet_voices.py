"""Companions of first-person corpora: voices that no model has met, and sentences with an exchanged pitch or tract."""

import numpy as np
import pytest

from auscult.corpora.corpus import read_corpus
from auscult.corpora.synthesis.speech import synthesise_corpus
from auscult.corpora.synthesis.unmet_voices import exchange, synthesise_companion
from auscult.corpora.synthesis.voices import draw_voices
from auscult.corpora.translations import read_references
from auscult.errors import ConfigError

SETTINGS = {
    "corpus": "first-person",
    "languages": ["english-first-person"],
    "n_unmet": 6,
    "first_unmet": 6,
    "n_voices": 4,
    "n_exchanged": 1,
    "seed": 2,
}


@pytest.fixture(scope="module")
def companion(tmp_path_factory):
    folder = tmp_path_factory.mktemp("companions") / "first-person"
    synthesise_companion(folder, **SETTINGS)
    return read_corpus(folder)


def test_only_the_named_properties_are_exchanged():
    woman, man = draw_voices(2, "test", 2)
    pitch, tract, both = (exchange(woman, man, what) for what in ("pitch", "tract", "both"))
    assert exchange(woman, man, "own") == woman
    assert (pitch.pitch_hz, pitch.pitch_range, pitch.rate_step) == (man.pitch_hz, man.pitch_range, woman.rate_step)
    assert (tract.pitch_hz, tract.rate_step, tract.formants) == (woman.pitch_hz, man.rate_step, man.formants)
    assert (both.pitch_hz, both.tract) == (man.pitch_hz, man.tract)
    for voice in (pitch, tract, both):
        assert (voice.rate_wpm, voice.breath, voice.tilt) == (woman.rate_wpm, woman.breath, woman.tilt)


def test_an_unknown_property_is_named():
    woman, man = draw_voices(2, "test", 2)
    with pytest.raises(ConfigError, match=r"expected one of own, pitch, tract, both .*, found 'breath'"):
        exchange(woman, man, "breath")


def test_voices_for_probes_are_in_no_corpus(companion, tmp_path):
    synthesise_corpus(
        tmp_path / "met",
        corpus="met",
        languages=["english-first-person"],
        sentences={"train": 6},
        voices={"train": 6},
        seed=SETTINGS["seed"],
        female_share=0.4,
        variation=False,
    )
    met = read_corpus(tmp_path / "met").utterances
    unmet = companion.utterances[companion.utterances["split"] == "train"]
    assert set(unmet["exchanged"]) == {"unmet"}
    assert not set(met["speaker"]) & set(unmet["speaker"])
    assert unmet["gender"].value_counts().to_dict() == {"female": 3, "male": 3}


def test_the_same_sentence_is_spoken_in_four_voices_by_both_genders(companion):
    rows = companion.utterances[companion.utterances["split"] == "test"]
    assert rows.groupby("sentence")["exchanged"].apply(set).map(len).eq(4).all()
    assert rows.groupby(["sentence", "exchanged"]).size().eq(1).all()
    assert rows.groupby("pair")["text"].nunique().eq(1).all()
    assert set(rows.groupby("pair")["gender"].nunique()) == {2}
    references = read_references(companion.folder, companion.utterances).merge(rows[["utterance", "sentence"]])
    assert references.groupby("sentence")["reference"].nunique().eq(1).all()
    women, men = (
        rows[(rows["pair"] == 0) & (rows["gender"] == name)].set_index("exchanged") for name in ("female", "male")
    )
    assert women.loc["pitch", "pitch_hz"] == men.loc["own", "pitch_hz"]
    assert women.loc["pitch", "tract"] == women.loc["own", "tract"]
    assert women.loc["tract", "tract"] == men.loc["own", "tract"]


def test_pauses_before_the_sentence_do_not_depend_on_the_voice(companion):
    rows = companion.utterances[(companion.utterances["split"] == "test") & (companion.utterances["pair"] == 0)]
    onsets = companion.segments[companion.segments["tier"] == "word"].groupby("utterance")["onset"].min()
    for _, part in rows.groupby("sentence"):
        assert np.ptp(onsets[part["utterance"]]) <= 200  # 12.5 ms: eSpeak begins later in a slower voice


def test_equal_settings_give_equal_bytes(companion, tmp_path):
    assert synthesise_companion(tmp_path / "same", **SETTINGS) == companion.manifest


@pytest.mark.parametrize("few", [{"n_unmet": 3}, {"n_exchanged": 0}])
def test_too_few_utterances_are_refused(tmp_path, few):
    with pytest.raises(ConfigError, match="expected at least 4 utterances of unmet voices and 1 sentence per pair"):
        synthesise_companion(tmp_path / "x", **SETTINGS | few)
