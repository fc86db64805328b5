"""Progress of a build in one line: jobs done, time elapsed, time left as expected from costs, and what runs now.

On a terminal the line is rewritten in place; elsewhere it is printed when a job ends, at most every ten seconds.
Snakemake passes its events on by ``--logger auscult`` (package ``snakemake_logger_plugin_auscult``), and the workflow
its jobs when it starts, by :func:`expect`.
"""

import math
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from auscult.cli.places import StudyPlace
from auscult.cli.work import kind_of
from auscult.cli.workflow import Job

__all__ = ["Progress", "describe", "duration", "expect", "listen", "planned_jobs"]

_EVERY_S = 10.0
_TAIL = 8
# Expected minutes of finished jobs from which their true time corrects what is expected of the others.
_LEARNED_MIN = 0.5
_WORDS = {
    "synthesise_corpus": "synthesising speech",
    "synthesise_nonspeech": "synthesising sounds",
    "write_text_corpus": "writing text",
    "download_corpus": "downloading recordings",
    "download_alignments": "downloading alignments",
    "import_archive": "importing recordings",
    "import_folder": "importing recordings",
    "check_needs": "checking what the study needs",
    "initialise_checkpoint": "initialising",
    "fetch_checkpoint": "fetching a checkpoint",
    "import_checkpoint": "importing a checkpoint",
    "train_model": "training",
    "train_language_model": "training a language model",
    "train_translators": "training translators",
    "finetune_model": "fine-tuning",
    "extract_activations": "extracting vectors",
    "figure": "drawing",
    "claims": "judging claims",
    "talk": "writing the page",
    "listening_lanes": "computing what is heard",
    "listen": "writing the listening page",
}
_listeners: list["Progress"] = []


def describe(rule: str, wildcards: Mapping[str, str]) -> str:
    """Return what a job does in words: ``training hubert``, ``probing english, mfcc, 0``, ``drawing tone``.

    Parameters
    ----------
    rule : name of the rule
    wildcards : its wildcards by name
    """
    kind = kind_of(rule)
    words = _WORDS.get(kind) or kind.removesuffix("_run").replace("_", " ")
    rest = rule.replace("extract_part_", "extract_activations_", 1).removeprefix(kind).strip("_").replace("_", "-")
    return " ".join(filter(None, [words, rest if kind != rule else "", ", ".join(map(str, wildcards.values()))]))


