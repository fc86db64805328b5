"""What a model is fine-tuned on: utterances in batches of like length, and their front-end frames computed once."""

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
    """The frames that leave a frozen convolutional front end, each utterance by itself, kept while there is room.

    Base-size models normalise over time in their first layer: padding would change every frame, so that utterances of
    different lengths cannot share a batch there. Behind it they can.

    Parameters
    ----------
    corpus : of the utterances
    speech : the encoder whose front end it is
    seed : with the utterance and the copy, all that decides how a copy is changed
    limit_bytes : memory for frames; utterances that come when it is full are computed each time they are asked for
    """

    def __init__(self, corpus: Corpus, speech: SpeechModel, seed: int = 0, limit_bytes: int = 2**30):
        self.corpus, self.speech, self.seed, self.room = corpus, speech, seed, limit_bytes
        self.kept: dict[tuple[str, int], Tensor] = {}

    def frames(self, utterance: str, copy: int = 0) -> Tensor:
        """Return the front-end frames of an utterance [shape=(n_frames, n_dims), on the CPU].

        Copy 0 is as recorded; others differ in speed, channel and noise (:mod:`auscult.models.training.augmentation`).
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
    """Which utterances each step learns from: every utterance once an epoch, among others of about its length.

    Parameters
    ----------
    n_samples : length of each utterance, by name
    batch_size : utterances a batch
    seed : with the step, all that decides a batch
    """

    def __init__(self, n_samples: Mapping[str, int], batch_size: int, seed: int):
        self.n_samples, self.names = n_samples, list(n_samples)
        self.lengths = np.array(list(n_samples.values()), dtype=float)
        self.size, self.seed = min(batch_size, len(self.names)), seed
        self.per_epoch = len(self.names) // self.size
        self._plan = lru_cache(maxsize=1)(self._draw)

    def names_of(self, step: int) -> Sequence[str]:
        """Return the utterances of a step, counted from 1; the few that no whole batch is left for sit out an epoch."""
        epoch, place = divmod(step - 1, self.per_epoch)
        return [self.names[i] for i in self._plan(epoch)[place]]

    def _draw(self, epoch: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, epoch])
        chosen = rng.permutation(len(self.names))[: self.per_epoch * self.size]
        # A tenth of noise on the lengths: neighbours differ from epoch to epoch, and padding stays small.
        order = np.argsort(self.lengths[chosen] * rng.uniform(0.9, 1.1, len(chosen)), kind="stable")
        return rng.permutation(chosen[order].reshape(self.per_epoch, self.size))
