"""Activations: what a model's layers hold for every segment of a corpus, pooled once and read by every analysis."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from safetensors import safe_open
from safetensors.numpy import save_file
from tqdm import tqdm

from auscult.errors import AnalysisError, AudioError, CorpusError, ManifestError
from auscult.manifests import Manifest, build_folder, check_folder, write_file
from auscult.tables import write_table

if TYPE_CHECKING:
    from torch import Tensor

    from auscult.corpora.corpus import Corpus
    from auscult.models.interface import FrameModel

__all__ = ["Activations", "read_activations", "extract_activations", "TIERS"]

TIERS = ("phone", "syllable", "word", "utterance")
INDEX = "index.parquet"
_COLUMNS = ("shard", "row", "utterance", "tier", "index", "label", "onset", "offset", "n_frames", "nearest")
_OF_UTTERANCE = ("speaker", "gender", "language", "split", "text", "n_samples", "sample_rate_hz")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Activations:
    """A sealed folder of pooled activations: an index with one row a segment, and for each layer as many vectors.

    Parameters
    ----------
    folder : where the shards lie
    layers : layer names in order of depth
    index : one row per pooled segment, in the order of the vectors
    manifest : what the folder was made from
    """

    folder: Path
    layers: tuple[str, ...]
    index: pd.DataFrame = field(repr=False)
    manifest: Manifest = field(repr=False)

    def load(self, layer: str, rows: np.ndarray | None = None) -> np.ndarray:
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


def read_activations(folder: str | Path) -> Activations:
    """Check the manifest of an activations folder and return it with its index; vectors are read when asked for.

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
    return Activations(folder, layers, pd.read_parquet(folder / INDEX), manifest)


def extract_activations(
    folder: str | Path,
    *,
    model: "FrameModel",
    corpus: "Corpus",
    tiers: Sequence[str],
    splits: Sequence[str],
    batch_s: float = 60.0,
    shard_rows: int = 20000,
    max_utterances: int | None = None,
    recipe: Mapping[str, Any],
    parents: Mapping[str, str],
) -> Manifest:
    """Run a model over a corpus once and seal the mean of its frames in every segment, at every layer.

    Which frames belong to a segment is the convention of :mod:`auscult.frames`. Means are taken where the model runs,
    in float32. Shards are blocks of whole utterances in the order of the corpus; one that an interrupted run has
    finished is kept, so running the same call again continues there and ends in the same bytes. Memory holds one
    shard (``shard_rows`` vectors of every layer) and the frames of one batch.

    Parameters
    ----------
    folder : the activations folder to make
    model : anything with the interface of :mod:`auscult.models.interface`
    corpus : recordings at the model's sample rate, with their segments
    tiers : which of ``phone``, ``syllable``, ``word`` and ``utterance`` (the whole recording) to pool
    splits : which splits of the corpus to run
    batch_s : seconds of audio a batch, padding included; does not change results beyond rounding
    shard_rows : most vectors a shard, unless a single utterance has more
    max_utterances : run so many, spread evenly over the corpus, instead of all
    recipe, parents : what the manifest shall record; what is given here is added to the recipe

    Raises
    ------
    AudioError
        Sample rates differ, an utterance is shorter than the receptive field, or frames are not finite numbers.
    CorpusError
        The corpus has no utterance in the splits, or no segment of a tier.
    """
    utterances = _select(corpus, splits, max_utterances, model)
    index = _index(corpus, utterances, tiers, model, shard_rows)
    settings = {"tiers": list(tiers), "splits": list(splits), "batch_s": batch_s, "shard_rows": shard_rows}
    recipe = {**recipe, "extraction": {**settings, "max_utterances": max_utterances}}
    _report_nearest(index)
    with build_folder(folder, recipe, parents, resume=True) as partial:
        lengths = utterances.set_index("utterance")["n_samples"]
        with tqdm(total=index["utterance"].nunique(), unit="utterance", disable=None) as progress:
            for shard, rows in index.groupby("shard", sort=False):
                names = rows["utterance"].unique()
                if not (partial / shard_name(shard)).is_file():
                    batches = _batches(lengths.loc[names], int(batch_s * model.sample_rate_hz))
                    _write_shard(partial / shard_name(shard), model, corpus, rows, batches)
                progress.update(len(names))
        write_table(index.drop(columns="start"), partial / INDEX)
    return check_folder(folder)


