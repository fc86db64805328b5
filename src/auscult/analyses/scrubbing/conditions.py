"""Conditions of erasure: the method, the layers, fitting on frames or on utterance means, and controls.

For a single layer, an eraser is fitted on the unerased activations of that layer. For several layers, erasers are
fitted from the first to the last, each on the activations that the erasers before it leave (concept scrubbing: Belrose
et al., 2023, section 6).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, get_args

import numpy as np
from torch import Tensor

from auscult.analyses.scrubbing.columns import ALL, BLOCKS, NONE, SHUFFLED
from auscult.analyses.scrubbing.items import ScrubbingItems
from auscult.erasure.erasers import Eraser
from auscult.erasure.fitting import fit_eraser
from auscult.erasure.labels import GENDERS, shuffle_by_speaker
from auscult.errors import AnalysisError
from auscult.statistics.moments import Moments

__all__ = ["Level", "Runs", "Condition", "plan_conditions", "fit_conditions"]

Level = Literal["frame", "utterance"]
# Fitter of each method by its name in tables; the last two are controls.
_FITTERS = {
    "leace": "leace",
    "inlp": "inlp",
    "mean_projection": "mean_projection",
    "random": "random",
    SHUFFLED: "leace",
}


class Runs(Protocol):
    """Forward passes of a model or an acoustic baseline over utterances, with erasers in place."""

    layers: tuple[str, ...]

    def frames(
        self, names: Sequence[str], layer: str, erasers: Mapping[str, Eraser]
    ) -> Iterator[tuple[Sequence[str], Sequence[Tensor]]]:
        """Yield batches of utterances and their frames at a layer, with erasers at the layers before it."""
        ...

    def run(
        self, names: Sequence[str], erasers: Mapping[str, Eraser]
    ) -> tuple[dict[str, np.ndarray], list[str] | None]:
        """Return pooled vectors of every layer, and transcripts if the model writes any, in the order of the names."""
        ...


@dataclass(frozen=True)
class Condition:
    """A method of erasure, the vectors that fit it, and the layers where it is applied.

    Parameters
    ----------
    method : ``none``, ``leace``, ``inlp``, ``mean_projection``, or one of the controls ``random`` and ``shuffled``
        (LEACE for genders permuted over speakers)
    fitted_on : ``frame``, or ``utterance`` for utterance means
    erased_at : a layer, ``all``, or ``blocks`` for all layers except the front end
    dose : share of what the eraser would subtract that is subtracted, 0 to 1
    """

    method: str = NONE
    fitted_on: Level | Literal[""] = ""
    erased_at: str = ""
    dose: float = 1.0

    def layers(self, of: Sequence[str]) -> list[str]:
        """Return the layers of a model at which gender is erased."""
        if self.erased_at in (ALL, BLOCKS):
            return [layer for layer in of if self.erased_at == ALL or layer != "cnn"]
        return [layer for layer in of if layer == self.erased_at]


def plan_conditions(
    layers: Sequence[str], methods: Sequence[str], *, single_layers: bool, doses: Sequence[float] = ()
) -> list[Condition]:
    """Return the conditions of a model: nothing erased, one method at each layer, and every method at all layers.

    Parameters
    ----------
    layers : layers of the model
    methods : methods applied at all layers; the first is also applied at each layer alone and at all layers except the
        front end. ``leace/utterance`` is LEACE fitted on utterance means; by default, erasers are fitted on frames
    single_layers : whether to erase also at each layer alone, and at all layers except the front end
    doses : shares of the first method's erasure at the first layer alone, with ``single_layers``; they come first

    Raises
    ------
    AnalysisError
        There is no such method.
    """
    pairs = [_parse_method(name) for name in methods]
    # Without a front end among the layers (Whisper), all layers but the front end are all layers.
    blocks = [BLOCKS] if "cnn" in layers else []
    places = [*layers, *blocks] if single_layers and len(layers) > 1 else []
    single = [Condition(*pairs[0], layers[0], dose) for dose in sorted(doses) if places]
    single += [Condition(*pairs[0], place) for place in places]
    return [Condition(dose=0.0), *single, *(Condition(*pair, ALL) for pair in pairs)]


def fit_conditions(
    runs: Runs,
    items: ScrubbingItems,
    conditions: Sequence[Condition],
    *,
    fitters: Mapping[str, Mapping[str, Any]],
    seed: int,
) -> dict[Condition, dict[str, Eraser]]:
    """Return the erasers of each condition by layer, fitted on the utterances whose role is ``erase``.

    Parameters
    ----------
    runs : forward passes of the model
    items : utterances with their roles and genders
    conditions : conditions to fit
    fitters : settings of each method's fitter, such as ``{"inlp": {"n_iterations": 20}}``
    seed : of random directions and shuffled genders
    """
    fitter = _Fitter(runs, items, fitters, seed)
    return {condition: fitter.fit(condition) for condition in conditions}


def _parse_method(name: str) -> tuple[str, Level]:
    method, _, written = name.partition("/")
    level = next((known for known in get_args(Level) if known == (written or "frame")), None)
    if method not in _FITTERS or level is None:
        raise AnalysisError(
            f"expected methods among {', '.join(_FITTERS)}, optionally followed by /utterance, found {name!r}; "
            "correct the name"
        )
    return method, level


class _Fitter:
    """Fits erasers; the moments of a layer with nothing erased before it are computed once for all conditions."""

    def __init__(self, runs: Runs, items: ScrubbingItems, fitters: Mapping[str, Mapping[str, Any]], seed: int):
        rows = items.rows("erase")
        self.runs, self.fitters, self.seed = runs, fitters, seed
        self.names = items["utterance"][rows].tolist()
        codes = items["code"][rows]
        both = np.stack([codes, shuffle_by_speaker(codes, items["speaker"][rows], seed)], axis=1)
        self.one_hot = dict(zip(self.names, np.eye(len(GENDERS))[both].reshape(len(rows), -1)))
        self._kept: dict[str, dict[str, Moments]] = {}

    def fit(self, condition: Condition) -> dict[str, Eraser]:
        erasers: dict[str, Eraser] = {}
        for layer in condition.layers(self.runs.layers):
            # A random direction depends on the layer's mean only, which other random directions hardly change.
            before = {} if condition.method == "random" else erasers
            erasers = erasers | {layer: self._fit_layer(condition, layer, before).partial(condition.dose)}
        return erasers

    def _fit_layer(self, condition: Condition, layer: str, before: Mapping[str, Eraser]) -> Eraser:
        moments = self._moments(layer, before)[str(condition.fitted_on)]
        options = dict(self.fitters.get(condition.method, {}))
        if condition.method == "random":
            options["seed"] = [self.seed, *layer.encode()]
        labelled = _columns(moments, slice(len(GENDERS), None) if condition.method == SHUFFLED else slice(len(GENDERS)))
        return fit_eraser(_FITTERS[condition.method], labelled, GENDERS, **options)

    def _moments(self, layer: str, before: Mapping[str, Eraser]) -> dict[str, Moments]:
        """Return the moments of a layer, over frames and over utterances, with true and with shuffled genders."""
        if not before and layer in self._kept:
            return self._kept[layer]
        total: dict[str, Moments] = {}
        for names, frames in self.runs.frames(self.names, layer, before):
            for level, moments in self._batch_moments(names, [rows.double().cpu().numpy() for rows in frames]):
                total[level] = total[level] + moments if level in total else moments
        if not before:
            self._kept[layer] = total
        return total

    def _batch_moments(self, names: Sequence[str], frames: Sequence[np.ndarray]) -> Iterator[tuple[str, Moments]]:
        labels = np.stack([self.one_hot[name] for name in names])
        yield "frame", Moments.of(np.concatenate(frames), np.repeat(labels, [len(rows) for rows in frames], axis=0))
        yield "utterance", Moments.of(np.stack([rows.mean(axis=0) for rows in frames]), labels)


def _columns(moments: Moments, columns: slice) -> Moments:
    """Return moments restricted to some of their targets."""
    return replace(moments, sum_y=moments.sum_y[columns], cross=moments.cross[:, columns])
