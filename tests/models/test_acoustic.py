"""Acoustic baselines: known sounds give known values at known times, and no value is missing."""

import numpy as np
import pytest
import torch

from auscult.errors import AudioError, ConfigError
from auscult.models.acoustic import BASELINES, acoustic_model, log_f0, log_mel, mfcc, position
from auscult.models.frames import FrameTiming

RATE = 16000


def tone(frequency_hz, seconds=1.0, level=0.3):
    phase = 2 * np.pi * frequency_hz * np.arange(int(seconds * RATE)) / RATE
    return (level * sum(np.sin(k * phase) / k for k in (1, 2, 3))).astype(np.float32)


def noise(n_samples):
    return np.random.default_rng(0).normal(0, 0.1, n_samples).astype(np.float32)


@pytest.mark.parametrize(("name", "n_dims"), [("mfcc", 13), ("mel", 80), ("f0", 2), ("time", 3)])
def test_each_baseline_has_one_layer_of_finite_frames(name, n_dims):
    model = acoustic_model(name)
    waveforms = [noise(400), noise(12345), np.zeros(8000, dtype=np.float32)]
    frames = model.frames(waveforms)
    assert (model.name, model.layers, model.sample_rate_hz, list(frames)) == (name, ("input",), RATE, ["input"])
    assert [x.shape for x in frames["input"]] == [(model.timing.n_frames(len(w)), n_dims) for w in waveforms]
    assert all(torch.isfinite(x).all() and x.dtype == torch.float32 for x in frames["input"])


def test_an_unknown_baseline_lists_those_that_exist():
    with pytest.raises(ConfigError, match="expected one of the acoustic baselines mfcc, mel, f0, time, found 'mels'"):
        acoustic_model("mels")


@pytest.mark.parametrize("name", BASELINES)
def test_a_waveform_shorter_than_a_window_is_refused(name):
    with pytest.raises(AudioError, match=r"expected at least 400 samples .* found 399 in waveform 0"):
        acoustic_model(name).frames([noise(399)])


def test_the_loudest_band_is_the_band_of_the_tone():
    edges_hz = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 82) / 2595) - 1)
    for frequency_hz in (500, 1000, 3000):
        sine = 0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(8000) / RATE).astype(np.float32)
        band = int(log_mel(sine)[10].argmax())
        assert edges_hz[band] < frequency_hz < edges_hz[band + 2]


def test_a_click_is_loudest_in_the_frames_around_its_time():
    waveform = np.zeros(8000, dtype=np.float32)
    waveform[4000] = 1.0
    for timing in (FrameTiming(400, 160), FrameTiming(585, 320), FrameTiming(300, 100)):
        loudest = log_mel(waveform, timing).mean(axis=1).argmax()
        assert abs(timing.centres(100)[loudest] / 2 - 4000) <= timing.hop_samples / 2


def test_features_on_the_frames_of_a_model_are_as_many_as_the_model_has():
    for timing in (FrameTiming(400, 320), FrameTiming(585, 320), FrameTiming(300, 320)):
        for n_samples in (600, 5000, 16000):
            n_frames = timing.n_frames(n_samples)
            features = log_mel(noise(n_samples), timing), log_f0(noise(n_samples), timing=timing)
            assert [len(x) for x in features] == [n_frames, n_frames]


def test_mel_windows_at_the_same_time_are_equal_at_any_hop():
    fine, coarse = log_mel(noise(5000)), log_mel(noise(5000), FrameTiming(400, 320))
    np.testing.assert_allclose(fine[::2][: len(coarse)], coarse, atol=1e-5)


def test_digital_silence_lies_on_the_floor():
    assert np.allclose(log_mel(np.zeros(4000, dtype=np.float32)), np.log(1e-8))


def test_cepstra_keep_the_energy_in_the_zeroth_and_the_shape_in_the_others():
    quiet, loud = mfcc(0.1 * noise(8000)), mfcc(noise(8000))
    np.testing.assert_allclose(loud[:, 0] - quiet[:, 0], np.sqrt(80) * 2 * np.log(10), rtol=1e-4)
    np.testing.assert_allclose(loud[:, 1:], quiet[:, 1:], atol=1e-2)


@pytest.mark.parametrize("frequency_hz", [80, 200, 400])
def test_f0_of_a_tone_is_its_frequency(frequency_hz):
    contour = log_f0(tone(frequency_hz))
    inner = contour[10:-10]
    assert inner[:, 1].all()
    np.testing.assert_allclose(np.exp(inner[:, 0]), frequency_hz, rtol=2e-3)


def test_f0_is_interpolated_where_the_voice_is_silent_and_marked_as_unvoiced():
    gap = np.concatenate([tone(100, 0.5), np.zeros(RATE // 2, dtype=np.float32), tone(200, 0.5)])
    log_hz, voiced = log_f0(gap).T
    assert voiced[20] == voiced[120] == 1
    assert voiced[70] == 0
    assert np.log(100) < log_hz[70] < np.log(200)
    np.testing.assert_allclose(np.diff(log_hz[65:85], 2), 0, atol=1e-5)


def test_an_utterance_without_voice_takes_the_middle_of_the_range():
    for waveform in (np.zeros(8000, dtype=np.float32), np.zeros(500, dtype=np.float32)):
        np.testing.assert_allclose(log_f0(waveform), [[np.log(60 * 650) / 2, 0]] * len(log_f0(waveform)), rtol=1e-6)


def test_position_is_seconds_from_both_ends():
    np.testing.assert_allclose(position(noise(16000))[0], [0.0125, 0.9875, 0.0125], rtol=1e-6)
    assert len(log_f0(noise(16000), 320)) == 49
