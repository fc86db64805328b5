"""Times of frames, and the convention by which frames of a model are assigned to segments of a corpus.

Frame *i* has its centre at ``t_i = receptive_field / 2 + i · hop`` samples. A segment takes the frames whose centres
lie in the closed interval [onset, offset]; a segment without any takes the nearest frame and is marked.
All times are integers (doubled to half-samples), so that no frame changes its segment by rounding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from auscult.errors import AudioError

__all__ = ["FrameTiming"]


@dataclass(frozen=True)
class FrameTiming:
    """The receptive field, hop and start of a model's frames, in samples of its waveforms.

    Parameters
    ----------
    receptive_field_samples : samples that one frame sees
    hop_samples : samples from one frame to the next
    offset_samples : first sample of the receptive field of frame 0; negative for front ends that pad their input
    """

    receptive_field_samples: int
    hop_samples: int
    offset_samples: int = 0

    def __post_init__(self) -> None:
        if self.receptive_field_samples < 1 or self.hop_samples < 1:
            raise ValueError(f"expected a positive receptive field and hop, found {self}")

    @classmethod
    def from_convolutions(cls, kernels: Sequence[int], strides: Sequence[int]) -> "FrameTiming":
        """Return the timing of a stack of unpadded convolutions, given from the first layer to the last.

        >>> FrameTiming.from_convolutions((10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2))
        FrameTiming(receptive_field_samples=400, hop_samples=320, offset_samples=0)
        """
        if len(kernels) != len(strides):
            raise ValueError(f"expected one stride per kernel, found {len(kernels)} kernels and {len(strides)} strides")
        field, hop = 1, 1
        for kernel, stride in zip(kernels, strides):
            field, hop = field + (kernel - 1) * hop, hop * stride
        return cls(field, hop)

    @overload
    def n_frames(self, n_samples: int) -> int: ...

    @overload
    def n_frames(self, n_samples: npt.NDArray[Any]) -> npt.NDArray[Any]: ...

    def n_frames(self, n_samples: int | npt.NDArray[Any]) -> int | npt.NDArray[Any]:
        """Return the number of frames of a waveform of ``n_samples``; 0 if it is shorter than the receptive field.

        Without padding, the whole receptive field of a frame lies in the waveform; with padding (a negative offset),
        only its centre need lie in it.
        """
        if self.offset_samples < 0:
            # ceil((2 n − first centre) / 2 hop): centres in [0, n), so 30 s at a hop of 20 ms are 1500 frames.
            return np.maximum(0, -((self._first - 2 * np.asarray(n_samples)) // (2 * self.hop_samples)))[()]
        last = np.asarray(n_samples) - self.receptive_field_samples - self.offset_samples
        return np.maximum(0, last // self.hop_samples + 1)[()]

    def require_frame(self, n_samples: int, what: str) -> None:
        """Raise :class:`AudioError`, naming the waveform by ``what``, if it is too short for a single frame."""
        if self.n_frames(n_samples) < 1:
            raise AudioError(
                f"expected at least {self.receptive_field_samples} samples (the model's receptive field), found "
                f"{n_samples} in {what}; leave it out of the corpus or choose a model with a shorter receptive field"
            )

    def centres(self, n_frames: int) -> np.ndarray:
        """Return the centres of frames in half-samples [shape=(n_frames,), int64]; divide by 2 for samples."""
        return self._first + 2 * self.hop_samples * np.arange(n_frames, dtype=np.int64)

    def segment_frames(
        self, onset: np.ndarray, offset: np.ndarray, n_frames: int | np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the frames of each segment: all with their centre in [onset, offset], or else the nearest frame.

        Parameters
        ----------
        onset, offset : first sample and end of each segment [shape=(n_segments,), integers, in samples]
        n_frames : number of frames of the utterance, or of each segment's utterance [shape=(n_segments,)]; at least 1

        Returns
        -------
        starts, stops : half-open ranges of frame indices, never empty [shape=(n_segments,), int64]
        nearest : True where no centre lies in the segment and the nearest frame is taken [shape=(n_segments,)]
        """
        onset, offset = (self._integers(times) for times in (onset, offset))
        n_frames = np.asarray(n_frames)
        if np.any(n_frames < 1):
            raise ValueError("expected utterances of at least one frame, found one of none")
        step = 2 * self.hop_samples
        starts = np.clip(-((self._first - 2 * onset) // step), 0, n_frames)
        stops = np.clip((2 * offset - self._first) // step + 1, 0, n_frames)
        nearest = stops <= starts
        closest = np.clip((onset + offset - self._first + self.hop_samples) // step, 0, n_frames - 1)
        starts = np.where(nearest, closest, starts)
        return starts, np.where(nearest, closest + 1, stops), nearest

    @property
    def _first(self) -> int:
        return self.receptive_field_samples + 2 * self.offset_samples

    @staticmethod
    def _integers(times: np.ndarray) -> np.ndarray:
        times = np.asarray(times)
        if not np.issubdtype(times.dtype, np.integer):
            raise ValueError(f"expected segment times in samples (integers), found {times.dtype}")
        return times.astype(np.int64)
