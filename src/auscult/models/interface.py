"""The one interface behind which every model stands: layers of frames for waveforms, with the time of each frame."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from auscult.models.frames import FrameTiming

__all__ = ["FrameModel"]


class FrameModel(Protocol):
    """Anything that maps waveforms to layers of frames: a speech encoder, trained or not, or an acoustic baseline.

    Parameters
    ----------
    name : the model's family or the baseline's name, for messages
    layers : layer names in order of depth: ``cnn, embed, T1 … TL``, or ``input`` alone for a baseline
    sample_rate_hz : the rate its waveforms must have
    timing : receptive field and hop, from which the time of every frame follows
    """

    name: str
    layers: tuple[str, ...]
    sample_rate_hz: int
    timing: "FrameTiming"

    def frames(self, waveforms: Sequence[np.ndarray]) -> "Mapping[str, list[Tensor]]":
        """Return for each layer one tensor [shape=(n_frames, n_dims)] per waveform, unaffected by its neighbours."""
        ...
