"""Onsets: the training step at which a curve has risen by an amount worth the name.

Steps are compared on the logarithm of step + 1, which is finite for step 0, the untrained model.
"""

import numpy as np

__all__ = ["onset", "half_way", "steepest"]


def onset(
    steps: np.ndarray, values: np.ndarray, *, floor: float, best: float, share: float, certain: np.ndarray | None = None
) -> float:
    """Return the step at which a curve has made a share of the way from a floor to the best possible value.

    The way does not depend on the last value, so that the date does not depend on where training ends, and a small
    change is no rise. The floor is what counts as nothing learnt (the untrained model, chance, a baseline). The curve
    must be beyond the share at two checkpoints in a row, so that the noise of one does not count. Before the first of
    them the step is interpolated on the logarithm of step + 1.

    Parameters
    ----------
    steps : steps of the checkpoints, ascending [shape=(n,)]
    values : score at each step [shape=(n,)]
    floor : value that counts as no progress
    best : best possible value; below the floor for a score that falls, such as a loss
    share : share of the way, between 0 and 1
    certain : whether a value confirms the rise, such as whether its interval excludes the floor [shape=(n,)]; the two
        checkpoints must do so; by default all do

    Returns
    -------
    step; NaN if the curve never rises so far, or has from its first checkpoint on, or if the floor is the best value
    """
    x, values = np.log1p(np.asarray(steps, dtype=float)), np.asarray(values, dtype=float)
    if best == floor:
        return float("nan")
    progress = (values - floor) / (best - floor)
    beyond = progress >= share
    if certain is not None:
        beyond &= certain
    lasting = np.flatnonzero(beyond[:-1] & beyond[1:])
    if not len(lasting):
        return float("nan")
    after = int(lasting[0])
    while after and progress[after - 1] >= share:  # beyond the share already, though not yet for certain
        after -= 1
    if after == 0:
        return float("nan")
    before = progress[after - 1]
    passed = (share - before) / (progress[after] - before)
    return float(np.expm1(x[after - 1] + passed * (x[after] - x[after - 1])))


def half_way(steps: np.ndarray, values: np.ndarray) -> float:
    """Return the step from which a curve has made half of its change from first to last value for good.

    Unlike an onset, it depends on where training ends. Between checkpoints the step is interpolated on the logarithm of
    step + 1. If the curve passes the half several times, the last passage counts.

    Parameters
    ----------
    steps : steps of the checkpoints, ascending [shape=(n,)]
    values : score at each step; rising or falling [shape=(n,)]

    Returns
    -------
    step; NaN if the curve does not change
    """
    x, values = np.log1p(np.asarray(steps, dtype=float)), np.asarray(values, dtype=float)
    change = values[-1] - values[0]
    if len(values) < 2 or change == 0:
        return float("nan")
    progress = (values - values[0]) / change
    below = int(np.flatnonzero(progress < 0.5)[-1])
    passed = (0.5 - progress[below]) / (progress[below + 1] - progress[below])
    return float(np.expm1(x[below] + passed * (x[below + 1] - x[below])))


def steepest(steps: np.ndarray, values: np.ndarray) -> float:
    """Return the midpoint of the steepest interval between checkpoints, on the logarithm of step + 1."""
    x, change = np.log1p(np.asarray(steps, dtype=float)), values[-1] - values[0]
    if len(x) < 2 or change == 0:
        return float("nan")
    place = int(np.argmax(np.sign(change) * np.diff(values) / np.diff(x)))
    return float(np.expm1((x[place] + x[place + 1]) / 2))
