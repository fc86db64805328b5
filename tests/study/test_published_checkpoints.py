"""Published training runs, with one branch or one repository per step, fetched from a local stand-in for a hub."""

import hashlib
import io
import json
import logging
import re
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from hub_server import serve_hub
from places import ROOT
from safetensors.torch import save
from tiny_models import tiny_model
from workflow_runs import snakemake

from auscult.errors import CheckpointError, ConfigError, DownloadError, HubError
from auscult.models.checkpoints import load_encoder, load_model
from auscult.models.hub.fetching import fetch_checkpoint
from auscult.models.speech import load_speech_model
from auscult.study.published_checkpoints import check_sweep, published_checkpoint, sweep_steps

BRANCHES = {"5000": "ckpt-5000", "15000": "ckpt-15000", "25000": "ckpt-25000"}
SWEEP = {"source": "hub", "repository": "lab/run", "revisions": BRANCHES}
TEXT = {
    "source": "hub",
    "revision": "main",
    "repositories": {"0": "lab/bert-seed_0-step_0k", "20000": "lab/bert-seed_0-step_20k"},
}
VOCABULARY = b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ncat\ndog\nsleeps\nbarks\n##s\n.\n"


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve_hub() as server:
        yield server


def files_of(name, mark):
    """Return a model whose layer norm is filled with ``mark`` to identify it, and its files except the weights."""
    model = tiny_model(name)
    with torch.no_grad():
        next(
            parameter
            for key, parameter in model.named_parameters()
            if "encoder.layer_norm.weight" in key or "embeddings.LayerNorm.weight" in key
        ).fill_(mark)
    config = model.config.to_dict() | {"architectures": [type(model).__name__]}
    return model, {"config.json": json.dumps(config).encode(), "README.md": b"# a run"}


def speech_files(mark, weight_norm="parametrizations"):
    """Return the files of a wav2vec 2.0 with pre-training head, as old or new versions of transformers write them."""
    model, files = files_of("wav2vec2-pretraining", mark)
    weights = {key: value.contiguous() for key, value in model.state_dict().items()}
    if weight_norm == "hook":
        old = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
        for new, name in old.items():
            key = next(key for key in weights if key.endswith(new))
            weights[key.replace(new, name)] = weights.pop(key)
    settings = b'{"do_normalize": true, "sampling_rate": 16000}'
    return files | {"model.safetensors": save(weights, {"format": "pt"}), "preprocessor_config.json": settings}


def text_files(mark, tied=True):
    """Return the files of a BERT as in MultiBERTs: a pickle with positions and tied weights, and a vocabulary."""
    model, files = files_of("bert", mark)
    weights = {**model.state_dict(), "bert.embeddings.position_ids": torch.arange(16)[None]}
    if not tied:
        weights = {key: value for key, value in weights.items() if "predictions.decoder" not in key}
    stream = io.BytesIO()
    torch.save(weights, stream)
    return files | {
        "pytorch_model.bin": stream.getvalue(),
        "tf_model.h5": b"not read",
        "vocab.txt": VOCABULARY,
        "tokenizer_config.json": b'{"do_lower_case": true, "tokenizer_class": "BertTokenizer"}',
    }


def push_run(hub, branches=BRANCHES):
    return {step: hub.push("lab/run", speech_files(int(step)), branch=branch) for step, branch in branches.items()}


def fetch(hub, folder, model, step, **options):
    """Fetch one step of a model as the workflow does."""
    return fetch_checkpoint(
        folder / step,
        **published_checkpoint(model, step),
        endpoint=hub.endpoint,
        record=folder / "hub" / f"{step}.json",
        **options,
    )


def test_a_sweep_over_branches_is_fetched_pinned_and_opened_as_speech_encoders(hub, tmp_path, caplog):
    commits = push_run(hub)
    assert sweep_steps(SWEEP) == ["0", "5000", "15000", "25000"]
    for step, branch in BRANCHES.items():
        with caplog.at_level(logging.WARNING):
            manifest = fetch(hub, tmp_path, SWEEP, step)
        assert manifest.recipe["commit"] == commits[step]
        assert f"revision {branch!r} is not a commit and may move; pin revision: {commits[step]}" in caplog.text
        assert load_encoder(tmp_path / step).encoder.layer_norm.weight[0].item() == int(step)
        noted = json.loads((tmp_path / "hub" / f"{step}.json").read_text())
        assert (noted["repository"], noted["revision"], noted["commit"]) == ("lab/run", branch, commits[step])
        assert noted["sha256"] == dict(manifest.files)
    model = load_speech_model(tmp_path / "5000")
    assert model.layers == ("cnn", "embed", "T1", "T2")


