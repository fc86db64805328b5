"""Every kind of stored file, damaged in every way, is noticed before it is used, and named."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from auscult.errors import AuscultError, ManifestError
from auscult.manifests import build_folder, check_folder, read_manifest, write_file
from auscult.result_seals import check_results_of, result_fault, seal_results, sealed_results
from auscult.tables import read_table, write_table

# Files of sealed folders: path, then content.
FOLDERS = {
    "corpus table": ("resources/corpora/{}", "utterances.parquet"),
    "recording": ("resources/corpora/{}", "audio/a.flac"),
    "checkpoint": ("resources/checkpoints/{}/final", "model.safetensors"),
    "training state": ("resources/training/{}/latest", "training.pt"),
    "activations": ("results/activations/english/{}/final", "shard-00000.safetensors"),
    "erasers": ("results/scrubbing/english/{}/final", "erasers.safetensors"),
}
RESULTS = {
    "table (CSV)": "results/abx/{}.csv",
    "table (Parquet)": "results/probing/items/{}.parquet",
    "probes": "results/probing/probes/{}.safetensors",
    "picture (PNG)": "results/figures/{}.png",
    "picture (SVG)": "results/figures/{}.svg",
    "figure (PDF)": "results/figures/{}.pdf",
    "provenance": "results/figures/{}.json",
    "caption": "results/figures/{}.rst",
    "page of details": "results/figures/{}-details/1.png",
    "archive": "resources/downloads/{}/{}.tar.gz",
}


def flip(path, _):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path, _):
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 9 // 10])


def empty(path, _):
    path.write_bytes(b"")


def delete(path, _):
    path.unlink()


def swap(path, other):
    first, second = path.read_bytes(), other.read_bytes()
    path.write_bytes(second)
    other.write_bytes(first)


def by_folder(path, _):
    path.unlink()
    path.mkdir()


DAMAGES = {"flip": flip, "truncate": truncate, "empty": empty, "delete": delete, "swap": swap, "folder": by_folder}


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def content(name):
    return f"{name}: some bytes, 0.123456789\n".encode() * 3


def seal_two(pattern):
    paths = [Path(pattern.format(name, name)) for name in ("one", "two")]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(path))
    seal_results([path.parent if path.parent.name.endswith("-details") else path for path in paths])
    return paths


def build_two(pattern, name):
    folders = [Path(pattern.format(which)) for which in ("one", "two")]
    for folder in folders:
        with build_folder(folder, {"of": folder.name}) as partial:
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            (partial / name).write_bytes(content(folder))
    return folders


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", FOLDERS)
def test_a_damaged_file_of_a_sealed_folder_is_named(kind, damage, study):
    pattern, name = FOLDERS[kind]
    first, second = build_two(pattern, name)
    check_folder(first)
    DAMAGES[damage](first / name, second / name)
    with pytest.raises(ManifestError, match=f"{first / name}.*delete the folder and run the same command again"):
        check_folder(first)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", FOLDERS)
def test_a_damaged_manifest_is_named(kind, damage, study):
    first, second = build_two(*FOLDERS[kind])
    DAMAGES[damage](first / "manifest.json", second / "manifest.json")
    with pytest.raises(ManifestError, match=str(first)):
        check_folder(first)


@pytest.mark.parametrize("kind", FOLDERS)
def test_folders_swapped_with_each_other_are_refused(kind, study):
    first, second = build_two(*FOLDERS[kind])
    first.rename("aside")
    second.rename(first)
    Path("aside").rename(second)
    for folder, other in ((first, second), (second, first)):
        with pytest.raises(ManifestError, match=f"expected in {folder} what was made for it, found .* {other}"):
            check_folder(folder)
        assert str(other) in result_fault(folder / "manifest.json")


def test_a_study_that_was_moved_and_a_folder_copied_out_of_it_are_as_good(study):
    folder, _ = build_two(*FOLDERS["checkpoint"])
    shutil.copytree("resources", "elsewhere/resources")
    shutil.copytree(folder, "my-models/hubert")
    assert check_folder(Path("elsewhere") / folder) == check_folder(folder) == check_folder("my-models/hubert")


def test_manifests_without_a_name_go_on_working(study):
    folder, _ = build_two(*FOLDERS["checkpoint"])
    content = json.loads((folder / "manifest.json").read_text())
    assert content.pop("folder") == "resources/checkpoints/one/final"
    del content["entries_sha256"]
    (folder / "manifest.json").write_text(json.dumps(content))
    assert check_folder(folder).recipe == {"of": "final"}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", RESULTS)
def test_a_damaged_result_is_named_before_it_is_used(kind, damage, study):
    first, second = seal_two(RESULTS[kind])
    asked = first.parent if kind == "page of details" else first
    check_results_of([asked])
    DAMAGES[damage](first, second)
    with pytest.raises(ManifestError, match=f"{first}.*run the same command again") as raised:
        check_results_of([asked])
    assert "\n" not in str(raised.value)


def test_results_swapped_together_with_their_seals_are_noticed(study):
    first, second = seal_two("results/{}/table.csv")
    Path("results/one").rename("aside")
    Path("results/two").rename("results/one")
    Path("aside").rename("results/two")
    assert "expected the seal of results/one/table.csv" in result_fault(first)
    assert list(sealed_results(study)) == [first, second]


def test_several_damaged_files_are_named_together(study):
    paths = seal_two("results/abx/{}.csv")
    for path in paths:
        flip(path, None)
    with pytest.raises(ManifestError, match=r"one\.csv.*and 1 more: .*two\.csv"):
        check_results_of(paths)


def test_results_without_a_seal_go_on_working_but_not_without_content(study):
    path = Path("results/abx/abx.csv")
    write_table(pd.DataFrame({"a": [1]}), path)
    check_results_of([path, "src/empty.json", "/somewhere/else.csv"])
    path.write_bytes(b"")
    with pytest.raises(ManifestError, match=r"expected content in results/abx/abx\.csv, found an empty file; delete"):
        read_table(path)


def test_a_file_that_is_written_anew_loses_its_old_seal(study):
    first, _ = seal_two("results/abx/{}.csv")
    write_table(pd.DataFrame({"a": [1]}), first)
    assert result_fault(first) == ""


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("text", [b"", b"\xff\xfe\xfa,\n1,2", b'a,b\n"1,2\n'])
def test_a_file_without_a_table_is_refused_in_one_line(ending, text, tmp_path):
    path = tmp_path / f"t.{ending}"
    path.write_bytes(text)
    with pytest.raises(AuscultError, match=f"expected a table in {path}, found none") as raised:
        read_table(path)
    assert "\n" not in str(raised.value)


STEP = """
import sys
from types import SimpleNamespace
from auscult.jobs import job
from auscult.tables import read_table, write_table
snakemake = SimpleNamespace(input=["results/a.csv"], output=["results/b.csv"])
with job("step.log"):
    write_table(read_table("results/a.csv"), "results/b.csv")
