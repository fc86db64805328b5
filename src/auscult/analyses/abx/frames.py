"""Frames of the items of an ABX task: which ones they are, and a model's, collected for comparison."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from auscult.activations.batches import batches_of_like_length
from auscult.analyses.abx.distances import Distance, Sequences, Store, Vectors
from auscult.errors import AnalysisError, CorpusError

if TYPE_CHECKING:
    from auscult.corpora.corpus import Corpus
    from auscult.models.frames import FrameTiming
    from auscult.models.interface import FrameModel

__all__ = ["MAX_BYTES", "Compared", "ItemFrames", "LayerFrames", "find_frames", "read_frames", "item_frames"]

# Frames held at once: those of one layer of all triphones of an hour or two of speech, in float32, are 1 GB.
MAX_BYTES = 4_000_000_000

Compared = Literal["dtw", "mean"]


@dataclass(frozen=True)
class ItemFrames:
    """Where the frames of items stand in their recordings.

    Parameters
    ----------
    utterances : recording of each item [shape=(n_items,)]
    starts, sizes : first frame of each item, and how many it has [shape=(n_items,)]
    """

    utterances: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray

    def take(self, rows: np.ndarray) -> "ItemFrames":
        """Return some of the items."""
        return ItemFrames(self.utterances[rows], self.starts[rows], self.sizes[rows])


@dataclass(frozen=True)
class LayerFrames:
    """One layer's frames of items, one item after the other, or their means.

    Parameters
    ----------
    layer : its name
    sizes : frames of each item, 1 for means [shape=(n_items,)]
    x : [shape=(n_frames, n_dims), float32]
    """

    layer: str
    sizes: np.ndarray
    x: np.ndarray = field(repr=False)

    def store(self, rows: np.ndarray, compared: Compared, distance: Distance) -> Store:
        """Return some of the items for comparison."""
        what = f"layer {self.layer!r}"
        if compared == "mean":
            return Vectors(self.x[rows], distance, what)
        return Sequences(self.x, (np.cumsum(self.sizes) - self.sizes)[rows], self.sizes[rows], distance, what)


def item_frames(
    timing: "FrameTiming", onset: np.ndarray, offset: np.ndarray, n_frames: np.ndarray, drop_last_frame: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return each item's frames, first and one past the last [shapes=(n_items,)].

    By the convention of :mod:`auscult.models.frames`, or, with ``drop_last_frame``, by that of Libri-Light's
    evaluation: the last frame with its centre in the item is left out, unless the recording ends before it; items may
    then be empty.
    """
    if not drop_last_frame:
        return timing.segment_frames(onset, offset, n_frames)[:2]
    # Asked of a recording without end, so that the frame that is dropped may be one that does not exist.
    endless = np.full(len(onset), np.iinfo(np.int32).max)
    starts, stops, nearest = timing.segment_frames(onset, offset, endless)
    stops = np.minimum(np.where(nearest, starts, stops - 1), n_frames)
    return starts, np.maximum(stops, starts)


def find_frames(
    model: "FrameModel",
    corpus: "Corpus",
    items: pd.DataFrame,
    *,
    drop_last_frame: bool = False,
    timing: "FrameTiming | None" = None,
) -> tuple[np.ndarray, ItemFrames]:
    """Return the positions of the items that have frames, and where those are; see
    :func:`auscult.analyses.abx.analysis.abx_frames`.

    Raises
    ------
    AnalysisError
        No item has a frame.
    CorpusError, AudioError
        A recording does not exist, has another sample rate than the model, or is shorter than a frame.
    """
    about = _recordings(corpus, items, model)
    counts = np.asarray(model.timing.n_frames(about["n_samples"].loc[items["utterance"]].to_numpy()))
    starts, stops = item_frames(
        timing or model.timing, items["onset"].to_numpy(), items["offset"].to_numpy(), counts, drop_last_frame
    )
    kept = np.flatnonzero(stops > starts)
    if not len(kept):
        raise AnalysisError(f"expected items of a frame or more, found none among {len(items)}; times are samples")
    return kept, ItemFrames(items["utterance"].to_numpy(), starts, stops - starts).take(kept)


