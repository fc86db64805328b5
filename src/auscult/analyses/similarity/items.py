"""Items on which spaces are compared: their labels, and the speakers that are held out and resampled."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auscult.analyses.similarity.settings import ALIGNMENTS, Measures
from auscult.statistics.folds import check_disjoint, speaker_folds

__all__ = ["Items"]

# Memory and time of CKA grow with the cube of the number of resampled groups.
_MAX_GROUPS = 40

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Items:
    """Items that two spaces share.

    Parameters
    ----------
    rows : positions in the index [shape=(n,)]
    tier : tier of the items
    speakers : speaker codes from 0 [shape=(n,)]
    groups : codes from 0 of the resampled groups [shape=(n,)]: speakers, or sets of speakers where there are more
        than 40
    folds : the fold of each group [shape=(n_groups,)]
    labels : the condition of each item, or an empty string [shape=(n,)]
    seed : of folds, shuffles and resamples
    """

    rows: Array
    tier: str
    speakers: Array
    groups: Array
    folds: Array
    labels: Array
    seed: int = 0

    @classmethod
    def of(cls, index: pd.DataFrame, rows: Array, measures: Measures, seed: int) -> "Items":
        """Describe the items in some rows of an index; folds are made only for metrics that need them."""
        table = index.iloc[rows]
        names = table["speaker"].astype(str).to_numpy()
        _, first, speakers = np.unique(names, return_index=True, return_inverse=True)
        gender = table["gender"] if "gender" in table else pd.Series("", table.index)
        strata = gender.astype("string").fillna("").to_numpy(dtype=str)
        folds = np.zeros(len(first), dtype=int)
        if set(measures.metrics) & set(ALIGNMENTS):
            fold_of_item = speaker_folds(names, measures.n_folds, seed, strata)
            check_disjoint(names, fold_of_item)
            folds = fold_of_item[first]
        groups = _group_speakers(folds, strata[first], seed)
        folds = folds[np.unique(groups, return_index=True)[1]]
        labels = table["label"].astype("string").fillna("").to_numpy(dtype=str)
        return cls(rows, table["tier"].iloc[0], speakers, groups[speakers], folds, labels, seed)

    @property
    def n_speakers(self) -> int:
        """Number of speakers."""
        return int(self.speakers.max()) + 1

    @property
    def unit(self) -> str:
        """Resampling unit, in the singular."""
        return "speaker" if self.n_speakers == len(self.folds) else "speaker group"

    def conditions(self, maximum: int) -> Array:
        """Return a code from 0 for each of the ``maximum`` most frequent labels, −1 for other items [shape=(n,)]."""
        names, codes, counts = np.unique(self.labels, return_inverse=True, return_counts=True)
        rank = np.empty(len(names), dtype=int)
        rank[np.argsort(np.where(names == "", 0, -counts), kind="stable")] = np.arange(len(names))
        return np.where((rank[codes] < maximum) & (self.labels != ""), rank[codes], -1)


def _group_speakers(folds: Array, strata: Array, seed: int) -> Array:
    """Return a group for each speaker: the speaker alone, or one of at most 40 groups, each within one fold."""
    if len(folds) <= _MAX_GROUPS:
        return np.arange(len(folds))
    names, groups = np.unique(folds), np.empty(len(folds), dtype=int)
    n_each = max(1, _MAX_GROUPS // len(names))
    for place, fold in enumerate(names):
        members = np.flatnonzero(folds == fold)
        groups[members] = place * n_each + speaker_folds(members, min(n_each, len(members)), seed, strata[members])
    return np.unique(groups, return_inverse=True)[1]
