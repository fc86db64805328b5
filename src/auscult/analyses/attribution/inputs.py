"""What a prediction is attributed to: the waveform, its spectrogram or the front end's frames, in units of time.

Every view of an utterance has time on its first axis and knows the times of its positions, so that the convention of
:mod:`auscult.models.frames` says which of them belong to a phone or a word.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from auscult.errors import AnalysisError, LabelError
from auscult.models.frames import FrameTiming
from auscult.models.predictor import Predictor

__all__ = ["INPUTS", "BASELINES", "InputView", "view_input", "frame_units", "unit_spans"]

INPUTS = ("waveform", "spectrogram", "cnn")
BASELINES = ("silence", "noise")
# 20 dB below the utterance: quiet, yet enough for group norm to have something to normalise. Of a small HuBERT, 50
# steps of integrated gradients left a gap of 0.4 % from here, of 18 % from 40 dB below.
_NOISE_LEVEL = 0.1
_WINDOW_S, _HOP_S = 0.025, 0.00625


@dataclass(frozen=True)
class InputView:
    """One utterance as the input of a predictor.

    Parameters
    ----------
    name : one of :data:`INPUTS`
    values : the input itself [shape=(n_positions,) or (n_positions, n_dims)]
    logits : the predictor as a differentiable function of a batch of such inputs
    timing : times of the positions
    baselines : what stands for absence, by name, each of the shape of ``values``
    """

    name: str
    values: Tensor
    logits: Callable[[Tensor], Tensor]
    timing: FrameTiming
    baselines: Mapping[str, Tensor]


def view_input(predictor: Predictor, waveform: Tensor, name: str, seed: int = 0) -> InputView:
    """Return one view of a prepared waveform [shape=(n_samples,)].

    ``waveform`` is the waveform. ``spectrogram`` is the magnitude of its short-time Fourier transform (Hann windows of
    25 ms each 6.25 ms); the inverse transform, with the phase of the utterance, stands in front of the model. ``cnn``
    are the frames that leave the convolutional front end. The baselines ``silence`` (zeros after normalisation) and
    ``noise`` (white, 20 dB below the utterance, drawn from ``seed``) are waveforms seen through the same view.

    Raises
    ------
    AnalysisError
        There is no such input.
    """
    noise = torch.randn(len(waveform), generator=torch.Generator().manual_seed(seed)).to(waveform)
    absent = {"silence": torch.zeros_like(waveform), "noise": _NOISE_LEVEL * waveform.std() * noise}
    match name:
        case "waveform":
            return InputView(name, waveform, predictor.from_waveform, FrameTiming(1, 1), absent)
        case "spectrogram":
            return _spectrogram(predictor, waveform, absent)
        case "cnn":
            with torch.no_grad():
                values, *baselines = (predictor.cnn(x[None])[0] for x in (waveform, *absent.values()))
            return InputView(name, values, predictor.from_cnn, predictor.timing, dict(zip(absent, baselines)))
        case _:
            raise AnalysisError(f"expected one of the inputs {', '.join(INPUTS)}, found {name!r}; correct the name")


def _spectrogram(predictor: Predictor, waveform: Tensor, absent: Mapping[str, Tensor]) -> InputView:
    window, hop = (2 * round(predictor.sample_rate_hz * seconds / 2) for seconds in (_WINDOW_S, _HOP_S))
    options = {"n_fft": window, "hop_length": hop, "window": torch.hann_window(window, device=waveform.device)}
    transformed, *others = (torch.stft(x, **options, return_complex=True).T for x in (waveform, *absent.values()))
    phase = torch.polar(torch.ones_like(transformed.real), transformed.angle())

    def logits(batch: Tensor) -> Tensor:
        spectra = (batch * phase).transpose(1, 2)
        return predictor.from_waveform(torch.istft(spectra, **options, length=len(waveform)))

    baselines = {name: other.abs() for name, other in zip(absent, others)}
    timing = FrameTiming(window, hop, offset_samples=-window // 2)
    return InputView("spectrogram", transformed.abs(), logits, timing, baselines)


def frame_units(timing: FrameTiming, n_samples: int, hops: int = 1) -> pd.DataFrame:
    """Return the model's frames as units: each covers ``hops`` hops around the centres of as many frames.

    The first starts with the utterance and the last ends with it, so that they tile it.

    Returns
    -------
    table of ``index``, ``label`` (empty), ``onset`` and ``offset`` in samples
    """
    n_frames = int(timing.n_frames(n_samples))
    edges = (timing.centres(n_frames) - timing.hop_samples)[::hops] // 2
    onset, offset = np.append(0, edges[1:]), np.append(edges[1:], n_samples)
    return pd.DataFrame({"index": np.arange(len(onset)), "label": "", "onset": onset, "offset": offset})


def unit_spans(view: InputView, units: pd.DataFrame, n_samples: int) -> np.ndarray:
    """Return the positions of a view that belong to each unit, as half-open ranges [shape=(n_units, 2), int64].

    A position on the border of two units belongs to the first; a unit without a position of its own shares the
    nearest. What no unit covers, such as a pause without a label, is never removed.

    Parameters
    ----------
    units : rows with ``label``, ``onset`` and ``offset`` (samples), in order of time
    n_samples : of the utterance

    Raises
    ------
    LabelError
        There is no unit, or one is empty or outside of the utterance, so that no frame is its own.
    """
    onset, offset = (units[name].to_numpy(np.int64) for name in ("onset", "offset"))
    wrong = np.flatnonzero((offset <= onset) | (onset >= n_samples) | (offset <= 0))
    if len(wrong) or units.empty:
        found = "no segment" if units.empty else f"none in {_describe(units.iloc[wrong[0]])}"
        raise LabelError(
            f"expected at least one frame in every segment of an utterance of {n_samples} samples, found {found}; "
            "correct its labels, or leave the utterance out"
        )
    starts, stops, _ = view.timing.segment_frames(onset, offset, len(view.values))
    own = np.maximum(starts, np.maximum.accumulate(np.append(0, stops[:-1])))
    return np.stack([np.where(own < stops, own, starts), stops], axis=1)


def _describe(unit: pd.Series) -> str:
    return f"{unit['label']!r} at samples {unit['onset']}–{unit['offset']}"
