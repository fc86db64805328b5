"""Acoustic baselines of tone probing: contours of F0 or MFCCs around the middle of each syllable."""

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
    """Return log F0 without voicing, since voicing identifies consonants and is no part of the contour."""
    return log_f0(waveform)[:, :1]


CONTOURS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {"f0": _pitch, "mfcc": partial(mfcc, n_cepstra=40)}


def contours(corpus: "Corpus", syllables: pd.DataFrame, features: str) -> np.ndarray:
    """Return 21 frames, 10 ms apart, around the middle of each syllable, concatenated to one vector.

    As in Shen et al. (2024): ``f0`` is log F0 by Praat, 60 to 650 Hz, interpolated through unvoiced frames (21
    values), ``mfcc`` 40 coefficients per frame (840 values). The first and the last frame of the recording stand in
    for frames beyond it.

    Parameters
    ----------
    corpus : with the recordings
    syllables : columns ``utterance, onset, offset`` (in samples)
    features : ``f0`` or ``mfcc``

    Returns
    -------
    vectors [shape=(n_syllables, n_dims), float32]

    Raises
    ------
    AnalysisError
        There is no contour of these features.
    AudioError
        A recording is shorter than one window of 25 ms.
    """
    if features not in CONTOURS:
        raise AnalysisError(f"expected features among {', '.join(CONTOURS)} for a contour, found {features!r}")
    offsets = np.arange(N_CONTOUR_FRAMES) - N_CONTOUR_FRAMES // 2
    vectors: dict[int, np.ndarray] = {}
    middles = ((syllables["onset"] + syllables["offset"]) // 2).to_numpy()
    for utterance, rows in syllables.groupby("utterance", sort=False).indices.items():
        waveform = corpus.waveform(utterance)
        TIMING.require_frame(len(waveform), f"utterance {utterance!r}")
        frames = CONTOURS[features](waveform)
        nearest = TIMING.segment_frames(middles[rows], middles[rows], len(frames))[0]
        around = np.clip(nearest[:, None] + offsets, 0, len(frames) - 1)
        vectors |= {row: contour.ravel() for row, contour in zip(rows, frames[around])}
    return np.stack([vectors[row] for row in range(len(syllables))]).astype(np.float32)
