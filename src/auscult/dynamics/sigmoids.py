"""Least-squares fits of sigmoids to many curves at once, without initial values.

For given midpoint and slope, floor and height follow by linear regression (variable projection: Golub and Pereyra,
1973). The two remaining parameters are searched on a grid that is refined around the best point of each curve.
"""

import numpy as np

__all__ = ["logistic", "solve"]

# Slope times the width of the rise from 10 to 90 %.
_WIDTH = float(np.log(81))
_N_MIDPOINTS, _N_SLOPES, _SHRINK = 49, 25, 0.6
# Shapes have height 1 between their asymptotes; below this sum of squares they have no rise among the points.
_FLAT = 1e-12
_LOCAL = np.stack(np.meshgrid(np.linspace(-1, 1, 7), np.linspace(-1, 1, 7)), axis=-1).reshape(-1, 2)


def logistic(z: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(−z)) without overflow."""
    return 0.5 * (1 + np.tanh(z / 2))


def solve(x: np.ndarray, curves: np.ndarray, weights: np.ndarray, n_refinements: int) -> tuple[np.ndarray, ...]:
    """Fit floor + (ceiling − floor) / (1 + exp(−slope · (x − midpoint))) to each curve.

    Midpoints are searched up to half the range of x outside x. The largest slope rises from 10 to 90 % within the
    smallest gap; the points cannot distinguish larger ones.

    Parameters
    ----------
    x : points, ascending [shape=(n_points,)]
    curves : value at each point [shape=(n_curves, n_points)]
    weights : weights of the squared residuals [shape=(n_points,)]
    n_refinements : number of refinements, each of which shrinks the grid to 60 %: 40 give eight digits, 14 two to three

    Returns
    -------
    floor, ceiling, midpoint, slope, rise from the first point to the last, and weighted sum of squared residuals, per
    curve [shapes=(n_curves,)]
    """
    span, gap, share = np.ptp(x), np.diff(x).min(), weights / weights.sum()
    low = np.array([x[0] - span / 2, np.log(1 / span)])
    high = np.array([x[-1] + span / 2, np.log(max(_WIDTH / gap, 2 / span))])
    grid = np.stack(np.meshgrid(np.linspace(low[0], high[0], _N_MIDPOINTS), np.linspace(low[1], high[1], _N_SLOPES)))
    grid, reach = grid.reshape(2, -1).T, (high - low) / [_N_MIDPOINTS, _N_SLOPES]
    centred = curves - (curves @ share)[:, None]
    shapes = _shapes(x, grid, share)
    gains = _gains(centred @ (weights * shapes).T, (weights * shapes**2).sum(axis=1))
    best = grid[gains.argmax(axis=1)]
    for _ in range(n_refinements):
        places = np.clip(best[:, None] + _LOCAL * reach, low, high)
        shapes = _shapes(x, places, share)
        gains = _gains(np.einsum("cgs,cs->cg", weights * shapes, centred), (weights * shapes**2).sum(axis=2))
        best = np.take_along_axis(places, gains.argmax(axis=1)[:, None, None], axis=1)[:, 0]
        reach = reach * _SHRINK
    shape = _shapes(x, best, share)
    norm = (weights * shape**2).sum(axis=1)
    height = np.divide((weights * shape * centred).sum(axis=1), norm, out=np.zeros(len(norm)), where=norm > _FLAT)
    rss = (weights * (centred - height[:, None] * shape) ** 2).sum(axis=1)
    slope = np.exp(best[:, 1])
    raw = logistic(slope[:, None] * (x - best[:, :1]))
    floor = curves @ share - height * (raw @ share)
    return floor, floor + height, best[:, 0], slope, height * (raw[:, -1] - raw[:, 0]), rss


def _shapes(x: np.ndarray, places: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return sigmoids of height 1, minus their weighted mean over steps [shape=(..., n_steps)]."""
    raw = logistic(np.exp(places[..., 1:]) * (x - places[..., :1]))
    return raw - (raw @ share)[..., None]


def _gains(products: np.ndarray, norms: np.ndarray) -> np.ndarray:
    """Return the sums of squares that shapes explain: 0 for shapes that are constant over the points.

    A steep sigmoid far outside the points is constant in floating point; dense checkpoints allow such slopes.
    """
    norms = np.broadcast_to(norms, products.shape)
    return np.divide(products**2, norms, out=np.zeros(products.shape), where=norms > _FLAT)
