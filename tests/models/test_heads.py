"""A model with three heads, as its authors save it: each head becomes a classifier with the same logits."""

import json
import shutil

import pytest
import torch
from hub_server import serve_hub
from safetensors.torch import load_file, save_file
from tiny_models import tiny_model
from torch import nn

from auscult.errors import CheckpointError
from auscult.models.checkpoints import import_checkpoint, initialise_checkpoint, load_encoder
from auscult.models.heads import take_head
from auscult.models.hub.fetching import fetch_checkpoint
from auscult.models.predictor import load_predictor

SIZES = {"classifier1": 6, "classifier2": 14, "classifier3": 4}
ACTIONS = ["activate", "bring", "change language", "deactivate", "decrease", "increase"]


def several_heads(folder, **weights):
    """Write a wav2vec 2.0 with linear heads on its mean frame, and code of its own that must not run; return both."""
    encoder = tiny_model("wav2vec2")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        heads = {name: nn.Linear(32, size) for name, size in SIZES.items()}
    encoder.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text('{"do_normalize": false, "sampling_rate": 16000}')
    config = json.loads((folder / "config.json").read_text()) | {
        "model_type": "wav2vec2multihead",
        "architectures": ["Wav2Vec2ForMultiLabelClassification"],
        "auto_map": {"AutoConfig": "configuration_wav2vec2multihead.Wav2Vec2MultiHeadConfig"},
        **{f"num_labels_{i}": size for i, size in enumerate(SIZES.values(), 1)},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "configuration_wav2vec2multihead.py").write_text("raise SystemExit('code of a checkpoint was run')\n")
    state = {f"wav2vec2.{key}": value for key, value in load_file(folder / "model.safetensors").items()}
    state |= {f"{name}.{key}": value for name, head in heads.items() for key, value in head.state_dict().items()}
    save_file({**state, **weights}, folder / "model.safetensors", {"format": "pt"})
    return encoder, heads


@pytest.mark.parametrize("name", SIZES)
def test_logits_are_those_of_the_head_on_the_mean_frame(tmp_path, name):
    encoder, heads = several_heads(tmp_path / "s")
    import_checkpoint(tmp_path / "final", source=tmp_path / "s", head={"name": name})
    predictor = load_predictor(tmp_path / "final")
    waveforms = torch.randn(3, 8000, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = heads[name](encoder(waveforms).last_hidden_state.mean(dim=1))
        found = predictor.from_waveform(waveforms)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert predictor.labels == tuple(f"class{i}" for i in range(SIZES[name]))


def test_labels_are_given_in_the_order_of_the_rows_and_recorded(tmp_path):
    several_heads(tmp_path / "s")
    head = {"name": "classifier1", "labels": ACTIONS}
    manifest = import_checkpoint(tmp_path / "final", source=tmp_path / "s", head=head)
    assert load_predictor(tmp_path / "final").labels == tuple(ACTIONS)
    assert manifest.recipe["head"] == head
    assert sorted(manifest.files) == ["config.json", "model.safetensors", "preprocessor_config.json"]
    assert "auto_map" not in json.loads((tmp_path / "final/config.json").read_text())


def test_the_source_is_left_as_it_is(tmp_path):
    several_heads(tmp_path / "s")
    before = {path.name: path.read_bytes() for path in (tmp_path / "s").iterdir()}
    import_checkpoint(tmp_path / "final", source=tmp_path / "s", head={"name": "classifier1"})
    assert {path.name: path.read_bytes() for path in (tmp_path / "s").iterdir()} == before


def test_encoder_and_untrained_control_of_a_head_are_those_of_any_classifier(tmp_path):
    encoder, _ = several_heads(tmp_path / "s")
    import_checkpoint(tmp_path / "final", source=tmp_path / "s", head={"name": "classifier2"})
    initialise_checkpoint(tmp_path / "0", like=tmp_path / "final", seed=1)
    waveform = torch.randn(1, 8000, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = load_encoder(tmp_path / "final")(waveform).last_hidden_state
        torch.testing.assert_close(found, encoder(waveform).last_hidden_state, atol=1e-6, rtol=0)
    assert load_predictor(tmp_path / "0").labels == load_predictor(tmp_path / "final").labels


def test_a_hub_model_is_verified_as_it_comes_and_then_given_one_head(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    several_heads(tmp_path / "s")
    with serve_hub() as hub:
        commit = hub.push("lab/heads", {path.name: path.read_bytes() for path in (tmp_path / "s").iterdir()})
        manifest = fetch_checkpoint(
            tmp_path / "final",
            repository="lab/heads",
            revision=commit,
            endpoint=hub.endpoint,
            head={"name": "classifier1", "labels": ACTIONS},
        )
    assert load_predictor(tmp_path / "final").labels == tuple(ACTIONS)
    assert manifest.recipe["head"]["name"] == "classifier1"
    assert "configuration_wav2vec2multihead.py" not in manifest.files


def test_without_a_head_such_a_model_is_refused(tmp_path):
    several_heads(tmp_path / "s")
    with pytest.raises(CheckpointError, match=r"expected one of the model types .* found 'wav2vec2multihead'"):
        import_checkpoint(tmp_path / "final", source=tmp_path / "s")


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (
            {"name": "classifier4"},
            r"expected a head 'classifier4' in .*, found classifier1 \(6 classes\), classifier2 "
            r"\(14 classes\), classifier3 \(4 classes\); name one of them",
        ),
        (
            {"name": "classifier3", "labels": ["on", "off"]},
            r"expected 4 labels, as many as head 'classifier3' of .* has "
            r"classes, found 2 \(on, off\); give them in the order of its rows, or none",
        ),
    ],
)
def test_a_head_that_does_not_exist_or_has_other_classes_is_one_line(tmp_path, head, message):
    several_heads(tmp_path / "s")
    with pytest.raises(CheckpointError, match=message) as caught:
        import_checkpoint(tmp_path / "final", source=tmp_path / "s", head=head)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "final").exists()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"projector.weight": torch.zeros(8, 32)}, "found 'projector.weight'; its effect on predictions is unknown"),
        ({"pooling.query.weight": torch.zeros(1, 32)}, "found 'pooling.query.weight'; its effect"),
        (
            {"classifier1.weight": torch.zeros(6, 8)},
            "on the encoder's 32 dimensions in .*, found it on 8; a head behind",
        ),
    ],
)
def test_weights_between_encoder_and_head_are_never_skipped(tmp_path, weights, message):
    several_heads(tmp_path / "s", **weights)
    with pytest.raises(CheckpointError, match=message):
        take_head(tmp_path / "s", name="classifier1")


def test_weights_without_an_encoder_of_a_known_family_and_broken_ones_are_one_line(tmp_path):
    several_heads(tmp_path / "s")
    shutil.copytree(tmp_path / "s", tmp_path / "t")
    save_file({"classifier1.weight": torch.zeros(2, 2)}, tmp_path / "s/model.safetensors")
    with pytest.raises(
        CheckpointError, match=r"expected an encoder whose weights begin with wav2vec2\., hubert\., wav"
    ):
        take_head(tmp_path / "s", name="classifier1")
    (tmp_path / "t/model.safetensors").write_bytes(b"broken")
    with pytest.raises(CheckpointError, match=r"expected weights that load from .*; fetch it again"):
        take_head(tmp_path / "t", name="classifier1")
