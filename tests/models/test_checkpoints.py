"""A checkpoint loads with all of its weights or not at all, and no code in it runs."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import ENCODERS, tiny_encoder, tiny_model

from auscult.errors import CheckpointError, ManifestError
from auscult.manifests import check_folder
from auscult.models.checkpoints import (
    check_checkpoint,
    import_checkpoint,
    initialise_checkpoint,
    load_encoder,
    load_model,
    save_checkpoint,
)
from auscult.models.speech import load_speech_model


@pytest.fixture
def source(tmp_path):
    """Return an unsealed folder such as a hub or a training script leaves."""
    folder = tmp_path / "source"
    tiny_model("wav2vec2").save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text('{"do_normalize": true, "sampling_rate": 16000}')
    return folder


def edit_weights(folder, change):
    weights = load_file(folder / "model.safetensors")
    save_file(change(weights), folder / "model.safetensors", {"format": "pt"})


def edit_config(folder, **settings):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | settings))


@pytest.mark.parametrize("name", ENCODERS)
def test_a_saved_model_loads_with_the_same_weights(name, tmp_path):
    saved = tiny_model(name)
    save_checkpoint(tmp_path / "final", saved, {"made": "here"}, {"corpus": "abc"})
    loaded = load_encoder(tmp_path / "final").state_dict()
    expected = tiny_encoder(name).state_dict()
    assert loaded.keys() == expected.keys()
    assert all(torch.equal(loaded[key], expected[key]) for key in expected)
    assert check_folder(tmp_path / "final").parents == {"corpus": "abc"}


def test_heads_are_loaded_and_left_out_of_the_encoder(tmp_path):
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    config = Wav2Vec2Config(**ENCODERS["wav2vec2"][2], vocab_size=7)
    save_checkpoint(tmp_path / "ctc", Wav2Vec2ForCTC(config), {})
    assert type(load_model(tmp_path / "ctc")).__name__ == "Wav2Vec2ForCTC"
    assert type(load_encoder(tmp_path / "ctc")).__name__ == "Wav2Vec2Model"


def test_the_setting_of_normalisation_is_kept(tmp_path):
    save_checkpoint(tmp_path / "raw", tiny_model("hubert"), {}, do_normalize=False)
    assert json.loads((tmp_path / "raw" / "preprocessor_config.json").read_text())["do_normalize"] is False
    model = load_speech_model(tmp_path / "raw", device="auto")
    assert (model.sample_rate_hz, model.frames([])) == (16000, {"cnn": [], "embed": [], "T1": [], "T2": []})


def test_weight_norm_under_its_old_name_is_loaded_not_initialised_anew(source, tmp_path):
    stem = "encoder.pos_conv_embed.conv."
    new = {stem + "parametrizations.weight.original0": stem + "weight_g"}
    new |= {stem + "parametrizations.weight.original1": stem + "weight_v"}
    edit_weights(source, lambda weights: {new.get(key, key): 2 * value for key, value in weights.items()})
    assert stem + "weight_g" in load_file(source / "model.safetensors")
    import_checkpoint(tmp_path / "final", source=source)
    loaded = load_encoder(tmp_path / "final").encoder.pos_conv_embed.conv.weight
    # The norm is doubled with the gain; the direction's own length does not matter.
    torch.testing.assert_close(loaded, 2 * tiny_model("wav2vec2").encoder.pos_conv_embed.conv.weight)


def test_an_altered_sealed_folder_is_refused(source, tmp_path):
    import_checkpoint(tmp_path / "final", source=source)
    edit_weights(tmp_path / "final", lambda weights: {key: value + 1 for key, value in weights.items()})
    with pytest.raises(ManifestError, match="expected SHA-256"):
        load_encoder(tmp_path / "final")


def test_a_folder_without_configuration_is_refused(source, tmp_path):
    (source / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"expected .*config.json, found no such file; give a Hugging Face"):
        import_checkpoint(tmp_path / "final", source=source)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_pickled_weights_are_refused(source):
    (source / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"found no weights; download or copy"):
        check_checkpoint(source)
    torch.save({}, source / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"only as a pickle \(pytorch_model.bin\), which could run code"):
        check_checkpoint(source)


def test_missing_weights_are_named_and_nothing_is_left_behind(source, tmp_path):
    edit_weights(source, lambda weights: {key: value for key, value in weights.items() if "layers.1.att" not in key})
    with pytest.raises(CheckpointError, match=r"every weight of Wav2Vec2Model .* 8 missing: encoder.layers.1.att.* …;"):
        import_checkpoint(tmp_path / "final", source=source)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_unexpected_weights_are_named(source):
    edit_weights(source, lambda weights: weights | {"lm_head.weight": torch.zeros(2, 2)})
    with pytest.raises(CheckpointError, match=r"found 1 unexpected: lm_head.weight; check that config.json and"):
        load_model(source)


def test_weights_of_another_shape_are_named(source):
    edit_config(source, intermediate_size=40)
    with pytest.raises(CheckpointError, match=r"found \d mismatched: .*dense.*\[48\] for \[40\]"):
        load_model(source)


def test_the_embedding_of_masked_frames_may_be_missing(source):
    edit_weights(source, lambda weights: {key: value for key, value in weights.items() if key != "masked_spec_embed"})
    assert load_model(source).masked_spec_embed.shape == (32,)


def test_truncated_weights_are_refused(source):
    (source / "model.safetensors").write_bytes((source / "model.safetensors").read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"expected weights that load from .*; fetch it again"):
        load_model(source)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model_type": "gpt2"}, r"expected one of the model types wav2vec2, .*, found 'gpt2'"),
        ({"quantization_config": {"quant_method": "gptq"}}, r"expected unquantised weights"),
        ({"hidden_size": "many"}, r"expected a valid configuration in .*config.json"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(source, settings, message):
    edit_config(source, **settings)
    with pytest.raises(CheckpointError, match=message):
        load_model(source)


def test_a_configuration_that_is_not_json_is_refused(source):
    (source / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"expected JSON in .*config.json"):
        check_checkpoint(source)


def test_code_and_kernels_that_a_checkpoint_names_are_never_loaded(source):
    (source / "modeling.py").write_text("raise SystemExit('ran')")
    auto_map = {"AutoConfig": "modeling.Config", "AutoModel": "modeling.Model"}
    edit_config(
        source, auto_map=auto_map, attn_implementation="somebody/kernel", _attn_implementation="somebody/kernel"
    )
    model = load_model(source)
    assert type(model).__module__.startswith("transformers.models.wav2vec2")
    assert model.config._attn_implementation == "sdpa"


def test_the_untrained_control_has_the_configuration_and_fresh_seeded_weights(source, tmp_path):
    import_checkpoint(tmp_path / "final", source=source)
    before = torch.random.get_rng_state()
    manifests = [initialise_checkpoint(tmp_path / str(seed), like=tmp_path / "final", seed=seed) for seed in (0, 1)]
    again = initialise_checkpoint(tmp_path / "again", like=tmp_path / "final", seed=0)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert again.files == manifests[0].files
    assert manifests[0].files["model.safetensors"] != manifests[1].files["model.safetensors"]
    trained, untrained = (load_encoder(tmp_path / name) for name in ("final", "1"))
    assert untrained.config.to_dict().keys() == trained.config.to_dict().keys()
    moved = [not torch.equal(a, b) for a, b in zip(trained.parameters(), untrained.parameters()) if a.std() > 0]
    assert all(moved)


def test_shards_are_merged_on_import(source, tmp_path):
    model = tiny_model("wav2vec2")
    (source / "model.safetensors").unlink()
    model.save_pretrained(source, max_shard_size="40KB")
    assert (source / "model.safetensors.index.json").is_file()
    manifest = import_checkpoint(tmp_path / "final", source=source)
    assert sorted(manifest.files) == ["config.json", "model.safetensors", "preprocessor_config.json"]
    assert torch.equal(load_encoder(tmp_path / "final").encoder.layer_norm.weight, model.encoder.layer_norm.weight)


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/model.safetensors", "model.bin"])
def test_a_shard_whose_name_leads_elsewhere_is_refused(source, tmp_path, name):
    (source / "model.safetensors").rename(source.parent / "model.safetensors")
    (source / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(CheckpointError, match=r"expected plain names of safetensors files"):
        import_checkpoint(tmp_path / "final", source=source)


def test_a_missing_shard_is_named(source, tmp_path):
    (source / "model.safetensors").unlink()
    (source / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "model-1.safetensors"}}))
    with pytest.raises(CheckpointError, match=r"expected .*model-1.safetensors \(listed in"):
        import_checkpoint(tmp_path / "final", source=source)


def test_a_truncated_shard_is_named(source, tmp_path):
    (source / "model.safetensors").unlink()
    tiny_model("wav2vec2").save_pretrained(source, max_shard_size="40KB")
    path = next(source.glob("model-*.safetensors"))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(CheckpointError, match=f"expected whole tensors in .*{path.name}"):
        import_checkpoint(tmp_path / "imported", source=source)


def test_an_index_that_lists_no_shards_is_refused(source, tmp_path):
    (source / "model.safetensors").unlink()
    (source / "model.safetensors.index.json").write_text('{"weight_map": ["a"]}')
    with pytest.raises(CheckpointError, match="expected a weight_map of tensors to files"):
        import_checkpoint(tmp_path / "imported", source=source)
