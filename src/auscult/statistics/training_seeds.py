"""Intervals of means over few training seeds, from resampled groups such as speakers and the spread of seeds."""

from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from auscult.statistics.intervals import corrected_interval

__all__ = ["interval_over_seeds"]


def interval_over_seeds(
    value: float,
    drawn: np.ndarray | None,
    seeds: Sequence[np.ndarray],
    *,
    n_groups: int,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> tuple[float, float]:
    """Return the 95 % interval of a mean over training seeds, or of a difference of such means.

    Every seed is measured on the same groups, so that the variance of the mean is that of resampled groups plus that of
    the mean of seeds. Few seeds have no quantiles: the interval is the value ± Student's t times the standard
    deviation, with Satterthwaite's degrees of freedom. With one seed per condition the variance of seeds is unknown,
    and the interval is of groups alone (:func:`~auscult.statistics.intervals.corrected_interval`).

    Parameters
    ----------
    value : the mean, or the difference
    drawn : its value in each resample of groups, over all seeds; None for no interval [shape=(n_resamples,)]
    seeds : of each condition, the values of its seeds; for differences within seeds, one array of the differences
        [shapes=(n_seeds,)]
    n_groups : number of resampled groups
    bounds : least and greatest possible value, at which the interval is cut

    Returns
    -------
    (low, high); both NaN without resamples, or with too many undefined ones
    """
    if drawn is None or not len(drawn):
        return float("nan"), float("nan")
    low, high = corrected_interval(drawn, value=value, n_groups=n_groups)
    spread = [(np.var(one, ddof=1) / len(one), len(one) - 1) for one in seeds if len(one) > 1]
    if not spread or not np.isfinite([low, high]).all():
        return low, high
    finite = drawn[np.isfinite(drawn)]
    parts = [*spread, (finite.var() * n_groups / (n_groups - 1), n_groups - 1)]
    variance = sum(part for part, _ in parts)
    squares = sum(part**2 / degrees for part, degrees in parts)
    if not squares:
        return low, high
    reach = float(stdtrit(variance**2 / squares, 0.975) * np.sqrt(variance))
    return max(bounds[0], value - reach), min(bounds[1], value + reach)
