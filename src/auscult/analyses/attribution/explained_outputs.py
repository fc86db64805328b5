"""What is attributed: a class, a token of a frame, a transcript or the spelling of one word, as one number an input."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from auscult.errors import AnalysisError
from auscult.models.predictor import Predictor

__all__ = ["SCALES", "Target", "class_target", "token_target", "transcript_target", "word_target", "parse_target"]

SCALES = ("logit", "log_probability")


@dataclass(frozen=True)
class Target:
    """One number for each input of a batch, differentiable in the logits.

    Parameters
    ----------
    name : for result tables: the class, the transcript, the word as spelt
    form : all that defines it, of which :func:`parse_target` makes the target again
    score : from logits [shape=(n_batch, …)] to scores [shape=(n_batch,)]; higher means more of the target
    probability : from logits to how probable the model holds the target, 0 to 1 [shape=(n_batch,)]
    """

    name: str
    form: str
    score: Callable[[Tensor], Tensor]
    probability: Callable[[Tensor], Tensor]


def class_target(
    predictor: Predictor, label: str, scale: Literal["logit", "log_probability"] = "log_probability"
) -> Target:
    """Return the logit or log-probability of a class.

    Raises
    ------
    AnalysisError
        The model has no such class, or a CTC head.
    """
    _require(predictor, "classes", "a class")
    index = predictor.label_index(label)
    return Target(label, label, lambda x: _scaled(x, scale)[:, index], lambda x: x.softmax(-1)[:, index])


def token_target(
    predictor: Predictor, token: str, frame: int, scale: Literal["logit", "log_probability"] = "log_probability"
) -> Target:
    """Return the logit or log-probability of a CTC token at a frame, counted from 0.

    Raises
    ------
    AnalysisError
        The model has no such token, or is a classifier; when scored, the utterance has no such frame.
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
    return Target(name, name, score, lambda logits: logits.softmax(-1)[:, frame, index])


def transcript_target(predictor: Predictor, text: str) -> Target:
    """Return the log-probability of a transcript, summed over its CTC alignments (Graves and others, 2006, eq. 8).

    Its probability is the geometric mean over letters, so that long sentences do not count for less.

    Raises
    ------
    AnalysisError
        A letter is not among the tokens, there is none, or the model is a classifier; when scored, the utterance has
        fewer frames than the transcript needs.
    """
    _require(predictor, "ctc", "a transcript")
    score, n_letters = _log_likelihood(predictor, text), len(_encode(predictor, text))
    return Target(text, text, score, lambda logits: (score(logits) / n_letters).exp())


def word_target(predictor: Predictor, words: Sequence[str], index: int, alternative: str = "") -> Target:
    """Return the log-odds of a word's spelling within a transcript, against another spelling or against its absence.

    That is log P(transcript) − log P(transcript with ``alternative`` in the word's place): for homophones the
    alternative is the other spelling, so that only what decides between them counts. Its probability is that of the
    word where there is only this choice. Raises as :func:`transcript_target`.

    Parameters
    ----------
    words : the words of the transcript
    index : which of them
    alternative : what else could stand there; empty for nothing
    """
    _require(predictor, "ctc", "a word")
    if not 0 <= index < len(words):
        raise AnalysisError(f"expected a word from 0 to {len(words) - 1} of {' '.join(words)!r}, found {index}")
    other = [*words[:index], *([alternative] if alternative else []), *words[index + 1 :]]
    spelt, otherwise = (_log_likelihood(predictor, " ".join(text)) for text in (words, other))
    form = " ".join([*words[:index], f"[{words[index]}|{alternative}]", *words[index + 1 :]])

    def odds(logits: Tensor) -> Tensor:
        return spelt(logits) - otherwise(logits)

    return Target(words[index], form, odds, lambda logits: odds(logits).sigmoid())


def parse_target(
    predictor: Predictor, form: str, scale: Literal["logit", "log_probability"] = "log_probability"
) -> Target:
    """Return the target of a form.

    Parameters
    ----------
    form : a class; or of a CTC head a transcript, in which ``[garçons|garçon]`` marks a word and what else could stand
        there, or a token and a frame, as in ``a@12``

    Raises
    ------
    AnalysisError
        The model has no such class, token or letter.
    """
    if predictor.task == "classes":
        return class_target(predictor, form, scale)
    if match := re.fullmatch(r"(\S+)@(\d+)", form):
        return token_target(predictor, match[1], int(match[2]), scale)
    words = form.split()
    marked = [(place, match) for place, word in enumerate(words) if (match := re.fullmatch(r"\[(.+)\|(.*)\]", word))]
    if not marked:
        return transcript_target(predictor, form)
    place, match = marked[0]
    return word_target(predictor, [*words[:place], match[1], *words[place + 1 :]], place, match[2])


def _log_likelihood(predictor: Predictor, text: str) -> Callable[[Tensor], Tensor]:
    tokens = torch.tensor(_encode(predictor, text))
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
            blank=predictor.blank,
            reduction="none",
        )

    return score


def _encode(predictor: Predictor, text: str) -> list[int]:
    letters = "|".join(text.split())
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
            f"expected {head[task]} for {what} as target, found {head[predictor.task]}; choose another target"
        )
