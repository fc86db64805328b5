"""Frames of ABX items: their positions in recordings, and a model's frames collected for comparison."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auscult.activations.batches import batches_of_like_length
from auscult.analyses.abx.cells import MAX_PAIRS
from auscult.analyses.abx.distances import Sequences, Store, Vectors
from auscult.analyses.abx.settings import Compared, Distance
from auscult.errors import AnalysisError, CorpusError
from auscult.statistics.standardise import standardise_by_others

if TYPE_CHECKING:
    from auscult.corpora.corpus import Corpus
    from auscult.models.frames import FrameTiming
    from auscult.models.interface import FrameModel

__all__ = ["Limits", "ItemFrames", "LayerFrames", "find_frames", "read_frames", "item_frames"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Limits:
    """Audio, frames and distances held at once. Scores do not depend on them.

    Parameters
    ----------
    batch_s : seconds of audio per batch
    max_bytes : maximum memory for frames in bytes. In float32, all triphones of one or two hours of speech take 1 GB
        per layer. If not all layers fit, the model runs again for the remaining ones
    max_pairs : maximum number of distances, see :func:`~auscult.analyses.abx.cells.score_cells`
    """

    batch_s: float = 60.0
    max_bytes: int = 4_000_000_000
    max_pairs: int = MAX_PAIRS


@dataclass(frozen=True)
class ItemFrames:
    """Positions of the frames of items in their recordings.

    Parameters
    ----------
    utterances : recording of each item [shape=(n_items,)]
    starts, sizes : first frame of each item, and number of its frames [shapes=(n_items,)]
    """

    utterances: Array
    starts: Array
    sizes: Array

    def take(self, rows: Array) -> "ItemFrames":
        """Return some of the items."""
        return ItemFrames(self.utterances[rows], self.starts[rows], self.sizes[rows])


@dataclass(frozen=True)
class LayerFrames:
    """One layer's frames of items, one item after the other, or their means.

    Parameters
    ----------
    layer : its name
    sizes : number of frames of each item, 1 for means [shape=(n_items,)]
    x : frames [shape=(n_frames, n_dims), float32]
    """

    layer: str
    sizes: Array
    x: Array = field(repr=False)

    def standardised(self, speakers: Array) -> "LayerFrames":
        """Return the frames with each dimension standardised by the frames of other speakers.

        Parameters
        ----------
        speakers : speaker code from 0 of each item [shape=(n_items,)]
        """
        # Vectors that are not finite are refused with their number when distances are taken.
        if not np.isfinite(self.x).all():
            return self
        return LayerFrames(self.layer, self.sizes, standardise_by_others(self.x, np.repeat(speakers, self.sizes)))

    def store(self, rows: Array, compared: Compared, distance: Distance) -> Store:
        """Return some of the items for comparison."""
        where = f"layer {self.layer!r}"
        if compared == "mean":
            return Vectors(self.x[rows], distance, where)
        return Sequences(self.x, (np.cumsum(self.sizes) - self.sizes)[rows], self.sizes[rows], distance, where)


def item_frames(
    timing: "FrameTiming", onset: Array, offset: Array, n_frames: Array, drop_last_frame: bool
) -> tuple[Array, Array]:
    """Return each item's first frame, and one past its last frame [shapes=(n_items,)].

    Frames follow the convention of :mod:`auscult.models.frames`. With ``drop_last_frame`` they follow Libri-Light's
    evaluation: the last frame whose centre lies in the item is left out, unless the recording ends before it. Items can
    then be empty.

    Parameters
    ----------
    timing : of the frames
    onset, offset : of each item, in samples [shapes=(n_items,)]
    n_frames : number of frames in each item's recording [shape=(n_items,)]
    drop_last_frame : whether to leave out the last frame
    """
    if not drop_last_frame:
        return timing.segment_frames(onset, offset, n_frames)[:2]
    # Recordings are treated as endless, so that the dropped frame can be one past the end.
    endless = np.full(len(onset), np.iinfo(np.int32).max)
    starts, stops, nearest = timing.segment_frames(onset, offset, endless)
    stops = np.minimum(np.where(nearest, starts, stops - 1), n_frames)
    return starts, np.maximum(stops, starts)


def find_frames(
    model: "FrameModel",
    corpus: "Corpus",
    items: pd.DataFrame,
    *,
    drop_last_frame: bool,
    timing: "FrameTiming | None" = None,
) -> tuple[Array, ItemFrames]:
    """Return the positions of the items that have frames, and their frames.

    Parameters are described in :func:`auscult.analyses.abx.analysis.abx_frames`.

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
        raise AnalysisError(
            f"expected items of at least one frame, found none among {len(items)}; give onset and offset in samples"
        )
    return kept, ItemFrames(items["utterance"].to_numpy(), starts, stops - starts).take(kept)


def read_frames(
    model: "FrameModel",
    corpus: "Corpus",
    items: ItemFrames,
    *,
    compared: Compared,
    layers: Sequence[str] | None = None,
    limits: Limits = Limits(),
) -> Iterator[LayerFrames]:
    """Run a model over the recordings of items and yield each layer's frames of the items, or their means.

    Parameters
    ----------
    model, corpus : model and recordings
    items : positions of their frames
    compared : ``dtw`` keeps all frames, ``mean`` their mean
    layers : by default all
    limits : audio and frames held at once

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
    for group in _groups(shapes, limits.max_bytes):
        frames = {layer: np.empty(shapes[layer], dtype=np.float32) for layer in group}
        for batch in batches_of_like_length(lengths, int(limits.batch_s * model.sample_rate_hz)):
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
            f"({' × '.join(map(str, shapes[largest]))} numbers of layer {largest!r}); lower max_items_per_bin or "
            "max_cells, or compare means of frames"
        )
    group: list[str] = []
    for layer in shapes:
        if group and sum(n_bytes[name] for name in [*group, layer]) > max_bytes:
            yield group
            group = []
        group.append(layer)
    yield group


def _copy(values: Array, items: ItemFrames, selected: Array, places: Array, to: Array, compared: Compared) -> None:
    """Copy the frames of selected items, or their means, from the ``values`` of a recording to their places."""
    for item in selected:
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
            f"({missing.nunique()} such recordings); use the items of this corpus"
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
