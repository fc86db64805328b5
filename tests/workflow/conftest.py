"""The smoke study, built once for all tests of the workflow, and changed copies of it."""

import shutil
from pathlib import Path

import pytest
import yaml
from places import ROOT
from workflow_runs import snakemake


@pytest.fixture(scope="session")
def smoke(tmp_path_factory):
    """Build the smoke study once; tests that change it work on a copy."""
    directory = tmp_path_factory.mktemp("smoke")
    snakemake(directory)
    return directory


@pytest.fixture
def built(smoke, tmp_path):
    """A copy of the built smoke study, with file times kept so that Snakemake finds nothing to do."""
    return Path(shutil.copytree(smoke, tmp_path / "copy", copy_function=shutil.copy2, symlinks=True))


@pytest.fixture
def changed_study(tmp_path):
    """Write the smoke study with one value replaced; return the file's path."""

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