@pytest.mark.parametrize("weight_norm", ["parametrizations", "hook"])
def test_a_pretraining_checkpoint_opens_with_no_weight_missing(hub, tmp_path, weight_norm):
    hub.push("lab/run", speech_files(2, weight_norm), branch="ckpt-5000")
    fetch(hub, tmp_path, SWEEP, "5000")
    model = load_model(tmp_path / "5000")
    assert type(model).__name__ == "Wav2Vec2ForPreTraining"
    expected = tiny_model("wav2vec2-pretraining").state_dict()
    for key, value in model.state_dict().items():
        if "encoder.layer_norm.weight" not in key:
            assert torch.equal(value, expected[key]), key


def test_files_shared_by_two_steps_are_downloaded_once(hub, tmp_path, caplog):
    push_run(hub)
    fetch(hub, tmp_path, SWEEP, "5000")
    hub.requests.clear()
    fetch(hub, tmp_path, SWEEP, "15000")
    assert [request.rpartition("/")[2] for request in hub.requests if request.startswith("GET /lab")] == [
        "model.safetensors"
    ]
    hub.push("lab/run", speech_files(15000), branch="ckpt-25000")
    hub.requests.clear()
    fetch(hub, tmp_path, SWEEP, "25000")
    assert [request for request in hub.requests if request.startswith("GET /lab")] == []
    assert "25000: the weights equal those in" in caplog.text


def test_a_checkpoint_that_two_models_share_is_fetched_once(hub, tmp_path, caplog):
    hub.push("lab/bert-seed_0-step_0k", text_files(0))
    first = fetch(hub, tmp_path / "multi", TEXT, "0", allow_pickle=True, store=tmp_path)
    hub.requests.clear()
    again = fetch(hub, tmp_path / "early", TEXT, "0", allow_pickle=True, store=tmp_path)
    assert again.files == first.files
    assert [request for request in hub.requests if request.startswith("GET /lab")] == []
    (tmp_path / "early/0/vocab.txt").write_text("damaged")
    shutil.rmtree(tmp_path / "multi/0")
    with caplog.at_level(logging.WARNING):
        assert fetch(hub, tmp_path / "multi", TEXT, "0", allow_pickle=True, store=tmp_path).files == first.files
    assert "early/0 is not copied: expected SHA-256" in caplog.text


def test_a_moved_branch_causes_a_warning_and_its_recorded_commit_is_fetched(hub, tmp_path, caplog):
    commits = push_run(hub)
    first = fetch(hub, tmp_path, SWEEP, "5000")
    (tmp_path / "5000").rename(tmp_path / ".old")
    moved = hub.push("lab/run", speech_files(5001), branch="ckpt-5000")
    again = fetch(hub, tmp_path, SWEEP, "5000")
    assert again.files == first.files
    assert f"branch 'ckpt-5000' has MOVED from {commits['5000']}, recorded in" in caplog.text
    assert f"5000.json, to {moved}; fetching the recorded commit again" in caplog.text


def test_a_recorded_commit_that_is_gone_is_an_error_of_one_line(hub, tmp_path):
    commits = push_run(hub)
    fetch(hub, tmp_path, SWEEP, "5000")
    (tmp_path / "5000").rename(tmp_path / ".old")
    hub.push("lab/run", speech_files(5001), branch="ckpt-5000")
    del hub.commits["lab/run", commits["5000"]]
    with pytest.raises(HubError, match=rf"expected revision '{commits['5000']}' of lab/run at .*, found ckpt-5000, "):
        fetch(hub, tmp_path, SWEEP, "5000")


def test_an_interrupted_download_resumes_at_its_recorded_commit(hub, tmp_path):
    commit = push_run(hub)["5000"]
    weights = hub.commits["lab/run", commit]["model.safetensors"]
    hub.exchanged = {"model.safetensors": b"x" * len(weights)}
    with pytest.raises(DownloadError, match="expected the hub's hash"):
        fetch(hub, tmp_path, SWEEP, "5000")
    hub.exchanged = {}
    hub.push("lab/run", speech_files(5001), branch="ckpt-5000")
    assert fetch(hub, tmp_path, SWEEP, "5000").recipe["commit"] == commit


def test_files_that_differ_from_their_recorded_hash_are_an_error(hub, tmp_path):
    push_run(hub)
    fetch(hub, tmp_path, SWEEP, "5000")
    path = tmp_path / "hub" / "5000.json"
    noted = json.loads(path.read_text())
    noted["sha256"]["config.json"] = "0" * 64
    path.write_text(json.dumps(noted))
    (tmp_path / "5000").rename(tmp_path / ".old")
    with pytest.raises(DownloadError, match=rf"expected recorded hash {'0' * 64} for config.json of lab/run"):
        fetch(hub, tmp_path, SWEEP, "5000")
    path.write_text("[]")
    with pytest.raises(HubError, match=r"expected a record of a checkpoint in .*5000.json, found other text"):
        fetch(hub, tmp_path, SWEEP, "5000")


