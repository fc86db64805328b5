"""``auscult listen``: the study that is written, what is left out and why, and mistakes in one line."""

import json
import shutil

import pytest
import yaml
from alignment_cases import save_recogniser, write_speech
from cli_cases import write_recordings
from hub_server import serve_hub
from tiny_models import save_plain, tiny_model

from auscult.cli import workflow
from auscult.cli.places import open_study


@pytest.fixture
def called(monkeypatch):
    """Collect the commands that would be called, each with exit status 0."""
    commands = []
    monkeypatch.setattr(workflow, "call", lambda arguments: commands.append(list(arguments)) or 0)
    return commands


@pytest.fixture
def encoder(tmp_path):
    return save_plain(tiny_model("hubert"), tmp_path / "My Encoder")


@pytest.fixture
def recogniser(tmp_path):
    return save_recogniser(tmp_path / "recogniser")


def section(folder):
    """Return the settings of the page that was written into a folder, and those of its models."""
    config = open_study(folder / "study.yaml", folder).config
    ((_, found),) = config["listen"].items()
    return found, config["models"]


def test_phones_of_several_speakers_have_all_lanes(auscult, called, encoder, recogniser, tmp_path):
    speech, out = write_recordings(tmp_path / "My Speech"), tmp_path / "out"
    printed = auscult("listen", speech, "-m", encoder, "-m", recogniser, "--output", out, "--drawn", 3)
    assert "18 recordings of 6 speakers, 0.3 min; lanes probe, spelling, mixing" in printed
    assert "left out" not in printed
    assert f"the page is {out}/results/listen/index.html" in printed
    found, models = section(out)
    assert (found["models"], found["drawn"], found["hardest"], found["notes"]) == (
        ["my-encoder", "recogniser"],
        3,
        4,
        [],
    )
    assert models["my-encoder"]["path"] == str(encoder)
    (arguments,) = called
    assert arguments[-2:] == ["--", "listen"]
    assert str(out) in arguments


def test_an_encoder_has_no_spelling_and_the_page_says_so(auscult, called, encoder, tmp_path):
    printed = auscult("listen", write_recordings(tmp_path / "speech"), "-m", encoder, "--output", tmp_path / "out")
    assert "left out: lane spelling: no CTC head in My Encoder" in printed
    assert section(tmp_path / "out")[0]["notes"] == ["Left out: lane spelling: no CTC head in My Encoder"]


def test_without_labels_a_recogniser_spells(auscult, called, recogniser, tmp_path):
    speech = write_speech(tmp_path / "speech", dict.fromkeys(("one", "two"), None))
    printed = auscult("listen", speech, "-m", recogniser, "--output", tmp_path / "out")
    assert "2 recordings, 0.0 min; lanes spelling" in printed
    assert "left out: lane probe: the recordings have no phones with times" in printed
    found, _ = section(tmp_path / "out")
    assert (found["lanes"], found["hardest"]) == (["spelling"], 0)


def test_texts_beside_the_recordings_rank_them(auscult, called, recogniser, tmp_path):
    auscult("listen", write_speech(tmp_path / "speech"), "-m", recogniser, "--output", tmp_path / "out")
    config = yaml.safe_load((tmp_path / "out/study.yaml").read_text())
    assert config["corpora"]["speech"]["options"] == {"transcripts": ".txt"}
    assert config["listen"]["speech"]["hardest"] == 4


def test_one_speaker_or_none_that_is_known_leaves_the_probe_out(auscult, called, encoder, tmp_path):
    speech = write_recordings(tmp_path / "alone", speakers=("ada",))
    printed = auscult("listen", speech, "-m", encoder, "--output", tmp_path / "a")
    assert "lane probe: 1 speaker, and a probe that hears unseen voices needs 2" in printed
    speech = write_recordings(tmp_path / "unknown", speakers=("ada", "bea"))
    (speech / "speakers.csv").unlink()
    for number, path in enumerate(sorted(speech.glob("*.wav"))):
        for one in (path, path.with_suffix(".TextGrid")):
            one.rename(speech / f"recording{number}{one.suffix}")
    printed = auscult("listen", speech, "-m", encoder, "--output", tmp_path / "b")
    assert "lane probe: the speakers are not known: expected names of speakers in the paths below" in printed
    assert section(tmp_path / "b")[0]["lanes"] == ["mixing"]


