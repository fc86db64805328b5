"""Downloads of a study: archives of corpora and checkpoints of hub models."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from auscult.cli.places import StudyPlace
from auscult.study.configuration import steps_of
from auscult.study.published_checkpoints import published_checkpoint

__all__ = ["download_targets", "archives_of"]


def download_targets(place: StudyPlace) -> list[str]:
    """Return the files that a study downloads, relative to its directory.

    Parameters
    ----------
    place : study and its directory
    """
    targets = []
    for name, corpus in place.config["corpora"].items():
        if corpus["source"] == "fetched":
            targets += archives_of(name, corpus)
    for name, model in place.config["models"].items():
        if model["source"] == "hub":
            steps = [step for step in steps_of(name, model) if published_checkpoint(model, step)]
            targets += [f"resources/checkpoints/{name}/{step}/manifest.json" for step in steps]
    return targets


def archives_of(name: str, corpus: Mapping[str, Any]) -> list[str]:
    """Return the archive of a fetched corpus, and that of its alignments if they are published separately.

    Parameters
    ----------
    name : name of the corpus
    corpus : its entry in the study
    """
    folder = f"resources/downloads/{name}"
    archives = [f"{folder}/{_file(corpus['url'])}"]
    if "alignments" in corpus:
        archives.append(f"{folder}/alignments/{_file(corpus['alignments']['url'])}")
    return archives


def _file(url: str) -> str:
    return Path(urlsplit(url).path).name
