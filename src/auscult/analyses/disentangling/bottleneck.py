"""A variational bottleneck in two stages: what of a frame can be written down, and what else tells who speaks.

After Mohebbi et al. (2024). Stage 1: a latent of every frame, from which a linear layer transcribes (CTC), and which
must carry as little as it can. Stage 2: a second latent, from which together with the first a classifier tells the
speaker, and which must carry as little as it can: what the first holds already, it need not. The encoder beneath is
frozen: both stages read its frames.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

__all__ = [
    "BottleneckSettings",
    "VariationalEncoder",
    "Bottlenecks",
    "kl_to_standard_normal",
    "beta_at",
    "train_bottlenecks",
]

# Of all steps: afterwards β stays at its end, so that the last steps are taken under the whole constraint.
_ANNEALED = 0.9
_WARM_UP = 0.1


@dataclass(frozen=True)
class BottleneckSettings:
    """How both stages are trained.

    Parameters
    ----------
    n_latent : dimensions of each latent
    steps : of the textual and of the acoustic stage
    batch_size : utterances a step
    beta : weight of the information term at the beginning and at the end; it rises linearly over nine tenths
    peak_learning_rate : of AdamW, warmed up over a tenth of the steps, then falling as a cosine
    """

    n_latent: int = 32
    steps: tuple[int, int] = (800, 300)
    batch_size: int = 8
    beta: tuple[float, float] = (0.1, 1.0)
    peak_learning_rate: float = 0.01


class VariationalEncoder(nn.Module):
    """Map a frame to a normal distribution over latents, of independent dimensions."""

    def __init__(self, n_dims: int, n_latent: int):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_dims, n_dims), nn.GELU(), nn.Linear(n_dims, n_dims), nn.GELU())
        self.mean, self.log_variance = nn.Linear(n_dims, n_latent), nn.Linear(n_dims, n_latent)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the logarithm of the variance of each latent [shapes=(..., n_latent)]."""
        hidden = self.body(frames)
        return self.mean(hidden), self.log_variance(hidden)


class _Attention(nn.Module):
    """Average frames by weights that one learned query gives them."""

    def __init__(self, n_latent: int):
        super().__init__()
        self.query = nn.Parameter(torch.zeros(n_latent))

    def forward(self, latents: Tensor, there: Tensor) -> Tensor:
        weights = (latents @ self.query).masked_fill(~there, float("-inf")).softmax(dim=1)
        return (weights[..., None] * latents).sum(dim=1)


class _SpeakerHead(nn.Module):
    """Tell the speaker from both latents, each averaged by a query of its own."""

    def __init__(self, n_latent: int, n_voices: int):
        super().__init__()
        self.textual, self.acoustic = _Attention(n_latent), _Attention(n_latent)
        self.classify = nn.Linear(2 * n_latent, n_voices)

    def forward(self, textual: Tensor, acoustic: Tensor, there: Tensor) -> Tensor:
        return self.classify(torch.cat([self.textual(textual, there), self.acoustic(acoustic, there)], dim=-1))


@dataclass(frozen=True)
class Bottlenecks:
    """Both trained encoders and what they need beside.

    Parameters
    ----------
    textual, acoustic : encoders of either stage
    transcribe : linear layer from textual latents to tokens, of which 0 is the blank
    mean, scale : by which frames are standardised first [shapes=(n_dims,)]
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
        frames : of one utterance [shape=(n_frames, n_dims)]

        Returns
        -------
        of ``textual`` and ``acoustic``: latents [shape=(n_frames, n_latent)] and nats of each frame [shape=(n_frames,)]
        """
        x = (frames.float() - self.mean) * self.scale
        found = {}
        for name, encoder in (("textual", self.textual), ("acoustic", self.acoustic)):
            mean, log_variance = encoder(x)
            found[name] = (mean, kl_to_standard_normal(mean, log_variance))
        return found

    @torch.no_grad()
    def tokens(self, textual: Tensor) -> list[int]:
        """Return what the best token of each frame spells: repetitions merged, then blanks dropped."""
        best = torch.unique_consecutive(self.transcribe(textual).argmax(dim=-1))
        return best[best > 0].tolist()


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the divergence KL(N(μ, σ²) ‖ N(0, I)) = ½ Σ (μ² + σ² − 1 − ln σ²), in nats, over the last axis.

    It bounds what a latent tells of its frame (Alemi et al., 2017).
    """
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=-1)


def beta_at(step: int, n_steps: int, beta: tuple[float, float]) -> float:
    """Return the weight of the information term at a step, from 0: linear, then constant."""
    return beta[0] + (beta[1] - beta[0]) * min(1.0, step / max(1.0, _ANNEALED * n_steps))


def train_bottlenecks(
    frames: Sequence[Tensor],
    tokens: Sequence[Sequence[int]],
    voices: Sequence[int],
    settings: BottleneckSettings,
    *,
    seed: int = 0,
) -> Bottlenecks:
    """Train the textual stage, then the acoustic one on top of it.

    Losses as in the paper's code: the mean over utterances of CTC per token, or the speaker's cross-entropy, plus β
    times the mean over frames of the divergence. Batches and noise are drawn anew from (seed, stage, step).

    Parameters
    ----------
    frames : of each utterance [shapes=(n_frames, n_dims)]
    tokens : of each utterance, from 1
    voices : the speaker of each utterance, from 0
    seed : of weights, batches and noise
    """
    everything = torch.cat(list(frames)).float()
    mean, spread = everything.mean(dim=0), everything.std(dim=0)
    scale = torch.where(spread > 1e-7 * everything.abs().amax(dim=0), 1 / spread, torch.zeros(()))
    frames = [(each.float() - mean) * scale for each in frames]
    n_dims, n_tokens, n_voices = len(mean), 1 + max(map(max, filter(len, tokens))), 1 + max(voices)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        textual, acoustic = (VariationalEncoder(n_dims, settings.n_latent) for _ in range(2))
        transcribe, head = nn.Linear(settings.n_latent, n_tokens), _SpeakerHead(settings.n_latent, n_voices)
    targets = [torch.tensor(each, dtype=torch.long) for each in tokens]

    def written(latents: Tensor, x: Tensor, lengths: Tensor, members: np.ndarray) -> Tensor:
        truth = [targets[i] for i in members]
        return nn.functional.ctc_loss(
            transcribe(latents).log_softmax(dim=-1).transpose(0, 1),
            torch.cat(truth),
            lengths,
            torch.tensor([len(each) for each in truth]),
            zero_infinity=True,
        )

    def told(latents: Tensor, x: Tensor, lengths: Tensor, members: np.ndarray) -> Tensor:
        with torch.no_grad():
            known = textual(x)[0]
        there = torch.arange(x.shape[1]) < lengths[:, None]
        return nn.functional.cross_entropy(head(known, latents, there), torch.tensor([voices[i] for i in members]))

    stages = ((textual, transcribe, written), (acoustic, head, told))
    for stage, (encoder, readout, task) in enumerate(stages):
        _train_stage(encoder, readout, task, frames, settings, stage, seed)
    return Bottlenecks(textual.eval(), acoustic.eval(), transcribe.eval(), mean, scale)


def _train_stage(encoder, readout, task, frames, settings: BottleneckSettings, stage: int, seed: int) -> None:
    n_steps = settings.steps[stage]
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
        loss = task(latents, x, lengths, members) + beta_at(step, n_steps, settings.beta) * information
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()


def _batches(n: int, size: int, n_steps: int, seed: Sequence[int]) -> Iterator[np.ndarray]:
    for step in range(n_steps):
        yield np.random.default_rng([*seed, step]).permutation(n)[:size]
