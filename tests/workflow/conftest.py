"""Fixtures with the smoke study: built once for all tests of the workflow, copied, or changed."""

import shutil
from pathlib import Path

import pytest
import yaml
from places import ROOT
from workflow_runs import snakemake


@pytest.fixture(scope="session")
def smoke(tmp_path_factory):
    """Build the smoke study once. Tests that change it use :func:`built`."""
    directory = tmp_path_factory.mktemp("smoke")
    snakemake(directory)
    return directory


@pytest.fixture
def built(smoke, tmp_path):
    """Copy the built smoke study with its file times, so that Snakemake finds nothing to do."""
    return Path(shutil.copytree(smoke, tmp_path / "copy", copy_function=shutil.copy2, symlinks=True))


@pytest.fixture
def changed_study(tmp_path):
    """Return a function that writes the smoke study with one value replaced and returns the path of the file."""

    def change(*keys, value):
        config = yaml.safe_load((ROOT / "studies/smoke.yaml").read_text())
        entry = config
        for key in keys[:-1]:
            entry = entry[key]
        entry[keys[-1]] = value
        path = tmp_path / "changed.yaml"
        path.write_text(yaml.safe_dump(config, sort_keys=False))
        return path

    return change
