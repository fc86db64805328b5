"""The smoke study on a real SLURM cluster of one node, through ``profiles/slurm``: every job a job of the cluster."""

import re
import sys

import pytest
from builds import contents, differences
from cli_cases import STUDY, write_recordings
from places import ROOT
from slurm import missing
from workflow_runs import planned, run, snakemake

pytestmark = pytest.mark.slow

CLUSTER = [sys.executable, str(ROOT / "tests/support/slurm.py")]
# The first look at jobs comes after 3 s instead of 40: the jobs of this study take seconds.
PROFILE = ["--profile", str(ROOT / "profiles/slurm"), "--slurm-init-seconds-before-status-checks", "3"]
LOCAL = {"all", "corpora", "checkpoints", "figures"}


@pytest.fixture(autouse=True)
def needs_slurm():
    if missing():
        pytest.fail(missing(), pytrace=False)


def on_cluster(directory, *arguments, study="studies/smoke.yaml", **options):
    study = ["--configfile", str(ROOT / study), "--directory", str(directory)]
    return run(*CLUSTER, "snakemake", *PROFILE, *study, *arguments, **options)


def submitted(printed):
    return re.findall(r"has been submitted with SLURM jobid (\d+)", printed)


def test_the_smoke_study_gives_the_same_bytes_on_a_cluster(undisturbed, tmp_path):
    jobs = planned(snakemake(tmp_path, "--dry-run"))
    printed = on_cluster(tmp_path)
    assert len(set(submitted(printed))) == sum(count for rule, count in jobs.items() if rule not in LOCAL)
    assert differences(undisturbed.contents, contents(tmp_path)) == []
    assert "Nothing to be done" in snakemake(tmp_path, "--dry-run")


def test_an_extraction_scattered_over_a_cluster_gives_the_same_bytes(undisturbed, tmp_path):
    folder = "results/activations/english/hubert-english"
    targets = [f"{folder}/{step}/manifest.json" for step in (0, 4, 12)]
    printed = on_cluster(tmp_path, "--set-scatter", "extraction=3", "--", *targets)
    # Corpus, training, three parts, and the job that gathers them.
    assert len(set(submitted(printed))) == 6
    found = contents(tmp_path)
    assert {name for name in found if "/.parts/" in name} == set()
    expected = {name: sha for name, sha in undisturbed.contents.items() if name.startswith(folder)}
    assert {name: sha for name, sha in found.items() if name.startswith(folder)} == expected
    again = snakemake(tmp_path, "--dry-run", "--set-scatter", "extraction=3", "--", *targets)
    assert "Nothing to be done" in again


def test_a_job_that_fails_is_submitted_once_more_and_its_reason_is_told(tmp_path):
    labels = next(write_recordings(tmp_path / "speech").glob("*.TextGrid"))
    labels.write_text(labels.read_text()[:300])
    (tmp_path / "mine.yaml").write_text(STUDY)
    build = tmp_path / "build"
    printed = on_cluster(build, "--", "resources/corpora/mine/manifest.json", study=tmp_path / "mine.yaml", ok=False)
    assert len(submitted(printed)) == 2
    assert f"auscult: {labels.name}" in printed or labels.name in (build / "logs/import_folder/mine.log").read_text()
    assert not (build / "resources/corpora/mine").exists()


def test_a_lock_stays_while_a_job_of_the_cluster_waits_or_runs_in_the_directory(tmp_path):
    asked = "from pathlib import Path; from auscult.study.slurm import *; print(status_command(), has_jobs(Path('.')))"
    script = f"""
        cd {tmp_path}
        {sys.executable} -c "{asked}"
        job=$(sbatch --parsable --output=/dev/null --wrap "sleep 300")
        {sys.executable} -c "{asked}"
        scancel $job
        while [ -n "$(squeue --noheader)" ]; do sleep 0.2; done
        {sys.executable} -c "{asked}"
    """
    assert run(*CLUSTER, "bash", "-c", script).split("\n")[:3] == ["squeue False", "squeue True", "squeue False"]
