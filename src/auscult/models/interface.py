"""The common interface of all speech models: layers of frames for waveforms, with the time of each frame."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from auscult.models.frames import FrameTiming

__all__ = ["FrameModel"]


class FrameModel(Protocol):
    """A speech encoder, trained or not, or an acoustic baseline: maps waveforms to layers of frames.

    Attributes
    ----------
    name : the model's family or the baseline's name, for messages
    layers : layer names in order of depth: ``cnn, embed, T1 … TL``, or ``input`` alone for a baseline
    sample_rate_hz : the rate its waveforms must have
    timing : receptive field and hop, from which the time of every frame follows
    """

    name: str
    sample_rate_hz: int

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, in order of depth."""
        ...

    @property
    def timing(self) -> "FrameTiming":
        """Receptive field and hop of the frames."""
        ...

    def frames(self, waveforms: Sequence[np.ndarray]) -> "Mapping[str, list[Tensor]]":
        """Return for each layer one tensor [shape=(n_frames, n_dims)] per waveform, whatever else is in the batch."""
        ...
