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

__all__ = ["select_utterances", "segment_index", "corpus_index"]

_COLUMNS = ("shard", "row", "utterance", "tier", "index", "label", "onset", "offset", "n_frames", "nearest")
_OF_UTTERANCE = ("speaker", "gender", "language", "split", "text", "n_samples", "sample_rate_hz")
# Columns of utterances that say nothing about the speech.
_NOT_KEPT = ("utterance", "corpus", "path")


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
            f"{wrong['sample_rate_hz'].iloc[0]} Hz in utterance {wrong['utterance'].iloc[0]!r}; import the corpus again"
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
    model : its timing decides which frames belong to a segment
    shard_rows : maximum number of rows per shard, unless a single utterance has more

    Raises
    ------
    CorpusError
        A tier has no segment.
    LabelError
        Rimes are requested and a syllable has none.
    """
    index = corpus_index(corpus, utterances, tiers, shard_rows)
    counts = getattr(model, "frame_counts", None)  # arrays state how many frames they have
    n_frames = counts(index["utterance"]) if counts else model.timing.n_frames(index["n_samples"].to_numpy())
    starts, stops, nearest = model.timing.segment_frames(index["onset"], index["offset"], np.asarray(n_frames))
    return index.assign(n_frames=stops - starts, nearest=nearest, start=starts)


def corpus_index(corpus: "Corpus", utterances: pd.DataFrame, tiers: Sequence[str], shard_rows: int) -> pd.DataFrame:
    """Return one row per segment in the order of the corpus; parameters and errors as in :func:`segment_index`.

    All columns of the utterances that the segments lack are kept, such as properties of the speaker or a label of the
    utterance of its own, but for its path and the name of the corpus. Columns ``n_frames`` and ``nearest`` are -1 and
    False.
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
    of_utterance = [*_OF_UTTERANCE, *_own_columns(utterances, segments, corpus.name)]
    index = segments.assign(shard=shards, row=segments.groupby(shards).cumcount(), n_frames=-1, nearest=False).assign(
        **{column: about[column] for column in of_utterance}
    )
    extra = [column for column in segments if column not in (*_COLUMNS, *of_utterance)]
    return index[[*_COLUMNS, *extra, *of_utterance]]


def _own_columns(utterances: pd.DataFrame, segments: pd.DataFrame, corpus: str) -> list[str]:
    """Return the columns of utterances beyond those that every corpus has.

    Raises
    ------
    CorpusError
        A column has the name of a column of segments, so that a target could not say which of both it means.
    """
    own = [name for name in utterances if name not in (*_OF_UTTERANCE, *_NOT_KEPT)]
    clashing = [name for name in own if name in segments or name in _COLUMNS]
    if clashing:
        raise CorpusError(
            f"expected columns of utterances whose names no column of segments has, found {', '.join(clashing)} in "
            f"corpus {corpus!r}; rename them, for example utterance_{clashing[0]}"
        )
    return own


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
