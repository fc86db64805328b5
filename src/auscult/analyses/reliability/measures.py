"""How far two vectors of scores over the same segments agree: correlations, overlaps, and what length explains."""

import numpy as np
from scipy.stats import rankdata

from auscult.errors import AnalysisError

__all__ = [
    "METRICS",
    "MIN_SEGMENTS",
    "TOP_SHARE",
    "correlate",
    "given_duration",
    "is_constant",
    "n_top",
    "membership",
]

METRICS = ("pearson", "spearman", "top_overlap", "pearson_given_duration")
# Of three points, |r| exceeds 0.7 half of the time by chance: utterances of fewer segments are left out, and counted.
MIN_SEGMENTS = 4
TOP_SHARE = 0.2


def correlate(
    first: np.ndarray, second: np.ndarray, top_share: float = TOP_SHARE, durations: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Return how far pairs of score vectors agree; NaN where one of a pair is constant.

    Over all orders of the segments of one vector the mean correlation is 0 and the mean overlap k/n. That is no chance
    level of scores of segments of unequal length: sums over long segments are larger in every model, so that unrelated
    scores correlate. What chance gives is measured, on untrained models.

    Parameters
    ----------
    first, second : one vector of a pair in each row [shape=(n_pairs, n_segments)]
    top_share : of the segments that count as the highest, in (0, 1]
    durations : of the segments, for ``pearson_given_duration`` [shape=(n_segments,)]; by default all the same

    Returns
    -------
    ``pearson``, ``spearman`` and ``pearson_given_duration`` (-1 to 1), ``top_overlap`` (0 to 1, ties shared) [each of
    shape=(n_pairs,)]
    """
    constant = is_constant(first) | is_constant(second)
    k = n_top(first.shape[1], top_share)
    ranks = (rankdata(vectors, axis=1) for vectors in (first, second))
    overlap = (membership(first, k) * membership(second, k)).sum(axis=1) / k
    durations = np.ones(first.shape[1]) if durations is None else durations
    values = (_pearson(first, second), _pearson(*ranks), overlap, given_duration(first, second, durations))
    return {metric: np.where(constant, np.nan, found) for metric, found in zip(METRICS, values)}


def given_duration(first: np.ndarray, second: np.ndarray, durations: np.ndarray) -> np.ndarray:
    """Return the partial correlation of pairs of vectors given the segments' durations [shape=(n_pairs,)].

    The correlation of what a line through the durations leaves of either vector (Yule, 1907); NaN where there are fewer
    than :data:`MIN_SEGMENTS` segments, or nothing is left.
    """
    if first.shape[1] < MIN_SEGMENTS:
        return np.full(len(first), np.nan)
    # Durations around 0 and of size 1, so that rounding does not depend on their unit.
    scaled = durations - durations.mean()
    design = np.stack([np.ones(len(scaled)), scaled / (np.abs(scaled).max() or 1)], axis=1)
    left = [vectors - (design @ np.linalg.pinv(design) @ vectors.T).T for vectors in (first, second)]
    nothing = [
        np.abs(rest).max(axis=1) <= 1e-9 * np.abs(whole).max(axis=1) for rest, whole in zip(left, (first, second))
    ]
    return np.where(nothing[0] | nothing[1], np.nan, _pearson(*left))


def is_constant(scores: np.ndarray) -> np.ndarray:
    """Say of each row whether its scores tell no segment from another, to rounding [shape=(n_rows,)]."""
    return np.ptp(scores, axis=1) <= 1e-9 * np.abs(scores).max(axis=1)


def n_top(n_segments: int, share: float) -> int:
    """Return how many segments a share of them is: rounded up, so at least one (DeYoung and others, 2020).

    Raises
    ------
    AnalysisError
        The share is not in (0, 1].
    """
    if not 0 < share <= 1:
        raise AnalysisError(f"expected a share of segments in (0, 1], found {share:g}; 0.2 is the highest fifth")
    # 0.3 · 10 is 3.0000000000000004 in floating point, and three tenths of ten segments are three.
    return int(np.ceil(round(share * n_segments, 9)))


def membership(scores: np.ndarray, k: int) -> np.ndarray:
    """Return how far each segment is among the k highest of its row: 1, 0, or a share where equal scores compete."""
    threshold = np.sort(scores, axis=1)[:, -k, None]
    above, tied = scores > threshold, scores == threshold
    return above + tied * (k - above.sum(axis=1, keepdims=True)) / tied.sum(axis=1, keepdims=True)


def _pearson(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    centred = [vectors - vectors.mean(axis=1, keepdims=True) for vectors in (first, second)]
    norms = np.prod([np.linalg.norm(vectors, axis=1) for vectors in centred], axis=0)
    return np.divide((centred[0] * centred[1]).sum(axis=1), norms, where=norms > 0, out=np.full(len(first), np.nan))
