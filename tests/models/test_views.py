"""A model of another sample rate, and some layers of a model, behind the interface of all models."""

import numpy as np
import pytest
import torch
from tiny_models import save_plain, tiny_encoder, tiny_model
from tiny_predictors import noise

from auscult.corpora.audio import resample_waveform
from auscult.errors import CheckpointError, ConfigError
from auscult.models.acoustic import acoustic_model
from auscult.models.loading import model_opener
from auscult.models.speech import SpeechModel
from auscult.models.views import Resampled, SomeLayers, Windowed
from auscult.models.windows import Windows

TELEPHONE = {"sampling_rate": 8000, "do_normalize": True}


def test_a_model_of_telephone_speech_hears_resampled_recordings_at_their_times():
    model = SpeechModel(tiny_encoder("wavlm"), TELEPHONE)
    view = Resampled(model, 16000)
    assert (view.sample_rate_hz, view.timing.hop_samples, view.timing.receptive_field_samples) == (16000, 640, 800)
    for n_samples in (801, 9001, 16000):
        waveform = noise(n_samples)
        found = view.frames([waveform])["T1"][0]
        expected = model.frames([resample_waveform(waveform, 16000, 8000)])["T1"][0]
        assert len(found) == view.timing.n_frames(n_samples)
        assert torch.equal(found, expected[: len(found)])
    front = view.front_end([waveform])
    assert torch.equal(view.frames([waveform], front=front)["T2"][0], view.frames([waveform])["T2"][0])
    assert view.front_end_digest == model.front_end_digest


def test_a_hop_between_samples_is_refused():
    model = SpeechModel(tiny_encoder("wavlm"), TELEPHONE | {"sampling_rate": 22050})
    with pytest.raises(CheckpointError, match=r"whole number of samples at 16000 Hz, .* found 320 samples at 22050 Hz"):
        Resampled(model, 16000)


def test_some_layers_are_kept_in_order_of_depth():
    model = SpeechModel(tiny_encoder("wavlm"))
    view = SomeLayers(model, ["T2", "cnn"])
    waveform = noise(5000)
    assert view.layers == tuple(view.frames([waveform])) == ("cnn", "T2")
    assert torch.equal(view.frames([waveform])["T2"][0], model.frames([waveform])["T2"][0])
    with pytest.raises(CheckpointError, match=r"expected layers among cnn, embed, T1, T2 of 'wavlm', found T9, T10"):
        SomeLayers(model, ["T1", "T9", "T10"])


def test_an_opener_resamples_and_chooses_layers_and_says_so(tmp_path, caplog):
    folder = save_plain(tiny_model("wavlm"), tmp_path / "in")
    (folder / "preprocessor_config.json").write_text('{"sampling_rate": 8000, "do_normalize": true}')
    model = model_opener(checkpoint=folder, layers=["T1"])[0]()
    assert (model.sample_rate_hz, model.layers) == (16000, ("T1",))
    assert "recordings are resampled from 16000 Hz, the rate of corpora, to 8000 Hz for 'wavlm'" in caplog.text
    assert np.isfinite(model.frames([noise(5000)])["T1"][0].numpy()).all()


def test_layers_of_local_context_are_the_same_in_windows_as_of_the_whole():
    waveforms = [noise(n_samples, seed) for seed, n_samples in enumerate((9000, 60_123, 48_000))]
    windows = Windows(1.0, 0.4)
    model = SpeechModel(tiny_encoder("wav2vec2-layer-norm"), {"do_normalize": True})
    view = Windowed(model, windows)
    found, expected = view.frames(waveforms), model.frames(waveforms)
    torch.testing.assert_close(found["cnn"], expected["cnn"], rtol=1e-4, atol=1e-5)
    for layer in model.layers:
        assert [len(x) for x in found[layer]] == [len(x) for x in expected[layer]]
    torch.testing.assert_close(found["T2"][0], expected["T2"][0], rtol=1e-4, atol=1e-5)
    mel = acoustic_model("mel")
    torch.testing.assert_close(Windowed(mel, windows).frames(waveforms), mel.frames(waveforms))


def test_frames_of_windows_are_those_of_each_window_alone():
    model = SpeechModel(tiny_encoder("hubert"), {"do_normalize": False})
    waveform = noise(40_000)
    found = Windowed(model, Windows(1.0, 0.4)).frames([waveform])["T2"][0]
    parts = [
        model.frames([waveform[window.start : window.stop]])["T2"][0][window.first : window.last]
        for window in Windows(1.0, 0.4).cut(40_000, model.timing, 16000)
    ]
    torch.testing.assert_close(found, torch.cat(parts), rtol=1e-4, atol=1e-5)


def test_checkpoints_share_a_front_end_only_in_equal_windows():
    model = SpeechModel(tiny_encoder("hubert"))
    view, other = Windowed(model, Windows(1.0, 0.4)), Windowed(model, Windows(2.0, 0.4))
    waveforms = [noise(9000), noise(40_000, 1)]
    again = view.frames(waveforms, front=view.front_end(waveforms))
    torch.testing.assert_close(again["T1"], view.frames(waveforms)["T1"])
    assert len({view.front_end_digest, other.front_end_digest, model.front_end_digest}) == 3


def test_whisper_hears_recordings_longer_than_its_window(tmp_path):
    folder = save_plain(tiny_model("whisper"), tmp_path / "whisper")
    model = model_opener(checkpoint=folder)[0]()
    waveform = noise(80_000)
    found = model.frames([waveform, waveform[:32_000]])
    assert [len(x) for x in found["T2"]] == [250, 100]
    n_first = round(2 * 50 - 50 / 6)
    torch.testing.assert_close(found["T2"][0][: n_first // 2], found["T2"][1][: n_first // 2])
    with pytest.raises(ConfigError, match=r"windows of at most 2 s for 'whisper', which reads no more, found 30 s"):
        model_opener(checkpoint=folder, windows={"window_s": 30, "overlap_s": 5})[0]()
