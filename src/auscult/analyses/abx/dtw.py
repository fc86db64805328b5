"""Dynamic time warping of many pairs of short sequences at once."""

import numpy as np

__all__ = ["dtw_distances"]

# Pairs warped together: their columns of the table then fit into the processor's cache.
_PAIRS = 4096


def dtw_distances(
    frames: np.ndarray,
    places: np.ndarray,
    down: np.ndarray,
    right: np.ndarray,
    n: np.ndarray,
    m: np.ndarray,
) -> np.ndarray:
    """Return for each pair of sequences the cost of the cheapest path, divided by the number of frame pairs on it.

    Steps go one frame ahead in either sequence or in both, with equal weights; of equally cheap predecessors both comes
    before the second sequence, and that before the first. This is the distance of ABXpy (Schatz and others, 2013) and
    of Libri-Light's evaluation (Kahn and others, 2020), path length included.

    Parameters
    ----------
    frames : distances between frames, the matrices of all pairs somewhere in it [shape=(n_distances,)]
    places : where each pair's first distance stands [shape=(n_pairs,)]
    down, right : how far it is from there to the next frame of the first, and of the second sequence
        [shape=(n_pairs,)]
    n, m : frames of the first, and of the second sequence [shape=(n_pairs,)]

    Returns
    -------
    distances [shape=(n_pairs,), float32]
    """
    result = np.empty(len(places), dtype=np.float32)
    # Pairs of similar lengths together: what is computed beyond a pair's own frames is not read.
    order = np.lexsort((m, n))
    for chunk in np.split(order, range(_PAIRS, len(order), _PAIRS)):
        result[chunk] = _warp(frames, *(values[chunk] for values in (places, down, right, n, m)))
    return result


def _warp(frames: np.ndarray, places, down, right, n, m) -> np.ndarray:
    rows, columns = np.arange(n.max())[:, None, None], np.arange(m.max())[:, None]
    # Frames past a sequence's end read its last one; nothing leads back from there.
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


def _step(cost: np.ndarray, length: np.ndarray, i: int, j: int) -> None:
    up, left, both = cost[i - 1, j], cost[i, j - 1], cost[i - 1, j - 1]
    straight = np.minimum(up, left)
    along = np.where(left <= up, length[i, j - 1], length[i - 1, j])
    length[i, j] = 1 + np.where(both <= straight, length[i - 1, j - 1], along)
    cost[i, j] += np.minimum(straight, both)
