"""Comparisons of two spaces over the same items: every measure of similarity from what each space needs once."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from auscult.analyses.similarity.cca import ALIGNMENTS, Spaces, held_out_alignment
from auscult.analyses.similarity.cka import MIN_DISTINCT, HsicSums, cka_interval, cka_of_items
from auscult.analyses.similarity.items import Items, Measures
from auscult.analyses.similarity.rsa import (
    MIN_CONDITIONS,
    Conditions,
    DrawnRdms,
    comparable,
    compare_rdms,
    draw_rdms,
    noise_ceiling,
)
from auscult.errors import AnalysisError
from auscult.statistics.moments import CONSTANT_SHARE, JointMoments

__all__ = ["Space", "Chance", "compare_spaces"]

_log = logging.getLogger(__name__)
# A fit that must tell speakers apart knows one value a speaker: with fewer than these, its interval is no interval.
_MIN_FITTED_SPEAKERS = 30
_N_SHUFFLES = 20


@dataclass(frozen=True, eq=False)
class Space:
    """Vectors of some items, and what comparisons need of them, each made once.

    Parameters
    ----------
    name : of a layer or a reference
    vectors : centred [shape=(n, n_dims), float64]
    mean : what was subtracted [shape=(n_dims,)]
    items : that the rows belong to
    """

    name: str
    vectors: np.ndarray
    mean: np.ndarray
    items: Items
    _kept: dict = field(default_factory=dict)

    @classmethod
    def of(cls, activations: Any, layer: str, items: Items) -> "Space":
        """Read a layer of a model."""
        return cls.around(activations.load(layer, items.rows), f"layer {layer!r}", layer, items)

    @classmethod
    def around(cls, x: np.ndarray, where: str, name: str, items: Items) -> "Space":
        """Centre vectors after checking that they are finite and vary."""
        x = np.asarray(x, dtype=np.float64)
        wrong = int((~np.isfinite(x)).any(axis=1).sum())
        if wrong:
            raise AnalysisError(
                f"similarity: expected finite vectors, found NaN or infinity in {wrong} of {len(x)} rows of {where}; "
                "check the model's weights and precision, then extract again"
            )
        mean = x.mean(axis=0)
        centred = x - mean
        if np.vdot(centred, centred) <= CONSTANT_SHARE * np.vdot(x, x):
            raise AnalysisError(
                f"similarity: expected features that vary, found {len(x)} items with the same vector in {where}; "
                "leave it out or take other items"
            )
        return cls(name, centred, mean, items)

    @cached_property
    def moments(self) -> JointMoments:
        """The space's own moments, by group."""
        return JointMoments.of(self.vectors, self.vectors, self.items.groups)

    @cached_property
    def hsic(self) -> HsicSums:
        """What CKA needs of them; a d × d block for each group is not kept for it."""
        kept = self.__dict__.get("moments")
        return HsicSums.of(kept or JointMoments.of(self.vectors, self.vectors, self.items.groups))

    @cached_property
    def of_speakers(self) -> bool:
        """Whether all items of a speaker have the same vector, as its gender has."""
        first, speakers = np.unique(self.items.speakers, return_index=True)[1], self.items.speakers
        return len(first) < len(speakers) and np.array_equal(self.vectors, self.vectors[first][speakers])

    def conditions(self, measures: Measures) -> Conditions | None:
        """Return the sums of vectors by group and label; nothing if there are too few labels for RSA."""

        def make() -> Conditions | None:
            codes = self.items.conditions(measures.max_conditions)
            if codes.max(initial=-1) + 1 < MIN_CONDITIONS:
                return None
            kept = codes >= 0
            x = self.vectors[kept] + self.mean
            return Conditions.of(x, codes[kept], np.unique(self.items.groups[kept], return_inverse=True)[1])

        return self._keep(("conditions", measures.max_conditions), make)

    def rdms(self, distance: str, measures: Measures) -> DrawnRdms:
        """Return the dissimilarity matrix of the labels, and its resamples."""
        settings = {"n_resamples": measures.n_resamples, "seed": measures.seed}
        key = ("rdms", distance, measures.max_conditions, *settings.values())
        return self._keep(key, lambda: draw_rdms(self.conditions(measures), distance, **settings))

    def ceiling(self, distance: str, correlation: str, measures: Measures) -> tuple[float, float]:
        """Return the noise ceiling of RSA with this space."""
        conditions = self.conditions(measures)
        key = ("ceiling", distance, correlation, measures.max_conditions, measures.seed)
        return self._keep(key, lambda: noise_ceiling(conditions, distance, correlation, seed=measures.seed))

    def shuffled(self, *seed: int) -> "Space":
        """Return the space with its items in random order: what is alike by chance."""
        return replace(self, vectors=np.random.default_rng(seed).permutation(self.vectors), _kept={})

    def _keep(self, key: tuple, make: Callable[[], Any]) -> Any:
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]


