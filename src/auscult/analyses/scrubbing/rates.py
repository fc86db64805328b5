"""How wrong a recogniser is, with and without erasers: edits per word and letter, and what they change by, in pairs."""

from collections.abc import Iterator, Sequence

import jiwer
import numpy as np

from auscult.errors import AnalysisError
from auscult.models.training.vocabulary import plain_text
from auscult.statistics.intervals import cluster_bootstrap

__all__ = ["UNITS", "count_edits", "paired_test", "score"]

UNITS = ("word", "character")


def count_edits(references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the edits that each transcript needs, and the length of its reference, in words and in letters.

    Substitutions, deletions and insertions count one each. Both are compared in lower case.

    Parameters
    ----------
    references, hypotheses : of each utterance; a hypothesis may be empty

    Returns
    -------
    by unit (``word``, ``character``): edits and lengths [shapes=(n_utterances,)]

    Raises
    ------
    AnalysisError
        A reference is empty.
    """
    references, hypotheses = ([plain_text(text) for text in texts] for texts in (references, hypotheses))
    empty = [place for place, text in enumerate(references) if not text]
    if empty:
        raise AnalysisError(
            f"expected reference transcripts with words, found an empty one at place {empty[0]} ({len(empty)} in all); "
            "leave these utterances out"
        )
    found = {}
    for unit, process in zip(UNITS, (jiwer.process_words, jiwer.process_characters)):
        outputs = [process(reference, text) for reference, text in zip(references, hypotheses, strict=True)]
        edits = [output.substitutions + output.deletions + output.insertions for output in outputs]
        lengths = [output.substitutions + output.deletions + output.hits for output in outputs]
        found[unit] = np.array(edits, dtype=float), np.array(lengths, dtype=float)
    return found


def score(
    numerators: np.ndarray,
    denominators: np.ndarray,
    speakers: np.ndarray,
    before: np.ndarray | None,
    *,
    n_resamples: int,
    n_permutations: int,
    seed: int,
) -> Iterator[tuple[str, dict]]:
    """Yield a ratio of sums and, where there is a state to compare with, by how much it differs from it, in pairs.

    Parameters
    ----------
    numerators, denominators : of each utterance, such as its edits and its words, or its hit and 1 [shape=(n,)]
    speakers : of each [shape=(n,)]
    before : numerators of the same utterances with nothing erased, or None

    Yields
    ------
    ending of the metric's name, "" or ``_change``, and ``value, ci_low, ci_high, n, n_groups, p_value``: the interval
    resamples speakers with both states of each, p is that of :func:`paired_test`
    """
    counts = {"n": len(speakers), "n_groups": len(np.unique(speakers))}
    resampling = {"n_resamples": n_resamples, "seed": seed}
    for ending, values in (("", numerators), ("_change", None if before is None else numerators - before)):
        if values is None:
            continue
        low, high = cluster_bootstrap(values, denominators, speakers, **resampling)
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


def paired_test(differences: np.ndarray, groups: np.ndarray, *, n_permutations: int = 10000, seed: int = 0) -> float:
    """Return the two-sided p of no difference, from exchanging both states of whole groups at random.

    If erasing changed nothing, each speaker's sum of differences would have either sign with equal probability. p is
    the share of random signs, the observed ones among them, whose total lies as far from 0 or farther.

    Parameters
    ----------
    differences : of each item, after minus before [shape=(n,)]
    groups : the speaker of each [shape=(n,)]
    """
    sums = np.bincount(np.unique(np.asarray(groups), return_inverse=True)[1], differences)
    signs = np.random.default_rng(seed).integers(0, 2, (n_permutations, len(sums))) * 2 - 1
    # Sums of equal terms in another order differ in their last bits.
    reached = np.abs(signs @ sums) >= np.abs(sums.sum()) * (1 - 1e-9)
    return float((1 + reached.sum()) / (1 + n_permutations))
