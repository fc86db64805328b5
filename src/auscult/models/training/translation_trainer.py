"""The training of a speech translator, step by step; batches and dropout are drawn from (seed, step)."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from auscult.corpora.corpus import Corpus
from auscult.corpora.translations import read_references
from auscult.errors import CorpusError
from auscult.models.checkpoint_format import read_preprocessor
from auscult.models.checkpoints import load_model
from auscult.models.seals import check_seal
from auscult.models.speech import SpeechModel
from auscult.models.training.finetuning_data import Batches, FrontEnd
from auscult.models.training.learner import Learner
from auscult.models.translators.architecture import MAX_SUBWORDS, NarrowAdapter, Translator, build_translator, padded
from auscult.models.translators.subwords import PAD, Subwords, build_subwords

__all__ = ["Material", "TranslationTrainer"]

_UNSCORED = -100  # the index that cross_entropy ignores
_BATCH_SIZE = 16  # where nothing is learnt


class Material:
    """Training data that all seeds of a mechanism share: references, start encoder, and cached output of frozen parts.

    For an encoder that is trained, the front end's frames are cached; for a frozen one, the compressed states.

    Parameters
    ----------
    corpus : with references for splits ``train`` and ``valid``
    start : checkpoint folder of the encoder; for mechanism ``frozen``, of a recogniser
    device : ``"cpu"`` or ``"cuda"``
    """

    def __init__(self, corpus: Corpus, start: Path, device: str):
        check_seal(start)
        model: Any = load_model(start)
        self.corpus, self.device = corpus, device
        self.encoder, self.recogniser = model.base_model, getattr(model, "lm_head", None)
        self.preprocessor = read_preprocessor(Path(start))
        references = read_references(corpus.folder, corpus.utterances)
        self.references = {split: _split(references, split, corpus.name) for split in ("train", "valid")}
        train = self.references["train"]
        self.subwords = build_subwords(
            train["reference"].tolist(), train["terms"], sorted(set(train["target_language"]))
        )
        self.front = FrontEnd(corpus, SpeechModel(deepcopy(self.encoder), self.preprocessor, device=device))
        self._compressed: dict[str, Tensor] = {}

    def compressed(self, model: Translator, names: Sequence[str]) -> list[Tensor]:
        """Return the compressed states of a frozen recogniser for utterances, computed once for all seeds.

        The first call runs all utterances of the corpus in a fixed order: low bits depend on the batch, and would
        otherwise depend on which seed comes first.
        """
        if not self._compressed:
            utterances = pd.concat(self.references.values()).drop_duplicates("utterance")
            lengths = utterances.set_index("utterance")["n_samples"]
            order = sorted(lengths.index, key=lambda name: (lengths[name], name))
            model.encoder.eval()  # no dropout in cached states
            for start in range(0, len(order), _BATCH_SIZE):
                part = order[start : start + _BATCH_SIZE]
                with torch.no_grad():
                    states = model.encode([self.front.frames(name).to(self.device) for name in part])
                    self._compressed |= dict(zip(part, _narrow(model).compress(*states)))
        return [self._compressed[name] for name in names]


class TranslationTrainer(Learner[Translator]):
    """A translator that is trained from a trained encoder.

    The model of step 0 is untrained throughout; the first step starts from the trained encoder with the same random
    adapter and decoder. The convolutional front end is not trained. Each utterance of a batch is encoded once and
    translated into every language for which it has a reference.

    Parameters
    ----------
    material : shared between seeds
    settings : parameters of :func:`auscult.models.training.translation.train_translators`, for one seed
    """

    called_by = "mechanism"
    held_by = "decoder_steps"

    def __init__(self, material: Material, settings: Mapping[str, Any]):
        untrained, started = build_translator(
            deepcopy(material.encoder),
            settings["mechanism"],
            n_subwords=len(material.subwords.names),
            seed=settings["seed"],
            width=settings["width"],
            layers=settings["decoder_layers"],
            dropout=settings["dropout"],
            recogniser=material.recogniser,
        )
        super().__init__(started, settings, material.device, untrained)
        self.encoder_parameters = [part for part in started.encoder.parameters() if part.requires_grad]
        self.material = material
        self.frozen = settings["mechanism"] == "frozen"
        self.tokens = {split: _tokens(table, material.subwords) for split, table in material.references.items()}
        self.valid = material.references["valid"].sort_values(["n_samples", "utterance"], kind="stable")
        lengths = material.references["train"].drop_duplicates("utterance").set_index("utterance")["n_samples"]
        self.batches = Batches(lengths.to_dict(), settings["batch_size"], settings["seed"])

    def rate_share(self, name: str) -> float:
        """Return ``encoder_rate`` for the encoder's parameters, and 1 for those of adapter and decoder."""
        return float(self.settings["encoder_rate"]) if name.startswith("encoder.") else 1.0

    @property
    def subwords(self) -> Subwords:
        """Vocabulary of the decoder."""
        return self.material.subwords

    def batch_loss(self, step: int) -> tuple[Tensor, None]:
        """Return the loss of a step's batch; there is no regulariser."""
        tokens, names = self.tokens["train"], self.batches.names_of(step)
        states, lengths = self._states(self.module, names)
        languages = [[language for language in self.subwords.languages if (name, language) in tokens] for name in names]
        rows = torch.tensor([row for row, found in enumerate(languages) for _ in found], device=states.device)
        sequences = [tokens[name, language] for name, found in zip(names, languages) for language in found]
        return self._loss(self.module, states[rows], lengths[rows], sequences), None

    def validate(self) -> tuple[float, ...]:
        """Return the loss on split ``valid``, the share of its sentences translated exactly, and their number."""
        model, losses, exact = self.encoder.eval(), [], []
        for start in range(0, len(self.valid), _BATCH_SIZE):
            part = self.valid.iloc[start : start + _BATCH_SIZE]
            with torch.no_grad():
                states, lengths = self._states(model, part["utterance"].tolist())
                sequences = [self.tokens["valid"][row.utterance, row.target_language] for row in part.itertuples()]
                losses += [self._loss(model, states, lengths, sequences).item()] * len(part)
                tags = torch.stack([sequence[0] for sequence in sequences]).to(states.device)
                written = model.write(states, lengths, tags, MAX_SUBWORDS)
            exact += [self.subwords.decode(row) == text for row, text in zip(written, part["reference"])]
        loss = float(np.mean(losses))
        self.require_finite(loss)
        return loss, float(np.mean(exact)), len(exact)

    def estimate(self) -> float:
        """Return the estimated duration of all steps in seconds, from two trial batches."""
        trials = []
        self.module.train()
        for _ in range(2):
            start = perf_counter()
            self.batch_loss(1)[0].backward()
            trials.append(perf_counter() - start)
        self.clear_gradients()
        # Cached output is computed batch by batch, or, behind a frozen encoder, all at the first batch.
        n_utterances = min(self.settings["steps"][-1] * self.batches.size, len(self.batches.names))
        n_times = 1 if self.frozen else n_utterances / self.batches.size
        return trials[1] * self.settings["steps"][-1] + (trials[0] - trials[1]) * n_times

    def _states(self, model: Translator, names: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return the states that the decoder reads, and their number for each utterance."""
        if model is self.untrained:  # its front end is untrained, too, and has no cached frames
            speech = SpeechModel(deepcopy(model.encoder), self.material.preprocessor, device=self.material.device)
            waveforms = [self.material.corpus.waveform(name) for name in names]
            return model.adapter(*model.encode(speech.front_end(waveforms)))
        if self.frozen:
            return _narrow(model).project(*padded(self.material.compressed(model, names)))
        frames = [self.material.front.frames(name).to(self.material.device) for name in names]
        return model.adapter(*model.encode(frames))

    @staticmethod
    def _loss(model: Translator, states: Tensor, lengths: Tensor, sequences: Sequence[Tensor]) -> Tensor:
        """Return the mean cross-entropy of tokens, each given the tokens before it."""
        given = pad_sequence([part[:-1] for part in sequences], batch_first=True, padding_value=PAD)
        following = pad_sequence([part[1:] for part in sequences], batch_first=True, padding_value=_UNSCORED)
        following = following.flatten().to(states.device)
        logits, _ = model.decode(states, lengths, given.to(states.device))
        return functional.cross_entropy(logits.flatten(0, 1), following, ignore_index=_UNSCORED)


def _narrow(model: Translator) -> NarrowAdapter:
    return cast("NarrowAdapter", model.adapter)


def _tokens(references: pd.DataFrame, subwords: Subwords) -> dict[tuple[str, str], Tensor]:
    """Return the tokens of each reference (tag, subwords, end), by utterance and language."""
    return {
        (row.utterance, row.target_language): torch.tensor(
            [subwords.tag(row.target_language), *subwords.encode(row.reference)[-MAX_SUBWORDS:]]
        )
        for row in references.itertuples()
    }


def _split(references: pd.DataFrame, split: str, corpus: str) -> pd.DataFrame:
    table = references[references["split"] == split]
    if table.empty:
        found = ", ".join(sorted(set(references["split"])))
        raise CorpusError(
            f"expected references of split {split!r} in corpus {corpus!r} to train a translator, found "
            f"only {found}; give some speakers this split"
        )
    return table.reset_index(drop=True)
