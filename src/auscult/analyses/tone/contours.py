"""Acoustic contours of syllables: what a model must beat where tone and consonants are read from it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from auscult.errors import AnalysisError
from auscult.models.acoustic import TIMING, log_f0, mfcc

if TYPE_CHECKING:
    from auscult.corpora.corpus import Corpus

__all__ = ["CONTOURS", "N_CONTOUR_FRAMES", "contours"]

N_CONTOUR_FRAMES = 21


def _pitch(waveform: np.ndarray) -> np.ndarray:
    """Return log F0 alone: whether frames are voiced tells consonants, not the contour."""
    return log_f0(waveform)[:, :1]


CONTOURS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {"f0": _pitch, "mfcc": partial(mfcc, n_cepstra=40)}


def contours(corpus: "Corpus", syllables: pd.DataFrame, features: str) -> np.ndarray:
    """Return 21 frames of 10 ms around the middle of each syllable, one after the other in a vector.

    As in Shen et al. (2024): ``f0`` is log F0 by Praat, 60 to 650 Hz, interpolated where there is no voice (21
    values), ``mfcc`` 40 coefficients a frame (840). Frames beyond the recording repeat its first or last one.

    Parameters
    ----------
    corpus : with the recordings
    syllables : columns ``utterance, onset, offset`` (in samples)

    Returns
    -------
    vectors [shape=(n_syllables, n_dims), float32]

    Raises
    ------
    AnalysisError
        There is no contour of these features.
    AudioError
        A recording is shorter than a window of 25 ms.
    """
    if features not in CONTOURS:
        raise AnalysisError(f"expected features among {', '.join(CONTOURS)} for a contour, found {features!r}")
    offsets, vectors = np.arange(N_CONTOUR_FRAMES) - N_CONTOUR_FRAMES // 2, [None] * len(syllables)
    middles = ((syllables["onset"] + syllables["offset"]) // 2).to_numpy()
    for utterance, places in syllables.groupby("utterance", sort=False).indices.items():
        waveform = corpus.waveform(utterance)
        TIMING.require_frame(len(waveform), f"utterance {utterance!r}")
        frames = CONTOURS[features](waveform)
        nearest = TIMING.segment_frames(middles[places], middles[places], len(frames))[0]
        around = np.clip(nearest[:, None] + offsets, 0, len(frames) - 1)
        for place, contour in zip(places, frames[around]):
            vectors[place] = contour.ravel()
    return np.stack(vectors).astype(np.float32)
