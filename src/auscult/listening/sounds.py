"""The sound of an utterance for the listening page: its recording as it is stored, a spectrogram, and its F0."""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image
from scipy.signal import spectrogram

from auscult.corpora.corpus import Corpus
from auscult.models.acoustic import F0_CEILING_HZ, F0_FLOOR_HZ, TIMING, log_f0

__all__ = ["SPECTROGRAM", "F0", "encoded_recording", "encoded_spectrogram", "f0_track"]

_WINDOW_S, _HOP_S, _N_FFT = 0.008, 0.004, 256
_RANGE_DB = 60
SPECTROGRAM = f"Hann window of {1000 * _WINDOW_S:g} ms, every {1000 * _HOP_S:g} ms, {_RANGE_DB} dB below the maximum"

F0 = f"by Praat's autocorrelation (Boersma, 1993), {F0_FLOOR_HZ:g} to {F0_CEILING_HZ:g} Hz, every 10 ms"


def f0_track(waveform: np.ndarray) -> dict[str, Any]:
    """Return F0 in Hz every 10 ms, 0 in unvoiced frames, with the times of the frames in samples.

    Parameters
    ----------
    waveform : samples at 16 kHz [shape=(n_samples,)]

    Returns
    -------
    track : ``first`` and ``hop`` in samples, and ``hz``, a whole number for each frame
    """
    contour, voiced = log_f0(waveform).T
    hz = np.where(voiced > 0, np.rint(np.exp(contour)), 0).astype(int)
    return {"first": float(TIMING.centres(1)[0]) / 2, "hop": TIMING.hop_samples, "hz": hz.tolist()}


def encoded_recording(corpus: Corpus, utterance: str) -> str:
    """Return the FLAC file of an utterance as base64: the samples that the models heard."""
    row = corpus.utterances.loc[corpus.utterances["utterance"] == utterance].iloc[0]
    return base64.b64encode((corpus.folder / row["path"]).read_bytes()).decode()


def encoded_spectrogram(waveform: np.ndarray, rate_hz: int) -> str:
    """Return a wideband spectrogram as a PNG in base64, black where it is loudest, 0 Hz in the last row.

    Each column is one window; the first and the last are centred on the first and the last sample.
    """
    window, hop = round(_WINDOW_S * rate_hz), round(_HOP_S * rate_hz)
    padded = np.pad(waveform, window // 2)
    _, _, power = spectrogram(
        padded, rate_hz, window="hann", nperseg=window, noverlap=window - hop, nfft=max(_N_FFT, window), detrend=False
    )
    decibels = 10 * np.log10(np.maximum(power, 1e-20))
    shade = np.clip((decibels.max() - decibels) / _RANGE_DB, 0, 1)
    stream = io.BytesIO()
    Image.fromarray(np.rint(255 * shade[::-1]).astype(np.uint8)).save(stream, "PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()
