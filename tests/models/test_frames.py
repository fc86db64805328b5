"""Assignment of frames to segments, in integers."""

import numpy as np
import pytest

from auscult.errors import AudioError
from auscult.models.frames import FrameTiming

BASE = FrameTiming(400, 320)


def slow_segment_frames(timing, onset, offset, n_frames):
    """Follow the sentence of the convention literally, frame by frame."""
    centres = [
        timing.offset_samples + timing.receptive_field_samples / 2 + i * timing.hop_samples for i in range(n_frames)
    ]
    inside = [i for i, centre in enumerate(centres) if onset <= centre <= offset]
    if inside:
        return inside[0], inside[-1] + 1, False
    distances = [max(onset - centre, centre - offset) for centre in centres]
    best = max(i for i, distance in enumerate(distances) if distance == min(distances))
    return best, best + 1, True


@pytest.mark.parametrize("timing", [BASE, FrameTiming(585, 320), FrameTiming(1040, 320, -520), FrameTiming(7, 3)])
def test_segment_frames_agree_with_the_convention_read_literally(timing):
    rng = np.random.default_rng(0)
    n_frames = rng.integers(1, 30, 400)
    onset = rng.integers(0, 10000 * timing.hop_samples // 320, 400)
    offset = onset + rng.integers(1, 3 * timing.hop_samples, 400)
    expected = [slow_segment_frames(timing, *row) for row in zip(onset.tolist(), offset.tolist(), n_frames.tolist())]
    assert list(zip(*(part.tolist() for part in timing.segment_frames(onset, offset, n_frames)))) == expected


def test_the_convolutions_of_wav2vec2_see_400_samples_every_320():
    assert FrameTiming.from_convolutions((10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)) == BASE


def test_frames_are_counted_as_the_convolutions_count_them():
    kernels, strides = (10, 8, 8, 4, 2), (5, 4, 4, 2, 2)
    n_samples = np.arange(500, 3000)
    expected = n_samples
    for kernel, stride in zip(kernels, strides):
        expected = (expected - kernel) // stride + 1
    timing = FrameTiming.from_convolutions(kernels, strides)
    assert np.array_equal(timing.n_frames(n_samples), np.maximum(0, expected))


def test_a_padding_front_end_has_a_frame_for_every_centre_in_the_waveform():
    timing = FrameTiming(1040, 320, offset_samples=-520)
    assert [timing.n_frames(n) for n in (1, 320, 321, 480000)] == [1, 1, 2, 1500]
    assert timing.centres(3).tolist() == [0, 640, 1280]


def test_a_centre_on_the_boundary_belongs_to_both_segments():
    starts, stops, nearest = BASE.segment_frames(np.array([0, 520]), np.array([520, 840]), 10)
    assert (starts.tolist(), stops.tolist(), nearest.tolist()) == ([0, 1], [2, 3], [False, False])


def test_the_last_frame_of_a_segment_is_not_dropped():
    assert BASE.segment_frames(np.array([200]), np.array([1160]), 10)[1].tolist() == [4]


def test_a_segment_shorter_than_a_frame_takes_the_nearest_and_is_counted():
    starts, stops, nearest = BASE.segment_frames(np.array([250, 450, 90000]), np.array([300, 500, 90010]), 5)
    assert (starts.tolist(), stops.tolist(), nearest.tolist()) == ([0, 1, 4], [1, 2, 5], [True, True, True])


def test_half_samples_stay_exact():
    assert FrameTiming(585, 320).centres(2).tolist() == [585, 1225]
    assert FrameTiming(585, 320).segment_frames(np.array([293]), np.array([612]), 2)[2].tolist() == [True]


def test_times_in_seconds_are_refused():
    with pytest.raises(ValueError, match=r"expected segment times in samples \(integers\), found float64"):
        BASE.segment_frames(np.array([0.1]), np.array([0.2]), 3)


def test_a_recording_without_a_single_frame_is_named():
    with pytest.raises(AudioError, match=r"expected at least 400 samples .* found 399 in utterance 'a'; leave it out"):
        BASE.require_frame(399, "utterance 'a'")
    BASE.require_frame(400, "utterance 'a'")


@pytest.mark.parametrize("arguments", [(0, 320), (400, 0)])
def test_a_timing_without_extent_is_refused(arguments):
    with pytest.raises(ValueError, match="expected a positive receptive field and hop"):
        FrameTiming(*arguments)
