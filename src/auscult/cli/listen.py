"""``auscult listen``: a study with a section ``listen`` is written for recordings and models, and its page is built."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auscult.cli import workflow
from auscult.cli.listen_sources import HeardFolder, HeardModel
from auscult.cli.locks import release_lock
from auscult.cli.new import study_template
from auscult.cli.places import StudyPlace, open_study, repository
from auscult.errors import ConfigError
from auscult.study.directories import build_owner

__all__ = ["PlannedPage", "plan_page", "write_listen_study", "build"]

STUDY = "study.yaml"
_MIN_SPEAKERS = 2


@dataclass(frozen=True)
class PlannedPage:
    """What the page will show: recordings, models, lanes, and what is left out with the reasons."""

    speech: HeardFolder
    listeners: Sequence[HeardModel]
    lanes: Sequence[str]
    notes: Sequence[str]
    drawn: int
    hardest: int
    title: str
    device: str


def plan_page(
    speech: HeardFolder,
    listeners: Sequence[HeardModel],
    *,
    drawn: int,
    hardest: int,
    title: str = "",
    device: str = "auto",
) -> PlannedPage:
    """Return the lanes that recordings and models allow, and the others with the reasons.

    Raises
    ------
    ConfigError
        Nothing of the models can be shown.
    """
    labels = ", ".join(one.label for one in listeners)
    reasons = {
        "probe": _no_probe(speech, speech.n_phones, "phones"),
        "tone": _no_probe(speech, speech.n_tones, "tones"),
        "spelling": "" if any(one.has_ctc_head for one in listeners) else f"no CTC head in {labels}",
        "mixing": "" if "word" in speech.tiers else "the recordings have no words with times",
    }
    lanes = [lane for lane, reason in reasons.items() if not reason]
    # Most languages have no tones: that is not said.
    told = {lane: reason for lane, reason in reasons.items() if reason and (lane != "tone" or speech.n_tones)}
    notes = [f"lane {lane}: {reason}" for lane, reason in told.items()]
    if not lanes:
        raise ConfigError(
            f"expected recordings or models of which a layer can be shown, found {'; '.join(notes)}: put alignments "
            "beside the recordings (auscult align makes them from texts), or name a recogniser"
        )
    ranked = {"probe", "tone"} & {*lanes} or ("spelling" in lanes and speech.has_texts)
    return PlannedPage(
        speech, listeners, lanes, notes, drawn, hardest if ranked else 0, title or f"{labels} on {speech.name}", device
    )


def write_listen_study(page: PlannedPage, output: Path) -> StudyPlace:
    """Write the study of a page into a folder and return it, checked; an earlier one of the same name is replaced.

    Raises
    ------
    ConfigError
        The folder holds something else, or lies within the recordings or they in it.
    """
    output = output.expanduser().absolute()
    name, file, recordings = f"listen-{page.speech.name}", output / STUDY, Path(page.speech.path)
    if output.resolve().is_relative_to(recordings) or recordings.is_relative_to(output.resolve()):
        raise ConfigError(f"expected an output folder apart from the recordings in {recordings}, found {output}; name "
                          "another one by --output")  # fmt: skip
    owner = build_owner(output)
    others = output.is_dir() and any(output.iterdir()) and not file.is_file()
    if others or output.is_file() or (owner is not None and owner.study != name):
        raise ConfigError(
            f"expected a new folder, or that of an earlier auscult listen {page.speech.name}, found other files in "
            f"{output}; name another one by --output"
        )
    text = study_template("listen").render(
        schema=os.path.relpath(repository() / "workflow" / "schemas" / "config.schema.yaml", output),
        file=file,
        directory=output,
        name=name,
        title=page.title,
        device=page.device,
        endpoint=next((one.endpoint for one in page.listeners if one.endpoint), ""),
        speech=page.speech,
        listeners=page.listeners,
        lanes=list(page.lanes),
        drawn=page.drawn,
        hardest=page.hardest,
        notes=list(page.notes),
    )
    new = not output.exists()
    output.mkdir(parents=True, exist_ok=True)
    partial = output / f".partial-{STUDY}"
    try:
        partial.write_text(text.rstrip() + "\n", encoding="utf-8")
        open_study(partial, output)  # what is written has passed the checks of every study
        partial.replace(file)
    except BaseException:
        partial.unlink(missing_ok=True)
        if new:
            output.rmdir()
        raise
    return open_study(file, output)


def build(place: StudyPlace, cores: str) -> int:
    """Build the page of a study by Snakemake, with the progress line, and return the exit status."""
    release_lock(place.directory)
    return workflow.call(workflow.command(place, ["--cores", cores, "--logger", "auscult"], ["listen"]))


def _no_probe(speech: HeardFolder, n_classes: int, what: str) -> str:
    """Return why no probe can be fitted that tells phones, or tones, apart; empty if one can."""
    if n_classes < 2:
        return f"the recordings have no {what} with times"
    if speech.unnamed:
        return f"the speakers are not known: {speech.unnamed}"
    if speech.n_speakers < _MIN_SPEAKERS:
        return f"{speech.n_speakers} speaker, and a probe that hears unseen voices needs {_MIN_SPEAKERS}"
    return ""
