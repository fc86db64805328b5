"""Twins of the linear probe: non-linear or attending ones, one training a test fold, stopped by a validation fold."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from auscult.activations.layer_vectors import LayerVectors
from auscult.errors import AnalysisError
from auscult.probes.attention_probe import fit_attention
from auscult.probes.cross_validation import Outcome
from auscult.probes.mlp import fit_mlp
from auscult.probes.tasks import Task

__all__ = ["Twin", "reduce_labellings", "split_fold", "smallest_training", "cross_validate_twin"]

Twin = Literal["mlp", "attention"]
SEGMENTS = "phone"


def reduce_labellings(task: Task, *labellings: str) -> Task:
    """Return a task with one labelling of each kind that is named and that it has."""
    kept = [int(task.columns(name)[0]) for name in labellings if len(task.columns(name))]
    return replace(task, labels=task.labels[:, kept], labellings=tuple(task.labellings[column] for column in kept))


def split_fold(task: Task, test: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return masks of the training, validation and test items of a fold; the next fold validates.

    Returns
    -------
    masks [shapes=(n_items,)], disjoint; items that share a fold of any axis with test or validation do not train
    """
    valid = (test + 1) % task.n_folds
    train = ~np.isin(task.cells, [test, valid]).any(axis=1)
    return train, task.folds == valid, task.folds == test


def smallest_training(task: Task) -> int:
    """Return how many items the fold with the fewest has to train on."""
    return min(int(split_fold(task, fold)[0].sum()) for fold in range(task.n_folds))


def cross_validate_twin(
    twin: Twin,
    task: Task,
    layers: np.ndarray,
    open_layer: Callable[[str], LayerVectors],
    index: pd.DataFrame,
    seed: int,
) -> Outcome:
    """Predict every tested item by a twin that was trained once for each test fold and labelling.

    Parameters
    ----------
    twin : ``mlp``, or ``attention`` over the phones of an utterance (tier ``utterance`` only)
    task : with few labellings, since each is trained for
    layers : the layer to read in each test fold [shape=(n_folds,)]
    open_layer : gives the vectors of a layer
    index : of the activations
    seed : of initial weights and batches

    Raises
    ------
    AnalysisError
        The tier is not that of utterances, or one has no segments to attend to.
    """
    sequences = _sequences(task, index) if twin == "attention" else None
    predicted, valid = np.zeros(task.labels.shape, dtype=np.int64), np.zeros((task.n_folds, task.labels.shape[1]))
    for fold, x in _read(task, layers, open_layer, sequences):
        parts = split_fold(task, fold)
        for column, codes in enumerate(task.labels.T):
            data = [part for mask in parts[:2] for part in (_pick(x, mask), codes[mask])]
            if twin == "mlp":
                predict = fit_mlp(*data, seed=seed)
            else:
                predict = fit_attention(*data, n_classes=task.n_classes, seed=seed)
            predicted[parts[2], column] = predict(_pick(x, parts[2]))
            valid[fold, column] = np.mean(predict(data[2]) == data[3])
    chosen = np.repeat(np.asarray(layers, dtype=object)[:, None], task.labels.shape[1], axis=1)
    return Outcome(predicted, valid, np.full(valid.shape, np.nan), chosen)


def _read(task: Task, layers: np.ndarray, open_layer: Callable, sequences) -> Iterator[tuple[int, list | np.ndarray]]:
    """Yield each fold with the vectors, or sequences of vectors, of all items at its layer; a layer is read once."""
    for layer in dict.fromkeys(layers):
        vectors = open_layer(layer)
        if sequences is None:
            x = vectors.take(task.rows, task.name)
        else:
            rows, ends = sequences
            x = np.split(vectors.take(rows, task.name), ends[:-1])
        for fold in np.flatnonzero(np.asarray(layers) == layer):
            yield int(fold), x


def _pick(x: list | np.ndarray, mask: np.ndarray):
    return x[mask] if isinstance(x, np.ndarray) else [x[item] for item in np.flatnonzero(mask)]


def _sequences(task: Task, index: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of all segments of the items' utterances, one utterance after the other, and where each ends."""
    if task.tier != "utterance":
        raise AnalysisError(f"target {task.name!r}: expected tier utterance for twin 'attention', found {task.tier!r}")
    segments = np.flatnonzero(index["tier"] == SEGMENTS)
    of_utterance = pd.Series(segments).groupby(index["utterance"].to_numpy()[segments]).apply(np.asarray)
    names = index["utterance"].to_numpy()[task.rows]
    missing = [name for name in names if name not in of_utterance.index]
    if missing:
        raise AnalysisError(
            f"target {task.name!r}: expected segments of tier {SEGMENTS!r} in every utterance for twin 'attention', "
            f"found none in {missing[0]!r} ({len(missing)} such utterances); extract tier {SEGMENTS!r}, too"
        )
    parts = [of_utterance[name] for name in names]
    return np.concatenate(parts), np.cumsum([len(part) for part in parts])
