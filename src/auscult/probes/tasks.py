"""Tasks: the items of a probing target, with their labels, folds and controls."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from auscult.errors import AnalysisError
from auscult.probes.controls import check_control, control_labels
from auscult.probes.division import check_units, divide
from auscult.probes.sides import TESTED, TRAINING, describe_side, named_sides
from auscult.probes.target_checks import Kind, check_target, type_columns
from auscult.statistics.folds import check_folds, share_seen

__all__ = ["Task", "make_task", "sample_task"]

_PER_ITEM = ("rows", "labels", "folds", "cells", "speakers", "groups", "texts", "types")
_MAX_NAMED = 10
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """A target with its items, their labels and their folds.

    Parameters
    ----------
    name, tier, held_out : as in the target
    rows : positions of the items in the index [shape=(n_items,)]
    labels : class codes or values, one column per labelling [shape=(n_items, n_labellings)]
    n_classes : number of classes; 0 for values
    folds : fold in which each item is tested; -1 for items that are never tested, which occur if both speaker and type
        are held out [shape=(n_items,)]
    n_folds : number of folds, of which some are tested together, or never, see ``blocks``
    speakers : speaker codes from 0 [shape=(n_items,)]
    n_dropped : number of items without a usable class or value
    text_overlap : share of tested items whose sentence also occurs in training
    labellings : kind of each column of ``labels``: ``true``, then all ``shuffled``, then all ``control``
    cells : folds with which each item is left out of training: its own, or the folds of its speaker and its type
        [shape=(n_items, n_axes)]
    groups : codes from 0 of the units that the first axis of cells holds out [shape=(n_items,)]
    type_column : column, or columns, that name an item's type; empty without types
    type_overlap : share of tested items whose type also occurs in training; NaN without types
    texts, types : codes of the sentence and the type of each item, -1 if empty; None without the column
        [shape=(n_items,)]
    blocks : folds that are tested together, by a probe that is trained on none of them; empty if every fold is tested
        alone. With two folds of speakers, each consists of two halves, so that one half of the training speakers can
        validate; with named training items, only the first fold is tested
    classes : names of the classes
    train, test : what the training and test items have in common, where the target names it; empty otherwise
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
    labellings: tuple[str, ...]
    cells: np.ndarray
    groups: np.ndarray
    type_column: str = ""
    type_overlap: float = float("nan")
    texts: np.ndarray | None = None
    types: np.ndarray | None = None
    blocks: tuple[tuple[int, ...], ...] = ()
    classes: tuple[str, ...] = ()
    train: str = ""
    test: str = ""

    @property
    def tests(self) -> tuple[tuple[int, ...], ...]:
        """Folds that each probe is tested on and not trained on."""
        return self.blocks or tuple((fold,) for fold in range(self.n_folds))

    @property
    def test_of(self) -> np.ndarray:
        """Position among ``tests`` of the probe that each item is tested by; -1 for never [shape=(n_items,)]."""
        return self._numbers[self.folds]

    @property
    def test_cells(self) -> np.ndarray:
        """Positions among ``tests`` of the probes that an item does not train [shape=(n_items, n_axes)]."""
        return self._numbers[self.cells]

    @property
    def _numbers(self) -> np.ndarray:
        """Number of the test of each fold, and -1 in the last place, for items that are never tested."""
        numbers = np.full(self.n_folds + 1, -1)
        for number, folds in enumerate(self.tests):
            numbers[list(folds)] = number
        return numbers

    @property
    def kind(self) -> Kind:
        """Whether labels are ``classes`` or ``values``."""
        return "classes" if self.n_classes else "values"

    @property
    def tested(self) -> np.ndarray:
        """Mask of the items that are tested in any fold [shape=(n_items,)]."""
        return self.test_of >= 0

    def columns(self, labelling: str) -> np.ndarray:
        """Return the positions of the columns of ``labels`` of one kind."""
        return np.flatnonzero(np.array(self.labellings) == labelling)


