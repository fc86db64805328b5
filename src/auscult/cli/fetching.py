"""Downloads of a study: archives of corpora and checkpoints of hub models."""

from pathlib import Path
from urllib.parse import urlsplit

from auscult.cli.places import StudyPlace
from auscult.study.configuration import steps_of
from auscult.study.published_checkpoints import published_checkpoint

__all__ = ["download_targets"]


def download_targets(place: StudyPlace) -> list[str]:
    """Return the files that a study downloads, relative to its directory.

    Parameters
    ----------
    place : study and its directory
    """
    targets = []
    for name, corpus in place.config["corpora"].items():
        if corpus["source"] == "fetched":
            targets.append(f"resources/downloads/{name}/{_file(corpus['url'])}")
            if "alignments" in corpus:
                targets.append(f"resources/downloads/{name}/alignments/{_file(corpus['alignments']['url'])}")
    for name, model in place.config["models"].items():
        if model["source"] == "hub":
            steps = [step for step in steps_of(name, model) if published_checkpoint(model, step)]
            targets += [f"resources/checkpoints/{name}/{step}/manifest.json" for step in steps]
    return targets


def _file(url: str) -> str:
    return Path(urlsplit(url).path).name
