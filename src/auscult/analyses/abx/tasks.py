"""ABX tasks: the triples that are compared. A and X share the ON value, all three the BY values; X differs in ACROSS.

A *bin* holds the items of one label in one group (equal BY values) and one ACROSS value. A *cell* takes A and X from
bins of one label and B from a bin of another. Without ACROSS, A and X are different items of one bin; with ACROSS, A
and B share its value and X has another (Schatz et al., 2013, section 2; Schatz, 2016, chapter 2).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auscult.errors import AnalysisError

__all__ = ["AbxTask", "make_abx_task", "add_neighbours", "ranges", "EDGE"]

EDGE = "#"
# Columns that identify an item in its corpus or item file.
_PLACES = ("utterance", "tier", "index", "onset", "offset")

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class AbxTask:
    """The items of a task, sorted so that bins and groups are contiguous, and its cells, sorted by X, A and B.

    Parameters
    ----------
    name : of the target, for messages
    rows : positions of the items in the table of the task [shape=(n_items,)]
    bin_start, bin_size : position of each bin's first item, and number of its items [shapes=(n_bins,)]
    group_start, group_stop : first item of each bin's group, and one past its last [shapes=(n_bins,)]
    x, a, b : bins of each cell [shape=(n_cells,)]
    within : whether A and X share a bin (no ACROSS)
    label : code of each bin's label in ``labels`` [shape=(n_bins,)]
    labels : names of the labels, sorted
    speaker, x_speaker : for each cell the speaker code of A and B, and of X; −1 where speakers are neither BY nor
        ACROSS [shapes=(n_cells,)]
    n_speakers : number of speakers among the items
    n_possible : number of cells before ``max_cells`` of them were drawn
    """

    name: str
    rows: Array = field(repr=False)
    bin_start: Array = field(repr=False)
    bin_size: Array = field(repr=False)
    group_start: Array = field(repr=False)
    group_stop: Array = field(repr=False)
    x: Array = field(repr=False)
    a: Array = field(repr=False)
    b: Array = field(repr=False)
    within: bool
    label: Array = field(repr=False)
    labels: tuple[str, ...]
    speaker: Array = field(repr=False)
    x_speaker: Array = field(repr=False)
    n_speakers: int
    n_possible: int

    @property
    def n_triples(self) -> Array:
        """Number of triples (a, b, x) in each cell [shape=(n_cells,)]."""
        sizes = self.bin_size
        return sizes[self.x] * (sizes[self.a] - int(self.within)) * sizes[self.b]


def make_abx_task(
    table: pd.DataFrame,
    *,
    on: str,
    by: Sequence[str] = (),
    across: str | None = None,
    name: str | None = None,
    max_items_per_bin: int | None = None,
    max_cells: int | None = None,
    seed: int = 0,
) -> AbxTask:
    """Find every cell of a task, or a random sample of them.

    Parameters
    ----------
    table : one row per item, with a column ``speaker``; items whose ``on`` is empty are left out
    on, by, across : columns
    name : of the target in messages; by default ``on``
    max_items_per_bin : maximum number of items per bin; more are sampled, independently of the order of the table
    max_cells : maximum number of cells; more are sampled
    seed : of both samples

    Raises
    ------
    AnalysisError
        A column does not exist, or there are too few labels, ACROSS values or items for a single cell.
    """
    name = name or on
    missing = [column for column in (on, *by, *([across] if across else []), "speaker") if column not in table]
    if missing:
        raise AnalysisError(
            f"target {name!r}: expected column {missing[0]!r} in the index, found only {', '.join(table.columns)}"
        )
    labels = table[on].astype("string").fillna("").to_numpy(dtype=str)
    kept = np.flatnonzero(labels != "")
    names, label = np.unique(labels[kept], return_inverse=True)
    _require_two(names, f"target {name!r}", "classes", on)
    group, side = _groups(table.iloc[kept], by), np.zeros(len(kept), int)
    if across:
        values, side = np.unique(table[across].astype(str).to_numpy()[kept], return_inverse=True)
        _require_two(values, f"target {name!r}", f"values of {across}", across)
    keys = np.stack([group, side, label])
    order = np.lexsort([*_places(table.iloc[kept]), *keys[::-1]])
    order = order[_sample_bins(keys[:, order], max_items_per_bin, np.random.default_rng([seed, 1]))]
    cells = _cells(keys[:, order], bool(across), max_cells, np.random.default_rng([seed, 2]))
    if not len(cells.x):
        raise _no_cell(name, by, across, len(kept))
    return _assemble(table, kept[order], cells, tuple(names), by, across, name)


def add_neighbours(index: pd.DataFrame) -> pd.DataFrame:
    """Return segments of one tier with columns ``previous`` and ``next``, the neighbouring labels, ``#`` at the edges.

    Neighbours are the previous and the next segment of the tier in the same utterance, even across a silence.
    """
    ordered = index.sort_values(["utterance", "index"], kind="stable")
    labels = ordered.groupby("utterance", sort=False)["label"]
    previous, following = (labels.shift(step).fillna(EDGE) for step in (1, -1))
    return index.assign(previous=previous, next=following)


def ranges(starts: Array, counts: Array) -> Array:
    """Return start, start + 1, …, start + count − 1 for every pair, concatenated."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - (ends - counts), counts)


