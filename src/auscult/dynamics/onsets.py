"""Onsets: the step at which a curve over training breaks, by a stated rule.

Steps are compared on the logarithm of step + 1, so that step 0, the untrained model, has a place.
"""

import numpy as np

__all__ = ["onset", "steepest"]


def onset(steps: np.ndarray, values: np.ndarray, share: float = 0.5, min_change: float = 0.0) -> float:
    """Return the step from which a curve has gone a share of its way from first to last value, and stays there.

    Between checkpoints the step is interpolated on the logarithm of step + 1. A curve that first passes the share and
    falls back is dated by its last passage, so that noise before the rise does not count.

    Parameters
    ----------
    steps : of the checkpoints, ascending, untrained first [shape=(n,)]
    values : of the curve; it may rise or fall [shape=(n,)]
    share : of the whole change, between 0 and 1
    min_change : a smaller whole change is none

    Returns
    -------
    step; NaN where the curve does not change
    """
    steps, values = np.asarray(steps, dtype=float), np.asarray(values, dtype=float)
    change = values[-1] - values[0]
    if len(values) < 2 or not abs(change) > min_change:
        return float("nan")
    way = (values - values[0]) / change
    below = int(np.flatnonzero(way < share)[-1])
    x = np.log1p(steps)
    passed = (share - way[below]) / (way[below + 1] - way[below])
    return float(np.expm1(x[below] + passed * (x[below + 1] - x[below])))


def steepest(steps: np.ndarray, values: np.ndarray) -> float:
    """Return the middle of the interval in which a curve changes fastest, on the logarithm of step + 1."""
    x, change = np.log1p(np.asarray(steps, dtype=float)), values[-1] - values[0]
    if len(x) < 2 or change == 0:
        return float("nan")
    place = int(np.argmax(np.sign(change) * np.diff(values) / np.diff(x)))
    return float(np.expm1((x[place] + x[place + 1]) / 2))
