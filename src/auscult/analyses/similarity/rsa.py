"""Representational similarity analysis: how alike the distances between conditions are in two spaces.

A condition is a label, its vector the mean of its items; a dissimilarity matrix (RDM) holds the distance of every two
conditions (Kriegeskorte et al., 2008). Its entries are not independent, so intervals resample what was sampled:
speakers and conditions.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from auscult.errors import AnalysisError
from auscult.statistics.intervals import MIN_GROUPS, percentile_interval

__all__ = [
    "DISTANCES",
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

Distance = Literal["cosine", "correlation", "euclidean"]
Correlation = Literal["spearman", "pearson"]
DISTANCES = ("cosine", "correlation", "euclidean")
CORRELATIONS = ("spearman", "pearson")
MIN_CONDITIONS = 3
# Distances that agree to so many digits of the largest are equal, and differ by rounding.
_DIGITS = 10


@dataclass(frozen=True)
class Conditions:
    """Sums of vectors by group and condition.

    Parameters
    ----------
    sums : Σ x [shape=(n_groups, n_conditions, n_dims)]
    counts : items [shape=(n_groups, n_conditions)]
    """

    sums: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, conditions: np.ndarray, groups: np.ndarray) -> "Conditions":
        """Return the sums of ``x`` [shape=(n, n_dims)] by group and condition codes from 0 [shapes=(n,)].

        Raises
        ------
        AnalysisError
            There are fewer than three conditions: two have one distance, and nothing to correlate it with.
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

    def means(self, weights: np.ndarray) -> np.ndarray:
        """Return the mean vector of each condition with each group weighted, NaN without items."""
        counts = (weights @ self.counts)[:, None]
        sums = np.tensordot(weights, self.sums, axes=1)
        return np.divide(sums, counts, where=counts > 0, out=np.full_like(sums, np.nan))


def rdm(vectors: np.ndarray, distance: Distance = "cosine") -> np.ndarray:
    """Return the distances between conditions: the entries above the diagonal, row by row, and nothing else.

    ``cosine`` is 1 − cosine, ``correlation`` the same of vectors with their own mean subtracted; ``euclidean`` is not
    squared.

    Parameters
    ----------
    vectors : one per condition [shape=(n_conditions, n_dims)]

    Returns
    -------
    distances [shape=(n_conditions · (n_conditions − 1) / 2,)], NaN where a vector is NaN, or zero for an angle

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
    raise AnalysisError(f"expected one of the distances {', '.join(DISTANCES)}, found {distance!r}")


@dataclass(frozen=True)
class DrawnRdms:
    """An RDM and its resamples, with ranks; spaces over the same items, drawn with the same seed, go together.

    Parameters
    ----------
    values, ranks : the first row is not resampled [shapes=(1 + n_resamples, n_pairs)]
    weights : how often each pair of conditions was drawn; 0 where one was not, or has no items [same shape]
    n_groups, n_conditions : what was resampled
    """

    values: np.ndarray
    ranks: np.ndarray
    weights: np.ndarray
    n_groups: int
    n_conditions: int


def draw_rdms(
    conditions: Conditions, distance: Distance = "cosine", *, n_resamples: int = 1000, seed: int
) -> DrawnRdms:
    """Return the RDM of a space and those of bootstrap samples of both speakers and conditions.

    Speakers are resampled before condition means are taken, conditions afterwards; a condition drawn twice forms no
    pair with itself, whose distance of 0 would be a certainty (Nili et al., 2014). Resampling both factors widens
    the interval rather than narrowing it (Schütt et al., 2023).
    """
    n_groups, n_conditions = conditions.counts.shape
    enough = min(n_groups, n_conditions) >= MIN_GROUPS
    rng, upper = np.random.default_rng(seed), np.triu_indices(n_conditions, 1)
    values, weights = [], []
    for draw in range(1 + n_resamples * enough):
        of_groups, of_conditions = np.ones(n_groups), np.ones(n_conditions)
        if draw:
            of_groups, of_conditions = (
                rng.multinomial(n, np.full(n, 1 / n)).astype(float) for n in (n_groups, n_conditions)
            )
        of_conditions = of_conditions * (of_groups @ conditions.counts > 0)
        values.append(rdm(conditions.means(of_groups), distance))
        weights.append(of_conditions[upper[0]] * of_conditions[upper[1]])
    values, weights = np.stack(values), np.stack(weights)
    values, weights = np.nan_to_num(values), np.where(np.isnan(values), 0, weights)
    ranks = np.stack([_weighted_ranks(*row) for row in zip(values, weights)])
    return DrawnRdms(values, ranks, weights, n_groups, n_conditions)


def _weighted_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mean rank each value has in a list that holds it ``weights`` times."""
    largest = np.abs(values).max(where=weights > 0, initial=0)
    levels, codes = np.unique(np.round(values / (largest or 1), _DIGITS), return_inverse=True)
    mass = np.bincount(codes, weights, minlength=len(levels))
    return (np.cumsum(mass) - (mass - 1) / 2)[codes]