def test_a_record_is_ignored_when_the_study_names_another_branch(hub, tmp_path):
    commits = push_run(hub)
    fetch(hub, tmp_path, SWEEP, "5000")
    other = SWEEP | {"revisions": {"5000": "ckpt-15000"}}
    assert fetch(hub, tmp_path, other, "5000").recipe["commit"] == commits["15000"]


def test_a_missing_revision_is_reported_with_the_existing_ones(hub, tmp_path):
    push_run(hub)
    sweep = SWEEP | {"revisions": BRANCHES | {"35000": "ckpt-35000"}}
    with pytest.raises(
        HubError,
        match=r"expected revision 'ckpt-35000' of lab/run at .*, found ckpt-5000, ckpt-15000, "
        r"ckpt-25000; check its commits and branches",
    ):
        fetch(hub, tmp_path, sweep, "35000")
    hub.lists = False
    with pytest.raises(HubError, match=r"expected revision 'ckpt-35000' of lab/run at .*, found none; check"):
        fetch(hub, tmp_path, sweep, "35000")


def test_a_missing_repository_is_reported_with_the_existing_ones(hub, tmp_path):
    for repository in TEXT["repositories"].values():
        hub.push(repository, text_files(1))
    sweep = TEXT | {"repositories": {"25000": "lab/bert-seed_0-step_25k"}}
    with pytest.raises(
        HubError,
        match=r"'lab/bert-seed_0-step_25k' at .*, found lab/bert-seed_0-step_0k, "
        r"lab/bert-seed_0-step_20k; check its name",
    ):
        fetch(hub, tmp_path, sweep, "25000", allow_pickle=True)


def test_a_sweep_over_repositories_of_text_models_starts_with_the_published_untrained_model(hub, tmp_path):
    assert sweep_steps(TEXT) == ["0", "20000"]
    for step, repository in TEXT["repositories"].items():
        hub.push(repository, text_files(int(step), tied=step == "0"))
        with pytest.raises(CheckpointError, match="only as a pickle"):
            fetch(hub, tmp_path, TEXT, step)
        manifest = fetch(hub, tmp_path, TEXT, step, allow_pickle=True)
        assert sorted(manifest.files) == ["config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"]
        assert (tmp_path / step / "vocab.txt").read_bytes() == VOCABULARY
        model = load_model(tmp_path / step)
        assert model.bert.embeddings.LayerNorm.weight[0].item() == int(step)
        assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight
    with pytest.raises(CheckpointError, match=r"expected a speech encoder \(wav2vec2, .*, found 'bert', which reads"):
        load_speech_model(tmp_path / "0")


def test_a_vocabulary_can_come_from_another_repository_and_must_exist(hub, tmp_path):
    files = text_files(10)
    vocabulary = {name: files.pop(name) for name in ("vocab.txt", "tokenizer_config.json")}
    hub.push("lab/early", files, branch="step10")
    early = {"repository": "lab/early", "revisions": {"10": "step10"}}
    with pytest.raises(HubError, match=r"expected vocab.txt beside the weights of lab/early, found none; name a repo"):
        fetch(hub, tmp_path, early, "10", allow_pickle=True)
    commit = hub.push("lab/words", vocabulary)
    tokenizer = {"repository": "lab/words", "revision": "main"}
    manifest = fetch(hub, tmp_path, early, "10", allow_pickle=True, tokenizer=tokenizer)
    assert manifest.recipe["tokenizer"] == {"repository": "lab/words", "commit": commit}
    assert (tmp_path / "10" / "vocab.txt").read_bytes() == VOCABULARY
    assert json.loads((tmp_path / "hub" / "10.tokenizer.json").read_text())["commit"] == commit


def test_steps_can_come_from_several_repositories():
    early = {
        "repository": "p/early-seed0",
        "revisions": {"0": "main", "10": "step10"},
        "repositories": {"0": "g/bert-seed_0-step_0k"},
    }
    check_sweep("early", early)
    assert sweep_steps(early) == ["0", "10"]
    assert published_checkpoint(early, "0") == {"repository": "g/bert-seed_0-step_0k", "revision": "main", "sha256": {}}
    assert published_checkpoint(early, "10")["repository"] == "p/early-seed0"
    assert published_checkpoint(SWEEP, "0") is None
    single = {"repository": "a/b", "revision": "main", "sha256": {"config.json": "0" * 64}}
    check_sweep("single", single)
    assert sweep_steps(single) == ["0", "final"]
    assert published_checkpoint(single, "0") is None
    assert published_checkpoint(single, "final")["sha256"] == {"config.json": "0" * 64}


