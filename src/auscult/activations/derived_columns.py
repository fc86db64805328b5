"""Derived columns: properties of a segment that follow from the index, or that acoustic baselines have measured."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from auscult.activations.columns import ACOUSTIC, CUED, DERIVED
from auscult.corpora.cues import cues
from auscult.errors import AnalysisError

__all__ = ["add_derived"]

_HALF_VOICED = 0.5


def add_derived(
    index: pd.DataFrame,
    columns: Collection[str],
    acoustics: Mapping[str, Any] | None = None,
    segments: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the index with those of the columns that it lacks and that can be derived.

    ``context`` is a segment's label between those of its neighbours on the tier, ``#`` at an edge; ``duration_s`` its
    length and ``log_duration`` the natural logarithm of that; ``position`` the place of its middle in the utterance, 0
    to 1; ``log_f0`` its mean log F0, missing where less than half of it is voiced, so that up to half of the frames
    averaged are unvoiced ones, whose F0 is interpolated; ``energy`` its mean log energy over mel bands; ``noun_number``
    and ``verb_number`` the number of those words that only a determiner tells (:func:`auscult.corpora.cues.cues`).

    Parameters
    ----------
    index : of the activations
    columns : names that targets use; those that cannot be derived are left to whoever looks for them
    acoustics : activations of the baselines ``f0`` and ``mel`` on the same corpus, by name
    segments : of the whole corpus, by whose forms ``noun_number`` and ``verb_number`` are judged: the index may hold
        one split, in which a word's other number is never said

    Raises
    ------
    AnalysisError
        The number of words is asked for without the corpus's segments, or an acoustic column without its baseline; the
        baseline lacks segments of the index, or the index does not tell how long utterances are.
    """
    wanted = [name for name in dict.fromkeys(columns) if name not in index]
    made = {name: _derive(index, name) for name in wanted if name in DERIVED and name not in CUED}
    made |= {name: _cued_number(index, name, segments) for name in wanted if name in CUED}
    made |= {name: _measured(index, name, acoustics or {}) for name in wanted if name in ACOUSTIC}
    return index.assign(**made)


def _derive(index: pd.DataFrame, name: str) -> np.ndarray:
    match name:
        case "context":
            return _context(index)
        case "duration_s":
            return _duration_s(index, name)
        case "log_duration":
            return np.log(_duration_s(index, name))
    return ((index["onset"] + index["offset"]) / (2 * _n_samples(index))).to_numpy(float)


def _cued_number(index: pd.DataFrame, name: str, segments: pd.DataFrame | None) -> np.ndarray:
    if segments is None:
        raise AnalysisError(
            f"expected the segments of the whole corpus for column {name!r}, found those of the index alone; give "
            "segments: which words sound alike is judged by all of a corpus"
        )
    table = cues(segments, index[["utterance"]].drop_duplicates())
    table = table[table["target_pos"] == CUED[name]].set_index(["utterance", "target_index"])["number"]
    numbers = table.reindex(pd.MultiIndex.from_frame(index[["utterance", "index"]])).to_numpy(object)
    return np.where(index["tier"] == "word", numbers, None)


def _duration_s(index: pd.DataFrame, name: str) -> np.ndarray:
    if "sample_rate_hz" not in index:
        raise AnalysisError(
            f"expected column 'sample_rate_hz' in the index for column {name!r}, found "
            f"{', '.join(index)}; extract the activations again"
        )
    return ((index["offset"] - index["onset"]) / index["sample_rate_hz"]).to_numpy(float)


def _n_samples(index: pd.DataFrame) -> pd.Series:
    """Return the length of each row's utterance; the end of its last segment is not its own."""
    if "n_samples" in index:
        return index["n_samples"]
    whole = index[index["tier"] == "utterance"].set_index("utterance")["offset"]
    lengths = index["utterance"].map(whole)
    if lengths.isna().any():
        raise AnalysisError(
            "expected column 'n_samples' or tier 'utterance' in the index for column 'position', found tiers "
            f"{', '.join(index['tier'].unique())}; extract the activations again, with tier utterance"
        )
    return lengths


def _context(index: pd.DataFrame) -> np.ndarray:
    ordered = index[["utterance", "tier", "index", "label"]].sort_values(["utterance", "tier", "index"], kind="stable")
    labels = ordered["label"].astype("string").fillna("").groupby([ordered["utterance"], ordered["tier"]])
    context = labels.shift(1, fill_value="#") + "|" + ordered["label"] + "|" + labels.shift(-1, fill_value="#")
    return context.reindex(index.index).fillna("").to_numpy(object)


def _measured(index: pd.DataFrame, name: str, acoustics: Mapping[str, Any]) -> np.ndarray:
    baseline = ACOUSTIC[name]
    if baseline not in acoustics:
        raise AnalysisError(
            f"expected activations of the baseline {baseline!r} for column {name!r}, found "
            f"{', '.join(acoustics) or 'none'}; extract {baseline} on this corpus or leave the target out"
        )
    keys = ["utterance", "tier", "index"]
    theirs = pd.MultiIndex.from_frame(acoustics[baseline].index[keys])
    rows = theirs.get_indexer(pd.MultiIndex.from_frame(index[keys]))
    if (rows < 0).any():
        first = index.iloc[int(np.argmax(rows < 0))]
        raise AnalysisError(
            f"expected every segment of the index among those of the baseline {baseline!r}, found no {first['tier']} "
            f"{first['index']} of utterance {first['utterance']!r} ({int((rows < 0).sum())} such segments); extract "
            "both with the same tiers and splits"
        )
    vectors = acoustics[baseline].load(acoustics[baseline].layers[0], rows).astype(float)
    if name == "energy":
        return vectors.mean(axis=1)
    return np.where(vectors[:, 1] >= _HALF_VOICED, vectors[:, 0], np.nan)
