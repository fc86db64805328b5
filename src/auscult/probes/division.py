"""Division of the items of a target into folds, none of which shares a held-out unit with another."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from auscult.errors import AnalysisError
from auscult.probes.sides import TRAINING
from auscult.statistics.folds import check_disjoint, speaker_folds, type_folds, utterance_folds

__all__ = ["Division", "divide", "check_units"]


@dataclass(frozen=True)
class Division:
    """Folds of items.

    Parameters
    ----------
    groups : codes from 0 of the units that the first axis of cells holds out [shape=(n_items,)]
    cells : folds with which each item is left out of training [shape=(n_items, n_axes)]
    n_folds : number of folds
    blocks : folds that are tested together, see :class:`auscult.probes.tasks.Task`
    """

    groups: np.ndarray
    cells: np.ndarray
    n_folds: int
    blocks: tuple[tuple[int, ...], ...] = ()


def divide(
    items: pd.DataFrame,
    name: str,
    held_out: str,
    types: np.ndarray | None,
    truth: np.ndarray,
    n_folds: int,
    seed: int,
    sides: np.ndarray | None = None,
) -> Division:
    """Divide items into folds.

    With three folds or more, each is tested once; penalty and layer are chosen on the other folds in turn. With two,
    none is left for that: each fold is divided into halves by utterance (by type, if types are held out), and the
    halves of the training fold validate each other. Training items that the target names are divided into
    ``n_folds - 1`` folds, at least two, that validate each other, and all test items are one fold.

    Parameters
    ----------
    items : rows of the index
    name : name of the target, for messages
    held_out : unit, or two units joined by ``+``
    types : type of each item, if the target names one [shape=(n_items,)]
    truth : class codes, over which folds of types are balanced [shape=(n_items,)]
    n_folds, seed : number of folds, and seed of the order of units
    sides : side of each item, see :func:`auscult.probes.sides.named_sides`

    Raises
    ------
    AnalysisError
        There are fewer units than folds, or units on two axes with two folds.
    """
    if sides is not None:
        return _by_sides(items, name, held_out, n_folds, seed, sides)
    if n_folds > 2:
        return Division(*_cells(items, name, held_out, types, truth, n_folds, seed), n_folds)
    if "+" in held_out:
        raise AnalysisError(
            f"target {name!r}: expected n_folds of 3 or more where held_out is {held_out!r}, found {n_folds}; "
            "raise n_folds"
        )
    return _in_halves(items, name, held_out, types, truth, seed)


def check_units(items: pd.DataFrame, name: str, held_out: str, n_folds: int, sides: np.ndarray | None) -> None:
    """Raise :class:`AnalysisError` if there is no second speaker to test, or too few units to validate with.

    Parameters
    ----------
    items, name, held_out, n_folds, sides : as in :func:`divide`
    """
    if sides is None:
        speakers = items["speaker"].astype(str).unique().tolist()
        if "speaker" in held_out.split("+") and len(speakers) == 1:
            raise AnalysisError(
                f"target {name!r}: expected at least two speakers, so that a probe is tested on one that it has not "
                f"met, found only {speakers[0]!r}; add speakers, or hold out utterance, which says nothing about others"
            )
        return
    found, expected = items.loc[sides == TRAINING, held_out].nunique(), _n_validating(n_folds)
    if found < expected:
        advice = "hold out utterance, whose probes are tested on the same items, or name more"
        raise AnalysisError(
            f"target {name!r}: expected at least {expected} {held_out}s in train, whose folds choose penalty and "
            f"layer, found {found}; {advice if held_out == 'speaker' else 'name more'}"
        )


def _n_validating(n_folds: int) -> int:
    """Return the number of folds into which named training items are divided."""
    return max(2, n_folds - 1)


def _by_sides(items: pd.DataFrame, name: str, held_out: str, n_folds: int, seed: int, sides: np.ndarray) -> Division:
    trains, n_training = sides == TRAINING, _n_validating(n_folds)
    cells = np.zeros((len(items), 1), dtype=np.int64)
    cells[trains] = 1 + _cells(items[trains], name, held_out, None, np.zeros(trains.sum()), n_training, seed)[1]
    groups = np.unique(items[held_out].astype(str), return_inverse=True)[1]
    return Division(groups, cells, n_training + 1, ((0,),))


def _in_halves(
    items: pd.DataFrame, name: str, held_out: str, types: np.ndarray | None, truth: np.ndarray, seed: int
) -> Division:
    groups, cells = _cells(items, name, held_out, types, truth, 2, seed)
    unit = "type" if held_out == "type" else "utterance"
    halves = np.zeros(len(items), dtype=np.int64)
    for fold in (0, 1):
        inside = cells[:, 0] == fold
        kinds = None if types is None else types[inside]
        halves[inside] = _cells(items[inside], name, unit, kinds, truth[inside], 2, seed)[1][:, 0]
    return Division(groups, 2 * cells + halves[:, None], 4, ((0, 1), (2, 3)))


def _cells(
    items: pd.DataFrame, name: str, held_out: str, types: np.ndarray | None, truth: np.ndarray, n_folds: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return codes of the first held-out unit, and the fold of each item for each held-out unit."""
    axes, codes, where = [], [], f"target {name!r}"
    for unit in held_out.split("+"):
        groups = types if types is not None and unit == "type" else items[unit].astype(str).to_numpy()
        match unit:
            case "utterance":
                folds = utterance_folds(groups, items["speaker"], n_folds, seed, where=where)
            case "type":
                folds = type_folds(groups, truth, n_folds, seed, where=where)
            case _:
                strata = [items[each].astype("string").fillna("") for each in ("gender", "language") if each in items]
                stratum = pd.concat(strata, axis=1).sum(axis=1) if strata else None
                folds = speaker_folds(groups, n_folds, seed, stratum, where=where)
        check_disjoint(groups, folds, unit=unit)
        axes.append(folds)
        codes.append(np.unique(groups, return_inverse=True)[1])
    return codes[0], np.stack(axes, axis=1)
