"""Word alignment and error rates of known texts."""

import pytest

from auscult.corpora.transcripts import align_words, error_rate
from auscult.errors import AnalysisError, ConfigError


@pytest.mark.parametrize(
    ("reference", "hypothesis", "aligned"),
    [
        ("les garçons dansent", "les garçons dansent", [0, 1, 2]),
        ("les garçons dansent", "le garcon danse", [0, 1, 2]),
        ("les garçons dansent", "garçons danse", [None, 0, 1]),
        ("les garçons dansent", "les petits garçons danse vite", [0, 2, 3]),
        ("les garçons dansent", "", [None, None, None]),
        ("roi", "mur", [0]),
        ("le chat le chat", "le chat", [None, None, 0, 1]),
    ],
)
def test_words_are_aligned_with_what_stands_for_them(reference, hypothesis, aligned):
    assert align_words(reference.split(), hypothesis.split()) == aligned


def test_error_rates_are_edits_over_units_of_all_texts():
    references, hypotheses = ["a bc", "d"], ["a bd", "d e"]
    assert error_rate(references, hypotheses, "word") == pytest.approx(2 / 3)
    assert error_rate(references, hypotheses, "character") == pytest.approx(3 / 5)


def test_error_rate_without_a_reference_raises():
    with pytest.raises(AnalysisError, match="expected reference transcripts to compare with, found no word in 1 of"):
        error_rate([""], ["a"], "word")


def test_error_rate_of_an_unknown_unit_raises():
    with pytest.raises(ConfigError, match="to be 'word' or 'character', found 'phone'"):
        error_rate(["a"], ["a"], "phone")
