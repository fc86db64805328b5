"""Probing: what a linear classifier of unknown voices reads from each layer, with the controls that say what it means.

Nested cross-validation over folds. For every test fold, each other fold in turn validates probes trained on the rest;
their pooled accuracy chooses the penalty, and the layer of the ``selected`` rows; the probe is then trained on all but
the test fold. So every item is tested once, by a probe that has not heard its voice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.classifiers import Probe, prepare_fitter
from auscult.errors import AnalysisError
from auscult.stats import bootstrap_statistic, cluster_bootstrap, count_classes, macro_f1
from auscult.tables import RESULT_COLUMNS, check_results
from auscult.targets import Task, make_task

__all__ = ["PENALTIES", "SELECTED", "PROBING_COLUMNS", "probe_activations"]

PENALTIES = tuple(10.0**exponent for exponent in range(-5, 3))
SELECTED = "selected"
PROBING_COLUMNS = (
    *RESULT_COLUMNS, "tier", "probe", "labels", "held_out", "n_classes", "chance", "resampling_unit", "n_folds",
    "valid_value", "penalty", "selected_layer", "n_dropped", "text_overlap",
)  # fmt: skip

_CHUNK = 8192


def probe_activations(
    activations: Any,
    *,
    targets: Sequence[Mapping[str, str]],
    corpus: str,
    model: str,
    step: str,
    n_folds: int = 4,
    penalties: Sequence[float] = PENALTIES,
    probe: Probe = "ridge",
    n_permutations: int = 1,
    n_resamples: int = 2000,
    min_class_size: int = 10,
    max_items: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Probe every layer for every target and return one row per layer, metric and kind of labels.

    Parameters
    ----------
    activations : has ``layers``, ``index`` (one row per segment) and ``load(layer, rows)``
    targets : each with ``name``, ``tier``, ``column`` of the index, and ``held_out``: ``speaker`` (folds disjoint by
        speaker, balanced over gender and language) or ``utterance`` (for questions about the speaker)
    corpus, model, step : copied into the table
    n_folds : at least 3: test, validation and training
    penalties : see :func:`~auscult.classifiers.prepare_fitter`
    probe : ``ridge`` (memory does not grow with the corpus) or ``logistic`` (give ``max_items``)
    n_permutations : controls with shuffled labels, of which the mean is reported
    n_resamples : bootstrap samples of an interval
    min_class_size : classes with fewer items, or for ``held_out="speaker"`` of a single speaker, are dropped
    max_items : use a random sample of so many items of the tier
    seed : of sample, folds, permutations and resampling

    Returns
    -------
    results : columns :data:`PROBING_COLUMNS`. ``metric`` is ``accuracy`` or ``macro_f1`` (0 to 1, higher is better);
        ``labels`` is ``true`` or ``shuffled``; ``chance`` is the metric of always saying the training side's most
        frequent class; ``valid_value`` is the validation accuracy by which penalties and layers were chosen (for both
        metrics); ``penalty`` the median of those chosen; ``selected_layer`` the most frequent choice; ``n_dropped``
        the items without a usable class; ``text_overlap`` the share of items whose sentence also occurs in training.

    Raises
    ------
    AnalysisError
        A tier, column, probe or way of holding out does not exist; fewer than two classes or too few speakers are
        left; a vector is not finite.
    """
    if n_folds < 3:
        raise AnalysisError(f"expected n_folds of 3 or more (test, validation, training), found {n_folds}")
    # In descending order, so that ties go to the strongest penalty.
    penalties = np.sort(np.asarray(penalties, dtype=float))[::-1]
    rows = []
    for target in targets:
        task = make_task(activations.index, target, n_folds=n_folds, n_permutations=n_permutations,
                         min_class_size=min_class_size, max_items=max_items, seed=seed)  # fmt: skip
        outcomes = {
            layer: _probe_layer(activations, layer, task, probe, penalties)
            for layer in tqdm(activations.layers, desc=f"{model} {step} {task.name}", disable=None)
        }
        outcomes[SELECTED] = _select_layer(task, outcomes)
        for layer, outcome in outcomes.items():
            rows += [{"layer": layer, **row} for row in _score(task, outcome, n_resamples, seed)]
    results = pd.DataFrame(rows).assign(corpus=corpus, model=model, step=str(step), probe=probe)
    return check_results(results[list(PROBING_COLUMNS)])


@dataclass(frozen=True)
class _Outcome:
    """Predictions for every item and labelling, and for every test fold and labelling what was chosen, and why."""

    predicted: np.ndarray
    valid: np.ndarray
    penalty: np.ndarray
    layer: np.ndarray


