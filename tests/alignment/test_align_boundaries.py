"""Boundaries of planted tokens, and TextGrids that come back through the readers as they were written."""

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from auscult.alignment.boundaries import FrameTimes, segment_table, token_times
from auscult.alignment.ctc import TokenSpans, align_tokens
from auscult.alignment.textgrids import write_textgrid
from auscult.corpora.readers.collection import read_collection
from auscult.corpora.readers.praat import read_textgrid
from auscult.corpora.readers.textgrid import read_textgrids
from auscult.models.frames import FrameTiming

TIMING = FrameTiming(400, 320)


def spans(*pairs):
    starts, stops = np.array(pairs).T
    return TokenSpans(starts, stops, np.full(len(pairs), 0.5))


def times(rate_hz=16000, duration_s=4.0):
    return FrameTimes(TIMING, 16000, round(duration_s * rate_hz), rate_hz)


def test_stretches_within_a_word_are_divided_in_the_middle():
    onsets, offsets = token_times(spans((10, 11), (15, 17)), [0, 0], times(), pause_s=0)
    # Frame i covers 200 + 320 i ± 160 samples.
    assert onsets.tolist() == [200 + 3200 - 160, 200 + 320 * 12 + 160]
    assert offsets.tolist() == [onsets[1], 200 + 320 * 16 + 160]


def test_a_short_stretch_between_words_is_divided_and_a_longer_one_is_a_pause():
    tokens = spans((10, 11), (13, 14), (40, 41))
    onsets, offsets = token_times(tokens, [0, -1, 1], times(duration_s=1.0), pause_s=0.1)
    assert offsets[0] == 200 + 3200 + 160 + 800
    assert onsets[1] == 200 + 320 * 40 - 160 - 800
    joined_onsets, joined_offsets = token_times(tokens, [0, -1, 1], times(duration_s=1.0), pause_s=1)
    assert joined_offsets[0] == joined_onsets[1] == 200 + 320 * 25
    assert (joined_onsets[0], joined_offsets[1]) == (0, 16000)


def test_a_planted_emission_gives_the_boundaries_that_it_was_made_with():
    tokens, edges = [1, 2, 2, 3], [0, 20, 35, 50, 80]
    log_probs = torch.full((80, 4), 0.01)
    for token, begin, end in zip(tokens, edges, edges[1:]):
        log_probs[begin:end, token] = 1
    log_probs[34, 2], log_probs[34, 0] = 0.01, 1  # the blank between equal neighbours
    found = align_tokens(log_probs.log_softmax(-1), tokens, 0)
    onsets, offsets = token_times(found, [0, 0, 0, 0], times(duration_s=2.0), pause_s=0)
    planted = [200 - 160 + 320 * edge for edge in (20, 34.5, 50)]
    assert onsets[1:].tolist() == offsets[:-1].tolist() == planted


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 44100])
def test_times_are_those_of_the_recording_at_its_own_rate(rate_hz):
    onsets, offsets = token_times(spans((0, 1), (99, 100)), [0, 1], times(rate_hz, 2.1), pause_s=0.04)
    assert onsets[0] == 0
    assert abs(onsets[1] / rate_hz - (200 + 320 * 99 - 160) / 16000 + 0.02) <= 0.5 / rate_hz
    assert offsets[1] <= round(2.1 * rate_hz)


def test_a_word_has_the_edges_of_its_tokens_and_their_mean_confidence_by_frame():
    found = TokenSpans(np.array([0, 4, 9, 20]), np.array([2, 5, 10, 21]), np.array([0.9, 0.6, 0.1, 0.5]))
    table = segment_table(["ab", "c"], [*"ab|c"], [0, 0, -1, 1], found, times(), "characters", 0.2)
    words, letters = (rows for _, rows in table.groupby("tier", sort=False))
    assert words["label"].tolist() == ["ab", "c"]
    assert letters["label"].tolist() == [*"abc"]
    assert letters["parent"].tolist() == [0, 0, 1]
    np.testing.assert_allclose(words["confidence"], [(2 * 0.9 + 0.6) / 3, 0.5])
    assert words["n_frames"].tolist() == [3, 1]
    assert words["onset"].tolist() == letters["onset"].iloc[[0, 2]].tolist()
    assert words["offset"].tolist() == letters["offset"].iloc[[1, 2]].tolist()


WORDS = [(1001, 5003, 'say "it"'), (5003, 9999, "naïve"), (12001, 15000, "don't")]
PHONES = [(1001, 3000, "s"), (3000, 5003, "eɪ"), (5003, 9999, "n"), (12001, 15000, "oʊ")]


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 44100, 48000])
def test_a_textgrid_is_read_back_to_the_sample(tmp_path, rate_hz):
    noise = np.random.default_rng(0).normal(0, 0.1, 16001)
    soundfile.write(tmp_path / "a.wav", noise, rate_hz)
    write_textgrid(tmp_path / "a.TextGrid", {"words": WORDS, "phones": PHONES}, 16001, rate_hz)
    utterances, segments = read_textgrids(tmp_path, speaker={"name": "ada"})
    assert utterances["text"].tolist() == [" ".join(label for *_, label in WORDS)]
    for tier, intervals in (("word", WORDS), ("phone", PHONES)):
        rows = segments[(segments["tier"] == tier) & (segments["label"] != "sil")]
        assert list(rows[["onset", "offset", "label"]].itertuples(index=False, name=None)) == intervals
    again = read_collection(tmp_path, recordings=tmp_path, speaker={"name": "ada"})[1]
    pd.testing.assert_frame_equal(again[segments.columns], segments)


def test_gaps_are_intervals_without_a_label(tmp_path):
    write_textgrid(tmp_path / "a.TextGrid", {"words": WORDS, "none": []}, 16000, 16000)
    tiers = read_textgrid(tmp_path / "a.TextGrid")
    assert [label for *_, label in tiers["words"]] == ["", 'say "it"', "naïve", "", "don't", ""]
    assert tiers["none"] == [(0.0, 1.0, "")]
