"""Stored activations: a sealed folder with one vector per layer and segment of a corpus, made once by an extraction."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from safetensors import safe_open

from auscult.errors import AnalysisError, ManifestError
from auscult.manifests import Manifest, check_folder

__all__ = ["StoredActivations", "read_activations", "shard_name", "INDEX"]

INDEX = "index.parquet"


@dataclass(frozen=True)
class StoredActivations:
    """A sealed folder of pooled activations: an index with one row per segment, and one vector per layer and segment.

    Parameters
    ----------
    folder : path of the folder
    layers : layer names in order of depth
    index : one row per pooled segment, in the order of the vectors
    manifest : manifest of the folder
    """

    folder: Path
    layers: tuple[str, ...]
    index: pd.DataFrame = field(repr=False)
    manifest: Manifest = field(repr=False)

    def load(self, layer: str, rows: npt.NDArray[Any] | None = None) -> npt.NDArray[np.float32]:
        """Read the vectors of one layer from the shards; see :meth:`auscult.activations.interface.Activations.load`."""
        if layer not in self.layers:
            raise AnalysisError(
                f"expected one of the layers {', '.join(self.layers)} of {self.folder}, found {layer!r}"
            )
        rows = np.arange(len(self.index)) if rows is None else np.asarray(rows)
        shards, within = self.index["shard"].to_numpy()[rows], self.index["row"].to_numpy()[rows]
        vectors = None
        for shard in np.unique(shards):
            with safe_open(self.folder / shard_name(shard), framework="numpy") as stream:
                tensor = stream.get_tensor(layer)
            if vectors is None:
                vectors = np.empty((len(rows), tensor.shape[1]), dtype=np.float32)
            vectors[shards == shard] = tensor[within[shards == shard]]
        if vectors is None:
            return np.empty((0, self._n_dims(layer)), dtype=np.float32)
        return vectors

    def _n_dims(self, layer: str) -> int:
        with safe_open(self.folder / shard_name(0), framework="numpy") as stream:
            return stream.get_slice(layer).get_shape()[1]


def read_activations(folder: str | Path) -> StoredActivations:
    """Check the manifest of an activations folder and open it; vectors are read by :meth:`StoredActivations.load`.

    Raises
    ------
    ManifestError
        The folder is unfinished, damaged, or holds something else.
    """
    folder = Path(folder)
    manifest = check_folder(folder)
    if INDEX not in manifest.files or shard_name(0) not in manifest.files:
        raise ManifestError(f"expected an activations folder in {folder}, found no {INDEX} or no shard in its manifest")
    with safe_open(folder / shard_name(0), framework="numpy") as stream:
        layers = tuple(json.loads(stream.metadata()["layers"]))
    return StoredActivations(folder, layers, pd.read_parquet(folder / INDEX), manifest)


def shard_name(shard: int) -> str:
    """Return the file name of a shard."""
    return f"shard-{shard:05d}.safetensors"
