"""Locks that a killed run of Snakemake left: ``python -m auscult.cli.locks`` removes that of the current directory."""

import os
import platform
import sys
from pathlib import Path

import psutil  # a dependency of Snakemake

from auscult.study.directories import last_host
from auscult.study.slurm import has_jobs

__all__ = ["release_lock", "running_here"]

_LOCKS = Path(".snakemake", "locks")


def release_lock(directory: Path) -> bool:
    """Remove the lock of a directory if no process holds it; return whether there was such a lock.

    A lock says nothing of its owner. It is removed only if the last run was started on this machine, no process of
    Snakemake, or of one of its jobs, works in the directory, and no job of a cluster, which outlives the process that
    submitted it. Other machines may share the directory and cannot be asked: their locks stay.

    Parameters
    ----------
    directory : directory of a study
    """
    locks = sorted((directory / _LOCKS).glob("*.lock"))
    if not locks or last_host(directory) != platform.node() or running_here(directory) or has_jobs(directory):
        return False
    for lock in locks:
        lock.unlink(missing_ok=True)
    return True


def running_here(directory: Path) -> bool:
    """Return whether a process of Snakemake works in a directory; one whose directory is hidden counts as well."""
    place = directory.resolve()
    for process in psutil.process_iter():
        if process.pid != os.getpid() and _runs_snakemake(process):
            try:
                if Path(process.cwd()) == place:
                    return True
            except psutil.AccessDenied:
                return True
            except psutil.NoSuchProcess:
                continue
    return False


def _runs_snakemake(process: psutil.Process) -> bool:
    """Return whether a process is Snakemake or one of its jobs, whose scripts lie in ``.snakemake``."""
    try:
        return any("snakemake" in part for part in process.cmdline())
    except psutil.Error:
        return False


if __name__ == "__main__":
    if release_lock(Path.cwd()):
        print(f"auscult: removed the lock that a killed run left in {Path.cwd()}", file=sys.stderr)
