"""Comparisons of two spaces over the same items by every metric; each space computes what it needs once."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from auscult.activations.interface import Activations
from auscult.analyses.similarity.cca import Spaces, held_out_alignment
from auscult.analyses.similarity.cka import MIN_DISTINCT, HsicSums, cka_interval, cka_of_items
from auscult.analyses.similarity.items import Items
from auscult.analyses.similarity.rsa import (
    MIN_CONDITIONS,
    Conditions,
    DrawnRdms,
    comparable,
    compare_rdms,
    draw_rdms,
    noise_ceiling,
)
from auscult.analyses.similarity.settings import (
    ALIGNMENTS,
    UNIT_METRICS,
    Alignment,
    Correlation,
    Distance,
    Measures,
    RdmDistance,
)
from auscult.analyses.similarity.units import assign_units, count_units, jensen_shannon, pnmi, unit_interval
from auscult.errors import AnalysisError
from auscult.statistics.moments import CONSTANT_SHARE, JointMoments
from auscult.statistics.standardise import standardise_by_others

__all__ = ["Space", "Chance", "compare_spaces"]

_log = logging.getLogger(__name__)
# A variable of speakers has one value per speaker: with fewer speakers, the interval of a fit would be far too narrow.
_MIN_FITTED_SPEAKERS = 30
_N_SHUFFLES = 20

Array = npt.NDArray[Any]
Kept = TypeVar("Kept")


@dataclass(frozen=True, eq=False)
class Space:
    """Vectors of some items and the statistics that comparisons need, each computed once.

    Parameters
    ----------
    name : of a layer or a reference
    vectors : centred [shape=(n, n_dims), float64]
    mean : the subtracted mean [shape=(n_dims,)]
    items : the items of the rows
    measured : whether vectors are activations, which RSA standardises, and not features of labels
    classes : code from 0 of each item's value, of a space of one-hot vectors [shape=(n,)]
    """

    name: str
    vectors: Array
    mean: Array
    items: Items
    measured: bool = True
    classes: Array | None = None
    _kept: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    @classmethod
    def of(cls, activations: Activations, layer: str, items: Items) -> "Space":
        """Read a layer of a model."""
        return cls.around(activations.load(layer, items.rows), f"layer {layer!r}", layer, items)

    @classmethod
    def around(
        cls, x: Array, where: str, name: str, items: Items, *, measured: bool = True, one_hot: bool = False
    ) -> "Space":
        """Centre vectors after checking that they are finite and vary; ``where`` names them in errors."""
        x = np.asarray(x, dtype=np.float64)
        n_invalid = int((~np.isfinite(x)).any(axis=1).sum())
        if n_invalid:
            raise AnalysisError(
                f"similarity: expected finite vectors, found NaN or infinity in {n_invalid} of {len(x)} rows of "
                f"{where}; check the model's weights and precision, then extract again"
            )
        mean = x.mean(axis=0)
        centred = x - mean
        if np.vdot(centred, centred) <= CONSTANT_SHARE * np.vdot(x, x):
            raise AnalysisError(
                f"similarity: expected features that vary, found {len(x)} items with the same vector in {where}; "
                "leave it out or take other items"
            )
        return cls(name, centred, mean, items, measured, x.argmax(axis=1) if one_hot else None)

    @cached_property
    def moments(self) -> JointMoments:
        """Moments of the space with itself, by group."""
        return JointMoments.of(self.vectors, self.vectors, self.items.groups)

    @cached_property
    def hsic(self) -> HsicSums:
        """Sums for CKA; moments (a d × d block per group) are reused if they exist, but not kept for it."""
        kept = self.__dict__.get("moments")
        return HsicSums.of(kept or JointMoments.of(self.vectors, self.vectors, self.items.groups))

    @cached_property
    def of_speakers(self) -> bool:
        """Whether all items of a speaker have the same vector, such as a one-hot vector of gender."""
        first, speakers = np.unique(self.items.speakers, return_index=True)[1], self.items.speakers
        return len(first) < len(speakers) and np.array_equal(self.vectors, self.vectors[first][speakers])

    def n_conditions(self, measures: Measures) -> int:
        """Return the number of labels that RSA can compare."""
        maximum = measures.max_conditions
        return self._keep(("n_conditions", maximum), lambda: int(self.items.conditions(maximum).max(initial=-1)) + 1)

    def conditions(self, measures: Measures, *, raw: bool = False) -> Conditions:
        """Return the sums of vectors by group and label.

        Activations are standardised with the mean and scale of other groups unless they are wanted ``raw``. Features of
        labels have no noise and are taken as they are: one-hot vectors stay equally far apart.

        Raises
        ------
        AnalysisError
            There are too few labels for RSA.
        """
        raw = raw or not self.measured

        def make() -> Conditions:
            codes, groups = self.items.conditions(measures.max_conditions), self.items.groups
            kept = codes >= 0
            x = self.vectors + self.mean if raw else standardise_by_others(self.vectors, groups)
            return Conditions.of(x[kept], codes[kept], np.unique(groups[kept], return_inverse=True)[1])

        return self._keep(("conditions", measures.max_conditions, raw), make)

    def rdms(self, distance: Distance, measures: Measures) -> DrawnRdms:
        """Return the dissimilarity matrix of the labels and its resamples."""
        n_resamples, seed = measures.n_resamples, self.items.seed
        return self._keep(
            ("rdms", distance, measures.max_conditions, n_resamples),
            lambda: draw_rdms(*self._distanced(distance, measures), n_resamples=n_resamples, seed=seed),
        )

    def ceiling(self, distance: Distance, correlation: Correlation, measures: Measures) -> tuple[float, float]:
        """Return the noise ceiling of RSA with this space."""
        return self._keep(
            ("ceiling", distance, correlation, measures.max_conditions),
            lambda: noise_ceiling(*self._distanced(distance, measures), correlation, seed=self.items.seed),
        )

    def _distanced(self, distance: Distance, measures: Measures) -> tuple[Conditions, RdmDistance]:
        raw = distance == "raw_cosine"
        return self.conditions(measures, raw=raw), cast(RdmDistance, "cosine" if raw else distance)

    def shuffled(self, *stream: int) -> "Space":
        """Return the space with its items in random order, the chance level; ``stream`` numbers the order."""
        order = np.random.default_rng((self.items.seed, *stream)).permutation(len(self.vectors))
        classes = None if self.classes is None else self.classes[order]
        return replace(self, vectors=self.vectors[order], classes=classes, _kept={})

    def units(self, n_units: int) -> tuple[Array, Array]:
        """Return the discrete unit of each item, and the half of the groups in which each group was assigned."""
        return self._keep(
            ("units", n_units), lambda: assign_units(self.vectors, self.items.groups, n_units, self.items.seed)
        )

    def _keep(self, key: tuple[Any, ...], make: Callable[[], Kept]) -> Kept:
        if key not in self._kept:
            self._kept[key] = make()
        return cast(Kept, self._kept[key])


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two spaces over the same items."""

    x: Space
    y: Space

    @cached_property
    def moments(self) -> JointMoments:
        """Moments of x with y, by group."""
        x = self.x.vectors
        return JointMoments.of(x, x if self.x is self.y else self.y.vectors, self.x.items.groups)


