"""Zero-shot scores of linguistic levels over a sweep: ABX on mean vectors of segments, across speakers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.activations.interface import Activations
from auscult.analyses.abx.cells import score_cells
from auscult.analyses.abx.distances import Vectors
from auscult.analyses.abx.tasks import make_abx_task
from auscult.analyses.encoding.levels import level_items
from auscult.analyses.encoding.settings import EncodingSettings
from auscult.analyses.encoding.sweep_scores import SELECTED, LevelScores
from auscult.dynamics.curves import draw_units
from auscult.probes.confounds import is_numeric, without
from auscult.statistics.folds import speaker_folds

__all__ = ["abx_levels", "standardise"]


def abx_levels(
    sweep: Mapping[str, Activations],
    levels: Sequence[Mapping[str, Any]],
    index: pd.DataFrame,
    *,
    settings: EncodingSettings,
    seed: int,
) -> list[LevelScores]:
    """Score every level at every step and layer by ABX, with A and B of one speaker and X of another.

    Cells are the same at every step. A cell is one pair of classes and one pair of speakers; a score is the mean over
    cells. Only the layer is chosen: for each fold of speakers, the layer with the highest score on cells without these
    speakers is scored on the cells whose A and B are theirs.

    Parameters
    ----------
    sweep, levels, index : as in :func:`~auscult.analyses.encoding.probes.probe_levels`, with the same items
    settings : ``max_items_per_bin`` and ``max_cells`` as in :func:`~auscult.analyses.abx.tasks.make_abx_task`; items,
        folds and resampling
    seed : of items, cells, folds and resampling
    """
    speakers = np.unique(index["speaker"].astype(str))
    folds = speaker_folds(speakers, settings.n_folds, seed)
    tasks = []
    for level in levels:
        items = index.assign(**{level["column"]: level_items(index, level, settings=settings, seed=seed)})
        tasks.append(
            make_abx_task(
                items,
                on=level["column"],
                across="speaker",
                name=level["name"],
                seed=seed,
                max_items_per_bin=settings.max_items_per_bin,
                max_cells=settings.max_cells,
            )
        )
    found = [np.zeros((len(sweep), len(next(iter(sweep.values())).layers), len(task.x))) for task in tasks]
    for s, activations in enumerate(tqdm(sweep.values(), desc="ABX", unit="step", disable=None)):
        for k, layer in enumerate(activations.layers):
            vectors = activations.load(layer)
            for level, task, scores in zip(levels, tasks, found):
                items, given = vectors[task.rows], level.get("given")
                if is_numeric(index, given):
                    items = without(items, index[str(given)].to_numpy(float)[task.rows])
                items = standardise(items)
                scores[s, k] = score_cells(task, Vectors(items, "cosine", f"layer {layer!r}"))
    lengths = index["log_duration"].to_numpy(float)[:, None]
    layers, of_rows = tuple(next(iter(sweep.values())).layers), index["speaker"].astype(str).to_numpy()
    results = []
    for level, task, scores in zip(levels, tasks, found):
        own = np.unique(of_rows[task.rows])
        draws = draw_units(len(own), settings.n_resamples, seed) if len(own) == len(speakers) else None
        # A task numbers its own speakers; sums are over all speakers of the corpus.
        codes = np.searchsorted(speakers, own)
        values, resampled, picks = _score(scores, codes[task.speaker], codes[task.x_speaker], folds, draws)
        about = {
            "n": len(task.rows),
            "n_groups": len(own),
            "n_classes": len(task.labels),
            "resampling_unit": "speaker",
            "n_cells": len(task.x),
            "duration_alone": float(score_cells(task, Vectors(lengths[task.rows], "euclidean", "durations")).mean()),
        }
        chosen = tuple(layers[np.bincount(row).argmax()] for row in picks)
        results.append(
            LevelScores(level, "abx", tuple(sweep), (*layers, SELECTED), values, resampled, chosen, 0.5, about)
        )
    return results


def standardise(vectors: np.ndarray) -> np.ndarray:
    """Return vectors with mean 0 and, where a dimension varies, variance 1 over the items; no label is used.

    The cosine of raw vectors mostly measures their common mean.
    """
    centred = vectors.astype(float) - vectors.mean(axis=0, dtype=float)
    scale = centred.std(axis=0)
    return np.divide(centred, scale, out=centred, where=scale > 0)


def _score(
    scores: np.ndarray, ab: np.ndarray, x: np.ndarray, folds: np.ndarray, draws: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Return mean scores with the selected layer last, their resamples, and the layer selected at each step and fold.

    Parameters
    ----------
    scores : of each cell [shape=(n_steps, n_layers, n_cells)]
    ab, x : code of the speaker of A and B, and of X [shape=(n_cells,)]
    folds : fold of each speaker [shape=(n_speakers,)]
    draws : how often each resample draws each speaker, if intervals are wanted [shape=(n_resamples, n_speakers)]

    Returns
    -------
    values [shape=(n_steps, n_layers + 1)]
    resampled [shape=(n_resamples, n_steps, n_layers + 1)]
    picks : positions of layers [shape=(n_steps, n_folds)]
    """
    n_speakers = len(folds)
    n_steps, n_layers, _ = scores.shape
    sums = np.zeros((n_speakers, n_speakers, n_steps, n_layers + 1))
    np.add.at(sums[..., :-1], (ab, x), np.moveaxis(scores, -1, 0))
    n_cells = np.zeros((n_speakers, n_speakers))
    np.add.at(n_cells, (ab, x), 1)
    picks = np.zeros((n_steps, folds.max() + 1), dtype=int)
    for fold in range(folds.max() + 1):
        others = folds != fold
        picks[:, fold] = sums[np.ix_(others, others)][..., :-1].sum(axis=(0, 1)).argmax(axis=1)
        for step, layer in enumerate(picks[:, fold]):
            sums[folds == fold, :, step, -1] = sums[folds == fold, :, step, layer]
    values = sums.sum(axis=(0, 1)) / n_cells.sum()
    resampled = None if draws is None else _resample(sums, n_cells, draws.astype(float))
    return values, resampled, picks


def _resample(sums: np.ndarray, n_cells: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Return scores of resampled speakers; a cell's weight is the product of how often its two speakers were drawn.

    Parameters
    ----------
    sums : sums over cells, by speaker of A and B and by speaker of X
        [shape=(n_speakers, n_speakers, n_steps, n_layers)]
    n_cells : number of cells of each pair of speakers [shape=(n_speakers, n_speakers)]
    draws : how often each resample draws each speaker [shape=(n_resamples, n_speakers)]
    """
    n_speakers, shape = len(sums), sums.shape[2:]
    pairs = np.einsum("ri,rj->rij", draws, draws).reshape(len(draws), -1)
    totals = pairs @ sums.reshape(n_speakers**2, -1)
    with np.errstate(invalid="ignore"):
        return (totals / (pairs @ n_cells.reshape(-1, 1))).reshape(-1, *shape)
