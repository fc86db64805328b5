"""Plain Hugging Face folders open; sealed folders are checked by their hashes; no error says to delete either."""

import json
import shutil

import numpy as np
import pytest
import torch
from places import ROOT
from safetensors.torch import load_file, save_file
from tiny_models import ENCODERS, save_plain, tiny_encoder, tiny_model
from tiny_predictors import TOKENS, tiny_head
from tiny_text import tiny_bert
from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2Processor, WhisperFeatureExtractor

from auscult.errors import CheckpointError, ManifestError
from auscult.models.checkpoint_format import read_preprocessor
from auscult.models.checkpoints import import_checkpoint, initialise_checkpoint, load_encoder, save_checkpoint
from auscult.models.loading import model_opener, open_model
from auscult.models.predictor import load_predictor
from auscult.models.seals import check_seal, checkpoint_digest
from auscult.models.speech import load_speech_model
from auscult.models.text import load_text_model

WHISPER_TINY = ROOT.parent / "shared" / "models" / "whisper-tiny-en"
LOADERS = {"speech": load_speech_model, "predictor": load_predictor, "text": load_text_model}


def noise(n_samples):
    return np.random.default_rng(0).normal(0, 0.1, n_samples).astype(np.float32)


def plain(folder, kind="speech"):
    """Write a checkpoint as ``save_pretrained`` leaves it."""
    if kind == "text":
        model, tokenizer = tiny_bert()
        tokenizer.save_pretrained(folder)
    else:
        model = tiny_model("wav2vec2") if kind == "speech" else tiny_head("hubert-ctc")[0]
        Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(folder)
    model.save_pretrained(folder)
    if kind == "predictor":
        (folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(TOKENS)}))
    return folder


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("kind", LOADERS)
def test_a_plain_folder_opens_and_is_left_as_it_was(tmp_path, kind):
    folder = plain(tmp_path / "mine", kind)
    before = files_of(folder)
    LOADERS[kind](folder)
    assert files_of(folder) == before
    assert check_seal(folder) is None


@pytest.mark.parametrize("name", ENCODERS)
def test_a_plain_folder_of_any_family_has_the_frames_of_the_sealed_one(tmp_path, name):
    save_plain(tiny_model(name), tmp_path / "plain")
    save_checkpoint(tmp_path / "sealed", tiny_model(name), {})
    frames = [load_speech_model(tmp_path / folder).frames([noise(5000)]) for folder in ("plain", "sealed")]
    for layer in frames[0]:
        assert torch.equal(frames[0][layer][0], frames[1][layer][0])


def test_a_plain_folder_in_shards_opens(tmp_path):
    tiny_model("wav2vec2").save_pretrained(tmp_path / "mine", max_shard_size="40KB")
    expected = tiny_encoder("wav2vec2").state_dict()
    assert all(
        torch.equal(value, expected[name]) for name, value in load_encoder(tmp_path / "mine").state_dict().items()
    )


def test_settings_are_read_from_either_file_and_first_from_the_processor_s(tmp_path):
    folder = plain(tmp_path / "mine")
    assert load_speech_model(folder)._settings["do_normalize"] is False
    (folder / "preprocessor_config.json").rename(folder / "own.json")
    settings = json.loads((folder / "own.json").read_text()) | {"sampling_rate": 8000}
    (folder / "processor_config.json").write_text(
        json.dumps({"processor_class": "Wav2Vec2Processor", "feature_extractor": settings})
    )
    model = load_speech_model(folder)
    assert (model._settings["do_normalize"], model.sample_rate_hz) == (False, 8000)
    shutil.copy(folder / "own.json", folder / "preprocessor_config.json")
    assert load_speech_model(folder).sample_rate_hz == 8000
    (folder / "processor_config.json").write_text(json.dumps({"processor_class": "Wav2Vec2Processor"}))
    assert load_speech_model(folder).sample_rate_hz == 16000


def test_settings_are_those_that_transformers_reads(tmp_path):
    extractor = WhisperFeatureExtractor(feature_size=40)
    extractor.save_pretrained(tmp_path / "a")
    (tmp_path / "a" / "config.json").write_text('{"model_type": "whisper"}')
    assert read_preprocessor(tmp_path / "a")["feature_size"] == 40
    tokenizer = tiny_bert()[1]
    Wav2Vec2Processor(Wav2Vec2FeatureExtractor(do_normalize=False), tokenizer).save_pretrained(tmp_path / "b")
    assert not (tmp_path / "b" / "preprocessor_config.json").exists()
    (tmp_path / "b" / "config.json").write_text('{"model_type": "hubert"}')
    assert read_preprocessor(tmp_path / "b")["do_normalize"] is False
    assert Wav2Vec2FeatureExtractor.from_pretrained(tmp_path / "b").do_normalize is False


def test_settings_of_a_processor_are_kept_on_import(tmp_path):
    folder = plain(tmp_path / "mine")
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").unlink()
    (folder / "processor_config.json").write_text(json.dumps({"feature_extractor": settings}))
    import_checkpoint(tmp_path / "sealed", source=folder)
    assert load_speech_model(tmp_path / "sealed")._settings["do_normalize"] is False


