"""What similarity measures, and on which items: their labels, and the speakers that are held out and resampled."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from auscult.analyses.similarity.cca import ALIGNMENTS
from auscult.analyses.similarity.rsa import CORRELATIONS, DISTANCES
from auscult.errors import AnalysisError
from auscult.statistics.folds import check_disjoint, speaker_folds

__all__ = ["METRICS", "Measures", "Items"]

METRICS = ("cka", *ALIGNMENTS, "rsa")
# CKA takes memory and time with the cube of the groups that are resampled.
_MAX_GROUPS = 40


@dataclass(frozen=True)
class Measures:
    """What is measured, and how.

    Parameters
    ----------
    metrics : of ``cka | cca | svcca | pwcca | procrustes | r2 | rsa``
    distances, correlations : of the dissimilarity matrices of RSA, see :mod:`auscult.analyses.similarity.rsa`
    n_folds : folds of speakers, for the metrics that are fitted
    shrinkage : see :func:`~auscult.analyses.similarity.cca.held_out_alignment`
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
    groups : codes from 0 of what is resampled [shape=(n,)]: speakers, or groups of them where they are more than 40
    folds : the fold of each group [shape=(n_groups,)]
    labels : the condition each belongs to, or nothing [shape=(n,)]
    """

    rows: np.ndarray
    tier: str
    speakers: np.ndarray
    groups: np.ndarray
    folds: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, index: pd.DataFrame, rows: np.ndarray, measures: Measures) -> "Items":
        """Describe the items in some rows of an index; folds are made only for metrics that need them."""
        table = index.iloc[rows]
        names = table["speaker"].astype(str).to_numpy()
        _, first, speakers = np.unique(names, return_index=True, return_inverse=True)
        gender = table["gender"] if "gender" in table else pd.Series("", table.index)
        strata = gender.astype("string").fillna("").to_numpy(dtype=str)
        folds = np.zeros(len(first), dtype=int)
        if set(measures.metrics) & set(ALIGNMENTS):
            of_items = speaker_folds(names, measures.n_folds, measures.seed, strata)
            check_disjoint(names, of_items)
            folds = of_items[first]
        groups = _group_speakers(folds, strata[first], measures.seed)
        folds = folds[np.unique(groups, return_index=True)[1]]
        labels = table["label"].astype("string").fillna("").to_numpy(dtype=str)
        return cls(rows, table["tier"].iloc[0], speakers, groups[speakers], folds, labels)

    @property
    def n_speakers(self) -> int:
        """How many speakers the items have."""
        return int(self.speakers.max()) + 1

    @property
    def unit(self) -> str:
        """What is resampled."""
        return "speaker" if self.n_speakers == len(self.folds) else "speaker group"

    def conditions(self, maximum: int) -> np.ndarray:
        """Return the code of each item's label from 0, and -1 for all but the most frequent."""
        names, codes, counts = np.unique(self.labels, return_inverse=True, return_counts=True)
        rank = np.empty(len(names), dtype=int)
        rank[np.argsort(np.where(names == "", 0, -counts), kind="stable")] = np.arange(len(names))
        return np.where((rank[codes] < maximum) & (self.labels != ""), rank[codes], -1)


def _group_speakers(folds: np.ndarray, strata: np.ndarray, seed: int) -> np.ndarray:
    """Return the group of each speaker: its own, or one of at most 40, none of them in two folds."""
    if len(folds) <= _MAX_GROUPS:
        return np.arange(len(folds))
    names, groups = np.unique(folds), np.empty(len(folds), dtype=int)
    n_each = max(1, _MAX_GROUPS // len(names))
    for place, fold in enumerate(names):
        mine = np.flatnonzero(folds == fold)
        groups[mine] = place * n_each + speaker_folds(mine, min(n_each, len(mine)), seed, strata[mine])
    return np.unique(groups, return_inverse=True)[1]
