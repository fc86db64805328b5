"""Inputs to which a prediction is attributed: the waveform, its spectrogram, or the frames of the front end.

Every view of an utterance has time on its first axis and holds the times of its positions. The convention of
:mod:`auscult.models.frames` decides which positions belong to a phone or a word.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from auscult.analyses.attribution.settings import INPUTS
from auscult.errors import AnalysisError, LabelError
from auscult.models.frames import FrameTiming
from auscult.models.predictor import Predictor

__all__ = ["INPUTS", "BASELINES", "InputView", "view_input", "frame_units", "unit_spans"]

BASELINES = ("silence", "noise")
# 20 dB below the utterance: quiet, but loud enough for group norm. For a small HuBERT, 50 steps of integrated gradients
# left a gap of 0.4 % from this baseline and of 18 % from noise 40 dB below the utterance.
_NOISE_LEVEL = 0.1
_WINDOW_S, _HOP_S = 0.025, 0.00625


@dataclass(frozen=True)
class InputView:
    """One utterance as the input of a predictor.

    Parameters
    ----------
    name : one of :data:`INPUTS`
    values : the input [shape=(n_positions,) or (n_positions, n_dims)]
    logits : the predictor as a differentiable function of a batch of such inputs
    timing : times of the positions
    baselines : values that represent absence, by name, each in the shape of ``values``
    """

    name: str
    values: Tensor
    logits: Callable[[Tensor], Tensor]
    timing: FrameTiming
    baselines: Mapping[str, Tensor]


def view_input(
    predictor: Predictor, waveform: Tensor, name: str, seed: int = 0, kept: tuple[int, int] | None = None
) -> InputView:
    """Return one view of a prepared waveform [shape=(n_samples,)].

    ``waveform`` is the waveform itself. ``spectrogram`` is the magnitude of its short-time Fourier transform (Hann
    windows of 25 ms every 6.25 ms); the inverse transform, with the phase of the utterance, precedes the model. ``cnn``
    are the output frames of the convolutional front end. The baselines are waveforms in the same view: ``silence``
    (zeros after normalisation) and ``noise`` (white, 20 dB below the utterance, drawn from ``seed``). Between the
    samples of ``kept`` (onset, offset) they equal the utterance: this stretch is never absent and receives no score.

    Raises
    ------
    AnalysisError
        There is no such input.
    """
    view = _view(predictor, waveform, name, seed)
    if kept is None:
        return view
    (start, stop), *_ = unit_spans(
        view, pd.DataFrame([{"label": "", "onset": kept[0], "offset": kept[1]}]), len(waveform)
    )
    inside = torch.zeros(len(view.values), *[1] * (view.values.dim() - 1), dtype=torch.bool, device=view.values.device)
    inside[start:stop] = True
    absent = {each: torch.where(inside, view.values, values) for each, values in view.baselines.items()}
    return replace(view, baselines=absent)


def _view(predictor: Predictor, waveform: Tensor, name: str, seed: int) -> InputView:
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
    options: dict[str, Any] = {
        "n_fft": window,
        "hop_length": hop,
        "window": torch.hann_window(window, device=waveform.device),
    }
    transformed, *others = (torch.stft(x, **options, return_complex=True).T for x in (waveform, *absent.values()))
    phase = torch.polar(torch.ones_like(transformed.real), transformed.angle())

    def logits(batch: Tensor) -> Tensor:
        spectra = (batch * phase).transpose(1, 2)
        return predictor.from_waveform(torch.istft(spectra, **options, length=len(waveform)))

    baselines = {name: other.abs() for name, other in zip(absent, others)}
    timing = FrameTiming(window, hop, offset_samples=-window // 2)
    return InputView("spectrogram", transformed.abs(), logits, timing, baselines)


def frame_units(timing: FrameTiming, n_samples: int, hops: int = 1) -> pd.DataFrame:
    """Return frames as units: each covers ``hops`` hops of the model, and together they tile the utterance.

    Returns
    -------
    table : columns ``index``, ``label`` (empty), ``onset`` and ``offset`` in samples
    """
    n_frames = int(timing.n_frames(n_samples))
    edges = (timing.centres(n_frames) - timing.hop_samples)[::hops] // 2
    onset, offset = np.append(0, edges[1:]), np.append(edges[1:], n_samples)
    return pd.DataFrame({"index": np.arange(len(onset)), "label": "", "onset": onset, "offset": offset})


def unit_spans(view: InputView, units: pd.DataFrame, n_samples: int) -> np.ndarray:
    """Return the positions of a view that belong to each unit, as half-open ranges [shape=(n_units, 2), int64].

    A position on the border of two units belongs to the first; a unit that contains no position shares the nearest.
    Positions outside all units, such as unlabelled pauses, are never removed.

    Parameters
    ----------
    units : rows with ``label``, ``onset`` and ``offset`` (samples), in order of time
    n_samples : length of the utterance

    Raises
    ------
    LabelError
        There is no unit, or a unit is empty or outside the utterance.
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
