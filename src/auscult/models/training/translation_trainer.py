"""One training of a translator between two steps: batches and dropout drawn from (seed, step)."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from auscult.corpora.corpus import Corpus
from auscult.corpora.translations import read_references
from auscult.errors import CorpusError
from auscult.manifests import check_folder
from auscult.models.checkpoint_format import read_preprocessor
from auscult.models.checkpoints import load_model
from auscult.models.speech import SpeechModel
from auscult.models.training.finetuning_data import Batches, FrontEnd
from auscult.models.training.learner import Learner
from auscult.models.translators.architecture import LONGEST, Translator, build_translator, padded
from auscult.models.translators.subwords import PAD, Pieces, build_pieces

__all__ = ["Material", "TranslationTrainer"]

_UNSCORED = -100
_AT_ONCE = 16


class Material:
    """What all seeds of a mechanism learn from: references, the encoder they start from, and what of it stays the same.

    Of an encoder that learns, front-end frames are kept; of a frozen one, what leaves its recogniser.

    Parameters
    ----------
    corpus : with references, of splits ``train`` and ``valid``
    start : sealed checkpoint of the encoder, of ``frozen`` of a recogniser
    device : ``"cpu"`` or ``"cuda"``
    """

    def __init__(self, corpus: Corpus, start: Path, device: str):
        check_folder(start, remedy="delete the checkpoint folder and fetch, import or train it again")
        model = load_model(start)
        self.corpus, self.device = corpus, device
        self.encoder, self.recogniser = model.base_model, getattr(model, "lm_head", None)
        self.preprocessor = read_preprocessor(Path(start))
        references = read_references(corpus.folder, corpus.utterances)
        self.references = {split: _split(references, split, corpus.name) for split in ("train", "valid")}
        train = self.references["train"]
        self.pieces = build_pieces(train["reference"].tolist(), train["terms"], sorted(set(train["target_language"])))
        self.front = FrontEnd(corpus, SpeechModel(deepcopy(self.encoder), self.preprocessor, device=device))
        self._compressed: dict[str, Tensor] = {}

    def compressed(self, model: Translator, names: Sequence[str]) -> list[Tensor]:
        """Return what a frozen recogniser hands on of utterances, computed once for all seeds.

        All of them are run at the first call, in an order of their own: low bits depend on what shares a batch, and
        would otherwise depend on which seed comes first.
        """
        if not self._compressed:
            heard = pd.concat(self.references.values()).drop_duplicates("utterance")
            lengths = heard.set_index("utterance")["n_samples"]
            order = sorted(lengths.index, key=lambda name: (lengths[name], name))
            model.encoder.eval()  # no dropout in what is kept
            for start in range(0, len(order), _AT_ONCE):
                part = order[start : start + _AT_ONCE]
                with torch.no_grad():
                    states = model.encode([self.front.frames(name).to(self.device) for name in part])
                    self._compressed |= dict(zip(part, model.adapter.compress(*states)))
        return [self._compressed[name] for name in names]


class TranslationTrainer(Learner):
    """Weights, optimiser and step of a translator; steps and saves as :class:`~.trainer.Trainer` does.

    At step 0 the model is the untrained one, all of its weights random; the first step is taken from the trained
    encoder below the same random adapter and decoder. The convolutional front end stays as it was. An utterance of a
    batch is heard once and translated into every language that it has references in.

    Parameters
    ----------
    material : shared between seeds
    settings : of the training, as :func:`auscult.models.training.translation.train_translators` takes them
    """

    called_by = "mechanism"

    def __init__(self, material: Material, settings: Mapping[str, Any]):
        untrained, started = build_translator(
            deepcopy(material.encoder),
            settings["mechanism"],
            n_pieces=len(material.pieces.names),
            seed=settings["seed"],
            width=settings["width"],
            layers=settings["decoder_layers"],
            dropout=settings["dropout"],
            recogniser=material.recogniser,
        )
        super().__init__(started, settings, material.device)
        self.encoder_parameters = [part for part in started.encoder.parameters() if part.requires_grad]
        mine = {id(part) for part in self.encoder_parameters}
        others = [part for part in started.parameters() if part.requires_grad and id(part) not in mine]
        groups = [{"params": others, "share": 1.0}]
        if self.encoder_parameters:
            groups.append({"params": self.encoder_parameters, "share": settings["encoder_rate"]})
        self.optimiser = torch.optim.AdamW(groups, lr=1.0, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.01, fused=True)
        self.material, self.untrained = material, untrained.to(material.device)
        self.frozen = settings["mechanism"] == "frozen"
        self.targets = {split: _targets(table, material.pieces) for split, table in material.references.items()}
        self.valid = material.references["valid"].sort_values(["n_samples", "utterance"], kind="stable")
        lengths = material.references["train"].drop_duplicates("utterance").set_index("utterance")["n_samples"]
        self.batches = Batches(lengths.to_dict(), settings["batch_size"], settings["seed"])

    @property
    def pieces(self) -> Pieces:
        """What it writes with."""
        return self.material.pieces

    @property
    def encoder(self) -> Translator:
        """The model that is kept, decoder included."""
        return self.module if self.step else self.untrained

    def advance(self) -> float:
        """Take one step and return its loss.

        Raises
        ------
        AnalysisError
            The loss is not finite.
        """
        self.begin_step()
        for group in self.optimiser.param_groups:
            group["lr"] *= group["share"]
        # Gradients of a decoder that does not listen yet would ruin the encoder before it does.
        for parameter in self.encoder_parameters:
            parameter.requires_grad_(self.step > self.settings["decoder_steps"])
        loss = self._batch_loss(self.step)
        self.end_step(loss)
        return loss.item()

    def validate(self) -> tuple[float, ...]:
        """Return the loss on split ``valid``, the share of its sentences translated exactly, and their number."""
        model, losses, exact = self.encoder.eval(), [], []
        for start in range(0, len(self.valid), _AT_ONCE):
            part = self.valid.iloc[start : start + _AT_ONCE]
            with torch.no_grad():
                states, lengths = self._states(model, part["utterance"].tolist())
                sequences = [self.targets["valid"][row.utterance, row.target_language] for row in part.itertuples()]
                losses += [self._loss(model, states, lengths, sequences).item()] * len(part)
                tags = torch.stack([sequence[0] for sequence in sequences]).to(states.device)
                written = model.write(states, lengths, tags, LONGEST)
            exact += [self.pieces.decode(row) == text for row, text in zip(written, part["reference"])]
        loss = float(np.mean(losses))
        self.require_finite(loss)
        return loss, float(np.mean(exact)), len(exact)

    def estimate(self) -> float:
        """Return the seconds that all steps will take, from two batches tried out."""
        trials = []
        self.module.train()
        for _ in range(2):
            start = perf_counter()
            self._batch_loss(1).backward()
            trials.append(perf_counter() - start)
        self.optimiser.zero_grad()
        # What is kept is computed batch by batch, or, behind a frozen encoder, all at once.
        n_heard = min(self.settings["steps"][-1] * self.batches.size, len(self.batches.names))
        n_times = 1 if self.frozen else n_heard / self.batches.size
        return trials[1] * self.settings["steps"][-1] + (trials[0] - trials[1]) * n_times

    def _batch_loss(self, step: int) -> Tensor:
        """Return the loss of a step's batch."""
        names = self.batches.names_of(step)
        states, lengths = self._states(self.module, names)
        languages = [
            [language for language in self.pieces.languages if (name, language) in self.targets["train"]]
            for name in names
        ]
        heard = torch.tensor([place for place, mine in enumerate(languages) for _ in mine], device=states.device)
        sequences = [self.targets["train"][name, language] for name, mine in zip(names, languages) for language in mine]
        return self._loss(self.module, states[heard], lengths[heard], sequences)

    def _states(self, model: Translator, names: Sequence[str]) -> tuple[Tensor, Tensor]:
        if model is self.untrained:  # even its front end is another one
            speech = SpeechModel(deepcopy(model.encoder), self.material.preprocessor, device=self.material.device)
            waveforms = [self.material.corpus.waveform(name) for name in names]
            return model.adapter(*model.encode(speech.front_end(waveforms)))
        if self.frozen:
            return model.adapter.project(*padded(self.material.compressed(model, names)))
        frames = [self.material.front.frames(name).to(self.material.device) for name in names]
        return model.adapter(*model.encode(frames))

    @staticmethod
    def _loss(model: Translator, states: Tensor, lengths: Tensor, sequences: Sequence[Tensor]) -> Tensor:
        """Return the mean cross-entropy of pieces, each given those before it."""
        given = pad_sequence([part[:-1] for part in sequences], batch_first=True, padding_value=PAD)
        asked = pad_sequence([part[1:] for part in sequences], batch_first=True, padding_value=_UNSCORED)
        logits, _ = model.decode(states, lengths, given.to(states.device))
        return functional.cross_entropy(logits.flatten(0, 1), asked.flatten().to(states.device), ignore_index=_UNSCORED)


def _targets(references: pd.DataFrame, pieces: Pieces) -> dict[tuple[str, str], Tensor]:
    """Return tag, pieces and end of each reference, by utterance and language."""
    return {
        (row.utterance, row.target_language): torch.tensor(
            [pieces.tag(row.target_language), *pieces.encode(row.reference)[-LONGEST:]]
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
