"""Decisions of encoding that follow from the configuration."""

import pytest

from auscult.study.encoding import needs_words

TARGETS = {"phone": {"column": "label"}, "number": {"column": "noun_number"}}


@pytest.mark.parametrize(("corpus", "needed"), [("dutch", False), ("french", True)])
def test_levels_that_follow_from_all_words_need_the_corpus(corpus, needed):
    corpora = {"dutch": ["phone"], "french": ["phone", "number"]}
    config = {"analyses": {"encoding": {"targets": TARGETS, "corpora": corpora}}}
    assert needs_words(config, corpus) is needed
