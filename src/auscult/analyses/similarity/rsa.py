"""Representational similarity analysis (RSA): correlations of the distances between conditions in two spaces.

A condition is a label; its vector is the mean of its items. A representational dissimilarity matrix (RDM) holds the
distance of every two conditions (Kriegeskorte et al., 2008). Its entries are not independent, so intervals resample
speakers and conditions.

The mean of a rare label is noisy and for this alone lies far from all others, in every space. Cross-validated
distances multiply vectors of different speakers only, so that noise is 0 on average, whatever the number of items
(Walther et al., 2016).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auscult.analyses.similarity.settings import CORRELATIONS, RDM_DISTANCES, Correlation, RdmDistance
from auscult.errors import AnalysisError
from auscult.statistics.intervals import MIN_GROUPS, percentile_interval

__all__ = [
    "RDM_DISTANCES",
    "CORRELATIONS",
    "MIN_CONDITIONS",
    "Conditions",
    "DrawnRdms",
    "rdm",
    "draw_rdms",
    "comparable",
    "compare_rdms",
    "noise_ceiling",
]

MIN_CONDITIONS = 3
# Distances that agree to this number of digits of the largest are equal; they differ by rounding.
_DIGITS = 10
# Most numbers of resampled sums in memory at a time (8 MB).
_CHUNK = 1_000_000

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Conditions:
    """Sums of vectors by group and condition.

    Parameters
    ----------
    sums : Σ x [shape=(n_groups, n_conditions, n_dims)]
    counts : items [shape=(n_groups, n_conditions)]
    """

    sums: Array
    counts: Array

    @classmethod
    def of(cls, x: Array, conditions: Array, groups: Array) -> "Conditions":
        """Return the sums of ``x`` [shape=(n, n_dims)] by group and condition codes from 0 [shapes=(n,)].

        Raises
        ------
        AnalysisError
            There are fewer than three conditions: two have a single distance, which cannot be correlated.
        """
        n_groups, n_conditions = (int(codes.max(initial=-1)) + 1 for codes in (groups, conditions))
        if n_conditions < MIN_CONDITIONS:
            raise AnalysisError(
                f"expected at least {MIN_CONDITIONS} conditions for RSA, found {n_conditions}; choose another tier, or "
                "add utterances or raise n_items"
            )
        cells = groups * n_conditions + conditions
        counts = np.bincount(cells, minlength=n_groups * n_conditions).reshape(n_groups, n_conditions)
        sums = np.zeros((n_groups * n_conditions, x.shape[1]))
        np.add.at(sums, cells, x)
        return cls(sums.reshape(n_groups, n_conditions, -1), counts)

    def distances(self, weights: Array, distance: RdmDistance) -> Array:
        """Return the distances between conditions with groups weighted, see :func:`rdm` and :meth:`crossvalidated`.

        Parameters
        ----------
        weights : of each group, one row per RDM, such as the numbers of times it was drawn [shape=(n, n_groups)]
        distance : one of :data:`RDM_DISTANCES`

        Returns
        -------
        distances [shape=(n, n_pairs)], NaN where a condition has too few items
        """
        if distance == "crossvalidated":
            return self.crossvalidated(weights)
        return np.stack([rdm(self.means(row), distance) for row in weights])

    def crossvalidated(self, weights: Array) -> Array:
        """Return cross-validated squared Euclidean distances between conditions, NaN without items of two groups.

        With sums S and numbers of items n of a condition in a group, the product of two conditions i and j over
        different groups is G(i, j) = Σ_{s≠t} w_s w_t S_si · S_tj / Σ_{s≠t} w_s w_t n_si n_tj, and their distance
        G(i, i) + G(j, j) − 2 G(i, j). If groups are independent, it is unbiased, below 0 in half of all cases where two
        conditions do not differ (Walther et al., 2016; Schütt et al., 2023, without whitening by the noise).

        Parameters
        ----------
        weights : of each group, one row per RDM [shape=(n, n_groups)]. A group drawn twice is not paired with itself
        """
        n_groups, n_conditions, n_dims = self.sums.shape
        i, j = np.triu_indices(n_conditions, 1)
        own = np.stack([sums @ sums.T for sums in self.sums]).reshape(n_groups, -1)
        own_counts = np.einsum("gi,gj->gij", self.counts, self.counts).reshape(n_groups, -1)
        flat, step = self.sums.reshape(n_groups, -1), max(1, _CHUNK // max(1, n_conditions * n_dims))
        found = []
        for start in range(0, len(weights), step):
            drawn = weights[start : start + step]
            sums, counts = (drawn @ flat).reshape(-1, n_conditions, n_dims), drawn @ self.counts
            numerator = sums @ sums.transpose(0, 2, 1) - (drawn**2 @ own).reshape(-1, n_conditions, n_conditions)
            pairs = counts[:, :, None] * counts[:, None] - (drawn**2 @ own_counts).reshape(numerator.shape)
            gram = np.divide(numerator, pairs, where=pairs > 0.5, out=np.full(pairs.shape, np.nan))
            diagonal = np.einsum("ncc->nc", gram)
            found.append(diagonal[:, i] + diagonal[:, j] - 2 * gram[:, i, j])
        return np.concatenate(found)

    def means(self, weights: Array) -> Array:
        """Return each condition's mean with groups weighted [shape=(n_conditions, n_dims)], NaN without items."""
        counts = (weights @ self.counts)[:, None]
        sums = np.tensordot(weights, self.sums, axes=1)
        return np.divide(sums, counts, where=counts > 0, out=np.full_like(sums, np.nan))


