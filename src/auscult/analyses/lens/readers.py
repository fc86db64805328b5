"""Recognisers whose output reads the states of any layer: a CTC head, or the decoder of Whisper."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from auscult.models.acoustic import log_mel
from auscult.models.predictor import Predictor
from auscult.models.transcriber import Transcriber

__all__ = ["Reader", "CTCReader", "WhisperReader", "reader_of"]


class Reader(Protocol):
    """States of a recogniser by layer, and the transcripts of its output from any states of the last layer's size."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers that the output can read as they are, ``embed`` to the last."""
        ...

    def states(self, waveform: np.ndarray) -> dict[str, Tensor]:
        """Return the states of a recording by layer, from ``input`` (log-mel) on [shapes=(n_frames, n_dims)]."""
        ...

    def ready(self, layer: str, states: Tensor) -> Tensor:
        """Return states of a layer as the output reads those of the last one: after the final normalisation."""
        ...

    def write(self, readings: Sequence[Tensor], n_samples: int) -> list[str]:
        """Return the transcript from each of several states of one recording [shapes=(n_frames, n_dims)]."""
        ...


def reader_of(model: Predictor | Transcriber) -> "Reader":
    """Return the reader of a recogniser with a CTC head, or of Whisper."""
    return CTCReader(model) if isinstance(model, Predictor) else WhisperReader(model)


class CTCReader:
    """A recogniser whose CTC head reads each layer.

    ``input`` is the log-mel spectrum at the times of the model's frames, ``cnn`` the output of its front end.
    """

    def __init__(self, predictor: Predictor):
        self._predictor = predictor
        self.layers: tuple[str, ...] = predictor.encoder.layers[1:]

    def states(self, waveform: np.ndarray) -> dict[str, Tensor]:
        """Return the states of a recording by layer: ``input, cnn, embed, T1 … TL``."""
        mel = torch.from_numpy(log_mel(waveform, self._predictor.timing))
        found = self._predictor.encoder.frames([waveform])
        return {"input": mel, **{layer: frames for layer, (frames,) in found.items()}}

    def ready(self, layer: str, states: Tensor) -> Tensor:
        """Return states as the head reads them, see :meth:`~auscult.models.predictor.Predictor.as_last`."""
        return self._predictor.as_last(layer, states)

    def write(self, readings: Sequence[Tensor], n_samples: int) -> list[str]:
        """Return greedy CTC transcripts."""
        best = [self._predictor.head(states).argmax(-1).tolist() for states in readings]
        return [self._predictor.spell(tokens) for tokens in best]


class WhisperReader:
    """Whisper, whose decoder reads each layer of its encoder (DecoderLens: Langedijk et al., 2024).

    States are those of the whole window, padding included, since the decoder attends to all of it. ``input`` is
    Whisper's own log-mel spectrum at the centres of the encoder's frames, every other one.
    """

    def __init__(self, model: Transcriber):
        self._model = model
        self.layers: tuple[str, ...] = model.encoder.layers[1:]

    def states(self, waveform: np.ndarray) -> dict[str, Tensor]:
        """Return the states of a recording's window by layer: ``input, embed, T1 … TL``."""
        mel = self._model.features([waveform])
        return {"input": mel[0, :, ::2].T, **dict(zip(self.layers, self._model.encoder_states(mel)))}

    def ready(self, layer: str, states: Tensor) -> Tensor:
        """Return states after the encoder's final normalisation, which those of the last layer already have had."""
        return states if layer == self.layers[-1] else self._model.normalise(states)

    def write(self, readings: Sequence[Tensor], n_samples: int) -> list[str]:
        """Return greedy transcripts of the decoder."""
        return self._model.transcribe_states(torch.stack(list(readings)), n_samples)
