"""Windows of long recordings: every frame once, with context, and equal to the whole where context is local."""

import numpy as np
import pytest

from auscult.errors import ConfigError
from auscult.models.frames import FrameTiming
from auscult.models.windows import Windows

TIMINGS = [FrameTiming(400, 320), FrameTiming(585, 320), FrameTiming(1040, 320, -520), FrameTiming(25, 10)]


@pytest.mark.parametrize("timing", TIMINGS)
@pytest.mark.parametrize("n_samples", [2000, 16000, 16001, 16319, 16320, 16321, 40000, 99999])
def test_windows_hold_every_frame_once_at_its_place(timing, n_samples):
    centres = timing.centres(int(timing.n_frames(n_samples)))
    found = []
    for window in Windows(1.0, 0.25).cut(n_samples, timing, 16000):
        assert window.stop <= n_samples
        own = timing.centres(int(timing.n_frames(window.stop - window.start))) + 2 * window.start
        found += own[window.first : window.last].tolist()
    assert found == centres.tolist()


def test_frames_have_half_of_an_overlap_as_context():
    windows = list(Windows(1.0, 0.25).cut(100_000, TIMINGS[0], 16000))
    assert len(windows) > 3
    for window in windows[1:]:
        assert window.first * 320 >= 0.12 * 16000 - 320
    for window in windows[:-1]:
        n_frames = int(TIMINGS[0].n_frames(window.stop - window.start))
        assert (n_frames - window.last) * 320 >= 0.12 * 16000 - 320
    assert {window.stop - window.start for window in windows[:-1]} == {16000}


def test_a_short_recording_is_one_window():
    (window,) = Windows(1.0, 0.25).cut(16000, TIMINGS[0], 16000)
    assert (window.start, window.stop, window.first, window.last) == (0, 16000, 0, 49)


@pytest.mark.parametrize(("window_s", "overlap_s"), [(1, 0.6), (1, -0.1), (-1, 0)])
def test_windows_that_cannot_be_joined_are_refused(window_s, overlap_s):
    with pytest.raises(ConfigError, match=r"overlap of at least 0 s and at most half of a window"):
        Windows(window_s, overlap_s)


def test_windows_without_frames_are_refused():
    with pytest.raises(
        ConfigError, match=r"windows of two frames or more beyond their overlap, found windows of 0.04 s"
    ):
        list(Windows(0.04, 0.02).cut(16000, TIMINGS[0], 16000))


def test_a_local_function_is_the_same_in_windows_as_on_the_whole():
    waveform = np.random.default_rng(0).normal(size=50_000)
    timing = TIMINGS[0]

    def frames(samples):
        own = np.lib.stride_tricks.sliding_window_view(samples, 400)[::320]
        return np.convolve(own.sum(axis=1), np.ones(9) / 9, mode="same")  # sees four frames to either side

    parts = [
        frames(waveform[window.start : window.stop])[window.first : window.last]
        for window in Windows(1.0, 0.25).cut(len(waveform), timing, 16000)
    ]
    np.testing.assert_allclose(np.concatenate(parts), frames(waveform), rtol=1e-12)
