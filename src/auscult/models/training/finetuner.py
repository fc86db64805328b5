"""The fine-tuning of an encoder for a task, step by step; batches and masks are drawn from (seed, step)."""

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
from auscult.models.training.finetuning_data import Batches, FrontEnd, stretch
from auscult.models.training.finetuning_tasks import build_objective
from auscult.models.training.heads import build_headed, head_logits, with_encoder
from auscult.models.training.learner import Learner
from auscult.models.training.masking import span_mask

__all__ = ["Finetuner"]

# Share of the steps over which masking rises to its full probability: masked from the start, a recogniser settles on
# blanks before it has learnt its first letters.
_MASK_RAMP = 0.4


class Finetuner(Learner[PreTrainedModel]):
    """A pre-trained encoder that is fine-tuned with a new head.

    The convolutional front end is not trained (as in Baevski et al., 2020, section 4.2), so that its frames are
    computed once for each utterance. The model of step 0 is untrained, encoder and head; the first step
    starts from the pre-trained encoder with the same random head.

    Parameters
    ----------
    corpus : training data, with splits ``train`` and ``valid``
    start : checkpoint folder of the pre-trained encoder
    settings : parameters of :func:`auscult.models.training.finetuning.finetune_model`
    device : ``"cpu"`` or ``"cuda"``
    """

    called_by = "task"
    held_by = "head_steps"

    def __init__(self, corpus: Corpus, start: Path, settings: Mapping[str, Any], device: str):
        self.corpus = corpus
        self.objective = build_objective(corpus, settings["task"], settings["target"])
        encoder = load_encoder(start)
        untrained = build_headed(
            encoder, settings["task"], self.objective.labels, settings["seed"], settings["dropout"]
        )
        super().__init__(with_encoder(untrained, encoder), settings, device, untrained)
        self.encoder_parameters = [each for each in self.module.base_model.parameters() if each.requires_grad]
        self.preprocessor = read_preprocessor(Path(start))
        speech = SpeechModel(encoder, self.preprocessor, device=device)
        self.front = FrontEnd(corpus, speech, settings["augmented_share"], settings["seed"])
        self.plain_front = FrontEnd(corpus, speech)
        lengths = corpus.utterances.set_index("utterance")["n_samples"].to_dict()
        self.batches = Batches(
            {name: lengths[name] for name in self.objective.utterances["train"]},
            settings["batch_size"],
            settings["seed"],
        )
        self.valid = sorted(self.objective.utterances["valid"], key=lambda name: lengths[name])

    def batch_loss(self, step: int) -> tuple[Tensor, None]:
        """Return the loss of a step's batch; there is no regulariser."""
        rng = np.random.default_rng([self.settings["seed"], step, 1])
        names = self.batches.names_of(step)
        cnn = [stretch(rng, self.front.frames(name), self.settings["time_warp"]).to(self.device) for name in names]
        mask = self._mask(rng, cnn, min(1.0, step / (_MASK_RAMP * self.settings["steps"][-1])))
        return self.objective.loss(*head_logits(self.module, cnn, mask), names), None

    def validate(self) -> tuple[float, ...]:
        """Return loss and measures on split ``valid``; raise as :meth:`advance` does."""
        model = self.encoder.eval()
        front = (
            self.plain_front if self.step else FrontEnd(self.corpus, self._untrained_front_end(model), limit_bytes=0)
        )
        losses: list[float] = []
        answers: dict[str, Any] = {}
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
        """Return the estimated duration of all steps and the audio they process, both in seconds.

        The estimate is measured on two trial batches, which leave no trace in weights and random state.
        """
        names, trials = self.batches.names_of(1), []
        start = perf_counter()
        for name in names:
            self.front.frames(name)
        front_s = (perf_counter() - start) / len(names)
        self.module.train()
        for _ in range(2):
            start = perf_counter()
            self.batch_loss(1)[0].backward()
            trials.append(perf_counter() - start)
        self.clear_gradients()
        n_steps = self.settings["steps"][-1]
        n_utterances = min(n_steps * self.batches.size, len(self.batches.names))
        audio_s = n_steps * self.batches.size * float(self.batches.lengths.mean()) / self.front.speech.sample_rate_hz
        heard_s = sum(self.batches.n_samples[name] for name in names) / self.front.speech.sample_rate_hz
        return front_s * n_utterances + trials[-1] / heard_s * audio_s, audio_s

    def _mask(self, rng: np.random.Generator, cnn: Sequence[Tensor], share: float) -> Tensor | None:
        probability = share * self.settings["mask_probability"]
        if not probability or not hasattr(self.module.base_model, "masked_spec_embed"):
            return None
        mask = span_mask(rng, len(cnn), max(len(frames) for frames in cnn), probability)
        return torch.from_numpy(mask).to(self.device)

    def _untrained_front_end(self, model: PreTrainedModel) -> SpeechModel:
        encoder: Any = deepcopy(model.base_model)
        return SpeechModel(encoder, self.preprocessor, device=self.device)