def comparable(one: DrawnRdms, other: DrawnRdms) -> bool:
    """Say whether distances differ in both spaces over the conditions they share: else nothing can be correlated."""
    shared = np.minimum(one.weights[0], other.weights[0]) > 0
    return all(len(np.unique(drawn.ranks[0][shared])) > 1 for drawn in (one, other))


def compare_rdms(one: DrawnRdms, other: DrawnRdms, correlation: Correlation = "spearman") -> tuple[float, float, float]:
    """Return the correlation of two RDMs over the pairs above the diagonal, −1 to 1, with its 95 % interval.

    Returns
    -------
    (value, ci_low, ci_high); the interval is NaN with too few speakers or conditions, and where more than one in ten
    resamples have distances that are all alike

    Raises
    ------
    AnalysisError
        The correlation does not exist, or an RDM is constant, as that of one-hot vectors is.
    """
    if correlation not in CORRELATIONS:
        raise AnalysisError(f"expected one of the correlations {', '.join(CORRELATIONS)}, found {correlation!r}")
    weights = np.minimum(one.weights, other.weights)
    values = _correlate(*((r.ranks if correlation == "spearman" else r.values) for r in (one, other)), weights)
    if np.isnan(values[0]):
        raise AnalysisError(
            "expected distances that differ between conditions, found all alike (one-hot vectors or constant "
            "features); RSA has nothing to compare here"
        )
    if len(values) == 1:
        return float(values[0]), float("nan"), float("nan")
    return float(values[0]), *percentile_interval(values[1:])


def _correlate(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted Pearson correlation of each row, NaN where one of them is constant."""
    total = weights.sum(axis=1, keepdims=True)
    total = np.where(total > 0, total, 1)
    rounding = [10.0 ** (-2 * _DIGITS) * (weights * v**2).sum(axis=1) for v in (x, y)]
    x, y = (v - (weights * v).sum(axis=1, keepdims=True) / total for v in (x, y))
    xy, xx, yy = ((weights * a * b).sum(axis=1) for a, b in ((x, y), (x, x), (y, y)))
    varies = (xx > rounding[0]) & (yy > rounding[1])
    return np.divide(xy, np.sqrt(xx * yy), where=varies, out=np.full(len(xy), np.nan))


def noise_ceiling(
    conditions: Conditions,
    distance: Distance = "cosine",
    correlation: Correlation = "spearman",
    *,
    n_splits: int = 50,
    seed: int = 0,
) -> tuple[float, float]:
    """Return between what a perfect account of the RDM of all speakers would reach, given how speakers differ.

    Each of ``n_splits`` random halves of the speakers has an RDM, as has the rest of them; their correlation r,
    averaged, is the reliability of half as many speakers, and that of all is R = 2r / (1 + r) (Spearman, 1910; Brown,
    1910). R, the lower end, is what an equally noisy measurement of the same distances reaches; √R, the upper end,
    what the distances free of noise reach on average. Where noise exceeds the distances √R is too low, for then its
    square counts: by 0.03 at R = 0.5, by 0.1 at R = 0.1. The ceiling of Nili et al. (2014) is that of single speakers'
    RDMs, which are not what is compared here.

    Returns
    -------
    (low, high), 0 to 1; NaN with fewer than two speakers, or if no two halves share three distances that differ
    """
    n_groups, rng, found = len(conditions.counts), np.random.default_rng([seed, 4]), []
    for _ in range(n_splits if n_groups > 1 else 0):
        half = np.zeros(n_groups)
        half[rng.permutation(n_groups)[: n_groups // 2]] = 1
        one, other = (rdm(conditions.means(weights), distance) for weights in (half, 1 - half))
        used = (np.isfinite(one) & np.isfinite(other)).astype(float)
        if used.sum() >= MIN_CONDITIONS:
            pair = [np.nan_to_num(values) for values in (one, other)]
            if correlation == "spearman":
                pair = [_weighted_ranks(values, used) for values in pair]
            found += _correlate(*(values[None] for values in pair), used[None]).tolist()
    found = np.array(found)[np.isfinite(found)]
    if not len(found):
        return float("nan"), float("nan")
    half_reliability = max(0.0, float(found.mean()))
    reliability = 2 * half_reliability / (1 + half_reliability)
    return reliability, float(np.sqrt(reliability))
