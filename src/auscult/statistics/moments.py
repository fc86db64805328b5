"""Moments: counts, sums and Gram matrices per group, from which linear analyses follow without another pass over data.

Memory depends on the number of groups and dimensions, not on the number of items. Sums are float64 for vectors of any
precision, so float32 values keep their seven digits in the moments of 10⁸ items.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np

__all__ = ["CONSTANT_SHARE", "Moments", "MomentsByGroup", "JointMoments", "RidgePath", "fit_ridge", "fit_pca"]

# Rows per matrix product: few enough for float32 sums to keep five digits, enough for the product to run at full speed.
_BLOCK = 2048
# Variance below this share of the mean square is within the rounding of float32: the dimension counts as constant.
CONSTANT_SHARE = 1e-13


@dataclass(frozen=True)
class Moments:
    """Sufficient statistics of pairs (x, y) for linear methods; moments of disjoint sets of items can be added.

    Parameters
    ----------
    n : number of items
    sum_x : Σ x [shape=(n_dims,)]
    sum_y : Σ y [shape=(n_targets,)]
    gram : Σ x xᵀ [shape=(n_dims, n_dims)]
    cross : Σ x yᵀ [shape=(n_dims, n_targets)]
    """

    n: int
    sum_x: np.ndarray
    sum_y: np.ndarray
    gram: np.ndarray
    cross: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray) -> "Moments":
        """Return the moments of vectors ``x`` [shape=(n, n_dims)] and targets ``y`` [shape=(n, n_targets)]."""
        x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        return cls(len(x), x.sum(axis=0), y.sum(axis=0), x.T @ x, x.T @ y)

    def __add__(self, other: "Moments") -> "Moments":
        """Return the moments of both sets of items together."""
        return Moments(*(mine + theirs for mine, theirs in zip(self._parts(), other._parts())))

    def __sub__(self, other: "Moments") -> "Moments":
        """Return the moments without the items of ``other``, which must be among them."""
        return Moments(*(mine - theirs for mine, theirs in zip(self._parts(), other._parts())))

    @property
    def mean_x(self) -> np.ndarray:
        """Mean of x [shape=(n_dims,)]."""
        return self.sum_x / self.n

    @property
    def mean_y(self) -> np.ndarray:
        """Mean of y [shape=(n_targets,)]."""
        return self.sum_y / self.n

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of x, divided by n [shape=(n_dims, n_dims)]."""
        return self.gram / self.n - np.outer(self.mean_x, self.mean_x)

    @property
    def cross_covariance(self) -> np.ndarray:
        """Covariance of x with y, divided by n [shape=(n_dims, n_targets)]."""
        return self.cross / self.n - np.outer(self.mean_x, self.mean_y)

    @property
    def inverse_scale(self) -> np.ndarray:
        """One over the standard deviation of each dimension of x, 0 where it is constant [shape=(n_dims,)]."""
        mean_square = np.diag(self.gram) / self.n
        variance = mean_square - self.mean_x**2
        varies = variance > CONSTANT_SHARE * mean_square
        return np.divide(
            1.0, np.sqrt(variance, where=varies, out=np.ones_like(variance)), where=varies, out=np.zeros_like(variance)
        )

    def _parts(self) -> tuple[Any, ...]:
        return self.n, self.sum_x, self.sum_y, self.gram, self.cross


class MomentsByGroup:
    """Accumulate the moments of every group (speaker, fold) in chunks; chunks may come in any order and size."""

    def __init__(self) -> None:
        self._blocks: dict[Hashable, Moments] = {}

    @property
    def groups(self) -> tuple[Hashable, ...]:
        """The groups seen so far, in order of appearance."""
        return tuple(self._blocks)

    def accumulate(self, x: np.ndarray, y: np.ndarray, groups: np.ndarray) -> "MomentsByGroup":
        """Add a chunk: ``x`` [shape=(n, n_dims)], ``y`` [shape=(n, n_targets)] and the group of each row."""
        groups = np.asarray(groups)
        for group in np.unique(groups):
            members = groups == group
            self._add(group.item(), Moments.of(x[members], y[members]))
        return self

    def merge(self, other: "MomentsByGroup") -> "MomentsByGroup":
        """Add the groups of another accumulator, for example of another shard."""
        for group in other.groups:
            self._add(group, other[group])
        return self

    def total(self, groups: Iterable[Hashable] | None = None) -> Moments:
        """Return the moments of some groups together, or of all."""
        return reduce(add, (self._blocks[group] for group in (self.groups if groups is None else groups)))

    def __getitem__(self, group: Hashable) -> Moments:
        """Return the moments of one group."""
        return self._blocks[group]

    def _add(self, group: Hashable, block: Moments) -> None:
        self._blocks[group] = self._blocks[group] + block if group in self._blocks else block


