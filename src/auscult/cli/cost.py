"""Expected minutes, memory, disk and downloads of a study, by rule, from earlier builds and a reference machine."""

import csv
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from auscult.cli.places import StudyPlace
from auscult.cli.work import Sizes, kind_of
from auscult.cli.workflow import Job
from auscult.study.configuration import steps_of
from auscult.study.published_checkpoints import published_checkpoint

__all__ = [
    "Reference",
    "JobCost",
    "RuleCost",
    "Measured",
    "job_costs",
    "rule_costs",
    "elapsed_minutes",
    "measured_jobs",
    "reference",
    "calibrate",
    "machine_factor",
    "disk_gb",
    "downloads",
]

_TABLE = Path(__file__).parent / "costs.csv"
# Processor seconds of a job of an unknown kind, and the least of any job: an interpreter that imports its libraries.
_START_S = 3.0
_CORPUS_GB_PER_HOUR = 0.075
_SHOWN = 10
_SMALL_MINUTES = 0.1
_BYTES = 4


@dataclass(frozen=True)
class Reference:
    """Cost of a kind of rule on the reference machine.

    Parameters
    ----------
    start_s : processor seconds of a job without any work, most of them for importing libraries
    unit_s : processor seconds per unit of :meth:`auscult.cli.work.Sizes.work`
    memory_mb : largest resident memory in MB
    """

    start_s: float
    unit_s: float
    memory_mb: float


@dataclass(frozen=True)
class Measured:
    """Time and memory of an earlier run of a job; memory is 0 if it was not recorded."""

    seconds: float
    memory_mb: float = 0.0


@dataclass(frozen=True)
class JobCost:
    """Expected cost of a job: processor minutes (NaN if unknown before a download) and memory in MB."""

    job: Job
    kind: str
    minutes: float
    memory_mb: float
    is_measured: bool


@dataclass(frozen=True)
class RuleCost:
    """Expected cost of the jobs of one kind.

    Parameters
    ----------
    kind : kind of rule
    n_jobs : number of jobs
    minutes : expected processor minutes of all jobs; NaN if unknown before a download
    memory_mb : largest expected memory of one job in MB
    n_measured : number of jobs whose time was measured by an earlier build in this directory
    """

    kind: str
    n_jobs: int
    minutes: float
    memory_mb: float
    n_measured: int


@cache
def reference() -> tuple[dict[str, Reference], float]:
    """Return the cost of each kind of rule, and the time that the reference machine needs for the calibration in s."""
    with open(_TABLE, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(line for line in stream if not line.startswith("#")))
    known = {row["kind"]: Reference(*(float(row[key]) for key in ("start_s", "unit_s", "memory_mb"))) for row in rows}
    return known, known.pop("calibration").start_s


