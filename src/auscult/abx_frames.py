"""Frames of the items of an ABX task: which ones they are, and a model's, collected for comparison."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from auscult.abx_distances import Distance, Sequences
from auscult.errors import AnalysisError, CorpusError

if TYPE_CHECKING:
    from auscult.corpora.corpus import Corpus
    from auscult.frames import FrameTiming
    from auscult.models.interface import FrameModel

__all__ = ["CollectedFrames", "collect_sequences", "item_frames"]


@dataclass(frozen=True)
class CollectedFrames:
    """Frames of items, layer by layer.

    Parameters
    ----------
    items : positions of the items that have frames, in the table they come from [shape=(n_items,)]
    starts, sizes : where each item's frames stand, and how many they are [shape=(n_items,)]
    frames : of each layer [shape=(n_frames, n_dims), float32]
    """

    items: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    frames: dict[str, np.ndarray] = field(repr=False)

    def store(self, layer: str, rows: np.ndarray, distance: Distance) -> Sequences:
        """Return the items ``rows`` (positions in ``items``) of a layer, for comparison."""
        return Sequences(self.frames[layer], self.starts[rows], self.sizes[rows], distance, f"layer {layer!r}")


def item_frames(
    timing: "FrameTiming", onset: np.ndarray, offset: np.ndarray, n_frames: np.ndarray, drop_last_frame: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return each item's frames, first and one past the last [shapes=(n_items,)].

    By the convention of :mod:`auscult.frames`, or, with ``drop_last_frame``, by that of Libri-Light's evaluation: the
    last frame with its centre in the item is left out, unless the recording ends before it; items may then be empty.
    """
    if not drop_last_frame:
        return timing.segment_frames(onset, offset, n_frames)[:2]
    # Asked of a recording without end, so that the frame that is dropped may be one that does not exist.
    endless = np.full(len(onset), np.iinfo(np.int32).max)
    starts, stops, nearest = timing.segment_frames(onset, offset, endless)
    stops = np.minimum(np.where(nearest, starts, stops - 1), n_frames)
    return starts, np.maximum(stops, starts)


def collect_sequences(
    model: "FrameModel",
    corpus: "Corpus",
    items: pd.DataFrame,
    *,
    layers: Sequence[str] | None = None,
    drop_last_frame: bool = False,
    timing: "FrameTiming | None" = None,
    batch_s: float = 60.0,
) -> CollectedFrames:
    """Run a model over the recordings of items and keep the items' frames; see :func:`auscult.abx.abx_frames`.

    Raises
    ------
    AnalysisError
        A layer does not exist, or no item has a frame.
    CorpusError
        A recording does not exist, or has another sample rate than the model.
    """
    layers = list(layers or model.layers)
    unknown = [layer for layer in layers if layer not in model.layers]
    if unknown:
        raise AnalysisError(f"expected layers of {', '.join(model.layers)}, found {unknown[0]!r}")
    about = _recordings(corpus, items, model)
    counts = np.asarray(model.timing.n_frames(about["n_samples"].loc[items["utterance"]].to_numpy()))
    starts, stops = item_frames(
        timing or model.timing, items["onset"].to_numpy(), items["offset"].to_numpy(), counts, drop_last_frame
    )
    kept = np.flatnonzero(stops > starts)
    if not len(kept):
        raise AnalysisError(f"expected items of a frame or more, found none among {len(items)}; times are samples")
    starts, sizes = starts[kept], (stops - starts)[kept]
    places = np.cumsum(sizes) - sizes
    of_utterance = pd.Series(np.arange(len(kept))).groupby(items["utterance"].to_numpy()[kept]).indices
    frames: dict[str, np.ndarray] = {}
    for batch in _batches(about["n_samples"].loc[list(of_utterance)], int(batch_s * model.sample_rate_hz)):
        found = model.frames([corpus.waveform(name) for name in batch])
        for layer in layers:
            for name, tensor in zip(batch, found[layer]):
                values = tensor.float().cpu().numpy()
                if layer not in frames:
                    frames[layer] = np.empty((int(sizes.sum()), values.shape[1]), dtype=np.float32)
                for item in of_utterance[name]:
                    span = slice(places[item], places[item] + sizes[item])
                    frames[layer][span] = values[starts[item] : starts[item] + sizes[item]]
    return CollectedFrames(kept, places, sizes, frames)


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


def _batches(lengths: pd.Series, batch_samples: int) -> Iterator[list[str]]:
    batch: list[str] = []
    for name, n_samples in lengths.sort_values(kind="stable").items():
        if batch and (len(batch) + 1) * n_samples > batch_samples:
            yield batch
            batch = []
        batch.append(name)
    yield batch
