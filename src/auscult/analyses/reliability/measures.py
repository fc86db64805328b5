"""Agreement of two score vectors over the same segments: correlations, top overlap, and the effect of duration."""

import numpy as np
from scipy.stats import rankdata

from auscult.analyses.reliability.settings import ReliabilitySettings
from auscult.errors import AnalysisError

__all__ = [
    "METRICS",
    "MIN_SEGMENTS",
    "correlate",
    "given_duration",
    "is_constant",
    "n_top",
    "membership",
]

METRICS = ("pearson", "spearman", "top_overlap", "pearson_given_duration")
# With three points, |r| exceeds 0.7 half of the time by chance. Utterances with fewer segments are left out, counted.
MIN_SEGMENTS = 4


def correlate(
    first: np.ndarray,
    second: np.ndarray,
    top_share: float = ReliabilitySettings.top_share,
    durations: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Return the agreement of pairs of score vectors; NaN if one vector of a pair is constant.

    Averaged over all permutations of the segments, the correlation is 0 and the overlap k/n. This is not the chance
    level for segments of unequal length: sums over long segments are larger in every model, so that unrelated scores
    correlate. Chance is therefore measured on untrained models.

    Parameters
    ----------
    first, second : one vector of a pair per row [shape=(n_pairs, n_segments)]
    top_share : share of segments that count as the highest, in (0, 1]
    durations : of the segments, for ``pearson_given_duration`` [shape=(n_segments,)]; by default all equal

    Returns
    -------
    agreement : ``pearson``, ``spearman`` and ``pearson_given_duration`` (−1 to 1) and ``top_overlap`` (0 to 1, ties
        shared) [each of shape=(n_pairs,)]
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

    The correlation of the residuals of both vectors after linear regression on duration (Yule, 1907). NaN for fewer
    than :data:`MIN_SEGMENTS` segments, or if duration explains a vector completely.
    """
    if first.shape[1] < MIN_SEGMENTS:
        return np.full(len(first), np.nan)
    # Centred and scaled to 1, so that rounding does not depend on the unit of time.
    scaled = durations - durations.mean()
    design = np.stack([np.ones(len(scaled)), scaled / (np.abs(scaled).max() or 1)], axis=1)
    residuals = [vectors - (design @ np.linalg.pinv(design) @ vectors.T).T for vectors in (first, second)]
    explained = [
        np.abs(rest).max(axis=1) <= 1e-9 * np.abs(whole).max(axis=1) for rest, whole in zip(residuals, (first, second))
    ]
    return np.where(explained[0] | explained[1], np.nan, _pearson(*residuals))


def is_constant(scores: np.ndarray) -> np.ndarray:
    """Return whether all scores of a row are equal up to rounding [shape=(n_rows,)]."""
    return np.ptp(scores, axis=1) <= 1e-9 * np.abs(scores).max(axis=1)


def n_top(n_segments: int, share: float) -> int:
    """Return a share of segments as a number, rounded up and so at least one (DeYoung and others, 2020).

    Raises
    ------
    AnalysisError
        The share is not in (0, 1].
    """
    if not 0 < share <= 1:
        raise AnalysisError(f"expected a share of segments in (0, 1], found {share:g}; correct the share")
    # 0.3 · 10 is 3.0000000000000004 in floating point and must give 3.
    return int(np.ceil(round(share * n_segments, 9)))


def membership(scores: np.ndarray, k: int) -> np.ndarray:
    """Return the membership of each segment in the k highest of its row: 1, 0, or a fraction for ties."""
    threshold = np.sort(scores, axis=1)[:, -k, None]
    above, tied = scores > threshold, scores == threshold
    return above + tied * (k - above.sum(axis=1, keepdims=True)) / tied.sum(axis=1, keepdims=True)


def _pearson(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    centred = [vectors - vectors.mean(axis=1, keepdims=True) for vectors in (first, second)]
    norms = np.prod([np.linalg.norm(vectors, axis=1) for vectors in centred], axis=0)
    return np.divide((centred[0] * centred[1]).sum(axis=1), norms, where=norms > 0, out=np.full(len(first), np.nan))
