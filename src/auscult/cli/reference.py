"""Reference costs: ``python -m auscult.cli.reference STUDY DIRECTORY SMALL_STUDY SMALL_DIRECTORY`` writes costs.csv."""

import csv
import sys
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from auscult.cli.cost import calibrate, measured_jobs
from auscult.cli.places import open_study
from auscult.cli.work import Sizes, kind_of
from auscult.cli.workflow import plan

__all__ = ["Mean", "measured_means", "write_reference"]

_HEAD = """\
# Written by `python -m auscult.cli.reference` from complete builds of the default and the smoke study.
# start_s: processor seconds of a job without work; unit_s: per unit of auscult.cli.work; memory_mb: largest resident
# memory, 0 if unknown; the row calibration: seconds of auscult.cli.cost.calibrate on the same machine.
"""
# Not part of these studies: processor seconds per hour of speech to decode, resample and write it, and to copy a model.
_OTHERS = {
    "import_folder": (5.0, 40.0, 800.0),
    "import_archive": (5.0, 40.0, 800.0),
    "import_checkpoint": (8.0, 0.0, 2000.0),
    "initialise_checkpoint": (8.0, 0.0, 2000.0),
}


class Mean:
    """Means over the jobs of a kind: seconds and work; and the largest memory in MB."""

    def __init__(self) -> None:
        self.n, self.seconds, self.work, self.memory_mb = 0, 0.0, 0.0, 0.0

    def add(self, seconds: float, work: float, memory_mb: float) -> None:
        """Add a job."""
        self.n += 1
        self.seconds += (seconds - self.seconds) / self.n
        self.work += (work - self.work) / self.n
        self.memory_mb = max(self.memory_mb, memory_mb)


def measured_means(study: str, directory: Path) -> dict[str, Mean]:
    """Return the means over the jobs of each kind of a complete build.

    Parameters
    ----------
    study : study file or name
    directory : directory of the build
    """
    place = open_study(study, directory)
    measured, sizes = measured_jobs(directory), Sizes(place)
    with tempfile.TemporaryDirectory() as empty:
        jobs = plan(replace(place, directory=Path(empty)))
    means: dict[str, Mean] = defaultdict(Mean)
    for job in jobs:
        if job.log in measured:
            found = measured[job.log]
            means[kind_of(job.rule)].add(found.seconds, sizes.work(job), found.memory_mb)
    return means


def _fit(large: Mean, small: Mean | None) -> tuple[float, float, float]:
    """Return seconds of the start, seconds per unit of work, and memory, from a large and a small job of a kind."""
    start_s = min(large.seconds, 3.0)
    if small is not None and small.work < 0.8 * large.work:
        slope = max(0.0, (large.seconds - small.seconds) / (large.work - small.work))
        start_s = min(large.seconds, max(0.3, small.seconds - slope * small.work))
    elif small is not None:
        start_s = min(small.seconds, large.seconds)
    return start_s, (large.seconds - start_s) / max(large.work, 1e-9), large.memory_mb


def write_reference(large: dict[str, Mean], small: dict[str, Mean], path: Path) -> None:
    """Write the cost of each kind of rule.

    Parameters
    ----------
    large, small : as returned by :func:`measured_means`, of a large and a small study
    path : CSV file to write
    """
    kinds = sorted({*large, *small, *_OTHERS})
    rows = {"calibration": (calibrate(), 0.0, 0.0)}
    for kind in kinds:
        known = large.get(kind) or small.get(kind)
        rows[kind] = _fit(known, small.get(kind)) if known else _OTHERS[kind]
    with open(path, "w", encoding="utf-8", newline="") as stream:
        stream.write(_HEAD)
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["kind", "start_s", "unit_s", "memory_mb"])
        writer.writerows([kind, *(f"{value:.4g}" for value in row)] for kind, row in rows.items())


if __name__ == "__main__":
    write_reference(
        measured_means(sys.argv[1], Path(sys.argv[2])),
        measured_means(sys.argv[3], Path(sys.argv[4])),
        Path(__file__).parent / "costs.csv",
    )
