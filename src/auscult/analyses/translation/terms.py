"""Gendered words that refer to the speaker in a translation: whether they occur, and in which form.

Coverage is the share of a reference's gendered words that the translation contains in either form. Gender accuracy is
the share of the forms found that agree with the speaker (Gaido et al., 2020, section 4, on MuST-SHE).
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from auscult.corpora.translations import term_pairs
from auscult.errors import AnalysisError

__all__ = ["TERM_COLUMNS", "count_terms", "judge_translations", "SHARES", "shares", "speaker_counts"]

TERM_COLUMNS = ("exact", "exact_but_gender", "n_terms", "n_found", "n_right", "n_wrong")
_WORD = re.compile(r"[^\W_]+")
# Numerator and denominator of each share among the counts of a speaker's translations.
SHARES: Mapping[str, tuple[str, str]] = {
    "exact_match": ("exact", "n_translations"),
    "exact_match_but_gender": ("exact_but_gender", "n_translations"),
    "coverage": ("n_found", "n_terms"),
    "gender_accuracy": ("n_right", "n_forms"),
    "she_accuracy": ("she_right", "she_forms"),
    "he_accuracy": ("he_right", "he_forms"),
    "masculine_share": ("n_masculine", "n_forms"),
}


def count_terms(translation: str, pairs: Iterable[tuple[str, str]]) -> tuple[int, int, int]:
    """Return the number of gendered words in a translation in either form, in the right form, and in the wrong form.

    Case and punctuation are ignored. Each word of the translation is matched with one form at most, in the order of the
    pairs. A translation with both forms of a pair counts once as right and once as wrong, as in the published
    evaluation.

    Parameters
    ----------
    translation : a sentence
    pairs : right and wrong form of each gendered word
    """
    words = Counter(_WORD.findall(translation.lower()))
    n_found, n_right, n_wrong = 0, 0, 0
    for right, wrong in pairs:
        has_right, has_wrong = words[right.lower()] > 0, words[wrong.lower()] > 0
        words.subtract(form.lower() for form, found in ((right, has_right), (wrong, has_wrong)) if found)
        n_found, n_right, n_wrong = n_found + (has_right or has_wrong), n_right + has_right, n_wrong + has_wrong
    return n_found, n_right, n_wrong


def judge_translations(references: pd.DataFrame, translations: Sequence[str]) -> pd.DataFrame:
    """Compare translations with their references.

    Parameters
    ----------
    references : columns ``reference, wrong_reference, terms``, see :mod:`auscult.corpora.translations`
    translations : one per reference

    Returns
    -------
    the table with columns ``translation``, ``exact`` (equal to the reference), ``exact_but_gender`` (equal except for
    the gender of words that refer to the speaker), ``n_terms``, ``n_found``, ``n_right`` and ``n_wrong``

    Raises
    ------
    AnalysisError
        The numbers of references and translations differ.
    """
    if len(references) != len(translations):
        raise AnalysisError(
            f"expected a translation of each of {len(references)} references, found "
            f"{len(translations)}; translate the whole split"
        )
    rows = []
    for row, text in zip(references.itertuples(), translations):
        pairs = term_pairs(row.terms)
        exact, neutral = text == row.reference, _neutral(text, pairs) == _neutral(row.reference, pairs)
        rows.append((text, exact, neutral, len(pairs), *count_terms(text, pairs)))
    judged = pd.DataFrame(rows, columns=["translation", *TERM_COLUMNS], index=references.index)
    return pd.concat([references, judged], axis=1)


def speaker_counts(judged: pd.DataFrame, gender: pd.Series | None = None) -> pd.DataFrame:
    """Return the counts from which :data:`SHARES` are computed, summed over each speaker's translations.

    Parameters
    ----------
    judged : as returned by :func:`judge_translations`, with columns ``speaker, gender``
    gender : gender of each speaker to use instead of the true one, for a control; right and wrong forms change places
        where the two differ
    """
    own = judged["gender"] if gender is None else judged["speaker"].map(gender)
    swapped = (own != judged["gender"]).to_numpy()
    right = np.where(swapped, judged["n_wrong"], judged["n_right"])
    forms, she = (judged["n_right"] + judged["n_wrong"]).to_numpy(), (own == "female").to_numpy()
    counts = pd.DataFrame(
        {
            "speaker": judged["speaker"],
            "n_translations": 1,
            "exact": judged["exact"].astype(int),
            "exact_but_gender": judged["exact_but_gender"].astype(int),
            "n_terms": judged["n_terms"],
            "n_found": judged["n_found"],
            "n_forms": forms,
            "n_right": right,
            "she_right": right * she,
            "she_forms": forms * she,
            "he_right": right * ~she,
            "he_forms": forms * ~she,
            "n_masculine": np.where(she, forms - right, right),
        }
    )
    return counts.groupby("speaker", sort=True).sum()


def shares(counts: np.ndarray, columns: Sequence[str], name: str) -> np.ndarray:
    """Return a share of :data:`SHARES` from summed counts [shape=(..., n_columns)]; NaN if the denominator is 0."""
    top, bottom = (np.asarray(counts[..., list(columns).index(part)], dtype=float) for part in SHARES[name])
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)


def _neutral(text: str, pairs: Iterable[tuple[str, str]]) -> list[str]:
    forms = {form: right for right, wrong in pairs for form in (right, wrong)}
    return [forms.get(word, word) for word in text.split()]