@pytest.mark.parametrize("kind", LOADERS)
def test_a_changed_file_of_a_sealed_folder_is_refused_without_advice_to_delete(tmp_path, kind):
    import_checkpoint(tmp_path / "sealed", source=plain(tmp_path / "mine", kind))
    LOADERS[kind](tmp_path / "sealed")
    config = tmp_path / "sealed" / "config.json"
    config.write_text(config.read_text() + "\n")
    with pytest.raises(
        ManifestError,
        match=r"expected SHA-256 \w+… for .*config.json, found \w+…; move manifest.json away, then fetch, import or "
        r"train the checkpoint again, or open the folder as it is, without hashes to check",
    ) as caught:
        LOADERS[kind](tmp_path / "sealed")
    assert "delete" not in str(caught.value)
    (tmp_path / "sealed" / "manifest.json").unlink()
    LOADERS[kind](tmp_path / "sealed")


@pytest.mark.parametrize("kind", LOADERS)
def test_an_unfinished_folder_is_refused(tmp_path, kind):
    folder = plain(tmp_path / ".partial-final", kind)
    with pytest.raises(
        ManifestError, match=r"expected .*manifest.json \(a finished folder has one\), found none; move"
    ):
        LOADERS[kind](folder)


def without_weights(folder):
    (folder / "model.safetensors").unlink()


def as_pickle(folder):
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    without_weights(folder)


def incomplete(folder):
    weights = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "layer.1.att" not in name and "layers.1.att" not in name}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})


def truncated(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def without_config(folder):
    (folder / "config.json").unlink()


def shards_elsewhere(folder):
    without_weights(folder)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../pytorch_model.bin"}}))


def missing_shard(folder):
    without_weights(folder)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "model-1.safetensors"}}))


FAULTS = {
    without_weights: r"expected .*model.safetensors, found no weights; download or copy",
    as_pickle: r"found the weights only as a pickle \(pytorch_model.bin\), which could run code; use a revision",
    incomplete: r"expected every weight of \w+ in .*, found \d+ missing: .*; check that config.json and weights",
    truncated: r"expected weights that load from .*, found: .*; fetch it again",
    without_config: r"expected .*config.json, found no such file; give a Hugging Face checkpoint folder",
    shards_elsewhere: r"expected plain names of safetensors files in .*, found '../pytorch_model.bin'; do not use it",
    missing_shard: r"expected .*model-1.safetensors \(listed in model.safetensors.index.json\), found no such file",
}


@pytest.mark.parametrize("kind", LOADERS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_plain_folder_is_refused_without_advice_to_delete_it(tmp_path, kind, fault):
    folder = plain(tmp_path / "mine", kind)
    fault(folder)
    with pytest.raises(CheckpointError, match=FAULTS[fault]) as caught:
        LOADERS[kind](folder)
    assert "delete" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    for load in LOADERS.values():
        with pytest.raises(CheckpointError, match=r"expected .*none/config.json, found no such file; give a Hugging"):
            load(tmp_path / "none")
    with pytest.raises(
        ManifestError, match=r"found none; train, fetch or import this checkpoint, or take its step out"
    ):
        model_opener(checkpoint=tmp_path / "none")


def test_the_digest_of_a_sealed_folder_is_its_manifest_s(tmp_path):
    manifest = save_checkpoint(tmp_path / "sealed", tiny_model("wav2vec2"), {})
    assert checkpoint_digest(tmp_path / "sealed") == manifest.sha256
    assert open_model(checkpoint=tmp_path / "sealed")[1] == {"checkpoint": manifest.sha256}


@pytest.mark.parametrize("shards", [{}, {"max_shard_size": "40KB"}])
def test_the_digest_of_a_plain_folder_follows_its_weights_and_settings_alone(tmp_path, shards):
    folder = tmp_path / "mine"
    save_plain(tiny_model("wav2vec2"), folder, **shards)
    digests = [checkpoint_digest(folder)]
    (folder / "README.md").write_text("# mine")
    assert model_opener(checkpoint=folder)[1] == open_model(checkpoint=folder)[1] == {"checkpoint": digests[0]}
    path = sorted(folder.glob("*.safetensors"))[-1]
    save_file({name: value + 1 for name, value in load_file(path).items()}, path, {"format": "pt"})
    digests.append(checkpoint_digest(folder))
    (folder / "preprocessor_config.json").write_text('{"do_normalize": false, "sampling_rate": 16000}')
    digests.append(checkpoint_digest(folder))
    assert len(set(digests)) == 3


def test_a_plain_folder_has_an_untrained_control(tmp_path):
    folder = plain(tmp_path / "mine")
    manifest = initialise_checkpoint(tmp_path / "untrained", like=folder, seed=1)
    assert manifest.parents == {"like": checkpoint_digest(folder)}
    assert load_speech_model(tmp_path / "untrained")._settings["do_normalize"] is False


def test_neither_baseline_nor_checkpoint_is_an_error():
    with pytest.raises(
        CheckpointError, match="expected the name of an acoustic baseline or a checkpoint folder, found"
    ):
        open_model()


@pytest.mark.skipif(not WHISPER_TINY.is_dir(), reason="needs ../shared/models/whisper-tiny-en")
def test_whisper_tiny_opens_from_the_folder_that_its_authors_published():
    model = load_speech_model(WHISPER_TINY)
    frames = model.frames([noise(16000)])
    assert list(frames) == ["cnn", "embed", "T1", "T2", "T3", "T4"]
    assert {tuple(layer[0].shape) for layer in frames.values()} == {(50, 384)}
