"""Result rows of probes: value, interval, chance level, and a description of the items."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from auscult.probes.controls import selectivity
from auscult.probes.cross_validation import Outcome
from auscult.probes.tasks import Task
from auscult.statistics.intervals import (
    bootstrap_statistic,
    cluster_bootstrap,
    count_classes,
    crossed_bootstrap,
    crossed_statistic,
    macro_f1,
)

__all__ = ["describe_task", "score_rows", "constant_guess", "constant_score"]

Interval = tuple[float, float, float]


def describe_task(task: Task) -> dict[str, Any]:
    """Return the columns of a result row that describe the items of a task.

    Intervals resample speakers and, where types are held out, types as well: the claim is then about new types.
    """
    return {
        "target": task.name,
        "n": int(task.tested.sum()),
        "n_groups": len(np.unique(task.speakers[task.tested])),
        "tier": task.tier,
        "held_out": task.held_out,
        "n_classes": task.n_classes,
        "resampling_unit": "speaker" if _held_out_types(task) is None else "speaker and type",
        "n_folds": len(task.tests),
        "n_dropped": task.n_dropped,
        "text_overlap": task.text_overlap,
        "type": task.type_column,
        "type_overlap": task.type_overlap,
        "train": task.train,
        "test": task.test,
    }


def score_rows(task: Task, outcome: Outcome, n_resamples: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield one row per metric and labelling, and the selectivity if there is a control task.

    Predictions from shuffled labels are compared with the true labels, predictions from control labels with the control
    labels. R² of shuffled values is relative to the training mean of the shuffled values: values are permuted across
    folds, so even a constant prediction beats the training mean of the unpermuted values.
    """
    settings = {"n_resamples": n_resamples, "seed": seed}
    for labels in dict.fromkeys(task.labellings):
        columns = task.columns(labels)
        names, counts = np.unique(outcome.layer[:, columns].astype(str), return_counts=True)
        shared = describe_task(task) | {
            "labels": labels,
            "valid_value": outcome.valid[:, columns].mean(),
            "selected_layer": names[counts.argmax()],
            "penalty": np.median(outcome.penalty[:, columns]),
        }
        truth = task.labels[:, columns if labels == "control" else np.zeros_like(columns)]
        trained_on = truth if task.kind == "classes" else task.labels[:, columns]
        guess = np.stack([constant_guess(task, column) for column in trained_on.T], axis=1)
        measured = _measure(task, truth, outcome.predicted[:, columns], guess, settings)
        chance = _measure(task, truth, guess, guess, {})
        for metric, (value, low, high) in measured.items():
            by_chance = chance[metric][0]
            if metric == "accuracy":
                # The most frequent class of training items is the rarest of test items where classes are balanced.
                by_chance = max(by_chance, 1 / task.n_classes)
            yield {**shared, "metric": metric, "value": value, "ci_low": low, "ci_high": high, "chance": by_chance}
        if labels == "control":
            shared |= {"labels": "true", "metric": "selectivity", "chance": 0.0}
            value, low, high = _selectivity(task, outcome, settings)
            yield {**shared, "value": value, "ci_low": low, "ci_high": high}


def _selectivity(task: Task, outcome: Outcome, settings: dict[str, int]) -> Interval:
    hits = (outcome.predicted == task.labels)[task.tested]
    return selectivity(
        hits[:, 0], hits[:, task.columns("control")].mean(axis=1), task.speakers[task.tested], **settings
    )


def _held_out_types(task: Task) -> np.ndarray | None:
    """Return the types of the tested items if types are held out."""
    return task.types[task.tested] if task.types is not None and "type" in task.held_out.split("+") else None


def _ratio_interval(
    task: Task, numerators: np.ndarray, denominators: np.ndarray, settings: dict[str, int]
) -> tuple[float, float]:
    """Return the interval of Σ numerators / Σ denominators over the tested items."""
    speakers, types = task.speakers[task.tested], _held_out_types(task)
    if types is None:
        return cluster_bootstrap(numerators, denominators, speakers, **settings)
    return crossed_bootstrap(numerators, denominators, speakers, types, **settings)


