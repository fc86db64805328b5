"""A build compared with its seals, and its numbers with those of another one."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from auscult.cli.app import app
from auscult.manifests import build_folder
from auscult.result_seals import seal_results
from auscult.tables import write_table

NUMBERS = {"accuracy": {"english": {"phone": {"hubert": {"0": 0.25, "100": 0.5}, "mel": {"final": 0.3}}}}}


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Return the directory of a small build with seals of every kind."""
    monkeypatch.chdir(tmp_path)
    for folder in ("resources/corpora/a", "resources/checkpoints/m/final", "results/activations/a/m/final"):
        with build_folder(folder, {"of": folder}) as partial:
            (partial / "data.bin").write_bytes(folder.encode())
    write_table(pd.DataFrame({"value": [0.123]}), "results/abx/abx.csv")
    Path("results/figures/abx-details").mkdir(parents=True)
    Path("results/figures/abx-details/1.png").write_bytes(b"picture")
    seal_results(["results/abx/abx.csv", "results/figures/abx-details"])
    write_numbers(tmp_path)
    return tmp_path


def write_numbers(directory, numbers=NUMBERS, verdict="borne out", value="0.12"):
    talk = directory / "results" / "talk"
    talk.mkdir(parents=True, exist_ok=True)
    (talk / "metrics.json").write_text(json.dumps(numbers))
    (talk / "claims.csv").write_text(f"claim,verdict,value\nmap,{verdict},{value}\nother,cannot be tested here,\n")
    return talk / "metrics.json"


def test_a_sound_build_is_counted_by_kind(auscult, build):
    assert auscult("verify", build).splitlines() == [
        "resources/checkpoints: 1 sealed folder",
        "resources/corpora: 1 sealed folder",
        "results/activations: 1 sealed folder",
        "results/abx: 1 sealed result",
        "results/figures: 1 sealed result",
        "without a seal, read only as far as whether they are empty: 2 results",
        "0 faults",
    ]


def test_every_fault_is_named(auscult, build):
    (build / "results/abx/abx.csv").write_text("value\n0.124\n")
    (build / "results/figures/abx-details/1.png").unlink()
    (build / "resources/corpora/a/data.bin").write_bytes(b"")
    shutil.rmtree(build / "results/activations/a/m/final")
    shutil.copytree(build / "resources/checkpoints/m/final", build / "resources/checkpoints/m/0")
    (build / "results/talk/metrics.json").write_text("")
    printed = auscult("verify", build, status=1)
    faults = [line for line in printed.splitlines() if line.startswith("fault: ")]
    for part in (
        "for results/abx/abx.csv, as the step that wrote it left it",
        "the file results/figures/abx-details/1.png, found no such file",
        "resources/corpora/a/data.bin, found",
        "resources/checkpoints/m/0 what was made for it, found the content of resources/checkpoints/m/final",
        "content in results/talk/metrics.json, found an empty file",
    ):
        assert sum(part in fault for fault in faults) == 1, printed
    assert f"{len(faults)} faults" in printed
    assert len(faults) == 5


def test_equal_builds_compare_as_identical(auscult, build, tmp_path):
    other = write_numbers(tmp_path / "other")
    assert auscult("verify", build, "--against", other).splitlines() == [
        "numbers: 3 identical, 0 within 0.005, 0 changed, 0 only here, 0 only there",
        "claims: 2 with an identical effect, 0 within 0.005, 0 changed; 0 with another verdict",
    ]


def test_numbers_within_the_tolerance_and_changed_ones_are_told_apart(auscult, build, tmp_path):
    numbers = {"accuracy": {"english": {"phone": {"hubert": {"0": 0.255, "100": 0.6}, "f0": {"final": 0.1}}}}}
    other = write_numbers(tmp_path / "other", numbers, "contradicted", "0.2")
    assert auscult("verify", build, "--against", other, status=1).splitlines() == [
        "numbers: 0 identical, 1 within 0.005, 1 changed, 1 only here, 1 only there",
        "  changed: accuracy/english/phone/hubert/100: 0.5 here, 0.6 there",
        "  only here: accuracy/english/phone/mel/final",
        "  only there: accuracy/english/phone/f0/final",
        "claims: 1 with an identical effect, 0 within 0.005, 1 changed; 1 with another verdict",
        "  map: borne out here, contradicted there",
    ]


def test_the_committed_numbers_are_a_revision_of_the_repository(auscult, build):
    printed = auscult("verify", build, "--against", "HEAD", status=1)
    assert printed.startswith("numbers: ")
    assert " only there\n" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "expected a build, with folders results or resources, in nowhere, found neither"),
        ([".", "--against", "no-such"], "expected a file of numbers, or a revision of .*, found 'no-such'"),
        ([".", "--against", "list.json"], r"expected a JSON object of numbers in list\.json"),
        (["other", "--against", "HEAD"], r"expected the numbers of a build in other/results/talk/metrics\.json"),
    ],
)
def test_mistakes_are_one_line(build, arguments, message):
    Path("list.json").write_text("[1]")
    done = CliRunner().invoke(app, ["verify", *arguments])
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert re.search(message, done.stderr)


@pytest.mark.parametrize(
    "folder", ["resources/corpora/a", "resources/checkpoints/m/final", "results/activations/a/m/final"]
)
def test_a_folder_that_lost_its_manifest_is_named(auscult, build, folder):
    (build / folder / "manifest.json").unlink()
    printed = auscult("verify", build, status=1)
    assert f"fault: expected {build / folder / 'manifest.json'} (a finished folder has one), found none" in printed
    assert printed.count("fault:") == 1