def make_task(
    index: pd.DataFrame,
    target: Mapping[str, Any],
    *,
    n_folds: int,
    n_permutations: int,
    min_class_size: int,
    max_items: int | None,
    seed: int,
) -> Task:
    """Select the items of a target that have a usable label, assign folds, and add permuted and control labels.

    Parameters
    ----------
    index : index of the activations, one row per segment
    target : ``name``, ``tier``, ``column`` and ``held_out`` (see :mod:`auscult.probes.target_checks`); optionally
        ``kind`` (``classes`` or ``values``), ``type`` (one or several columns that together name an item's type),
        ``control`` (whether to add a control task), and ``train`` and ``test``
        (:func:`~auscult.probes.sides.named_sides`)
    n_folds : number of folds; see :func:`~auscult.probes.division.divide` for two folds and for named training items
    n_permutations : number of permuted copies of the labels. If held-out speakers have one label each (gender), labels
        are permuted between speakers: permuting single items would give a control whose scores vary far less than
        chance. Otherwise classes are permuted within folds, so that training and test items exchange no labels, and
        values over all items. The number of control tasks is the same, but at least one
    min_class_size : smallest number of items per class; smaller classes, and with held-out speakers also classes of a
        single speaker, are dropped
    max_items : size of a random sample of items that is drawn first, of training and of test items where the target
        names them; None for all
    seed : seed of sample, folds, permutations and control tasks

    Raises
    ------
    AnalysisError
        The tier or a column does not exist; too few classes, speakers or types are left; values are not numbers or are
        all equal; a control task cannot be memorised.
    """
    name, tier, column, held_out = (target[key] for key in ("name", "tier", "column", "held_out"))
    check_target(target)
    rows = _rows_of_tier(index, name, tier, [column, *type_columns(target)])
    sides = named_sides(index.iloc[rows], target)
    check_units(index.iloc[rows], name, held_out, n_folds, sides)
    kept = _sample(sides if sides is not None else np.zeros(len(rows), dtype=int), max_items, seed)
    rows, sides = rows[kept], None if sides is None else sides[kept]
    is_class = target.get("kind", "classes") == "classes"
    usable = (
        _has_usable_class(index.iloc[rows], name, column, held_out, min_class_size, sides)
        if is_class
        else _has_value(_numbers(index.iloc[rows], name, column), name, column)
    )
    n_dropped, rows, sides = int((~usable).sum()), rows[usable], None if sides is None else sides[usable]
    items = index.iloc[rows]
    names, codes = np.unique(items[column].astype(str), return_inverse=True) if is_class else ((), np.empty(0))
    truth = codes if is_class else _numbers(items, name, column)
    types = _types(items, target)
    divided = divide(items, name, held_out, types, truth if is_class else np.zeros(len(items)), n_folds, seed, sides)
    groups, cells, n_folds = divided.groups, divided.cells, divided.n_folds
    folds = np.where((cells == cells[:, :1]).all(axis=1), cells[:, 0], -1)
    check_folds(f"target {name!r}", folds, cells, n_folds, "lower n_folds or hold out less", divided.blocks or None)
    speakers = np.unique(items["speaker"].astype(str), return_inverse=True)[1]
    texts = _codes(items["text"].fillna("")) if "text" in items else None
    type_codes = None if types is None else _codes(types)
    # Fold means of values such as F0 differ: after permutation within folds, values would still be predictable in part.
    blocks = folds if is_class else np.zeros_like(folds)
    constant = all(len(np.unique(truth[speakers == speaker])) == 1 for speaker in np.unique(speakers))
    units = speakers if constant and "speaker" in held_out.split("+") else None
    labels, labellings = _with_permutations(truth, blocks, units, n_permutations, seed)
    task = Task(
        name=name,
        tier=tier,
        held_out=held_out,
        rows=rows,
        labels=labels,
        n_classes=len(names),
        folds=folds,
        n_folds=n_folds,
        speakers=speakers,
        n_dropped=n_dropped,
        text_overlap=float("nan"),
        labellings=labellings,
        cells=cells,
        groups=groups,
        type_column=_join(target),
        texts=texts,
        types=type_codes,
        blocks=divided.blocks,
        classes=tuple(str(name) for name in names),
        train=describe_side(target.get("train")),
        test=describe_side(target.get("test")),
    )
    task = replace(task, text_overlap=_overlap(task, texts), type_overlap=_overlap(task, type_codes))
    if target.get("control") and types is not None:
        check_control(name, _join(target), types, task.type_overlap, held_out)
        draws = [control_labels(types, truth, seed + draw) for draw in range(max(1, n_permutations))]
        kinds = (*labellings, *["control"] * len(draws))
        task = replace(task, labels=np.column_stack([labels, *draws]), labellings=kinds)
    _log_task(task)
    return task


