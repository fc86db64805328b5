"""Control tasks, whose labels can only be memorised, and selectivity, the accuracy beyond memorisation."""

import numpy as np

from auscult.errors import AnalysisError
from auscult.statistics.intervals import cluster_bootstrap

__all__ = ["MIN_RECURRENCE", "control_labels", "check_control", "selectivity"]

# Smallest median, over items, of the number of items of the same type.
MIN_RECURRENCE = 5


def control_labels(types: np.ndarray, truth: np.ndarray, seed: int) -> np.ndarray:
    """Return control labels: one label per type, drawn at random from the empirical distribution of labels.

    Hewitt and Liang (2019), section 2. A probe predicts them above chance only by memorising types.

    Parameters
    ----------
    types : type of each item, such as its word [shape=(n_items,)]
    truth : class codes [shape=(n_items,)]
    seed : seed of the draw; the labels do not depend on the order of the items

    Returns
    -------
    class codes [shape=(n_items,), int64]
    """
    names, codes = np.unique(np.asarray(types, dtype=str), return_inverse=True)
    probabilities = np.bincount(truth) / len(truth)
    return np.random.default_rng([seed, 3]).choice(len(probabilities), size=len(names), p=probabilities)[codes]


def check_control(
    name: str,
    column: str,
    types: np.ndarray,
    type_overlap: float,
    held_out: str,
    advice: str = "name another type, hold out something else or take control out of the target",
    recurring: bool = True,
) -> None:
    """Raise :class:`AnalysisError` if a control task cannot be memorised because its types hardly recur.

    Selectivity compares a probe with one that memorises (Hewitt and Liang, 2019); where most types have one or two
    items, no probe can, and selectivity is only accuracy above chance.

    Parameters
    ----------
    name, column, held_out : name of the target, its column of types and its held-out unit, for the message
    types : type of each item [shape=(n_items,)]
    type_overlap : share of tested items whose type also occurs in training
    advice : last clause of the message
    recurring : whether to check that types recur; not for a sample of items that were checked
    """
    if not type_overlap:
        raise AnalysisError(
            f"target {name!r}: expected a control task whose types also occur in training, found that none of the "
            f"{len(np.unique(types))} types of column {column!r} does when {held_out} is held out; {advice}"
        )
    _, codes, counts = np.unique(types, return_inverse=True, return_counts=True)
    median = float(np.median(counts[codes]))
    if recurring and median < MIN_RECURRENCE:
        raise AnalysisError(
            f"target {name!r}: expected a control task whose types recur, so that a probe can memorise them, found "
            f"{len(counts)} types of column {column!r} for {len(types)} items, half of which have a type with at most "
            f"{median:g} items; {advice}"
        )


def selectivity(
    hits: np.ndarray, control_hits: np.ndarray, speakers: np.ndarray, *, n_resamples: int, seed: int
) -> tuple[float, float, float]:
    """Return accuracy minus control accuracy of the same probe on the same items, with its interval.

    Hewitt and Liang (2019), section 3. The interval is paired: each resample of speakers keeps both accuracies.

    Parameters
    ----------
    hits, control_hits : 1 where the item's (control) label is predicted correctly, or a mean over draws
        [shape=(n_items,)]
    speakers : speaker of each item [shape=(n_items,)]

    Returns
    -------
    (value, low, high), −1 to 1; higher means more accuracy beyond memorisation
    """
    difference = np.asarray(hits, dtype=float) - control_hits
    interval = cluster_bootstrap(difference, np.ones_like(difference), speakers, n_resamples=n_resamples, seed=seed)
    return float(difference.mean()), *interval
