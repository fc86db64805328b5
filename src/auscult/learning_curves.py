"""Learning curves: what a linear probe reads when it is trained on few items."""

from collections.abc import Callable, Sequence

import numpy as np

from auscult.errors import AnalysisError
from auscult.moments import Moments, fit_ridge
from auscult.nested import Outcome, score_sums
from auscult.targets import Task
from auscult.twins import split_fold
from auscult.vectors import LayerVectors

__all__ = ["learning_curve"]


def learning_curve(
    task: Task,
    sizes: Sequence[int],
    layers: np.ndarray,
    open_layer: Callable[[str], LayerVectors],
    penalties: np.ndarray,
    seed: int,
) -> dict[int, Outcome]:
    """Predict every tested item by ridge probes that were trained on so many items.

    In each test fold the next fold chooses the penalty of every size; smaller training sets are parts of larger ones,
    drawn at random from the items of all training speakers.

    Parameters
    ----------
    task : with one labelling
    sizes : numbers of training items
    layers, open_layer : as of :func:`~auscult.twins.cross_validate_twin`
    penalties : to choose from, strongest first

    Returns
    -------
    outcomes : by size

    Raises
    ------
    AnalysisError
        A size is below 2 or exceeds what a fold has to train on.
    """
    splits = [split_fold(task, fold) for fold in range(task.n_folds)]
    most = min(int(train.sum()) for train, _, _ in splits)
    if min(sizes) < 2 or max(sizes) > most:
        raise AnalysisError(f"target {task.name!r}: expected n_train from 2 to the {most} training items of a fold, "
                            f"found {', '.join(map(str, sizes))}")  # fmt: skip
    shape = (task.n_folds, 1)
    outcomes = {
        size: Outcome(np.zeros(task.labels.shape, dtype=np.int64 if task.n_classes else float), np.zeros(shape),
                      np.zeros(shape), np.asarray(layers, dtype=object)[:, None])
        for size in sorted(sizes)
    }  # fmt: skip
    for fold, (train, valid, test) in enumerate(splits):
        x = open_layer(layers[fold]).take(task.rows, task.name)
        order = np.random.default_rng([seed, 6, fold]).permutation(np.flatnonzero(train))
        valid, test = np.flatnonzero(valid), np.flatnonzero(test)
        for size, outcome in outcomes.items():
            guess = _fit(task, x, order[:size], penalties)
            sums = score_sums(task.labels[valid], guess(x[valid])[:, :, None], [task.n_classes])[:, 0]
            outcome.penalty[fold] = penalties[sums.argmax()]
            outcome.valid[fold] = sums.max() / len(valid) if task.n_classes else np.nan
            outcome.predicted[test, 0] = guess(x[test])[:, sums.argmax()]
    return outcomes


def _fit(task: Task, x: np.ndarray, items: np.ndarray, penalties: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from vectors to what each penalty predicts [shape=(n, n_penalties)]."""
    y = np.eye(task.n_classes)[task.labels[items, 0]] if task.n_classes else task.labels[items]
    path = fit_ridge(Moments.of(x[items], y), penalties)
    return lambda new: path.predict(new).argmax(axis=-1) if task.n_classes else path.predict(new)[..., 0]
