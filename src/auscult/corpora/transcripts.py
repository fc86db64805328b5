"""Comparison of hypothesis and reference transcripts: word alignment, error rates, spelling of number."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import jiwer
import pandas as pd
from rapidfuzz.distance import Levenshtein

from auscult.errors import AnalysisError, ConfigError

__all__ = ["align_words", "error_rate", "spelt_right"]

_SKIP = 0.5  # cost of a deleted or inserted word: a substitution without a common letter costs one of each


def align_words(reference: Sequence[str], hypothesis: Sequence[str]) -> list[int | None]:
    """Return the position in the hypothesis of the word aligned with each word of the reference, None if there is none.

    The alignment has the lowest cost, where a substitution costs the normalised edit distance of the two words, and a
    deletion or insertion 0.5. A misspelt word is thus aligned with its original even if a word next to it is missing.
    (The word error rate counts every substitution as one; see :func:`error_rate`.) Of alignments with equal cost, the
    one that pairs later words is returned.

    >>> align_words("les garçons dansent".split(), "garçon danse".split())
    [None, 0, 1]
    """
    costs = [[_SKIP * j for j in range(len(hypothesis) + 1)]]
    for word in reference:
        row = [costs[-1][0] + _SKIP]
        for j, other in enumerate(hypothesis):
            row.append(min(costs[-1][j] + _substitution_cost(word, other), costs[-1][j + 1] + _SKIP, row[-1] + _SKIP))
        costs.append(row)
    aligned: list[int | None] = [None] * len(reference)
    i, j = len(reference), len(hypothesis)
    while i and j:
        if abs(costs[i - 1][j - 1] + _substitution_cost(reference[i - 1], hypothesis[j - 1]) - costs[i][j]) < 1e-9:
            i, j = i - 1, j - 1
            aligned[i] = j
        elif abs(costs[i - 1][j] + _SKIP - costs[i][j]) < 1e-9:
            i -= 1
        else:
            j -= 1
    return aligned


def error_rate(references: Iterable[str], hypotheses: Iterable[str], unit: Literal["word", "character"]) -> float:
    """Return the number of edits per word or character of the references, over all texts; 0 is best, 1 can be exceeded.

    Empty references and their hypotheses are left out.

    Raises
    ------
    ConfigError
        The unit is unknown.
    AnalysisError
        All references are empty.
    """
    if unit not in ("word", "character"):
        raise ConfigError(f"expected the unit of an error rate to be 'word' or 'character', found {unit!r}")
    references, hypotheses = list(references), list(hypotheses)
    pairs = [(reference, hypothesis) for reference, hypothesis in zip(references, hypotheses, strict=True) if reference]
    if not pairs:
        raise AnalysisError(
            f"expected reference transcripts to compare with, found no {unit} in {len(references)} of them"
        )
    measure = jiwer.wer if unit == "word" else jiwer.cer
    return float(measure([reference for reference, _ in pairs], [hypothesis for _, hypothesis in pairs]))


def _substitution_cost(word: str, other: str) -> float:
    return 0.0 if word == other else Levenshtein.normalized_distance(word, other)


def spelt_right(references: Mapping[str, str], hypotheses: Mapping[str, str], cues: pd.DataFrame) -> pd.DataFrame:
    """Return for each target with a known cue whether its number is spelt correctly.

    The word of the hypothesis aligned with the target (:func:`align_words`) counts as right if its edit distance to the
    target's spelling is smaller than to the spelling in the other number, as wrong if it is larger, and as neither if
    the distances are equal, the word is missing, or both distances exceed half of the target's length. The number can
    thus be read off a word with a misspelt stem, but not off an unrecognisable one.

    Parameters
    ----------
    references, hypotheses : transcripts by utterance; words are separated by spaces
    cues : table returned by :func:`auscult.corpora.cues.cues`

    Returns
    -------
    the table, in the order given, with columns ``written`` (the word of the hypothesis, empty if none), ``right``,
    ``wrong`` and ``exact`` (spelt exactly as the target)

    Raises
    ------
    AnalysisError
        A transcript is missing, or a word of a reference is not the target that the cues state.
    """
    aligned = {}
    for utterance in cues["utterance"].unique():
        for kind, texts in (("reference", references), ("hypothesis", hypotheses)):
            if utterance not in texts:
                raise AnalysisError(
                    f"expected a {kind} for every utterance with cues, found none for {utterance!r}; "
                    "transcribe all utterances of the table"
                )
        reference, hypothesis = (texts[utterance].lower().split() for texts in (references, hypotheses))
        written = [hypothesis[j] if j is not None else "" for j in align_words(reference, hypothesis)]
        aligned[utterance] = (reference, written)
    rows = [_judge(row, *aligned[row.utterance]) for row in cues.itertuples(index=False)]
    return cues.assign(**{name: list(values) for name, values in zip(_JUDGED, zip(*rows) if rows else [[]] * 4)})


_JUDGED = ("written", "right", "wrong", "exact")


def _judge(row: Any, reference: Sequence[str], written: Sequence[str]) -> tuple[str, bool, bool, bool]:
    if row.target_index >= len(reference) or reference[row.target_index] != row.word.lower():
        raise AnalysisError(
            f"expected word {row.target_index} of the reference of {row.utterance!r} to be {row.word!r}, found "
            f"{' '.join(reference)!r}; give the transcripts of the corpus that the cues are of"
        )
    word = written[row.target_index]
    own, other = (Levenshtein.distance(word, form.lower()) for form in (row.word, row.other))
    clear = 2 * min(own, other) <= len(row.word)
    return word, clear and own < other, clear and other < own, own == 0
