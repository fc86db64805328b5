"""Edits of single transcripts, from which error rates follow."""

import jiwer
import pytest

from auscult.errors import AnalysisError
from auscult.models.error_rates import count_edits, count_kept_words


def test_edits_of_single_transcripts_add_up_to_the_rates_of_jiwer():
    references, written = ["the old cat", "A dog", "kings"], ["the cat sat", "", "Kings"]
    counts = count_edits(references, written)
    for unit, rate in (("word", jiwer.wer), ("character", jiwer.cer)):
        edits, lengths = counts[unit]
        expected = rate([text.lower() for text in references], [text.lower() for text in written])
        assert edits.sum() / lengths.sum() == pytest.approx(expected)
    assert counts["word"][0].tolist() == [2, 2, 0]
    assert counts["character"][1].tolist() == [11, 5, 5]


def test_an_empty_reference_is_refused():
    with pytest.raises(
        AnalysisError, match=r"expected reference transcripts with words, found an empty one at place 1"
    ):
        count_edits(["a", " "], ["a", "a"])


def test_kept_words_are_those_in_the_same_order():
    kept, lengths = count_kept_words(["The old cat.", "a b", "", "x"], ["the cat old", "b a", "a", ""])
    assert kept.tolist() == [2, 1, 0, 0]
    assert lengths.tolist() == [3, 2, 0, 1]
