"""What a Slurm cluster has to be asked: how its jobs are followed, and which jobs work in a directory."""

import subprocess
from pathlib import Path

__all__ = ["status_command", "has_jobs"]

_TIMEOUT_S = 30


def status_command() -> str:
    """Return the command by which the executor plugin follows jobs: ``sacct``, or ``squeue`` without accounting.

    The plugin takes ``sacct`` wherever it is installed, and waits without end on a cluster that keeps no records.
    """
    settings = _ask("scontrol", "show", "config")
    kinds = [line.split("=")[1].strip() for line in settings.splitlines() if line.startswith("AccountingStorageType")]
    return "squeue" if kinds in (["accounting_storage/none"], ["(null)"]) else "sacct"


def has_jobs(directory: Path) -> bool:
    """Return whether a job of this user waits or runs that was submitted for a directory; False without a cluster.

    Parameters
    ----------
    directory : directory of a study, the working directory of its jobs
    """
    place = directory.resolve()
    return any(
        Path(line.strip()).resolve() == place
        for line in _ask("squeue", "--me", "--noheader", "--format=%Z").splitlines()
    )


def _ask(*command: str) -> str:
    """Return what a command of Slurm prints; an empty text if there is none, or it fails."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, timeout=_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
