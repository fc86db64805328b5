"""Folders, files and languages that a study names: their paths, and checks that they exist."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auscult.errors import ConfigError
from auscult.requirements import Config
from auscult.study.arrays import arrays_entry

__all__ = ["local_path", "check_places", "check_languages"]


def local_path(entry: Mapping[str, Any], folder: Path) -> str:
    """Return the path of a corpus, model or file, relative to the working directory.

    Parameters
    ----------
    entry : entry with a ``path``; a relative path starts at ``folder``
    folder : folder of the study file
    """
    return os.path.relpath(folder / Path(entry["path"]).expanduser())


def check_places(config: Config, folder: Path) -> None:
    """Check that all folders and files that a study names exist.

    Parameters
    ----------
    config : checked study
    folder : folder of the study file, where relative paths start

    Raises
    ------
    ConfigError
        A corpus, model, item file or file of word vectors does not exist.
    """
    for section in ("corpora", "models"):
        for name, entry in config[section].items():
            if entry["source"] == "folder":
                _check_folders(f"{section}: {name}", entry, folder)
    _check_arrays(config, folder)
    for name, target in config["analyses"].get("abx", {"targets": {}})["targets"].items():
        if "items" in target:
            _check_file({"path": target["items"]}, folder, f"abx: targets: {name}: items", "an item file")
    for name, entry in config["analyses"].get("similarity", {"references": {}})["references"].items():
        if entry["space"] == "vectors":
            _check_file(entry, folder, f"similarity: references: {name}: path", "a file")


def check_languages(config: Config, spoken: list[str], written: list[str]) -> None:
    """Check that the languages and grammars of synthesised corpora have a lexicon.

    Parameters
    ----------
    config : checked study
    spoken : languages with a lexicon for speech
    written : grammars with a lexicon for text

    Raises
    ------
    ConfigError
        A language or grammar has no lexicon.
    """
    for name, entry in config["corpora"].items():
        if entry["source"] == "text" and entry["grammar"] not in written:
            raise ConfigError(
                f"expected a grammar among {', '.join(written)} in corpora: {name}, found "
                f"{entry['grammar']!r}; correct it, or add its lexicon and rules to lexicons/text"
            )
        missing = [language for language in entry.get("languages", []) if language not in spoken]
        if missing:
            raise ConfigError(
                f"expected languages among {', '.join(spoken)} in corpora: {name}, found {missing[0]!r}; "
                "correct it, or add its lexicon and rules"
            )


def _check_arrays(config: Config, folder: Path) -> None:
    """Require the files of arrays of every corpus and step that an analysis reads."""
    for analysis in config["analyses"].values():
        pairs = [
            (name, corpus)
            for corpus in analysis.get("corpora", ())
            for name in (*analysis.get("models", ()), *analysis.get("also", {}).get(corpus, ()))
            if config["models"][name]["source"] == "arrays"
        ]
        for name, corpus in pairs:
            for step in config["models"][name].get("steps", ["final"]):
                entry = arrays_entry(config["models"][name], corpus, str(step), folder)
                absent = [key for key in ("path", "segments") if key in entry and not Path(entry[key]).exists()]
                if absent:
                    raise ConfigError(
                        f"expected arrays of corpus {corpus}, step {step}, at models: {name}: {absent[0]}, found none "
                        f"at {entry[absent[0]]}; a relative path starts at the study's file"
                    )


def _check_folders(where: str, entry: Mapping[str, Any], folder: Path) -> None:
    paths = {f"steps: {step}": path for step, path in entry.get("steps", {}).items()} or {"path": entry["path"]}
    places = {key: local_path({"path": path}, folder) for key, path in paths.items()}
    absent = [key for key, place in places.items() if not Path(place).is_dir()]
    if absent:
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        raise ConfigError(
            f"expected a folder at {where}: {absent[0]}{more}, found none at {places[absent[0]]}; a relative path "
            "starts at the study's file"
        )


def _check_file(entry: Mapping[str, Any], folder: Path, where: str, kind: str) -> None:
    path = local_path(entry, folder)
    if not Path(path).is_file():
        raise ConfigError(
            f"expected {kind} at analyses: {where}, found none at {path}; a relative path starts at the study's file"
        )