def sample_task(task: Task, n_items: int | None, seed: int) -> Task:
    """Return a task with a random sample of the items in unchanged folds, or the task itself if it has no more items.

    Raises
    ------
    AnalysisError
        In the sample, a fold has no test or training items, or no tested type of a control task occurs in training.
    """
    if n_items is None or len(task.rows) <= n_items:
        return task
    keep = np.sort(np.random.default_rng([seed, 4]).choice(len(task.rows), size=n_items, replace=False))
    kept = {name: getattr(task, name)[keep] for name in _PER_ITEM if getattr(task, name) is not None}
    kept["speakers"] = np.unique(kept["speakers"], return_inverse=True)[1]
    small = replace(task, **kept)
    advice = f"raise sample above {n_items}"
    check_folds(f"target {task.name!r}", small.folds, small.cells, task.n_folds, advice, task.blocks or None)
    overlaps = [_overlap(small, codes) for codes in (small.texts, small.types)]
    if "control" in task.labellings and small.types is not None:
        check_control(
            task.name,
            task.type_column,
            small.types,
            overlaps[1],
            task.held_out,
            f"raise sample above {n_items} or take control out of the target",
            recurring=False,
        )
    return replace(small, text_overlap=overlaps[0], type_overlap=overlaps[1])


def _join(target: Mapping[str, Any]) -> str:
    return " + ".join(type_columns(target))


def _rows_of_tier(index: pd.DataFrame, name: str, tier: str, columns: Sequence[str]) -> np.ndarray:
    rows = np.flatnonzero(index["tier"] == tier)
    if not len(rows):
        tiers = ", ".join(sorted(index["tier"].unique()))
        raise AnalysisError(f"target {name!r}: expected items of tier {tier!r}, found only the tiers {tiers}")
    for column in columns:
        if column not in index.columns:
            found = ", ".join(index.columns)
            raise AnalysisError(f"target {name!r}: expected column {column!r} in the index, found only {found}")
    return rows


def _sample(sides: np.ndarray, max_items: int | None, seed: int) -> np.ndarray:
    """Return the positions of at most ``max_items`` random items of each side, in order; items of neither are left out.

    Parameters
    ----------
    sides : side of each item, -1 for neither; all 0 if the target names no sides
    """
    found, rng = [], np.random.default_rng([seed, 1])
    for side in np.unique(sides[sides >= 0]):
        rows = np.flatnonzero(sides == side)
        fewer = max_items is not None and len(rows) > max_items
        found.append(rng.choice(rows, size=max_items, replace=False) if fewer else rows)
    return np.sort(np.concatenate(found))


def _has_usable_class(
    items: pd.DataFrame, name: str, column: str, held_out: str, min_class_size: int, sides: np.ndarray | None
) -> np.ndarray:
    """Return which items have a class with enough training items, and enough speakers if these are held out."""
    labels, new_speakers = items[column].astype("string").fillna(""), "speaker" in held_out
    counted = labels != "" if sides is None else (labels != "") & (sides == TRAINING)
    speakers = items["speaker"].astype("string")[counted].groupby(labels[counted])
    classes = pd.DataFrame({"items": speakers.size(), "speakers": speakers.nunique()})
    fits = (classes["items"] >= min_class_size) & ((classes["speakers"] >= 2) | (not new_speakers))
    dropped = _describe_classes(classes[~fits])
    n_empty = int((labels == "").sum())
    if fits.sum() < 2:
        raise AnalysisError(
            f"target {name!r}: expected two classes or more with at least {min_class_size} "
            f"{'items' if sides is None else 'training items'} each"
            f"{' of at least two speakers' if new_speakers else ''}, found {fits.sum()} in column {column!r} "
            f"after dropping {dropped or 'none'}, {n_empty} of {len(labels)} items having no value; "
            f"{'numbers? set kind: values; else ' if _are_numbers(classes.index) else ''}add speakers, lower "
            "min_class_size or leave the target out"
        )
    if dropped:
        _log.info("target %s: dropped %s", name, dropped)
    usable = labels.isin(classes.index[fits]).to_numpy()
    if sides is not None and not (usable & (sides == TESTED)).any():
        raise AnalysisError(
            f"target {name!r}: expected test items of the classes {', '.join(classes.index[fits][:_MAX_NAMED])}, which "
            f"have enough training items, found none in column {column!r}; name other test or training items"
        )
    return usable


