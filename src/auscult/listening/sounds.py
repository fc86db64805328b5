"""The sound of an utterance for the listening page: its recording as it is stored, and a spectrogram as a picture."""

import base64
import io

import numpy as np
from PIL import Image
from scipy.signal import spectrogram

from auscult.corpora.corpus import Corpus

__all__ = ["SPECTROGRAM", "encoded_recording", "encoded_spectrogram"]

_WINDOW_S, _HOP_S, _N_FFT = 0.008, 0.004, 256
_RANGE_DB = 60
SPECTROGRAM = f"Hann window of {1000 * _WINDOW_S:g} ms, every {1000 * _HOP_S:g} ms, {_RANGE_DB} dB below the maximum"


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
