"""Confounds that a claim must hold fixed: what duration alone predicts, and vectors from which it is taken out."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from auscult.activations.interface import Activations
from auscult.activations.layer_vectors import LayerVectors
from auscult.activations.memory import MemoryActivations
from auscult.errors import AnalysisError
from auscult.probes.cross_validation import cross_validate
from auscult.probes.tasks import Task

__all__ = [
    "N_BINS",
    "WithoutConfound",
    "is_numeric",
    "without",
    "predicted_from_duration",
    "accuracy_from",
]

# Numbers of bins of duration for the accuracy that duration alone gives.
N_BINS = (4, 8, 16)
_DEGREE = 3


def is_numeric(index: pd.DataFrame, column: str | None) -> bool:
    """Return whether a column holds numbers, which are regressed out, rather than names, which are balanced."""
    return bool(column) and column in index and pd.api.types.is_numeric_dtype(index[column])


def without(vectors: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return vectors minus their least-squares cubic in a confound; no label is used.

    Parameters
    ----------
    vectors : of the items [shape=(n_items, n_dims)]
    values : the confound [shape=(n_items,)]
    """
    centred = values - values.mean()
    basis = np.vander(centred / (centred.std() or 1.0), _DEGREE + 1)
    x = np.asarray(vectors, dtype=float)
    return x - basis @ np.linalg.lstsq(basis, x, rcond=None)[0]


@dataclass(frozen=True)
class WithoutConfound:
    """Activations whose vectors of one tier have a confound taken out, see :func:`without`.

    Parameters
    ----------
    source : the activations
    confound : a value per row of their index [shape=(n_rows,)]
    rows : rows of the tier [shape=(n_tier,)]
    name : of the confound's column, for messages

    Raises
    ------
    AnalysisError
        A value is missing.
    """

    source: Activations
    confound: np.ndarray = field(repr=False)
    rows: np.ndarray = field(repr=False)
    name: str

    def __post_init__(self) -> None:
        n_missing = int((~np.isfinite(self.confound[self.rows])).sum())
        if n_missing:
            raise AnalysisError(
                f"expected a number for every item in column {self.name!r}, which a level holds fixed, found "
                f"{n_missing} of {len(self.rows)} without; take it out of given"
            )

    @property
    def layers(self) -> tuple[str, ...]:
        """Layer names of the source."""
        return tuple(self.source.layers)

    @property
    def index(self) -> pd.DataFrame:
        """The index of the source."""
        return self.source.index

    def load(self, layer: str, rows: np.ndarray | None = None) -> np.ndarray:
        """Return the vectors of a layer, or of some of its rows [shape=(n_rows, n_dims), float32]."""
        vectors = np.array(self.source.load(layer), dtype=np.float32)
        vectors[self.rows] = without(vectors[self.rows], self.confound[self.rows])
        return vectors if rows is None else vectors[rows]


def predicted_from_duration(index: pd.DataFrame, tasks: Sequence[Task], penalties: np.ndarray) -> list[np.ndarray]:
    """Return the predictions of the tested items from their log duration alone, for each task of classes or values.

    Classes are predicted in several ways, of which the best is returned, since it serves as a control: by the ridge
    probe on log duration, and by the label that is most frequent among training items of similar duration, for
    :data:`N_BINS` numbers of bins.

    Parameters
    ----------
    index : index of the activations with column ``log_duration``
    tasks : to predict
    penalties : of the ridge probe, in descending order

    Returns
    -------
    predictions of all items, undefined for items that are never tested [shapes=(n_items,)]
    """
    lengths = index["log_duration"].to_numpy(np.float32)
    # Points in time, such as the middle of a rime, have no length.
    lengths = np.where(np.isfinite(lengths), lengths, lengths[np.isfinite(lengths)].min(initial=0.0))
    vectors = LayerVectors(MemoryActivations({"duration": lengths[:, None]}, index), "duration")
    found = []
    for task, outcome in zip(tasks, cross_validate(vectors, tasks, "ridge", penalties)):
        guesses = [outcome.predicted[:, 0]]
        if task.kind == "classes":
            ranks = lengths[task.rows].argsort(kind="stable").argsort()
            guesses += [guess_from(ranks * n_bins // len(ranks), task) for n_bins in N_BINS]
        tested, truth = task.tested, task.labels[:, 0]
        right = [(guess[tested] == truth[tested]).mean() for guess in guesses]
        found.append(guesses[int(np.argmax(right))])
    return found


def accuracy_from(known: np.ndarray, task: Task) -> float:
    """Return the accuracy on tested items of :func:`guess_from`."""
    return float((guess_from(known, task) == task.labels[:, 0])[task.tested].mean())


def guess_from(known: np.ndarray, task: Task) -> np.ndarray:
    """Return for each item the label that is most frequent, in the training data, among items of equal code.

    Parameters
    ----------
    known : code of each item from 0 [shape=(n_items,)]
    task : items, labels and folds

    Returns
    -------
    class codes, -1 for items that are never tested [shape=(n_items,)]
    """
    truth, guess = task.labels[:, 0], np.full(len(known), -1)
    tests, cells = task.test_of, task.test_cells
    for test in range(len(task.tests)):
        training, tested = (cells != test).all(axis=1), tests == test
        counts = np.zeros((known.max() + 1, task.n_classes))
        np.add.at(counts, (known[training], truth[training]), 1)
        # A code without training items takes the most frequent label of all.
        guess[tested] = (counts + 1e-6 * counts.sum(axis=0)).argmax(axis=1)[known[tested]]
    return guess
