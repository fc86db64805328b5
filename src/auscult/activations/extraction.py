"""Extraction: run models over a corpus once and store the mean vector of every segment at every layer.

The checkpoints of a model are run in one sweep. They share everything that does not depend on their weights (imports,
tables, decoded recordings, the frames of each segment) and, where their front ends are equal, the front end's output.
"""

import json
import logging
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import pandas as pd
from safetensors.numpy import save_file
from tqdm import tqdm

from auscult.activations.array_model import ArrayModel
from auscult.activations.batches import batches_of_like_length
from auscult.activations.pooling import pool_frames
from auscult.activations.segment_index import segment_index, select_utterances
from auscult.activations.store import INDEX, shard_name
from auscult.errors import CheckpointError
from auscult.manifests import Manifest, build_folder, check_folder, write_file
from auscult.tables import write_table

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


__all__ = ["Extraction", "extract_sweep", "extract_activations"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Extraction:
    """One folder of activations to be made.

    Parameters
    ----------
    folder : path of the folder
    open : function that returns the model
    recipe, parents : entries of the folder's manifest; the settings of the extraction are added to the recipe
    """

    folder: Path
    open: "Callable[[], FrameModel]"
    recipe: Mapping[str, Any]
    parents: Mapping[str, str]


def extract_activations(
    folder: str | Path, *, model: "FrameModel", recipe: Mapping[str, Any], parents: Mapping[str, str], **settings: Any
) -> Manifest:
    """Run one model over a corpus; ``settings`` and errors are listed under :func:`extract_sweep`."""
    return extract_sweep([Extraction(Path(folder), lambda: model, recipe, parents)], **settings)[0]


def extract_sweep(
    extractions: Sequence[Extraction],
    *,
    corpus: "Corpus",
    tiers: Sequence[str],
    splits: Sequence[str],
    batch_s: float = 60.0,
    shard_rows: int = 20000,
    max_utterances: int | None = None,
    max_bytes: int = 2**30,
) -> list[Manifest]:
    """Run checkpoints over a corpus and store, for every layer, the mean of the frames in every segment.

    :mod:`auscult.models.frames` defines which frames belong to a segment. Means are computed in float32, on the
    model's device. Shards are blocks of whole utterances in the order of the corpus; each is made for one checkpoint
    after the other, and the folders are sealed when all their shards are complete. An interrupted run keeps its
    finished shards: the same call continues with the next checkpoint and gives the same bytes. Extracting each
    checkpoint on its own also gives the same bytes. Memory holds one shard of one checkpoint (``shard_rows`` vectors of
    every layer), the frames of one batch, and at most ``max_bytes`` of data shared by checkpoints.

    Parameters
    ----------
    extractions : one per checkpoint; all of the same architecture
    corpus : recordings at the models' sample rate, with their segments
    tiers : tiers to pool over: ``phone``, ``syllable``, ``word``, ``utterance`` (the whole recording), or rimes
        (:mod:`auscult.activations.rimes`)
    splits : splits of the corpus to run
    batch_s : seconds of audio per batch, padding included; changes results by rounding only
    shard_rows : maximum number of vectors per shard, unless a single utterance has more
    max_utterances : number of utterances to run, spread evenly over the corpus; None for all
    max_bytes : memory for recordings and front-end frames of a shard that are kept for the next checkpoint. Data beyond
        it are computed again. For a single checkpoint nothing is kept

    Raises
    ------
    AudioError
        Sample rates differ, an utterance is shorter than the receptive field, or frames are not finite numbers.
    CheckpointError
        A checkpoint differs from the first in its layers, sample rate or frame timing.
    CorpusError, LabelError
        The corpus has no utterance in the splits, no segment of a tier, or a syllable without a rime.
    """
    models = _Models(extractions, max_bytes)
    first = models[0]
    utterances = select_utterances(corpus, splits, max_utterances, first)
    index = segment_index(corpus, utterances, tiers, first, shard_rows)
    settings = {"tiers": list(tiers), "splits": list(splits), "batch_s": batch_s, "shard_rows": shard_rows}
    settings["max_utterances"] = max_utterances
    _report_nearest(index)
    lengths = utterances.set_index("utterance")["n_samples"]
    with ExitStack() as sealed:
        partials = [
            sealed.enter_context(build_folder(one.folder, {**one.recipe, "extraction": settings}, one.parents, True))
            for one in extractions
        ]
        progress = sealed.enter_context(tqdm(total=len(lengths) * len(partials), unit="utterance", disable=None))
        for shard, rows in index.groupby("shard", sort=False):
            batches = list(
                batches_of_like_length(lengths.loc[rows["utterance"].unique()], int(batch_s * first.sample_rate_hz))
            )
            shared = _Shared(corpus, max_bytes if len(partials) > 1 else 0)
            for place, folder in enumerate(partials):
                if not (folder / shard_name(shard)).is_file():
                    _write_shard(folder / shard_name(shard), models[place], shared, rows, batches)
                progress.update(rows["utterance"].nunique())
        for folder in partials:
            write_table(index.drop(columns="start"), folder / INDEX)
    return [check_folder(one.folder) for one in extractions]


class _Models:
    """The models of a sweep, each opened when it is needed; small models stay open for the next shard."""

    def __init__(self, extractions: Sequence[Extraction], max_bytes: int) -> None:
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


class _Shared:
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


def _write_shard(
    path: Path, model: "FrameModel", shared: _Shared, rows: pd.DataFrame, batches: list[list[str]]
) -> None:
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


def _report_nearest(index: pd.DataFrame) -> None:
    for tier, rows in index[index["offset"] > index["onset"]].groupby("tier", sort=False):
        _log.info(
            "%s: %d segments, %d without a frame centre inside take the nearest frame (%.2f %%)",
            tier,
            len(rows),
            rows["nearest"].sum(),
            100 * rows["nearest"].mean(),
        )
