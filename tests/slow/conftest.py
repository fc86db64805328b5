"""Fixtures of the slow tests: the smoke study built once, undisturbed, with which all other builds are compared."""

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from builds import contents
from workflow_runs import ENVIRONMENT, snakemake

# The workflow sets the threads of its jobs itself and must not inherit the single thread of pytest.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    ENVIRONMENT.pop(variable, None)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """Return the directory of the built smoke study, its content, and how long it took.

    ``AUSCULT_SLOW_BUILD`` names a folder that keeps the build from one session to the next.
    """
    kept = os.environ.get("AUSCULT_SLOW_BUILD")
    directory = Path(kept) if kept else tmp_path_factory.mktemp("undisturbed")
    started = time.monotonic()
    printed = snakemake(directory)
    duration_s = time.monotonic() - started
    record = directory / "duration_s.txt"
    if "Nothing to be done" in printed and record.is_file():
        duration_s = float(record.read_text())
    record.write_text(f"{duration_s:.1f}\n")
    return SimpleNamespace(directory=directory, contents=contents(directory), duration_s=duration_s)
