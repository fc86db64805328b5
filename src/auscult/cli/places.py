"""Places that a command needs: the repository, the study file, and the directory of the study."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import auscult
from auscult.errors import ConfigError
from auscult.requirements import suggestion
from auscult.study.directories import check_directory, default_directory
from auscult.study.loading import load_study
from auscult.study.reading import read_study

__all__ = ["StudyPlace", "repository", "open_study", "base_schema"]


@dataclass(frozen=True)
class StudyPlace:
    """A checked study and where it is built.

    Parameters
    ----------
    file : absolute path of the study file
    directory : absolute path of the directory in which it is built
    root : folder of the repository
    config : configuration with all defaults
    """

    file: Path
    directory: Path
    root: Path
    config: Mapping[str, Any]


def repository() -> Path:
    """Return the folder of the repository, which holds the Snakefile.

    Raises
    ------
    ConfigError
        Auscult was installed without its repository, and neither ``AUSCULT_ROOT`` nor the current folder names one.
    """
    named = os.environ.get("AUSCULT_ROOT")
    for place in [*([Path(named)] if named else []), *Path(auscult.__file__).parents[2:3], Path.cwd()]:
        if (place / "workflow" / "rules" / "common.smk").is_file():
            return place.absolute()
    raise ConfigError(
        f"expected the repository of Auscult, found no Snakefile in {Path.cwd()}; run the command in a clone, or set "
        "AUSCULT_ROOT to its folder"
    )


def base_schema(root: Path) -> dict[str, Any]:
    """Return the schema of a study without its analyses and figures.

    Parameters
    ----------
    root : folder of the repository
    """
    return read_study(root / "workflow" / "schemas" / "study.schema.yaml")


def open_study(study: str | Path, directory: Path | None = None) -> StudyPlace:
    """Read and check a study; nothing is built and the network is not used.

    Parameters
    ----------
    study : path of a study file, or the name of a study of the repository
    directory : directory in which the study is built; by default the repository for its ``config.yaml``, and
        ``runs/{name}`` beside the study file or its folder ``studies``

    Raises
    ------
    ConfigError
        The study cannot be read or is invalid, or the directory holds another study.
    """
    root = repository()
    file = _find(study, root)
    config = read_study(file)
    place = directory or default_directory(str(config.get("study", "unnamed")), file, root)
    check_directory(config, file, place, root)
    # As if all hub models had been fetched: whether the hub can be reached matters only when the study is built.
    checked = load_study(config, base_schema(root), file.parent, lambda name, model: True)
    return StudyPlace(file, place.absolute(), root, checked.config)


def _find(study: str | Path, root: Path) -> Path:
    path = Path(study).expanduser()
    if path.exists():
        return path.absolute()
    named = {"default": root / "config.yaml"} | {file.stem: file for file in sorted(root.glob("studies/*.yaml"))}
    if str(study) in named:
        return named[str(study)]
    raise ConfigError(
        f"expected a study file at {path}, or one of the studies {', '.join(named)}, found neither"
        f"{suggestion(str(study), list(named))}; correct the path"
    )
