"""Cross-validation of non-linear probes (MLP, attention), with early stopping on a validation fold."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd

from auscult.activations.layer_vectors import LayerVectors
from auscult.errors import AnalysisError
from auscult.probes.attention_probe import fit_attention
from auscult.probes.cross_validation import Outcome
from auscult.probes.mlp import fit_mlp
from auscult.probes.tasks import Task

__all__ = ["NonlinearProbe", "reduce_labellings", "split_fold", "smallest_training", "cross_validate_nonlinear"]

NonlinearProbe = Literal["mlp", "attention"]
# The tier over which the attention probe pools.
_SEGMENT_TIER = "phone"


def reduce_labellings(task: Task, *labellings: str) -> Task:
    """Return a task with the first labelling of each of the given kinds that it has."""
    kept = [int(task.columns(name)[0]) for name in labellings if len(task.columns(name))]
    return replace(task, labels=task.labels[:, kept], labellings=tuple(task.labellings[column] for column in kept))


def split_fold(task: Task, test: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return masks of the training, validation and test items of a test; the fold after it is for validation.

    Returns
    -------
    disjoint masks [shapes=(n_items,)]; other items that share a fold with test or validation on any axis are in none
    """
    folds = task.tests[test]
    valid = (folds[-1] + 1) % task.n_folds
    train = ~np.asarray(np.isin(task.cells, [*folds, valid]).any(axis=1))
    return train, task.folds == valid, np.isin(task.folds, folds)


def smallest_training(task: Task) -> int:
    """Return the number of training items for the test fold that has fewest."""
    return min(int(split_fold(task, fold)[0].sum()) for fold in range(len(task.tests)))


def cross_validate_nonlinear(
    probe: NonlinearProbe,
    task: Task,
    layers: np.ndarray,
    open_layer: Callable[[str], LayerVectors],
    index: pd.DataFrame,
    seed: int,
) -> Outcome:
    """Predict every tested item with a non-linear probe that is trained once per test fold and labelling.

    Parameters
    ----------
    probe : ``mlp``, or ``attention`` over the phones of an utterance (tier ``utterance`` only)
    task : task with few labellings, since a probe is trained for each
    layers : layer to read for each test fold [shape=(n_folds,)]
    open_layer : function that returns the vectors of a layer
    index : index of the activations
    seed : seed of initial weights and batches

    Raises
    ------
    AnalysisError
        The attention probe is used on another tier than ``utterance``, or an utterance has no phones.
    """
    sequences = _sequences(task, index) if probe == "attention" else None
    predicted, valid = np.zeros(task.labels.shape, dtype=np.int64), np.zeros((len(task.tests), task.labels.shape[1]))
    fit: Callable[..., Callable[[Any], np.ndarray]] = (
        fit_mlp if probe == "mlp" else partial(fit_attention, n_classes=task.n_classes)
    )
    for fold, x in _read(task, layers, open_layer, sequences):
        train_mask, valid_mask, test_mask = split_fold(task, fold)
        x_train, x_valid, x_test = (_select(x, mask) for mask in (train_mask, valid_mask, test_mask))
        for column, codes in enumerate(task.labels.T):
            predict = fit(x_train, codes[train_mask], x_valid, codes[valid_mask], seed=seed)
            predicted[test_mask, column] = predict(x_test)
            valid[fold, column] = np.mean(predict(x_valid) == codes[valid_mask])
    chosen = np.repeat(np.asarray(layers, dtype=object)[:, None], task.labels.shape[1], axis=1)
    return Outcome(predicted, valid, np.full(valid.shape, np.nan), chosen)


def _read(
    task: Task,
    layers: np.ndarray,
    open_layer: Callable[[str], LayerVectors],
    sequences: tuple[np.ndarray, np.ndarray] | None,
) -> Iterator[tuple[int, list[np.ndarray] | np.ndarray]]:
    """Yield each fold with the vectors, or sequences of vectors, of all items at its layer; each layer is read once."""
    for layer in dict.fromkeys(layers):
        vectors = open_layer(layer)
        x: list[np.ndarray] | np.ndarray
        if sequences is None:
            x = vectors.take(task.rows, task.name)
        else:
            rows, ends = sequences
            x = np.split(vectors.take(rows, task.name), ends[:-1])
        for fold in np.flatnonzero(np.asarray(layers) == layer):
            yield int(fold), x


def _select(x: list[np.ndarray] | np.ndarray, mask: np.ndarray) -> list[np.ndarray] | np.ndarray:
    return x[mask] if isinstance(x, np.ndarray) else [x[item] for item in np.flatnonzero(mask)]


def _sequences(task: Task, index: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of all segments, one utterance after the other, and the end of each utterance among them."""
    if task.tier != "utterance":
        raise AnalysisError(f"target {task.name!r}: expected tier utterance for probe 'attention', found {task.tier!r}")
    segments = np.flatnonzero(index["tier"] == _SEGMENT_TIER)
    of_utterance = pd.Series(segments).groupby(index["utterance"].to_numpy()[segments]).apply(np.asarray)
    names = index["utterance"].to_numpy()[task.rows]
    missing = [name for name in names if name not in of_utterance.index]
    if missing:
        raise AnalysisError(
            f"target {task.name!r}: expected segments of tier {_SEGMENT_TIER!r} in every utterance for probe "
            f"'attention', found none in {missing[0]!r} ({len(missing)} such utterances); extract tier "
            f"{_SEGMENT_TIER!r} as well"
        )
    rows = [of_utterance[name] for name in names]
    return np.concatenate(rows), np.cumsum([len(each) for each in rows])
