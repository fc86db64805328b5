"""Snakemake as a program: its command for a study, and its plan as jobs."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from auscult.cli.places import StudyPlace
from auscult.errors import ConfigError
from auscult.requirements import suggestion

__all__ = ["Job", "ENDINGS", "command", "call", "plan", "figure_targets", "divide_arguments"]

ENDINGS = ("pdf", "svg", "png", "csv", "json", "rst")
_RULE = re.compile(r"^(?:local)?(?:rule|checkpoint) (\w+):$")
_FIELD = re.compile(r"^    (\w+): (.*)$")


@dataclass(frozen=True)
class Job:
    """A job that Snakemake would run.

    Parameters
    ----------
    rule : name of the rule
    inputs, outputs : paths relative to the directory of the study
    reason : why it has to run, in Snakemake's words
    wildcards : values of the wildcards of the rule, by name
    benchmark : file with the time and memory of an earlier run; empty if the rule keeps none
    log : log file; empty if the rule has none
    mem_mb, threads : memory and threads that the rule asks for
    """

    rule: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    reason: str = ""
    wildcards: dict[str, str] = field(default_factory=dict)
    benchmark: str = ""
    log: str = ""
    mem_mb: int = 0
    threads: int = 1


def command(place: StudyPlace, options: Sequence[str] = (), targets: Sequence[str] = ()) -> list[str]:
    """Return the Snakemake command for a study.

    Parameters
    ----------
    place : study and its directory
    options : further options of Snakemake
    targets : rules or files to build; none means all
    """
    given = ["--snakefile", str(place.root / "Snakefile"), "--configfile", str(place.file)]
    given += ["--directory", str(place.directory), *options]
    return [sys.executable, "-m", "snakemake", *given, *(["--", *targets] if targets else [])]


def call(arguments: Sequence[str]) -> int:
    """Run a command in the foreground and return its exit status; Ctrl-C reaches it and is left to it."""
    with subprocess.Popen(arguments, env=_environment()) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


def plan(place: StudyPlace, options: Sequence[str] = (), targets: Sequence[str] = ()) -> list[Job]:
    """Return the jobs that Snakemake would run, by a dry run.

    Parameters
    ----------
    place, options, targets : as in :func:`command`

    Raises
    ------
    ConfigError
        Snakemake cannot plan the study; the message is that of the workflow.
    """
    arguments = command(place, ["--dry-run", "--cores", "1", "--nocolor", *options], targets)
    with _existing(place.directory):
        done = subprocess.run(arguments, capture_output=True, env=_environment())
    printed = done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")
    if done.returncode:
        raise ConfigError(_reason(printed))
    return list(_parse(printed))


def figure_targets(place: StudyPlace, names: Iterable[str]) -> list[str]:
    """Return the targets of figures named by the user; names with a slash are files and kept.

    Raises
    ------
    ConfigError
        The study has no such figure.
    """
    figures, targets = list(place.config["figures"]), []
    rules = ("all", "talk", "corpora", "checkpoints", "figures", *(["listen"] if place.config.get("listen") else []))
    for name in names:
        if name in figures:
            targets += [f"results/figures/{name}.{ending}" for ending in ENDINGS]
        elif "/" in name or name in rules:
            targets.append(name)
        else:
            raise ConfigError(
                f"expected a figure of study {place.config['study']!r} ({', '.join(figures)}), a file, or one of "
                f"{', '.join(rules)}, found {name!r}{suggestion(name, figures)}"
            )
    return targets


def divide_arguments(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the figures at the start of the arguments, and the options of Snakemake that follow."""
    first = next((place for place, argument in enumerate(arguments) if argument.startswith("-")), len(arguments))
    options = list(arguments[first:])
    return list(arguments[:first]), options[1:] if options[:1] == ["--"] else options


@contextmanager
def _existing(directory: Path) -> Iterator[None]:
    """Make a directory for the block; remove it and its parents afterwards if they did not exist, for a mere look."""
    made = [parent for parent in (directory, *directory.parents) if not parent.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        if made:
            shutil.rmtree(made[-1])


def _environment() -> dict[str, str]:
    # Snakemake and the jobs read and write UTF-8 whatever the locale is.
    package = str(Path(__file__).parents[2])
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {**os.environ, "PYTHONUTF8": "1", "PYTHONPATH": os.pathsep.join(dict.fromkeys([*paths, package]))}


def _reason(printed: str) -> str:
    for line in printed.splitlines():
        if "auscult: " in line:
            return line.partition("auscult: ")[2]
    lines = [line for line in printed.splitlines() if line.strip()]
    if any("LockException" in line or "cannot be locked" in line for line in lines):
        return "expected no other run in this directory, found a lock; wait for it, or run snakemake --unlock"
    return "expected a plan of the study, found an error of Snakemake: " + " ".join(lines[-6:])[-400:]


def _parse(printed: str) -> Iterator[Job]:
    rule = ""
    fields: dict[str, str] = {}
    for line in [*printed.splitlines(), ""]:
        if found := _RULE.match(line):
            rule, fields = found[1], {}
        elif rule and (found := _FIELD.match(line)):
            fields[found[1]] = found[2]
        elif rule and not line.startswith("    "):
            yield _job(rule, fields)
            rule = ""


def _job(rule: str, fields: dict[str, str]) -> Job:
    def listed(name: str) -> tuple[str, ...]:
        return tuple(fields[name].split(", ")) if name in fields else ()

    memory = re.search(r"mem_mb=(\d+)", fields.get("resources", ""))
    return Job(
        rule,
        listed("input"),
        listed("output"),
        fields.get("reason", ""),
        dict(entry.split("=", 1) for entry in listed("wildcards") if "=" in entry),
        fields.get("benchmark", ""),
        fields.get("log", ""),
        int(memory[1]) if memory else 0,
        int(fields.get("threads", "1")),
    )