@dataclass(frozen=True)
class JointMoments:
    """Moments of two spaces over the same items, by group: sufficient statistics for comparing the spaces.

    The moments of a weighted set of groups are a weighted sum over the first axis: weight 0 leaves a group out, and the
    counts of a bootstrap sample resample the groups. If x and y are the same space, ``cross`` is its Gram matrix.

    Parameters
    ----------
    n : number of items per group [shape=(n_groups,)]
    sum_x, sum_y : Σ x and Σ y [shapes=(n_groups, n_dims)]
    cross : Σ x yᵀ [shape=(n_groups, n_dims_x, n_dims_y)]
    """

    n: np.ndarray
    sum_x: np.ndarray
    sum_y: np.ndarray
    cross: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray, groups: np.ndarray, n_groups: int | None = None) -> "JointMoments":
        """Return the moments of vectors ``x`` and ``y`` [shapes=(n, n_dims)], whose rows are the same items.

        Products are computed in the precision of the vectors and summed in float64. With float32 vectors an entry of
        ``cross`` is exact to 1e-5 of the root of the product of its two sums of squares, at twice the speed. Subtract
        the mean, or any fixed vector near it, beforehand: comparisons do not depend on it, but rounding does.

        Parameters
        ----------
        groups : group codes from 0 [shape=(n,)]
        n_groups : number of groups, if the chunk may lack the last ones
        """
        n_groups = int(groups.max()) + 1 if n_groups is None else n_groups
        n_x, n_y = x.shape[1], y.shape[1]
        shapes = [(), (n_x,), (n_y,), (n_x, n_y)]
        parts = [np.zeros((n_groups, *shape)) for shape in shapes]
        for group in np.unique(groups):
            rows = np.flatnonzero(groups == group)
            for block in np.split(rows, range(_BLOCK, len(rows), _BLOCK)):
                # An array times itself is recognised as symmetric, which halves the work.
                a = x[block]
                b = a if y is x else y[block]
                for part, value in zip(parts, _block_moments(a, b)):
                    part[group] += value
        return cls(*parts)

    def __add__(self, other: "JointMoments") -> "JointMoments":
        """Return the moments of the items of both, for example of two chunks, group by group."""
        return JointMoments(*(mine + theirs for mine, theirs in zip(vars(self).values(), vars(other).values())))

    def __sub__(self, other: "JointMoments") -> "JointMoments":
        """Return the moments without the items of ``other``, which must be among them."""
        return JointMoments(*(mine - theirs for mine, theirs in zip(vars(self).values(), vars(other).values())))

    @property
    def swapped(self) -> "JointMoments":
        """The same with x and y exchanged."""
        return JointMoments(self.n, self.sum_y, self.sum_x, self.cross.transpose(0, 2, 1))

    def means(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the means of x and y with groups weighted [shapes=(n_dims,)]."""
        total = weights @ self.n
        return weights @ self.sum_x / total, weights @ self.sum_y / total

    def covariance(self, weights: np.ndarray) -> np.ndarray:
        """Return the covariance of x with y, divided by n, with groups weighted [shape=(n_dims_x, n_dims_y)]."""
        mean_x, mean_y = self.means(weights)
        return np.tensordot(weights, self.cross, axes=1) / (weights @ self.n) - np.outer(mean_x, mean_y)

    def about(self, group: int, mean_x: np.ndarray, mean_y: np.ndarray) -> np.ndarray:
        """Return Σ (x − mean_x)(y − mean_y)ᵀ over the items of a group [shape=(n_dims_x, n_dims_y)]."""
        shifted = self.sum_y[group] - self.n[group] * mean_y
        return self.cross[group] - np.outer(self.sum_x[group], mean_y) - np.outer(mean_x, shifted)


def _block_moments(a: np.ndarray, b: np.ndarray) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    sum_a = a.sum(axis=0, dtype=np.float64)
    return len(a), sum_a, sum_a if b is a else b.sum(axis=0, dtype=np.float64), a.T @ b


@dataclass(frozen=True)
class RidgePath:
    """Ridge regressions of the same data for several penalties.

    Parameters
    ----------
    weights : weights of raw (not standardised) vectors [shape=(n_penalties, n_dims, n_targets)]
    mean_x : mean that is subtracted from vectors [shape=(n_dims,)]
    mean_y : mean that is added to scores [shape=(n_targets,)]
    """

    weights: np.ndarray
    mean_x: np.ndarray
    mean_y: np.ndarray

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the scores of vectors ``x`` [shape=(n, n_dims)], computed in the precision of ``x``.

        Returns
        -------
        scores [shape=(n, n_penalties, n_targets)]
        """
        n_penalties, n_dims, n_targets = self.weights.shape
        flat = self.weights.transpose(1, 0, 2).reshape(n_dims, -1).astype(x.dtype)
        scores = (x - self.mean_x.astype(x.dtype)) @ flat
        return scores.reshape(len(x), n_penalties, n_targets) + self.mean_y.astype(x.dtype)


def fit_ridge(moments: Moments, penalties: Iterable[float]) -> RidgePath:
    """Fit ridge regressions of y on standardised x for many penalties λ from one eigendecomposition.

    With z the standardised x, R its correlation matrix and c its covariance with y, the weights of z are
    (R + λ I)⁻¹ c = V (Λ + λ)⁻¹ Vᵀ c. λ is relative to the unit variance of z, so the same grid serves any number of
    items: scikit-learn's ``alpha`` is n · λ. The intercept is not penalised. Constant dimensions have weight 0.

    Parameters
    ----------
    moments : moments of the training items
    penalties : values of λ, all positive
    """
    scale = moments.inverse_scale
    eigenvalues, vectors = np.linalg.eigh(moments.covariance * scale[:, None] * scale)
    eigenvalues = np.clip(eigenvalues, 0, None)[:, None]
    projected = vectors.T @ (moments.cross_covariance * scale[:, None])
    weights = [scale[:, None] * (vectors @ (projected / (eigenvalues + penalty))) for penalty in penalties]
    return RidgePath(np.stack(weights), moments.mean_x, moments.mean_y)


def fit_pca(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the principal axes of a covariance matrix in descending order of variance.

    Returns
    -------
    variances, non-negative [shape=(n_dims,)]; axes, as columns [shape=(n_dims, n_dims)]
    """
    variances, axes = np.linalg.eigh(covariance)
    return np.clip(variances[::-1], 0, None), axes[:, ::-1]
