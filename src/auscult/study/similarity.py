"""Runs, reference spaces and settings of similarity, as they follow from a checked study."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auscult.study.configuration import runs_of, steps_of
from auscult.study.places import local_path

__all__ = ["compared_runs", "reference_runs", "reference_spaces", "vector_files", "between_models"]

Config = Mapping[str, Any]


def compared_runs(config: Config, corpus: str) -> list[tuple[str, str]]:
    """Return the (model, step) that are compared with each other on a corpus, the steps of a model in order."""
    return [(model, step) for name, model, step in runs_of(config, "similarity") if name == corpus]


def reference_runs(config: Config, model: str) -> list[tuple[str, str]]:
    """Return the (model, last step) whose activations are reference spaces of a model, other than the model itself."""
    references = config["analyses"]["similarity"]["references"].values()
    named = dict.fromkeys(entry["model"] for entry in references if entry["space"] == "activations")
    return [(name, steps_of(name, config["models"][name])[-1]) for name in named if name != model]


def reference_spaces(config: Config, folder: Path) -> dict[str, dict[str, Any]]:
    """Return the entries of all reference spaces, files of word vectors relative to the working directory.

    Parameters
    ----------
    config : a checked study
    folder : of the study's file, where relative paths start
    """
    references = config["analyses"]["similarity"]["references"]
    return {
        name: {**entry, "path": local_path(entry, folder)} if entry["space"] == "vectors" else entry
        for name, entry in references.items()
    }


def vector_files(config: Config, folder: Path) -> list[str]:
    """Return the files of word vectors that serve as reference spaces."""
    return [entry["path"] for entry in reference_spaces(config, folder).values() if entry["space"] == "vectors"]


def between_models(config: Config) -> dict[str, Any]:
    """Return the settings on which comparisons between models depend: all but the metrics between references."""
    section = config["analyses"]["similarity"]
    measures = {name: value for name, value in section["measures"].items() if name != "metrics"}
    return {name: section[name] for name in ("tier", "layer_metrics", "n_items")} | {"measures": measures}
