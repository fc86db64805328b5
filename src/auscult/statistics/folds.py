"""Folds disjoint by speaker, utterance or type, balanced over strata, and checks for leaks between them."""

from collections.abc import Sequence

import numpy as np

from auscult.errors import AnalysisError

__all__ = [
    "speaker_folds",
    "utterance_folds",
    "type_folds",
    "check_disjoint",
    "check_folds",
    "share_seen",
    "text_overlap",
]


def speaker_folds(
    speakers: np.ndarray,
    n_folds: int,
    seed: int,
    strata: np.ndarray | None = None,
    unit: str = "speakers",
    *,
    where: str = "",
    advice: str = "lower n_folds or add {unit}",
) -> np.ndarray:
    """Assign every item to a fold so that no speaker is in two folds and each stratum is spread over all folds.

    Parameters
    ----------
    speakers : the speaker of each item [shape=(n_items,)]
    n_folds : number of folds
    seed : seed of the order in which speakers are assigned
    strata : a property of the speaker, such as gender, for each item [shape=(n_items,)]; the first item of a speaker
        decides. Folds differ by at most one speaker within each stratum, and in total.
    unit : name of the groups in error messages
    where, advice : opening of an error message, such as the target, and its last clause

    Returns
    -------
    folds from 0 [shape=(n_items,), int64]

    Raises
    ------
    AnalysisError
        There are fewer speakers than folds.
    """
    names, first, codes = np.unique(np.asarray(speakers, dtype=str), return_index=True, return_inverse=True)
    if len(names) < n_folds:
        raise AnalysisError(
            f"{where}{': ' * bool(where)}expected at least {n_folds} {unit} for {n_folds} folds, found {len(names)}; "
            f"{advice.format(unit=unit)}"
        )
    stratum = np.zeros(len(names), dtype=int)
    if strata is not None:
        stratum = np.unique(np.asarray(strata, dtype=str)[first], return_inverse=True)[1]
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(stratum[order], kind="stable")]
    fold_of = np.empty(len(names), dtype=np.int64)
    # Speakers take turns over the folds; each stratum continues where the last one stopped, which balances the totals.
    fold_of[order] = np.arange(len(names)) % n_folds
    return fold_of[codes]


def utterance_folds(
    utterances: np.ndarray, speakers: np.ndarray, n_folds: int, seed: int, *, where: str = ""
) -> np.ndarray:
    """Assign every item to a fold so that no utterance is in two folds and each speaker is spread over all folds.

    For targets that are properties of single speakers, such as identity. Errors as in :func:`speaker_folds`.
    """
    return speaker_folds(utterances, n_folds, seed, strata=speakers, unit="utterances", where=where)


def type_folds(types: np.ndarray, labels: np.ndarray, n_folds: int, seed: int, *, where: str = "") -> np.ndarray:
    """Assign every item to a fold so that no type (a word, a syllable string) is in two folds.

    For claims about classes of types, which a probe must not support by recognising each type. Types with the same
    label (the label of their first item) are spread over all folds. Errors as in :func:`speaker_folds`.
    """
    return speaker_folds(types, n_folds, seed, strata=labels, unit="types", where=where)


def check_disjoint(groups: np.ndarray, folds: np.ndarray, unit: str = "speaker") -> None:
    """Raise :class:`AnalysisError` if a group has items in two folds, which would leak from training to test."""
    names, codes = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    pairs = np.unique(np.stack([codes, np.asarray(folds)]), axis=1)
    leaking = np.flatnonzero(np.bincount(pairs[0]) > 1)
    if len(leaking):
        name, found = str(names[leaking[0]]), pairs[1][pairs[0] == leaking[0]]
        raise AnalysisError(
            f"expected each {unit} in one fold, found {unit} {name!r} in folds {', '.join(map(str, found))} "
            f"({len(leaking)} such {unit}s); make the folds with speaker_folds or utterance_folds"
        )


def check_folds(
    where: str,
    folds: np.ndarray,
    cells: np.ndarray,
    n_folds: int,
    advice: str,
    tests: Sequence[Sequence[int]] | None = None,
) -> None:
    """Raise :class:`AnalysisError` if a fold has no item to test, or none to train on while the next fold validates.

    Parameters
    ----------
    where, advice : opening of the message, such as the target, and its last clause
    folds, cells : as in :func:`share_seen`
    tests : folds that are tested together; by default each alone
    """
    for number, test in enumerate([(fold,) for fold in range(n_folds)] if tests is None else tests):
        trains = ~np.isin(cells, [*test, (test[-1] + 1) % n_folds]).any(axis=1)
        lacking = "test" if not np.isin(folds, test).any() else "train on" if not trains.any() else ""
        if lacking:
            n_tests = n_folds if tests is None else len(tests)
            raise AnalysisError(
                f"{where}: expected items to {lacking} in every one of {n_tests} folds, found none in "
                f"fold {number}; {advice}"
            )


def share_seen(values: np.ndarray, folds: np.ndarray, cells: np.ndarray | None = None) -> float:
    """Return the share of tested items, 0 to 1, whose value (text, type) also occurs in their training items.

    Parameters
    ----------
    values : value of each item; an empty value counts as unseen [shape=(n_items,)]
    folds : fold in which each item is tested, -1 for never [shape=(n_items,)]
    cells : folds with which an item is left out: it trains the probes of all other folds; by default the fold in which
        it is tested [shape=(n_items, n_axes)]
    """
    _, codes = np.unique(np.asarray(values, dtype=str), return_inverse=True)
    named, folds = np.asarray(values, dtype=str) != "", np.asarray(folds)
    cells, hits = folds[:, None] if cells is None else cells, 0
    for fold in np.unique(folds[folds >= 0]):
        training = np.zeros(codes.max() + 1, dtype=bool)
        training[codes[(cells != fold).all(axis=1)]] = True
        hits += np.sum(training[codes] & named & (folds == fold))
    return float(hits / np.sum(folds >= 0))


def text_overlap(texts: np.ndarray, folds: np.ndarray) -> float:
    """Return the share of items, 0 to 1, whose utterance's text also occurs in another fold, hence in training.

    Folds by speaker do not separate texts (in TIMIT all speakers read sa1 and sa2). Items without text count as unseen.
    """
    return share_seen(texts, folds)
