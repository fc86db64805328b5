"""Long recordings in windows that overlap, joined in the middle of each overlap, on the frames of the whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from auscult.errors import ConfigError
from auscult.models.frames import FrameTiming

__all__ = ["Window", "Windows"]


@dataclass(frozen=True)
class Window:
    """A part of a recording, and those of its frames that stand for the recording.

    Parameters
    ----------
    start, stop : half-open range of samples of the recording
    first, last : half-open range of frames of the window that are kept
    """

    start: int
    stop: int
    first: int
    last: int


@dataclass(frozen=True)
class Windows:
    """How long recordings are cut.

    Windows begin at the first sample of a frame's receptive field, so that every frame of a window is a frame of the
    recording. Of an overlap, the earlier window gives the first half of the frames and the later one the second half,
    so that each frame kept has at least half of an overlap of context on either side, unless the recording ends there.
    The last window is moved back to be as long as the others.

    Parameters
    ----------
    window_s : length of a window in seconds; recordings of at most this length are not cut
    overlap_s : seconds that two windows share, at most half of a window
    """

    window_s: float
    overlap_s: float

    def __post_init__(self) -> None:
        """Refuse windows that cannot be joined."""
        if not 0 <= self.overlap_s <= self.window_s / 2:
            raise ConfigError(
                f"expected an overlap of at least 0 s and at most half of a window, found {self.overlap_s:g} s for "
                f"windows of {self.window_s:g} s; correct overlap_s or window_s"
            )

    def cut(self, n_samples: int, timing: FrameTiming, sample_rate_hz: int) -> Iterator[Window]:
        """Yield the windows of a recording; their kept frames, in order, are all frames of the recording.

        Parameters
        ----------
        n_samples : length of the recording; at least one frame
        timing, sample_rate_hz : of the model

        Raises
        ------
        ConfigError
            A window is shorter than two frames beyond its overlap.
        """
        length, n_frames = round(self.window_s * sample_rate_hz), int(timing.n_frames(n_samples))
        if n_samples <= length:
            yield Window(0, n_samples, 0, n_frames)
            return
        hop, in_window = timing.hop_samples, int(timing.n_frames(length))
        step = in_window - round(self.overlap_s * sample_rate_hz / hop)
        if step < 2:
            raise ConfigError(
                f"expected windows of two frames or more beyond their overlap, found windows of {self.window_s:g} s "
                f"with an overlap of {self.overlap_s:g} s for frames of {1000 * hop / sample_rate_hz:g} ms; choose "
                "longer ones"
            )
        begins = [*range(0, n_frames - in_window, step), max(0, n_frames - in_window)]
        # Windows of equal length; the last one also takes the samples after the last frame.
        ends = [begin + in_window for begin in begins]
        joins = [0, *((later + end) // 2 for end, (_, later) in zip(ends, pairwise(begins))), n_frames]
        for begin, (first, last) in zip(begins, pairwise(joins)):
            stop = n_samples if begin == begins[-1] else begin * hop + length
            yield Window(begin * hop, stop, first - begin, last - begin)
