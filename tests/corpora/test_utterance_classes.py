"""Classes of utterances, from a column or a keyword."""

import pandas as pd
import pytest

from auscult.corpora.utterance_classes import class_names, utterance_classes
from auscult.errors import ConfigError, CorpusError

UTTERANCES = pd.DataFrame(
    {
        "utterance": ["a", "b", "c", "d"],
        "gender": ["male", "female", "", "male"],
        "text": ["The quiet dog", "the Hungry dog", "the quiet hungry dog", "the dog"],
    }
)


def test_classes_are_the_values_of_a_column():
    assert utterance_classes(UTTERANCES, {"column": "gender"}).to_dict() == {"a": "male", "b": "female", "d": "male"}
    assert class_names(UTTERANCES, {"column": "gender"}) == ("female", "male")


def test_utterances_with_none_or_several_keywords_are_left_out():
    target = {"keyword": ["quiet", "hungry"]}
    assert utterance_classes(UTTERANCES, target).to_dict() == {"a": "quiet", "b": "hungry"}
    assert class_names(UTTERANCES, target) == ("quiet", "hungry")


@pytest.mark.parametrize(
    ("target", "kind", "message"),
    [
        ({}, ConfigError, r"expected a target of the form column: name or keyword: \[word, …\], found {}"),
        ({"keyword": ["quiet", "quiet"]}, ConfigError, "expected at least two different keywords, found"),
        ({"column": "age"}, CorpusError, r"a column of the utterances table \(utterance, gender, text\), found 'age'"),
        ({"keyword": ["quiet", "cat"]}, CorpusError, "at least two classes of .* found 1 in 4 utterances"),
        (
            {"keyword": ["quiet", "hungry", "cat"]},
            CorpusError,
            "found no such utterance for 'cat' in 4 utterances; leave it out",
        ),
    ],
)
def test_targets_that_make_no_classes_raise(target, kind, message):
    with pytest.raises(kind, match=message):
        class_names(UTTERANCES, target)