def test_models_of_a_build_are_named(auscult, called, recogniser, tmp_path):
    built = tmp_path / "build" / "resources" / "checkpoints" / "mine"
    for step in ("0", "500"):
        shutil.copytree(recogniser, built / step)
    speech = write_recordings(tmp_path / "speech")
    auscult("listen", speech, "-m", "mine", "-d", tmp_path / "build", "--output", tmp_path / "out")
    assert section(tmp_path / "out")[1]["mine"]["steps"] == {"0": str(built / "0"), "500": str(built / "500")}
    printed = auscult("listen", speech, "-m", "other", "-d", tmp_path / "build", status=2)
    assert "a model of the build in" in printed
    assert "(mine), found 'other'" in printed


def test_a_repository_of_the_hub_is_pinned(auscult, called, tmp_path):
    speech = write_speech(tmp_path / "speech", {"one": None})
    with serve_hub() as hub:
        settings = json.dumps({"architectures": ["HubertForCTC"], "model_type": "hubert"}).encode()
        commit = hub.push("lab/base", {"config.json": settings, "model.safetensors": b""})
        auscult("listen", speech, "-m", "lab/base", "--endpoint", hub.endpoint, "--output", tmp_path / "out")
    assert section(tmp_path / "out")[1]["base"]["revision"] == commit


def test_the_page_is_written_again_into_its_own_folder(auscult, called, encoder, tmp_path):
    speech, out = write_recordings(tmp_path / "speech"), tmp_path / "out"
    auscult("listen", speech, "-m", encoder, "--output", out)
    auscult("listen", speech, "-m", encoder, "--output", out, "--hardest", 0)
    assert section(out)[0]["hardest"] == 0
    assert not list(out.glob(".partial*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["NOWHERE", "-m", "ENCODER"], "expected a folder of recordings at"),
        (["EMPTY", "-m", "ENCODER"], "expected recordings, or a table of them, below"),
        (["SPEECH", "-m", "EMPTY"], "expected config.json in"),
        (["SPEECH", "-m", "a/b/c"], "found 'a/b/c', which is neither"),
        (["SPEECH", "-m", "ENCODER", "--reader", "conllu"], "expected a reader of speech among timit,"),
        (["SPEECH", "-m", "ENCODER", "--longest-s", "0.5"], "recordings of at most 0.5 s below"),
        (["SOUND", "-m", "ENCODER"], "no phones with times; lane spelling: no CTC head in My Encoder; lane mixing: "),
        (["SPEECH", "-m", "ENCODER", "--output", "SPEECH"], "expected an output folder apart from the recordings in"),
        (["SPEECH", "-m", "ENCODER", "--output", "TAKEN"], "or that of an earlier auscult listen speech, found other"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(auscult, called, encoder, tmp_path, arguments, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/file").touch()
    places = {
        "NOWHERE": tmp_path / "nowhere",
        "EMPTY": tmp_path / "empty",
        "TAKEN": tmp_path / "taken",
        "ENCODER": encoder,
        "SPEECH": write_recordings(tmp_path / "speech"),
        "SOUND": write_speech(tmp_path / "sound", {"one": None}),
    }
    given = [places.get(argument, argument) for argument in arguments]
    given += [] if "--output" in given else ["--output", tmp_path / "out"]
    printed = auscult("listen", *given, status=2)
    assert message in printed
    assert len(printed.splitlines()) == 1
    assert not called
    assert not (tmp_path / "out").exists()
