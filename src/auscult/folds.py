"""Who is held out: folds that are disjoint by speaker or by utterance, balanced over strata, and checked for leaks."""

import numpy as np

from auscult.errors import AnalysisError

__all__ = ["speaker_folds", "utterance_folds", "check_disjoint", "text_overlap"]


def speaker_folds(
    speakers: np.ndarray, n_folds: int, seed: int, strata: np.ndarray | None = None, unit: str = "speakers"
) -> np.ndarray:
    """Assign every item to a fold so that no speaker is in two folds and each stratum is spread over all folds.

    Parameters
    ----------
    speakers : the speaker of each item [shape=(n_items,)]
    n_folds : number of folds
    seed : of the order in which speakers are dealt
    strata : a property of the speaker, such as gender, at each item [shape=(n_items,)]; a speaker has that of its
        first item. Folds differ by at most one speaker in each stratum, and in all.
    unit : what the groups are called in error messages

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
            f"expected at least {n_folds} {unit} for {n_folds} folds, found {len(names)}; lower n_folds or add {unit}"
        )
    stratum = np.zeros(len(names), dtype=int)
    if strata is not None:
        stratum = np.unique(np.asarray(strata, dtype=str)[first], return_inverse=True)[1]
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(stratum[order], kind="stable")]
    fold_of = np.empty(len(names), dtype=np.int64)
    # Dealt like cards, each stratum going on where the last one stopped: balanced within strata and in all.
    fold_of[order] = np.arange(len(names)) % n_folds
    return fold_of[codes]


def utterance_folds(utterances: np.ndarray, speakers: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Assign every item to a fold so that no utterance is in two folds and each speaker is spread over all folds.

    Meant for questions about the speaker, which other speakers cannot answer. Raises like :func:`speaker_folds`.
    """
    return speaker_folds(utterances, n_folds, seed, strata=speakers, unit="utterances")


def check_disjoint(groups: np.ndarray, folds: np.ndarray, unit: str = "speaker") -> None:
    """Raise :class:`AnalysisError` if a group has items in two folds, for then the probe is tested on what it knows."""
    names, codes = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    pairs = np.unique(np.stack([codes, np.asarray(folds)]), axis=1)
    leaking = np.flatnonzero(np.bincount(pairs[0]) > 1)
    if len(leaking):
        name, found = str(names[leaking[0]]), pairs[1][pairs[0] == leaking[0]]
        raise AnalysisError(
            f"expected each {unit} in one fold, found {unit} {name!r} in folds {', '.join(map(str, found))} "
            f"({len(leaking)} such {unit}s); make the folds with speaker_folds or utterance_folds"
        )


def text_overlap(texts: np.ndarray, folds: np.ndarray) -> float:
    """Return the share of items, 0 to 1, whose utterance's text also occurs in another fold, hence in training.

    Folds by speaker do not separate texts (in TIMIT everyone says sa1 and sa2). Items without text count as unseen.
    """
    texts, folds = np.asarray(texts, dtype=str), np.asarray(folds)
    _, codes = np.unique(texts, return_inverse=True)
    pairs = np.unique(np.stack([codes, folds]), axis=1)
    shared = np.bincount(pairs[0]) > 1
    return float(np.mean(shared[codes] & (texts != "")))
