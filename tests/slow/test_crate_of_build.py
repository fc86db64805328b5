"""The RO-Crate of a built study, judged by the validator of the RO-Crate community."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import rocrate
from places import ROOT
from workflow_runs import run

pytestmark = pytest.mark.slow

VALIDATOR = ROOT / "build/slow/bin/rocrate-validator"
# The validator would fetch the vocabulary that a crate names by its address; the library has a copy of it.
VOCABULARY = Path(rocrate.__file__).parent / "data/ro-crate.jsonld"


def test_the_crate_of_a_build_meets_every_requirement(undisturbed, tmp_path):
    if not VALIDATOR.is_file():
        pytest.fail(f"expected a validator of RO-Crates at {VALIDATOR}, found none; run: make test-slow", pytrace=False)
    build = shutil.copytree(undisturbed.directory, tmp_path / "build", copy_function=shutil.copy2)
    run(sys.executable, "-m", "auscult.cli", "crate", str(build), "--license", "CC-BY-4.0", "--creator", "Ada")
    metadata = build / "ro-crate-metadata.json"
    crate = json.loads(metadata.read_text())
    assert crate["@context"] == "https://w3id.org/ro/crate/1.1/context"
    crate["@context"] = json.loads(VOCABULARY.read_text())["@context"]
    metadata.write_text(json.dumps(crate))
    options = ["--profile-identifier", "ro-crate-1.1", "--requirement-severity", "required", "--no-paging"]
    options += ["--skip-availability-check"]
    printed = run(str(VALIDATOR), "--no-interactive", "--disable-color", "validate", *options, str(build))
    assert "RO-Crate is a valid ro-crate-1.1" in printed
