"""Dynamic time warping of many pairs of short sequences at once."""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["dtw_distances"]

# Pairs warped together: the columns of their table fit into the processor's cache.
_PAIRS = 4096

Array = npt.NDArray[Any]


def dtw_distances(
    frames: Array,
    places: Array,
    down: Array,
    right: Array,
    n: Array,
    m: Array,
) -> Array:
    """Return the cost of the cheapest path for each pair of sequences, divided by the number of frame pairs on it.

    A step advances one frame in either sequence or in both, with equal weights. Among equally cheap predecessors, a
    step in both comes first, then one in the second sequence, then one in the first. ABXpy (Schatz et al., 2013) and
    Libri-Light's evaluation (Kahn et al., 2020) use this distance, including the division by path length.

    Parameters
    ----------
    frames : distances between frames, the matrices of all pairs in one array [shape=(n_distances,)]
    places : position of each pair's first distance [shape=(n_pairs,)]
    down, right : offset to the next frame of the first and of the second sequence [shapes=(n_pairs,)]
    n, m : number of frames of the first and of the second sequence [shapes=(n_pairs,)]

    Returns
    -------
    distances [shape=(n_pairs,), float32]
    """
    result = np.empty(len(places), dtype=np.float32)
    # Pairs of similar lengths are grouped: values computed beyond a pair's own frames are not read.
    order = np.lexsort((m, n))
    for chunk in np.split(order, range(_PAIRS, len(order), _PAIRS)):
        result[chunk] = _warp(frames, *(values[chunk] for values in (places, down, right, n, m)))
    return result


def _warp(frames: Array, places: Array, down: Array, right: Array, n: Array, m: Array) -> Array:
    rows, columns = np.arange(n.max())[:, None, None], np.arange(m.max())[:, None]
    # Frames past the end of a sequence repeat the last frame; no path returns from there.
    at = places + np.minimum(rows, n - 1) * down + np.minimum(columns, m - 1) * right
    cost = frames[at].astype(np.float64)
    length = np.empty(cost.shape, dtype=np.int32)
    np.cumsum(cost[0], axis=0, out=cost[0])
    length[0] = 1 + columns
    for i in range(1, len(cost)):
        cost[i, 0] += cost[i - 1, 0]
        length[i, 0] = i + 1
        for j in range(1, cost.shape[1]):
            _step(cost, length, i, j)
    pairs = np.arange(len(places))
    return cost[n - 1, m - 1, pairs] / length[n - 1, m - 1, pairs]


def _step(cost: Array, length: Array, i: int, j: int) -> None:
    up, left, both = cost[i - 1, j], cost[i, j - 1], cost[i - 1, j - 1]
    straight = np.minimum(up, left)
    along = np.where(left <= up, length[i, j - 1], length[i - 1, j])
    length[i, j] = 1 + np.where(both <= straight, length[i - 1, j - 1], along)
    cost[i, j] += np.minimum(straight, both)
