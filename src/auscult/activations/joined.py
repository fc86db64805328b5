"""Activations of one model on several corpora, read as one: probes are trained on one corpus and tested on another."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auscult.activations.interface import Activations
from auscult.errors import AnalysisError

__all__ = ["JoinedActivations", "join_activations"]


@dataclass(frozen=True)
class JoinedActivations:
    """Activations of several corpora, one after the other.

    Parameters
    ----------
    parts : activations of each corpus
    index : indices of the parts, one below the other
    """

    parts: tuple[Activations, ...]
    index: pd.DataFrame = field(repr=False)

    @property
    def layers(self) -> tuple[str, ...]:
        """Layer names, the same for all corpora."""
        return tuple(self.parts[0].layers)

    def load(self, layer: str, rows: npt.NDArray[Any] | None = None) -> npt.NDArray[np.float32]:
        """Return the vectors of a layer, or of some of its rows [shape=(n_rows, n_dims), float32]."""
        rows = np.arange(len(self.index)) if rows is None else np.asarray(rows)
        ends = np.cumsum([len(part.index) for part in self.parts])
        owner = np.searchsorted(ends, rows, side="right")
        vectors: npt.NDArray[np.float32] | None = None
        for place, part in enumerate(self.parts):
            own = owner == place
            if not own.any() and (vectors is not None or place < len(self.parts) - 1):
                continue
            found = part.load(layer, rows[own] - (ends[place] - len(part.index)))
            if vectors is None:
                vectors = np.empty((len(rows), found.shape[1]), dtype=np.float32)
            vectors[own] = found
        assert vectors is not None
        return vectors


def join_activations(parts: Mapping[str, Activations], indices: Mapping[str, pd.DataFrame]) -> JoinedActivations:
    """Return activations of one model on several corpora as one, with column ``corpus``.

    Names of utterances and speakers are preceded by that of their corpus, since two corpora may use the same name for
    different people.

    Parameters
    ----------
    parts : activations by corpus
    indices : their indices, with derived columns

    Raises
    ------
    AnalysisError
        The activations differ in layers or dimensions.
    """
    (first, one), *others = parts.items()
    for name, other in others:
        if tuple(other.layers) != tuple(one.layers):
            raise AnalysisError(
                f"expected the same layers on corpora {first} and {name}, found {', '.join(one.layers)} and "
                f"{', '.join(other.layers)}"
            )
        dims = [{layer: each.load(layer, np.arange(1)).shape[1] for layer in each.layers} for each in (one, other)]
        if dims[0] != dims[1]:
            raise AnalysisError(
                f"expected the same dimensions on corpora {first} and {name}, found {dims[0]}, {dims[1]}"
            )
    tables = []
    for name, index in indices.items():
        prefixed = {column: name + ":" + index[column].astype(str) for column in ("utterance", "speaker")}
        tables.append(index.assign(**prefixed, corpus=name))
    return JoinedActivations(tuple(parts[name] for name in indices), pd.concat(tables, ignore_index=True))
