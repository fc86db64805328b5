"""A variational bottleneck in two stages, which separates the textual from the remaining speaker information of frames.

After Mohebbi et al. (2024). Stage 1 maps every frame to a latent from which a linear layer transcribes (CTC). Stage 2
maps it to a second latent; a classifier identifies the speaker from both latents. Each latent is penalised for its
information, so the second need not repeat what the first contains. The encoder whose frames both stages read is frozen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from auscult.analyses.disentangling.settings import BottleneckSettings

__all__ = [
    "VariationalEncoder",
    "Bottlenecks",
    "kl_to_standard_normal",
    "beta_at",
    "train_bottlenecks",
]

# Share of the steps during which β rises; the last steps are taken at its final value.
_ANNEALED = 0.9
# Share of the steps during which the learning rate rises.
_WARM_UP = 0.1


class VariationalEncoder(nn.Module):
    """Map a frame to a normal distribution over latents with independent dimensions."""

    def __init__(self, n_dims: int, n_latent: int):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_dims, n_dims), nn.GELU(), nn.Linear(n_dims, n_dims), nn.GELU())
        self.mean, self.log_variance = nn.Linear(n_dims, n_latent), nn.Linear(n_dims, n_latent)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the logarithm of the variance of each latent [shapes=(..., n_latent)]."""
        hidden = self.body(frames)
        return self.mean(hidden), self.log_variance(hidden)


class _Attention(nn.Module):
    """Average frames with weights from one learned query."""

    def __init__(self, n_latent: int):
        super().__init__()
        self.query = nn.Parameter(torch.zeros(n_latent))

    def forward(self, latents: Tensor, there: Tensor) -> Tensor:
        weights = (latents @ self.query).masked_fill(~there, float("-inf")).softmax(dim=1)
        return (weights[..., None] * latents).sum(dim=1)


class _SpeakerHead(nn.Module):
    """Identify the speaker from both latents, each averaged with a query of its own."""

    def __init__(self, n_latent: int, n_speakers: int):
        super().__init__()
        self.textual, self.acoustic = _Attention(n_latent), _Attention(n_latent)
        self.classify = nn.Linear(2 * n_latent, n_speakers)

    def forward(self, textual: Tensor, acoustic: Tensor, there: Tensor) -> Tensor:
        return self.classify(torch.cat([self.textual(textual, there), self.acoustic(acoustic, there)], dim=-1))


