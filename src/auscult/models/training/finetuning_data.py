"""Training data of fine-tuning: batches of utterances of similar length, and front-end frames computed once."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from zlib import crc32

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from auscult.corpora.corpus import Corpus
from auscult.models.speech import SpeechModel
from auscult.models.training.augmentation import augment, change_speed
from auscult.models.training.fast_forward import front_end, is_supported

__all__ = ["FrontEnd", "Batches", "stretch"]


class FrontEnd:
    """Output frames of a frozen convolutional front end, computed once for each utterance and cached up to a limit.

    Base-size models normalise over time in their first layer: padding would change every frame, so that utterances of
    different lengths cannot share a batch in the front end. After it they can.

    Parameters
    ----------
    corpus : of the utterances
    speech : the model whose front end is used
    augmented_share : share of utterances that are changed in speed, channel and noise, as further voices
    seed : determines, with the utterance, whether and how it is augmented
    limit_bytes : memory for cached frames; once it is full, further utterances are computed at each call
    """

    def __init__(
        self,
        corpus: Corpus,
        speech: SpeechModel,
        augmented_share: float = 0.0,
        seed: int = 0,
        limit_bytes: int = 2**30,
    ):
        self.corpus, self.speech, self.room = corpus, speech, limit_bytes
        self.augmented_share, self.seed = augmented_share, seed
        self.kept: dict[str, Tensor] = {}

    def frames(self, utterance: str) -> Tensor:
        """Return the front-end frames of an utterance [shape=(n_frames, n_dims), on the CPU]."""
        if utterance in self.kept:
            return self.kept[utterance]
        waveform = self.corpus.waveform(utterance)
        self.speech.timing.require_frame(len(waveform), f"utterance {utterance!r}")
        rng = np.random.default_rng([self.seed, crc32(utterance.encode())])
        if rng.random() < self.augmented_share:
            waveform = augment(rng, change_speed(rng, waveform)[None])[0]
        with torch.no_grad():
            frames = self._compute(waveform).cpu().contiguous()
        if frames.nbytes <= self.room:
            self.room -= frames.nbytes
            self.kept[utterance] = frames
        return frames

    def _compute(self, waveform: np.ndarray) -> Tensor:
        """Return front-end frames, as matrix products where possible: torch compiles a convolution for each length."""
        if self.speech.device.type != "cpu" or not is_supported(self.speech.encoder):
            return self.speech.front_end([waveform])[0]
        return front_end(self.speech.encoder, self.speech.prepare(waveform)[None])[0]


def stretch(rng: np.random.Generator, frames: Tensor, largest: float) -> Tensor:
    """Return frames stretched or compressed in time by a random factor (as SpecAugment's warping: Park et al., 2019).

    Frames are interpolated linearly, so that an utterance's front-end frames are computed once for all its versions.

    Parameters
    ----------
    rng : random number generator
    frames : [shape=(n_frames, n_dims)]
    largest : the duration changes by a factor of at most 1 ± ``largest``; 0 returns the frames

    Returns
    -------
    [shape=(n_frames times the factor, n_dims)]
    """
    if not largest:
        return frames
    n_frames = max(1, round(len(frames) * rng.uniform(1 - largest, 1 + largest)))
    return functional.interpolate(frames.T[None], size=n_frames, mode="linear", align_corners=True)[0].T


class Batches:
    """The utterances of each training step: batches of similar length, every utterance at most once per epoch.

    Parameters
    ----------
    n_samples : length of each utterance, by name
    batch_size : utterances per batch
    seed : determines, with the step, a batch
    """

    def __init__(self, n_samples: Mapping[str, int], batch_size: int, seed: int):
        self.n_samples, self.names = n_samples, list(n_samples)
        self.lengths = np.array(list(n_samples.values()), dtype=float)
        self.size, self.seed = min(batch_size, len(self.names)), seed
        self.per_epoch = len(self.names) // self.size
        self._plan = lru_cache(maxsize=1)(self._draw)

    def names_of(self, step: int) -> Sequence[str]:
        """Return the utterances of a step, counted from 1; an epoch leaves out utterances that fill no whole batch."""
        epoch, batch = divmod(step - 1, self.per_epoch)
        return [self.names[i] for i in self._plan(epoch)[batch]]

    def _draw(self, epoch: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, epoch])
        chosen = rng.permutation(len(self.names))[: self.per_epoch * self.size]
        # Lengths vary randomly by 10 %: batches differ between epochs, and padding stays small.
        order = np.argsort(self.lengths[chosen] * rng.uniform(0.9, 1.1, len(chosen)), kind="stable")
        return rng.permutation(chosen[order].reshape(self.per_epoch, self.size))
