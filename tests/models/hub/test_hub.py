"""Checkpoints from a hub: pinned, verified and complete; a local server plays the hub."""

import hashlib
import io
import logging
import pickle
import subprocess
import sys

import pytest
import torch
from hub_server import serve_hub
from tiny_models import save_plain, tiny_model

from auscult.errors import CheckpointError, DownloadError, HubError
from auscult.manifests import check_folder
from auscult.models.checkpoints import load_encoder
from auscult.models.hub.fetching import fetch_checkpoint, is_reachable

REPOSITORY = "lab/tiny"


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve_hub() as server:
        yield server


def files_of(tmp_path, scale=1.0, **options):
    model = tiny_model("wav2vec2")
    with torch.no_grad():
        model.encoder.layer_norm.weight.fill_(scale)
    folder = tmp_path / f"pushed-{scale}"
    save_plain(model, folder, **options)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def files(tmp_path):
    return files_of(tmp_path) | {"README.md": b"# tiny"}


def test_a_pinned_revision_is_fetched_sealed_and_loads(hub, files, tmp_path):
    commit = hub.push(REPOSITORY, files)
    pinned = {"model.safetensors": hashlib.sha256(files["model.safetensors"]).hexdigest()}
    folder = tmp_path / "tiny" / "final"
    manifest = fetch_checkpoint(folder, repository=REPOSITORY, revision=commit, sha256=pinned, endpoint=hub.endpoint)
    assert sorted(manifest.files) == ["config.json", "model.safetensors", "preprocessor_config.json"]
    assert manifest.files["model.safetensors"] == pinned["model.safetensors"]
    assert (manifest.recipe["repository"], manifest.recipe["commit"]) == (REPOSITORY, commit)
    assert load_encoder(folder).config.hidden_size == 32
    assert [path.name for path in folder.parent.iterdir()] == ["final"]


def test_a_branch_is_resolved_recorded_and_warned_of(hub, files, tmp_path, caplog):
    commit = hub.push(REPOSITORY, files, branch="main")
    with caplog.at_level(logging.WARNING):
        manifest = fetch_checkpoint(tmp_path / "a", repository=REPOSITORY, revision="main", endpoint=hub.endpoint)
    assert manifest.recipe["commit"] == commit
    assert f"revision 'main' is not a commit and may move; pin revision: {commit}" in caplog.text


def test_a_sweep_over_steps_is_one_revision_each(hub, tmp_path):
    steps = {str(step): hub.push(REPOSITORY, files_of(tmp_path, scale=step), branch=f"step{step}") for step in (1, 2)}
    for step, commit in steps.items():
        fetch_checkpoint(tmp_path / step, repository=REPOSITORY, revision=commit, endpoint=hub.endpoint)
    assert [load_encoder(tmp_path / step).encoder.layer_norm.weight[0].item() for step in steps] == [1, 2]


def test_shards_become_one_file(hub, tmp_path):
    files = files_of(tmp_path, max_shard_size="40KB")
    assert "model.safetensors" not in files
    commit = hub.push(REPOSITORY, files)
    manifest = fetch_checkpoint(tmp_path / "a", repository=REPOSITORY, revision=commit, endpoint=hub.endpoint)
    assert sorted(manifest.files) == ["config.json", "model.safetensors", "preprocessor_config.json"]


@pytest.mark.parametrize(("name", "whose"), [("model.safetensors", "the hub's"), ("config.json", "the hub's git")])
def test_an_exchanged_file_of_the_same_size_is_noticed(hub, files, tmp_path, name, whose):
    fetch = {"repository": REPOSITORY, "revision": hub.push(REPOSITORY, files), "endpoint": hub.endpoint}
    hub.exchanged = {name: files[name][:-2] + b"\n}"}
    with pytest.raises(DownloadError, match=rf"expected {whose} hash \w+ for {name} of lab/tiny, found \w+; the"):
        fetch_checkpoint(tmp_path / "a", **fetch)
    assert not (tmp_path / "a").exists()
    hub.exchanged = {}
    fetch_checkpoint(tmp_path / "a", **fetch)


def test_a_file_that_is_not_the_pinned_one_is_refused(hub, files, tmp_path):
    commit = hub.push(REPOSITORY, files)
    found = hashlib.sha256(files["config.json"]).hexdigest()
    with pytest.raises(DownloadError, match=rf"expected pinned hash {'0' * 64} for config.json .* found {found}"):
        fetch_checkpoint(
            tmp_path / "a",
            repository=REPOSITORY,
            revision=commit,
            sha256={"config.json": "0" * 64},
            endpoint=hub.endpoint,
        )


def test_a_pinned_file_that_does_not_exist_is_named(hub, files, tmp_path):
    commit, pinned = hub.push(REPOSITORY, files), {"model.safetensor": "0" * 64}
    with pytest.raises(HubError, match=r"expected model.safetensor \(pinned by its hash\)"):
        fetch_checkpoint(tmp_path / "a", repository=REPOSITORY, revision=commit, sha256=pinned, endpoint=hub.endpoint)


def as_pickle(files, content):
    stream = io.BytesIO()
    torch.save(content, stream)
    return {"config.json": files["config.json"], "pytorch_model.bin": stream.getvalue()}


