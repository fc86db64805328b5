"""Targets and runs of ABX, as they follow from a checked study."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from auscult.study.configuration import runs_of
from auscult.study.places import local_path

__all__ = ["segment_targets", "item_file_targets", "scored_runs"]

Config = Mapping[str, Any]


def segment_targets(config: Config, corpus: str) -> list[dict[str, Any]]:
    """Return the targets of a corpus that compare its segments, each with its name."""
    return [target for target in _targets(config, corpus) if "items" not in target]


def item_file_targets(config: Config, corpus: str, folder: Path) -> list[dict[str, Any]]:
    """Return the targets of a corpus that compare items of a file, each with its name.

    Parameters
    ----------
    config : a checked study
    corpus : name of the corpus
    folder : of the study's file; a relative path of an item file starts there
    """
    return [
        {**target, "items": local_path({"path": target["items"]}, folder)}
        for target in _targets(config, corpus)
        if "items" in target
    ]


def scored_runs(config: Config) -> Iterator[tuple[str, str, str, bool]]:
    """Yield (corpus, model, step, from item files) for every table of scores, segments before item files."""
    for corpus, model, step in runs_of(config, "abx"):
        for from_files in sorted({"items" in target for target in _targets(config, corpus)}):
            yield corpus, model, step, from_files


def _targets(config: Config, corpus: str) -> list[dict[str, Any]]:
    section = config["analyses"]["abx"]
    return [{"name": name, **section["targets"][name]} for name in section["corpora"][corpus]]
