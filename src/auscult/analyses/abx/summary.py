"""Averages of ABX cells over speakers and contrasts, with intervals from resampling speakers."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auscult.analyses.abx.tasks import AbxTask
from auscult.statistics.intervals import MIN_GROUPS, corrected_interval

__all__ = ["summarise_abx"]

Array = npt.NDArray[Any]


def summarise_abx(
    task: AbxTask, scores: Array, *, n_resamples: int, seed: int = 0
) -> list[tuple[dict[str, Any], pd.DataFrame]]:
    """Average each layer's scores of cells over speakers and contrasts.

    The interval resamples speakers. A cell's weight is the product of how often its two speakers were drawn (one factor
    if they are the same). Contrasts without a cell in a resample are left out of its mean. There is no interval with
    fewer than :data:`auscult.statistics.intervals.MIN_GROUPS` speakers on either side, or if a task mixes speakers
    within a triple.

    Parameters
    ----------
    task : items and cells
    scores : as returned by :func:`~auscult.analyses.abx.cells.score_cells` [shape=(n_layers, n_cells)]
    n_resamples : number of bootstrap samples
    seed : of the resamples

    Returns
    -------
    summaries : for each layer a row (``value, ci_low, ci_high, n, n_groups`` and the counts among
        :data:`auscult.analyses.abx.analysis.ABX_COLUMNS`) and a table with one row per contrast (columns ``label,
        other, value, n_cells, n_triples``)
    """
    cells = _Cells(task, scores)
    by_contrast = cells.contrasts()
    n_cells, n_triples = (np.bincount(cells.contrast, counts) for counts in (np.ones(len(task.x)), task.n_triples))
    shared = {
        "n": len(task.rows),
        "n_groups": task.n_speakers,
        "chance": 0.5,
        "resampling_unit": "speaker",
        "n_contrasts": len(cells.pairs),
        "n_cells": len(task.x),
        "n_possible_cells": task.n_possible,
        "n_triples": int(task.n_triples.sum()),
    }
    names = np.asarray(task.labels, dtype=object)
    table = pd.DataFrame(
        {
            "label": names[cells.pairs // len(names)],
            "other": names[cells.pairs % len(names)],
            "n_cells": n_cells.astype(np.int64),
            "n_triples": n_triples.astype(np.int64),
        }
    )
    return [
        ({"value": float(values.mean()), "ci_low": low, "ci_high": high} | shared, table.assign(value=values))
        for values, (low, high) in zip(by_contrast, cells.intervals(n_resamples, seed))
    ]


class _Cells:
    """Scores summed within contrast, speaker of A and B, and speaker of X, the units that resampling reweights.

    Sums are sorted by these three, so that the sums of one contrast and speaker (a row) and of one contrast are
    contiguous.
    """

    def __init__(self, task: AbxTask, scores: Array) -> None:
        self.sides = np.stack([task.speaker, task.x_speaker])
        self.n_speakers = task.n_speakers
        self.pairs, self.contrast = np.unique(
            task.label[task.a] * len(task.labels) + task.label[task.b], return_inverse=True
        )
        ab, x = np.maximum(self.sides, 0)
        keys, which = np.unique((self.contrast * self.n_speakers + ab) * self.n_speakers + x, return_inverse=True)
        self.counts = np.bincount(which).astype(float)
        self.sums = np.stack([np.bincount(which, values) for values in scores])
        self.x = keys % self.n_speakers
        rows, self.starts, self.row = np.unique(keys // self.n_speakers, return_index=True, return_inverse=True)
        self.ab = rows % self.n_speakers
        self.of_row = rows // self.n_speakers
        self.first_rows = np.unique(self.of_row, return_index=True)[1]

    def contrasts(self) -> Array:
        """Return the mean over speakers of every contrast [shape=(n_layers, n_contrasts)]."""
        means = np.add.reduceat(self.sums, self.starts, axis=1) / np.add.reduceat(self.counts, self.starts)
        return np.add.reduceat(means, self.first_rows, axis=1) / np.bincount(self.of_row)

    def intervals(self, n_resamples: int, seed: int) -> Array:
        """Return the 95 % interval of each layer's mean over contrasts [shape=(n_layers, 2)]."""
        sizes = [len(np.unique(side)) for side in self.sides]
        if min(sizes) < MIN_GROUPS or not n_resamples:
            return np.full((len(self.sums), 2), np.nan)
        n = self.n_speakers
        draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_resamples).astype(float)
        found, without = (np.stack([self._mean(draw) for draw in each]) for each in (draws, 1 - np.eye(n)))
        values = self._mean(np.ones(n))
        return np.array(
            [
                corrected_interval(found[:, layer], value=value, n_groups=min(sizes), jackknife=without[:, layer])
                for layer, value in enumerate(values)
            ]
        )

    def _mean(self, draw: Array) -> Array:
        """Return each layer's mean over contrasts; with very few cells, a draw may leave none and has no mean."""
        shares = self._shares(draw)
        return self.sums @ shares if len(shares) else np.full(len(self.sums), np.nan)

    def _shares(self, draw: Array) -> Array:
        """Return the weight of each sum in the mean over contrasts; an empty array if no cell is left."""
        drawn = draw[self.x]
        counts = np.add.reduceat(self.counts * drawn, self.starts)
        times = draw[self.ab] * (counts > 0)
        total = np.add.reduceat(times, self.first_rows)
        n_left = np.count_nonzero(total)
        if not n_left:
            return np.empty(0)
        # Rows that were not drawn have weight 0 whatever the divisor.
        times /= np.maximum(counts, 1) * np.maximum(total, 1)[self.of_row] * n_left
        return drawn * times[self.row]
