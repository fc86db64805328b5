"""Derived columns: properties of segments computed from the index or measured by acoustic baselines."""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from auscult.activations.columns import ACOUSTIC, CUED, DERIVED
from auscult.activations.interface import Activations
from auscult.corpora.cues import cues
from auscult.errors import AnalysisError

__all__ = ["add_derived"]

_HALF_VOICED = 0.5


def add_derived(
    index: pd.DataFrame,
    columns: Collection[str],
    acoustics: Mapping[str, Activations] | None = None,
    segments: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the index with all requested columns that it lacks and that can be derived.

    - ``context``: the segment's label between the labels of its neighbours on the tier, ``#`` at an edge
    - ``bigram``: the segment's label and that of the next segment on the tier, ``#`` at the end
    - ``duration_s``, ``log_duration``: length in seconds, and its natural logarithm
    - ``position``: position of the segment's midpoint in the utterance, 0 to 1
    - ``log_f0``: mean log F0, with F0 interpolated in unvoiced frames; no value where less than half is voiced
    - ``energy``: mean log energy over mel bands
    - ``noun_number``, ``verb_number``: grammatical number of words where only the determiner marks it, see
      :func:`auscult.corpora.cues.cues`

    Parameters
    ----------
    index : index of the activations
    columns : names of columns that targets use; names that cannot be derived are ignored
    acoustics : activations of the baselines ``f0`` and ``mel`` on the same corpus, by name
    segments : segments of the whole corpus, needed for ``noun_number`` and ``verb_number``: which words sound alike in
        both numbers cannot be decided on the one split that the index may hold

    Raises
    ------
    AnalysisError
        A number column is requested without ``segments``, or an acoustic column without its baseline; the baseline
        lacks segments of the index; or the index lacks the length of utterances.
    """
    wanted = [name for name in dict.fromkeys(columns) if name not in index]
    derived = {name: _derive(index, name) for name in wanted if name in DERIVED and name not in CUED}
    derived |= {name: _cued_number(index, name, segments) for name in wanted if name in CUED}
    derived |= {name: _measured(index, name, acoustics or {}) for name in wanted if name in ACOUSTIC}
    return index.assign(**derived)


def _derive(index: pd.DataFrame, name: str) -> np.ndarray:
    match name:
        case "context":
            return _context(index)
        case "bigram":
            return _bigram(index)
        case "duration_s":
            return _duration_s(index, name)
        case "log_duration":
            with np.errstate(divide="ignore"):  # points in time have no length
                return np.log(_duration_s(index, name))
    return ((index["onset"] + index["offset"]) / (2 * _n_samples(index))).to_numpy(float)


def _cued_number(index: pd.DataFrame, name: str, segments: pd.DataFrame | None) -> np.ndarray:
    if segments is None:
        raise AnalysisError(
            f"expected the segments of the whole corpus for column {name!r}, found none; give "
            "segments: which words sound alike is decided on the whole corpus"
        )
    table = cues(segments, index[["utterance"]].drop_duplicates())
    table = table[table["target_pos"] == CUED[name]].set_index(["utterance", "target_index"])["number"]
    numbers = table.reindex(pd.MultiIndex.from_frame(index[["utterance", "index"]])).to_numpy(object, copy=True)
    numbers[(index["tier"] != "word").to_numpy()] = None
    return numbers


def _duration_s(index: pd.DataFrame, name: str) -> np.ndarray:
    if "sample_rate_hz" not in index:
        raise AnalysisError(
            f"expected column 'sample_rate_hz' in the index for column {name!r}, found "
            f"{', '.join(index)}; extract the activations again"
        )
    return ((index["offset"] - index["onset"]) / index["sample_rate_hz"]).to_numpy(float)


def _n_samples(index: pd.DataFrame) -> pd.Series:
    """Return the length of each row's utterance in samples; its last segment may end before the recording does."""
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


def _bigram(index: pd.DataFrame) -> np.ndarray:
    context = pd.Series(_context(index), dtype="string")
    return context.str.split("|", n=1).str[-1].to_numpy(object)


def _context(index: pd.DataFrame) -> np.ndarray:
    ordered = index[["utterance", "tier", "index", "label"]].sort_values(["utterance", "tier", "index"], kind="stable")
    labels = ordered["label"].astype("string").fillna("").groupby([ordered["utterance"], ordered["tier"]])
    context = labels.shift(1, fill_value="#") + "|" + ordered["label"] + "|" + labels.shift(-1, fill_value="#")
    return context.reindex(index.index).fillna("").to_numpy(object)


def _measured(index: pd.DataFrame, name: str, acoustics: Mapping[str, Activations]) -> np.ndarray:
    baseline = ACOUSTIC[name]
    if baseline not in acoustics:
        raise AnalysisError(
            f"expected activations of the baseline {baseline!r} for column {name!r}, found "
            f"{', '.join(acoustics) or 'none'}; extract {baseline} on this corpus or leave the target out"
        )
    keys = ["utterance", "tier", "index"]
    measured = pd.MultiIndex.from_frame(acoustics[baseline].index[keys])
    rows = measured.get_indexer(pd.MultiIndex.from_frame(index[keys]))
    if (rows < 0).any():
        first = index.iloc[int(np.argmax(rows < 0))]
        raise AnalysisError(
            f"expected every segment of the index in the baseline {baseline!r}, found no {first['tier']} "
            f"{first['index']} of utterance {first['utterance']!r} ({int((rows < 0).sum())} such segments); extract "
            "both with the same tiers and splits"
        )
    vectors = acoustics[baseline].load(acoustics[baseline].layers[0], rows).astype(float)
    if name == "energy":
        return vectors.mean(axis=1)
    return np.where(vectors[:, 1] >= _HALF_VOICED, vectors[:, 0], np.nan)
