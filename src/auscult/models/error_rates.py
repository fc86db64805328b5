"""Edits of transcripts, in words and in characters, from which error rates and their intervals follow."""

import re
from collections.abc import Sequence
from typing import Any

import jiwer
import numpy as np

from auscult.errors import AnalysisError
from auscult.models.training.vocabulary import plain_text

__all__ = ["UNITS", "count_edits", "count_kept_words"]

_PUNCTUATION = re.compile(r'[.,;:!?"“”„«»…()]')
UNITS = ("word", "character")


def count_edits(references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the number of edits of each transcript and the length of its reference, in words and in characters.

    Substitutions, deletions and insertions count one each. Both texts are compared in lower case and without
    punctuation marks.

    Parameters
    ----------
    references, hypotheses : one text per utterance; a hypothesis may be empty

    Returns
    -------
    by unit (``word``, ``character``): edits and lengths [shapes=(n_utterances,)]

    Raises
    ------
    AnalysisError
        A reference is empty.
    """
    references, hypotheses = _comparable(references), _comparable(hypotheses)
    empty = [place for place, text in enumerate(references) if not text]
    if empty:
        raise AnalysisError(
            f"expected reference transcripts with words, found an empty one at place {empty[0]} ({len(empty)} in all); "
            "leave these utterances out"
        )
    found = {}
    processes: dict[str, Any] = dict(zip(UNITS, (jiwer.process_words, jiwer.process_characters)))
    for unit, process in processes.items():
        outputs = [process(reference, text) for reference, text in zip(references, hypotheses, strict=True)]
        edits = [output.substitutions + output.deletions + output.insertions for output in outputs]
        lengths = [output.substitutions + output.deletions + output.hits for output in outputs]
        found[unit] = np.array(edits, dtype=float), np.array(lengths, dtype=float)
    return found


def count_kept_words(texts: Sequence[str], others: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return how many words of each text are in the other one, in the same order, and how many it has.

    Texts are compared as by :func:`count_edits`; words are those of an alignment with the fewest edits.

    Parameters
    ----------
    texts, others : one text per utterance; both may be empty

    Returns
    -------
    kept words, words [shapes=(n_utterances,)]
    """
    kept, lengths = np.zeros(len(texts)), np.zeros(len(texts))
    for place, (text, other) in enumerate(zip(_comparable(texts), _comparable(others), strict=True)):
        if text:
            found = jiwer.process_words(text, other)
            kept[place], lengths[place] = found.hits, found.hits + found.substitutions + found.deletions
    return kept, lengths


def _comparable(texts: Sequence[str]) -> list[str]:
    return [plain_text(_PUNCTUATION.sub(" ", text)) for text in texts]
