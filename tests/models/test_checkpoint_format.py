"""Settings of a feature extractor: read, stated or refused, never assumed."""

import json
import logging

import numpy as np
import pytest
import torch
from tiny_models import save_plain, tiny_model
from tiny_predictors import noise
from transformers import Wav2Vec2FeatureExtractor

from auscult.errors import CheckpointError
from auscult.models.checkpoint_format import read_preprocessor
from auscult.models.checkpoints import import_checkpoint
from auscult.models.speech import load_speech_model

LOUD = noise(9000) * 0.02 + 0.1


def bare(folder, name="wavlm"):
    save_plain(tiny_model(name), folder)
    (folder / "preprocessor_config.json").unlink()
    return folder


@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize("name", ["wavlm-layer-norm", "unispeech", "sew"])
def test_states_are_those_of_transformers_with_its_extractor(tmp_path, name, normalised):
    folder = save_plain(tiny_model(name), tmp_path / "in")
    extractor = Wav2Vec2FeatureExtractor(do_normalize=normalised, return_attention_mask=True)
    extractor.save_pretrained(folder)
    with torch.inference_mode():
        heard = torch.from_numpy(np.asarray(extractor(LOUD, sampling_rate=16000)["input_values"]))
        expected = tiny_model(name)(heard).last_hidden_state[0]
    torch.testing.assert_close(load_speech_model(folder).frames([LOUD])["T2"][0], expected, atol=1e-5, rtol=0)


def test_settings_that_are_absent_are_asked_for(tmp_path):
    folder = bare(tmp_path / "in")
    with pytest.raises(
        CheckpointError, match=r"sampling_rate and do_normalize in .*in .* found no such file; .* state"
    ):
        import_checkpoint(tmp_path / "sealed", source=folder)
    (folder / "preprocessor_config.json").write_text('{"sampling_rate": 16000}')
    with pytest.raises(CheckpointError, match=r"do_normalize in .* the file without; .* {do_normalize: true or false}"):
        load_speech_model(folder)


def test_stated_settings_are_used_and_recorded(tmp_path, caplog):
    stated = {"sampling_rate": 8000, "do_normalize": False}
    manifest = import_checkpoint(tmp_path / "sealed", source=bare(tmp_path / "in"), preprocessor=stated)
    assert manifest.recipe["preprocessor"] == stated
    model = load_speech_model(tmp_path / "sealed")
    assert model.sample_rate_hz == 8000
    assert torch.equal(model.prepare(LOUD), torch.from_numpy(LOUD))
    assert load_speech_model(tmp_path / "in", preprocessor=stated).sample_rate_hz == 8000
    settings = {"feature_extractor": {"sampling_rate": 16000, "do_normalize": True}}
    (tmp_path / "in" / "processor_config.json").write_text(json.dumps(settings))
    with caplog.at_level(logging.WARNING, "auscult"):
        import_checkpoint(tmp_path / "again", source=tmp_path / "in", preprocessor={"do_normalize": False})
    assert "the settings {'do_normalize': True} of the checkpoint's files are replaced by the stated" in caplog.text
    assert read_preprocessor(tmp_path / "again")["do_normalize"] is False


def test_two_files_that_differ_are_read_as_by_transformers_and_said(tmp_path, caplog):
    folder = save_plain(tiny_model("wavlm"), tmp_path / "in")
    settings = {"feature_extractor": {"sampling_rate": 16000, "do_normalize": False}}
    (folder / "processor_config.json").write_text(json.dumps(settings))
    with caplog.at_level(logging.WARNING, "auscult"):
        assert read_preprocessor(folder)["do_normalize"] is False
    assert "do_normalize is False in processor_config.json and True in preprocessor_config.json" in caplog.text


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sampling_rate": "16k", "do_normalize": "yes"}, r"found sampling_rate '16k' .* and do_normalize 'yes'"),
        ({"feature_extractor_type": "WhisperFeatureExtractor"}, r"of a Wav2Vec2FeatureExtractor for 'wavlm' .* found"),
    ],
)
def test_settings_that_do_not_fit_are_refused(tmp_path, settings, message):
    folder = bare(tmp_path / "in")
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    with pytest.raises(CheckpointError, match=message):
        load_speech_model(folder)


def test_a_filterbank_of_another_size_is_refused(tmp_path):
    folder = save_plain(tiny_model("whisper"), tmp_path / "in")
    (folder / "preprocessor_config.json").write_text('{"sampling_rate": 16000, "feature_size": 128}')
    with pytest.raises(CheckpointError, match=r"expected a filterbank of 80 bands.* found feature_size: 128"):
        load_speech_model(folder)
