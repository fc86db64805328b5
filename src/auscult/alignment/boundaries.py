"""Boundaries of words and tokens between the frames that emit them.

A CTC head emits a token in one frame or few and blanks in between, so the frames of a token say where it is, not where
it begins. Frame *i* stands for the time around the centre of its receptive field, half a hop to either side
(:mod:`auscult.models.frames`). The stretch between the frames of two neighbouring tokens, blanks and word delimiters,
is divided in its middle: without further knowledge this has the smallest largest error. The start of the next token,
as other aligners take it, is late by the time that a model needs to hear a sound. Only between words, and
before the first and after the last one, a stretch may be a pause: what lies further than half of ``pause_s`` from the
frames of a word belongs to no word.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from auscult.alignment.ctc import TokenSpans
from auscult.models.frames import FrameTiming

__all__ = ["FrameTimes", "token_times", "segment_table"]


@dataclass(frozen=True)
class FrameTimes:
    """How frames of a model, which hears a recording at its own rate, become times of the recording.

    Parameters
    ----------
    timing, sample_rate_hz : of the model
    n_samples, rate_hz : length and sample rate of the recording as it is stored
    """

    timing: FrameTiming
    sample_rate_hz: int
    n_samples: int
    rate_hz: int

    def edges_s(self, spans: TokenSpans) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return beginning and end of the frames of each token in seconds, half a hop before and after the centres."""
        centres = self.timing.centres(int(spans.stops.max()))
        half_samples = 2 * self.sample_rate_hz
        hop = self.timing.hop_samples
        return (centres[spans.starts] - hop) / half_samples, (centres[spans.stops - 1] + hop) / half_samples

    def samples(self, times_s: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Return times as samples of the recording, within it."""
        return np.clip(np.rint(times_s * self.rate_hz), 0, self.n_samples).astype(np.int64)


def token_times(
    spans: TokenSpans, word_of: Sequence[int], times: FrameTimes, pause_s: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return onset and offset of each token that is no word delimiter, in samples of the recording.

    Parameters
    ----------
    spans : frames of each token
    word_of : position of the word of each token, -1 for delimiters
    times : how frames become times
    pause_s : longest stretch between two words that is divided between them

    Returns
    -------
    onsets, offsets [shape=(n_tokens without delimiters,)]; those of neighbours in a word are equal
    """
    words = np.asarray(word_of)
    spoken = words >= 0
    begins, ends = (edge[spoken] for edge in times.edges_s(spans))
    middles = (ends[:-1] + begins[1:]) / 2
    between = np.diff(words[spoken]) > 0
    margin = pause_s / 2
    offsets = np.append(np.where(between, np.minimum(middles, ends[:-1] + margin), middles), ends[-1] + margin)
    onsets = np.append(begins[0] - margin, np.where(between, np.maximum(middles, begins[1:] - margin), middles))
    return times.samples(onsets), times.samples(offsets)


def segment_table(
    words: Sequence[str],
    labels: Sequence[str],
    word_of: Sequence[int],
    spans: TokenSpans,
    times: FrameTimes,
    tier: str,
    pause_s: float,
) -> pd.DataFrame:
    """Return the segments of a recording: its words, then its tokens.

    Parameters
    ----------
    words : words of the text
    labels : label of each token, delimiters included
    word_of : position of the word of each token, -1 for delimiters
    spans, times, pause_s : as for :func:`token_times`
    tier : name of the tier of tokens

    Returns
    -------
    table with columns ``tier, index, label, parent`` (index of the word, -1 for words), ``onset, offset`` (samples of
    the recording, integers), ``confidence`` (mean posterior probability in the frames of its tokens) and ``n_frames``
    (number of these frames)
    """
    onsets, offsets = token_times(spans, word_of, times, pause_s)
    place = np.asarray(word_of)
    spoken = place >= 0
    word = place[spoken]
    n_frames = (spans.stops - spans.starts)[spoken]
    confidence = spans.confidence[spoken]
    tokens = pd.DataFrame(
        {
            "tier": tier,
            "index": np.arange(len(word)),
            "label": [label for label, kept in zip(labels, spoken) if kept],
            "parent": word,
            "onset": onsets,
            "offset": offsets,
            "confidence": confidence,
            "n_frames": n_frames,
        }
    )
    first = np.searchsorted(word, np.arange(len(words)))
    last = np.append(first[1:], len(word)) - 1
    totals = np.add.reduceat(n_frames, first)
    spelt = pd.DataFrame(
        {
            "tier": "words",
            "index": np.arange(len(words)),
            "label": list(words),
            "parent": -1,
            "onset": onsets[first],
            "offset": offsets[last],
            "confidence": np.add.reduceat(confidence * n_frames, first) / totals,
            "n_frames": totals,
        }
    )
    return pd.concat([spelt, tokens], ignore_index=True)
