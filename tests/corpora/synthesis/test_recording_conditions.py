import numpy as np
import pytest

from auscult.corpora.synthesis.recording_conditions import record, set_level


def _level_db(waveform):
    return 10 * np.log10(np.mean(np.square(waveform, dtype=np.float64)))


@pytest.fixture
def burst():
    waveform = np.zeros(16_000)
    waveform[6000:8000] = np.sin(2 * np.pi * 800 * np.arange(2000) / 16_000)
    return waveform


def test_equal_generators_give_equal_recordings(burst):
    first, second, other = (record(burst, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_recordings_keep_length_range_and_stated_level(burst):
    for seed in range(20):
        heard = record(burst, np.random.default_rng(seed))
        assert heard.shape == burst.shape
        assert heard.dtype == np.float32
        assert np.abs(heard).max() <= 0.98 + 1e-6
        assert -32.1 < _level_db(heard) < -17.9


def test_sound_stays_where_it_was(burst):
    for seed in range(20):
        heard = record(burst, np.random.default_rng(seed))
        energy = np.square(heard.astype(float)).reshape(-1, 80).sum(1)
        rise = np.argmax(np.convolve(np.diff(np.log(energy + 1e-9)), np.ones(2), "same"))
        assert abs((rise + 1) * 80 - 6000) <= 160  # two blocks of 5 ms


def test_the_noise_lies_between_the_stated_ratios(burst):
    steady = np.tile(burst[6000:8000], 8)
    for seed in range(20):
        heard = record(steady, np.random.default_rng(seed)).astype(float)
        spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)))) ** 2
        tone = np.abs(np.fft.rfftfreq(len(heard), 1 / 16_000) - 800) < 10
        # The reverberation overlaps the tone and the tilt attenuates it; the margin covers both.
        assert 14 < 10 * np.log10(spectrum[tone].sum() / spectrum[~tone].sum()) < 42


def test_recordings_differ_in_spectrum_although_the_speech_is_the_same():
    speech = np.random.default_rng(0).standard_normal(16_000)
    spectra = []
    for seed in range(20):
        power = np.abs(np.fft.rfft(record(speech, np.random.default_rng(seed)))[1:]) ** 2
        bands = np.log10(power.reshape(10, -1).mean(1))
        spectra.append(10 * (bands - bands.mean()))
    assert np.std(spectra, axis=0).mean() > 1  # decibels per band


def test_a_level_that_would_clip_is_lowered():
    peaky = np.zeros(16_000)
    peaky[0] = 1
    assert np.abs(set_level(peaky, -20)).max() == pytest.approx(0.98)
