"""Linguistic levels from sound to syntax: label columns derived from parses, and balanced samples of items."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from auscult.analyses.encoding.settings import EncodingSettings
from auscult.errors import AnalysisError
from auscult.probes.confounds import is_numeric
from auscult.probes.target_checks import type_columns

__all__ = ["SYNTAX", "DEEPEST", "FARTHEST", "add_syntax", "level_items"]

# Columns of words that are derived from the parse of their sentence.
SYNTAX = ("depth", "head_distance", "relative_depth", "inflected_number")
# Deeper and farther words are rare and share the last class.
DEEPEST, FARTHEST = 3, 4
_INFLECTED = ("NOUN", "VERB")
_log = logging.getLogger(__name__)


def add_syntax(index: pd.DataFrame, columns: set[str]) -> pd.DataFrame:
    """Return the index with the missing ones of the columns that can be derived from its parses; empty for non-words.

    ``depth`` is the number of arcs from a word to the root of its sentence, ``head_distance`` the number of words from
    it to its head (0 for the root), both as text and at most :data:`DEEPEST` and :data:`FARTHEST`. ``relative_depth``
    is ``deep`` for a word that lies deeper than the highest word of its part of speech in the corpus (a noun in a
    subordinate clause or inside another noun phrase, a verb that is not the main verb), else ``shallow``; depth itself
    follows from the part of speech for seven words in ten. ``inflected_number`` is the grammatical number of nouns and
    verbs, the only words whose form marks it.

    Parameters
    ----------
    index : of activations, with ``head`` (position of the head in the sentence, -1 for the root), ``pos``, ``number``
    columns : columns that levels need; columns that are not derived from parses are ignored

    Raises
    ------
    AnalysisError
        The index has no parses; a head lies outside its sentence; heads form a cycle.
    """
    wanted = [name for name in SYNTAX if name in columns and name not in index]
    if not wanted:
        return index
    missing = [name for name in ("head", "pos", "number") if name not in index]
    if missing:
        raise AnalysisError(
            f"expected column {missing[0]!r} in the index for column {wanted[0]!r}, found "
            f"{', '.join(index)}; use a corpus with parses or leave the level out"
        )
    words = index[index["tier"] == "word"].sort_values(["utterance", "index"], kind="stable")
    depths, distances = [], []
    for utterance, sentence in words.groupby("utterance", sort=False):
        heads = _positions(sentence, str(utterance))
        depths += _depths(heads, str(utterance))
        distances += [abs(head - place) if head >= 0 else 0 for place, head in enumerate(heads)]
    inflected = words["number"].where(words["pos"].isin(_INFLECTED), "").fillna("")
    made = {
        "depth": np.minimum(depths, DEEPEST).astype(str),
        "relative_depth": np.where(
            depths > pd.Series(depths).groupby(words["pos"].to_numpy()).transform("min"), "deep", "shallow"
        ),
        "head_distance": np.minimum(distances, FARTHEST).astype(str),
        "inflected_number": inflected.to_numpy(object),
    }
    return index.assign(**{name: pd.Series(made[name], words.index).reindex(index.index).fillna("") for name in wanted})


def level_items(index: pd.DataFrame, level: Mapping[str, Any], *, settings: EncodingSettings, seed: int) -> pd.Series:
    """Return the label of every row, empty for rows that are no item of the level.

    Classes with fewer items than ``min_class_size`` are left out and, where types are held out, classes with fewer
    types than folds. If the rest leaves less than twice ``min_class_size`` items for each, the most frequent classes
    are kept. Every class has at most an equal share of ``max_items``, drawn at random, since frequent words and phones
    would otherwise decide the score and computing time would grow with the corpus. If a level names a column as
    ``given``, items are drawn so that each of its values is equally frequent with all labels it occurs with; number
    and depth can then not be predicted from the part of speech. A numeric ``given``, such as the duration, does not
    change the items; it is taken out of the vectors (:mod:`auscult.probes.confounds`).

    Parameters
    ----------
    index : of activations, with the columns of the level
    level : ``name, tier, column, held_out``; ``type`` where types are held out; optionally ``given``
    settings : ``n_folds``, ``min_class_size`` and ``max_items`` (of all classes together)
    seed : of the sample

    Raises
    ------
    AnalysisError
        The column does not exist, or fewer than two classes are left.
    """
    n_folds, min_class_size, max_items = settings.n_folds, settings.min_class_size, settings.max_items
    name, column = level["name"], level["column"]
    if column not in index:
        raise AnalysisError(f"level {name!r}: expected column {column!r} in the index, found only {', '.join(index)}")
    labels = index[column].astype("string").fillna("").where(index["tier"] == level["tier"], "")
    counts = labels[labels != ""].value_counts(sort=False).sort_index()
    usable = counts[counts >= min_class_size]
    if "type" in level["held_out"]:
        types = index.loc[labels != "", type_columns(level)].astype("string").fillna("")
        n_types = types.assign(answer=labels).drop_duplicates().groupby("answer").size()
        usable = usable[n_types[usable.index] >= n_folds]
    usable = usable.sort_values(ascending=False, kind="stable")[: max(2, max_items // (2 * min_class_size))]
    if len(usable) < 2:
        needed = f" and {n_folds} types" if "type" in level["held_out"] else ""
        raise AnalysisError(
            f"level {name!r}: expected at least two classes with {min_class_size} or more items{needed} each in column "
            f"{column!r}, found {len(usable)} of {len(counts)}; add sentences, lower min_class_size or leave it out"
        )
    if len(usable) < len(counts):
        _log.info("level %s: %d of %d classes kept", name, len(usable), len(counts))
    kept = np.isin(labels, usable.index)
    if level.get("given") and not is_numeric(index, level["given"]):
        kept &= _matched(labels.to_numpy(str), index[level["given"]].astype(str).to_numpy(), kept, seed)
    share, rng = max_items // len(usable), np.random.default_rng([seed, 5])
    for label in sorted(usable.index):
        rows = np.flatnonzero(kept & (labels == label))
        kept[rng.permutation(rows)[share:]] = False
    return labels.where(kept, "")


def _matched(labels: np.ndarray, given: np.ndarray, usable: np.ndarray, seed: int) -> np.ndarray:
    """Return a random sample of items in which each value of ``given`` is equally frequent with all its labels.

    Values that occur with one label only are left out, since they would predict it.
    """
    kept, rng = np.zeros(len(labels), dtype=bool), np.random.default_rng([seed, 6])
    for value in np.unique(given[usable]):
        members = usable & (given == value)
        names, counts = np.unique(labels[members], return_counts=True)
        for name in names if len(names) > 1 else ():
            kept[rng.permutation(np.flatnonzero(members & (labels == name)))[: counts.min()]] = True
    return kept


def _positions(sentence: pd.DataFrame, utterance: str) -> list[int]:
    """Return the position of each word's head among the words of its sentence, -1 for a root."""
    places = {number: place for place, number in enumerate(sentence["index"])}
    heads = []
    for word, head in zip(sentence["label"], sentence["head"]):
        if head >= 0 and head not in places:
            raise AnalysisError(
                f"expected heads within their sentence, found head {head} of {word!r} in utterance "
                f"{utterance!r} of {len(places)} words; correct the corpus's parses"
            )
        heads.append(places[head] if head >= 0 else -1)
    return heads


def _depths(heads: list[int], utterance: str) -> list[int]:
    depths = []
    for place in range(len(heads)):
        depth, at = 0, place
        while heads[at] >= 0:
            depth, at = depth + 1, heads[at]
            if depth > len(heads):
                raise AnalysisError(
                    f"expected heads that lead to a root, found a cycle through word {place} of "
                    f"utterance {utterance!r}; correct the corpus's parses"
                )
        depths.append(depth)
    return depths
