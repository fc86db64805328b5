"""Targets: one number an input, by hand where that is possible, and named so that they can be made again."""

from itertools import groupby, product

import numpy as np
import pytest
import torch
from tiny_predictors import CLASSES, TOKENS, tiny_predictor

from auscult.analyses.attribution.explained_outputs import (
    class_target,
    parse_target,
    token_target,
    transcript_target,
    word_target,
)
from auscult.errors import AnalysisError


@pytest.fixture(scope="module")
def ctc():
    return tiny_predictor("hubert-ctc")


@pytest.fixture(scope="module")
def classes():
    return tiny_predictor("hubert-classes")


def logits(n_frames=4, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(2, n_frames, len(TOKENS)))).float()


def enumerated(logits, text):
    """Add the probabilities of every path of tokens that spells the text."""
    p, total = logits.softmax(-1), 0.0
    for path in product(range(p.shape[1]), repeat=p.shape[0]):
        if "".join(TOKENS[token] for token, _ in groupby(path) if token) == text.replace(" ", "|"):
            total += float(torch.stack([p[t, token] for t, token in enumerate(path)]).prod())
    return np.log(total)


def test_a_class_has_its_logit_or_log_probability(classes):
    batch = torch.randn(3, len(CLASSES), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(class_target(classes, "male", "logit").score(batch), batch[:, 1])
    target = class_target(classes, "male")
    torch.testing.assert_close(target.score(batch), batch.log_softmax(-1)[:, 1])
    torch.testing.assert_close(target.probability(batch), batch.softmax(-1)[:, 1])


def test_a_token_is_read_at_its_frame(ctc):
    torch.testing.assert_close(token_target(ctc, "b", 2).score(logits()), logits().log_softmax(-1)[:, 2, 3])


@pytest.mark.parametrize("text", ["a", "ab", "aa", "a b"])
def test_a_transcript_sums_over_all_paths_that_spell_it(ctc, text):
    target = transcript_target(ctc, text)
    expected = [enumerated(each, text) for each in logits()]
    np.testing.assert_allclose(target.score(logits()), expected, rtol=1e-4)
    np.testing.assert_allclose(target.probability(logits()), np.exp(np.array(expected) / len(text)), rtol=1e-4)


@pytest.mark.parametrize(("alternative", "other"), [("c", "a c"), ("", "a")])
def test_a_word_is_its_transcript_against_the_other(ctc, alternative, other):
    target = word_target(ctc, ["a", "b"], 1, alternative)
    odds = transcript_target(ctc, "a b").score(logits()) - transcript_target(ctc, other).score(logits())
    torch.testing.assert_close(target.score(logits()), odds)
    torch.testing.assert_close(target.probability(logits()), odds.sigmoid())
    assert (target.name, target.form) == ("b", f"a [b|{alternative}]")


def test_the_form_of_a_target_makes_it_again(ctc, classes):
    for target in (
        token_target(ctc, "b", 2),
        transcript_target(ctc, "ab c"),
        word_target(ctc, ["a", "b"], 0, "c"),
        word_target(ctc, ["a", "b"], 1),
    ):
        again = parse_target(ctc, target.form)
        assert (again.name, again.form) == (target.name, target.form)
        torch.testing.assert_close(again.score(logits()), target.score(logits()))
    assert parse_target(classes, "female").form == "female"


def test_capitals_are_found_among_small_letters(ctc):
    torch.testing.assert_close(
        transcript_target(ctc, "AB").score(logits()), transcript_target(ctc, "ab").score(logits())
    )


def test_a_class_that_does_not_exist_is_refused(classes):
    with pytest.raises(AnalysisError, match=r"expected one of the model's classes \(female, male, other\), found 'x'"):
        class_target(classes, "x")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda ctc, _: transcript_target(ctc, "aX"), "expected letters among the model's tokens .* found 'X' in 'aX'"),
        (lambda ctc, _: transcript_target(ctc, " "), "expected a transcript of at least one letter, found none"),
        (lambda ctc, _: transcript_target(ctc, "aabbcc").score(logits()), "at least 9 frames .* 'aabbcc', found 4"),
        (lambda ctc, _: token_target(ctc, "a", 4).score(logits()), "expected a frame from 0 to 3, found 4"),
        (lambda ctc, _: word_target(ctc, ["a"], 1), "expected a word from 0 to 0 of 'a', found 1"),
        (lambda ctc, _: class_target(ctc, "a"), "expected a classifier for a class as target, found a CTC head"),
        (lambda _, classes: transcript_target(classes, "a"), "expected a CTC head for a transcript as target"),
        (lambda _, classes: class_target(classes, "male", "odds").score(torch.zeros(1, 3)), "one of the scales logit"),
    ],
)
def test_a_target_that_cannot_be_is_told_in_one_line(ctc, classes, make, message):
    with pytest.raises(AnalysisError, match=message):
        make(ctc, classes)
