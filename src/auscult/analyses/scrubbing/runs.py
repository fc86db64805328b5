"""Run a model on utterances with erasers in place: what its layers hold afterwards, and what it writes.

Erasing changes nothing in front of the first eraser. The front end, which nothing stands in front of, is run once for
all conditions; its frames are kept while there is room.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from auscult.analyses.scrubbing.items import JoinedCorpora
from auscult.corpora.corpus import Corpus
from auscult.erasure.erasers import Eraser
from auscult.erasure.hooks import erased, frames_reaching
from auscult.models.acoustic import AcousticModel
from auscult.models.predictor import Predictor
from auscult.models.training.finetuning_data import FrontEnd

__all__ = ["POSITIONS", "ModelRuns", "AcousticRuns"]

POSITIONS = ("all", "first", "middle", "last")


class ModelRuns:
    """A recogniser, an utterance's frames of any layer, and its transcript, under any erasers.

    Parameters
    ----------
    predictor : recogniser with a CTC head
    corpus : of the utterances
    edge_ms : length of the stretch that counts as the beginning, the middle or the end of an utterance
    batch_s : seconds of audio that run at once, padding included; changes nothing beyond rounding
    max_bytes : of front-end frames to keep
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
        self.n_edge = _n_edge(edge_ms, self.speech)
        self._front = FrontEnd(corpus, self.speech, limit_bytes=max_bytes)
        self._lengths = corpus.utterances.set_index("utterance")["n_samples"]
        self._batch_samples = int(batch_s * self.speech.sample_rate_hz)

    def frames(self, names: Sequence[str], layer: str, erasers: Mapping[str, Eraser]) -> Iterator[tuple[list, list]]:
        """Yield batches of utterances and their frames at one layer, in front of its own eraser if it has one.

        The model runs no further than to that layer.
        """
        before = {name: eraser for name, eraser in erasers.items() if self._depth(name) < self._depth(layer)}
        for batch in self._batches(names):
            front = self._of_front_end(batch)
            if layer == "cnn":
                yield batch, front
                continue
            with erased(self.speech, before):
                hidden = frames_reaching(self.speech, layer, partial(self.speech.from_front_end, front))
            yield batch, [rows[: len(cnn)] for rows, cnn in zip(hidden, front)]

    def run(self, names: Sequence[str], erasers: Mapping[str, Eraser]) -> tuple[dict[str, np.ndarray], list[str]]:
        """Return what is pooled of every layer, and what the model writes, of each utterance in the order given.

        Returns
        -------
        vectors : by layer; means over all frames, and over those at the beginning, in the middle and at the end
            [shape=(n_utterances, 4, n_dims), float32]
        transcripts : as :meth:`~auscult.models.predictor.Predictor.transcribe` has them
        """
        vectors: dict[str, dict[str, np.ndarray]] = {layer: {} for layer in self.layers}
        transcripts: dict[str, str] = {}
        for batch in self._batches(names):
            front = self._of_front_end(batch)
            with erased(self.speech, erasers):
                found = self.speech.from_front_end(front)
            if "cnn" in erasers:  # a front end hands its frames back as they were
                found = found | {"cnn": [erasers["cnn"].apply(frames) for frames in front]}
            for layer, frames in found.items():
                vectors[layer] |= {name: pool_positions(x, self.n_edge) for name, x in zip(batch, frames)}
            transcripts |= dict(zip(batch, self._spell(found[self.layers[-1]])))
        stacked = {layer: np.stack([found[name] for name in names]) for layer, found in vectors.items()}
        return stacked, [transcripts[name] for name in names]

    def _spell(self, frames: Sequence[Tensor]) -> list[str]:
        return [self.predictor.spell(self.predictor.head(rows).argmax(-1).tolist()) for rows in frames]

    def _of_front_end(self, names: Sequence[str]) -> list[Tensor]:
        return [self._front.frames(name).to(self.speech.device) for name in names]

    def _batches(self, names: Sequence[str]) -> Iterator[list[str]]:
        """Yield names of like length, as many as fit into a batch when padded to the longest."""
        batch: list[str] = []
        for name in sorted(names, key=lambda name: (self._lengths[name], name)):
            if batch and (len(batch) + 1) * self._lengths[name] > self._batch_samples:
                yield batch
                batch = []
            batch.append(name)
        yield batch

    def _depth(self, layer: str) -> int:
        return self.layers.index(layer)


class AcousticRuns:
    """An acoustic baseline behind the interface of :class:`ModelRuns`: one layer, ``input``, and nothing is written."""

    def __init__(self, model: AcousticModel, corpus: Corpus | JoinedCorpora, *, edge_ms: float):
        self.model, self.layers, self._corpus = model, model.layers, corpus
        self.n_edge = _n_edge(edge_ms, model)
        self._kept: dict[str, Tensor] = {}

    def frames(self, names: Sequence[str], layer: str, erasers: Mapping[str, Eraser]) -> Iterator[tuple[list, list]]:
        """Yield utterances, one by one, and their frames."""
        for name in names:
            yield [name], [self._of(name)]

    def run(self, names: Sequence[str], erasers: Mapping[str, Eraser]) -> tuple[dict[str, np.ndarray], None]:
        """Return what :meth:`ModelRuns.run` does, and None for the transcripts."""
        erase = erasers["input"].apply if erasers else lambda frames: frames
        return {"input": np.stack([pool_positions(erase(self._of(name)), self.n_edge) for name in names])}, None

    def _of(self, name: str) -> Tensor:
        if name not in self._kept:
            self._kept[name] = self.model.frames([self._corpus.waveform(name)])["input"][0]
        return self._kept[name]


def pool_positions(frames: Tensor, n_edge: int) -> np.ndarray:
    """Return the means over all frames, the first, the middle and the last ones [shape=(4, n_dims), float32].

    Parameters
    ----------
    frames : of one utterance [shape=(n_frames, n_dims)]
    n_edge : frames at each place; places overlap where an utterance has fewer than three times as many
    """
    n = min(n_edge, len(frames))
    middle = (len(frames) - n) // 2
    places = [frames, frames[:n], frames[middle : middle + n], frames[len(frames) - n :]]
    return torch.stack([rows.float().mean(dim=0) for rows in places]).cpu().numpy()


def _n_edge(edge_ms: float, model) -> int:
    return max(1, round(edge_ms / 1000 * model.sample_rate_hz / model.timing.hop_samples))
