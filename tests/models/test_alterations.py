"""Each alteration takes away what it names, keeps the rest, and is the same every time."""

import numpy as np
import pytest
import torch
from tiny_models import save_plain, tiny_encoder, tiny_model
from tiny_predictors import noise

from auscult.errors import ConfigError
from auscult.models.acoustic import log_f0
from auscult.models.alterations import ALTERATIONS, Alteration
from auscult.models.loading import model_opener
from auscult.models.speech import SpeechModel
from auscult.models.views import Altered

RATE_HZ = 16000


@pytest.fixture(scope="module")
def glide():
    """Return a second of a vowel-like sound whose pitch rises from 120 to 240 Hz."""
    time_s = np.arange(RATE_HZ) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(120 + 120 * time_s) / RATE_HZ
    harmonics = sum(np.exp(-((k * 180 - 700) ** 2) / 3e5) * np.sin(k * phase) for k in range(1, 20))
    return (0.1 * harmonics).astype(np.float32)


def envelope(waveform):
    """Return the level in windows of 20 ms [shape=(n_windows,)]."""
    return np.sqrt(np.mean(np.reshape(waveform[: len(waveform) // 320 * 320], (-1, 320)).astype(float) ** 2, axis=1))


@pytest.mark.parametrize("kind", ALTERATIONS)
def test_an_alteration_keeps_length_and_type_and_repeats_itself(kind, glide):
    alteration = Alteration(kind)
    found = alteration(glide, RATE_HZ)
    assert found.shape == glide.shape
    assert found.dtype == glide.dtype
    assert not np.array_equal(found, glide)
    assert np.array_equal(found, alteration(glide.copy(), RATE_HZ))


@pytest.mark.parametrize("kind", ALTERATIONS)
@pytest.mark.parametrize("n_samples", [1, 400, 641])
def test_silence_and_short_recordings_stay_what_they_are(kind, n_samples):
    silence = np.zeros(n_samples, np.float32)
    assert np.array_equal(Alteration(kind)(silence, RATE_HZ), silence)


def test_monotone_speech_has_one_pitch_and_its_envelope(glide):
    def pitch(waveform):
        frames = log_f0(waveform)
        return frames[(frames[:, 1] > 0.5)][5:-5, 0] if frames.shape[1] > 1 else frames[5:-5, 0]

    flat = Alteration("monotone")(glide, RATE_HZ)
    assert np.ptp(pitch(glide)) > 0.4
    assert np.ptp(pitch(flat)) < 0.05
    assert np.allclose(envelope(flat)[5:-5].mean(), envelope(glide)[5:-5].mean(), rtol=0.2)


def test_signal_correlated_noise_keeps_every_sample_but_for_its_sign_and_has_a_white_spectrum(glide):
    found = Alteration("signal_correlated_noise")(glide, RATE_HZ)
    assert np.array_equal(np.abs(found), np.abs(glide))
    power = np.abs(np.fft.rfft(found)) ** 2
    low, high = power[: len(power) // 2].sum(), power[len(power) // 2 :].sum()
    assert 0.8 < low / high < 1.25


@pytest.mark.parametrize("snr_db", [-10.0, 0.0, 10.0])
def test_noise_has_the_level_asked_for_and_the_spectrum_of_the_utterance(glide, snr_db):
    added = Alteration("noise", snr_db=snr_db)(glide, RATE_HZ).astype(float) - glide
    level_db = 10 * np.log10(np.mean(glide.astype(float) ** 2) / np.mean(added**2))
    assert level_db == pytest.approx(snr_db, abs=0.01)
    bands = [np.abs(np.fft.rfft(x)).reshape(-1, 1)[:8000].reshape(80, -1).sum(1) for x in (glide, added)]
    assert np.corrcoef(*bands)[0, 1] > 0.99


def test_shifted_speech_is_the_same_speech_at_another_time(glide):
    found = Alteration("shift")(glide, RATE_HZ)
    assert np.array_equal(found[8000:], glide[:8000])
    assert np.array_equal(found[:8000], glide[8000:])


def test_a_model_hears_the_altered_speech_at_the_times_of_the_frames(glide):
    model, alteration = SpeechModel(tiny_encoder("wavlm")), Alteration("noise")
    view = Altered(model, alteration)
    expected = model.frames([alteration(glide, RATE_HZ)])["T1"][0]
    assert torch.equal(view.frames([glide])["T1"][0], expected)
    assert torch.equal(view.frames([glide], front=view.front_end([glide]))["T1"][0], expected)
    assert view.timing == model.timing
    assert view.front_end_digest != model.front_end_digest
    assert view.front_end_digest != Altered(model, Alteration("noise", snr_db=5)).front_end_digest


def test_an_opener_alters_and_says_so(tmp_path, caplog):
    caplog.set_level("INFO")
    folder = save_plain(tiny_model("wavlm"), tmp_path / "in")
    waveform = noise(5000)
    opened = [
        model_opener(checkpoint=folder, alteration=entry)[0]().frames([waveform])["T1"][0]
        for entry in (None, {"kind": "noise", "snr_db": 0})
    ]
    assert not torch.equal(*opened)
    assert "'wavlm' hears altered speech: noise at 0 dB" in caplog.text


def test_an_unknown_alteration_is_refused():
    with pytest.raises(ConfigError, match=r"expected an alteration among monotone, .*, found 'loud'"):
        Alteration("loud")