def _measure(
    task: Task, truth: np.ndarray, predicted: np.ndarray, base: np.ndarray, settings: dict[str, int]
) -> dict[str, Interval]:
    """Return every metric with its interval, NaN without settings; all arrays are [shape=(n_items, n_labellings)]."""
    tested = task.tested
    if task.kind == "values":
        return {"r2": _r2(task, truth[tested], predicted[tested], base[tested], settings)}
    truth, predicted, speakers = truth[tested], predicted[tested], task.speakers[tested]
    hits = (predicted == truth).mean(axis=1)
    pairs = zip(truth.T, predicted.T)
    counts = np.stack([count_classes(*pair, speakers, task.n_classes) for pair in pairs], axis=1)
    accuracy, f1 = float(hits.mean()), float(_mean_f1(counts.sum(axis=0)))
    if not settings:
        return {"accuracy": (accuracy, np.nan, np.nan), "macro_f1": (f1, np.nan, np.nan)}
    interval = _ratio_interval(task, hits, np.ones_like(hits), settings)
    types = _held_out_types(task)
    if types is None:
        present = counts[counts.any(axis=(1, 2, 3))]
        of_f1 = bootstrap_statistic(present, _mean_f1, **settings)
    else:
        voices, kinds = (np.unique(each, return_inverse=True)[1] for each in (speakers, types))
        shape, cells = (voices.max() + 1, kinds.max() + 1), voices * (kinds.max() + 1) + kinds
        crossed = [count_classes(*pair, cells, task.n_classes) for pair in zip(truth.T, predicted.T)]
        sums = np.zeros((shape[0] * shape[1], len(crossed), *crossed[0].shape[1:]))
        sums[: cells.max() + 1] = np.stack(crossed, axis=1)
        of_f1 = crossed_statistic(sums.reshape(*shape, *sums.shape[1:]), _mean_f1, **settings)
    return {"accuracy": (accuracy, *interval), "macro_f1": (f1, *of_f1)}


def _mean_f1(counts: np.ndarray) -> np.ndarray:
    """Return the mean over labellings of macro F1 [shape of counts=(..., n_labellings, 3, n_classes)]."""
    return macro_f1(counts).mean(axis=-1)


def _r2(task: Task, truth: np.ndarray, predicted: np.ndarray, base: np.ndarray, settings: dict[str, int]) -> Interval:
    """Return R² = 1 − Σ (y − ŷ)² / Σ (y − ȳ)², where ȳ is the mean of the training items."""
    errors, spread = (((truth - guess) ** 2).mean(axis=1) for guess in (predicted, base))
    value = 1 - float(errors.sum() / spread.sum())
    if not settings:
        return value, np.nan, np.nan
    low, high = _ratio_interval(task, errors, spread, settings)
    return value, 1 - high, 1 - low


def constant_score(task: Task, guess: np.ndarray) -> dict[str, float]:
    """Return accuracy or R² of predictions that need no model, by metric.

    Parameters
    ----------
    task : items and labels
    guess : predicted classes or values [shape=(n_items,)]
    """
    tested, truth = task.tested, task.labels[:, 0]
    if task.kind == "classes":
        return {"accuracy": float((guess == truth)[tested].mean())}
    base = constant_guess(task, truth)
    return {"r2": 1 - float(((truth - guess)[tested] ** 2).sum() / ((truth - base)[tested] ** 2).sum())}


def constant_guess(task: Task, truth: np.ndarray) -> np.ndarray:
    """Predict for each item the most frequent class, or the mean, of the training items of its fold."""
    guess = np.zeros_like(truth)
    tests, cells = task.test_of, task.test_cells
    for test in range(len(task.tests)):
        training = truth[(cells != test).all(axis=1)]
        guess[tests == test] = np.bincount(training).argmax() if task.n_classes else training.mean()
    return guess
