"""Running the models of a sweep: opened when needed, recordings and front-end frames shared between checkpoints."""

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from auscult.activations.array_model import ArrayModel
from auscult.activations.pooling import pool_frames
from auscult.errors import CheckpointError
from auscult.manifests import write_file

if TYPE_CHECKING:
    from torch import Tensor

    from auscult.corpora.corpus import Corpus
    from auscult.models.interface import FrameModel

    class _FrontEndModel(FrameModel, Protocol):
        """A model whose front end can be run apart and shared with other checkpoints."""

        front_end_digest: str | None

        def front_end(self, waveforms: Sequence[np.ndarray]) -> list[Tensor]: ...

        def frames(
            self, waveforms: Sequence[np.ndarray], *, front: list[Tensor] | None = None
        ) -> Mapping[str, list[Tensor]]: ...

    class _Run(Protocol):
        """What is known of a model before it is opened."""

        @property
        def folder(self) -> Path: ...

        @property
        def open(self) -> Callable[[], FrameModel]: ...


__all__ = ["Models", "SharedData", "write_shard"]


class Models:
    """The models of a sweep, each opened when it is needed; small models stay open for the next shard."""

    def __init__(self, extractions: "Sequence[_Run]", max_bytes: int) -> None:
        self._extractions, self._open = extractions, {0: extractions[0].open()}
        self._keep = len(extractions) * getattr(self._open[0], "n_bytes", 0) <= max_bytes

    def __getitem__(self, place: int) -> "FrameModel":
        model = self._open.get(place) or self._extractions[place].open()
        found, expected = ((each.layers, each.sample_rate_hz, each.timing) for each in (model, self._open[0]))
        if found != expected:
            raise CheckpointError(
                f"expected checkpoints of one architecture in a sweep, found layers {', '.join(found[0])} with "
                f"{found[2]} for {self._extractions[place].folder}, but {', '.join(expected[0])} with {expected[2]} "
                f"for {self._extractions[0].folder}; give models of different sizes different names"
            )
        if self._keep:
            self._open[place] = model
        return model


class SharedData:
    """Data that checkpoints share within a shard: decoded recordings, and the output of equal front ends."""

    def __init__(self, corpus: "Corpus", max_bytes: int) -> None:
        self._corpus, self._sharing, self._free = corpus, max_bytes > 0, max_bytes
        self._kept: dict[Hashable, Any] = {}

    def frames(self, model: "FrameModel | ArrayModel", batch: Sequence[str]) -> "Mapping[str, list[Tensor]]":
        """Return the model's frames of a batch; an equal front end that has run already is not run again."""
        if isinstance(model, ArrayModel):
            return model.frames_of(batch)
        waveforms = [self._keep(name, partial(self._corpus.waveform, name)) for name in batch]
        identity = getattr(model, "front_end_digest", None)
        if not self._sharing or identity is None:
            return model.frames(waveforms)
        shared = cast("_FrontEndModel", model)
        return shared.frames(waveforms, front=self._keep((identity, *batch), partial(shared.front_end, waveforms)))

    def _keep(self, key: Hashable, make: Callable[[], Any]) -> Any:
        if key in self._kept:
            return self._kept[key]
        made = make()
        n_bytes = sum(part.nbytes for part in made) if isinstance(made, list) else made.nbytes
        if n_bytes <= self._free:
            self._kept[key], self._free = made, self._free - n_bytes
        return made


def write_shard(
    path: Path, model: "FrameModel", shared: SharedData, rows: pd.DataFrame, batches: list[list[str]]
) -> None:
    """Run a model on the utterances of a shard and write the mean vector of every segment at every layer.

    Parameters
    ----------
    path : file to write
    rows : segments of the shard, as in :func:`auscult.activations.segment_index.segment_index`
    batches : names of the utterances that are run together
    """
    places = dict(list(rows.groupby("utterance", sort=False)[["row", "start", "n_frames"]]))
    vectors: dict[str, np.ndarray] = {}
    for batch in batches:
        spans = [places[name].to_numpy() for name in batch]
        at = np.concatenate([span[:, 0] for span in spans])
        frames = shared.frames(model, batch)
        for layer, pooled in pool_frames(frames, [span[:, 1:] for span in spans], batch):
            if layer not in vectors:
                vectors[layer] = np.empty((len(rows), pooled.shape[1]), dtype=np.float32)
            vectors[layer][at] = pooled
    with write_file(path) as partial_path:
        save_file(vectors, partial_path, metadata={"layers": json.dumps(model.layers)})
