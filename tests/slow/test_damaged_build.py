"""Every kind of file of a real build, damaged in every way: named by ``auscult verify``, and made anew on request."""

import random
import shutil
import sys

import pytest
from builds import contents, differences
from workflow_runs import run, snakemake

from auscult.cli.verify import check_build

pytestmark = pytest.mark.slow

KINDS = {
    "corpus table": "resources/corpora/*/*.parquet",
    "recording": "resources/corpora/*/audio/**/*.flac",
    "corpus manifest": "resources/corpora/*/manifest.json",
    "weights": "resources/checkpoints/*/*/model.safetensors",
    "settings of a checkpoint": "resources/checkpoints/*/*/config.json",
    "activations": "results/activations/*/*/*/*.safetensors",
    "table (CSV)": "results/*/*.csv",
    "table of a run": "results/*/*/*/*.csv",
    "items (Parquet)": "results/**/*.parquet",
    "figure (PDF)": "results/figures/*.pdf",
    "picture (PNG)": "results/figures/*.png",
    "picture (SVG)": "results/figures/*.svg",
    "provenance": "results/figures/*.json",
    "page of details": "results/figures/*-details/*.png",
    "claims": "results/talk/claims.csv",
}
DAMAGES = ("flip", "truncate", "empty", "delete", "swap", "folder")


def damage(path, other, how, draw):
    content = path.read_bytes()
    if how == "flip":
        place = draw.randrange(len(content))
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    elif how == "truncate":
        path.write_bytes(content[: len(content) * 9 // 10])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "swap":
        path.write_bytes(other.read_bytes())
    else:
        path.unlink()
        if how == "folder":
            path.mkdir()


@pytest.fixture(scope="module")
def build(undisturbed, tmp_path_factory):
    """Return a copy of the build that tests may damage, if they mend it again."""
    return shutil.copytree(
        undisturbed.directory, tmp_path_factory.mktemp("damaged") / "build", copy_function=shutil.copy2
    )


def drawn(build, kind, draw):
    """Draw a file of a kind, and another one of different content."""
    paths = [path for path in sorted(build.glob(KINDS[kind])) if ".seals" not in path.parts and path.stat().st_size]
    path = draw.choice(paths)
    others = [other for other in paths if other.read_bytes() != path.read_bytes()]
    return path, draw.choice(others) if others else next(iter(sorted(build.glob("results/figures/*.json"))))


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_named(build, kind, how):
    draw = random.Random(f"{kind} {how}")
    path, other = drawn(build, kind, draw)
    kept = path.read_bytes()
    damage(path, other, how, draw)
    faults = check_build(build).faults
    if path.is_dir():
        path.rmdir()
    path.write_bytes(kept)
    folder = path.parent if path.name == "manifest.json" else path
    assert any(str(folder.relative_to(build)) in fault for fault in faults), faults


def test_a_build_with_one_damaged_file_of_each_kind_is_made_anew_in_the_same_bytes(undisturbed, build):
    draw = random.Random(1)
    for kind in KINDS:
        path, other = drawn(build, kind, draw)
        damage(path, other, "flip", draw)
    for _ in range(3):
        named = check_build(build).faults
        for place in {place for place in sealed(build) if any(str(place) in fault for fault in named)}:
            shutil.rmtree(build / place) if (build / place).is_dir() else (build / place).unlink(missing_ok=True)
        if not named:
            break
    snakemake(build)
    assert differences(undisturbed.contents, contents(build)) == []
    assert "0 faults" in run(sys.executable, "-m", "auscult.cli", "verify", str(build))


def sealed(build):
    """Return every sealed folder and every file outside of them, relative to the build."""
    folders = {path.parent.relative_to(build) for path in build.rglob("manifest.json")}
    loose = {path.relative_to(build) for path in (build / "results").rglob("*") if path.is_file()}
    return folders | {path for path in loose if not folders.intersection(path.parents) and ".seals" not in path.parts}
