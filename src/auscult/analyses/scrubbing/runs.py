"""Run a model on utterances with erasers in place, and return pooled vectors of its layers and its transcripts.

Erasure does not change layers before the first eraser. The front end therefore runs once for all conditions; its frames
are kept as long as memory allows.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import cast

import numpy as np
import torch
from torch import Tensor

from auscult.analyses.scrubbing.items import JoinedCorpora
from auscult.corpora.corpus import Corpus
from auscult.erasure.erasers import Eraser
from auscult.erasure.hooks import erased, frames_reaching, hookable_layers
from auscult.models.acoustic import AcousticModel
from auscult.models.predictor import Predictor
from auscult.models.training.finetuning_data import FrontEnd
from auscult.models.transcriber import Transcriber

__all__ = ["POSITIONS", "ModelRuns", "WhisperRuns", "AcousticRuns"]

POSITIONS = ("all", "first", "middle", "last")


class ModelRuns:
    """Forward passes of a recogniser over utterances, with any erasers in place.

    Parameters
    ----------
    predictor : recogniser with a CTC head
    corpus : corpus of the utterances
    edge_ms : length in milliseconds of the beginning, the middle and the end of an utterance
    batch_s : seconds of audio per batch, padding included; it affects results by rounding only
    max_bytes : memory for the frames of the front end
    """

    def __init__(
        self,
        predictor: Predictor,
        corpus: Corpus | JoinedCorpora,
        *,
        edge_ms: float,
        batch_s: float = 60.0,
        max_bytes: int = 2**30,
    ):
        self.predictor, self.speech = predictor, predictor.encoder
        self.layers = self.speech.layers
        self.n_edge = _n_edge(edge_ms, self.speech.sample_rate_hz, self.speech.timing.hop_samples)
        # The front end only reads waveforms, which joined corpora return as a corpus does.
        self._front = FrontEnd(cast(Corpus, corpus), self.speech, limit_bytes=max_bytes)
        self._lengths = corpus.utterances.set_index("utterance")["n_samples"]
        self._batch_samples = int(batch_s * self.speech.sample_rate_hz)

    def frames(
        self, names: Sequence[str], layer: str, erasers: Mapping[str, Eraser]
    ) -> Iterator[tuple[Sequence[str], Sequence[Tensor]]]:
        """Yield batches of utterances and their frames at one layer, before its own eraser.

        The model does not run beyond that layer.
        """
        before = {name: eraser for name, eraser in erasers.items() if self._depth(name) < self._depth(layer)}
        for batch in self._batches(names):
            front = self._front_end(batch)
            if layer == "cnn":
                yield batch, front
                continue
            with erased(self.speech, before):
                hidden = frames_reaching(self.speech, layer, partial(self.speech.from_front_end, front))
            yield batch, [rows[: len(cnn)] for rows, cnn in zip(hidden, front)]

    def run(self, names: Sequence[str], erasers: Mapping[str, Eraser]) -> tuple[dict[str, np.ndarray], list[str]]:
        """Return pooled vectors of every layer and the transcript of each utterance, in the order of the names.

        Returns
        -------
        vectors : by layer; means over all frames, and over the first, the middle and the last frames
            [shape=(n_utterances, 4, n_dims), float32]
        transcripts : as returned by :meth:`~auscult.models.predictor.Predictor.transcribe`
        """
        vectors: dict[str, dict[str, np.ndarray]] = {layer: {} for layer in self.layers}
        transcripts: dict[str, str] = {}
        for batch in self._batches(names):
            front = self._front_end(batch)
            with erased(self.speech, erasers):
                found = self.speech.from_front_end(front)
            if "cnn" in erasers:  # the model returns the frames of its front end unerased
                found = found | {"cnn": [erasers["cnn"].apply(frames) for frames in front]}
            for layer, frames in found.items():
                vectors[layer] |= {name: pool_positions(x, self.n_edge) for name, x in zip(batch, frames)}
            transcripts |= dict(zip(batch, self._spell(found[self.layers[-1]])))
        stacked = {layer: np.stack([found[name] for name in names]) for layer, found in vectors.items()}
        return stacked, [transcripts[name] for name in names]

    def _spell(self, frames: Sequence[Tensor]) -> list[str]:
        return [self.predictor.spell(self.predictor.head(rows).argmax(-1).tolist()) for rows in frames]

    def _front_end(self, names: Sequence[str]) -> list[Tensor]:
        return [self._front.frames(name).to(self.speech.device) for name in names]

    def _batches(self, names: Sequence[str]) -> Iterator[list[str]]:
        """Yield names of similar length, as many as fit into a batch when padded to the longest."""
        batch: list[str] = []
        for name in sorted(names, key=lambda name: (self._lengths[name], name)):
            if batch and (len(batch) + 1) * self._lengths[name] > self._batch_samples:
                yield batch
                batch = []
            batch.append(name)
        yield batch

    def _depth(self, layer: str) -> int:
        return self.layers.index(layer)


class WhisperRuns:
    """Whisper with the interface of :class:`ModelRuns`: layers from ``embed`` on, and the transcripts of its decoder.

    Erasers act on the whole window, padding included; vectors are means over the frames with speech.
    """

    def __init__(self, model: Transcriber, corpus: Corpus | JoinedCorpora, *, edge_ms: float, n_batch: int = 4):
        self.model, self.speech, self._corpus = model, model.encoder, corpus
        self.layers: tuple[str, ...] = hookable_layers(model.encoder)
        self.n_edge = _n_edge(edge_ms, self.speech.sample_rate_hz, self.speech.timing.hop_samples)
        self._n_batch = n_batch

    def frames(
        self, names: Sequence[str], layer: str, erasers: Mapping[str, Eraser]
    ) -> Iterator[tuple[Sequence[str], Sequence[Tensor]]]:
        """Yield batches of utterances and their frames at one layer, before its own eraser."""
        depth = self.layers.index
        before = {name: eraser for name, eraser in erasers.items() if depth(name) < depth(layer)}
        for batch, waveforms in self._batches(names):
            mel = self.model.features(waveforms)
            with torch.inference_mode(), erased(self.speech, before):
                hidden = frames_reaching(self.speech, layer, partial(self.speech.encoder, mel))
            yield batch, [rows[: self._n_frames(waveform)] for rows, waveform in zip(hidden, waveforms)]

    def run(self, names: Sequence[str], erasers: Mapping[str, Eraser]) -> tuple[dict[str, np.ndarray], list[str]]:
        """Return pooled vectors of every layer and the transcript of each utterance, in the order of the names."""
        vectors: dict[str, list[np.ndarray]] = {layer: [] for layer in self.layers}
        transcripts: list[str] = []
        for _, waveforms in self._batches(names):
            with erased(self.speech, erasers):
                found = self.speech.frames(waveforms)
                transcripts += self.model.transcribe(waveforms)
            for layer in self.layers:
                vectors[layer] += [pool_positions(frames, self.n_edge) for frames in found[layer]]
        return {layer: np.stack(rows) for layer, rows in vectors.items()}, transcripts

    def _n_frames(self, waveform: np.ndarray) -> int:
        return int(self.speech.timing.n_frames(len(waveform)))

    def _batches(self, names: Sequence[str]) -> Iterator[tuple[list[str], list[np.ndarray]]]:
        for start in range(0, len(names), self._n_batch):
            batch = list(names[start : start + self._n_batch])
            yield batch, [self._corpus.waveform(name) for name in batch]


class AcousticRuns:
    """An acoustic baseline with the interface of :class:`ModelRuns`: one layer, ``input``, and no transcripts."""

    def __init__(self, model: AcousticModel, corpus: Corpus | JoinedCorpora, *, edge_ms: float):
        self.layers: tuple[str, ...] = model.layers
        self.model, self._corpus = model, corpus
        self.n_edge = _n_edge(edge_ms, model.sample_rate_hz, model.timing.hop_samples)
        self._kept: dict[str, Tensor] = {}

    def frames(
        self, names: Sequence[str], layer: str, erasers: Mapping[str, Eraser]
    ) -> Iterator[tuple[Sequence[str], Sequence[Tensor]]]:
        """Yield utterances, one by one, and their frames."""
        for name in names:
            yield [name], [self._frames(name)]

    def run(self, names: Sequence[str], erasers: Mapping[str, Eraser]) -> tuple[dict[str, np.ndarray], None]:
        """Return pooled vectors as :meth:`ModelRuns.run` does, and None instead of transcripts."""
        frames = [self._frames(name) for name in names]
        if erasers:
            frames = [erasers["input"].apply(each) for each in frames]
        return {"input": np.stack([pool_positions(each, self.n_edge) for each in frames])}, None

    def _frames(self, name: str) -> Tensor:
        if name not in self._kept:
            self._kept[name] = self.model.frames([self._corpus.waveform(name)])["input"][0]
        return self._kept[name]


def pool_positions(frames: Tensor, n_edge: int) -> np.ndarray:
    """Return the means over all frames, and over the first, the middle and the last ones [shape=(4, n_dims), float32].

    Parameters
    ----------
    frames : frames of one utterance [shape=(n_frames, n_dims)]
    n_edge : number of frames per position; positions overlap in utterances with fewer than three times as many frames
    """
    n = min(n_edge, len(frames))
    middle = (len(frames) - n) // 2
    positions = [frames, frames[:n], frames[middle : middle + n], frames[len(frames) - n :]]
    means: np.ndarray = torch.stack([rows.float().mean(dim=0) for rows in positions]).cpu().numpy()
    return means


def _n_edge(edge_ms: float, sample_rate_hz: int, hop_samples: int) -> int:
    return max(1, round(edge_ms / 1000 * sample_rate_hz / hop_samples))