def rdm(vectors: Array, distance: RdmDistance) -> Array:
    """Return the distances between vectors: the entries above the diagonal of the RDM, row by row.

    ``cosine`` is 1 − cosine; ``correlation`` first subtracts each vector's own mean; ``euclidean`` is not squared.

    Parameters
    ----------
    vectors : one per condition [shape=(n_conditions, n_dims)]
    distance : one of :data:`RDM_DISTANCES` but ``crossvalidated``, which needs groups (:class:`Conditions`)

    Returns
    -------
    distances [shape=(n_conditions · (n_conditions − 1) / 2,)], NaN where a vector is NaN or, for angles, zero

    Raises
    ------
    AnalysisError
        The distance does not exist.
    """
    upper = np.triu_indices(len(vectors), 1)
    match distance:
        case "euclidean":
            square = np.einsum("cd,cd->c", vectors, vectors)
            squared = square[:, None] + square - 2 * vectors @ vectors.T
            return np.sqrt(np.clip(squared[upper], 0, None))
        case "cosine" | "correlation":
            if distance == "correlation":
                vectors = vectors - vectors.mean(axis=1, keepdims=True)
            norm = np.linalg.norm(vectors, axis=1, keepdims=True)
            unit = np.divide(vectors, norm, where=norm > 0, out=np.full(vectors.shape, np.nan))
            return 1 - (unit @ unit.T)[upper]
    raise AnalysisError(f"expected one of the distances {', '.join(RDM_DISTANCES[1:])}, found {distance!r}")


@dataclass(frozen=True)
class DrawnRdms:
    """An RDM and its resamples, with ranks. Two spaces over the same items, drawn with one seed, can be compared.

    Parameters
    ----------
    values, ranks : distances and their ranks; the first row is not resampled [shapes=(1 + n_resamples, n_pairs)]
    weights : number of times each pair of conditions was drawn; 0 if one was not drawn or has no items [same shape]
    n_groups, n_conditions : number of resampled groups, and of conditions with any distance
    """

    values: Array
    ranks: Array
    weights: Array
    n_groups: int
    n_conditions: int


def draw_rdms(conditions: Conditions, distance: RdmDistance, *, n_resamples: int, seed: int) -> DrawnRdms:
    """Return the RDM of a space and its bootstrap samples over both speakers and conditions.

    Speakers are resampled before condition means are taken, conditions afterwards. A condition drawn twice forms no
    pair with itself, since the distance would be 0 by construction (Nili et al., 2014). Resampling both factors makes
    the interval rather too wide than too narrow (Schütt et al., 2023).
    """
    n_groups, n_conditions = conditions.counts.shape
    enough = min(n_groups, n_conditions) >= MIN_GROUPS
    rng, upper = np.random.default_rng(seed), np.triu_indices(n_conditions, 1)
    group_counts, condition_counts = (
        np.vstack([np.ones(n), rng.multinomial(n, np.full(n, 1 / n), size=n_resamples * enough)])
        for n in (n_groups, n_conditions)
    )
    values = conditions.distances(group_counts, distance)
    pairs = condition_counts[:, upper[0]] * condition_counts[:, upper[1]]
    weights = np.where(np.isnan(values), 0, pairs)
    values = np.nan_to_num(values)
    ranks = np.stack([_weighted_ranks(*row) for row in zip(values, weights)])
    compared = np.unique(np.stack(upper)[:, weights[0] > 0])
    return DrawnRdms(values, ranks, weights, n_groups, len(compared))


def _weighted_ranks(values: Array, weights: Array) -> Array:
    """Return the mean rank of each value in a list that holds it ``weights`` times."""
    largest = np.abs(values).max(where=weights > 0, initial=0)
    levels, codes = np.unique(np.round(values / (largest or 1), _DIGITS), return_inverse=True)
    mass = np.bincount(codes, weights, minlength=len(levels))
    return (np.cumsum(mass) - (mass - 1) / 2)[codes]


def comparable(one: DrawnRdms, other: DrawnRdms) -> bool:
    """Return whether distances vary in both spaces over shared conditions; otherwise no correlation is defined."""
    shared = np.minimum(one.weights[0], other.weights[0]) > 0
    return all(len(np.unique(drawn.ranks[0][shared])) > 1 for drawn in (one, other))


