"""Targets: which items answer a question, what their labels are, who is held out, and what had to be dropped."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from auscult.errors import AnalysisError
from auscult.folds import check_disjoint, speaker_folds, text_overlap, utterance_folds

__all__ = ["Task", "make_task"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """The items of one target.

    Parameters
    ----------
    name, tier, held_out : as the target says
    rows : positions in the index [shape=(n_items,)]
    labels : class codes; column 0 is the truth, the others are permutations of it [shape=(n_items, n_labellings)]
    n_classes : number of classes
    folds : the fold of each item [shape=(n_items,)]
    n_folds : number of folds
    speakers : speaker codes from 0 [shape=(n_items,)]
    n_dropped : items left out for want of a usable class
    text_overlap : share of items whose sentence also occurs in another fold
    """

    name: str
    tier: str
    held_out: str
    rows: np.ndarray
    labels: np.ndarray
    n_classes: int
    folds: np.ndarray
    n_folds: int
    speakers: np.ndarray
    n_dropped: int
    text_overlap: float


def make_task(
    index: pd.DataFrame,
    target: Mapping[str, str],
    *,
    n_folds: int,
    n_permutations: int,
    min_class_size: int,
    max_items: int | None,
    seed: int,
) -> Task:
    """Select the items of a target with a usable class, deal them into folds, and permute their labels.

    Parameters
    ----------
    index : of the activations, one row per segment
    target : ``name, tier, column, held_out`` (``speaker | utterance``)
    n_permutations : permuted copies of the labels. Where a held-out speaker has one label throughout (gender), whole
        speakers exchange labels: items permuted one by one would make a control that scatters far less than chance
        does. Otherwise items are permuted within folds, so that training labels stay among themselves.
    min_class_size : classes with fewer items, or for ``held_out="speaker"`` of a single speaker, are dropped
    max_items : draw a random sample of so many items first
    seed : of sample, folds and permutations

    Raises
    ------
    AnalysisError
        The tier or the column does not exist, or fewer than two classes or too few speakers are left.
    """
    name, tier, column, held_out = (target[key] for key in ("name", "tier", "column", "held_out"))
    if held_out not in ("speaker", "utterance"):
        raise AnalysisError(f"target {name!r}: expected held_out to be speaker or utterance, found {held_out!r}")
    rows = _rows_of_tier(index, name, tier, column)
    if max_items is not None and len(rows) > max_items:
        rows = np.sort(np.random.default_rng([seed, 1]).choice(rows, size=max_items, replace=False))
    usable = _has_usable_class(index.iloc[rows], name, column, held_out, min_class_size)
    n_dropped, rows = int((~usable).sum()), rows[usable]
    items = index.iloc[rows]
    folds = _fold_of(items, held_out, n_folds, seed)
    truth = np.unique(items[column].astype(str), return_inverse=True)[1]
    speakers = np.unique(items["speaker"].astype(str), return_inverse=True)[1]
    overlap = text_overlap(items["text"].fillna(""), folds) if "text" in items else float("nan")
    _log.info("target %s: %d items of %d classes and %d speakers, %d without a usable class; %.0f %% have a text that "
              "also occurs in training", name, len(rows), truth.max() + 1, speakers.max() + 1, n_dropped,
              100 * overlap)  # fmt: skip
    constant = all(len(np.unique(truth[speakers == speaker])) == 1 for speaker in np.unique(speakers))
    units = speakers if constant and held_out == "speaker" else None
    labels = _with_permutations(truth, folds, units, n_permutations, seed)
    n_classes = int(truth.max()) + 1
    return Task(name, tier, held_out, rows, labels, n_classes, folds, n_folds, speakers, n_dropped, overlap)


def _rows_of_tier(index: pd.DataFrame, name: str, tier: str, column: str) -> np.ndarray:
    rows = np.flatnonzero(index["tier"] == tier)
    if not len(rows):
        tiers = ", ".join(sorted(index["tier"].unique()))
        raise AnalysisError(f"target {name!r}: expected items of tier {tier!r}, found only the tiers {tiers}")
    if column not in index.columns:
        columns = ", ".join(index.columns)
        raise AnalysisError(f"target {name!r}: expected column {column!r} in the index, found only {columns}")
    return rows


def _has_usable_class(items: pd.DataFrame, name: str, column: str, held_out: str, min_class_size: int) -> np.ndarray:
    labels = items[column].astype("string").fillna("")
    speakers = items["speaker"].astype("string")[labels != ""].groupby(labels[labels != ""])
    classes = pd.DataFrame({"items": speakers.size(), "speakers": speakers.nunique()})
    fits = (classes["items"] >= min_class_size) & ((classes["speakers"] >= 2) | (held_out != "speaker"))
    dropped = ", ".join(
        f"{row.Index!r} ({row.items} items, {row.speakers} speaker{'s' * (row.speakers != 1)})"
        for row in classes[~fits].itertuples()
    )
    n_empty = int((labels == "").sum())
    if fits.sum() < 2:
        raise AnalysisError(
            f"target {name!r}: expected two classes or more with at least {min_class_size} items each"
            f"{' of at least two speakers' if held_out == 'speaker' else ''}, found {fits.sum()} in column {column!r} "
            f"after dropping {dropped or 'none'}, {n_empty} of {len(labels)} items having no value; add speakers, "
            "lower min_class_size or leave the target out"
        )
    if dropped:
        _log.info("target %s: dropped %s", name, dropped)
    return labels.isin(classes.index[fits]).to_numpy()


def _fold_of(items: pd.DataFrame, held_out: str, n_folds: int, seed: int) -> np.ndarray:
    groups = items[held_out].astype(str).to_numpy()
    if held_out == "utterance":
        folds = utterance_folds(groups, items["speaker"], n_folds, seed)
    else:
        strata = [items[column].astype("string").fillna("") for column in ("gender", "language") if column in items]
        folds = speaker_folds(groups, n_folds, seed, pd.concat(strata, axis=1).sum(axis=1) if strata else None)
    check_disjoint(groups, folds, unit=held_out)
    return folds


def _with_permutations(
    truth: np.ndarray, folds: np.ndarray, speakers: np.ndarray | None, n_permutations: int, seed: int
) -> np.ndarray:
    """Put permuted copies beside the true labels; with ``speakers``, whole speakers exchange theirs."""
    labels = np.repeat(truth[:, None], 1 + n_permutations, axis=1)
    rng = np.random.default_rng([seed, 2])
    if speakers is not None:
        of_speaker = np.array([truth[speakers == speaker][0] for speaker in range(speakers.max() + 1)])
        for column in range(1, 1 + n_permutations):
            labels[:, column] = rng.permutation(of_speaker)[speakers]
        return labels
    for column in range(1, 1 + n_permutations):
        for fold in np.unique(folds):
            labels[folds == fold, column] = rng.permutation(truth[folds == fold])
    return labels