def compare_spaces(x: Space, y: Space, measures: Measures) -> Iterator[dict]:
    """Yield one row for each measure of two spaces over the same items: value, interval, n and what it rests on.

    A measure that is undefined for a space is left out, and logged: RSA where there are fewer than three labels or
    all distances are alike, as between one-hot vectors; CKA where no two speakers share anything, as of their names;
    fitted measures of a property of fewer than 30 speakers. Fewer than four speakers have CKA over items, without
    interval (:func:`~auscult.analyses.similarity.cka.cka_of_items`).

    Raises
    ------
    AnalysisError
        There are too few items or speakers.
    """
    items, xy = x.items, None
    shared = {"n": len(items.rows), "n_groups": len(items.folds), "tier": items.tier, "resampling_unit": items.unit}
    settings = {"n_resamples": measures.n_resamples, "seed": measures.seed}
    # Before CKA, which takes what it needs from moments that are kept.
    own = [space.moments for space in (x, y)] if set(measures.metrics) & set(ALIGNMENTS) else []
    for metric in measures.metrics:
        if metric == "rsa":
            yield from ({**shared, **row} for row in _compare_rdms(x, y, measures))
            continue
        reason = _why_undefined(metric, x) or _why_undefined(metric, y)
        if reason:
            _log.info("similarity: %s of %s and %s left out: %s", metric, x.name, y.name, reason)
            continue
        if xy is None and (metric != "cka" or len(items.folds) >= MIN_DISTINCT):
            xy = JointMoments.of(x.vectors, x.vectors if x is y else y.vectors, items.groups)
        if metric != "cka":
            spaces = Spaces(*own, xy)
            found = held_out_alignment(spaces, items.folds, metric, shrinkage=measures.shrinkage, **settings)
        elif len(items.folds) >= MIN_DISTINCT:
            found = cka_interval(HsicSums.of(xy), x.hsic, y.hsic, **settings)
        else:
            found = cka_of_items(x.vectors, y.vectors), np.nan, np.nan
        row = dict(zip(("value", "ci_low", "ci_high"), found))
        yield {**shared, "metric": metric, **row, "held_out": "" if metric == "cka" else "speaker"}


def _why_undefined(metric: str, space: Space) -> str:
    n_speakers = space.items.n_speakers
    if metric == "cka" and len(space.items.folds) >= MIN_DISTINCT and not space.hsic.varies:
        return f"no two speakers share anything in {space.name}"
    if metric in ALIGNMENTS and space.of_speakers and n_speakers < _MIN_FITTED_SPEAKERS:
        return f"{space.name} is a property of the speaker, of whom there are {n_speakers} (< {_MIN_FITTED_SPEAKERS})"
    return ""


def _compare_rdms(x: Space, y: Space, measures: Measures) -> Iterator[dict]:
    if x.conditions(measures) is None:
        _log.info("similarity: rsa of %s and %s left out: fewer than %d labels", x.name, y.name, MIN_CONDITIONS)
        return
    for distance, correlation in product(measures.distances, measures.correlations):
        one, other = (space.rdms(distance, measures) for space in (x, y))
        if not comparable(one, other):
            _log.info("similarity: rsa of %s and %s left out: all %s distances are alike", x.name, y.name, distance)
            continue
        row = dict(zip(("value", "ci_low", "ci_high"), compare_rdms(one, other, correlation)))
        ceiling = dict(zip(("ceiling_low", "ceiling_high"), x.ceiling(distance, correlation, measures)))
        n_labelled = int(x.conditions(measures).counts.sum())
        yield {
            "metric": "rsa",
            "n": n_labelled,
            "n_groups": one.n_groups,
            **row,
            **ceiling,
            "distance": distance,
            "correlation": correlation,
            "held_out": "",
            "resampling_unit": f"{x.items.unit} and condition",
            "n_conditions": one.n_conditions,
        }


class Chance:
    """What is alike with a space by chance: with its items in random order.

    RSA between few labels differs much from one order to the next and is averaged over twenty. It is not 0 on average:
    labels with fewer items have noisier means, which lie farther from all others in both spaces.
    """

    def __init__(self, space: Space, measures: Measures) -> None:
        self._once = space.shuffled(measures.seed, 3)
        self._measures = replace(measures, n_resamples=0)
        self._rdms: dict[str, list[DrawnRdms]] = {distance: [] for distance in measures.distances}
        if "rsa" in measures.metrics and space.conditions(measures) is not None:
            for number in range(_N_SHUFFLES):
                shuffled = space.shuffled(measures.seed, 3, number)
                for distance, drawn in self._rdms.items():
                    drawn.append(shuffled.rdms(distance, self._measures))

    def values(self, x: Space, rows: Collection[Mapping[str, Any]]) -> list[float]:
        """Return what each row of a comparison with ``x`` would be by chance."""
        metrics = tuple({row["metric"]: None for row in rows if row["metric"] != "rsa"})
        fitted = compare_spaces(x, self._once, replace(self._measures, metrics=metrics))
        values = {row["metric"]: row["value"] for row in fitted}
        return [
            self._rdm_value(x, row) if row["metric"] == "rsa" else values.get(row["metric"], np.nan) for row in rows
        ]

    def _rdm_value(self, x: Space, row: Mapping[str, Any]) -> float:
        mine = x.rdms(row["distance"], self._measures)
        others = [other for other in self._rdms[row["distance"]] if comparable(mine, other)]
        found = [compare_rdms(mine, other, row["correlation"])[0] for other in others]
        return float(np.mean(found)) if found else np.nan