def test_hashes_of_a_sweep_are_given_by_step(hub, tmp_path):
    push_run(hub)
    sweep = SWEEP | {"sha256": {"15000": {"config.json": "0" * 64}}}
    check_sweep("run", sweep)
    fetch(hub, tmp_path, sweep, "5000")
    with pytest.raises(DownloadError, match=r"expected pinned hash 0{64} for config.json"):
        fetch(hub, tmp_path, sweep, "15000")
    right = hashlib.sha256(Path(tmp_path / "5000" / "config.json").read_bytes()).hexdigest()
    fetch(hub, tmp_path, SWEEP | {"sha256": {"15000": {"config.json": right}}}, "15000")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"revisions": {"5000": "ckpt-5000", "25000": "ckpt-25000", "15000": "ckpt-15000"}},
            "expected steps in ascending order in models: run: revisions, found 15000 after 25000; sort them",
        ),
        (
            {"revisions": {"5000": "ckpt-15000", "15000": "ckpt-5000"}},
            "in models: run: revisions, found 'ckpt-15000' for step 5000 and 'ckpt-5000' for step 15000; exchange",
        ),
        (
            {"repositories": {"5000": "g/run-10k", "15000": "g/run-5k"}},
            "found 'g/run-10k' for step 5000 and 'g/run-5k'",
        ),
        (
            {"revisions": {"5000": "main", "15000": "main"}},
            "a checkpoint of its own for each step of models: run, found lab/run at main for steps 5000 and 15000",
        ),
        ({"repositories": {"35000": "g/other"}}, "expected a revision of step 35000 in models: run: revisions, or"),
        ({"sha256": {"35000": {"config.json": "0" * 64}}}, "by step and file name in models: run: sha256, .* '35000'"),
        ({"sha256": {"config.json": "0" * 64}}, "by step and file name in models: run: sha256, .* found 'config.json'"),
    ],
)
def test_an_inconsistent_sweep_is_an_error_of_one_line(changes, message):
    with pytest.raises(ConfigError, match=message):
        check_sweep("run", SWEEP | changes)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"revisions": {"5": "x"}}, "expected a repository of step 5 in models: run: repositories, or a repository"),
        (
            {"source": "hub", "repository": "a/b"},
            "expected key 'revision' in models: run, or revisions or repositories by",
        ),
        (
            {"source": "hub", "revision": "main"},
            "expected key 'repository' in models: run, .* found only source, revision",
        ),
        ({"repository": "a/b", "revision": "main", "sha256": {"5": {}}}, "found hashes by step '5' of a model without"),
    ],
)
def test_an_incomplete_hub_model_is_an_error_of_one_line(model, message):
    with pytest.raises(ConfigError, match=message):
        check_sweep("run", model)


@pytest.mark.workflow
def test_the_workflow_fetches_the_branches_of_a_sweep_and_initialises_unpublished_untrained_models(hub, tmp_path):
    branches = {"5": "ckpt-5", "15": "ckpt-15"}
    for step, branch in branches.items():
        hub.push("lab/run", speech_files(int(step)), branch=branch)
    text = {"source": "hub", "revision": "main", "repositories": TEXT["repositories"], "allow_pickle": True}
    study = yaml.safe_load((ROOT / "studies/smoke.yaml").read_text()) | {"hub_endpoint": hub.endpoint}
    study["models"] |= {"run": {**SWEEP, "revisions": branches}, "text": text}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    targets = [f"resources/checkpoints/run/{step}/manifest.json" for step in ("0", *branches)]
    published = [f"resources/checkpoints/text/{step}/manifest.json" for step in TEXT["repositories"]]
    planned = snakemake(tmp_path, "--dry-run", "--", *targets, *published, study=tmp_path / "study.yaml")
    assert re.search(r"fetch_checkpoint +4\ninitialise_checkpoint +1\n", planned)
    snakemake(tmp_path, "--", *targets, study=tmp_path / "study.yaml")
    for step in branches:
        folder = tmp_path / "resources/checkpoints/run" / step
        assert load_encoder(folder).encoder.layer_norm.weight[0].item() == int(step)
        assert (tmp_path / f"resources/hub/run/{step}.json").is_file()


def test_commit_hashes_are_not_checked_for_ascending_numbers():
    check_sweep("run", SWEEP | {"revisions": {"5": "f" * 38 + "99", "15": "e" * 38 + "11"}})
