"""Nested cross-validation: every item is predicted by a probe whose penalty and layer were chosen without its fold.

For every test fold, each other fold in turn validates probes trained on the rest; their pooled score chooses the
penalty, and the layer; the probe is then trained on all but the test fold.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from auscult.activations.layer_vectors import LayerVectors
from auscult.probes.classifiers import Fitter, Predictor, Probe, prepare_fitter
from auscult.probes.tasks import Task

__all__ = ["Outcome", "cross_validate", "select_layer", "score_sums", "normalise"]


@dataclass(frozen=True)
class Outcome:
    """What probes said, and for every test fold and labelling what was chosen for them, and why.

    Parameters
    ----------
    predicted : class codes or values; undefined for items that are never tested [shape=(n_items, n_labellings)]
    valid : validation score, accuracy or R² [shape=(n_folds, n_labellings)]
    penalty : that scored best; NaN where there was no choice [shape=(n_folds, n_labellings)]
    layer : its name [shape=(n_folds, n_labellings)]
    """

    predicted: np.ndarray
    valid: np.ndarray
    penalty: np.ndarray
    layer: np.ndarray


def cross_validate(vectors: LayerVectors, tasks: Sequence[Task], probe: Probe, penalties: np.ndarray) -> list[Outcome]:
    """Predict every tested item of every task from one layer.

    Tasks with the same items and folds share the moments of the vectors and every decomposition of them.

    Parameters
    ----------
    vectors : of the layer
    penalties : to choose from, strongest first, so that ties go to the strongest
    """
    outcomes: list[Outcome | None] = [None] * len(tasks)
    alike: dict[tuple[bytes, bytes], list[int]] = {}
    for place, task in enumerate(tasks):
        alike.setdefault((task.rows.tobytes(), task.cells.tobytes()), []).append(place)
    for places in alike.values():
        for place, outcome in zip(places, _together(vectors, [tasks[place] for place in places], probe, penalties)):
            outcomes[place] = outcome
    return outcomes


def _together(vectors: LayerVectors, tasks: list[Task], probe: Probe, penalties: np.ndarray) -> Iterator[Outcome]:
    task, folds = tasks[0], range(tasks[0].n_folds)
    labels = np.concatenate([each.labels for each in tasks], axis=1)
    n_classes = np.repeat([each.n_classes for each in tasks], [each.labels.shape[1] for each in tasks])
    fit = prepare_fitter(probe, vectors.chunks(task.rows, task.name), labels, task.cells, n_classes)
    without = {pair: fit(pair, penalties) for pair in combinations(folds, 2)}
    sums = np.zeros((task.n_folds, len(penalties), labels.shape[1]))
    for items, x in vectors.chunks(task.rows, task.name):
        for valid, mine in _by_fold(task, items):
            for test in (fold for fold in folds if fold != valid):
                guess = without[min(valid, test), max(valid, test)](x[mine])
                sums[test] += score_sums(labels[items[mine]], guess, n_classes)
    best = sums.argmax(axis=1)
    final = {fold: _fit_chosen(fit, fold, penalties, best[fold]) for fold in folds}
    predicted = np.zeros(labels.shape)
    for items, x in vectors.chunks(task.rows, task.name):
        for fold, mine in _by_fold(task, items):
            predicted[items[mine]] = final[fold](x[mine])
    ends = np.cumsum([0, *(each.labels.shape[1] for each in tasks)])
    for each, start, end in zip(tasks, ends[:-1], ends[1:]):
        mine = slice(start, end)
        judges = [each.tested & (each.folds != fold) for fold in folds]
        valid = np.stack([normalise(each, judges[fold], sums[fold, :, mine].max(axis=0)) for fold in folds])
        layer = np.full(valid.shape, vectors.layer, dtype=object)
        yield Outcome(predicted[:, mine].astype(each.labels.dtype), valid, penalties[best[:, mine]], layer)


def _fit_chosen(fit: Fitter, fold: int, penalties: np.ndarray, best: np.ndarray) -> Predictor:
    """Return what predicts each labelling at its own penalty [shape=(n, n_labellings)]; equal ones are fitted once."""
    chosen, place = np.unique(best, return_inverse=True)
    predict, labellings = fit((fold,), penalties[chosen]), np.arange(len(best))
    return lambda x: predict(x)[:, place, labellings]


def score_sums(truth: np.ndarray, guess: np.ndarray, n_classes: np.ndarray) -> np.ndarray:
    """Return the number of hits of each labelling or, where these are values, minus the sum of squared errors.

    Parameters
    ----------
    truth : labels [shape=(n, n_labellings)]
    guess : what was predicted [shape=(n, n_penalties, n_labellings)]
    n_classes : of each labelling, 0 for values

    Returns
    -------
    sums [shape=(n_penalties, n_labellings)], higher is better
    """
    truth, values = truth[:, None, :], np.asarray(n_classes) == 0
    sums = (guess == truth).sum(axis=0).astype(float)
    sums[:, values] = -((guess - truth)[:, :, values] ** 2).sum(axis=0)
    return sums


def select_layer(task: Task, outcomes: Mapping[str, Outcome]) -> Outcome:
    """Take in each test fold the layer that was best on its validation items; ties go to the first.

    Shuffled labels choose for themselves, or they would have fewer chances than the truth; control labels are read
    where the truth is best, since selectivity compares both at one layer.
    """
    layers = list(outcomes.values())
    best = np.stack([outcome.valid for outcome in layers]).argmax(axis=0)
    best[:, task.columns("control")] = best[:, :1]
    valid, penalty, layer = (
        np.take_along_axis(np.stack([getattr(outcome, name) for outcome in layers]), best[None], axis=0)[0]
        for name in ("valid", "penalty", "layer")
    )
    predicted = np.stack([outcome.predicted for outcome in layers])
    predicted = np.take_along_axis(predicted, best[np.maximum(task.folds, 0)][None], axis=0)[0]
    return Outcome(predicted, valid, penalty, layer)


def _by_fold(task: Task, items: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    folds = task.folds[items]
    for fold in np.unique(folds[folds >= 0]):
        yield int(fold), folds == fold


def normalise(task: Task, valid: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Return accuracy or R² on validation items, given the sums over them; −∞ where values there are all the same.

    Parameters
    ----------
    valid : which items validate [shape=(n_items,), bool]
    sums : of each labelling, as of :func:`score_sums` [shape=(n_labellings,)]
    """
    if task.n_classes:
        return sums / valid.sum()
    spread = valid.sum() * task.labels[valid].var(axis=0)
    return 1 + np.divide(sums, spread, out=np.full_like(spread, -np.inf), where=spread > 0)
