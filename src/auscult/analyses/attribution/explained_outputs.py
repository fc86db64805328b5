"""Explained outputs: the score of a class, of a CTC token, of a transcript, or of the spelling of one word."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from auscult.analyses.attribution.settings import SCALES, AttributionSettings
from auscult.errors import AnalysisError
from auscult.models.predictor import Predictor

__all__ = [
    "SCALES",
    "ExplainedOutput",
    "class_output",
    "token_output",
    "transcript_output",
    "word_output",
    "parse_output",
]


@dataclass(frozen=True)
class ExplainedOutput:
    """A scalar function of the logits that is attributed to the input, differentiable.

    Parameters
    ----------
    name : short name for result tables: the class, the transcript, or the word as spelt
    form : full definition, from which :func:`parse_output` restores the explained output
    score : maps logits [shape=(n_batch, …)] to scores [shape=(n_batch,)]; higher means more evidence for it
    probability : maps logits to its probability under the model, 0 to 1 [shape=(n_batch,)]
    """

    name: str
    form: str
    score: Callable[[Tensor], Tensor]
    probability: Callable[[Tensor], Tensor]


def class_output(predictor: Predictor, label: str, scale: str = AttributionSettings.scale) -> ExplainedOutput:
    """Return the logit or log-probability of a class.

    Raises
    ------
    AnalysisError
        The model has no such class, or a CTC head.
    """
    _require(predictor, "classes", "a class")
    index = predictor.label_index(label)
    return ExplainedOutput(label, label, lambda x: _scaled(x, scale)[:, index], lambda x: x.softmax(-1)[:, index])


def token_output(
    predictor: Predictor, token: str, frame: int, scale: str = AttributionSettings.scale
) -> ExplainedOutput:
    """Return the logit or log-probability of a CTC token at a frame, counted from 0.

    Raises
    ------
    AnalysisError
        The model has no such token or is a classifier, or, when scored, the utterance has no such frame.
    """
    _require(predictor, "ctc", "a token")
    index = predictor.label_index(token)

    def score(logits: Tensor) -> Tensor:
        if not 0 <= frame < logits.shape[1]:
            raise AnalysisError(
                f"expected a frame from 0 to {logits.shape[1] - 1}, found {frame}; choose one of the utterance"
            )
        return _scaled(logits, scale)[:, frame, index]

    name = f"{token}@{frame}"
    return ExplainedOutput(name, name, score, lambda logits: logits.softmax(-1)[:, frame, index])


def transcript_output(predictor: Predictor, text: str) -> ExplainedOutput:
    """Return the log-probability of a transcript, summed over its CTC alignments (Graves and others, 2006, eq. 8).

    Its probability is the geometric mean over letters, which does not depend on the length of the sentence.

    Raises
    ------
    AnalysisError
        The transcript is empty, a letter is not among the tokens, or the model is a classifier; when scored, the
        utterance has fewer frames than the transcript needs.
    """
    _require(predictor, "ctc", "a transcript")
    score, n_letters = _log_likelihood(predictor, text), len(_encode(predictor, text))
    return ExplainedOutput(text, text, score, lambda logits: (score(logits) / n_letters).exp())


def word_output(predictor: Predictor, words: Sequence[str], index: int, alternative: str = "") -> ExplainedOutput:
    """Return the log-odds of a word within a transcript, against another spelling or against its absence.

    This is log P(transcript) − log P(transcript with ``alternative`` in place of the word). Its probability is the
    word's if these are the only two choices. CTC prefers the shorter spelling of what it does not hear: alone, the
    log-odds measure the length of the spelling as much as the evidence. :mod:`auscult.analyses.attribution.items`
    therefore averages them over two recordings in which the spellings change places. Raises the errors of
    :func:`transcript_output`.

    Parameters
    ----------
    words : words of the transcript
    index : position of the word
    alternative : other spelling in its place; empty for absence
    """
    _require(predictor, "ctc", "a word")
    if not 0 <= index < len(words):
        raise AnalysisError(
            f"expected the position of a word from 0 to {len(words) - 1} in {' '.join(words)!r}, found {index}; "
            "correct the position"
        )
    other = [*words[:index], *([alternative] if alternative else []), *words[index + 1 :]]
    spelt, otherwise = (_log_likelihood(predictor, " ".join(text)) for text in (words, other))
    form = " ".join([*words[:index], f"[{words[index]}|{alternative}]", *words[index + 1 :]])

    def odds(logits: Tensor) -> Tensor:
        return spelt(logits) - otherwise(logits)

    return ExplainedOutput(words[index], form, odds, lambda logits: odds(logits).sigmoid())


def parse_output(predictor: Predictor, form: str, scale: str = AttributionSettings.scale) -> ExplainedOutput:
    """Return the explained output that a form defines.

    Parameters
    ----------
    form : a class; for a CTC head a transcript, in which ``[garçons|garçon]`` marks a word and its alternative, or a
        token and a frame, as in ``a@12``

    Raises
    ------
    AnalysisError
        The model has no such class, token or letter.
    """
    if predictor.task == "classes":
        return class_output(predictor, form, scale)
    if match := re.fullmatch(r"(\S+)@(\d+)", form):
        return token_output(predictor, match[1], int(match[2]), scale)
    words = form.split()
    marked = [(place, match) for place, word in enumerate(words) if (match := re.fullmatch(r"\[(.+)\|(.*)\]", word))]
    if not marked:
        return transcript_output(predictor, form)
    place, match = marked[0]
    return word_output(predictor, [*words[:place], match[1], *words[place + 1 :]], place, match[2])


def _log_likelihood(predictor: Predictor, text: str) -> Callable[[Tensor], Tensor]:
    tokens, blank = torch.tensor(_encode(predictor, text)), predictor.blank
    assert blank is not None  # checked: the model has a CTC head
    needed = len(tokens) + int((tokens[1:] == tokens[:-1]).sum())

    def score(logits: Tensor) -> Tensor:
        n_batch, n_frames = logits.shape[:2]
        if n_frames < needed:
            raise AnalysisError(
                f"expected at least {needed} frames for the transcript {text!r}, found {n_frames}; check that text and "
                "recording belong together"
            )
        lengths = torch.full((n_batch,), n_frames), torch.full((n_batch,), len(tokens))
        return -torch.nn.functional.ctc_loss(
            logits.log_softmax(-1).transpose(0, 1),
            tokens.expand(n_batch, -1).to(logits.device),
            *lengths,
            blank=blank,
            reduction="none",
        )

    return score


def _encode(predictor: Predictor, text: str) -> list[int]:
    boundary = predictor.vocabulary.delimiter if predictor.vocabulary is not None else None
    letters = [letter for word in text.split() for letter in (*([boundary] if boundary else ()), *word)]
    letters = letters[1:] if boundary else letters
    if not letters:
        raise AnalysisError("expected a transcript of at least one letter, found none; leave the utterance out")
    tokens = []
    for letter in letters:
        forms = [form for form in (letter, letter.lower(), letter.upper()) if form in predictor.labels]
        if not forms:
            raise AnalysisError(
                f"expected letters among the model's tokens ({', '.join(predictor.labels)}), found {letter!r} in "
                f"{text!r}; choose a model or a corpus of that spelling"
            )
        tokens.append(predictor.labels.index(forms[0]))
    return tokens


def _scaled(logits: Tensor, scale: str) -> Tensor:
    if scale not in SCALES:
        raise AnalysisError(f"expected one of the scales {', '.join(SCALES)}, found {scale!r}; correct the name")
    return logits.log_softmax(-1) if scale == "log_probability" else logits


def _require(predictor: Predictor, task: str, what: str) -> None:
    if predictor.task != task:
        head = {"ctc": "a CTC head", "classes": "a classifier"}
        raise AnalysisError(
            f"expected {head[task]} to explain {what}, found {head[predictor.task]}; choose another explained output"
        )
