"""Explained outputs: values by hand where possible, and restored from their form."""

from itertools import groupby, product

import numpy as np
import pytest
import torch
from tiny_predictors import CLASSES, TOKENS, tiny_predictor

from auscult.analyses.attribution.explained_outputs import (
    class_output,
    parse_output,
    token_output,
    transcript_output,
    word_output,
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
    torch.testing.assert_close(class_output(classes, "male", "logit").score(batch), batch[:, 1])
    output = class_output(classes, "male")
    torch.testing.assert_close(output.score(batch), batch.log_softmax(-1)[:, 1])
    torch.testing.assert_close(output.probability(batch), batch.softmax(-1)[:, 1])


def test_a_token_is_read_at_its_frame(ctc):
    torch.testing.assert_close(token_output(ctc, "b", 2).score(logits()), logits().log_softmax(-1)[:, 2, 3])


@pytest.mark.parametrize("text", ["a", "ab", "aa", "a b"])
def test_a_transcript_sums_over_all_paths_that_spell_it(ctc, text):
    output = transcript_output(ctc, text)
    expected = [enumerated(each, text) for each in logits()]
    np.testing.assert_allclose(output.score(logits()), expected, rtol=1e-4)
    np.testing.assert_allclose(output.probability(logits()), np.exp(np.array(expected) / len(text)), rtol=1e-4)


@pytest.mark.parametrize(("alternative", "other"), [("c", "a c"), ("", "a")])
def test_a_word_is_its_transcript_against_the_other(ctc, alternative, other):
    output = word_output(ctc, ["a", "b"], 1, alternative)
    odds = transcript_output(ctc, "a b").score(logits()) - transcript_output(ctc, other).score(logits())
    torch.testing.assert_close(output.score(logits()), odds)
    torch.testing.assert_close(output.probability(logits()), odds.sigmoid())
    assert (output.name, output.form) == ("b", f"a [b|{alternative}]")


def test_the_form_of_an_explained_output_restores_it(ctc, classes):
    for output in (
        token_output(ctc, "b", 2),
        transcript_output(ctc, "ab c"),
        word_output(ctc, ["a", "b"], 0, "c"),
        word_output(ctc, ["a", "b"], 1),
    ):
        again = parse_output(ctc, output.form)
        assert (again.name, again.form) == (output.name, output.form)
        torch.testing.assert_close(again.score(logits()), output.score(logits()))
    assert parse_output(classes, "female").form == "female"


def test_capitals_are_found_among_small_letters(ctc):
    torch.testing.assert_close(
        transcript_output(ctc, "AB").score(logits()), transcript_output(ctc, "ab").score(logits())
    )


def test_a_class_that_does_not_exist_is_refused(classes):
    with pytest.raises(AnalysisError, match=r"expected one of the model's classes \(female, male, other\), found 'x'"):
        class_output(classes, "x")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda ctc, _: transcript_output(ctc, "aX"), "expected letters among the model's tokens .* found 'X' in 'aX'"),
        (lambda ctc, _: transcript_output(ctc, " "), "expected a transcript of at least one letter, found none"),
        (lambda ctc, _: transcript_output(ctc, "aabbcc").score(logits()), "at least 9 frames .* 'aabbcc', found 4"),
        (lambda ctc, _: token_output(ctc, "a", 4).score(logits()), "expected a frame from 0 to 3, found 4"),
        (lambda ctc, _: word_output(ctc, ["a"], 1), "expected the position of a word from 0 to 0 in 'a', found 1"),
        (lambda ctc, _: class_output(ctc, "a"), "expected a classifier to explain a class, found a CTC head"),
        (lambda _, classes: transcript_output(classes, "a"), "expected a CTC head to explain a transcript"),
        (
            lambda _, classes: class_output(classes, "male", "odds").score(torch.zeros(1, 3)),
            "one of the scales log_probability",
        ),
    ],
)
def test_an_impossible_explained_output_is_one_clear_line(ctc, classes, make, message):
    with pytest.raises(AnalysisError, match=message):
        make(ctc, classes)
