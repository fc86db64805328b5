"""Extraction and attribution divided among jobs (``--set-scatter``) give the bytes that one job gives."""

import shutil

import pytest
from builds import contents, differences
from workflow_runs import planned, snakemake

pytestmark = pytest.mark.slow

SCATTER = ["--set-scatter", "extraction=3", "attribution=2"]
TARGETS = [
    *(f"results/activations/english/hubert-english/{step}/manifest.json" for step in (0, 4, 12)),
    "results/attribution/attribution.csv",
]


def test_scattered_jobs_are_gathered_in_the_same_bytes_and_leave_nothing_behind(undisturbed, tmp_path):
    build = shutil.copytree(undisturbed.directory, tmp_path / "build", copy_function=shutil.copy2)
    shutil.rmtree(build / "results/activations/english/hubert-english")
    shutil.rmtree(build / "results/attribution")
    jobs = planned(snakemake(build, "--dry-run", *SCATTER, "--", *TARGETS))
    assert jobs["extract_part_english__hubert_english"] == 3
    assert jobs["attribution_part_english_keyword"] == jobs["attribution_part_french_recogniser_french"] == 2
    snakemake(build, *SCATTER, "--", *TARGETS)
    assert differences(undisturbed.contents, contents(build)) == []
    assert "Nothing to be done" in snakemake(build, "--dry-run", *SCATTER, "--", *TARGETS)