def _select(corpus: "Corpus", splits: Sequence[str], maximum: int | None, model: "FrameModel") -> pd.DataFrame:
    utterances = corpus.utterances[corpus.utterances["split"].isin(splits)]
    if utterances.empty:
        raise CorpusError(f"expected utterances in splits {', '.join(splits)} of corpus {corpus.name!r}, found none")
    if maximum is not None and maximum < len(utterances):
        utterances = utterances.iloc[np.arange(maximum) * len(utterances) // maximum]
    wrong = utterances[utterances["sample_rate_hz"] != model.sample_rate_hz]
    if len(wrong):
        raise AudioError(
            f"expected recordings at {model.sample_rate_hz} Hz for model {model.name!r}, found "
            f"{wrong['sample_rate_hz'].iloc[0]} Hz in utterance {wrong['utterance'].iloc[0]!r}; resample the corpus"
        )
    for name, n_samples in zip(utterances["utterance"], utterances["n_samples"]):
        model.timing.require_frame(n_samples, f"utterance {name!r} of corpus {corpus.name!r}")
    return utterances


def _index(
    corpus: "Corpus", utterances: pd.DataFrame, tiers: Sequence[str], model: "FrameModel", shard_rows: int
) -> pd.DataFrame:
    """Return one row per vector, in the order of the corpus, with its shard, its row there and its frames."""
    order = pd.Series(np.arange(len(utterances)), index=utterances["utterance"])
    segments = corpus.segments[corpus.segments["utterance"].isin(order.index) & corpus.segments["tier"].isin(tiers)]
    for tier in tiers:
        if tier != "utterance" and not (segments["tier"] == tier).any():
            raise CorpusError(f"expected segments of tier {tier!r} in corpus {corpus.name!r}, found none in its splits")
    if "utterance" in tiers:
        segments = pd.concat([segments, _whole_utterances(utterances, segments)], ignore_index=True)
    position = segments["utterance"].map(order)
    keys = pd.DataFrame({"position": position, "tier": segments["tier"].map(list(tiers).index), "i": segments["index"]})
    segments = segments.loc[keys.sort_values(["position", "tier", "i"], kind="stable").index].reset_index(drop=True)
    shards = _shards(segments["utterance"].map(order).to_numpy(), shard_rows)
    about = utterances.set_index("utterance").loc[segments["utterance"]].reset_index(drop=True)
    n_frames = np.asarray(model.timing.n_frames(about["n_samples"].to_numpy()))
    starts, stops, nearest = model.timing.segment_frames(segments["onset"], segments["offset"], n_frames)
    index = segments.assign(
        shard=shards, row=segments.groupby(shards).cumcount(), start=starts, n_frames=stops - starts, nearest=nearest
    ).assign(**{column: about[column] for column in _OF_UTTERANCE})
    extra = [column for column in segments if column not in (*_COLUMNS, *_OF_UTTERANCE)]
    return index[[*_COLUMNS, *extra, *_OF_UTTERANCE, "start"]]


def _whole_utterances(utterances: pd.DataFrame, segments: pd.DataFrame) -> pd.DataFrame:
    whole = pd.DataFrame(
        {"utterance": utterances["utterance"], "tier": "utterance", "index": 0, "label": "", "onset": 0}
    ).assign(offset=utterances["n_samples"])
    for column in segments.columns.difference(whole.columns):
        kind = segments[column].dtype
        whole[column] = pd.Series(-1 if kind.kind in "iu" else None if kind.kind in "fb" else "", whole.index, kind)
    return whole[segments.columns]


def _shards(utterance: np.ndarray, shard_rows: int) -> np.ndarray:
    """Return the shard of each row, given its utterance's position: whole utterances until the next would not fit."""
    counts, shards, filled, shard = np.bincount(utterance), [], 0, 0
    for count in counts:
        if filled and filled + count > shard_rows:
            shard, filled = shard + 1, 0
        filled += count
        shards.append(shard)
    return np.asarray(shards)[utterance]


def _batches(lengths: pd.Series, batch_samples: int) -> Iterator[list[str]]:
    """Yield names of similar length, as many as fit into ``batch_samples`` when padded to the longest."""
    batch: list[str] = []
    for name, n_samples in lengths.sort_values(kind="stable").items():
        if batch and (len(batch) + 1) * n_samples > batch_samples:
            yield batch
            batch = []
        batch.append(name)
    yield batch


def _write_shard(
    path: Path, model: "FrameModel", corpus: "Corpus", rows: pd.DataFrame, batches: Iterator[list[str]]
) -> None:
    places = dict(list(rows.groupby("utterance", sort=False)[["row", "start", "n_frames"]]))
    vectors: dict[str, np.ndarray] = {}
    for batch in batches:
        frames = model.frames([corpus.waveform(name) for name in batch])
        spans = [places[name].to_numpy() for name in batch]
        at = np.concatenate([span[:, 0] for span in spans])
        for layer in model.layers:
            pooled = _pool(frames[layer], [span[:, 1:] for span in spans], layer, batch)
            if layer not in vectors:
                vectors[layer] = np.empty((len(rows), pooled.shape[1]), dtype=np.float32)
            vectors[layer][at] = pooled
    with write_file(path) as partial:
        save_file(vectors, partial, metadata={"layers": json.dumps(model.layers)})


def _pool(frames: "list[Tensor]", spans: list[np.ndarray], layer: str, names: Sequence[str]) -> np.ndarray:
    """Return the mean frame of every segment of a batch [shape=(n_segments, n_dims), float32]."""
    import torch

    pooled = []
    for utterance, span in zip(frames, spans):
        starts, counts = torch.from_numpy(span.astype(np.int64)).to(utterance.device).T
        # A product with 0 and 1 sums in float32 in a fixed order, on any device, however segments overlap.
        positions = torch.arange(len(utterance), device=utterance.device)
        member = (positions >= starts[:, None]) & (positions < (starts + counts)[:, None])
        pooled.append((member.float() @ utterance.float()) / counts[:, None])
    result = torch.cat(pooled).cpu().numpy()
    if not np.isfinite(result).all():
        wrong = next(name for name, part in zip(names, pooled) if not torch.isfinite(part).all())
        raise AudioError(
            f"expected finite activations, found NaN or infinity in layer {layer!r} for utterance {wrong!r}; look for "
            "NaN in the recording, or run the model in float32"
        )
    return result


def _report_nearest(index: pd.DataFrame) -> None:
    for tier, rows in index.groupby("tier", sort=False):
        _log.info(
            "%s: %d segments, %d without a frame centre inside take the nearest frame (%.2f %%)",
            tier, len(rows), rows["nearest"].sum(), 100 * rows["nearest"].mean(),
        )  # fmt: skip


def shard_name(shard: int) -> str:
    """Return the file name of a shard."""
    return f"shard-{shard:05d}.safetensors"
