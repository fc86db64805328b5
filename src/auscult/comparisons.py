"""Comparisons of two spaces over the same items: every measure of similarity from what each space needs once."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from auscult.cca import ALIGNMENTS, Spaces, held_out_alignment
from auscult.cka import HsicSums, cka_interval
from auscult.errors import AnalysisError
from auscult.folds import check_disjoint, speaker_folds
from auscult.moments import JointMoments
from auscult.rsa import CORRELATIONS, DISTANCES, Conditions, DrawnRdms, compare_rdms, draw_rdms, noise_ceiling

__all__ = ["METRICS", "Measures", "Items", "Space", "compare_spaces"]

METRICS = ("cka", *ALIGNMENTS, "rsa")

_log = logging.getLogger(__name__)
# The mean square of a float32 vector hides a variance below this share of it.
_CONSTANT = 1e-13


@dataclass(frozen=True)
class Measures:
    """What is measured, and how.

    Parameters
    ----------
    metrics : of ``cka | cca | svcca | pwcca | procrustes | r2 | rsa``
    distances, correlations : of the dissimilarity matrices of RSA, see :mod:`auscult.rsa`
    n_folds : folds of speakers, for the metrics that are fitted
    shrinkage : see :func:`~auscult.cca.held_out_alignment`
    max_conditions : RSA compares so many of the most frequent labels
    n_resamples : bootstrap samples of an interval
    seed : of sample, folds, shuffling and resampling
    """

    metrics: Sequence[str] = METRICS
    distances: Sequence[str] = ("cosine",)
    correlations: Sequence[str] = ("spearman",)
    n_folds: int = 4
    shrinkage: float = 1e-3
    max_conditions: int = 80
    n_resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        choices = {"metrics": METRICS, "distances": DISTANCES, "correlations": CORRELATIONS}
        for what, exist in choices.items():
            for name in getattr(self, what):
                if name not in exist:
                    raise AnalysisError(f"similarity: expected {what} of {', '.join(exist)}, found {name!r}")


@dataclass(frozen=True)
class Items:
    """The items two spaces share.

    Parameters
    ----------
    rows : positions in the index [shape=(n,)]
    tier : what they are
    speakers : speaker codes from 0 [shape=(n,)]
    folds : the fold of each speaker [shape=(n_speakers,)]
    labels : the condition each belongs to, or nothing [shape=(n,)]
    """

    rows: np.ndarray
    tier: str
    speakers: np.ndarray
    folds: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, index: pd.DataFrame, rows: np.ndarray, measures: Measures) -> "Items":
        """Describe the items in some rows of an index; folds are made only for metrics that need them."""
        table = index.iloc[rows]
        names = table["speaker"].astype(str).to_numpy()
        _, first, speakers = np.unique(names, return_index=True, return_inverse=True)
        folds = np.zeros(len(first), dtype=int)
        if set(measures.metrics) & set(ALIGNMENTS):
            strata = table["gender"].astype("string").fillna("") if "gender" in table else None
            of_items = speaker_folds(names, measures.n_folds, measures.seed, strata)
            check_disjoint(names, of_items)
            folds = of_items[first]
        labels = table["label"].astype("string").fillna("").to_numpy(dtype=str)
        return cls(rows, table["tier"].iloc[0], speakers, folds, labels)

    def conditions(self, maximum: int) -> np.ndarray:
        """Return the code of each item's label from 0, and -1 for all but the most frequent."""
        names, codes, counts = np.unique(self.labels, return_inverse=True, return_counts=True)
        rank = np.empty(len(names), dtype=int)
        rank[np.argsort(np.where(names == "", 0, -counts), kind="stable")] = np.arange(len(names))
        return np.where((rank[codes] < maximum) & (self.labels != ""), rank[codes], -1)


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
    _rdms: dict = field(default_factory=dict)

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
        if np.sum((x - mean) ** 2) <= _CONSTANT * np.sum(x**2):
            raise AnalysisError(
                f"similarity: expected features that vary, found {len(x)} items with the same vector in {where}; "
                "leave it out or take other items"
            )
        return cls(name, x - mean, mean, items)

    @cached_property
    def moments(self) -> JointMoments:
        """The space's own moments, by speaker."""
        return JointMoments.of(self.vectors, self.vectors, self.items.speakers)

    @cached_property
    def hsic(self) -> HsicSums:
        """What CKA needs of them; a d × d block for each speaker is not kept for it."""
        kept = self.__dict__.get("moments")
        return HsicSums.of(kept or JointMoments.of(self.vectors, self.vectors, self.items.speakers))

    def n_labelled(self, measures: Measures) -> int:
        """Return how many items RSA uses."""
        return int((self.items.conditions(measures.max_conditions) >= 0).sum())

    def conditions(self, measures: Measures) -> Conditions:
        """Return the sums of vectors by speaker and label."""
        codes = self.items.conditions(measures.max_conditions)
        kept = codes >= 0
        x = self.vectors[kept] + self.mean
        return Conditions.of(x, codes[kept], np.unique(self.items.speakers[kept], return_inverse=True)[1])

    def rdms(self, distance: str, measures: Measures) -> DrawnRdms:
        """Return the dissimilarity matrix of the labels, and its resamples."""
        if distance not in self._rdms:
            settings = {"n_resamples": measures.n_resamples, "seed": measures.seed}
            self._rdms[distance] = draw_rdms(self.conditions(measures), distance, **settings)
        return self._rdms[distance]

    def shuffled(self, seed: int) -> "Space":
        """Return the space with its items in random order: what is alike by chance."""
        return replace(self, vectors=np.random.default_rng([seed, 3]).permutation(self.vectors), _rdms={})