@dataclass(frozen=True)
class Bottlenecks:
    """Both trained encoders, with the transcription layer and the standardisation of frames.

    Parameters
    ----------
    textual, acoustic : encoders of the first and the second stage
    transcribe : linear layer from textual latents to tokens; 0 is the blank
    mean, scale : standardisation of frames, (x − mean) · scale [shapes=(n_dims,)]
    """

    textual: VariationalEncoder
    acoustic: VariationalEncoder
    transcribe: nn.Linear
    mean: Tensor
    scale: Tensor

    @torch.no_grad()
    def encode(self, frames: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """Return the mean latents of frames, without noise, and their information.

        Parameters
        ----------
        frames : frames of one utterance [shape=(n_frames, n_dims)]

        Returns
        -------
        for ``textual`` and ``acoustic``: latents [shape=(n_frames, n_latent)], and nats per frame [shape=(n_frames,)]
        """
        x = (frames.float() - self.mean) * self.scale
        found = {}
        for name, encoder in (("textual", self.textual), ("acoustic", self.acoustic)):
            mean, log_variance = encoder(x)
            found[name] = (mean, kl_to_standard_normal(mean, log_variance))
        return found

    @torch.no_grad()
    def tokens(self, textual: Tensor) -> list[int]:
        """Return the greedy CTC transcription: repetitions of tokens merged, then blanks dropped."""
        best = torch.unique_consecutive(self.transcribe(textual).argmax(dim=-1))
        tokens: list[int] = best[best > 0].tolist()
        return tokens


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the divergence KL(N(μ, σ²) ‖ N(0, I)) = ½ Σ (μ² + σ² − 1 − ln σ²), in nats, over the last axis.

    Its mean is an upper bound of the mutual information of latent and frame (Alemi et al., 2017).
    """
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=-1)


def beta_at(step: int, n_steps: int, beta: Sequence[float]) -> float:
    """Return the weight of the information term at a step, numbered from 0: it rises linearly, then is constant."""
    return beta[0] + (beta[1] - beta[0]) * min(1.0, step / max(1.0, _ANNEALED * n_steps))


def train_bottlenecks(
    frames: Sequence[Tensor],
    tokens: Sequence[Sequence[int]],
    speakers: Sequence[int],
    settings: BottleneckSettings,
    *,
    seed: int = 0,
) -> Bottlenecks:
    """Train the textual stage, then the acoustic stage on top of it.

    The losses follow the published code: CTC per token, or the cross-entropy of the speaker, averaged over
    utterances, plus β times the divergence averaged over frames. Batches and noise depend on (seed, stage, step) only.

    Parameters
    ----------
    frames : frames of each utterance [shapes=(n_frames, n_dims)]
    tokens : tokens of each utterance, numbered from 1
    speakers : speaker of each utterance, numbered from 0
    settings : size and training of the bottleneck
    seed : of weights, batches and noise
    """
    everything = torch.cat(list(frames)).float()
    mean, spread = everything.mean(dim=0), everything.std(dim=0)
    scale = torch.where(spread > 1e-7 * everything.abs().amax(dim=0), 1 / spread, torch.zeros(()))
    frames = [(each.float() - mean) * scale for each in frames]
    n_dims, n_tokens, n_speakers = len(mean), 1 + max(map(max, filter(len, tokens))), 1 + max(speakers)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        textual, acoustic = (VariationalEncoder(n_dims, settings.n_latent) for _ in range(2))
        transcribe, head = nn.Linear(settings.n_latent, n_tokens), _SpeakerHead(settings.n_latent, n_speakers)
    targets = [torch.tensor(each, dtype=torch.long) for each in tokens]

    def transcription_loss(latents: Tensor, x: Tensor, lengths: Tensor, members: np.ndarray) -> Tensor:
        truth = [targets[i] for i in members]
        return nn.functional.ctc_loss(
            transcribe(latents).log_softmax(dim=-1).transpose(0, 1),
            torch.cat(truth),
            lengths,
            torch.tensor([len(each) for each in truth]),
            zero_infinity=True,
        )

    def speaker_loss(latents: Tensor, x: Tensor, lengths: Tensor, members: np.ndarray) -> Tensor:
        with torch.no_grad():
            textual_mean = textual(x)[0]
        there = torch.arange(x.shape[1]) < lengths[:, None]
        return nn.functional.cross_entropy(
            head(textual_mean, latents, there), torch.tensor([speakers[i] for i in members])
        )

    _train_stage(textual, transcribe, transcription_loss, frames, settings, 0, seed)
    _train_stage(acoustic, head, speaker_loss, frames, settings, 1, seed)
    return Bottlenecks(textual.eval(), acoustic.eval(), transcribe.eval(), mean, scale)


class _TaskLoss(Protocol):
    """Loss of a stage on latents, padded frames, lengths and positions of the utterances of a batch."""

    def __call__(self, latents: Tensor, x: Tensor, lengths: Tensor, members: np.ndarray) -> Tensor: ...


def _train_stage(
    encoder: VariationalEncoder,
    readout: nn.Module,
    task_loss: _TaskLoss,
    frames: Sequence[Tensor],
    settings: BottleneckSettings,
    stage: int,
    seed: int,
) -> None:
    n_steps = (settings.textual_steps, settings.acoustic_steps)[stage]
    parameters = [*encoder.parameters(), *readout.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=settings.peak_learning_rate, weight_decay=0.005)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.peak_learning_rate, total_steps=n_steps, pct_start=_WARM_UP, cycle_momentum=False
    )
    noise = torch.Generator()
    for step, members in enumerate(_batches(len(frames), settings.batch_size, n_steps, [seed, stage])):
        noise.manual_seed(int(np.random.SeedSequence([seed, stage, step]).generate_state(1)[0]))
        x = pad_sequence([frames[i] for i in members], batch_first=True)
        lengths = torch.tensor([len(frames[i]) for i in members])
        there = torch.arange(x.shape[1]) < lengths[:, None]
        mean, log_variance = encoder(x)
        latents = mean + (0.5 * log_variance).exp() * torch.randn(mean.shape, generator=noise)
        information = kl_to_standard_normal(mean, log_variance)[there].mean()
        loss = task_loss(latents, x, lengths, members) + beta_at(step, n_steps, settings.beta) * information
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()


def _batches(n: int, size: int, n_steps: int, seed: Sequence[int]) -> Iterator[np.ndarray]:
    for step in range(n_steps):
        yield np.random.default_rng([*seed, step]).permutation(n)[:size]
