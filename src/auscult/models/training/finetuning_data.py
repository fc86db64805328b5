"""Training data of fine-tuning: batches of utterances of similar length, and front-end frames computed once."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from auscult.corpora.corpus import Corpus
from auscult.models.speech import SpeechModel
from auscult.models.training.augmentation import augment, change_speed

__all__ = ["FrontEnd", "Batches"]


class FrontEnd:
    """Output frames of a frozen convolutional front end, computed for each utterance alone and cached up to a limit.

    Base-size models normalise over time in their first layer: padding would change every frame, so that utterances of
    different lengths cannot share a batch in the front end. After it they can.

    Parameters
    ----------
    corpus : of the utterances
    speech : the model whose front end is used
    seed : determines, with utterance and copy, how a copy is augmented
    limit_bytes : memory for cached frames; once it is full, further utterances are computed at each call
    """

    def __init__(self, corpus: Corpus, speech: SpeechModel, seed: int = 0, limit_bytes: int = 2**30):
        self.corpus, self.speech, self.seed, self.room = corpus, speech, seed, limit_bytes
        self.kept: dict[tuple[str, int], Tensor] = {}

    def frames(self, utterance: str, copy: int = 0) -> Tensor:
        """Return the front-end frames of an utterance [shape=(n_frames, n_dims), on the CPU].

        Copy 0 is the recording, others differ in speed, channel and noise: :mod:`auscult.models.training.augmentation`.
        """
        if (utterance, copy) in self.kept:
            return self.kept[utterance, copy]
        waveform = self.corpus.waveform(utterance)
        self.speech.timing.require_frame(len(waveform), f"utterance {utterance!r}")
        if copy:
            rng = np.random.default_rng([self.seed, crc32(utterance.encode()), copy])
            waveform = augment(rng, change_speed(rng, waveform)[None])[0]
        with torch.no_grad():
            frames = self.speech.front_end([waveform])[0].cpu().contiguous()
        if frames.nbytes <= self.room:
            self.room -= frames.nbytes
            self.kept[utterance, copy] = frames
        return frames


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
