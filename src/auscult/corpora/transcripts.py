"""Compare what was written with what was said: which word stands for which, and how many letters or words are wrong."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import jiwer
import pandas as pd
from rapidfuzz.distance import Levenshtein

from auscult.errors import AnalysisError, ConfigError

__all__ = ["align_words", "error_rate", "spelt_right"]

_SKIP = 0.5  # of a word: two words without a letter in common cost what leaving one out and putting one in does


def align_words(reference: Sequence[str], hypothesis: Sequence[str]) -> list[int | None]:
    """Return for each word of the reference the position of the hypothesis' word that stands for it, None if none does.

    The cheapest alignment, where a word for another costs the share of its letters to be changed and a word left out
    or put in costs a half: so a misspelt word meets its original even if another is missing beside it. (The word
    error rate counts every substitution as one; see :func:`error_rate`.) Of equally cheap alignments the one that
    pairs later words is taken.

    >>> align_words("les garçons dansent".split(), "garçon danse".split())
    [None, 0, 1]
    """
    costs = [[_SKIP * j for j in range(len(hypothesis) + 1)]]
    for word in reference:
        row = [costs[-1][0] + _SKIP]
        for j, other in enumerate(hypothesis):
            row.append(min(costs[-1][j] + _change(word, other), costs[-1][j + 1] + _SKIP, row[-1] + _SKIP))
        costs.append(row)
    aligned: list[int | None] = [None] * len(reference)
    i, j = len(reference), len(hypothesis)
    while i and j:
        if abs(costs[i - 1][j - 1] + _change(reference[i - 1], hypothesis[j - 1]) - costs[i][j]) < 1e-9:
            i, j = i - 1, j - 1
            aligned[i] = j
        elif abs(costs[i - 1][j] + _SKIP - costs[i][j]) < 1e-9:
            i -= 1
        else:
            j -= 1
    return aligned


def error_rate(references: Iterable[str], hypotheses: Iterable[str], unit: Literal["word", "character"]) -> float:
    """Return the edits needed over all texts per word or character of the references; 0 is best, above 1 is possible.

    Empty references are left out, with what was written for them.

    Raises
    ------
    AnalysisError
        The references are empty.
    """
    if unit not in ("word", "character"):
        raise ConfigError(f"expected the unit of an error rate to be 'word' or 'character', found {unit!r}")
    references, hypotheses = list(references), list(hypotheses)
    said = [(reference, hypothesis) for reference, hypothesis in zip(references, hypotheses, strict=True) if reference]
    if not said:
        raise AnalysisError(
            f"expected reference transcripts to compare with, found no {unit} in {len(references)} of them"
        )
    measure = jiwer.wer if unit == "word" else jiwer.cer
    return float(measure(*map(list, zip(*said))))


def _change(word: str, other: str) -> float:
    return 0.0 if word == other else Levenshtein.normalized_distance(word, other)


def spelt_right(references: Mapping[str, str], hypotheses: Mapping[str, str], cues: pd.DataFrame) -> pd.DataFrame:
    """Tell of each target with a known cue whether its number is spelt right.

    The word of the hypothesis that stands for the target (:func:`auscult.corpora.transcripts.align_words`) is nearer,
    in letters, to the target as spelt in its own number (right), to the other spelling (wrong), or neither: as near to
    both, missing, or more than half of the target's letters away from each. A misspelt stem thus does not hide the
    number, and what cannot be recognised has none.

    Parameters
    ----------
    references, hypotheses : transcripts by utterance; words are separated by spaces
    cues : table of :func:`auscult.corpora.cues.cues`

    Returns
    -------
    the table with columns ``written`` (the word of the hypothesis, empty if none), ``right``, ``wrong`` and
    ``exact`` (spelt right letter by letter), in the order given

    Raises
    ------
    AnalysisError
        A transcript is missing, or the reference's word is not the target.
    """
    aligned = {}
    for utterance in cues["utterance"].unique():
        for what, texts in (("reference", references), ("hypothesis", hypotheses)):
            if utterance not in texts:
                raise AnalysisError(f"expected a {what} for every utterance with cues, found none for {utterance!r}")
        reference, hypothesis = (texts[utterance].lower().split() for texts in (references, hypotheses))
        written = [hypothesis[j] if j is not None else "" for j in align_words(reference, hypothesis)]
        aligned[utterance] = (reference, written)
    rows = [_judge(row, *aligned[row.utterance]) for row in cues.itertuples(index=False)]
    return cues.assign(**{name: list(values) for name, values in zip(_JUDGED, zip(*rows) if rows else [[]] * 4)})


_JUDGED = ("written", "right", "wrong", "exact")


def _judge(row, reference: Sequence[str], written: Sequence[str]) -> tuple[str, bool, bool, bool]:
    if row.target_index >= len(reference) or reference[row.target_index] != row.word.lower():
        raise AnalysisError(
            f"expected word {row.target_index} of the reference of {row.utterance!r} to be {row.word!r}, found "
            f"{' '.join(reference)!r}; give the transcripts of the corpus that the cues are of"
        )
    word = written[row.target_index]
    own, other = (Levenshtein.distance(word, form.lower()) for form in (row.word, row.other))
    clear = 2 * min(own, other) <= len(row.word)
    return word, clear and own < other, clear and other < own, own == 0
