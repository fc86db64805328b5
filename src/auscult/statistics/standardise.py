"""Standardisation of vectors with the mean and scale of other groups, such as speakers."""

import numpy as np
import numpy.typing as npt

from auscult.statistics.moments import CONSTANT_SHARE

__all__ = ["standardise_by_others"]


def standardise_by_others(x: npt.NDArray[np.floating], groups: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
    """Subtract from each vector the mean of all other groups' vectors and divide by their standard deviation.

    Cosine distances of vectors with a large common mean mostly measure this mean, and dimensions of large variance
    outweigh the others (Timkey and van Schijndel, 2021). Vectors of the same group are all moved in the same way.

    Parameters
    ----------
    x : vectors [shape=(n, n_dims)]
    groups : codes from 0 [shape=(n,)]

    Returns
    -------
    standardised vectors [shape=(n, n_dims), float32]; a dimension that is constant over the other groups is 0. With a
    single group its own mean and deviation are used
    """
    standardised = np.empty(x.shape, dtype=np.float32)
    # Sums about the mean keep their digits where the common mean is large.
    mean = x.mean(axis=0, dtype=np.float64)
    n_groups = int(groups.max(initial=-1)) + 1
    members = [np.flatnonzero(groups == group) for group in range(n_groups)]
    sums, squares = np.zeros((2, n_groups, x.shape[1]))
    for group, rows in enumerate(members):
        centred = x[rows] - mean
        sums[group], squares[group] = centred.sum(axis=0), np.square(centred).sum(axis=0)
    counts = np.array([len(rows) for rows in members])
    alone = np.count_nonzero(counts) == 1
    for group, rows in enumerate(members):
        own = 0 if alone else 1
        n = max(len(x) - own * len(rows), 1)
        centre = (sums.sum(axis=0) - own * sums[group]) / n
        variance = (squares.sum(axis=0) - own * squares[group]) / n - centre**2
        varies = variance > CONSTANT_SHARE * (variance + (centre + mean) ** 2)
        scale = np.divide(1, np.sqrt(np.where(varies, variance, 1)), where=varies, out=np.zeros_like(variance))
        standardised[rows] = (x[rows] - mean - centre) * scale
    return standardised
