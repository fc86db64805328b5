"""Models seen through the rate of a corpus, by some of their layers, in windows, or through altered speech."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from auscult.corpora.audio import resample_waveform
from auscult.errors import CheckpointError
from auscult.models.alterations import Alteration
from auscult.models.frames import FrameTiming
from auscult.models.interface import FrameModel
from auscult.models.windows import Window, Windows

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Altered", "Resampled", "SomeLayers", "Windowed"]

# Windows that run together: with 30 s each, as much audio as a batch of an extraction.
_WINDOWS_AT_ONCE = 2


class _View:
    """A model of which some attributes are seen otherwise; its front end can be shared with other checkpoints."""

    def __init__(self, model: FrameModel) -> None:
        self._model: Any = model
        self.name = model.name
        self.sample_rate_hz = model.sample_rate_hz

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, in order of depth."""
        return self._model.layers

    @property
    def timing(self) -> FrameTiming:
        """Receptive field and hop of the frames."""
        return self._model.timing

    @property
    def front_end_digest(self) -> str | None:
        """Identity of the front end; see :attr:`auscult.models.speech.SpeechModel.front_end_digest`."""
        return getattr(self._model, "front_end_digest", None)

    @property
    def n_bytes(self) -> int:
        """Memory of the weights, in bytes."""
        return getattr(self._model, "n_bytes", 0)

    def front_end(self, waveforms: Sequence[np.ndarray]) -> "list[Tensor]":
        """Return the output of the front end for each waveform."""
        return self._model.front_end(waveforms)

    def _frames(self, waveforms: Sequence[np.ndarray], front: "list[Tensor] | None") -> "Mapping[str, list[Tensor]]":
        return self._model.frames(waveforms) if front is None else self._model.frames(waveforms, front=front)