def compare_spaces(x: Space, y: Space, measures: Measures) -> Iterator[dict[str, Any]]:
    """Yield one row for each metric of two spaces over the same items: value, interval, n and details.

    A metric that is undefined for a space is left out and logged: RSA with fewer than three labels or with equal
    distances throughout, as between one-hot vectors; metrics of discrete units, those of ``x``, unless ``y`` holds the
    values of a column; CKA if no two speakers share a value, as with speaker identity;
    fitted metrics of a property of fewer than 30 speakers. With fewer than four speakers, CKA is computed over items,
    without interval (:func:`~auscult.analyses.similarity.cka.cka_of_items`).

    Raises
    ------
    AnalysisError
        There are too few items or speakers.
    """
    items, pair = x.items, _Pair(x, y)
    shared = {"n": len(items.rows), "n_groups": len(items.folds), "tier": items.tier, "resampling_unit": items.unit}
    # Computed before CKA, which reuses moments that exist.
    own = [space.moments for space in (x, y)] if set(measures.metrics) & set(ALIGNMENTS) else []
    for metric in measures.metrics:
        if metric == "rsa":
            yield from ({**shared, **row} for row in _compare_rdms(x, y, measures))
            continue
        reason = _why_undefined(metric, x) or _why_undefined(metric, y) or _why_no_units(metric, y)
        if reason:
            _log.info("similarity: %s of %s and %s left out: %s", metric, x.name, y.name, reason)
            continue
        if metric == "cka":
            found = _compare_by_cka(pair, measures)
        elif metric in UNIT_METRICS:
            found = _compare_units(metric, x, y, measures)
        else:
            found = held_out_alignment(
                Spaces(own[0], own[1], pair.moments),
                items.folds,
                cast(Alignment, metric),
                shrinkages=measures.shrinkages,
                n_resamples=measures.n_resamples,
                seed=items.seed,
            )
        if np.isnan(found[0]):
            _log.info("similarity: %s of %s and %s left out: too few items of each label", metric, x.name, y.name)
            continue
        row = dict(zip(("value", "ci_low", "ci_high"), found))
        yield {**shared, "metric": metric, **row, "held_out": "" if metric == "cka" else "speaker"}