def _probe_layer(activations, layer: str, task: Task, probe: Probe, penalties: np.ndarray) -> _Outcome:
    fit = prepare_fitter(probe, _chunks(activations, layer, task), task.labels, task.folds)
    folds, labellings = range(task.n_folds), np.arange(task.labels.shape[1])
    without = {pair: fit(pair, penalties) for pair in combinations(folds, 2)}
    hits = np.zeros((task.n_folds, len(penalties), len(labellings)))
    for items, x in _chunks(activations, layer, task):
        for valid, mine in _by_fold(task, items):
            for test in (fold for fold in folds if fold != valid):
                guess = without[min(valid, test), max(valid, test)](x[mine])
                hits[test] += (guess == task.labels[items[mine], None, :]).sum(axis=0)
    best = hits.argmax(axis=1)
    final = {fold: fit((fold,), penalties[best[fold]]) for fold in folds}
    predicted = np.empty(task.labels.shape, dtype=np.int64)
    for items, x in _chunks(activations, layer, task):
        for fold, mine in _by_fold(task, items):
            predicted[items[mine]] = final[fold](x[mine])[:, labellings, labellings]
    n_valid = len(task.folds) - np.bincount(task.folds, minlength=task.n_folds)
    valid = hits.max(axis=1) / n_valid[:, None]
    return _Outcome(predicted, valid, penalties[best], np.full(valid.shape, layer, dtype=object))


def _chunks(activations, layer: str, task: Task) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for items in np.split(np.arange(len(task.rows)), range(_CHUNK, len(task.rows), _CHUNK)):
        x = activations.load(layer, task.rows[items])
        if not np.isfinite(x).all():
            raise AnalysisError(_not_finite(activations, layer, task))
        yield items, x


def _not_finite(activations, layer: str, task: Task) -> str:
    parts = np.split(task.rows, range(_CHUNK, len(task.rows), _CHUNK))
    wrong = sum(int((~np.isfinite(activations.load(layer, rows))).any(axis=1).sum()) for rows in parts)
    return (
        f"target {task.name!r}: expected finite vectors, found NaN or infinity in {wrong} of {len(task.rows)} rows of "
        f"layer {layer!r}; check the model's weights and precision, then extract again"
    )


def _by_fold(task: Task, items: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    for fold in np.unique(task.folds[items]):
        yield int(fold), task.folds[items] == fold


def _select_layer(task: Task, outcomes: Mapping[str, _Outcome]) -> _Outcome:
    """Take in each test fold the layer that was best on its validation voices; ties go to the first."""
    layers = list(outcomes.values())
    best = np.stack([outcome.valid for outcome in layers]).argmax(axis=0)
    valid, penalty, layer = (
        np.take_along_axis(np.stack([getattr(outcome, name) for outcome in layers]), best[None], axis=0)[0]
        for name in ("valid", "penalty", "layer")
    )
    predicted = np.stack([outcome.predicted for outcome in layers])
    return _Outcome(np.take_along_axis(predicted, best[task.folds][None], axis=0)[0], valid, penalty, layer)


def _score(task: Task, outcome: _Outcome, n_resamples: int, seed: int) -> Iterator[dict]:
    for labels, columns in (("true", slice(0, 1)), ("shuffled", slice(1, None))):
        if not outcome.predicted[:, columns].size:
            continue
        names, counts = np.unique(outcome.layer[:, columns].astype(str), return_counts=True)
        shared = {
            "target": task.name, "n": len(task.rows), "n_groups": int(task.speakers.max()) + 1, "tier": task.tier,
            "labels": labels, "held_out": task.held_out, "n_classes": task.n_classes, "resampling_unit": "speaker",
            "n_folds": task.n_folds, "valid_value": outcome.valid[:, columns].mean(),
            "penalty": np.median(outcome.penalty[:, columns]), "selected_layer": names[counts.argmax()],
            "n_dropped": task.n_dropped, "text_overlap": task.text_overlap,
        }  # fmt: skip
        measured = _measure(task, outcome.predicted[:, columns], n_resamples, seed)
        chance = _measure(task, _majority(task)[:, None], 0, seed)
        for (metric, (value, low, high)), (_, (by_chance, _, _)) in zip(measured.items(), chance.items()):
            yield {**shared, "metric": metric, "value": value, "ci_low": low, "ci_high": high, "chance": by_chance}


def _measure(task: Task, predicted: np.ndarray, n_resamples: int, seed: int) -> dict[str, tuple[float, float, float]]:
    truth = task.labels[:, 0]
    hits = (predicted == truth[:, None]).mean(axis=1)
    counts = sum(count_classes(truth, column, task.speakers, task.n_classes) for column in predicted.T)
    value = {"accuracy": float(hits.mean()), "macro_f1": float(macro_f1(counts.sum(axis=0)))}
    if not n_resamples:
        return {metric: (number, np.nan, np.nan) for metric, number in value.items()}
    settings = {"n_resamples": n_resamples, "seed": seed}
    accuracy = cluster_bootstrap(hits, np.ones_like(hits), task.speakers, **settings)
    return {
        "accuracy": (value["accuracy"], *accuracy),
        "macro_f1": (value["macro_f1"], *bootstrap_statistic(counts, macro_f1, **settings)),
    }


def _majority(task: Task) -> np.ndarray:
    """Say for each item the most frequent class of the folds it is not in."""
    truth, guess = task.labels[:, 0], np.empty(len(task.rows), dtype=np.int64)
    for fold in np.unique(task.folds):
        guess[task.folds == fold] = np.bincount(truth[task.folds != fold]).argmax()
    return guess