def calibrate() -> float:
    """Return the processor seconds that this machine needs for a fixed piece of work; takes about a second."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    first = np.random.default_rng(0).standard_normal((512, 512), dtype=np.float32)
    with threadpool_limits(1):
        times = []
        for _ in range(3):
            start = time.process_time()
            for _ in range(20):
                first @ first
            np.linalg.eigh(first[:256, :256] + first[:256, :256].T)
            sum(k * k for k in range(400_000))
            times.append(time.process_time() - start)
    return min(times)


def machine_factor() -> float:
    """Return how many times longer this machine needs than the reference machine."""
    return calibrate() / reference()[1]


def measured_jobs(directory: Path) -> dict[str, Measured]:
    """Return time and memory of the jobs of earlier builds in a directory, by log file.

    Benchmarks state processor time and memory; other jobs have the time between start and end that Snakemake records.
    """
    found = {log: Measured(seconds) for log, seconds in _recorded(directory / ".snakemake" / "metadata")}
    for path in directory.glob("logs/benchmarks/**/*.tsv"):
        log = Path("logs", path.relative_to(directory / "logs" / "benchmarks")).with_suffix(".log")
        try:
            with open(path, encoding="utf-8", newline="") as stream:
                row = list(csv.DictReader(stream, delimiter="\t"))[-1]
            # Wall-clock time counts other processes, processor time does not.
            seconds = min(float(row["s"]), float(row["cpu_time"]) + _START_S)
            found[log.as_posix()] = Measured(seconds, float(row["max_rss"]))
        except (OSError, ValueError, IndexError, KeyError):
            continue
    return found


def job_costs(place: StudyPlace, jobs: Sequence[Job], factor: float) -> list[JobCost]:
    """Return the expected cost of jobs, in their order.

    A job that an earlier build in the directory has run costs the same again; the others cost what the reference
    machine needed for jobs of their kind and size, times the factor of this machine.

    Parameters
    ----------
    place : study and its directory
    jobs : jobs that have to run
    factor : how many times longer this machine needs than the reference machine
    """
    earlier, sizes = measured_jobs(place.directory), Sizes(place)
    costs = []
    for job in jobs:
        if not job.outputs:  # a target that only names others
            continue
        kind, known = kind_of(job.rule), earlier.get(job.log)
        expected = known or _expected(job, kind, sizes, factor)
        memory_mb = expected.memory_mb or _memory(kind) or min(job.mem_mb, 1000)
        costs.append(JobCost(job, kind, expected.seconds / 60, memory_mb, known is not None))
    return costs


def rule_costs(costs: Sequence[JobCost]) -> list[RuleCost]:
    """Return the costs of jobs summed by kind of rule, the longest first."""
    totals: dict[str, RuleCost] = {}
    for cost in costs:
        before = totals.get(cost.kind, RuleCost(cost.kind, 0, 0.0, 0.0, 0))
        totals[cost.kind] = RuleCost(
            cost.kind,
            before.n_jobs + 1,
            before.minutes + cost.minutes,
            max(before.memory_mb, cost.memory_mb),
            before.n_measured + cost.is_measured,
        )
    return sorted(totals.values(), key=lambda total: -total.minutes if math.isfinite(total.minutes) else -math.inf)


def elapsed_minutes(costs: Sequence[JobCost], n_cores: int) -> float:
    """Return the expected minutes from start to end: no less than the longest chain of jobs, nor than an equal share.

    Parameters
    ----------
    costs : as returned by :func:`job_costs`
    n_cores : number of cores
    """
    maker = {output: place for place, cost in enumerate(costs) for output in cost.job.outputs}
    ends: dict[int, float] = {}

    def end(place: int) -> float:
        if place not in ends:
            ends[place] = 0.0  # Snakemake has no cycles
            before = {maker[path] for path in costs[place].job.inputs if path in maker}
            ends[place] = costs[place].minutes + max((end(other) for other in before), default=0.0)
        return ends[place]

    longest = max((end(place) for place in range(len(costs))), default=0.0)
    return max(longest, sum(cost.minutes for cost in costs) / n_cores)


def disk_gb(place: StudyPlace, sizes: Sizes) -> dict[str, float]:
    """Return the expected disk space in GB of corpora, checkpoints and activations; NaN if unknown yet."""
    config = place.config
    checkpoints = 0.0
    for name, model in config["models"].items():
        if model["source"] not in ("acoustic", "arrays", "altered"):
            layers, dims = sizes.model(name)
            checkpoints += len(steps_of(name, model)) * (12 * layers * dims**2 + 40_000 * dims / 128) * _BYTES / 1e9
    return {
        "corpora": sum(sizes.hours.values()) * _CORPUS_GB_PER_HOUR,
        "checkpoints": checkpoints,
        "activations": sum(_activations_gb(place, sizes)),
    }


def downloads(place: StudyPlace, offline: bool = False) -> list[tuple[str, str, float]]:
    """Return (name, source, size) of every download that has not been made; sizes are in MB, NaN if unknown.

    Unless ``offline``, sizes are asked of the servers; after the first that does not answer, no other is asked.
    """
    from auscult.cli.fetching import archives_of

    wanted: list[tuple[str, str, Callable[[], float]]] = []
    for name, corpus in place.config["corpora"].items():
        if corpus["source"] == "fetched":
            urls = [corpus["url"], *([corpus["alignments"]["url"]] if "alignments" in corpus else [])]
            for url, archive in zip(urls, archives_of(name, corpus)):
                if not (place.directory / archive).is_file():
                    wanted.append((name, url, partial(_archive_mb, url)))
    endpoint = place.config["hub_endpoint"] or None
    for name, model in place.config["models"].items():
        for step in steps_of(name, model) if model["source"] == "hub" else ():
            published = published_checkpoint(model, step)
            sealed = place.directory / "resources" / "checkpoints" / name / step / "manifest.json"
            if published and not sealed.is_file():
                where = f"{published['repository']}@{published['revision'][:12]}"
                wanted.append((name, where, partial(_repository_mb, published, endpoint)))
    found, answers = [], not offline
    for name, where, size in wanted:
        megabytes = size() if answers else math.nan
        answers = answers and math.isfinite(megabytes)
        found.append((name, where, megabytes))
    return found


def report(costs: Sequence[JobCost], n_cores: int) -> list[str]:
    """Return lines with the cost by kind of rule, and in all."""
    if not costs:
        return ["nothing to be done"]
    totals = rule_costs(costs)
    small = [total for total in totals if total.minutes < _SMALL_MINUTES]
    if len(small) > 1:
        rest = RuleCost(
            f"{len(small)} other rules",
            sum(total.n_jobs for total in small),
            sum(total.minutes for total in small),
            max(total.memory_mb for total in small),
            sum(total.n_measured for total in small),
        )
        totals = [*(total for total in totals if total not in small), rest]
    width = max(len(total.kind) for total in totals)
    lines = [f"{'rule':{width}}  jobs  minutes  memory"]
    for total in totals:
        basis = f"  {total.n_measured} measured here before" if total.n_measured else ""
        memory = f"{total.memory_mb / 1000:.1f} GB" if total.memory_mb else "?"
        lines.append(f"{total.kind:{width}}  {total.n_jobs:4d}  {_minutes(total.minutes):>7}  {memory:>6}{basis}")
    unknown = [cost for cost in costs if not math.isfinite(cost.minutes)]
    known = [cost for cost in costs if math.isfinite(cost.minutes)]
    largest = sum(sorted((cost.memory_mb for cost in costs), reverse=True)[:n_cores]) / 1000
    lines.append(
        f"in all: {_minutes(sum(cost.minutes for cost in known))} minutes on one core, "
        f"{_minutes(elapsed_minutes(known, n_cores))} on {n_cores}, up to {largest:.1f} GB of memory at a time"
    )
    if unknown:
        lines.append(f"not counted: {len(unknown)} jobs on corpora whose length is unknown before they are downloaded")
    return lines


def report_downloads(place: StudyPlace, offline: bool) -> list[str]:
    """Return lines with the downloads that have not been made and their sizes."""
    found = downloads(place, offline)
    if not found:
        return ["download: nothing"]
    known = [size for *_, size in found if math.isfinite(size)]
    lines = [
        f"  {name}: {source}: {f'{size:.0f} MB' if math.isfinite(size) else 'size unknown'}"
        for name, source, size in found
    ]
    more = f", and {len(found) - len(known)} of unknown size" if len(known) < len(found) else ""
    more_lines = [f"  … and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return [
        f"download: {len(found)} files or repositories, {sum(known) / 1000:.1f} GB{more}",
        *lines[:_SHOWN],
        *more_lines,
    ]


def _minutes(minutes: float) -> str:
    if not math.isfinite(minutes):
        return "unknown"
    return f"{minutes:.1f}" if minutes < 10 else f"{minutes:.0f}"


def _activations_gb(place: StudyPlace, sizes: Sizes) -> Iterator[float]:
    from auscult.study.extractions import extracted_sweeps

    for corpus, _, runs in extracted_sweeps(place.config):
        for model, _ in runs:
            layers, dims = sizes.model(model)
            # The transformer's layers, its input, and the convolutions, which have 512 or fewer dimensions.
            n_values = dims if layers == 1 else (layers + 2) * dims
            yield sizes.segments(corpus) * n_values * _BYTES / 1e9


def _expected(job: Job, kind: str, sizes: Sizes, factor: float) -> Measured:
    known = reference()[0].get(kind)
    if known is None:
        return Measured(_START_S * factor)
    return Measured(factor * (known.start_s + known.unit_s * sizes.work(job)), known.memory_mb)


def _memory(kind: str) -> float:
    known = reference()[0].get(kind)
    return known.memory_mb if known else 0.0


def _recorded(folder: Path) -> Iterator[tuple[str, float]]:
    for path in folder.rglob("*") if folder.is_dir() else ():
        if path.is_file():
            try:
                record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
                yield record["log"][0], float(record["endtime"]) - float(record["starttime"])
            except (OSError, ValueError, KeyError, IndexError, TypeError):
                continue


def _archive_mb(url: str) -> float:
    import requests

    try:
        answer = requests.head(url, allow_redirects=True, timeout=10)
        return int(answer.headers["Content-Length"]) / 1e6 if answer.ok else math.nan
    except (requests.RequestException, KeyError, ValueError):
        return math.nan


def _repository_mb(published: dict[str, Any], endpoint: str | None) -> float:
    from huggingface_hub import HfApi

    from auscult.errors import HubError
    from auscult.models.hub.errors import hub_errors

    repository, revision = published["repository"], published["revision"]
    try:
        with hub_errors(repository, revision, endpoint):
            info = HfApi(endpoint=endpoint).model_info(repository, revision=revision, files_metadata=True, timeout=10)
    except HubError:
        return math.nan
    sizes = {entry.rfilename: entry.size or 0 for entry in info.siblings or []}
    # One form of the weights is fetched, safetensors if there are any.
    weights = [name for name in sizes if name.endswith(".safetensors")] or [
        name for name in sizes if name.endswith(".bin")
    ]
    return sum(sizes[name] for name in weights) / 1e6
