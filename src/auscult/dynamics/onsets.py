"""Onsets: the training step at which a curve changes.

Steps are compared on the logarithm of step + 1, which is finite for step 0, the untrained model.
"""

import numpy as np

__all__ = ["onset", "steepest"]


def onset(steps: np.ndarray, values: np.ndarray, share: float = 0.5, min_change: float = 0.0) -> float:
    """Return the step from which a curve has made a share of its change from first to last value for good.

    Between checkpoints the step is interpolated on the logarithm of step + 1. If the curve passes the share several
    times, the last passage counts, so that noise before the rise does not matter.

    Parameters
    ----------
    steps : steps of the checkpoints, ascending [shape=(n,)]
    values : score at each step; rising or falling [shape=(n,)]
    share : share of the total change, between 0 and 1
    min_change : smallest total change that counts as a change

    Returns
    -------
    step; NaN if the curve does not change
    """
    steps, values = np.asarray(steps, dtype=float), np.asarray(values, dtype=float)
    change = values[-1] - values[0]
    if len(values) < 2 or not abs(change) > min_change:
        return float("nan")
    progress = (values - values[0]) / change
    below = int(np.flatnonzero(progress < share)[-1])
    x = np.log1p(steps)
    passed = (share - progress[below]) / (progress[below + 1] - progress[below])
    return float(np.expm1(x[below] + passed * (x[below + 1] - x[below])))


def steepest(steps: np.ndarray, values: np.ndarray) -> float:
    """Return the midpoint of the steepest interval between checkpoints, on the logarithm of step + 1."""
    x, change = np.log1p(np.asarray(steps, dtype=float)), values[-1] - values[0]
    if len(x) < 2 or change == 0:
        return float("nan")
    place = int(np.argmax(np.sign(change) * np.diff(values) / np.diff(x)))
    return float(np.expm1((x[place] + x[place + 1]) / 2))
