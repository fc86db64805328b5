"""Feature attribution of one prediction: a score for each unit, by method and input.

Gradient methods score every position, and the score of a unit is the sum over its positions. Perturbation methods
remove units by means of a :class:`~auscult.analyses.attribution.perturbation.Game`. Positive scores support the
explained output; saliency has no sign.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from auscult.analyses.attribution.cost import chunk_size, footprint
from auscult.analyses.attribution.gradients import (
    Function,
    complete_integrated_gradients,
    gradients,
    input_x_gradient,
    saliency,
)
from auscult.analyses.attribution.inputs import InputView, unit_spans, view_input
from auscult.analyses.attribution.items import Item, utterance_seed
from auscult.analyses.attribution.perturbation import Game, ablation, kernel_shap, lime, n_coalitions, occlusion
from auscult.analyses.attribution.settings import INTEGRATED, METHODS, UNITS, AttributionSettings
from auscult.errors import AnalysisError
from auscult.models.predictor import Predictor

__all__ = ["METHODS", "UNITS", "attribute", "as_function"]

_BY_UNIT = ("ablation", "lime", "kernel_shap")
# Density of steps near each baseline: models that normalise over time change most close to silence.
_POWERS = {"silence": 3, "noise": 1}


def attribute(
    predictor: Predictor,
    item: Item,
    units: Mapping[str, pd.DataFrame],
    settings: AttributionSettings = AttributionSettings(),
    seed: int = 0,
    *,
    partner_units: Mapping[str, pd.DataFrame] | None = None,
    model: str = "",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Attribute one prediction by every method, on every input, to every unit.

    Scores do not depend on other utterances; they depend on the size of chunks only by rounding. If the item has a
    partner, scores and gaps are the means of both recordings, unit by unit, with the same coalitions: every method is
    linear in the explained output, so that these are the scores of the mean output.

    Parameters
    ----------
    item : utterance and explained output, see :func:`auscult.analyses.attribution.items.prepare_item`
    units : the segments of each unit in order of time, with ``index``, ``label``, ``onset`` and ``offset`` (samples)
    seed, model : of coalitions and noise, from which each utterance of each model derives its own
    partner_units : the partner's segments, as many in each unit as the item's own

    Returns
    -------
    scores : one row per method, input, unit and segment: ``method, input, unit, index, label, onset, offset, score``;
        with frequency bands, the unit ``word band 1`` is the lowest band of each word
    gaps : one row per input and method of integrated gradients: ``input, method, gap`` (f(x) − f(x') − Σ scores) and
        ``difference`` (f(x) − f(x'))

    Raises
    ------
    LabelError
        A segment contains no frame.
    AnalysisError
        One perturbation alone exceeds the memory limit.
    """
    own_seed = utterance_seed(seed, item.utterance, model)
    scores, gaps = _attribute_one(predictor, item, units, settings, own_seed)
    if item.partner is None:
        return scores, gaps
    others, other_gaps = _attribute_one(predictor, item.partner, partner_units or {}, settings, own_seed)
    if len(others) != len(scores):
        raise AnalysisError(
            f"expected as many segments in {item.partner.utterance!r} as in its partner {item.utterance!r} "
            f"({len(scores)} scores), found {len(others)}; pair utterances of the same number of words"
        )
    mean_gaps = {name: (gaps[name] + other_gaps[name]) / 2 for name in ("gap", "difference")}
    return scores.assign(score=(scores["score"] + others["score"]) / 2), gaps.assign(**mean_gaps)


def _attribute_one(
    predictor: Predictor,
    item: Item,
    units: Mapping[str, pd.DataFrame],
    settings: AttributionSettings,
    own_seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return scores and gaps of one recording."""
    scores: list[pd.DataFrame] = []
    gaps: list[dict[str, Any]] = []
    for name in settings.inputs:
        view = view_input(predictor, item.waveform, name, own_seed, item.kept)
        run = _Run(predictor, item, view, settings, own_seed)
        positions = dict(run.by_position())
        for unit in (each for each in settings.units_of(name) if each in units):
            spans = unit_spans(run.view, units[unit], len(item.waveform))
            found = {method: run.gather(method, each, spans) for method, each in positions.items()}
            scores += _rows(found | run.by_unit(spans), units[unit], unit, run.n_bands, settings.methods, name)
        gaps += run.gaps
    return pd.concat(scores, ignore_index=True), pd.DataFrame(gaps, columns=["input", "method", "gap", "difference"])


def as_function(
    predictor: Predictor, item: Item, view: InputView, memory_mb: float
) -> tuple[Function, tuple[int, int]]:
    """Return the explained output as a function of the input, and chunk sizes without and with gradients.

    Raises
    ------
    AnalysisError
        One input alone exceeds the memory limit.
    """

    def function(batch: Tensor) -> Tensor:
        return item.output.score(view.logits(batch))

    what = f"the {view.name} of utterance {item.utterance!r}"
    n_frames = int(predictor.timing.n_frames(len(item.waveform)))
    forward, backward = (
        chunk_size(size, memory_mb, predictor.device.type, what)
        for size in footprint(predictor, function, view.values, n_frames)
    )
    return function, (forward, backward)


class _Run:
    """Attribution of one utterance on one input: scores of positions and of units."""

    def __init__(self, predictor: Predictor, item: Item, view: InputView, settings: AttributionSettings, seed: int):
        self.view, self.settings, self.seed = view, settings, seed
        self.gaps: list[dict[str, Any]] = []
        self.function, (self.chunk, self.steep_chunk) = as_function(predictor, item, view, settings.memory_mb)
        self.n_bands = settings.n_bands if view.name == "spectrogram" else 1
        rate = predictor.sample_rate_hz / 1000 / view.timing.hop_samples
        self.window, self.stride = (max(1, round(ms * rate)) for ms in (settings.window_ms, settings.stride_ms))

    def by_position(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield the scores of each method that scores every position."""
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
        """Return the scores of the methods that remove units."""
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
        """Return the sum over the positions of each unit, or the mean for occlusion, whose windows overlap."""
        bands = [part.sum(axis=1) for part in _bands(scores, self.n_bands)] if scores.ndim > 1 else [scores]
        sums = np.cumsum(np.pad(np.stack(bands, axis=1), ((1, 0), (0, 0))), axis=0)
        totals = sums[spans[:, 1]] - sums[spans[:, 0]]
        return (totals / np.diff(spans) if method == "occlusion" else totals).ravel()

    def _integrate(self, method: str, baseline: str) -> np.ndarray:
        scores, gap = complete_integrated_gradients(
            self.function,
            self.view.values,
            self.view.baselines[baseline],
            max_steps=self.settings.max_steps,
            largest_gap=self.settings.largest_gap,
            power=_POWERS[baseline],
            chunk=self.steep_chunk,
        )
        difference = gap + float(scores.double().sum())
        self.gaps.append({"input": self.view.name, "method": method, "gap": gap, "difference": difference})
        return _array(scores)


def _bands(scores: np.ndarray, n_bands: int) -> list[np.ndarray]:
    """Divide the second axis as a game does; a score of the whole axis is the same in every band."""
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
