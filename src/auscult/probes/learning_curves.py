"""Learning curves of linear probes, and linear probes on exactly the items of a non-linear probe."""

from collections.abc import Callable, Sequence

import numpy as np

from auscult.activations.layer_vectors import LayerVectors
from auscult.errors import AnalysisError
from auscult.probes.classifiers import Probe, prepare_fitter
from auscult.probes.cross_validation import Outcome, normalise, score_sums
from auscult.probes.nonlinear import smallest_training, split_fold
from auscult.probes.tasks import Task

__all__ = ["check_sizes", "learning_curve", "linear_peer"]


def check_sizes(task: Task, sizes: Sequence[int]) -> None:
    """Raise :class:`AnalysisError` if a number of training items is below 2 or more than a fold has."""
    most = smallest_training(task)
    if min(sizes) < 2 or max(sizes) > most:
        raise AnalysisError(
            f"target {task.name!r}: expected n_train from 2 to the {most} training items of a fold, "
            f"found {', '.join(map(str, sizes))}; lower n_train or add items"
        )


def learning_curve(
    task: Task,
    sizes: Sequence[int],
    layers: np.ndarray,
    open_layer: Callable[[str], LayerVectors],
    penalties: np.ndarray,
    seed: int,
    probe: Probe = "ridge",
) -> dict[int, Outcome]:
    """Predict every tested item with ridge probes, for each of several numbers of training items.

    For each test fold, the next fold selects the penalty of every size. Training sets are random samples of the items
    of all training speakers, the smaller ones contained in the larger ones. If the given layers were selected with all
    training items, small sizes profit from a selection that they could not have made.

    Parameters
    ----------
    task : task with one labelling
    sizes : numbers of training items
    layers, open_layer : as in :func:`~auscult.probes.nonlinear.cross_validate_nonlinear`
    penalties : candidates in descending order
    seed : seed of the samples

    Returns
    -------
    outcomes by size

    Raises
    ------
    AnalysisError
        A size is below 2 or exceeds the training items of a fold.
    """
    check_sizes(task, sizes)
    return _outcomes(task, sorted(sizes), layers, open_layer, penalties, seed)


def linear_peer(
    task: Task,
    layers: np.ndarray,
    open_layer: Callable[[str], LayerVectors],
    penalties: np.ndarray,
    seed: int,
    probe: Probe,
) -> Outcome:
    """Predict every tested item with linear probes on the training, validation and test items of a non-linear probe.

    Arguments as in :func:`learning_curve`, but the task may have several labellings.
    """
    n_items = len(task.rows)
    return _outcomes(task, [n_items], layers, open_layer, penalties, seed, probe)[n_items]


def _outcomes(
    task: Task,
    sizes: Sequence[int],
    layers: np.ndarray,
    open_layer: Callable[[str], LayerVectors],
    penalties: np.ndarray,
    seed: int,
    probe: Probe = "ridge",
) -> dict[int, Outcome]:
    shape = (len(task.tests), task.labels.shape[1])
    chosen = np.repeat(np.asarray(layers, dtype=object)[:, None], shape[1], axis=1)
    outcomes = {size: Outcome(np.zeros_like(task.labels), np.zeros(shape), np.zeros(shape), chosen) for size in sizes}
    for layer in dict.fromkeys(layers):
        vectors = open_layer(layer)
        folds = np.flatnonzero(np.asarray(layers) == layer).tolist()
        splits = {fold: _split(task, fold, max(sizes), seed) for fold in folds}
        needed = np.unique(np.concatenate([items for split in splits.values() for items in split]))
        x = vectors.take(task.rows[needed], task.name)
        for fold, (order, valid, test) in splits.items():
            x_valid, x_test = (x[np.searchsorted(needed, items)] for items in (valid, test))
            for size, outcome in outcomes.items():
                items = order[:size]
                predict = _fit(task, x[np.searchsorted(needed, items)], items, penalties, probe)
                _fill(task, outcome, fold, (valid, test), (predict(x_valid), predict(x_test)), penalties)
    return outcomes


def _split(task: Task, fold: int, n_train: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return at most ``n_train`` training items in random order, and all validation and test items."""
    train, valid, test = (np.flatnonzero(mask) for mask in split_fold(task, fold))
    return np.random.default_rng([seed, 6, fold]).permutation(train)[:n_train], valid, test


def _fit(
    task: Task, x: np.ndarray, items: np.ndarray, penalties: np.ndarray, probe: Probe
) -> Callable[[np.ndarray], np.ndarray]:
    n_classes = [task.n_classes] * task.labels.shape[1]
    together = np.zeros(len(items), dtype=int)
    return prepare_fitter(probe, [(np.arange(len(items)), x)], task.labels[items], together, n_classes)((), penalties)


def _fill(
    task: Task,
    outcome: Outcome,
    fold: int,
    items: tuple[np.ndarray, np.ndarray],
    guesses: tuple[np.ndarray, np.ndarray],
    penalties: np.ndarray,
) -> None:
    """Enter the predictions for test items at the penalty that is best on validation items.

    ``items`` and ``guesses`` are pairs for validation and test [shapes=(n,) and (n, n_penalties, n_labellings)].
    """
    (valid, test), (guess_valid, guess_test) = items, guesses
    labellings = np.arange(task.labels.shape[1])
    sums = score_sums(task.labels[valid], guess_valid, np.repeat(task.n_classes, len(labellings)))
    best, mask = sums.argmax(axis=0), np.isin(np.arange(len(task.rows)), valid)
    outcome.penalty[fold] = penalties[best]
    outcome.valid[fold] = normalise(task, mask, sums[best, labellings])
    outcome.predicted[test] = guess_test[:, best, labellings]
