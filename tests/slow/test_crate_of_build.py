"""The RO-Crate of a built study, judged by the validator of the RO-Crate community."""

import shutil
import sys

import pytest
from places import ROOT
from workflow_runs import run

pytestmark = pytest.mark.slow

VALIDATOR = ROOT / "build/slow/bin/rocrate-validator"


def test_the_crate_of_a_build_is_valid(undisturbed, tmp_path):
    if not VALIDATOR.is_file():
        pytest.fail(f"expected a validator of RO-Crates at {VALIDATOR}, found none; run: make test-slow", pytrace=False)
    build = shutil.copytree(undisturbed.directory, tmp_path / "build", copy_function=shutil.copy2)
    run(sys.executable, "-m", "auscult.cli", "crate", str(build), "--license", "CC-BY-4.0", "--creator", "Ada")
    profile = ["--profile-identifier", "ro-crate-1.1", "--requirement-severity", "REQUIRED", "--no-paging"]
    printed = run(str(VALIDATOR), "--no-interactive", "validate", *profile, str(build))
    assert "valid" in printed
