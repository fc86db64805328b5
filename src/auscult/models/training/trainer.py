"""One training between two steps: batches, losses and updates, all of them drawn from (seed, step)."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from auscult.corpora.corpus import Corpus
from auscult.errors import AnalysisError
from auscult.models.training.architecture import build_encoder, encoder_timing
from auscult.models.training.augmentation import augment
from auscult.models.training.contrastive import Contrastive
from auscult.models.training.crops import Stream, normalise, read_streams
from auscult.models.training.masked_prediction import MaskedPrediction
from auscult.models.training.masking import span_mask

__all__ = ["Trainer", "learning_rate"]

SAMPLE_RATE_HZ = 16000
OBJECTIVES = {"masked_prediction": MaskedPrediction, "contrastive": Contrastive}
_N_VALID_CROPS = 32
_VALID_STREAM = 2**31  # beyond every step, so that no training batch shares the random stream of the validation


class Trainer:
    """Weights, optimiser and step of a training; the next batch follows from seed and step, so nothing else is kept.

    Parameters
    ----------
    corpus : what to learn from, with splits ``train`` and ``valid``
    settings : of the training, as :func:`auscult.models.training.loop.train_model` takes them
    device : ``"cpu"`` or ``"cuda"``
    """

    def __init__(self, corpus: Corpus, settings: Mapping[str, Any], device: str):
        self.settings, self.device, self.step = settings, device, 0
        self.timing = encoder_timing(settings["architecture"])
        self.n_frames = int(self.timing.n_frames(round(settings["crop_s"] * SAMPLE_RATE_HZ)))
        # What no frame hears is not read: every convolution then ends where its input does.
        self.n_samples = self.timing.receptive_field_samples + (self.n_frames - 1) * self.timing.hop_samples
        codebooks = settings["codebooks"] if settings["recipe"] == "masked_prediction" else {}
        encoder = build_encoder(settings["recipe"], settings["architecture"], settings["seed"])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings["seed"] + 1)
            self.objective = OBJECTIVES[settings["recipe"]](encoder, codebooks).to(device)
        self.optimiser = torch.optim.AdamW(
            self.objective.parameters(), lr=1.0, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.01, fused=True
        )
        streams = read_streams(corpus, codebooks, self.timing, self.n_samples, settings["seed"])
        self.stream, self.valid = streams["train"], list(self._valid_batches(streams["valid"]))

    @property
    def encoder(self) -> nn.Module:
        """The model that is kept; the heads around it are not."""
        return self.objective.encoder

    @property
    def learning_rate(self) -> float:
        """The learning rate of the last step; 0 before the first."""
        n_steps, peak = self.settings["steps"][-1], self.settings["peak_learning_rate"]
        return learning_rate(self.step, n_steps, peak) if self.step else 0.0

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` needs."""
        return {
            "step": self.step, "objective": self.objective.state_dict(), "optimiser": self.optimiser.state_dict()
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to where :meth:`state` was called."""
        self.objective.load_state_dict(state["objective"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]

    def advance(self) -> float:
        """Take one step and return its loss.

        Raises
        ------
        AnalysisError
            The loss is not finite.
        """
        self.step += 1
        rng = np.random.default_rng([self.settings["seed"], self.step])
        torch.manual_seed(self.settings["seed"] * 1_000_003 + self.step)
        waveforms, targets = self.stream.crops(rng, self.settings["batch_size"], self.n_samples)
        batch = self._tensors(augment(rng, waveforms), targets, rng)
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate
        self.objective.train()
        self.optimiser.zero_grad()
        loss, _ = self.objective(*batch, progress=self.step / self.settings["steps"][-1])
        self._require_finite(loss.item())
        loss.backward()
        nn.utils.clip_grad_norm_(self.objective.parameters(), 1.0)
        self.optimiser.step()
        return loss.item()

    def validate(self) -> tuple[float, float]:
        """Return loss and accuracy on fixed crops and masks of split ``valid``; raise as :meth:`advance` does."""
        self.objective.eval()
        with torch.no_grad():
            values = [[value.item() for value in self.objective(*batch)] for batch in self.valid]
        loss, accuracy = np.mean(values, axis=0)
        self._require_finite(float(loss))
        return float(loss), float(accuracy)

    def _require_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise AnalysisError(
                f"expected a finite loss, found {loss} at step {self.step} of {self.settings['steps'][-1]} "
                f"(recipe {self.settings['recipe']!r}, peak learning rate {self.settings['peak_learning_rate']:g}); "
                "lower the peak learning rate"
            )

    def _valid_batches(self, stream: Stream) -> Iterator[tuple[Tensor, dict[str, Tensor], Tensor]]:
        rng = np.random.default_rng([self.settings["seed"], _VALID_STREAM])
        for _ in range(max(1, _N_VALID_CROPS // self.settings["batch_size"])):
            waveforms, targets = stream.crops(rng, self.settings["batch_size"], self.n_samples)
            yield self._tensors(waveforms, targets, rng)

    def _tensors(self, waveforms: np.ndarray, targets: Mapping[str, np.ndarray], rng: np.random.Generator):
        mask = torch.from_numpy(span_mask(rng, len(waveforms), self.n_frames)).to(self.device)
        units = {name: torch.from_numpy(values).to(self.device) for name, values in targets.items()}
        return torch.from_numpy(normalise(waveforms)).to(self.device), units, mask


def learning_rate(step: int, n_steps: int, peak: float, warmup: float = 0.1) -> float:
    """Return the learning rate of a step in 1 … n_steps: a cosine up to the peak, and one down to a hundredth of it."""
    top = max(1.0, warmup * n_steps)
    if step <= top:
        return peak * (0.04 + 0.96 * (1 - math.cos(math.pi * step / top)) / 2)
    done = (step - top) / max(1.0, n_steps - top)
    return peak * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)
