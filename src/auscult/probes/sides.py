"""Training and test items that a target names, such as other corpora or single speakers, instead of folds over all."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auscult.errors import AnalysisError

__all__ = ["TRAINING", "TESTED", "named_sides", "describe_side"]

# Codes of the sides; other items belong to neither.
TESTED, TRAINING, _NEITHER = 0, 1, -1
_MAX_NAMED = 10


def describe_side(side: Mapping[str, Any] | None) -> str:
    """Return what the items of a side have in common, such as ``speaker: a, b``; empty if the target does not say."""
    return "; ".join(f"{column}: {', '.join(_listed(values))}" for column, values in (side or {}).items())


def named_sides(items: pd.DataFrame, target: Mapping[str, Any]) -> npt.NDArray[np.int64] | None:
    """Return whether each item trains or is tested, if the target says so.

    Parameters
    ----------
    items : rows of the index of the target's tier
    target : with ``train``, ``test`` or both: values of columns that the items of the side have. Where only one is
        given, all other items are on the other side

    Returns
    -------
    sides : :data:`TRAINING`, :data:`TESTED` or -1 for neither [shape=(n_items,)]; None if the target names none

    Raises
    ------
    AnalysisError
        A column or value does not exist; a side has no items; an item, or where speakers are held out a speaker, is on
        both.
    """
    train, test = target.get("train") or {}, target.get("test") or {}
    if not train and not test:
        return None
    where = f"target {target['name']!r}"
    trains, tested = (_has(items, side, f"{where}: {key}") for key, side in (("train", train), ("test", test)))
    trains = ~tested if not train else trains
    tested = ~trains if not test else tested
    n_both = int((trains & tested).sum())
    if n_both:
        raise AnalysisError(f"{where}: expected train and test to share no item, found {n_both} in both; correct them")
    for key, mask in (("train", trains), ("test", tested)):
        if not mask.any():
            raise AnalysisError(f"{where}: expected items of tier {target['tier']!r} for {key}, found none; correct it")
    unit = "speaker" if target["held_out"] == "speaker" else "utterance"
    shared = sorted(set(items.loc[trains, unit].astype(str)) & set(items.loc[tested, unit].astype(str)))
    if shared:
        raise AnalysisError(
            f"{where}: expected each {unit} either in train or in test, found {len(shared)} in both: "
            f"{_named(shared)}; name {unit}s instead, or hold out utterance"
            if unit == "speaker"
            else f"{where}: expected each utterance either in train or in test, found {len(shared)} in both: "
            f"{_named(shared)}; name columns whose value is the same in a whole utterance"
        )
    return np.where(trains, TRAINING, np.where(tested, TESTED, _NEITHER)).astype(np.int64)


def _has(items: pd.DataFrame, side: Mapping[str, Any], where: str) -> npt.NDArray[np.bool_]:
    mask = np.ones(len(items), dtype=bool)
    for column, wanted in side.items():
        if column not in items:
            raise AnalysisError(
                f"{where}: expected a column of the index, found {column!r}; columns are {', '.join(items)}"
            )
        values, asked = items[column].astype("string").fillna("").to_numpy(object), _listed(wanted)
        present = sorted(set(values))
        unknown = [name for name in asked if name not in present]
        if unknown:
            close = get_close_matches(unknown[0], present, n=1)
            raise AnalysisError(
                f"{where}: expected values of column {column!r}, found {_named(unknown)}"
                f"{f' (did you mean {close[0]!r}?)' if close else ''}; values are {_named(present)}"
            )
        mask &= np.isin(values, asked)
    return mask


def _listed(values: Any) -> list[str]:
    return [str(value) for value in ([values] if isinstance(values, str | int | float) else values)]


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(names[:_MAX_NAMED]) + more
