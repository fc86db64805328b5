"""Scores of number spelling: right, wrong or unrecognisable, and at chance with the cue silenced."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from french_cues import PLURAL, SINGULAR, tables

from auscult.analyses.spelling.analysis import SPELLING_COLUMNS, SpellingSettings, score_spelling
from auscult.corpora.transcripts import spelt_right
from auscult.errors import AnalysisError

CUES = pd.DataFrame(
    {
        "utterance": "u",
        "target_index": [1, 2],
        "target_pos": ["NOUN", "VERB"],
        "cue_index": 0,
        "number": "plural",
        "word": ["chats", "dansent"],
        "other": ["chat", "danse"],
    }
)


@pytest.mark.parametrize(
    ("hypothesis", "right", "wrong", "exact"),
    [
        ("les chats dansent", [True, True], [False, False], [True, True]),
        ("le chat danse", [False, False], [True, True], [False, False]),
        ("les chates dense", [True, False], [False, True], [False, False]),
        ("les chats", [True, False], [False, False], [True, False]),
        ("x y z", [False, False], [False, False], [False, False]),
        ("", [False, False], [False, False], [False, False]),
    ],
)
def test_the_nearer_spelling_gives_the_number(hypothesis, right, wrong, exact):
    table = spelt_right({"u": "les chats dansent"}, {"u": hypothesis}, CUES)
    assert [table[name].tolist() for name in ("right", "wrong", "exact")] == [right, wrong, exact]


def test_no_cues_give_an_empty_table():
    assert list(spelt_right({}, {}, CUES[:0])["right"]) == []


def test_missing_transcript_raises():
    with pytest.raises(AnalysisError, match="expected a hypothesis for every utterance with cues, found none for 'u'"):
        spelt_right({"u": "les chats dansent"}, {}, CUES)


def test_reference_of_another_sentence_raises():
    with pytest.raises(AnalysisError, match="word 1 of the reference of 'u' to be 'chats', found 'les rois dansent'"):
        spelt_right({"u": "les rois dansent"}, {"u": ""}, CUES)


def corpus(n_pairs, rate_hz=1000, longer=0):
    """Return sentences of eight speakers whose determiner is loud if plural, in a recording of ones.

    Words stand at 100–200, 200–300 and 300–450, phones every 50; of plurals the determiner lasts ``longer``.
    """
    segments, utterances = tables(*([SINGULAR, PLURAL] * n_pairs))
    names = utterances["utterance"]
    plural = dict(zip(names, [False, True] * n_pairs))
    moved = segments["utterance"].map(plural) * longer
    segments["offset"] += moved
    segments["onset"] += moved * (segments["onset"] >= 200)
    utterances = utterances.assign(
        text=["le chat danse", "les chats dansent"] * n_pairs,
        split="test",
        sample_rate_hz=rate_hz,
        speaker=[f"s{i // 2 % 8}" for i in range(len(names))],
    )

    def waveform(name):
        more = longer * plural[name]
        parts = np.zeros(100), np.full(100 + more, 1.0 + plural[name]), np.ones(300)
        return np.concatenate(parts).astype(np.float32)

    return SimpleNamespace(segments=segments, utterances=utterances, waveform=waveform)


def listener(waveforms):
    """Transcribe by the loudness of the determiner alone."""
    return ["les chats dansent" if w[100:200].mean() > 1.2 else "le chat danse" for w in waveforms]


def by_length(waveforms):
    """Transcribe by how long the recording is."""
    return ["les chats dansent" if len(w) > 500 else "le chat danse" for w in waveforms]


def score(source, transcribe):
    settings = SpellingSettings(n_resamples=50)
    table = score_spelling(source, transcribe, corpus="french", model="m", step="9", settings=settings)
    return table, table.set_index(["target", "metric"])


def test_a_model_of_the_cue_is_right_until_the_cue_is_silenced():
    table, rows = score(corpus(8), listener)
    assert list(table.columns) == list(SPELLING_COLUMNS)
    for target in ("all", "noun", "verb"):
        assert rows.loc[(target, "number_right"), "value"] == 1
        assert rows.loc[(target, "number_right_balanced"), "value"] == 1
        assert rows.loc[(target, "number_right_silenced"), "value"] == 0.5
        assert rows.loc[(target, "number_right_silenced"), "chance"] == 0.5
    assert np.isnan(rows.loc[("all", "number_right"), "chance"])
    assert rows.loc[("all", "word_error_rate"), "value"] == 0
    row = table.iloc[0]
    assert (row["corpus"], row["model"], row["step"], row["layer"]) == ("french", "m", "9", "output")
    assert (row["n"], row["n_groups"], row["resampling_unit"]) == (32, 8, "speaker")


def test_a_lens_measures_each_layer():
    source = corpus(8)
    seen = lambda waveform: {"embed": "x", "T1": listener([waveform])[0]}  # noqa: E731
    settings = SpellingSettings(n_resamples=50)
    table = score_spelling(source, listener, lens=seen, corpus="french", model="m", step="9", settings=settings)
    rows = table[table["target"] == "all"].set_index(["layer", "metric"])
    assert rows.loc[("T1", "number_right_balanced"), "value"] == 1
    assert rows.loc[("embed", "number_clear"), "value"] == 0
    assert rows.loc[("T1", "exact"), ["example", "example_of"]].tolist() == ["le chat danse"] * 2
    assert table.loc[table["layer"] == "output", "example"].isna().all()


def test_the_length_of_a_silenced_determiner_carries_no_number():
    _, rows = score(corpus(8, longer=60), by_length)
    assert rows.loc[("noun", "number_right"), "value"] == 1
    assert rows.loc[("noun", "number_right_silenced"), "value"] == 0.5


def test_150_ms_of_silence_replace_the_cue_and_30_ms_of_the_next_word():
    heard = []

    def remember(waveforms):
        heard.extend(waveforms)
        return ["le chat danse"] * len(waveforms)

    # Faded within 80 samples outside of the gap: a recording of ones shows where it begins and ends.
    score(corpus(1, rate_hz=1000), remember)
    silenced = [waveform for waveform in heard if len(waveform) != 500]
    assert {len(waveform) for waveform in silenced} == {500 - 100 - 30 + 150}
    assert (silenced[0][100:250] == 0).all()
    assert (silenced[0][250:] > 0).all()


def test_always_writing_the_more_frequent_number_is_at_chance_when_balanced():
    source = corpus(8)
    source.utterances = source.utterances[~source.utterances["utterance"].isin(["u0", "u2", "u4", "u6", "u8", "u10"])]
    _, rows = score(source, lambda waveforms: ["les chats dansent"] * len(waveforms))
    assert rows.loc[("noun", "number_right"), "value"] == pytest.approx(8 / 10)
    assert rows.loc[("noun", "number_right_balanced"), "value"] == 0.5
    assert rows.loc[("noun", "number_right_silenced"), "value"] == 0.5


def test_without_recognisable_numbers_the_balanced_share_is_missing():
    _, rows = score(corpus(8), lambda waveforms: ["x"] * len(waveforms))
    row = rows.loc[("noun", "number_right_silenced")]
    assert np.isnan(row["value"])
    assert row["n"] == 0
    assert rows.loc[("noun", "number_right"), "value"] == 0


def test_split_without_targets_raises():
    source = corpus(2)
    with pytest.raises(AnalysisError, match="in split 'valid' of corpus 'french', found none in 0 utterances"):
        score_spelling(source, listener, corpus="french", model="m", step="9", settings=SpellingSettings(split="valid"))
