"""A build described as an RO-Crate: every result once, with its hash, and nothing that changes from call to call."""

import hashlib
import json
import shutil

import pytest

from auscult import __version__
from auscult.manifests import build_folder


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Return the directory of a finished build of a few files."""
    monkeypatch.chdir(tmp_path)
    for folder in (
        "resources/corpora/english",
        "resources/checkpoints/hubert/10",
        "results/activations/english/hubert/10",
    ):
        with build_folder(folder, {"of": folder}) as partial:
            (partial / "data.bin").write_bytes(folder.encode())
    for name in ("talk/index.html", "figures/abx.png", "abx/abx 1%.csv", "abx/.seals/abx.csv.sha256"):
        path = tmp_path / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "results/figures/abx.json").write_text('{"study": "mine", "commit": "0123abc"}')
    return tmp_path


def described(build):
    graph = json.loads((build / "ro-crate-metadata.json").read_text())["@graph"]
    assert len({entity["@id"] for entity in graph}) == len(graph)
    return {entity["@id"]: entity for entity in graph}


def test_results_corpora_and_models_are_described_with_what_made_them(auscult, build):
    printed = auscult("crate", build, "--license", "CC-BY-4.0", "--creator", "Ada")
    assert printed == f"{build / 'ro-crate-metadata.json'}: 4 results, 2 corpora and models\n"
    entities = described(build)
    files = {name for name, entity in entities.items() if entity["@type"] == "File"}
    assert files == {"results/figures/abx.png", "results/figures/abx.json", "results/abx/abx%201%25.csv"}
    table = entities["results/abx/abx%201%25.csv"]
    assert table["sha256"] == hashlib.sha256(b"abx/abx 1%.csv").hexdigest()
    assert (table["encodingFormat"], table["contentSize"]) == ("text/csv", "14")
    folders = {name for name, entity in entities.items() if entity["@type"] == "Dataset"} - {"./"}
    assert folders == {"resources/corpora/english/", "resources/checkpoints/hubert/", "results/talk/"}
    root = entities["./"]
    assert root["license"] == {"@id": "https://spdx.org/licenses/CC-BY-4.0"}
    assert {part["@id"] for part in root["hasPart"]} == files | folders
    action = entities["#build"]
    assert {part["@id"] for part in action["result"]} == files | {"results/talk/"}
    assert entities[action["instrument"]["@id"]]["softwareVersion"] == f"{__version__}; commit 0123abc"


def test_a_build_is_described_in_the_same_bytes_again_and_elsewhere(auscult, build, tmp_path_factory):
    auscult("crate", build, "--license", "CC0-1.0")
    moved = shutil.copytree(build, tmp_path_factory.mktemp("moved") / "b", copy_function=shutil.copy2)
    first = (build / "ro-crate-metadata.json").read_bytes()
    for directory in (build, moved):
        auscult("crate", directory, "--license", "CC0-1.0")
        assert (directory / "ro-crate-metadata.json").read_bytes() == first


def test_a_licence_is_asked_for_and_an_unfinished_build_refused(auscult, build):
    assert "Missing option '--license'" in auscult("crate", build, status=2)
    (build / "results/talk/index.html").unlink()
    printed = auscult("crate", build, "--license", "CC0-1.0", status=2)
    assert (
        f"expected a finished build with results/talk/index.html in {build}, found none; build it by auscult run"
        in printed
    )
    assert not (build / "ro-crate-metadata.json").exists()