@dataclass(frozen=True)
class _Cells:
    start: Array
    size: Array
    keys: Array
    x: Array
    a: Array
    b: Array
    n_possible: int


def _require_two(values: Array, where: str, kind: str, column: str) -> None:
    if len(values) < 2:
        found = f"{len(values)} ({str(values[0])!r})" if len(values) else "none"
        raise AnalysisError(
            f"{where}: expected at least two {kind} in column {column!r}, found {found}; add items or leave it out"
        )


def _no_cell(name: str, by: Sequence[str], across: str | None, n_items: int) -> AnalysisError:
    wider = "ask for any context, or " if set(by) - {"speaker"} else "compare across speakers, or " if by else ""
    return AnalysisError(
        f"target {name!r}: expected a cell (two classes of the same {', '.join(by) or 'corpus'}, and "
        f"{f'one of them with another {across}' if across else 'two items of one of them'}), found none among "
        f"{n_items} items; {wider}add utterances"
    )


def _groups(table: pd.DataFrame, by: Sequence[str]) -> Array:
    return table.groupby(list(by), dropna=False).ngroup().to_numpy() if by else np.zeros(len(table), int)


def _places(table: pd.DataFrame) -> list[Array]:
    """Return sort keys, the last one first, that order items independently of the order of the table."""
    columns = [column for column in _PLACES if column in table]
    return [pd.factorize(table[column], sort=True)[0] for column in reversed(columns)]


def _sample_bins(keys: Array, maximum: int | None, rng: np.random.Generator) -> Array:
    """Return the positions to keep, at most ``maximum`` per bin (run of equal columns)."""
    if maximum is None:
        return np.arange(keys.shape[1])
    start, size = _runs(keys)
    which = np.repeat(np.arange(len(start)), size)
    shuffled = np.lexsort((rng.random(len(which)), which))
    rank = np.arange(len(which)) - np.repeat(start, size)
    return np.sort(shuffled[rank < maximum])


def _runs(keys: Array) -> tuple[Array, Array]:
    start = np.flatnonzero(np.append(True, (keys[:, 1:] != keys[:, :-1]).any(axis=0)))
    return start, np.diff(np.append(start, keys.shape[1]))


def _cells(keys: Array, across: bool, maximum: int | None, rng: np.random.Generator) -> _Cells:
    start, size = _runs(keys)
    bins = keys[:, start]
    pool_start, pool_size = _runs(bins[:2])
    pool = np.repeat(np.arange(len(pool_start)), pool_size)
    x, a = _partners(bins) if across else (np.flatnonzero(size >= 2),) * 2
    others = pool_size[pool[a]] - 1
    total = int(others.sum())
    chosen = np.arange(total)
    # Cells are drawn by number, so that the others never take memory.
    if maximum is not None and total > maximum:
        chosen = np.sort(rng.choice(total, size=maximum, replace=False))
    ends = np.cumsum(others)
    unit = np.searchsorted(ends, chosen, side="right")
    b = pool_start[pool[a[unit]]] + chosen - (ends - others)[unit]
    return _Cells(start, size, bins, x[unit], a[unit], b + (b >= a[unit]), total)


def _partners(bins: Array) -> tuple[Array, Array]:
    """Return all pairs (x, a) of bins of one group and label with different ACROSS values, sorted."""
    order = np.lexsort((bins[1], bins[2], bins[0]))
    start, size = _runs(bins[[0, 2]][:, order])
    mates = np.repeat(size, size)
    x = np.repeat(order, mates)
    a = order[ranges(np.repeat(start, size), mates)]
    different = x != a
    x, a = x[different], a[different]
    order = np.lexsort((a, x))
    return x[order], a[order]


def _assemble(
    table: pd.DataFrame,
    rows: Array,
    cells: _Cells,
    names: tuple[str, ...],
    by: Sequence[str],
    across: str | None,
    name: str,
) -> AbxTask:
    used = np.zeros(len(cells.size), dtype=bool)
    for bins in (cells.x, cells.a, cells.b):
        used[bins] = True
    renumbered = np.cumsum(used) - 1
    size = cells.size[used]
    start = np.cumsum(size) - size
    first, n_bins = _runs(cells.keys[:1, used])
    of_group = np.repeat(np.arange(len(first)), n_bins)
    rows = rows[np.repeat(used, cells.size)]
    speakers, codes = np.unique(table["speaker"].astype(str).to_numpy()[rows], return_inverse=True)
    x, a = renumbered[cells.x], renumbered[cells.a]
    known = "speaker" in (*by, across)
    return AbxTask(
        name=name,
        rows=rows,
        bin_start=start,
        bin_size=size,
        group_start=start[first][of_group],
        group_stop=np.append(start[first][1:], len(rows))[of_group],
        x=x,
        a=a,
        b=renumbered[cells.b],
        within=across is None,
        label=cells.keys[2, used],
        labels=names,
        speaker=codes[start[a]] if known else np.full(len(a), -1),
        x_speaker=codes[start[x]] if known else np.full(len(a), -1),
        n_speakers=len(speakers),
        n_possible=cells.n_possible,
    )
