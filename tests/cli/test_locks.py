"""A lock left behind is removed by the next run, unless a process or another machine may hold it."""

import subprocess
import sys

import pytest

from auscult.cli import workflow
from auscult.cli.locks import release_lock, running_here
from auscult.study.directories import keep_owner


@pytest.fixture
def locked(tmp_path):
    """Return a directory with the locks and the record of a run that was killed."""
    directory = tmp_path / "runs" / "mine"
    (directory / ".snakemake" / "locks").mkdir(parents=True)
    for name in ("0.input.lock", "0.output.lock"):
        (directory / ".snakemake" / "locks" / name).write_text("results/a.csv\n")
    keep_owner({"study": "mine"}, tmp_path / "mine.yaml", directory)
    return directory


def locks(directory):
    return sorted(path.name for path in (directory / ".snakemake" / "locks").iterdir())


def test_the_lock_of_a_killed_run_is_removed(locked):
    assert release_lock(locked)
    assert locks(locked) == []
    assert not release_lock(locked)


def test_the_lock_of_a_running_one_stays(locked):
    command = [sys.executable, "-c", "print(flush=True); input()", "snakemake"]
    with subprocess.Popen(command, cwd=locked, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert running_here(locked)
        assert not release_lock(locked)
        process.communicate(b"\n")
    assert len(locks(locked)) == 2
    assert not running_here(locked)


@pytest.mark.parametrize("record", ['{"study": "mine", "file": "", "host": "another"}', '{"study": "mine"}', "{", None])
def test_a_lock_stays_if_another_machine_may_hold_it(locked, record):
    path = locked / ".snakemake" / "auscult" / "study.json"
    path.unlink() if record is None else path.write_text(record)
    assert not release_lock(locked)
    assert len(locks(locked)) == 2


def test_a_run_says_that_it_removed_a_lock_and_a_dry_run_leaves_it(auscult, study, monkeypatch):
    monkeypatch.setattr(workflow, "call", lambda arguments: 0)
    directory = study.parent / "runs" / "tiny"
    (directory / ".snakemake" / "locks").mkdir(parents=True)
    (directory / ".snakemake" / "locks" / "0.input.lock").write_text("")
    keep_owner({"study": "tiny"}, study, directory)
    auscult("run", study, "--dry-run", "--directory", directory)
    assert locks(directory) == ["0.input.lock"]
    printed = auscult("run", study, "--directory", directory)
    assert f"auscult: removed the lock that a killed run left in {directory}" in printed
    assert locks(directory) == []


def test_make_removes_the_lock_of_the_repository_in_the_same_way(locked):
    command = [sys.executable, "-m", "auscult.cli.locks"]
    done = subprocess.run(command, cwd=locked, capture_output=True, text=True, check=True)
    assert done.stderr == f"auscult: removed the lock that a killed run left in {locked}\n"
    assert locks(locked) == []
