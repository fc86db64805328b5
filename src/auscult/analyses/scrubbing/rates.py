"""Error rates of a recogniser and their paired changes after erasure."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from auscult.statistics.intervals import cluster_bootstrap

__all__ = ["paired_test", "score"]


def score(
    numerators: np.ndarray,
    denominators: np.ndarray,
    speakers: np.ndarray,
    before: np.ndarray | None,
    *,
    n_resamples: int,
    n_permutations: int,
    seed: int,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a ratio of sums and, if a baseline is given, its paired difference from the baseline.

    Parameters
    ----------
    numerators, denominators : one pair per utterance, such as edits and words, or hit and 1 [shapes=(n,)]
    speakers : speaker of each utterance [shape=(n,)]
    before : numerators of the same utterances with nothing erased, or None
    n_resamples : bootstrap samples of speakers
    n_permutations : random exchanges of the paired test
    seed : of the resampling and of the test

    Yields
    ------
    ending of the metric's name, "" or ``_change``, and ``value, ci_low, ci_high, n, n_groups, p_value``. The interval
    resamples speakers with both conditions together; p comes from :func:`paired_test`
    """
    counts = {"n": len(speakers), "n_groups": len(np.unique(speakers))}
    for ending, values in (("", numerators), ("_change", None if before is None else numerators - before)):
        if values is None:
            continue
        low, high = cluster_bootstrap(values, denominators, speakers, n_resamples=n_resamples, seed=seed)
        p_value = float("nan")
        if ending:
            p_value = paired_test(values, speakers, n_permutations=n_permutations, seed=seed)
        yield (
            ending,
            {
                "value": float(values.sum() / denominators.sum()),
                "ci_low": low,
                "ci_high": high,
                "p_value": p_value,
            }
            | counts,
        )


def paired_test(differences: np.ndarray, groups: np.ndarray, *, n_permutations: int, seed: int = 0) -> float:
    """Return the two-sided p of no difference, from exchanging both conditions of whole groups at random.

    If erasing had no effect, each speaker's sum of differences would have either sign with equal probability. p is the
    share of random sign assignments, including the observed one, whose total is at least as far from 0.

    Parameters
    ----------
    differences : after minus before, one per item [shape=(n,)]
    groups : speaker of each item [shape=(n,)]
    n_permutations : number of random sign assignments
    seed : of the signs
    """
    sums = np.bincount(np.unique(np.asarray(groups), return_inverse=True)[1], differences)
    signs = np.random.default_rng(seed).integers(0, 2, (n_permutations, len(sums))) * 2 - 1
    # The tolerance covers rounding: sums of the same terms in another order differ in their last bits.
    reached = np.abs(signs @ sums) >= np.abs(sums.sum()) * (1 - 1e-9)
    return float((1 + reached.sum()) / (1 + n_permutations))
