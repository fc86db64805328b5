"""Vectors of one layer in chunks: read once where they fit into memory, again for every pass where they do not."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from auscult.errors import AnalysisError

__all__ = ["LayerVectors"]

_CHUNK = 8192


class LayerVectors:
    """The vectors of one layer, checked to be finite before they are handed out.

    Parameters
    ----------
    activations : has ``index`` and ``load(layer, rows)``
    layer : name of the layer
    max_bytes : keep the layer if all its vectors take no more memory than this
    """

    def __init__(self, activations: Any, layer: str, max_bytes: int = 2**30):
        self.layer = layer
        self._activations = activations
        n_dims = activations.load(layer, np.arange(min(1, len(activations.index)))).shape[1]
        fits = 4 * n_dims * len(activations.index) <= max_bytes
        self._all = activations.load(layer) if fits else None

    def take(self, rows: np.ndarray, name: str) -> np.ndarray:
        """Return the vectors of some rows of the index for a target of this name.

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
        """Yield item numbers, 0 to the number of rows, and their vectors; arguments and errors as of :meth:`take`."""
        for items in _parts(np.arange(len(rows))):
            x = self._load(rows[items])
            if not np.isfinite(x).all():
                wrong = sum(int((~np.isfinite(self._load(part))).any(axis=1).sum()) for part in _parts(rows))
                raise AnalysisError(
                    f"target {name!r}: expected finite vectors, found NaN or infinity in {wrong} of {len(rows)} rows "
                    f"of layer {self.layer!r}; check the model's weights and precision, then extract again"
                )
            yield items, x

    def _load(self, rows: np.ndarray) -> np.ndarray:
        return self._activations.load(self.layer, rows) if self._all is None else self._all[rows]


def _parts(rows: np.ndarray) -> list[np.ndarray]:
    return np.split(rows, range(_CHUNK, len(rows), _CHUNK))
