"""A model of another sample rate, and some layers of a model, behind the interface of all models."""

import numpy as np
import pytest
import torch
from tiny_models import save_plain, tiny_encoder, tiny_model
from tiny_predictors import noise

from auscult.corpora.audio import resample_waveform
from auscult.errors import CheckpointError
from auscult.models.loading import model_opener
from auscult.models.speech import SpeechModel
from auscult.models.views import Resampled, SomeLayers

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
