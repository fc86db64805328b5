"""What is erased where: one layer or all, by which method, fitted on frames or on means of utterances, and controls.

At a single layer an eraser is fitted on what the layer holds when nothing is erased. At all layers they are fitted from
the first to the last, each on what is left behind those before it (concept scrubbing: Belrose et al., 2023, section 6).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np

from auscult.analyses.scrubbing.items import ScrubbingItems
from auscult.erasure.erasers import Eraser
from auscult.erasure.fitting import fit_eraser
from auscult.erasure.labels import GENDERS, shuffle_by_speaker
from auscult.errors import AnalysisError
from auscult.statistics.moments import Moments

__all__ = ["ALL", "BLOCKS", "NONE", "SHUFFLED", "Condition", "plan_conditions", "fit_conditions"]

ALL, BLOCKS, NONE, SHUFFLED = "all", "blocks", "none", "shuffled"
# How each method is called in tables, and by which fitter it is made; the last two are controls.
_FITTERS = {
    "leace": "leace",
    "inlp": "inlp",
    "mean_projection": "mean_projection",
    "random": "random",
    SHUFFLED: "leace",
}


class Runs(Protocol):
    """Runs through which erasers are fitted: those of a model, or those of an acoustic baseline."""

    layers: tuple[str, ...]

    def frames(self, names: Sequence[str], layer: str, erasers: Mapping[str, Eraser]) -> Iterator[tuple[list, list]]:
        """Yield batches of utterances and their frames at a layer, with erasers at the layers before it."""
        ...


@dataclass(frozen=True)
class Condition:
    """One way to erase.

    Parameters
    ----------
    method : ``none``, or of :data:`METHODS`: ``leace``, ``inlp``, ``mean_projection``, or the controls ``random`` and
        ``shuffled`` (LEACE of genders that were dealt out anew among the speakers)
    fitted_on : ``frame`` or ``utterance``, whose means count once each
    erased_at : a layer, ``all``, or ``blocks``: all but the front end's, as where one is kept as it is
    """

    method: str = NONE
    fitted_on: Literal["frame", "utterance", ""] = ""
    erased_at: str = ""

    def layers(self, of: Sequence[str]) -> list[str]:
        """Return the layers it erases at, of those of a model."""
        if self.erased_at in (ALL, BLOCKS):
            return [layer for layer in of if self.erased_at == ALL or layer != "cnn"]
        return [layer for layer in of if layer == self.erased_at]


def plan_conditions(layers: Sequence[str], methods: Sequence[str], *, single_layers: bool = True) -> list[Condition]:
    """Return the conditions of a model: nothing erased, one method at each layer, and every method at all layers.

    Parameters
    ----------
    layers : of the model; with one alone, ``all`` is that
    methods : to erase with at all layers, the first of them at each layer and at all behind the front end, too;
        ``leace/utterance`` is LEACE fitted on means of utterances, and everything else is fitted on frames
    single_layers : whether to erase at less than all layers

    Raises
    ------
    AnalysisError
        There is no such method.
    """
    parts = [name.partition("/") for name in methods]
    pairs = [(method, level or "frame") for method, _, level in parts]
    for (method, level), name in zip(pairs, methods):
        if method not in _FITTERS or level not in ("frame", "utterance"):
            raise AnalysisError(
                f"expected methods among {', '.join(_FITTERS)}, perhaps with /utterance behind, found {name!r}; "
                "correct the name"
            )
    parts = [*layers, BLOCKS] if single_layers and len(layers) > 1 else []
    single = [Condition(*pairs[0], part) for part in parts]
    return [Condition(), *single, *(Condition(*pair, ALL) for pair in pairs)]


def fit_conditions(
    runs: Runs,
    items: ScrubbingItems,
    conditions: Sequence[Condition],
    *,
    settings: Mapping[str, Mapping[str, Any]],
    seed: int,
) -> dict[Condition, dict[str, Eraser]]:
    """Return the erasers of each condition by layer, fitted on the utterances whose role is ``erase``.

    Parameters
    ----------
    settings : of each method, as its fitter takes them: ``{"inlp": {"n_iterations": 20}}``
    seed : of random directions and shuffled genders
    """
    fitter = _Fitter(runs, items, settings, seed)
    return {condition: fitter.fit(condition) for condition in conditions}


class _Fitter:
    """Fits erasers; moments of a layer with nothing erased before it are read once for all that need them."""

    def __init__(self, runs: Runs, items: ScrubbingItems, settings: Mapping[str, Mapping[str, Any]], seed: int):
        rows = items.rows("erase")
        self.runs, self.settings, self.seed = runs, settings, seed
        self.names = items["utterance"][rows].tolist()
        codes = items["code"][rows]
        both = np.stack([codes, shuffle_by_speaker(codes, items["speaker"][rows], seed)], axis=1)
        self.one_hot = dict(zip(self.names, np.eye(len(GENDERS))[both].reshape(len(rows), -1)))
        self._kept: dict[str, dict[str, Moments]] = {}

    def fit(self, condition: Condition) -> dict[str, Eraser]:
        erasers: dict[str, Eraser] = {}
        for layer in condition.layers(self.runs.layers):
            # A random direction knows nothing of the layer but its mean, which other random directions barely move.
            before = {} if condition.method == "random" else erasers
            erasers = erasers | {layer: self._fit_layer(condition, layer, before)}
        return erasers

    def _fit_layer(self, condition: Condition, layer: str, before: Mapping[str, Eraser]) -> Eraser:
        moments = self._moments(layer, before)[condition.fitted_on]
        settings = dict(self.settings.get(condition.method, {}))
        if condition.method == "random":
            settings["seed"] = [self.seed, *layer.encode()]
        labelled = _columns(moments, slice(len(GENDERS), None) if condition.method == SHUFFLED else slice(len(GENDERS)))
        return fit_eraser(_FITTERS[condition.method], labelled, GENDERS, **settings)

    def _moments(self, layer: str, before: Mapping[str, Eraser]) -> dict[str, Moments]:
        """Return the moments of a layer, over frames and over utterances, with true and with shuffled genders."""
        if not before and layer in self._kept:
            return self._kept[layer]
        total: dict[str, Moments] = {}
        for names, frames in self.runs.frames(self.names, layer, before):
            for level, moments in self._of_batch(names, [rows.double().cpu().numpy() for rows in frames]):
                total[level] = total[level] + moments if level in total else moments
        if not before:
            self._kept[layer] = total
        return total

    def _of_batch(self, names: Sequence[str], frames: Sequence[np.ndarray]) -> Iterator[tuple[str, Moments]]:
        labels = np.stack([self.one_hot[name] for name in names])
        yield "frame", Moments.of(np.concatenate(frames), np.repeat(labels, [len(rows) for rows in frames], axis=0))
        yield "utterance", Moments.of(np.stack([rows.mean(axis=0) for rows in frames]), labels)


def _columns(moments: Moments, columns: slice) -> Moments:
    """Return moments with some of their targets alone."""
    return replace(moments, sum_y=moments.sum_y[columns], cross=moments.cross[:, columns])