def compare_spaces(x: Space, y: Space, measures: Measures) -> Iterator[dict]:
    """Yield one row for each measure of two spaces over the same items: value, interval, n and what it rests on.

    RSA is left out, and logged, where all distances of a space are alike, as between one-hot vectors.

    Raises
    ------
    AnalysisError
        There are too few items, conditions or speakers.
    """
    items = x.items
    shared = {"n": len(items.rows), "n_groups": len(items.folds), "tier": items.tier, "resampling_unit": "speaker"}
    settings = {"n_resamples": measures.n_resamples, "seed": measures.seed}
    xy = None
    for metric in measures.metrics:
        if metric == "rsa":
            yield from ({**shared, **row} for row in _compare_rdms(x, y, measures))
            continue
        if xy is None:
            xy = JointMoments.of(x.vectors, x.vectors if x is y else y.vectors, items.speakers)
        if metric == "cka":
            found = cka_interval(HsicSums.of(xy), x.hsic, y.hsic, **settings)
        else:
            spaces = Spaces(x.moments, y.moments, xy)
            found = held_out_alignment(spaces, items.folds, metric, shrinkage=measures.shrinkage, **settings)
        row = dict(zip(("value", "ci_low", "ci_high"), found))
        yield {**shared, "metric": metric, **row, "held_out": "" if metric == "cka" else "speaker"}


def _compare_rdms(x: Space, y: Space, measures: Measures) -> Iterator[dict]:
    for distance, correlation in product(measures.distances, measures.correlations):
        one, other = (space.rdms(distance, measures) for space in (x, y))
        if min(len(np.unique(np.round(space.values[0], 9))) for space in (one, other)) < 2:
            _log.info("similarity: RSA of %s and %s left out: all %s distances are alike", x.name, y.name, distance)
            continue
        found = compare_rdms(one, other, correlation)
        row = dict(zip(("value", "ci_low", "ci_high"), found))
        ceiling = dict(
            zip(("ceiling_low", "ceiling_high"), noise_ceiling(x.conditions(measures), distance, correlation))
        )
        yield {"metric": "rsa", "n": x.n_labelled(measures), **row, **ceiling,
               "distance": distance, "correlation": correlation, "held_out": "",
               "resampling_unit": "speaker and condition", "n_conditions": one.n_conditions}  # fmt: skip
