"""Zero-shot scores of linguistic levels over a sweep: ABX on pooled vectors, across speakers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.analyses.abx.cells import score_cells
from auscult.analyses.abx.distances import Vectors
from auscult.analyses.abx.tasks import AbxTask, make_abx_task
from auscult.analyses.encoding.levels import level_items
from auscult.analyses.encoding.sweep_scores import SELECTED, LevelScores
from auscult.dynamics.curves import draw_units
from auscult.statistics.folds import speaker_folds

__all__ = ["abx_levels"]


def abx_levels(
    sweep: Mapping[str, Any],
    levels: Sequence[Mapping[str, Any]],
    index: pd.DataFrame,
    *,
    n_folds: int,
    min_class_size: int,
    max_items: int,
    max_items_per_bin: int,
    max_cells: int,
    n_resamples: int,
    seed: int,
) -> list[LevelScores]:
    """Score every level at every step and layer by ABX, with A and B of one speaker and X of another.

    Cells are the same at every step. A score is the mean over cells, each of which is one pair of classes and of
    speakers; there is nothing to train, but a layer to choose: in each fold of speakers, the best of all cells without
    them is read at the cells whose A and B are theirs.

    Parameters
    ----------
    sweep, levels, index : as of :func:`~auscult.analyses.encoding.probes.probe_levels`; items are the same, too
    max_items_per_bin, max_cells : see :func:`~auscult.analyses.abx.tasks.make_abx_task`
    """
    counts = {"n_folds": n_folds, "min_class_size": min_class_size, "max_items": max_items, "seed": seed}
    speakers = np.unique(index["speaker"].astype(str))
    folds = speaker_folds(speakers, n_folds, seed)
    tasks = []
    for level in levels:
        items = index.assign(**{level["column"]: level_items(index, level, **counts)})
        tasks.append(
            make_abx_task(
                items,
                on=level["column"],
                across="speaker",
                name=level["name"],
                seed=seed,
                max_items_per_bin=max_items_per_bin,
                max_cells=max_cells,
            )
        )
    found = [np.zeros((len(sweep), len(next(iter(sweep.values())).layers), len(task.x))) for task in tasks]
    for s, activations in enumerate(tqdm(sweep.values(), desc="ABX", unit="step", disable=None)):
        for k, layer in enumerate(activations.layers):
            vectors = activations.load(layer)
            for task, scores in zip(tasks, found):
                scores[s, k] = score_cells(task, Vectors(vectors[task.rows], "cosine", f"layer {layer!r}"))
    return [
        _scores(level, task, scores, sweep, index, speakers, folds, n_resamples, seed)
        for level, task, scores in zip(levels, tasks, found)
    ]


def _scores(level, task: AbxTask, scores, sweep, index, speakers, folds, n_resamples, seed) -> LevelScores:
    names = np.unique(index["speaker"].astype(str).to_numpy()[task.rows])
    # Speaker codes of a task count its own speakers; pairs are counted among all.
    code = np.searchsorted(speakers, names)
    ab, x = code[task.speaker], code[task.x_speaker]
    n_steps, n_layers, _ = scores.shape
    sums = np.zeros((len(speakers), len(speakers), n_steps, n_layers + 1))
    np.add.at(sums[..., :-1], (ab, x), np.moveaxis(scores, -1, 0))
    n_cells = np.zeros((len(speakers), len(speakers)))
    np.add.at(n_cells, (ab, x), 1)
    layers = tuple(next(iter(sweep.values())).layers)
    picks = np.zeros((n_steps, folds.max() + 1), dtype=int)
    for fold in range(folds.max() + 1):
        others = folds != fold
        picks[:, fold] = sums[np.ix_(others, others)][..., :-1].sum(axis=(0, 1)).argmax(axis=1)
        for step, layer in enumerate(picks[:, fold]):
            sums[folds == fold, :, step, -1] = sums[folds == fold, :, step, layer]
    draws = draw_units(len(names), n_resamples, seed) if len(names) == len(speakers) else None
    about = {
        "n": len(task.rows),
        "n_groups": len(names),
        "n_classes": len(task.labels),
        "resampling_unit": "speaker",
        "n_cells": len(task.x),
    }
    chosen = tuple(layers[np.bincount(row).argmax()] for row in picks)
    values = sums.sum(axis=(0, 1)) / n_cells.sum()
    resampled = None if draws is None else _resample(sums, n_cells, draws.astype(float))
    return LevelScores(level, "abx", tuple(sweep), (*layers, SELECTED), values, resampled, chosen, 0.5, about)


def _resample(sums: np.ndarray, n_cells: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Return scores of resampled speakers: a pair counts as often as one speaker was drawn times as often as the other.

    Parameters
    ----------
    sums : of cells, by speaker of A and B and by speaker of X [shape=(n_speakers, n_speakers, n_steps, n_layers)]
    """
    n_speakers, shape = len(sums), sums.shape[2:]
    pairs = np.einsum("ri,rj->rij", draws, draws).reshape(len(draws), -1)
    totals = pairs @ sums.reshape(n_speakers**2, -1)
    with np.errstate(invalid="ignore"):
        return (totals / (pairs @ n_cells.reshape(-1, 1))).reshape(-1, *shape)
