"""The methods of feature attribution on one prediction: a score for each unit of time, by method and input.

Methods that follow gradients score every position, and a unit's score is the sum over its own; methods that take units
away ask a :class:`~auscult.analyses.attribution.perturbation.Game`. Positive speaks for the target; saliency has no
sign.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from torch import Tensor

from auscult.analyses.attribution.cost import chunk_size, footprint
from auscult.analyses.attribution.gradients import Function, gradients, input_x_gradient, integrated_gradients, saliency
from auscult.analyses.attribution.inputs import INPUTS, InputView, unit_spans, view_input
from auscult.analyses.attribution.items import Item, utterance_seed
from auscult.analyses.attribution.perturbation import Game, ablation, kernel_shap, lime, n_coalitions, occlusion
from auscult.errors import AnalysisError
from auscult.models.predictor import Predictor

__all__ = ["METHODS", "INTEGRATED", "UNITS", "Settings", "attribute", "as_function"]

INTEGRATED = {"integrated_gradients": "silence", "integrated_gradients_noise": "noise"}
# From silence, steps lie where group norm changes what is heard; see integrated_gradients.
_POWER = {"silence": 4, "noise": 1}
_BY_UNIT = ("ablation", "lime", "kernel_shap")
METHODS = ("saliency", "input_x_gradient", *INTEGRATED, "occlusion", *_BY_UNIT)
UNITS = ("frame", "phone", "word")


@dataclass(frozen=True)
class Settings:
    """How predictions are attributed.

    Parameters
    ----------
    methods, inputs, units : some of :data:`METHODS`, :data:`~auscult.analyses.attribution.inputs.INPUTS`, :data:`UNITS`
    n_samples : coalitions of LIME and KernelSHAP, at least; 8 for each unit where that is more, and all of them where
        there are no more
    n_steps : points of the path of integrated gradients
    window_ms, stride_ms : of occlusion
    n_bands : bands of frequency into which the units of a spectrogram are cut
    frame_hops : hops of the model in one unit ``frame``
    frame_inputs : inputs of which frames are units, where they are among ``units``; other units are of every input
    memory_mb : of activations; perturbations run in chunks that fit
    seed : of coalitions and noise; every utterance has its own
    """

    methods: Sequence[str] = METHODS
    inputs: Sequence[str] = INPUTS
    units: Sequence[str] = UNITS
    n_samples: int = 256
    n_steps: int = 50
    window_ms: float = 100
    stride_ms: float = 50
    n_bands: int = 1
    frame_hops: int = 1
    frame_inputs: Sequence[str] = INPUTS
    memory_mb: float = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        for kind, known in (("methods", METHODS), ("inputs", INPUTS), ("frame_inputs", INPUTS), ("units", UNITS)):
            for name in getattr(self, kind):
                if name not in known:
                    raise AnalysisError(f"expected {kind} among {', '.join(known)}, found {name!r}; correct the name")

    def units_of(self, name: str) -> list[str]:
        """Return the units that an input is cut into."""
        return [unit for unit in self.units if unit != "frame" or name in self.frame_inputs]


def attribute(
    predictor: Predictor, item: Item, units: Mapping[str, pd.DataFrame], settings: Settings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Attribute one prediction by every method, on every input, to every unit.

    Scores do not depend on what else is attributed, and on the size of chunks only by rounding.

    Parameters
    ----------
    item : utterance and target, see :func:`auscult.analyses.attribution.items.explained`
    units : for each unit its segments in order of time, with ``index``, ``label``, ``onset`` and ``offset`` (samples)
    settings : what is done

    Returns
    -------
    scores : one row for each method, input, unit and segment: ``method, input, unit, index, label, onset, offset,
        score``; with bands of frequency, unit ``word band 1`` is the lowest of each word
    gaps : one row for each input and method of integrated gradients: ``input, method, gap`` (f(x) − f(x') − Σ
        scores) and ``difference`` (f(x) − f(x'))

    Raises
    ------
    LabelError
        A segment has no frame.
    AnalysisError
        Not even one perturbation fits into memory.
    """
    seed = utterance_seed(settings.seed, item.utterance)
    scores, gaps = [], []
    for name in settings.inputs:
        run = _Run(predictor, item, view_input(predictor, item.waveform, name, seed), settings, seed)
        positions = dict(run.by_position())
        for unit in settings.units_of(name):
            spans = unit_spans(run.view, units[unit], len(item.waveform))
            found = {method: run.gather(method, each, spans) for method, each in positions.items()}
            scores += _rows(found | run.by_unit(spans), units[unit], unit, run.n_bands, settings.methods, name)
        gaps += run.gaps
    return pd.concat(scores, ignore_index=True), pd.DataFrame(gaps, columns=["input", "method", "gap", "difference"])