def duration(seconds: float) -> str:
    """Return a duration in words: ``40 s``, ``12 min``, ``1 h 05 min``."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


@dataclass
class Progress:
    """Progress of a build.

    Parameters
    ----------
    stream : terminal or file that it is written to
    clock : time in s
    n_cores : number of cores
    """

    stream: TextIO
    clock: Callable[[], float] = time.monotonic
    n_cores: int = 1
    total: int = 0
    done: int = 0
    n_failed: int = 0
    minutes: dict[int, float] = field(default_factory=dict)  # expected, by job
    chains: dict[int, list[int]] = field(default_factory=dict)  # jobs that a job waits for
    running: dict[int, tuple[str, float]] = field(default_factory=dict)  # words, and when it began
    ended: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._lock, self._stop = threading.RLock(), threading.Event()
        self._started = self.clock()
        self._printed, self._last = -math.inf, ""
        self._expected_min = self._true_min = 0.0
        self._is_terminal = self.stream.isatty()

    def start(self, total: int) -> None:
        """Begin a build of a number of jobs; on a terminal, the line moves on every second from now on."""
        with self._lock:
            self.total, self._started = total, self.clock()
        if self._is_terminal:
            threading.Thread(target=self._tick, daemon=True).start()

    def expect(self, minutes: Mapping[int, float], chains: Mapping[int, Sequence[int]]) -> None:
        """Set the expected processor minutes of each job (NaN if unknown), and the jobs that it waits for."""
        with self._lock:
            self.minutes, self.chains = dict(minutes), {job: list(before) for job, before in chains.items()}

    def begin(self, job: int, rule: str, wildcards: Mapping[str, str]) -> None:
        """Add a job to those that run."""
        with self._lock:
            self.running[job] = (describe(rule, wildcards), self.clock())
            self._draw()

    def finish(self, job: int) -> None:
        """Take a job from those that run, and learn from its time."""
        with self._lock:
            self._last, began = self.running.pop(job, ("", self.clock()))
            self.ended.add(job)
            if math.isfinite(self.minutes.get(job, math.nan)):
                self._expected_min += self.minutes[job]
                self._true_min += (self.clock() - began) / 60

    def count(self, done: int, total: int) -> None:
        """Set the number of jobs that are done, and of all."""
        with self._lock:
            self.done, self.total = done, total
            self._draw(is_end=True)

    def fail(self, job: int, rule: str, logs: Iterable[str]) -> None:
        """Report a failed job: what it did, its log files and their last lines."""
        with self._lock:
            words, _ = self.running.pop(job, (describe(rule, {}), 0.0))
            self.ended.add(job)
            self.n_failed += 1
            lines = [f"failed: {words} (rule {rule})"]
            for log in map(Path, logs):
                lines.append(f"  its log: {log.absolute()}")
                lines += [f"  | {line}" for line in _tail(log)]
            self.say("\n".join(lines))

    def say(self, text: str) -> None:
        """Print a message above the line."""
        with self._lock:
            self.stream.write(f"\r\x1b[K{text}\n" if self._is_terminal else f"{text}\n")
            self.stream.flush()
            self._draw()

    def stop(self) -> None:
        """Replace the line by a summary; nothing if no job was to run."""
        self._stop.set()
        with self._lock:
            if not self.total:
                return
            failed = f", {self.n_failed} failed" if self.n_failed else ""
            more = "; the same command continues the build" if self.done < self.total else ""
            total, self.total = self.total, 0
            self.say(f"{self.done} of {total} jobs done{failed} in {duration(self.clock() - self._started)}{more}")

    def line(self) -> str:
        """Return the line: jobs done, time elapsed and left, and what runs now."""
        parts = [f"{self.done} of {self.total} jobs", duration(self.clock() - self._started)]
        if left := self._left():
            parts.append(left)
        now = [words for words, _ in self.running.values()]
        return " · ".join([*parts, *(["now: " + "; ".join(now)] if now else [])])

    def _left(self) -> str:
        """Return the expected time left: no less than the longest chain of jobs, nor than an equal share."""
        known = {job: minutes for job, minutes in self.minutes.items() if math.isfinite(minutes)}
        if not known:
            return ""
        speed = self._true_min / self._expected_min if self._expected_min >= _LEARNED_MIN else 1.0
        rest = {job: speed * minutes for job, minutes in known.items() if job not in self.ended}
        for job in rest.keys() & self.running.keys():
            rest[job] = max(rest[job] - (self.clock() - self.running[job][1]) / 60, 0.0)
        ends: dict[int, float] = {}

        def end(job: int) -> float:
            if job not in ends:
                ends[job] = rest.get(job, 0.0) + max(map(end, self.chains.get(job, ())), default=0.0)
            return ends[job]

        left = max(max(map(end, rest), default=0.0), sum(rest.values()) / self.n_cores)
        unknown = any(math.isnan(self.minutes[job]) for job in self.minutes.keys() - self.ended)
        return f"about {duration(60 * left)} left" + (" and what is downloaded first" if unknown else "")

    def _draw(self, is_end: bool = False) -> None:
        if not self.total:
            return
        if self._is_terminal:
            columns = shutil.get_terminal_size().columns
            text = self.line()
            self.stream.write(f"\r{text if len(text) < columns else text[: columns - 2] + '…'}\x1b[K")
        elif is_end and self.clock() - self._printed >= _EVERY_S:
            self._printed = self.clock()
            last = f" · done: {self._last}" if self._last else ""
            self.stream.write(f"{self.line()}{last}\n")
        self.stream.flush()

    def _tick(self) -> None:
        while not self._stop.wait(1):
            with self._lock:
                self._draw()


def listen(progress: Progress) -> None:
    """Make a progress line the one that :func:`expect` tells of the jobs of this process."""
    _listeners[:] = [progress]


def planned_jobs(found: Iterable[Any]) -> dict[int, Job]:
    """Return jobs of Snakemake by their number.

    Parameters
    ----------
    found : objects with the attributes of ``snakemake.jobs.Job``
    """
    return {
        job.jobid: Job(
            job.rule.name,
            tuple(map(str, job.input)),
            tuple(map(str, job.output)),
            wildcards={name: str(value) for name, value in job.wildcards_dict.items()},
            benchmark=str(job.benchmark or ""),
            log=str(next(iter(job.log), "")),
            threads=job.threads,
        )
        for job in found
    }


def expect(place: StudyPlace, found: Callable[[], Iterable[Any]]) -> None:
    """Tell the progress line what the jobs of a build will take; without one, nothing is computed.

    Parameters
    ----------
    place : study and its directory
    found : returns the jobs that will run, as in :func:`planned_jobs`
    """
    if not _listeners:
        return
    from auscult.cli.cost import job_costs, machine_factor

    jobs = planned_jobs(found())
    numbers = [number for number, job in jobs.items() if job.outputs]
    costs = job_costs(place, [jobs[number] for number in numbers], machine_factor())
    maker = {output: number for number, job in jobs.items() for output in job.outputs}
    chains = {number: sorted({maker[path] for path in job.inputs if path in maker}) for number, job in jobs.items()}
    for progress in _listeners:
        progress.expect({number: cost.minutes for number, cost in zip(numbers, costs)}, chains)


def _tail(log: Path) -> list[str]:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ["(there is no such file: the job did not start)"]
    return [line for line in lines if line.strip()][-_TAIL:]
