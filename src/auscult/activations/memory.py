"""Activations in memory: arrays of a researcher's own with an index of their rows, as every analysis reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auscult.errors import AnalysisError

__all__ = ["MemoryActivations", "index_of_arrays"]


@dataclass(frozen=True)
class MemoryActivations:
    """Vectors of every layer in memory, converted to float32; ``Activations.from_arrays`` also makes the index.

    Parameters
    ----------
    vectors : one array per layer, in order of depth [shape=(n_rows, n_dims)]
    index : one row per vector

    Raises
    ------
    AnalysisError
        There is no layer, or an array is not two-dimensional, not finite, or has not one row per row of the index.
    """

    vectors: Mapping[str, npt.NDArray[Any]] = field(repr=False)
    index: pd.DataFrame = field(repr=False)

    def __post_init__(self) -> None:
        if not self.vectors:
            raise AnalysisError("expected an array for at least one layer, found none")
        checked = {layer: _float32(layer, array, len(self.index)) for layer, array in self.vectors.items()}
        object.__setattr__(self, "vectors", checked)
        object.__setattr__(self, "index", self.index.reset_index(drop=True))

    @property
    def layers(self) -> tuple[str, ...]:
        """Layer names in order of depth."""
        return tuple(self.vectors)

    def load(self, layer: str, rows: npt.NDArray[Any] | None = None) -> npt.NDArray[np.float32]:
        """Return a copy of the vectors of one layer; see :meth:`auscult.activations.interface.Activations.load`."""
        if layer not in self.vectors:
            raise AnalysisError(
                f"expected one of the layers {', '.join(self.layers)} of the activations in memory, found {layer!r}"
            )
        return self.vectors[layer].copy() if rows is None else self.vectors[layer][np.asarray(rows)]


def index_of_arrays(
    n_rows: int, index: "pd.DataFrame | Sequence[Any] | npt.NDArray[Any] | None", columns: Mapping[str, Any]
) -> pd.DataFrame:
    """Return an index with the columns that analyses of activations read; those not given take their default.

    Parameters
    ----------
    n_rows : number of vectors per layer
    index : a table with one row per vector, or the labels of the vectors, or None
    columns : further columns, one value per vector or one for all; they replace columns of the table

    Returns
    -------
    index with the given columns, and by default: ``utterance``, one per row; ``tier`` ``item``; ``index``, the
    position in the utterance and tier, from 0; ``speaker``, one per utterance; ``label``, ``gender``, ``language`` and
    ``text``, empty

    Raises
    ------
    AnalysisError
        A column or the table has not one row per vector.
    """
    if index is not None and not isinstance(index, pd.DataFrame):
        columns = {"label": index, **columns}
        index = None
    table = pd.DataFrame(index=range(n_rows)) if index is None else index.reset_index(drop=True)
    if len(table) != n_rows:
        raise AnalysisError(f"expected one row of the index per vector ({n_rows}), found {len(table)}")
    for name, values in columns.items():
        if not isinstance(values, str) and np.ndim(values) > 0 and len(values) != n_rows:
            raise AnalysisError(f"expected one value of column {name!r} per vector ({n_rows}), found {len(values)}")
    table = table.assign(**{name: values if np.ndim(values) == 0 else list(values) for name, values in columns.items()})
    if "utterance" not in table:
        width = len(str(max(n_rows - 1, 0)))
        table["utterance"] = [f"item-{row:0{width}d}" for row in range(n_rows)]
    for name, value in (("tier", "item"), ("label", ""), ("gender", ""), ("language", ""), ("text", "")):
        if name not in table:
            table[name] = value
    if "index" not in table:
        table["index"] = table.groupby(["utterance", "tier"]).cumcount()
    if "speaker" not in table:
        table["speaker"] = table["utterance"]
    return table


def _float32(layer: str, array: npt.ArrayLike, n_rows: int) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):
        vectors = np.asarray(array, dtype=np.float32)
    if vectors.ndim != 2:
        raise AnalysisError(
            f"expected a two-dimensional array (rows, dimensions) for layer {layer!r}, found shape {vectors.shape}"
        )
    if len(vectors) != n_rows:
        raise AnalysisError(
            f"expected {n_rows} rows, one per row of the index, in the array of layer {layer!r}, found {len(vectors)}"
        )
    if not np.isfinite(vectors).all():
        n_wrong = int((~np.isfinite(vectors)).any(axis=1).sum())
        raise AnalysisError(
            f"expected finite float32 numbers in the array of layer {layer!r}, found NaN or infinity in {n_wrong} of "
            f"{n_rows} rows; drop these rows, or run the model in float32"
        )
    return vectors