def as_function(
    predictor: Predictor, item: Item, view: InputView, memory_mb: float
) -> tuple[Function, tuple[int, int]]:
    """Return the target as a function of the input, and how many inputs run at once without and with gradients.

    Raises
    ------
    AnalysisError
        Not even one fits into memory.
    """

    def function(batch: Tensor) -> Tensor:
        return item.target.score(view.logits(batch))

    what = f"the {view.name} of utterance {item.utterance!r}"
    n_frames = int(predictor.timing.n_frames(len(item.waveform)))
    sizes = footprint(predictor, function, view.values, n_frames)
    return function, tuple(chunk_size(size, memory_mb, predictor.device.type, what) for size in sizes)


class _Run:
    """One utterance through one input: scores of every position, and of any units."""

    def __init__(self, predictor: Predictor, item: Item, view: InputView, settings: Settings, seed: int):
        self.view, self.settings, self.seed, self.gaps = view, settings, seed, []
        self.function, (self.chunk, self.steep_chunk) = as_function(predictor, item, view, settings.memory_mb)
        self.n_bands = settings.n_bands if view.name == "spectrogram" else 1
        rate = predictor.sample_rate_hz / 1000 / view.timing.hop_samples
        self.window, self.stride = (max(1, round(ms * rate)) for ms in (settings.window_ms, settings.stride_ms))

    def by_position(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield the methods that score every position, each with its scores."""
        values, silence, methods = self.view.values, self.view.baselines["silence"], self.settings.methods
        if {"saliency", "input_x_gradient"} & set(methods):
            gradient = gradients(self.function, values[None])[1][0]
            yield "saliency", _array(saliency(gradient))
            yield "input_x_gradient", _array(input_x_gradient(gradient, values))
        for method in (name for name in methods if name in INTEGRATED):
            yield method, self._integrate(method, INTEGRATED[method])
        if "occlusion" in methods:
            size = {"width": self.window, "stride": self.stride, "chunk": self.chunk}
            losses = occlusion(self.function, values, silence, **size)
            yield "occlusion", losses.reshape(-1, *[1] * (values.dim() - 1))

    def by_unit(self, spans: np.ndarray) -> dict[str, np.ndarray]:
        """Return the scores of the methods that take units away."""
        game = Game(
            self.function,
            self.view.values,
            self.view.baselines["silence"],
            spans,
            n_bands=self.n_bands,
            chunk=self.chunk,
        )
        n_samples = n_coalitions(game.n_players, self.settings.n_samples)
        of_method = {
            "ablation": lambda: ablation(game),
            "lime": lambda: lime(game, n_samples, self.seed),
            "kernel_shap": lambda: kernel_shap(game, n_samples, self.seed),
        }
        return {method: of_method[method]() for method in self.settings.methods if method in _BY_UNIT}

    def gather(self, method: str, scores: np.ndarray, spans: np.ndarray) -> np.ndarray:
        """Return the sum over the positions of each player; of occlusion, whose windows overlap, the mean."""
        bands = [part.sum(axis=1) for part in _bands(scores, self.n_bands)] if scores.ndim > 1 else [scores]
        sums = np.cumsum(np.pad(np.stack(bands, axis=1), ((1, 0), (0, 0))), axis=0)
        totals = sums[spans[:, 1]] - sums[spans[:, 0]]
        return (totals / np.diff(spans) if method == "occlusion" else totals).ravel()

    def _integrate(self, method: str, baseline: str) -> np.ndarray:
        scores, gap = integrated_gradients(
            self.function,
            self.view.values,
            self.view.baselines[baseline],
            n_steps=self.settings.n_steps,
            power=_POWER[baseline],
            chunk=self.steep_chunk,
        )
        difference = gap + float(scores.double().sum())
        self.gaps.append({"input": self.view.name, "method": method, "gap": gap, "difference": difference})
        return _array(scores)


def _bands(scores: np.ndarray, n_bands: int) -> list[np.ndarray]:
    """Cut the second axis as a game does; what stands for all of it is the same in every band."""
    if scores.shape[1] == 1:
        return [scores] * n_bands
    band = np.arange(scores.shape[1]) * n_bands // scores.shape[1]
    return [scores[:, band == place] for place in range(n_bands)]


def _rows(
    found: Mapping[str, np.ndarray], segments: pd.DataFrame, unit: str, n_bands: int, methods: Sequence[str], name: str
) -> list[pd.DataFrame]:
    about = segments[["index", "label", "onset", "offset"]]
    return [
        about.assign(
            method=method,
            input=name,
            unit=f"{unit} band {band + 1}" if n_bands > 1 else unit,
            score=found[method][band::n_bands],
        )
        for method in methods
        for band in range(n_bands)
    ]


def _array(scores: Tensor) -> np.ndarray:
    return scores.double().cpu().numpy()
