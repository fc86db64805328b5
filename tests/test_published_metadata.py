"""The package is complete when it is installed, and files that catalogues and archives read agree with it."""

import json
import re
import tomllib

import pytest
import yaml
from places import ROOT

import auscult

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())


@pytest.mark.parametrize("name", [".zenodo.json", "codemeta.json"])
def test_archives_are_told_the_version_title_and_keywords_of_the_package(name):
    metadata = json.loads((ROOT / name).read_text())
    assert metadata["version"] == auscult.__version__ == PROJECT["version"] == CITATION["version"]
    assert metadata.get("title", metadata.get("name")) == CITATION["title"]
    assert metadata["keywords"] == CITATION["keywords"]
    assert PROJECT["license"] in metadata["license"]


def test_the_catalogue_of_workflows_finds_a_report_and_an_image():
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert usage["report"] is True
    assert usage["software-stack-deployment"]["apptainer"] is True
    assert (ROOT / "profiles/slurm/auscult.def").is_file()


def test_the_lock_for_cpus_has_every_package_but_those_of_gpus_in_the_same_versions():
    locks = [
        dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements-cpu.lock")
    ]
    both, cpu = locks
    left_out = both.keys() - cpu.keys()
    assert {"torch", "torchaudio", "triton"} <= left_out
    assert all(re.match(r"torch(audio)?$|triton$|nvidia-|cuda-", name) for name in left_out)
    assert {name: both[name] for name in cpu} == cpu


def test_every_file_of_the_library_is_installed_with_it():
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["auscult"]
    source = ROOT / "src/auscult"
    installed = {path for pattern in data for path in source.glob(pattern)}
    others = [path for path in source.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    assert [path.relative_to(source) for path in others if path not in installed] == []