def read_frames(
    model: "FrameModel",
    corpus: "Corpus",
    items: ItemFrames,
    *,
    layers: Sequence[str] | None = None,
    compared: Compared = "dtw",
    batch_s: float = 60.0,
    max_bytes: int = MAX_BYTES,
) -> Iterator[LayerFrames]:
    """Run a model over the recordings of items and yield each layer's frames of them, or their means.

    As many layers as fit into ``max_bytes`` are held at once; the model runs anew for those that follow.

    Raises
    ------
    AnalysisError
        A layer does not exist, or does not fit by itself.
    """
    layers = list(layers or model.layers)
    unknown = [layer for layer in layers if layer not in model.layers]
    if unknown:
        raise AnalysisError(f"expected layers of {', '.join(model.layers)}, found {unknown[0]!r}")
    sizes = np.ones_like(items.sizes) if compared == "mean" else items.sizes
    places = np.cumsum(sizes) - sizes
    of_utterance = pd.Series(np.arange(len(sizes))).groupby(items.utterances).indices
    lengths = corpus.utterances.set_index("utterance")["n_samples"].loc[pd.unique(items.utterances)]
    shortest = model.frames([corpus.waveform(lengths.idxmin())])
    shapes = {layer: (int(sizes.sum()), shortest[layer][0].shape[1]) for layer in layers}
    for group in _groups(shapes, max_bytes):
        frames = {layer: np.empty(shapes[layer], dtype=np.float32) for layer in group}
        for batch in batches_of_like_length(lengths, int(batch_s * model.sample_rate_hz)):
            found = model.frames([corpus.waveform(name) for name in batch])
            for layer, kept in frames.items():
                for name, values in zip(batch, found[layer]):
                    _copy(values.float().cpu().numpy(), items, of_utterance[name], places, kept, compared)
        for layer in group:
            yield LayerFrames(layer, sizes, frames.pop(layer))


def _groups(shapes: dict[str, tuple[int, int]], max_bytes: int) -> Iterator[list[str]]:
    n_bytes = {layer: 4 * rows * n_dims for layer, (rows, n_dims) in shapes.items()}
    largest = max(n_bytes, key=n_bytes.__getitem__)
    if n_bytes[largest] > max_bytes:
        raise AnalysisError(
            f"expected frames of a layer in {max_bytes / 1e9:.3g} GB or less, found {n_bytes[largest] / 1e9:.3g} GB "
            f"({' × '.join(map(str, shapes[largest]))} numbers of layer {largest!r}); take fewer items a bin or fewer "
            "cells, or compare means of frames"
        )
    group: list[str] = []
    for layer in shapes:
        if group and sum(n_bytes[name] for name in [*group, layer]) > max_bytes:
            yield group
            group = []
        group.append(layer)
    yield group


def _copy(
    values: np.ndarray, items: ItemFrames, those: np.ndarray, places: np.ndarray, to: np.ndarray, compared: Compared
) -> None:
    """Copy the frames of ``those`` items, or their means, out of their recording's ``values`` to their places."""
    for item in those:
        own = values[items.starts[item] : items.starts[item] + items.sizes[item]]
        if compared == "mean":
            to[places[item]] = own.mean(axis=0)
        else:
            to[places[item] : places[item] + items.sizes[item]] = own


def _recordings(corpus: "Corpus", items: pd.DataFrame, model: "FrameModel") -> pd.DataFrame:
    about = corpus.utterances.set_index("utterance")
    missing = items.loc[~items["utterance"].isin(about.index), "utterance"]
    if len(missing):
        raise CorpusError(
            f"expected recordings of corpus {corpus.name!r}, found items of {missing.iloc[0]!r} "
            f"({missing.nunique()} such recordings)"
        )
    about = about.loc[items["utterance"].unique()]
    wrong = about[about["sample_rate_hz"] != model.sample_rate_hz]
    if len(wrong):
        raise CorpusError(
            f"expected recordings at {model.sample_rate_hz} Hz for model {model.name!r}, found "
            f"{wrong['sample_rate_hz'].iloc[0]} Hz in {wrong.index[0]!r}; resample the corpus"
        )
    for name, n_samples in about["n_samples"].items():
        model.timing.require_frame(n_samples, f"utterance {name!r} of corpus {corpus.name!r}")
    return about