def _compare_by_cka(pair: _Pair, measures: Measures) -> tuple[float, float, float]:
    items = pair.x.items
    if len(items.folds) < MIN_DISTINCT:
        return cka_of_items(pair.x.vectors, pair.y.vectors), np.nan, np.nan
    sums = HsicSums.of(pair.moments), pair.x.hsic, pair.y.hsic
    return cka_interval(*sums, n_resamples=measures.n_resamples, seed=items.seed)


def _compare_units(metric: str, x: Space, y: Space, measures: Measures) -> tuple[float, float, float]:
    """Return how much the units of x tell about the classes of y, with an interval unless ``n_resamples`` is 0."""
    assert y.classes is not None  # Otherwise the metric was left out.
    units, halves = x.units(measures.n_units)
    counts = count_units(units, halves, y.classes, x.items.groups)
    measure = pnmi if metric == "pnmi" else jensen_shannon
    if not measures.n_resamples:
        return float(np.mean([measure(half) for half in counts.by_half()])), np.nan, np.nan
    return unit_interval(counts, measure)


def _why_no_units(metric: str, reference: Space) -> str:
    if metric not in UNIT_METRICS:
        return ""
    if reference.classes is None:
        return f"{reference.name} has vectors and no classes"
    n_groups = len(reference.items.folds)
    return f"expected at least 2 speakers, found {n_groups}" if n_groups < 2 else ""


def _why_undefined(metric: str, space: Space) -> str:
    n_speakers = space.items.n_speakers
    if metric == "cka" and len(space.items.folds) >= MIN_DISTINCT and not space.hsic.varies:
        return f"no two speakers share a value of {space.name}"
    if metric in ALIGNMENTS and space.of_speakers and n_speakers < _MIN_FITTED_SPEAKERS:
        return f"{space.name} is a property of the speaker, and there are {n_speakers} (< {_MIN_FITTED_SPEAKERS})"
    return ""


def _compare_rdms(x: Space, y: Space, measures: Measures) -> Iterator[dict[str, Any]]:
    if x.n_conditions(measures) < MIN_CONDITIONS:
        _log.info("similarity: rsa of %s and %s left out: fewer than %d labels", x.name, y.name, MIN_CONDITIONS)
        return
    for distance, correlation in product(measures.distances, measures.correlations):
        one, other = (space.rdms(distance, measures) for space in (x, y))
        if not comparable(one, other):
            _log.info("similarity: rsa of %s and %s left out: all %s distances are equal", x.name, y.name, distance)
            continue
        row = dict(zip(("value", "ci_low", "ci_high"), compare_rdms(one, other, correlation)))
        ceiling = dict(zip(("ceiling_low", "ceiling_high"), x.ceiling(distance, correlation, measures)))
        yield {
            "metric": "rsa",
            "n": int(x.conditions(measures).counts.sum()),
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
    """Chance level of comparisons with a space: the metrics after its items are put in random order.

    RSA between few labels varies strongly between orders and is averaged over twenty of them. Unless distances are
    cross-validated, its chance level is not 0 on average: labels with fewer items have noisier means, which lie farther
    from all others in both spaces.
    """

    def __init__(self, space: Space, measures: Measures) -> None:
        self._once = space.shuffled(3)
        self._measures = replace(measures, n_resamples=0)
        self._rdms: dict[Distance, list[DrawnRdms]] = {distance: [] for distance in measures.distances}
        if "rsa" in measures.metrics and space.n_conditions(measures) >= MIN_CONDITIONS:
            for number in range(_N_SHUFFLES):
                shuffled = space.shuffled(3, number)
                for distance, drawn in self._rdms.items():
                    drawn.append(shuffled.rdms(distance, self._measures))

    def values(self, x: Space, rows: Collection[Mapping[str, Any]]) -> list[float]:
        """Return the chance level for each row of a comparison with ``x``."""
        metrics = tuple({row["metric"]: None for row in rows if row["metric"] != "rsa"})
        fitted = compare_spaces(x, self._once, replace(self._measures, metrics=metrics))
        values = {row["metric"]: row["value"] for row in fitted}
        return [
            self._rsa_value(x, row) if row["metric"] == "rsa" else values.get(row["metric"], np.nan) for row in rows
        ]

    def _rsa_value(self, x: Space, row: Mapping[str, Any]) -> float:
        own = x.rdms(row["distance"], self._measures)
        others = [other for other in self._rdms[row["distance"]] if comparable(own, other)]
        found = [compare_rdms(own, other, row["correlation"])[0] for other in others]
        return float(np.mean(found)) if found else np.nan
