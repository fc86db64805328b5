"""Masked prediction as in HuBERT: predict the acoustic units of frames that are masked in the encoder's input."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import HubertModel

from auscult.models.training.fast_forward import encode

__all__ = ["MaskedPrediction"]


class MaskedPrediction(nn.Module):
    """An encoder with one linear head per codebook, on its last layer.

    The loss is the sum over codebooks of the cross-entropy at masked frames, plus ``unmasked_weight`` times the
    cross-entropy at the other frames. Frames without a unit (−1, between utterances) do not count.

    Source: Hsu et al. (2021), equations 1–2. Our head is linear with a bias, not a scaled cosine.

    Parameters
    ----------
    encoder : the model that checkpoints hold
    codebooks : number of units by codebook
    unmasked_weight : weight of the loss at unmasked frames
    """

    def __init__(self, encoder: HubertModel, codebooks: Mapping[str, int], unmasked_weight: float = 1.0):
        super().__init__()
        self.encoder = encoder
        self.unmasked_weight = unmasked_weight
        self.heads = nn.ModuleDict({name: nn.Linear(encoder.config.hidden_size, n) for name, n in codebooks.items()})

    def forward(
        self, waveforms: Tensor, units: Mapping[str, Tensor], mask: Tensor, progress: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """Return the loss, in nats per frame, and the accuracy at masked frames (mean over codebooks).

        Parameters
        ----------
        waveforms : crops of 16 kHz audio [shape=(n_crops, n_samples)]
        units : by codebook [shape=(n_crops, n_frames), int64]; −1 for frames without a unit
        mask : frames masked in the encoder's input [shape=(n_crops, n_frames), bool]
        progress : ignored; part of every objective's signature
        """
        frames, _ = encode(self.encoder, waveforms, mask)
        loss, accuracies = frames.new_zeros(()), []
        for name, head in self.heads.items():
            masked_loss, accuracy = _cross_entropy(head(frames[mask]), units[name][mask])
            loss = loss + masked_loss
            accuracies.append(accuracy)
            if self.unmasked_weight:
                unmasked_loss, _ = _cross_entropy(head(frames[~mask]), units[name][~mask])
                loss = loss + self.unmasked_weight * unmasked_loss
        return loss, torch.stack(accuracies).mean()


def _cross_entropy(logits: Tensor, units: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean loss and accuracy over the frames that have a unit."""
    known = units >= 0
    n_known = known.sum().clamp(min=1)
    loss = functional.cross_entropy(logits, units, ignore_index=-1, reduction="sum") / n_known
    return loss, ((logits.argmax(dim=-1) == units) & known).sum() / n_known
