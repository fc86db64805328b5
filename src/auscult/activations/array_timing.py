"""Times of the frames of arrays, whose rate need not divide the sample rate of the corpus."""

from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from auscult.models.frames import FrameTiming

__all__ = ["ArrayTiming"]


@dataclass(frozen=True)
class ArrayTiming:
    """Frames at a fixed rate, assigned to segments by the convention of :mod:`auscult.models.frames`.

    A codec at 44.1 kHz may have 86.13 frames per second, which are no whole samples of a corpus at 16 kHz. Times are
    therefore integers in fractions of a sample, so that no frame changes its segment by rounding.

    Parameters
    ----------
    timing : timing in fractions of a sample
    scale : fractions per sample
    """

    timing: FrameTiming
    scale: int

    @classmethod
    def of(cls, frame_rate_hz: Fraction, first_frame_s: Fraction | None, sample_rate_hz: int) -> "ArrayTiming":
        """Return the timing of frames at a rate.

        Parameters
        ----------
        frame_rate_hz : frames per second
        first_frame_s : centre of the first frame in s; by default half of the time from one frame to the next
        sample_rate_hz : of the corpus

        Examples
        --------
        >>> ArrayTiming.of(Fraction(50), Fraction(1, 80), 16000).centres_s(2, 16000).tolist()
        [0.0125, 0.0325]
        """
        hop = sample_rate_hz / frame_rate_hz
        first = hop / 2 if first_frame_s is None else first_frame_s * sample_rate_hz
        # An even number of fractions per frame: its half is the start of the first.
        scale = 2 * lcm(hop.denominator, first.denominator)
        hop_units, first_units = int(hop * scale), int(first * scale)
        return cls(FrameTiming(hop_units, hop_units, first_units - hop_units // 2), scale)

    def centres_s(self, n_frames: int, sample_rate_hz: int) -> npt.NDArray[np.float64]:
        """Return the centres of frames in s [shape=(n_frames,)]."""
        seconds: npt.NDArray[np.float64] = self.timing.centres(n_frames) / (2 * self.scale * sample_rate_hz)
        return seconds

    @overload
    def n_frames(self, n_samples: int) -> int: ...

    @overload
    def n_frames(self, n_samples: npt.NDArray[Any]) -> npt.NDArray[Any]: ...

    def n_frames(self, n_samples: int | npt.NDArray[Any]) -> int | npt.NDArray[Any]:
        """Return the number of frames whose centre lies in a recording of ``n_samples``."""
        first, hop = int(self.timing.centres(1)[0]), 2 * self.timing.hop_samples
        return np.maximum(0, -((first - 2 * self.scale * np.asarray(n_samples, dtype=np.int64)) // hop))[()]

    def require_frame(self, n_samples: int, what: str) -> None:
        """Accept every recording: how many frames its array has is checked when arrays are opened."""

    def segment_frames(
        self, onset: npt.NDArray[Any], offset: npt.NDArray[Any], n_frames: int | npt.NDArray[Any]
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
        """Return the frames of each segment; see :meth:`auscult.models.frames.FrameTiming.segment_frames`."""
        onset, offset = (np.asarray(times) for times in (onset, offset))
        return self.timing.segment_frames(onset * self.scale, offset * self.scale, n_frames)
