"""Distances between items, as vectors or as sequences of frames, in blocks of bounded size.

Inner products are computed in float64 and distances compared in float32. Equal items are then equally far from a third
whatever the order of summation, and batch sizes do not change scores.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from auscult.analyses.abx.dtw import dtw_distances
from auscult.analyses.abx.settings import DISTANCES, Distance
from auscult.analyses.abx.tasks import ranges
from auscult.errors import AnalysisError

__all__ = ["DISTANCES", "Distance", "Block", "Store", "Vectors", "Sequences"]

Array = npt.NDArray[Any]
# Added to probabilities before taking logarithms, as in Libri-Light.
_EPSILON = 1e-6
# Number of frames whose distances come from one matrix product.
_SLAB = 48
# A squared distance is a difference of terms; below this share of them it is rounding error in float64.
_ROUNDING = 1e-13


@dataclass(frozen=True)
class Block:
    """Items ``rows`` compared with the items ``first`` to ``last`` − 1."""

    rows: Array
    first: int
    last: int


class Store(Protocol):
    """Items that return their distances.

    Attributes
    ----------
    sizes : number of frames of each item, 1 for vectors [shape=(n_items,)]
    """

    sizes: Array

    def between(self, blocks: Sequence[Block], wanted: Array) -> Array:
        """Return the distances of all blocks, row by row [shape=(n,), float32]; only ``wanted`` ones must be valid."""
        ...


class Vectors:
    """Items of one vector each.

    Parameters
    ----------
    x : vectors [shape=(n_items, n_dims)]
    distance : ``cosine`` (1 − cos, 0 to 2); ``angular`` (arccos(cos) / π, 0 to 1; Libri-Light calls it cosine);
        ``euclidean``; ``kl``, symmetrised: ½ KL(p‖q) + ½ KL(q‖p) in nats, for vectors of probabilities
    where : name of the items in error messages

    Raises
    ------
    AnalysisError
        The distance does not exist; a vector is not finite, has length 0 (for angles), or is no probability
        distribution (for ``kl``).
    """

    def __init__(self, x: Array, distance: Distance, where: str = "the items") -> None:
        self._pairwise = _Pairwise(x, distance, where)
        self.sizes = np.ones(len(x), dtype=np.int64)

    def between(self, blocks: Sequence[Block], wanted: Array) -> Array:
        """Return the distances of all blocks, wanted or not: one matrix product per block."""
        return _concatenate(self._pairwise(block.rows, slice(block.first, block.last)) for block in blocks)


class Sequences:
    """Items of several frames, compared by dynamic time warping, see :func:`auscult.analyses.abx.dtw.dtw_distances`.

    Parameters
    ----------
    frames : frames of all items [shape=(n_frames, n_dims)]
    starts, sizes : position of each item's first frame, and number of its frames [shapes=(n_items,)]
    distance, where : as in :class:`Vectors`, here between frames

    Raises
    ------
    AnalysisError
        As in :class:`Vectors`, or an item has no frame.
    """

    def __init__(
        self,
        frames: Array,
        starts: Array,
        sizes: Array,
        distance: Distance,
        where: str = "the items",
    ) -> None:
        self.sizes, self._starts = np.asarray(sizes), np.asarray(starts)
        if (self.sizes < 1).any():
            raise AnalysisError(
                f"expected at least one frame in every item of {where}, found none in {(self.sizes < 1).sum()}; leave "
                "out items shorter than a frame"
            )
        self._pairwise = _Pairwise(frames, distance, where)

    def between(self, blocks: Sequence[Block], wanted: Array) -> Array:
        """Return the distances of all blocks, zero where not wanted; each pair is warped once, in one direction."""
        rows = np.concatenate([block.rows for block in blocks])
        n_rows = [len(block.rows) for block in blocks]
        first, width = (np.repeat(values, n_rows) for values in zip(*((b.first, b.last - b.first) for b in blocks)))
        begin = np.cumsum(width) - width
        places = np.flatnonzero(wanted)
        row = np.searchsorted(begin, places, side="right") - 1
        x, y = rows[row], places - (begin - first)[row]
        keys = np.minimum(x, y) * len(self.sizes) + np.maximum(x, y)
        _, once, inverse = np.unique(keys, return_index=True, return_inverse=True)
        # Rows are processed in slabs: columns before a slab are rows of earlier slabs.
        slab = np.cumsum(self.sizes[rows]) // _SLAB + len(rows) * np.repeat(np.arange(len(blocks)), n_rows)
        result = np.zeros(len(wanted), dtype=np.float32)
        result[places] = self._warp(x[once], y[once], slab[row[once]])[inverse]
        return result

    def _warp(self, x: Array, y: Array, slab: Array) -> Array:
        """Return the distance of every pair (x, y); frame distances are computed slab by slab."""
        frames, place, stride, begin = [], np.empty_like(x), np.empty_like(x), 0
        order = np.argsort(slab, kind="stable")
        for pairs in np.split(order, np.flatnonzero(np.diff(slab[order])) + 1):
            rows, columns = np.unique(x[pairs]), np.arange(y[pairs].min(), y[pairs].max() + 1)
            matrix = self._pairwise(self._frames_of(rows), self._frames_of(columns))
            down, right = (np.cumsum(self.sizes[items]) - self.sizes[items] for items in (rows, columns))
            stride[pairs] = matrix.shape[1]
            place[pairs] = (
                begin + down[np.searchsorted(rows, x[pairs])] * matrix.shape[1] + right[y[pairs] - columns[0]]
            )
            frames.append(matrix.ravel())
            begin += matrix.size
        turned = x > y
        steps = (np.where(turned, 1, stride), np.where(turned, stride, 1))
        n, m = self.sizes[np.minimum(x, y)], self.sizes[np.maximum(x, y)]
        return dtw_distances(np.concatenate(frames), place, *steps, n, m)

    def _frames_of(self, items: Array) -> Array:
        return ranges(self._starts[items], self.sizes[items])


class _Pairwise:
    """Distances between two sets of vectors, every one with every other."""

    def __init__(self, x: Array, distance: Distance, where: str) -> None:
        if distance not in DISTANCES:
            raise AnalysisError(f"expected one of the distances {', '.join(DISTANCES)}, found {distance!r}")
        n_invalid = int((~np.isfinite(x)).any(axis=1).sum())
        if n_invalid:
            raise AnalysisError(
                f"expected finite vectors, found NaN or infinity in {n_invalid} of {len(x)} rows of {where}; check the "
                "model's weights and precision, then extract again"
            )
        self.x, self.distance = x, distance
        if distance == "kl":
            _require_probabilities(x, where)
        self.squares = np.einsum("ij,ij->i", x, x, dtype=np.float64)
        n_zero = int((self.squares == 0).sum())
        if n_zero and distance in ("cosine", "angular"):
            raise AnalysisError(
                f"expected vectors of non-zero length for the {distance} distance, found {n_zero} zero vectors of "
                f"{len(x)} in {where}; choose distance euclidean or leave them out"
            )

    def __call__(self, rows: Array, columns: Array | slice) -> Array:
        """Return distances [shape=(n_rows, n_columns), float32]."""
        p, q = self.x[rows].astype(np.float64), self.x[columns].astype(np.float64)
        if self.distance == "kl":
            return _symmetric_kl(p, q)
        product, squares = p @ q.T, self.squares[columns]
        if self.distance == "euclidean":
            scale = self.squares[rows][:, None] + squares
            return np.sqrt(_cut(scale - 2 * product, scale)).astype(np.float32)
        product /= np.sqrt(self.squares[rows])[:, None]
        product /= np.sqrt(squares)
        cosine_distances = _cut(1 - product, 1.0)
        if self.distance == "cosine":
            return cosine_distances.astype(np.float32)
        return (np.arccos(np.maximum(1 - cosine_distances, -1)) / np.pi).astype(np.float32)


def _cut(differences: Array, scale: Array | float) -> Array:
    """Return differences with rounding errors set to exactly zero."""
    differences[differences < _ROUNDING * scale] = 0
    return differences


def _symmetric_kl(p: Array, q: Array) -> Array:
    log_p, log_q = np.log(p + _EPSILON), np.log(q + _EPSILON)
    own = (p * log_p).sum(axis=1)[:, None] + (q * log_q).sum(axis=1)
    return (0.5 * _cut(own - p @ log_q.T - log_p @ q.T, 100.0)).astype(np.float32)


def _require_probabilities(x: Array, where: str) -> None:
    sums = x.sum(axis=1, dtype=np.float64)
    wrong = (x < 0).any(axis=1) | (np.abs(sums - 1) > 1e-3)
    if wrong.any():
        raise AnalysisError(
            f"expected probabilities that sum to 1 for the kl distance, found {wrong.sum()} of {len(x)} rows of "
            f"{where} that do not (one sums to {sums[wrong][0]:.4g}); apply a softmax, or choose another distance"
        )


def _concatenate(matrices: Iterable[Array]) -> Array:
    return np.concatenate([matrix.ravel() for matrix in matrices])
