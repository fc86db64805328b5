"""The directory of a study: one study per directory, and the commands that Snakemake would misread."""

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auscult.errors import ConfigError
from auscult.study.reading import check_file, read_study

__all__ = ["Owner", "build_owner", "default_directory", "check_directory", "keep_owner", "last_host", "check_command"]

_RECORD = Path(".snakemake/auscult/study.json")
_RESULTS = ("results", "resources")


@dataclass(frozen=True)
class Owner:
    """The study whose results a directory holds.

    Parameters
    ----------
    study : name of the study
    file : absolute path of its file; empty if unknown
    """

    study: str
    file: str = ""


def default_directory(study: str, file: Path, root: Path) -> Path:
    """Return the directory in which a study is built by default.

    This is the repository for its own ``config.yaml``, and otherwise ``runs/{study}`` beside the study file, or beside
    the folder ``studies`` that holds it.

    Parameters
    ----------
    study : name of the study
    file : study file
    root : folder of the repository
    """
    file = file.absolute()
    if file == root / "config.yaml":
        return root
    base = file.parent.parent if file.parent.name == "studies" else file.parent
    return base / "runs" / study


def check_directory(config: Mapping[str, Any], file: Path, directory: Path, root: Path) -> str:
    """Check that a directory holds no results of another study; return a warning, or an empty text.

    Parameters
    ----------
    config : configuration as read, possibly invalid
    file : study file
    directory : directory in which the study is started
    root : folder of the repository, which belongs to its own ``config.yaml``

    Raises
    ------
    ConfigError
        The directory holds results of another study, or is the repository and the study is not that of
        ``config.yaml``.
    """
    study, file = str(config.get("study", "")), file.absolute()
    owner = _owner(directory, root)
    if not study or owner is None:
        return ""
    if owner.study != study and not _same_file(owner.file, file):
        meant = os.path.relpath(default_directory(study, file, root), directory)
        shown = os.path.relpath(file, directory)
        raise ConfigError(
            f"expected a directory of its own for study {study!r}, found the one of study {owner.study!r} "
            f"({directory}), whose results would be overwritten; run: snakemake --cores 2 --configfile {shown} "
            f"--directory {meant}"
        )
    if owner.file and not _same_file(owner.file, file) and Path(owner.file).exists():
        return (
            f"the results in {directory} were built from {owner.file}; {file} has the same name, study: {study}, and "
            "replaces them where they differ"
        )
    return ""


def keep_owner(config: Mapping[str, Any], file: Path, directory: Path) -> None:
    """Record that a directory belongs to a study, and the machine, when the study starts to build there."""
    path = directory / _RECORD
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {"study": config["study"], "file": str(file.absolute()), "host": platform.node()}
    path.write_text(json.dumps(record), encoding="utf-8")


def build_owner(directory: Path) -> Owner | None:
    """Return the study that was last started in a directory, or that its figures name; None if neither is recorded."""
    try:
        found = json.loads((directory / _RECORD).read_text(encoding="utf-8"))
        return Owner(found["study"], found["file"])
    except (OSError, ValueError, KeyError, TypeError):
        return _owner_of_figures(directory)


def last_host(directory: Path) -> str:
    """Return the name of the machine on which a study was last started in a directory; empty if unknown."""
    try:
        return str(json.loads((directory / _RECORD).read_text(encoding="utf-8"))["host"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def check_command(arguments: Sequence[str]) -> None:
    """End the process with one line if Snakemake would misread its command line; called by ``profiles/default``.

    ``--configfile`` takes all arguments up to the next option, hence also targets, which Snakemake would read as
    further study files. Snakemake reports an unreadable file by a traceback, and reads a repeated key without a word.

    Parameters
    ----------
    arguments : command line without the name of the program
    """
    try:
        _check_configfiles(list(arguments))
    except ConfigError as error:
        print(f"auscult: {error}", file=sys.stderr)
        sys.exit(2)


def _check_configfiles(arguments: list[str]) -> None:
    for place, argument in enumerate(arguments):
        if argument == "--":
            return
        option, _, value = argument.partition("=")
        if not (option.startswith("--configf") and "--configfiles".startswith(option)):
            continue
        given = [value] if value else []
        for following in () if value else arguments[place + 1 :]:
            if following.startswith("-"):
                break
            given.append(following)
        swallowed = [name for name in given[1:] if Path(name).suffix.lower() not in (".yaml", ".yml", ".json")]
        if swallowed:
            kept = " ".join(name for name in given if name not in swallowed)
            raise ConfigError(
                f"expected study files after {option}, found {swallowed[0]!r}, which Snakemake would read as one; put "
                f"targets after `--`: {option} {kept} -- {' '.join(swallowed)}"
            )
        for name in given:
            check_file(name)


def _owner(directory: Path, root: Path) -> Owner | None:
    if directory.resolve() == root.resolve():
        default = root / "config.yaml"
        return Owner(str(read_study(default).get("study", "")), str(default)) if default.is_file() else None
    if not any((directory / name).exists() for name in _RESULTS):
        return None  # the results were deleted, or nothing was built yet
    return build_owner(directory)


def _owner_of_figures(directory: Path) -> Owner | None:
    """Return the study named by the provenance of a figure; for results built before directories had a record."""
    for path in sorted(directory.glob("results/figures/*.json")):
        try:
            return Owner(str(json.loads(path.read_text(encoding="utf-8"))["study"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def _same_file(first: str, second: Path) -> bool:
    return bool(first) and Path(first).resolve() == second.resolve()