class Resampled(_View):
    """A model of another sample rate than the corpus: waveforms are resampled, and frames keep their times.

    Parameters
    ----------
    model : for example of telephone speech, at 8000 Hz
    rate_hz : sample rate of the waveforms of :meth:`frames`; frame times are in samples of this rate

    Raises
    ------
    CheckpointError
        The hop between the model's frames is no whole number of samples at this rate.
    """

    def __init__(self, model: FrameModel, rate_hz: int) -> None:
        super().__init__(model)
        timing, own_hz = model.timing, model.sample_rate_hz
        if timing.hop_samples * rate_hz % own_hz:
            raise CheckpointError(
                f"expected frames of {model.name!r} whose hop is a whole number of samples at {rate_hz} Hz, the rate "
                f"of corpora, found {timing.hop_samples} samples at {own_hz} Hz; choose another model, or bring its "
                "activations as arrays"
            )
        self.sample_rate_hz = rate_hz
        self._own_hz = own_hz
        self._timing = FrameTiming(
            round(timing.receptive_field_samples * rate_hz / own_hz),
            timing.hop_samples * rate_hz // own_hz,
            round(timing.offset_samples * rate_hz / own_hz),
        )

    @property
    def timing(self) -> FrameTiming:
        """Receptive field and hop of the frames, in samples of the corpus."""
        return self._timing

    def front_end(self, waveforms: Sequence[np.ndarray]) -> "list[Tensor]":
        """Return the output of the front end for each waveform."""
        return self._model.front_end(self._heard(waveforms))

    def frames(
        self, waveforms: Sequence[np.ndarray], *, front: "list[Tensor] | None" = None
    ) -> "Mapping[str, list[Tensor]]":
        """Return for each layer one tensor [shape=(n_frames, n_dims)] per waveform."""
        n_frames = [int(self._timing.n_frames(len(waveform))) for waveform in waveforms]
        found = self._frames(self._heard(waveforms), front)
        return {layer: [x[:n] for x, n in zip(batch, n_frames)] for layer, batch in found.items()}

    def _heard(self, waveforms: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [resample_waveform(waveform, self.sample_rate_hz, self._own_hz) for waveform in waveforms]


class Altered(_View):
    """A model that hears altered speech; its frames keep their times.

    Parameters
    ----------
    model : the model
    alteration : what is done to each waveform
    """

    def __init__(self, model: FrameModel, alteration: Alteration) -> None:
        super().__init__(model)
        self._alteration = alteration

    @property
    def front_end_digest(self) -> str | None:
        """Identity of the front end, which the alteration is a part of."""
        own = super().front_end_digest
        return None if own is None else hashlib.sha256(f"{own} {self._alteration!r}".encode()).hexdigest()

    def front_end(self, waveforms: Sequence[np.ndarray]) -> "list[Tensor]":
        """Return the output of the front end for each altered waveform."""
        return self._model.front_end(self._heard(waveforms))

    def frames(
        self, waveforms: Sequence[np.ndarray], *, front: "list[Tensor] | None" = None
    ) -> "Mapping[str, list[Tensor]]":
        """Return for each layer one tensor [shape=(n_frames, n_dims)] per waveform."""
        return self._frames(self._heard(waveforms), front)

    def _heard(self, waveforms: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [self._alteration(waveform, self.sample_rate_hz) for waveform in waveforms]


class SomeLayers(_View):
    """Some layers of a model.

    Parameters
    ----------
    model : the model, which runs as a whole
    layers : names of the layers to keep

    Raises
    ------
    CheckpointError
        The model has no such layer.
    """

    def __init__(self, model: FrameModel, layers: Sequence[str]) -> None:
        super().__init__(model)
        unknown = [layer for layer in layers if layer not in model.layers]
        if unknown:
            raise CheckpointError(
                f"expected layers among {', '.join(model.layers)} of {model.name!r}, found {', '.join(unknown)}; "
                "correct layers"
            )
        self._kept = tuple(layer for layer in model.layers if layer in layers)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the kept layers, in order of depth."""
        return self._kept

    def frames(
        self, waveforms: Sequence[np.ndarray], *, front: "list[Tensor] | None" = None
    ) -> "Mapping[str, list[Tensor]]":
        """Return for each kept layer one tensor [shape=(n_frames, n_dims)] per waveform."""
        found = self._frames(waveforms, front)
        return {layer: found[layer] for layer in self._kept}


class Windowed(_View):
    """A model that hears recordings longer than a window in windows that overlap; shorter ones are not changed.

    Each frame is one of the whole recording, at its time (:class:`~auscult.models.windows.Windows`). A waveform is
    normalised as a whole, before it is cut. Layers whose frames depend on no more than half of an overlap to either
    side are those of the whole recording; attention, and group norm over time, see the window only.

    Parameters
    ----------
    model : a model that reads waveforms
    windows : how recordings are cut
    """

    def __init__(self, model: FrameModel, windows: Windows) -> None:
        super().__init__(model)
        self._windows = windows
        # Whisper's front end is not run apart, and filterbanks have no normalised waveform.
        self._has_front = hasattr(model, "front_end") and model.name != "whisper"
        self._is_prepared = self._has_front and getattr(model, "hears_waveforms", False)

    @property
    def front_end_digest(self) -> str | None:
        """Identity of the front end, which the windows are a part of."""
        own = super().front_end_digest
        return None if own is None else hashlib.sha256(f"{own} {self._windows}".encode()).hexdigest()

    def front_end(self, waveforms: "Sequence[np.ndarray]") -> "list[Tensor]":
        """Return the output of the front end for each window of each waveform, in order."""
        if not self._is_prepared:
            return self._model.front_end(self._pieces(waveforms, self._cuts(waveforms)))
        whole = [self._model.prepare(waveform).numpy() for waveform in waveforms]
        return self._model.front_end(self._pieces(whole, self._cuts(waveforms)), prepared=True)

    def frames(
        self, waveforms: Sequence[np.ndarray], *, front: "list[Tensor] | None" = None
    ) -> "Mapping[str, list[Tensor]]":
        """Return for each layer one tensor [shape=(n_frames, n_dims)] per waveform.

        Raises
        ------
        AudioError
            A waveform is shorter than the receptive field.
        """
        for place, waveform in enumerate(waveforms):
            self.timing.require_frame(len(waveform), f"waveform {place} of the batch")
        cuts = self._cuts(waveforms)
        if all(len(windows) == 1 for windows in cuts):
            return self._frames(waveforms, front)
        if self._has_front and front is None:
            front = self.front_end(waveforms)
        pieces = self._pieces(waveforms, cuts)
        parts = [
            self._frames(pieces[place : place + _WINDOWS_AT_ONCE], front and front[place : place + _WINDOWS_AT_ONCE])
            for place in range(0, len(pieces), _WINDOWS_AT_ONCE)
        ]
        return {
            layer: self._joined([frames for part in parts for frames in part[layer]], cuts) for layer in self.layers
        }

    def _cuts(self, waveforms: Sequence[np.ndarray]) -> list[list[Window]]:
        cut = self._windows.cut
        return [list(cut(len(waveform), self.timing, self.sample_rate_hz)) for waveform in waveforms]

    @staticmethod
    def _pieces(waveforms: Sequence[np.ndarray], cuts: Sequence[Sequence[Window]]) -> list[np.ndarray]:
        return [
            waveform[window.start : window.stop] for waveform, windows in zip(waveforms, cuts) for window in windows
        ]

    @staticmethod
    def _joined(frames: "Sequence[Tensor]", cuts: Sequence[Sequence[Window]]) -> "list[Tensor]":
        # Imported here: a study of baselines opens views without torch.
        import torch

        parts = iter(frames)
        return [torch.cat([next(parts)[window.first : window.last] for window in windows]) for windows in cuts]