def _describe_classes(classes: pd.DataFrame) -> str:
    named = [
        f"{row.Index!r} ({row.items} items, {row.speakers} speaker{'s' * (row.speakers != 1)})"
        for row in classes[:_MAX_NAMED].itertuples()
    ]
    n_more = len(classes) - len(named)
    return ", ".join(named) + (f" and {n_more} more" if n_more else "")


def _are_numbers(names: pd.Index) -> bool:
    return len(names) > 0 and bool(pd.to_numeric(names.to_series(), errors="coerce").notna().all())


def _numbers(items: pd.DataFrame, name: str, column: str) -> np.ndarray:
    """Return a column as numbers; tables that people write hold them as text, and empty cells where there is none."""
    found = items[column]
    filled = found[(found.astype("string") != "").fillna(False).to_numpy(bool)]
    numbers = pd.to_numeric(filled, errors="coerce")
    wrong = filled if found.dtype == bool else filled[numbers.isna()]
    if len(wrong):
        raise AnalysisError(
            f"target {name!r}: expected numbers in column {column!r} for kind values, found {wrong.iloc[0]!r} "
            f"({len(wrong)} such items); use kind classes"
        )
    return numbers.reindex(found.index).to_numpy(float)


def _has_value(values: np.ndarray, name: str, column: str) -> np.ndarray:
    usable = np.isfinite(values)
    if not usable.any() or np.ptp(values[usable]) == 0:
        found = f"only {values[usable][0]:g}" if usable.any() else "none"
        raise AnalysisError(
            f"target {name!r}: expected numbers that differ in column {column!r}, found {found} in "
            f"{len(values)} items; leave the target out"
        )
    return usable


def _types(items: pd.DataFrame, target: Mapping[str, Any]) -> np.ndarray | None:
    columns = type_columns(target)
    if not columns:
        return None
    return items[columns].astype("string").fillna("").agg("\t".join, axis=1).to_numpy(str)


def _codes(values: Sequence[str] | np.ndarray) -> np.ndarray:
    named = pd.Series(np.asarray(values, dtype=object))
    return pd.factorize(named.mask(named == ""))[0]


def _overlap(task: Task, codes: np.ndarray | None) -> float:
    """Return the share of tested items whose text or type also occurs in training; NaN without codes."""
    if codes is None:
        return float("nan")
    return share_seen(np.where(codes < 0, "", codes.astype(str)), task.test_of, task.test_cells)


def _with_permutations(
    truth: np.ndarray, folds: np.ndarray, speakers: np.ndarray | None, n_permutations: int, seed: int
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the true labels with permuted copies; given ``speakers``, labels are permuted between speakers."""
    labels = np.repeat(truth[:, None], 1 + n_permutations, axis=1)
    rng = np.random.default_rng([seed, 2])
    names = ("true", *["shuffled"] * n_permutations)
    if speakers is not None:
        of_speaker = np.array([truth[speakers == speaker][0] for speaker in range(speakers.max() + 1)])
        for column in range(1, 1 + n_permutations):
            labels[:, column] = rng.permutation(of_speaker)[speakers]
        return labels, names
    for column in range(1, 1 + n_permutations):
        for fold in np.unique(folds):
            labels[folds == fold, column] = rng.permutation(truth[folds == fold])
    return labels, names


def _log_task(task: Task) -> None:
    _log.info(
        "target %s: %d items of %s and %d speakers, %d without a usable label; %.0f %% have a text that also "
        "occurs in training",
        task.name,
        len(task.rows),
        f"{task.n_classes} classes" if task.n_classes else "numbers",
        task.speakers.max() + 1,
        task.n_dropped,
        100 * task.text_overlap,
    )
    if task.type_column and task.type_overlap > 0:
        _log.info(
            "target %s: %.0f %% of the tested items have a type (%s) that also occurs in training",
            task.name,
            100 * task.type_overlap,
            task.type_column,
        )
