"""A study written for a model and a corpus: valid, commented, and asking only what the corpus allows."""

import json
import os

import pytest
from cli_cases import write_recordings
from hub_server import serve_hub
from places import ROOT
from workflow_runs import NOWHERE

from auscult.cli import asking
from auscult.cli.places import open_study
from auscult.study.reading import read_study


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "My Model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "hubert", "num_hidden_layers": 12}))
    return folder


def test_a_study_of_a_folder_and_a_corpus_is_valid_and_commented(auscult, model, tmp_path):
    corpus = write_recordings(tmp_path / "speech", n=7)
    out = tmp_path / "studies" / "first.yaml"
    printed = auscult("new", out, "-m", model, "-c", corpus, "-o", "language=english")
    assert "My Model on speech, 42 recordings of 6 speakers, 0.7 min" in printed
    study = open_study(out)
    assert study.directory == tmp_path / "runs" / "first"
    probing = study.config["analyses"]["probing"]
    assert list(probing["targets"]) == ["phone", "gender", "speaker"]
    assert (probing["n_folds"], probing["min_class_size"]) == (4, 7)
    assert study.config["analyses"]["reduction"]["layers"] == ["T8"]
    assert study.config["corpora"]["speech"]["options"] == {"language": "english"}
    lines = out.read_text().splitlines()
    assert sum("# " in line for line in lines) > 8
    assert lines[0].startswith("# yaml-language-server: $schema=")
    schema = lines[0].partition("=")[2]
    assert (out.parent / schema).resolve() == ROOT / "workflow/schemas/config.schema.yaml"


def test_what_the_corpus_does_not_allow_is_left_out_with_the_reason(auscult, model, tmp_path):
    corpus = write_recordings(tmp_path / "speech", speakers=("ada", "bea"), n=5)
    (corpus / "speakers.csv").unlink()
    printed = auscult("new", tmp_path / "a.yaml", "-m", model, "-c", corpus)
    assert "left out: target gender: no speaker with a gender" in printed
    assert "left out: figure reduction: 100 phones of 2 speakers" in printed
    probing = open_study(tmp_path / "a.yaml").config["analyses"]["probing"]
    assert (list(probing["targets"]), probing["n_folds"]) == (["phone", "speaker"], 2)
    assert "# Left out: target gender" in (tmp_path / "a.yaml").read_text()


def test_a_corpus_without_any_target_is_refused_with_all_reasons(auscult, model, tmp_path):
    corpus = write_recordings(tmp_path / "speech", speakers=("ada",), n=6)
    printed = auscult("new", tmp_path / "a.yaml", "-m", model, "-c", corpus, status=2)
    assert "expected a corpus that a probe can be trained on" in printed
    assert "target phone: 1 speaker, a probe on held-out speakers needs 2" in printed
    assert printed.count("target ") == 3
    assert not (tmp_path / "a.yaml").exists()


def test_a_repository_of_the_hub_is_pinned_by_its_commit(auscult, tmp_path):
    corpus = write_recordings(tmp_path / "speech", n=4)
    with serve_hub() as hub:
        at = ("--endpoint", hub.endpoint)
        commit = hub.push("lab/base", {"config.json": b'{"num_hidden_layers": 6}', "pytorch_model.bin": b""})
        auscult("new", tmp_path / "a.yaml", "-m", "lab/base", "-c", corpus, *at)
        missing = auscult("new", tmp_path / "b.yaml", "-m", "lab/other", "-c", corpus, *at, status=2)
    study = read_study(tmp_path / "a.yaml")
    entry = study["models"]["base"]
    assert (entry["repository"], entry["revision"], entry["allow_pickle"]) == ("lab/base", commit, True)
    assert (study["analyses"]["reduction"]["layers"], study["hub_endpoint"]) == (["T4"], hub.endpoint)
    assert "expected a public repository 'lab/other'" in missing


def test_without_a_network_the_commit_has_to_be_given(auscult, tmp_path):
    at = ("--endpoint", NOWHERE)
    corpus = write_recordings(tmp_path / "speech", n=4)
    printed = auscult("new", tmp_path / "a.yaml", "-m", "lab/base@0b5b8e8", "-c", corpus, *at)
    assert read_study(tmp_path / "a.yaml")["models"]["base"]["revision"] == "0b5b8e8"
    assert "the number of layers is unknown, name one by --layer" in printed
    refused = auscult("new", tmp_path / "b.yaml", "-m", "lab/base", "-c", corpus, *at, status=2)
    assert "expected the commit of lab/base" in refused


def test_all_questions_are_asked_and_answered(auscult, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(asking, "_can_ask", lambda: True)
    write_recordings(tmp_path / "speech")
    printed = auscult("new", input="My Model\nspeech\n\n")
    assert "Study file to write [studies/mine.yaml]:" in printed
    study = read_study(tmp_path / "studies/mine.yaml")
    assert study["corpora"]["speech"]["path"] == os.path.join("..", "speech")
    assert study["models"]["my-model"]["path"] == os.path.join("..", "My Model")
    assert open_study("studies/mine.yaml").config["study"] == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected --model on the command line"),
        (["-m", "no/such/folder"], "found 'no/such/folder', which is neither"),
        (["-m", "EMPTY"], "expected config.json in"),
        (["-m", "MODEL", "-c", "EMPTY"], "expected labels of one known layout below"),
        (["-m", "MODEL", "-c", "CORPUS", "-o", "language"], "expected each option once as KEY=VALUE"),
        (["-m", "MODEL", "-c", "CORPUS", "-o", "nation=x"], "expected options of reader 'textgrid' among"),
        (["-m", "MODEL", "-c", "CORPUS", "-f", "tone", "OUT"], "found 'tone'; the others need more than one model"),
        (["-m", "MODEL", "-c", "CORPUS", "TAKEN"], "choose another name, or add --force"),
    ],
)
def test_mistakes_are_one_line(auscult, model, tmp_path, arguments, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "taken.yaml").write_text("")
    places = {
        "MODEL": model,
        "CORPUS": write_recordings(tmp_path / "speech"),
        "EMPTY": tmp_path / "empty",
        "TAKEN": tmp_path / "taken.yaml",
        "OUT": tmp_path / "out.yaml",
    }
    printed = auscult("new", *[places.get(argument, argument) for argument in arguments], status=2)
    assert message in printed
    assert len(printed.splitlines()) == 1
