"""Encoders beside heads of any kind load with the states of the stock model, or are refused with what was found."""

import json
import logging

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import save_plain, tiny_encoder, tiny_model

from auscult.errors import CheckpointError
from auscult.models.checkpoints import import_checkpoint, load_encoder
from auscult.models.predictor import load_predictor


def custom(folder, name="wav2vec2", prefix="wav2vec2.", extra=(), **config):
    """Write an encoder under a prefix, with tensors beside it, as a class of its authors' own saves it."""
    save_plain(tiny_model(name), folder)
    weights = {prefix + key: value for key, value in load_file(folder / "model.safetensors").items()}
    weights |= {key: torch.eye(32) for key in extra}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | config))
    return folder


EMOTION = ("classifier.dense.weight", "classifier.out_proj.weight")


@pytest.mark.parametrize(
    ("extra", "architecture"),
    [
        (EMOTION, "Wav2Vec2ForSpeechClassification"),
        (("projector.0.weight", "projector.2.weight"), "Wav2Vec2Model"),
        ((), "Wav2Vec2ForCTC"),
    ],
)
def test_states_of_an_encoder_with_other_heads_are_those_of_the_encoder(tmp_path, caplog, extra, architecture):
    folder = custom(tmp_path / "in", extra=extra, architectures=[architecture])
    with caplog.at_level(logging.WARNING, "auscult"):
        import_checkpoint(tmp_path / "sealed", source=folder)
    assert "Wav2Vec2Model loads, but no head does, so analyses of states only: expected every weight" in caplog.text
    loaded, expected = load_encoder(tmp_path / "sealed").state_dict(), tiny_encoder("wav2vec2").state_dict()
    assert loaded.keys() == expected.keys()
    assert all(torch.equal(loaded[key], expected[key]) for key in expected)


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ("Wav2Vec2ForSpeechClassification", "found 'Wav2Vec2ForSpeechClassification' of wav2vec2; .* are never run"),
        ("Wav2Vec2ForCTC", "every weight of Wav2Vec2ForCTC .* 2 missing: lm_head.bias, lm_head.weight"),
    ],
)
def test_the_head_of_such_a_model_is_refused_with_the_reason(tmp_path, architecture, message):
    import_checkpoint(tmp_path / "sealed", source=custom(tmp_path / "in", architectures=[architecture], vocab_size=7))
    with pytest.raises(CheckpointError, match=message):
        load_predictor(tmp_path / "sealed")


def test_an_unusual_prefix_is_accepted_and_said(tmp_path, caplog):
    folder = custom(tmp_path / "in", prefix="module.model.wav2vec2.", extra=EMOTION)
    with caplog.at_level(logging.WARNING, "auscult"):
        loaded = load_encoder(folder).state_dict()
    assert "the encoder's weights begin with 'module.model.wav2vec2.' in the file, not with 'wav2vec2.'" in caplog.text
    expected = tiny_encoder("wav2vec2").state_dict()
    assert all(torch.equal(loaded[key], expected[key]) for key in expected)


def test_a_prefix_of_another_family_is_shown(tmp_path):
    with pytest.raises(CheckpointError, match=r"under 'hubert.', .* found 'wav2vec2.', which names another family"):
        load_encoder(custom(tmp_path / "in", model_type="hubert"))


def test_two_encoders_are_shown(tmp_path):
    folder = custom(tmp_path / "in", prefix="student.")
    weights = load_file(folder / "model.safetensors")
    twice = weights | {key.replace("student", "teacher"): value.clone() for key, value in weights.items()}
    save_file(twice, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(
        CheckpointError, match=r"expected one encoder in .*in, found 2, with .* student., teacher.; save"
    ):
        load_encoder(folder)


def test_weights_without_an_encoder_are_shown_by_how_they_begin(tmp_path):
    folder = custom(tmp_path / "in")
    weights = {"decoder.block.weight": torch.eye(2), "decoder.block.bias": torch.zeros(2)}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match=r"expected the weights of an encoder .* 'decoder.block' \(2 weights\)"):
        load_encoder(folder)


def test_a_block_too_many_is_no_head(tmp_path):
    folder = custom(tmp_path / "in", num_hidden_layers=1)
    with pytest.raises(CheckpointError, match=r"every weight of Wav2Vec2Model .* 16 unexpected: encoder.layers.1"):
        load_encoder(folder)


def test_the_encoder_of_whisper_loads_without_its_decoder(tmp_path):
    folder = save_plain(tiny_model("whisper"), tmp_path / "in")
    weights = {key: value for key, value in load_file(folder / "model.safetensors").items() if ".encoder." in key}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    import_checkpoint(tmp_path / "sealed", source=folder)
    loaded, expected = load_encoder(tmp_path / "sealed").state_dict(), tiny_encoder("whisper").state_dict()
    assert all(torch.equal(loaded[key], expected[key]) for key in expected)
