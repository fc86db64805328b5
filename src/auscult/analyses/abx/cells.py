"""Scores of ABX cells: the share of triples in which X is closer to A than to B, in batches of bounded size."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from auscult.analyses.abx.distances import Block, Store
from auscult.analyses.abx.tasks import AbxTask, ranges

__all__ = ["MAX_PAIRS", "score_cells"]

# Distances held at once: 32 MB in float64.
MAX_PAIRS = 4_000_000

# From this number of A, sorting them is faster than comparing with each.
_SORT_FROM = 32

Array = npt.NDArray[Any]


def score_cells(task: AbxTask, store: Store, max_pairs: int = MAX_PAIRS) -> Array:
    """Return each cell's score: the share of its triples with d(a, x) < d(b, x), where a tie counts half.

    1 is best and 0.5 is chance; one minus the score is the ABX error (Schatz et al., 2013, eq. 1). Distances between an
    X and the items of its group are computed batch by batch and not kept.

    Parameters
    ----------
    task : items and cells
    store : the same items, in the order of ``task.rows``
    max_pairs : maximum number of distances held at once (between frames for sequences), unless a single X has more in
        its group; does not change scores

    Returns
    -------
    scores [shape=(n_cells,)]
    """
    twice_won = np.zeros(len(task.x))
    units = _Units(task)
    for xs in _batches(task, units, store.sizes, max_pairs):
        first, won = _count(task, units, store, xs)
        twice_won[first : first + len(won)] += won
    return twice_won / (2 * task.n_triples)


class _Units:
    """Runs of cells with the same X and A bins."""

    def __init__(self, task: AbxTask) -> None:
        pairs = np.stack([task.x, task.a])
        self.cell = np.flatnonzero(np.append(True, (pairs[:, 1:] != pairs[:, :-1]).any(axis=0)))
        self.n_cells = np.diff(np.append(self.cell, len(task.x)))
        self.x, self.a = pairs[:, self.cell]
        bins = np.arange(len(task.bin_size))
        self.first_of_bin = np.searchsorted(self.x, bins, side="left")
        self.n_of_bin = np.searchsorted(self.x, bins, side="right") - self.first_of_bin


def _batches(task: AbxTask, units: _Units, sizes: Array, max_pairs: int) -> Iterator[Array]:
    """Yield batches of items that are an X of some cell, in order, each with at most ``max_pairs`` distances."""
    bins = np.flatnonzero(units.n_of_bin)
    xs = ranges(task.bin_start[bins], task.bin_size[bins])
    before = np.append(0, np.cumsum(sizes))
    cost = sizes[xs] * np.repeat(before[task.group_stop] - before[task.group_start], task.bin_size)[xs]
    begin = 0
    spent = np.cumsum(cost)
    while begin < len(xs):
        limit = max_pairs + (spent[begin - 1] if begin else 0)
        end = max(begin + 1, int(np.searchsorted(spent, limit, side="right")))
        yield xs[begin:end]
        begin = end


def _count(task: AbxTask, units: _Units, store: Store, xs: Array) -> tuple[int, Array]:
    """Return the first cell of these X, and twice the number of triples won in it and in each following cell."""
    bin_of = np.searchsorted(task.bin_start, xs, side="right") - 1
    width = (task.group_stop - task.group_start)[bin_of]
    # Position of the distance from each X to item 0, if item 0 were in the same group.
    origin = np.cumsum(width) - width - task.group_start[bin_of]

    low, high = units.first_of_bin[bin_of[0]], units.first_of_bin[bin_of[-1]] + units.n_of_bin[bin_of[-1]]
    first = units.cell[low]
    last = units.cell[high - 1] + units.n_cells[high - 1]
    b_items, b_cells, b_first, b_count = _columns(task, units, slice(low, high), slice(first, last))

    row_x = np.repeat(np.arange(len(xs)), units.n_of_bin[bin_of])
    row_unit = ranges(units.first_of_bin[bin_of], units.n_of_bin[bin_of])
    a = units.a[row_unit]
    rows = np.stack(
        [origin[row_x], task.bin_start[a], task.bin_size[a], b_first[row_unit - low], b_count[row_unit - low]]
    )
    equal = [(to + a_at, to + b_items[b_at], b_cells[b_at]) for to, a_at, b_at in _same_shape(rows)]

    wanted = np.zeros(int(width.sum()), dtype=bool)
    for to_a, to_b, _ in equal:
        wanted[to_a] = wanted[to_b] = True
    if task.within:
        wanted[origin + xs] = False
    distances = store.between(_blocks(task, xs, bin_of), wanted)
    if task.within:
        distances[origin + xs] = np.inf
    won = np.zeros(last - first)
    for to_a, to_b, cells in equal:
        won += np.bincount(cells.ravel(), _compare(distances[to_a], distances[to_b]).ravel(), minlength=len(won))
    return first, won


def _columns(task: AbxTask, units: _Units, selected: slice, cells: slice) -> tuple[Array, Array, Array, Array]:
    """Return the B of selected units: items and their cells, and the start and number of each unit's B."""
    sizes = task.bin_size[task.b[cells]]
    ends = np.append(0, np.cumsum(sizes))
    first = units.cell[selected] - cells.start
    items = ranges(task.bin_start[task.b[cells]], sizes)
    return (
        items,
        np.repeat(np.arange(len(sizes)), sizes),
        ends[first],
        ends[first + units.n_cells[selected]] - ends[first],
    )


def _blocks(task: AbxTask, xs: Array, bin_of: Array) -> list[Block]:
    starts, stops = task.group_start[bin_of], task.group_stop[bin_of]
    edges = np.flatnonzero(np.append(True, starts[1:] != starts[:-1]))
    return [Block(rows, int(starts[edge]), int(stops[edge])) for rows, edge in zip(np.split(xs, edges[1:]), edges)]


def _same_shape(rows: Array) -> Iterator[tuple[Array, Array, Array]]:
    """Yield rows with equal numbers of A and of B: origins and positions of their A and B [shape=(n_rows, …)]."""
    order = np.lexsort((rows[4], rows[2]))
    rows = rows[:, order]
    edges = np.flatnonzero(np.append(True, (rows[[2, 4], 1:] != rows[[2, 4], :-1]).any(axis=0)))
    for part in np.split(rows, edges[1:], axis=1):
        origins, a_first, a_count, b_first, b_count = part
        yield origins[:, None], a_first[:, None] + np.arange(a_count[0]), b_first[:, None] + np.arange(b_count[0])


def _compare(to_a: Array, to_b: Array) -> Array:
    """Count, for each B, the closer A twice and ties once [shapes=(n, n_a), (n, n_b) → (n, n_b)]."""
    twice = np.zeros(to_b.shape, dtype=np.int64)
    if to_a.shape[1] < _SORT_FROM:
        for column in to_a.T:
            twice += column[:, None] < to_b
            twice += column[:, None] <= to_b
        return twice
    for won, a, b in zip(twice, np.sort(to_a, axis=1), to_b):
        won += a.searchsorted(b, side="left")
        won += a.searchsorted(b, side="right")
    return twice
