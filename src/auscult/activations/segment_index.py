"""Index of an extraction: one row per segment, in the order of the corpus, with its shard and its frames."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from auscult.activations.rimes import derive_rimes, is_rime
from auscult.errors import AudioError, CorpusError

if TYPE_CHECKING:
    from auscult.corpora.corpus import Corpus
    from auscult.models.interface import FrameModel

__all__ = ["select_utterances", "segment_index"]

_COLUMNS = ("shard", "row", "utterance", "tier", "index", "label", "onset", "offset", "n_frames", "nearest")
_OF_UTTERANCE = ("speaker", "gender", "language", "split", "text", "n_samples", "sample_rate_hz")


def select_utterances(
    corpus: "Corpus", splits: Sequence[str], maximum: int | None, model: "FrameModel"
) -> pd.DataFrame:
    """Return the utterances of the splits, or ``maximum`` of them spread evenly over the splits.

    Raises
    ------
    CorpusError
        The splits hold no utterance.
    AudioError
        An utterance is shorter than the model's receptive field, or its sample rate is not the model's.
    """
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


def segment_index(
    corpus: "Corpus", utterances: pd.DataFrame, tiers: Sequence[str], model: "FrameModel", shard_rows: int
) -> pd.DataFrame:
    """Return one row per vector, in the order of the corpus, with its shard, its row in the shard and its frames.

    Parameters
    ----------
    utterances : utterances to run
    tiers : tiers of the corpus, ``utterance`` (the whole recording), or rimes (:mod:`auscult.activations.rimes`)
    shard_rows : maximum number of rows per shard, unless a single utterance has more

    Raises
    ------
    CorpusError
        A tier has no segment.
    LabelError
        Rimes are requested and a syllable has none.
    """
    order = pd.Series(np.arange(len(utterances)), index=utterances["utterance"])
    selected = corpus.segments[corpus.segments["utterance"].isin(order.index)]
    rimes = [tier for tier in tiers if is_rime(tier)]
    needed = [*tiers, *(["phone", "syllable"] if rimes else [])]
    for tier in needed:
        if not (tier == "utterance" or is_rime(tier) or (selected["tier"] == tier).any()):
            raise CorpusError(f"expected segments of tier {tier!r} in corpus {corpus.name!r}, found none in its splits")
    segments = selected[selected["tier"].isin(tiers)]
    if rimes:
        segments = pd.concat([segments, derive_rimes(selected, rimes)], ignore_index=True)
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
    """Return the shard of each row, given the position of its utterance; utterances are never split between shards."""
    counts, shards, filled, shard = np.bincount(utterance), [], 0, 0
    for count in counts:
        if filled and filled + count > shard_rows:
            shard, filled = shard + 1, 0
        filled += count
        shards.append(shard)
    return np.asarray(shards)[utterance]