def compare_rdms(one: DrawnRdms, other: DrawnRdms, correlation: Correlation) -> tuple[float, float, float]:
    """Return the correlation of two RDMs over the pairs above the diagonal, −1 to 1, with its 95 % interval.

    Returns
    -------
    (value, ci_low, ci_high); the interval is NaN with too few speakers or conditions, and if distances are constant in
    more than one in ten resamples

    Raises
    ------
    AnalysisError
        The correlation does not exist, or an RDM is constant, such as the RDM of one-hot vectors.
    """
    if correlation not in CORRELATIONS:
        raise AnalysisError(f"expected one of the correlations {', '.join(CORRELATIONS)}, found {correlation!r}")
    weights = np.minimum(one.weights, other.weights)
    x, y = ((rdms.ranks if correlation == "spearman" else rdms.values) for rdms in (one, other))
    values = _correlate(x, y, weights)
    if np.isnan(values[0]):
        raise AnalysisError(
            "expected distances that differ between conditions, found all equal or none (one-hot vectors, constant "
            "features, or cross-validation with a single group); leave RSA out for this space"
        )
    if len(values) == 1:
        return float(values[0]), float("nan"), float("nan")
    return float(values[0]), *percentile_interval(values[1:])


def _correlate(x: Array, y: Array, weights: Array) -> Array:
    """Return the weighted Pearson correlation of each row, NaN where x or y is constant."""
    total = weights.sum(axis=1, keepdims=True)
    total = np.where(total > 0, total, 1)
    rounding = [10.0 ** (-2 * _DIGITS) * (weights * v**2).sum(axis=1) for v in (x, y)]
    x, y = (v - (weights * v).sum(axis=1, keepdims=True) / total for v in (x, y))
    xy, xx, yy = ((weights * a * b).sum(axis=1) for a, b in ((x, y), (x, x), (y, y)))
    varies = (xx > rounding[0]) & (yy > rounding[1])
    return np.divide(xy, np.sqrt(xx * yy), where=varies, out=np.full(len(xy), np.nan))


def noise_ceiling(
    conditions: Conditions,
    distance: RdmDistance,
    correlation: Correlation,
    *,
    n_splits: int = 50,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the range of correlations that a perfect model of the RDM would reach, given the noise over speakers.

    The speakers are split into random halves ``n_splits`` times. The mean correlation r of the two halves' RDMs is the
    reliability with half the speakers; with all of them it is R = 2r / (1 + r) (Spearman, 1910; Brown, 1910). The lower
    end, R, is the expected correlation with an equally noisy measurement of the same distances; the upper end, √R, with
    the noise-free distances. If noise exceeds the distances, √R is too low, since the squared noise counts: by 0.03 at
    R = 0.5, by 0.1 at R = 0.1. Nili et al. (2014) instead bound the correlation with single speakers' RDMs.

    The root makes much of little: halves of pure noise correlate by chance, and r = .05 would give .31. There is no
    ceiling unless r exceeds 95 % of the correlations of halves with conditions in random order.

    Returns
    -------
    (low, high), 0 to 1; NaN with fewer than two speakers (four for ``crossvalidated``), if no two halves share three
    distances that differ, and if halves do not agree more than by chance
    """
    (n_groups, n_conditions), rng = conditions.counts.shape, np.random.default_rng([seed, 4])
    upper = np.triu_indices(n_conditions, 1)
    # The place of each pair among the entries of the RDM, whatever the order of its two conditions.
    place = np.zeros((n_conditions, n_conditions), dtype=int)
    place[upper] = np.arange(len(upper[0]))
    place += place.T
    found: list[float] = []
    by_chance: list[float] = []
    for _ in range(n_splits if n_groups > 1 else 0):
        half = np.zeros(n_groups)
        half[rng.permutation(n_groups)[: n_groups // 2]] = 1
        one, other = conditions.distances(np.stack([half, 1 - half]), distance)
        order = rng.permutation(n_conditions)
        found += _correlate_halves(one, other, correlation)
        by_chance += _correlate_halves(one, other[place[order[upper[0]], order[upper[1]]]], correlation)
    correlations, shuffled = (np.array(values)[np.isfinite(values)] for values in (found, by_chance))
    if not min(len(correlations), len(shuffled)) or correlations.mean() <= max(0, np.quantile(shuffled, 0.95)):
        return float("nan"), float("nan")
    reliability = 2 * correlations.mean() / (1 + correlations.mean())
    return float(reliability), float(np.sqrt(reliability))


def _correlate_halves(one: Array, other: Array, correlation: Correlation) -> list[float]:
    """Return the correlation of the distances that two RDMs share, or nothing if they are fewer than three."""
    used = (np.isfinite(one) & np.isfinite(other)).astype(float)
    if used.sum() < MIN_CONDITIONS:
        return []
    pair = [np.nan_to_num(values) for values in (one, other)]
    if correlation == "spearman":
        pair = [_weighted_ranks(values, used) for values in pair]
    return list(_correlate(pair[0][None], pair[1][None], used[None]))
