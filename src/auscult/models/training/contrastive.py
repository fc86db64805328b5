"""Contrastive learning as in wav2vec 2.0: identify a masked frame's quantised features among those of other frames."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import Wav2Vec2ForPreTraining, Wav2Vec2Model

from auscult.models.training.fast_forward import encode

__all__ = ["Contrastive"]


class Contrastive(nn.Module):
    """A wav2vec 2.0 encoder with its quantiser and projections.

    The loss is the contrastive term plus ``diversity_weight`` times the diversity term, per masked frame. The Gumbel
    temperature falls from 2 to 0.5 over the training.

    Source: Baevski et al. (2020), equations 2–4. We differ in two points. The distractors are all other masked frames
    of the crop rather than 100 drawn at random, because a short crop has fewer than 100. Code vectors are initialised
    around zero: drawn from [0, 1], as in the released code, they all point in about the same direction, and the first
    steps are spent on separating them.

    Parameters
    ----------
    encoder : the model that checkpoints hold
    codebooks : ignored; part of every objective's signature
    temperature : divides the cosine similarities
    diversity_weight : weight of the diversity term
    """

    def __init__(
        self,
        encoder: Wav2Vec2Model,
        codebooks: Mapping[str, int] | None = None,
        temperature: float = 0.1,
        diversity_weight: float = 0.1,
    ):
        super().__init__()
        whole = Wav2Vec2ForPreTraining(encoder.config)
        nn.init.normal_(whole.quantizer.codevectors)
        self.encoder, self.quantizer = encoder, whole.quantizer
        self.project_hid, self.project_q = whole.project_hid, whole.project_q
        self.temperature, self.diversity_weight = temperature, diversity_weight

    def forward(
        self, waveforms: Tensor, units: Mapping[str, Tensor], mask: Tensor, progress: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """Return the loss, in nats per masked frame, and the share of masked frames identified among all distractors.

        Parameters
        ----------
        waveforms : crops of 16 kHz audio [shape=(n_crops, n_samples)]
        units : ignored: quantised features are learnt, not given
        mask : frames masked in the encoder's input [shape=(n_crops, n_frames), bool]
        progress : share of the training that is done, in [0, 1]; sets the Gumbel temperature
        """
        self.quantizer.temperature = 2.0 * 0.25**progress
        last, features = encode(self.encoder, waveforms, mask)
        codes, perplexity = self.quantizer(features, mask_time_indices=mask)
        predicted = functional.normalize(self.project_hid(last), dim=-1)
        quantised = functional.normalize(self.project_q(codes), dim=-1)
        logits = _distractor_logits(predicted, quantised, codes, mask) / self.temperature
        own = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)[mask]
        n_codes = self.quantizer.num_groups * self.quantizer.num_vars
        diversity = (n_codes - perplexity) / n_codes
        loss = functional.cross_entropy(logits[mask], own) + self.diversity_weight * diversity
        return loss, (logits[mask].argmax(dim=-1) == own).float().mean()


def _distractor_logits(predicted: Tensor, quantised: Tensor, codes: Tensor, mask: Tensor) -> Tensor:
    """Return cosines of each frame with all masked frames of its crop; −inf for other frames with the same code."""
    cosines = predicted @ quantised.transpose(1, 2)
    same = (codes[:, :, None] == codes[:, None]).all(dim=-1)
    same &= ~torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
    return cosines.masked_fill(same | ~mask[:, None, :], float("-inf"))
