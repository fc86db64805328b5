"""``auscult listen`` as users run it: recordings and the folder of a model become a page, with alignments and without."""

import json
import re
import sys

import pytest
from alignment_cases import save_recogniser, write_speech
from cli_cases import write_recordings
from workflow_runs import run

pytestmark = pytest.mark.workflow


def listen(speech, tmp_path, *options):
    """Run the command and return what it printed, and what the page says of its sets and of its first utterance."""
    model, out = save_recogniser(tmp_path / "model"), tmp_path / "out"
    command = [sys.executable, "-m", "auscult.cli", "listen", str(speech), "--model", str(model), "--output", str(out)]
    printed = run(*command, "--cores", "2", *options, cwd=tmp_path)
    files = out / "results" / "listen" / "files"
    index, first = (
        json.loads(re.fullmatch(r"LISTEN\.\w+\((.*)\);\n", (files / name).read_text(), re.S)[1])
        for name in ("index.js", "000.js")
    )
    return printed, index, first


def test_recordings_with_alignments_become_a_page_with_all_lanes(tmp_path):
    speech = write_recordings(tmp_path / "speech", speakers=("ada", "bea", "cid"), n=2)
    printed, index, first = listen(speech, tmp_path, "--drawn", "2", "--hardest", "1")
    assert "lanes probe, spelling, mixing" in printed
    assert "/out/results/listen/index.html" in printed
    assert [one["rule"] for one in index["utterances"]] == ["drawn", "drawn", "hardest"]
    assert index["sets"][0]["notes"] == []
    assert [one["label"] for one in index["sets"][0]["runs"]] == ["model, untrained", "model"]
    assert set(first["runs"]["model/final"]) == {"probe", "spelling", "mixing"}
    assert [label for label, *_ in first["tiers"]["word"]] == [first["text"].split()[0], "bar"]


def test_recordings_alone_become_a_page_with_what_a_recogniser_spells(tmp_path):
    speech = write_speech(tmp_path / "speech", dict.fromkeys(("one", "two"), None))
    printed, index, first = listen(speech, tmp_path)
    assert "left out: lane probe: the recordings have no phones with times" in printed
    assert index["sets"][0]["notes"] == [
        "Left out: lane probe: the recordings have no phones with times",
        "Left out: lane mixing: the recordings have no words with times",
    ]
    assert len(index["utterances"]) == 2
    assert index["utterances"][0]["score"] is None
    assert set(first["runs"]["model/final"]) == {"spelling"}
    assert first["tiers"] == {"word": [], "syllable": [], "phone": []}
