"""Trained probes of linguistic levels over a sweep: ridge regression with nested cross-validation."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.activations.interface import Activations
from auscult.activations.layer_vectors import LayerVectors
from auscult.analyses.encoding.levels import level_items
from auscult.analyses.encoding.settings import EncodingSettings
from auscult.analyses.encoding.sweep_scores import SELECTED, LevelScores
from auscult.dynamics.curves import resample_curves
from auscult.probes.confounds import WithoutConfound, accuracy_from, is_numeric, predicted_from_duration
from auscult.probes.cross_validation import Outcome, cross_validate, select_layer
from auscult.probes.result_rows import constant_guess
from auscult.probes.tasks import Task, make_task

__all__ = ["PENALTIES", "probe_levels"]

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)


def probe_levels(
    sweep: Mapping[str, Activations],
    levels: Sequence[Mapping[str, Any]],
    index: pd.DataFrame,
    *,
    settings: EncodingSettings,
    seed: int,
    penalties: Sequence[float] = PENALTIES,
) -> list[LevelScores]:
    """Probe every level at every step and layer.

    Items, folds and labels are the same at every step, so that a curve shows changes of the model only. Each layer is
    loaded once for all levels; levels with the same items share the moments of its vectors.

    Parameters
    ----------
    sweep : activations by step, all of the same segments
    levels : see :func:`auscult.analyses.encoding.analysis.encode_sweep`
    index : one row per segment, with the columns of the levels
    settings : items, folds and resampling
    seed : of items, folds and resampling
    penalties : candidates of the ridge penalty

    Raises
    ------
    AnalysisError
        See :func:`~auscult.probes.tasks.make_task` and :func:`~auscult.analyses.encoding.levels.level_items`.
    """
    strongest_first = np.sort(np.asarray(penalties, dtype=float))[::-1]
    tasks = []
    for level in levels:
        labels = {level["column"]: level_items(index, level, settings=settings, seed=seed)}
        tasks.append(
            make_task(
                index.assign(**labels),
                level,
                n_folds=settings.n_folds,
                min_class_size=settings.min_class_size,
                n_permutations=0,
                max_items=None,
                seed=seed,
            )
        )
    # Levels with the same numeric confound read the same vectors, from which it is taken out.
    alike: dict[tuple[str, str] | None, list[int]] = {}
    for place, level in enumerate(levels):
        given = level.get("given")
        alike.setdefault((level["tier"], str(given)) if is_numeric(index, given) else None, []).append(place)
    found: list[list[dict[str, Outcome]]] = [[] for _ in tasks]
    for activations in tqdm(sweep.values(), desc="probes", unit="step", disable=None):
        for outcomes in found:
            outcomes.append({})
        for key, places in alike.items():
            read = activations if key is None else _held_fixed(activations, index, *key)
            for layer in activations.layers:
                validated = cross_validate(
                    LayerVectors(read, layer), [tasks[place] for place in places], "ridge", strongest_first
                )
                for place, outcome in zip(places, validated):
                    found[place][-1][layer] = outcome
    guesses = predicted_from_duration(index, tasks, strongest_first)
    alone = [float((guess == task.labels[:, 0])[task.tested].mean()) for guess, task in zip(guesses, tasks)]
    return [
        _scores(level, task, outcomes, tuple(sweep), index, by_duration, settings.n_resamples, seed)
        for level, task, outcomes, by_duration in zip(levels, tasks, found, alone)
    ]


def _held_fixed(activations: Activations, index: pd.DataFrame, tier: str, column: str) -> WithoutConfound:
    rows = np.flatnonzero(index["tier"] == tier)
    return WithoutConfound(activations, index[column].to_numpy(float), rows, column)


def _scores(
    level: Mapping[str, Any],
    task: Task,
    outcomes: Sequence[Mapping[str, Outcome]],
    steps: tuple[str, ...],
    index: pd.DataFrame,
    duration_alone: float,
    n_resamples: int,
    seed: int,
) -> LevelScores:
    speakers, tested = index["speaker"].astype(str), task.tested
    names, units = np.unique(speakers.to_numpy()[task.rows[tested]], return_inverse=True)
    layers, chosen, correct = (*outcomes[0], SELECTED), [], []
    truth = task.labels[tested, 0]
    for found in outcomes:
        selected = select_layer(task, found)
        counted, counts = np.unique(selected.layer[:, 0].astype(str), return_counts=True)
        chosen.append(str(counted[counts.argmax()]))
        correct.append([outcome.predicted[tested, 0] == truth for outcome in (*found.values(), selected)])
    hits = np.moveaxis(np.asarray(correct, dtype=float), -1, 0)
    sums = np.zeros((len(names), *hits.shape[1:]))
    np.add.at(sums, units, hits)
    n_items = np.bincount(units)[:, None]
    curves = resample_curves(sums.reshape(len(names), -1), n_items, n_resamples, seed)
    about = {
        "n": int(tested.sum()),
        "n_groups": len(names),
        "held_out": task.held_out,
        "n_classes": task.n_classes,
        "resampling_unit": "speaker",
        "n_folds": task.n_folds,
        "n_dropped": task.n_dropped,
        "text_overlap": task.text_overlap,
        "type": task.type_column,
        "type_overlap": task.type_overlap,
        "given": level.get("given"),
        "chance_given": _chance_given(level, task, index),
        "duration_alone": duration_alone,
    }
    return LevelScores(
        level,
        "ridge",
        steps,
        layers,
        hits.mean(axis=0),
        None if curves is None else curves.reshape(-1, *hits.shape[1:]),
        tuple(chosen),
        # With balanced classes the training majority is the test minority; random guessing scores higher.
        max(float((constant_guess(task, task.labels[:, 0])[tested] == truth).mean()), 1 / task.n_classes),
        about,
    )


def _chance_given(level: Mapping[str, Any], task: Task, index: pd.DataFrame) -> float:
    """Return the accuracy of predicting a label from the column ``given``, such as number from part of speech.

    The most frequent label of each value is counted on the training data of each test fold; NaN without such a column,
    or if it holds numbers, which are taken out of the vectors.
    """
    if not level.get("given") or is_numeric(index, level["given"]):
        return float("nan")
    return accuracy_from(
        np.unique(index[level["given"]].astype(str).to_numpy()[task.rows], return_inverse=True)[1], task
    )
