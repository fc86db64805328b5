"""The pre-training of a speech encoder, step by step; crops, augmentation and masks are drawn from (seed, step)."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from auscult.corpora.corpus import Corpus
from auscult.models.speech import SpeechModel
from auscult.models.training.architecture import build_encoder, encoder_timing
from auscult.models.training.augmentation import augment
from auscult.models.training.contrastive import Contrastive
from auscult.models.training.crops import Stream, normalise, read_streams
from auscult.models.training.learner import Learner
from auscult.models.training.masked_prediction import MaskedPrediction
from auscult.models.training.masking import span_mask

__all__ = ["Trainer"]

SAMPLE_RATE_HZ = 16000
OBJECTIVES = {"masked_prediction": MaskedPrediction, "contrastive": Contrastive}
_N_VALID_CROPS = 32
_VALID_SEED = 2**31  # beyond every step, so that no training batch shares the random numbers of the validation


class Trainer(Learner[PreTrainedModel]):
    """A speech encoder that is pre-trained on crops of a corpus.

    Parameters
    ----------
    corpus : training data, with splits ``train`` and ``valid``
    settings : parameters of :func:`auscult.models.training.pretraining.train_model`
    device : ``"cpu"`` or ``"cuda"``
    teacher : the model whose layers some codebooks are named after
    """

    def __init__(self, corpus: Corpus, settings: Mapping[str, Any], device: str, teacher: SpeechModel | None = None):
        self.timing = encoder_timing(settings["architecture"])
        self.n_frames = int(self.timing.n_frames(round(settings["crop_s"] * SAMPLE_RATE_HZ)))
        # Samples beyond the last frame's receptive field are not read: every convolution uses all of its input.
        self.n_samples = self.timing.receptive_field_samples + (self.n_frames - 1) * self.timing.hop_samples
        codebooks = settings["codebooks"] if settings["recipe"] == "masked_prediction" else {}
        encoder = build_encoder(settings["recipe"], settings["architecture"], settings["seed"])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings["seed"] + 1)
            super().__init__(OBJECTIVES[settings["recipe"]](encoder, codebooks), settings, device)
        streams = read_streams(corpus, codebooks, self.timing, self.n_samples, settings["seed"], teacher)
        self.stream, self.valid = streams["train"], list(self._valid_batches(streams["valid"]))

    @property
    def encoder(self) -> PreTrainedModel:
        """The model that checkpoints hold; the heads of the objective are left out."""
        return self.module.encoder

    def batch_loss(self, step: int) -> tuple[Tensor, None]:
        """Return the loss of a step's batch; there is no regulariser."""
        rng = np.random.default_rng([self.settings["seed"], step])
        waveforms, units = self.stream.crops(rng, self.settings["batch_size"], self.n_samples)
        batch = self._tensors(augment(rng, waveforms), units, rng)
        loss, _ = self.module(*batch, progress=step / self.settings["steps"][-1])
        return loss, None

    def validate(self) -> tuple[float, float]:
        """Return loss and accuracy on fixed crops and masks of split ``valid``; raise as :meth:`advance` does."""
        self.module.eval()
        with torch.no_grad():
            values = [[value.item() for value in self.module(*batch)] for batch in self.valid]
        loss, accuracy = np.mean(values, axis=0)
        self.require_finite(float(loss))
        return float(loss), float(accuracy)

    def _valid_batches(self, stream: Stream) -> Iterator[tuple[Tensor, dict[str, Tensor], Tensor]]:
        rng = np.random.default_rng([self.settings["seed"], _VALID_SEED])
        for _ in range(max(1, _N_VALID_CROPS // self.settings["batch_size"])):
            waveforms, units = stream.crops(rng, self.settings["batch_size"], self.n_samples)
            yield self._tensors(waveforms, units, rng)

    def _tensors(
        self, waveforms: np.ndarray, units: Mapping[str, np.ndarray], rng: np.random.Generator
    ) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Return normalised waveforms, units by codebook, and a mask, on the device."""
        mask = torch.from_numpy(span_mask(rng, len(waveforms), self.n_frames)).to(self.device)
        on_device = {name: torch.from_numpy(values).to(self.device) for name, values in units.items()}
        return torch.from_numpy(normalise(waveforms)).to(self.device), on_device, mask
