"""Discrete units of a layer, and how much they tell about labels.

Vectors are clustered by k-means on half of the speakers and assigned on the other half, in both directions. Mutual
information of units and labels is that of Hsu et al. (2021, HuBERT, section IV-F: phone-normalised mutual information,
PNMI), here of segments instead of frames, on held-out speakers, and adjusted for chance as by Vinh, Epps and Bailey
(2010, eq. 8, with the entropy of the labels as upper bound). The plain value rises with the number of units even if
these are drawn at random.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student_t
from sklearn.cluster import KMeans
from sklearn.metrics.cluster import expected_mutual_information

from auscult.statistics.intervals import MIN_GROUPS

__all__ = ["MIN_ITEMS", "UnitCounts", "assign_units", "count_units", "pnmi", "jensen_shannon", "unit_interval"]

# Labels with fewer items in a half have no distribution of units.
MIN_ITEMS = 20

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class UnitCounts:
    """How often items of each label have each unit, by resampled group.

    Parameters
    ----------
    counts : of group, unit and label [shape=(n_groups, n_units, n_labels)]
    halves : the half, 0 or 1, in which the items of each group were assigned to units [shape=(n_groups,)]
    """

    counts: Array
    halves: Array

    def by_half(self, without: int | None = None) -> list[Array]:
        """Return the counts of unit and label in each half [shape=(n_units, n_labels)], also without one group."""
        kept = np.arange(len(self.halves)) != (-1 if without is None else without)
        return [self.counts[kept & (self.halves == half)].sum(axis=0) for half in (0, 1)]


def assign_units(x: Array, groups: Array, n_units: int, seed: int) -> tuple[Array, Array]:
    """Cluster vectors on each half of the groups and return the unit of each item of the other half.

    Parameters
    ----------
    x : vectors, clustered as they are, by Euclidean distance [shape=(n, n_dims)]
    groups : codes from 0 of the resampled groups [shape=(n,)]
    n_units : number of clusters; at most the number of items of a half
    seed : of halves and clusters

    Returns
    -------
    units : of each item, from 0; those of the two halves have nothing to do with each other [shape=(n,)]
    halves : the half of each group [shape=(n_groups,)]
    """
    n_groups = int(groups.max()) + 1
    halves = np.empty(n_groups, dtype=int)
    halves[np.random.default_rng((seed, 5)).permutation(n_groups)] = np.arange(n_groups) % 2
    units = np.empty(len(x), dtype=int)
    for half in (0, 1):
        held_out = halves[groups] == half
        n_clusters = min(n_units, int((~held_out).sum()))
        fitted = KMeans(n_clusters, n_init=1, random_state=seed).fit(x[~held_out])
        units[held_out] = fitted.predict(x[held_out])
    return units, halves


def count_units(units: Array, halves: Array, labels: Array, groups: Array) -> UnitCounts:
    """Count units and labels by group.

    Parameters
    ----------
    units, halves : as returned by :func:`assign_units`
    labels : code from 0 of each item's label [shape=(n,)]
    groups : codes from 0 of the resampled groups [shape=(n,)]
    """
    shape = (len(halves), int(units.max()) + 1, int(labels.max()) + 1)
    flat = np.ravel_multi_index((groups, units, labels), shape)
    return UnitCounts(np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape), halves)


def pnmi(counts: Array) -> float:
    """Return the mutual information of units and labels over the entropy of the labels, adjusted for chance.

    Parameters
    ----------
    counts : of units and labels [shape=(n_units, n_labels)]

    Returns
    -------
    (I − E) / (H − E) with the expected value E of I for random pairs of units and labels: 0 on average if units tell
    nothing, 1 if every unit has a single label. NaN with a single label, or if E reaches H: too few items
    """
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0].astype(np.int64)
    n = counts.sum()
    if counts.shape[1] < 2:
        return float("nan")
    joint = counts / n
    units, labels = joint.sum(axis=1, keepdims=True), joint.sum(axis=0, keepdims=True)
    present = joint > 0
    information = float((joint[present] * np.log(joint[present] / (units * labels)[present])).sum())
    entropy = float(-(labels * np.log(labels)).sum())
    expected = float(expected_mutual_information(counts, int(n))) if len(counts) > 1 else 0.0
    return (information - expected) / (entropy - expected) if entropy - expected > 1e-9 else float("nan")


def jensen_shannon(counts: Array) -> float:
    """Return the Jensen–Shannon divergence (bits, 0 to 1) of the units of two labels, averaged over pairs of labels.

    Labels with fewer than 20 items are left out. Few items raise the value: compare it with shuffled labels.

    Parameters
    ----------
    counts : of units and labels [shape=(n_units, n_labels)]

    Returns
    -------
    the mean (Lin, 1991, eq. 4.1 with equal weights); NaN with fewer than two labels
    """
    totals = counts.sum(axis=0)
    kept = counts[:, totals >= MIN_ITEMS].T
    if len(kept) < 2:
        return float("nan")
    shares = kept / kept.sum(axis=1, keepdims=True)
    one, other = np.triu_indices(len(shares), 1)
    entropies = _entropy(shares)
    divergence = _entropy((shares[one] + shares[other]) / 2) - (entropies[one] + entropies[other]) / 2
    return float(divergence.mean())


def unit_interval(counts: UnitCounts, measure: Any) -> tuple[float, float, float]:
    """Return a measure averaged over both halves, with its 95 % interval.

    The interval is the value ± t times the standard error of the jackknife over groups (Efron and Tibshirani, 1993, eq.
    11.5), since groups that are drawn twice would raise mutual information. It contains no variation of the clustering.

    Parameters
    ----------
    counts : as returned by :func:`count_units`
    measure : :func:`pnmi` or :func:`jensen_shannon`

    Returns
    -------
    value, ci_low, ci_high : the interval is NaN with fewer than six groups
    """
    n = len(counts.halves)
    value = _mean(counts.by_half(), measure)
    if n < MIN_GROUPS or not np.isfinite(value):
        return value, float("nan"), float("nan")
    left_out = np.array([_mean(counts.by_half(without=group), measure) for group in range(n)])
    half_width = student_t.ppf(0.975, n - 1) * np.sqrt((n - 1) / n * np.square(left_out - left_out.mean()).sum())
    return value, float(value - half_width), float(value + half_width)


def _mean(halves: list[Array], measure: Any) -> float:
    return float(np.mean([measure(half) for half in halves]))


def _entropy(shares: Array) -> Array:
    """Return the entropy in bits of each row."""
    logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(-(shares * logs).sum(axis=1))