"""


def run_step():
    return subprocess.run([sys.executable, "-c", STEP], capture_output=True, text=True, check=False, timeout=60)


def test_a_step_seals_what_it_wrote_and_refuses_damaged_input(study):
    write_table(pd.DataFrame({"a": [1, 2]}), "results/a.csv")
    assert run_step().returncode == 0
    assert list(sealed_results(study)) == [Path("results/b.csv")]
    check = "cat results/.seals/* | sha256sum --check"
    assert subprocess.run(check, shell=True, capture_output=True, text=True, check=True).stdout == "results/b.csv: OK\n"
    seal_results(["results/a.csv"])
    flip(Path("results/a.csv"), None)
    ended = run_step()
    assert ended.returncode == 1
    assert ended.stderr.startswith("auscult: expected SHA-256")
    assert ended.stderr.count("\n") == 1
    assert "for results/a.csv, as the step that wrote it left it" in ended.stderr


def build_shards(made, fail=False):
    with build_folder("results/activations/c/m/final", {"seed": 0}, resume=True) as partial:
        for number in range(3):
            path = partial / f"shard-{number}.safetensors"
            if not path.is_file():
                made.append(number)
                with write_file(path) as writing:
                    save_file({"T0": np.full(4, number, np.float32)}, writing)
            if fail and number == 1:
                raise KeyboardInterrupt


@pytest.mark.parametrize("damage", [flip, truncate, empty, delete, swap])
def test_a_damaged_shard_of_an_interrupted_run_is_made_again(damage, study, caplog):
    made = []
    with pytest.raises(KeyboardInterrupt):
        build_shards(made, fail=True)
    partial = Path("results/activations/c/m/.partial-final")
    damage(partial / "shard-0.safetensors", partial / "shard-1.safetensors")
    again = []
    build_shards(again)
    assert (made, again) == ([0, 1], [0, 1, 2] if damage is swap else [0, 2])
    assert damage is delete or "shard-0.safetensors of an interrupted run was changed or damaged" in caplog.text
    manifest = check_folder("results/activations/c/m/final")
    assert sorted(manifest.files) == [f"shard-{number}.safetensors" for number in range(3)]
    assert not list(Path().rglob(".seals"))
    build_shards([])
    assert read_manifest("results/activations/c/m/final") == manifest
