"""Numeric confounds of levels, such as duration: their effect on vectors is taken out before anything is read."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from auscult.activations.interface import Activations
from auscult.errors import AnalysisError

__all__ = ["DURATION", "WithoutConfound", "is_numeric", "without"]

# Columns that measure the duration of a segment.
DURATION = ("log_duration", "duration_s")
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
