"""Vectors of one layer in chunks, read once if they fit into memory and again for every pass if they do not."""

from collections.abc import Iterator

import numpy as np

from auscult.activations.interface import Activations
from auscult.errors import AnalysisError

__all__ = ["LayerVectors"]

_CHUNK = 8192


class LayerVectors:
    """The vectors of one layer; all vectors returned are finite.

    Parameters
    ----------
    activations : activations with this layer
    layer : name of the layer
    max_bytes : the whole layer is kept in memory if it takes no more than this
    """

    def __init__(self, activations: Activations, layer: str, max_bytes: int = 2**30) -> None:
        self.layer = layer
        self._activations = activations
        n_dims = activations.load(layer, np.arange(min(1, len(activations.index)))).shape[1]
        fits = 4 * n_dims * len(activations.index) <= max_bytes
        self._all = activations.load(layer) if fits else None

    def take(self, rows: np.ndarray, name: str) -> np.ndarray:
        """Return the vectors of rows of the index; ``name`` is the target they are read for, for messages.

        Returns
        -------
        vectors [shape=(n_rows, n_dims), float32]

        Raises
        ------
        AnalysisError
            A vector among them is not finite.
        """
        return np.concatenate([x for _, x in self.chunks(rows, name)])

    def chunks(self, rows: np.ndarray, name: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield item numbers (positions in ``rows``) with their vectors; arguments and errors as in :meth:`take`."""
        for items in _split(np.arange(len(rows))):
            x = self._load(rows[items])
            if not np.isfinite(x).all():
                n_wrong = sum(int((~np.isfinite(self._load(chunk))).any(axis=1).sum()) for chunk in _split(rows))
                raise AnalysisError(
                    f"target {name!r}: expected finite vectors, found NaN or infinity in {n_wrong} of {len(rows)} rows "
                    f"of layer {self.layer!r}; check the model's weights and precision, then extract again"
                )
            yield items, x

    def _load(self, rows: np.ndarray) -> np.ndarray:
        return self._activations.load(self.layer, rows) if self._all is None else self._all[rows]


def _split(rows: np.ndarray) -> list[np.ndarray]:
    return np.split(rows, range(_CHUNK, len(rows), _CHUNK))
