"""What a cluster is asked, with programs that answer as Slurm's do."""

import pytest

from auscult.cli.locks import release_lock
from auscult.study.directories import keep_owner
from auscult.study.slurm import has_jobs, status_command


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Return a function that puts a program of Slurm with a fixed answer on the search path."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")

    def answer(name, text, status=0):
        (programs / name).write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\nexit {status}\n")
        (programs / name).chmod(0o755)

    return answer


@pytest.mark.parametrize(
    ("kind", "command"),
    [("accounting_storage/none", "squeue"), ("(null)", "squeue"), ("accounting_storage/slurmdbd", "sacct")],
)
def test_jobs_are_followed_by_squeue_where_no_records_are_kept(slurm, kind, command):
    slurm("scontrol", f"AccountingStorageTRES   = cpu,mem\nAccountingStorageType   = {kind}\nMinJobAge = 300 sec")
    assert status_command() == command


def test_without_a_cluster_nothing_is_asked_and_no_job_found(slurm, tmp_path):
    assert status_command() == "sacct"
    assert not has_jobs(tmp_path)
    slurm("squeue", "no controller", status=1)
    assert not has_jobs(tmp_path)


def test_a_lock_stays_while_jobs_of_a_cluster_work_in_the_directory(slurm, tmp_path):
    directory = tmp_path / "runs"
    (directory / ".snakemake/locks").mkdir(parents=True)
    (directory / ".snakemake/locks/0.input.lock").write_text("")
    keep_owner({"study": "mine"}, tmp_path / "mine.yaml", directory)
    slurm("squeue", f"/somewhere/else\n{directory}")
    assert has_jobs(directory)
    assert not release_lock(directory)
    slurm("squeue", "/somewhere/else")
    assert release_lock(directory)
