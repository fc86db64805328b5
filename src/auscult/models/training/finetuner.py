"""One fine-tuning between two steps: batches, masks and updates, all of them drawn from (seed, step)."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from auscult.corpora.corpus import Corpus
from auscult.models.checkpoint_format import read_preprocessor
from auscult.models.checkpoints import load_encoder
from auscult.models.speech import SpeechModel
from auscult.models.training.finetuning_data import Batches, FrontEnd
from auscult.models.training.finetuning_tasks import build_objective
from auscult.models.training.heads import build_headed, head_logits, with_encoder
from auscult.models.training.learner import Learner
from auscult.models.training.masking import span_mask

__all__ = ["Finetuner"]

# Hidden frames come in gradually: a recogniser that has not found its first letters yet settles on blanks for good.
_MASK_RAMP = 0.4


class Finetuner(Learner):
    """A pre-trained encoder that learns a task with a head of its own.

    The convolutional front end stays as it was pre-trained (as in Baevski et al., 2020, section 4.2), so that its
    frames are computed once for each copy of an utterance. At step 0 the model is the untrained one, all of its
    weights random; the first step is taken from the pre-trained encoder below the same random head.

    Parameters
    ----------
    corpus : what to learn from, with splits ``train`` and ``valid``
    start : sealed checkpoint of the pre-trained encoder
    settings : of the fine-tuning, as :func:`auscult.models.training.finetuning.finetune_model` takes them
    device : ``"cpu"`` or ``"cuda"``
    """

    called_by = "task"

    def __init__(self, corpus: Corpus, start: Path, settings: Mapping[str, Any], device: str):
        self.corpus = corpus
        self.objective = build_objective(corpus, settings["task"], settings["target"])
        encoder = load_encoder(start)
        untrained = build_headed(
            encoder, settings["task"], self.objective.labels, settings["seed"], settings["dropout"]
        )
        super().__init__(with_encoder(untrained, encoder), settings, device)
        self.encoder_parameters = [each for each in self.module.base_model.parameters() if each.requires_grad]
        self.untrained = untrained.to(device)
        self.preprocessor = read_preprocessor(Path(start))
        self.front = FrontEnd(corpus, SpeechModel(encoder, self.preprocessor, device=device), settings["seed"])
        lengths = corpus.utterances.set_index("utterance")["n_samples"]
        self.batches = Batches(
            lengths[self.objective.utterances["train"]].to_dict(), settings["batch_size"], settings["seed"]
        )
        self.valid = sorted(self.objective.utterances["valid"], key=lengths.get)

    @property
    def encoder(self) -> PreTrainedModel:
        """The model that is kept, head included."""
        return self.module if self.step else self.untrained

    def advance(self) -> float:
        """Take one step and return its loss.

        Raises
        ------
        AnalysisError
            The loss is not finite.
        """
        self.begin_step()
        for parameter in self.encoder_parameters:
            parameter.requires_grad_(self.step > self.settings["head_steps"])
        loss = self._loss(self.step)
        self.end_step(loss)
        return loss.item()

    def validate(self) -> tuple[float, ...]:
        """Return the measures of split ``valid``; raise as :meth:`advance` does."""
        model = self.encoder.eval()
        front = self.front if self.step else FrontEnd(self.corpus, self._own_front_end(model), limit_bytes=0)
        losses, answers = [], {}
        with torch.no_grad():
            for start in range(0, len(self.valid), self.settings["batch_size"]):
                names = self.valid[start : start + self.settings["batch_size"]]
                logits, n_frames = head_logits(model, [front.frames(name).to(self.device) for name in names])
                losses += [self.objective.loss(logits, n_frames, names).item()] * len(names)
                answers |= dict(zip(names, self.objective.answers(logits, n_frames)))
        loss = float(np.mean(losses))
        self.require_finite(loss)
        return (loss, *self.objective.measures(answers))

    def estimate(self) -> tuple[float, float]:
        """Return the seconds that all steps will take, and those of audio they hear, from two batches tried out."""
        names, trials = self.batches.names_of(1), []
        start = perf_counter()
        for name in names:
            self.front.frames(name)
        front_s = (perf_counter() - start) / len(names)
        self.module.train()
        for _ in range(2):
            start = perf_counter()
            self._loss(1).backward()
            trials.append(perf_counter() - start)
        self.optimiser.zero_grad()
        n_steps = self.settings["steps"][-1]
        n_utterances = min(
            n_steps * self.batches.size, len(self.batches.names) * (self.settings["augmented_copies"] + 1)
        )
        audio_s = n_steps * self.batches.size * float(self.batches.lengths.mean()) / self.front.speech.sample_rate_hz
        heard_s = sum(self.batches.n_samples[name] for name in names) / self.front.speech.sample_rate_hz
        return front_s * n_utterances + trials[-1] / heard_s * audio_s, audio_s

    def _loss(self, step: int) -> Tensor:
        """Return the loss of a step's batch."""
        rng = np.random.default_rng([self.settings["seed"], step, 1])
        names = self.batches.names_of(step)
        copies = rng.integers(self.settings["augmented_copies"] + 1, size=len(names))
        cnn = [self.front.frames(name, int(copy)).to(self.device) for name, copy in zip(names, copies)]
        mask = self._mask(rng, cnn, min(1.0, step / (_MASK_RAMP * self.settings["steps"][-1])))
        return self.objective.loss(*head_logits(self.module, cnn, mask), names)

    def _mask(self, rng: np.random.Generator, cnn: Sequence[Tensor], share: float) -> Tensor | None:
        probability = share * self.settings["mask_probability"]
        if not probability or not hasattr(self.module.base_model, "masked_spec_embed"):
            return None
        mask = span_mask(rng, len(cnn), max(len(frames) for frames in cnn), probability)
        return torch.from_numpy(mask).to(self.device)

    def _own_front_end(self, model: PreTrainedModel) -> SpeechModel:
        return SpeechModel(deepcopy(model.base_model), self.preprocessor, device=self.device)
