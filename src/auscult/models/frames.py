"""When frames happen: the one convention by which frames of a model and segments of a corpus meet.

Frame *i* has its centre at ``t_i = receptive_field / 2 + i · hop`` samples. A segment takes the frames whose centres
lie in the closed interval [onset, offset]; a segment that holds none takes the nearest frame and is counted as such.
All of it is computed with integers (times doubled to half-samples), so that no frame changes sides by rounding.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
        """Return the timing of a stack of unpadded convolutions, from the first layer's to the last's.

        >>> FrameTiming.from_convolutions((10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2))
        FrameTiming(receptive_field_samples=400, hop_samples=320, offset_samples=0)
        """
        if len(kernels) != len(strides):
            raise ValueError(f"expected one stride per kernel, found {len(kernels)} kernels and {len(strides)} strides")
        field, hop = 1, 1
        for kernel, stride in zip(kernels, strides):
            field, hop = field + (kernel - 1) * hop, hop * stride
        return cls(field, hop)

    def n_frames(self, n_samples: int | np.ndarray) -> int | np.ndarray:
        """Return how many frames a waveform of ``n_samples`` has; 0 if it is shorter than the receptive field.

        Without padding a frame's whole receptive field lies in the waveform; with padding (a negative offset) its
        centre does.
        """
        if self.offset_samples < 0:
            # ceil((2 n − first centre) / 2 hop): centres in [0, n), so 30 s at a hop of 20 ms are 1500 frames.
            return np.maximum(0, -((self._first - 2 * np.asarray(n_samples)) // (2 * self.hop_samples)))[()]
        last = np.asarray(n_samples) - self.receptive_field_samples - self.offset_samples
        return np.maximum(0, last // self.hop_samples + 1)[()]

    def require_frame(self, n_samples: int, what: str) -> None:
        """Raise :class:`AudioError`, naming ``what``, if a waveform is too short for a single frame."""
        if self.n_frames(n_samples) < 1:
            raise AudioError(
                f"expected at least {self.receptive_field_samples} samples (the model's receptive field), found "
                f"{n_samples} in {what}; leave it out of the corpus or choose a model with a shorter receptive field"
            )

    def centres(self, n_frames: int) -> np.ndarray:
        """Return the frames' centres in half-samples [shape=(n_frames,), int64]: divide by 2 for samples."""
        return self._first + 2 * self.hop_samples * np.arange(n_frames, dtype=np.int64)

    def segment_frames(
        self, onset: np.ndarray, offset: np.ndarray, n_frames: int | np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the frames of each segment: those with a centre in [onset, offset], or else the nearest one.

        Parameters
        ----------
        onset, offset : first sample and end of each segment [shape=(n_segments,), integers, in samples]
        n_frames : frames of the utterance, or of each segment's utterance [shape=(n_segments,)]; at least 1

        Returns
        -------
        starts, stops : half-open ranges of frame indices, never empty [shape=(n_segments,), int64]
        nearest : True where no centre lies in the segment, and its one frame is the nearest [shape=(n_segments,)]
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
