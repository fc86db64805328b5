"""Units that the small models learn to predict, and masks, crops and augmentation of their input."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from auscult.errors import AnalysisError, ConfigError
from auscult.models.frames import FrameTiming
from auscult.models.training.augmentation import augment, change_speed
from auscult.models.training.crops import Stream, normalise
from auscult.models.training.masking import span_mask
from auscult.models.training.units import Codebook, fit_codebook, pitch_features, spectral_features, unit_features

TIMING = FrameTiming(400, 320)


def harmonic(f0_hz: float, seconds: float) -> np.ndarray:
    times = np.arange(round(seconds * 16000)) / 16000
    return (0.1 * sum(np.sin(2 * np.pi * k * f0_hz * times) / k for k in range(1, 8))).astype(np.float32)


def test_units_change_at_the_frame_where_the_sound_changes():
    rng = np.random.default_rng(0)
    change = 320 * 40 + 200
    tone = np.sin(2 * np.pi * 500 * np.arange(change) / 16000) * 0.1
    waveform = np.concatenate([tone, rng.normal(0, 0.1, 16000)]).astype(np.float32)
    features = spectral_features(waveform, TIMING)
    units = fit_codebook("mel", [features], 2, seed=0).assign(features)
    inside = TIMING.centres(len(units)) // 2 < change
    assert np.flatnonzero(units != units[0])[0] in (np.argmin(inside) - 1, np.argmin(inside))
    assert adjusted_rand_score(inside, units) > 0.9


def test_spectral_features_have_one_row_per_frame_of_the_model():
    for n_samples in (400, 719, 720, 16000):
        waveform = harmonic(150, 1.0)[:n_samples]
        assert len(spectral_features(waveform, TIMING)) == TIMING.n_frames(n_samples)
        assert len(pitch_features(waveform, TIMING)) == TIMING.n_frames(n_samples)


def test_spectral_features_do_not_depend_on_the_level():
    rng = np.random.default_rng(1)
    waveform = rng.normal(0, 0.1, 16000).astype(np.float32)
    difference = spectral_features(waveform, TIMING) - spectral_features(waveform / 4, TIMING)
    assert np.abs(difference).max() < 1e-3  # float32 logarithms of energies far above their floor


def glide(from_hz: float, to_hz: float, seconds: float = 0.6) -> np.ndarray:
    """Return a voice whose pitch glides evenly in octaves a second."""
    n_samples = round(seconds * 16000)
    phase = 2 * np.pi * np.cumsum(np.geomspace(from_hz, to_hz, n_samples)) / 16000
    return (0.1 * sum(np.sin(k * phase) / k for k in range(1, 8))).astype(np.float32)


def test_pitch_features_are_the_contour_about_its_mean_and_half_its_height():
    features = pitch_features(glide(100, 200), TIMING)
    centres_s = TIMING.centres(len(features)) / 2 / 16000
    inside = slice(6, -6)
    by_40_ms = np.log(2) / 0.6 * 0.04
    for point, steps in enumerate((-2, -1, 0, 1, 2)):
        np.testing.assert_allclose(features[inside, point], steps * by_40_ms, atol=0.01)
    np.testing.assert_allclose(features[inside, 5], (np.log(100) + np.log(2) * centres_s[inside] / 0.6) / 2, atol=0.01)


def test_shape_of_the_contour_is_the_same_in_any_register():
    low, high = (pitch_features(glide(hz, 1.5 * hz), TIMING)[6:-6] for hz in (100, 180))
    np.testing.assert_allclose(low[:, :5], high[:, :5], atol=0.01)


def test_points_of_the_contour_lie_40_ms_apart_at_any_hop():
    every_10_ms = pitch_features(glide(100, 200), FrameTiming(400, 160))
    every_20_ms = pitch_features(glide(100, 200), TIMING)
    np.testing.assert_allclose(every_10_ms[::2][8:20], every_20_ms[8:20], atol=0.01)


def test_frames_without_voice_are_one_unit_of_their_own():
    noise = np.random.default_rng(2).normal(0, 0.1, 8000).astype(np.float32)
    features = [pitch_features(w, TIMING) for w in (noise, harmonic(120, 0.5), harmonic(180, 0.5))]
    codebook = fit_codebook("pitch", features, 4, seed=0)
    assert len(codebook.centres) == 3
    assert np.mean(codebook.assign(features[0]) == 3) > 0.9
    assert not np.any(codebook.assign(features[1])[5:-5] == 3)


def test_units_are_the_nearest_centres():
    rng = np.random.default_rng(3)
    centres, frames = rng.normal(size=(7, 5)).astype(np.float32), rng.normal(size=(40, 5)).astype(np.float32)
    slow = [min(range(7), key=lambda k: np.sum((frame - centres[k]) ** 2)) for frame in frames]
    assert Codebook(centres).assign(frames).tolist() == slow


def test_same_seed_gives_the_same_codebook():
    frames = [np.random.default_rng(4).normal(size=(500, 6)).astype(np.float32)]
    first, again, other = (fit_codebook("mel", frames, 10, seed).centres for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_more_units_than_frames_raises():
    frames = [np.zeros((3, 2), dtype=np.float32)]
    with pytest.raises(AnalysisError, match=r"at least 8 frames to fit 8 units of codebook 'mel', found 3; ask for"):
        fit_codebook("mel", frames, 8, seed=0)


def test_unknown_codebook_raises():
    with pytest.raises(ConfigError, match="expected codebooks among mel, pitch, found 'loudness'"):
        unit_features("loudness", harmonic(100, 0.1), TIMING)


def test_masked_share_follows_from_probability_and_length():
    mask = span_mask(np.random.default_rng(5), 400, 100, probability=0.08, length=10)
    assert abs(mask[:, 10:].mean() - (1 - 0.92**10)) < 0.01
    assert abs(mask[:, 0].mean() - 0.08) < 0.04


def test_masks_are_spans_of_full_length_and_never_all_or_nothing():
    mask = span_mask(np.random.default_rng(6), 300, 60, probability=0.01, length=6)
    assert mask.any(axis=1).all()
    assert not span_mask(np.random.default_rng(6), 50, 20, probability=0.9, length=10).all(axis=1).any()
    for row in mask:
        edges = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(int)))
        starts, ends = edges[::2], edges[1::2]
        assert all(end - start >= 6 or end == 60 for start, end in zip(starts, ends))


def test_crops_carry_the_units_of_their_own_frames():
    hops = np.repeat(np.arange(50, dtype=np.int16), 320)
    stream = Stream(hops, {"mel": np.arange(50, dtype=np.int16)}, TIMING)
    waveforms, units = stream.crops(np.random.default_rng(7), 20, 3200)
    assert units["mel"].shape == (20, TIMING.n_frames(3200))
    starts = np.rint(waveforms[:, 0] * 32768).astype(int)
    assert np.array_equal(units["mel"], starts[:, None] + np.arange(9))


def test_augmented_crops_keep_their_content_at_the_lowest_noise():
    rng = np.random.default_rng(8)
    clean = rng.normal(size=(4, 4001)).astype(np.float32)  # a prime: transforms are as long as is fast
    same = augment(rng, clean, equaliser_db=0.0, noise_share=0.0)
    np.testing.assert_allclose(same, clean, atol=1e-5)
    noisy = augment(rng, clean, equaliser_db=0.0, noise_share=1.0, snr_db=(20.0, 20.0))
    ratio_db = 10 * np.log10((clean**2).mean(axis=1) / ((noisy - clean) ** 2).mean(axis=1))
    np.testing.assert_allclose(ratio_db, 20.0, atol=0.5)


def test_another_speed_moves_the_pitch_by_as_much_as_it_shortens():
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)
    lengths = set()
    for seed in range(40):
        changed = change_speed(np.random.default_rng(seed), tone)
        speed = 16000 / len(changed)
        peak_hz = np.abs(np.fft.rfft(changed * np.hanning(len(changed)))).argmax() * 16000 / len(changed)
        assert abs(peak_hz - 1000 * speed) < 2
        lengths.add(round(speed, 2))
    assert lengths == {0.9, 0.95, 1.0, 1.05, 1.1}


def test_normalised_crops_have_mean_zero_and_unit_variance():
    crops = normalise(np.random.default_rng(9).normal(0.3, 0.02, (3, 1000)).astype(np.float32))
    np.testing.assert_allclose(crops.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(crops.std(axis=1), 1, atol=1e-3)
