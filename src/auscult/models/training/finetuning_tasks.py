"""The two tasks of fine-tuning: transcription by CTC, and classification of utterances."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from auscult.corpora.corpus import Corpus
from auscult.corpora.cues import cues, has_cues
from auscult.corpora.transcripts import error_rate, spelt_right
from auscult.corpora.utterance_classes import class_names, utterance_classes
from auscult.errors import CorpusError
from auscult.models.training.vocabulary import build_vocabulary, decode, encode, plain_text

__all__ = ["Objective", "Transcription", "Classification", "build_objective", "MEASURES"]

MEASURES = {
    "ctc": ("loss_valid", "character_error_rate", "word_error_rate", "number_spelt_right", "n_valid"),
    "classes": ("loss_valid", "accuracy_valid", "n_valid"),
}


class Objective(Protocol):
    """A task on a corpus: labels, the utterances of each split, a loss, and measures on split ``valid``.

    Attributes
    ----------
    labels : tokens, or names of classes, in order of their index
    utterances : names of the utterances, by split
    """

    labels: tuple[str, ...]
    utterances: dict[str, list[str]]

    def loss(self, logits: Tensor, n_frames: Tensor, names: Sequence[str]) -> Tensor:
        """Return the mean loss of a batch."""
        ...

    def answers(self, logits: Tensor, n_frames: Tensor) -> list[Any]:
        """Return the prediction for each utterance: its transcript, or the index of its class."""
        ...

    def measures(self, answers: Mapping[str, Any]) -> tuple[float, ...]:
        """Return the measures of :data:`MEASURES` after the loss, from predictions for all of split ``valid``."""
        ...


def build_objective(corpus: Corpus, task: str, target: Mapping[str, Any] | None) -> Objective:
    """Return the objective of a task of :data:`MEASURES` on a corpus with splits ``train`` and ``valid``."""
    return Transcription(corpus) if task == "ctc" else Classification(corpus, target or {})


class Transcription:
    """Transcription in characters by connectionist temporal classification (Graves et al., 2006); token 0 is the blank.

    Parameters
    ----------
    corpus : with transcripts in splits ``train`` and ``valid``
    """

    def __init__(self, corpus: Corpus):
        tables = {split: _split(corpus, split) for split in ("train", "valid")}
        self.labels = build_vocabulary(tables["train"]["text"])
        self.utterances = {split: list(table["utterance"]) for split, table in tables.items()}
        rows = [row for table in tables.values() for row in table.itertuples()]
        self.texts = {row.utterance: plain_text(row.text) for row in rows}
        self.tokens = {name: torch.tensor(encode(text, self.labels)) for name, text in self.texts.items()}
        self.cues = cues(corpus.segments, tables["valid"]) if has_cues(corpus.segments) else None

    def loss(self, logits: Tensor, n_frames: Tensor, names: Sequence[str]) -> Tensor:
        """Return the mean loss of a batch."""
        tokens = [self.tokens[name] for name in names]
        lengths = torch.tensor([len(text) for text in tokens])
        log_probabilities = logits.log_softmax(dim=-1).transpose(0, 1)
        return functional.ctc_loss(
            log_probabilities, torch.cat(tokens).to(logits.device), n_frames.cpu(), lengths, blank=0, zero_infinity=True
        )

    def answers(self, logits: Tensor, n_frames: Tensor) -> list[str]:
        """Return the transcript of each utterance."""
        best = logits.argmax(dim=-1).cpu()
        return [decode(row[:n].tolist(), self.labels) for row, n in zip(best, n_frames.tolist())]

    def measures(self, answers: Mapping[str, str]) -> tuple[float, ...]:
        """Return error rates, the share of cue words with the right ending (NaN without cues), and the sample size."""
        references = [self.texts[name] for name in answers]
        rates = [error_rate(references, answers.values(), unit) for unit in ("character", "word")]
        known = self.cues is not None and len(self.cues)
        right = spelt_right(self.texts, answers, self.cues)["right"].mean() if known else float("nan")
        return (*rates, float(right), len(answers))


class Classification:
    """Classification of utterances by cross-entropy; utterances without a class are left out.

    Parameters
    ----------
    corpus : with splits ``train`` and ``valid``
    target : definition of the classes, see :func:`auscult.corpora.utterance_classes.utterance_classes`
    """

    def __init__(self, corpus: Corpus, target: Mapping[str, Any]):
        tables = {split: _split(corpus, split) for split in ("train", "valid")}
        self.labels = class_names(tables["train"], target)
        found = utterance_classes(pd.concat(tables.values()), target)
        self.classes = {name: self.labels.index(label) for name, label in found.items() if label in self.labels}
        self.utterances = {
            split: [name for name in table["utterance"] if name in self.classes] for split, table in tables.items()
        }
        if not self.utterances["valid"]:
            raise CorpusError(
                f"expected utterances with a class of {dict(target)} in split 'valid' of corpus {corpus.name!r}, found "
                f"none in {len(tables['valid'])}; use a larger split or more frequent keywords"
            )

    def loss(self, logits: Tensor, n_frames: Tensor, names: Sequence[str]) -> Tensor:
        """Return the mean loss of a batch."""
        return functional.cross_entropy(logits, torch.tensor([self.classes[name] for name in names]).to(logits.device))

    def answers(self, logits: Tensor, n_frames: Tensor) -> list[int]:
        """Return the index of each utterance's predicted class."""
        return logits.argmax(dim=-1).tolist()

    def measures(self, answers: Mapping[str, int]) -> tuple[float, ...]:
        """Return the accuracy, and the sample size."""
        return float(np.mean([self.classes[name] == answer for name, answer in answers.items()])), len(answers)


def _split(corpus: Corpus, split: str) -> pd.DataFrame:
    table = corpus.utterances[corpus.utterances["split"] == split]
    if table.empty:
        found = ", ".join(sorted(set(corpus.utterances["split"])))
        raise CorpusError(
            f"expected utterances of split {split!r} in corpus {corpus.name!r} to fine-tune a model, "
            f"found only {found}; give some speakers this split"
        )
    return table