def test_a_pickle_is_refused_unless_asked_for_and_then_converted(hub, files, tmp_path, caplog):
    commit = hub.push(REPOSITORY, as_pickle(files, tiny_model("wav2vec2").state_dict()))
    stated = {"sampling_rate": 16000, "do_normalize": True}
    fetch = {"repository": REPOSITORY, "revision": commit, "endpoint": hub.endpoint, "preprocessor": stated}
    with pytest.raises(CheckpointError, match=r"only as a pickle .* pin a revision that has safetensors"):
        fetch_checkpoint(tmp_path / "a", **fetch)
    with caplog.at_level(logging.WARNING):
        manifest = fetch_checkpoint(tmp_path / "a", **fetch, allow_pickle=True)
    assert "CONVERTING A PICKLE" in caplog.text
    assert sorted(manifest.files) == ["config.json", "model.safetensors", "preprocessor_config.json"]
    assert manifest.recipe["preprocessor"] == stated
    assert load_encoder(tmp_path / "a").config.hidden_size == 32


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_pickle_that_would_run_code_does_not(hub, files, tmp_path):
    proof = tmp_path / "ran"
    pickled = as_pickle(files, {}) | {"pytorch_model.bin": pickle.dumps({"a": Payload(str(proof))})}
    commit = hub.push(REPOSITORY, pickled)
    with pytest.raises(CheckpointError, match=r"expected plain tensors in pytorch_model.bin"):
        fetch_checkpoint(
            tmp_path / "a", repository=REPOSITORY, revision=commit, endpoint=hub.endpoint, allow_pickle=True
        )
    assert not proof.exists()


def test_weights_that_do_not_all_load_are_not_sealed(hub, files, tmp_path):
    from safetensors.torch import load, save

    weights = load(files["model.safetensors"])
    del weights["encoder.layer_norm.weight"]
    commit = hub.push(REPOSITORY, files | {"model.safetensors": save(weights, {"format": "pt"})})
    with pytest.raises(CheckpointError, match=r"found 1 missing: encoder.layer_norm.weight"):
        fetch_checkpoint(tmp_path / "a", repository=REPOSITORY, revision=commit, endpoint=hub.endpoint)
    assert not (tmp_path / "a").exists()


def test_an_interrupted_download_goes_on_where_it_stopped(hub, files, tmp_path):
    commit = hub.push(REPOSITORY, files)
    fetch = {"repository": REPOSITORY, "revision": commit, "endpoint": hub.endpoint}
    hub.exchanged = {"model.safetensors": b"x" * len(files["model.safetensors"])}
    with pytest.raises(DownloadError, match="expected the hub's hash"):
        fetch_checkpoint(tmp_path / "a", **fetch)
    hub.exchanged, hub.requests[:] = {}, []
    fetch_checkpoint(tmp_path / "a", **fetch)
    assert [request for request in hub.requests if request.startswith("GET") and "config.json" in request] == []
    assert check_folder(tmp_path / "a").recipe["commit"] == commit


@pytest.mark.parametrize(
    ("repository", "revision", "message"),
    [
        ("lab/other", "main", r"expected a public repository 'lab/other' at http://127.0.0.1:\d+, found none"),
        (REPOSITORY, "f" * 40, r"expected revision 'f{40}' of lab/tiny at .*, found main; check its commits"),
        ("not a name", "main", r"expected a repository as owner/name, found 'not a name'"),
    ],
)
def test_a_missing_repository_or_revision_is_named(hub, files, tmp_path, repository, revision, message):
    hub.push(REPOSITORY, files)
    with pytest.raises(HubError, match=message):
        fetch_checkpoint(tmp_path / "a", repository=repository, revision=revision, endpoint=hub.endpoint)


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_repository_without_configuration_or_weights_is_refused(hub, files, tmp_path, missing):
    commit = hub.push(REPOSITORY, {name: content for name, content in files.items() if name != missing})
    with pytest.raises(HubError, match=rf"expected {missing} in lab/tiny at {commit[:12]}, found"):
        fetch_checkpoint(tmp_path / "a", repository=REPOSITORY, revision=commit, endpoint=hub.endpoint)


def test_an_unreachable_hub_is_one_clear_line(tmp_path):
    with pytest.raises(HubError, match=r"expected the model hub at http://127.0.0.1:9 to answer, found: .* mirror"):
        fetch_checkpoint(tmp_path / "a", repository=REPOSITORY, revision="0" * 40, endpoint="http://127.0.0.1:9")
    assert list(tmp_path.iterdir()) == []


def test_offline_mode_is_named_as_the_cause(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="found HF_HUB_OFFLINE set; unset it, or import"):
        fetch_checkpoint(tmp_path / "a", repository=REPOSITORY, revision="0" * 40)
    assert not is_reachable()


def test_asking_whether_a_hub_is_reachable_does_not_load_torch():
    code = "import sys, auscult.models.hub.fetching; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_hub_is_reachable_when_it_answers_as_one(hub, monkeypatch):
    assert is_reachable(hub.endpoint)
    assert not is_reachable(hub.endpoint + "/elsewhere")
    assert not is_reachable("http://127.0.0.1:9", timeout_s=0.5)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"files": 1}'])
def test_a_damaged_manifest_of_another_checkpoint_is_named_and_not_copied(damage, hub, files, tmp_path, caplog):
    commit = hub.push(REPOSITORY, files)
    of = {"repository": REPOSITORY, "revision": commit, "endpoint": hub.endpoint, "store": tmp_path}
    first = fetch_checkpoint(tmp_path / "one" / "final", **of)
    (tmp_path / "one" / "final" / "manifest.json").write_bytes(damage)
    assert fetch_checkpoint(tmp_path / "two" / "final", **of).files == first.files
    assert "one/final is not copied: expected a manifest in" in caplog.text
