"""The interface of activations: what analyses read, whether vectors lie in a sealed folder, in memory or elsewhere."""

from collections.abc import Mapping, Sequence

# The metaclass of every protocol: derived from, so that ``from_arrays`` is no member that implementations need.
from typing import Any, Protocol, _ProtocolMeta, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from auscult.activations.memory import MemoryActivations, index_of_arrays

__all__ = ["Activations"]


class _Constructors(_ProtocolMeta):
    """Constructors called on the protocol itself."""

    def from_arrays(
        cls,
        vectors: Mapping[str, npt.ArrayLike],
        index: pd.DataFrame | Sequence[Any] | npt.NDArray[Any] | None = None,
        /,
        **columns: Any,
    ) -> MemoryActivations:
        """Return activations in memory from arrays of one's own.

        Parameters
        ----------
        vectors : one array per layer, in order of depth [shape=(n_rows, n_dims)]
        index : a table with one row per vector, or the label of each vector
        columns : further columns of the index, one value per vector or one for all, such as ``speaker``,
            ``utterance``, ``gender`` or ``tier``. Give ``speaker`` and ``utterance`` where vectors share them: by
            default, every vector counts as an utterance of a speaker of its own, and no analysis can keep vectors of
            one speaker on one side of a split. The default of ``tier`` is ``item``.

        Raises
        ------
        AnalysisError
            There is no array; an array is not two-dimensional or not finite; arrays, index and columns differ in
            their number of rows.

        Examples
        --------
        >>> x = np.arange(12.0).reshape(4, 3)
        >>> activations = Activations.from_arrays({"T1": x, "T2": 2 * x}, ["a", "i", "a", "i"], speaker=list("mmff"))
        >>> activations.layers
        ('T1', 'T2')
        >>> activations.load("T2", np.array([3]))
        array([[18., 20., 22.]], dtype=float32)
        >>> activations.index[["tier", "label", "speaker"]].iloc[0].tolist()
        ['item', 'a', 'm']
        """
        arrays = {layer: np.asarray(array) for layer, array in vectors.items()}
        n_rows = next((np.atleast_1d(array).shape[0] for array in arrays.values()), 0)
        return MemoryActivations(arrays, index_of_arrays(n_rows, index, columns))


@runtime_checkable
class Activations(Protocol, metaclass=_Constructors):
    """Vectors of every layer of a model for every segment of a corpus, with an index of the segments.

    Implemented by :class:`auscult.activations.store.StoredActivations` (a folder made by an extraction) and
    :class:`auscult.activations.memory.MemoryActivations`; any class with these three members will do.
    ``Activations.from_arrays`` makes activations of arrays in memory.
    """

    @property
    def layers(self) -> tuple[str, ...]:
        """Layer names in order of depth."""
        ...

    @property
    def index(self) -> pd.DataFrame:
        """One row per segment, in the order of the vectors."""
        ...

    def load(self, layer: str, rows: npt.NDArray[Any] | None = None) -> npt.NDArray[np.float32]:
        """Return the vectors of one layer.

        Parameters
        ----------
        layer : one of ``layers``
        rows : positions in ``index`` (any order), or None for all

        Returns
        -------
        vectors [shape=(n_rows, n_dims), float32]

        Raises
        ------
        AnalysisError
            The layer does not exist.
        """
        ...
