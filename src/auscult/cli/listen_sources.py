"""The recordings and models of ``auscult listen``, as they are found in folders, on the hub and in builds."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from auscult.cli.new import fitting_readers, look_at_model, slug
from auscult.corpora.importing import READERS, read_source
from auscult.corpora.pauses import PAUSE
from auscult.corpora.recordings import find_recordings
from auscult.corpora.walk import list_files
from auscult.errors import ConfigError, CorpusError
from auscult.listening.selection import toned_syllables
from auscult.models.checkpoint_format import CONFIG, check_checkpoint

__all__ = ["HeardFolder", "HeardModel", "look_at_recordings", "look_at_listeners"]

_TEXT = ".txt"
_UNNAMED = {"name": "unknown"}


@dataclass(frozen=True)
class HeardFolder:
    """A folder of recordings, as its reader found it.

    Parameters
    ----------
    name : name of the corpus
    path, reader, options : entry of the corpus
    split : split that is shown
    longest_s : longest recording that is shown, in seconds
    n_speakers : number of speakers of these recordings
    tiers : tiers with labels
    n_phones : number of different phones, pauses apart
    n_tones : number of different tones of syllables, as the lane ``tone`` knows them
    has_texts : whether any recording has a text
    unnamed : why the speakers are not known; empty if they are
    summary : one phrase
    """

    name: str
    path: str
    reader: str
    options: Mapping[str, Any] = field(default_factory=dict)
    split: str = "test"
    longest_s: float = 15.0
    n_speakers: int = 1
    tiers: frozenset[str] = frozenset()
    n_phones: int = 0
    n_tones: int = 0
    has_texts: bool = False
    unnamed: str = ""
    summary: str = ""


@dataclass(frozen=True)
class HeardModel:
    """A model that listens: its name and entry in the study, and whether it has a CTC head."""

    name: str
    label: str
    entry: Mapping[str, Any]
    has_ctc_head: bool
    endpoint: str = ""


def look_at_recordings(folder: Path, reader: str, options: Mapping[str, Any], longest_s: float) -> HeardFolder:
    """Read the tables of a folder of recordings and return what the page needs of them.

    Without alignments, recordings are read as a collection; texts (``.txt``) beside all of them are read, too. If the
    paths do not name the speakers, all recordings are those of one unknown speaker, and the reason is kept.

    Parameters
    ----------
    folder : folder of recordings
    reader : its reader; "" finds it from the files
    options : options of the reader
    longest_s : longest recording that is shown, in seconds

    Raises
    ------
    AuscultError
        There are no recordings, several layouts fit, labels cannot be read, or all recordings are too long.
    """
    folder = folder.expanduser()
    if not folder.is_dir():
        raise ConfigError(f"expected a folder of recordings at {folder}, found none; correct the path")
    options = dict(options)
    if not reader:
        reader, options = _find_layout(folder, options)
    if reader not in READERS:
        raise ConfigError(f"expected a reader of speech among {', '.join(READERS)}, found {reader!r}; correct --reader")
    (utterances, segments), options, unnamed = _read(folder, reader, options)
    split = "test" if (utterances["split"] == "test").any() else str(utterances["split"].mode()[0])
    shown = utterances[utterances["split"] == split]
    labelled = shown["utterance"].isin(segments["utterance"])
    shown = shown[labelled] if labelled.any() else shown
    lengths_s = shown["n_samples"] / shown["sample_rate_hz"]
    if lengths_s.min() > longest_s:
        raise ConfigError(
            f"expected recordings of at most {longest_s:g} s below {folder}, found {len(shown)} of "
            f"{lengths_s.min():.1f} to {lengths_s.max():.1f} s; raise --longest-s, or cut them (--option turns=true, "
            "where words are labelled)"
        )
    shown = shown[lengths_s <= longest_s]
    segments = segments[segments["utterance"].isin(shown["utterance"])]
    phones = segments.loc[segments["tier"] == "phone", "label"]
    n_speakers = int(shown["speaker"].nunique())
    speakers = "" if unnamed else f" of {n_speakers} speaker{'' if n_speakers == 1 else 's'}"
    minutes = lengths_s[lengths_s <= longest_s].sum() / 60
    return HeardFolder(
        slug(folder.resolve().name),
        str(folder.resolve()),
        reader,
        options,
        split,
        longest_s,
        n_speakers,
        frozenset(segments["tier"]),
        len(set(phones) - {PAUSE}),
        toned_syllables(segments).get("tone", pd.Series(dtype=str)).nunique(),
        bool((shown["text"].str.strip() != "").any()),
        unnamed,
        f"{len(shown)} recording{'' if len(shown) == 1 else 's'}{speakers}, {minutes:.1f} min",
    )


def look_at_listeners(models: Sequence[str], directory: Path, endpoint: str = "") -> list[HeardModel]:
    """Return the models that are named by a folder, by a repository of the hub, or by a model of a build.

    Parameters
    ----------
    models : folder of a checkpoint, folder of checkpoints by step, ``owner/name@commit``, or name of a model
    directory : directory of a build, whose models can be named
    endpoint : address of the hub; empty for the public one

    Raises
    ------
    ConfigError, CheckpointError
        There is no such model, or it cannot be opened.
    """
    found = [_look_at_listener(model, directory, endpoint) for model in models]
    names: list[str] = []
    for one in found:
        alike = sum(name == one.name or name.startswith(f"{one.name}-") for name in names)
        names.append(f"{one.name}-{alike + 1}" if one.name in names else one.name)
    return [replace(one, name=name) for one, name in zip(found, names)]


def _find_layout(folder: Path, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the reader of a folder and its options: a collection, with texts beside all recordings, by default."""
    readers, _ = fitting_readers(folder, [*READERS])
    if len(readers) > 1:
        raise ConfigError(
            f"expected labels of one layout below {folder}, found {', '.join(readers)}; name one by --reader"
        )
    if readers:
        return readers[0], options
    files = list_files(folder)
    recordings, known = find_recordings(files), {path.as_posix().lower() for path in files.paths}
    texts = [path.with_suffix(_TEXT).as_posix().lower() in known for path in recordings]
    if texts and all(texts):
        options = {"transcripts": _TEXT} | options
    return "collection", options


def _read(
    folder: Path, reader: str, options: dict[str, Any]
) -> tuple[tuple[pd.DataFrame, pd.DataFrame], dict[str, Any], str]:
    """Return the tables of a folder, the options that read it, and why its speakers are not known."""
    try:
        with read_source(reader, folder, options) as (tables, _):
            return tables, options, ""
    except CorpusError as error:
        if "speaker" in options or "speaker" not in inspect.signature(READERS[reader]).parameters:
            raise
        unnamed = {**options, "speaker": _UNNAMED}
        try:
            with read_source(reader, folder, unnamed) as (tables, _):
                return tables, unnamed, str(error)
        except CorpusError:
            raise error from None


def _look_at_listener(model: str, directory: Path, endpoint: str) -> HeardModel:
    folder = Path(model).expanduser()
    built = directory.expanduser() / "resources" / "checkpoints"
    if "/" not in model and not folder.is_dir():
        if not (built / model).is_dir():
            known = ", ".join(sorted(path.name for path in built.glob("*") if path.is_dir())) or "none"
            raise ConfigError(
                f"expected a model folder, owner/name@commit on the hub, or a model of the build in {directory} "
                f"({known}), found {model!r}; correct it, or name the directory of the build by --directory"
            )
        folder = built / model
    if folder.is_dir():
        return _look_at_folder(folder)
    found = look_at_model(model, endpoint)
    if found.has_ctc_head is None:
        raise ConfigError(f"expected the configuration of {model}, found none: the hub cannot be reached; try again "
                          "with a network, or name a folder")  # fmt: skip
    entry: dict[str, Any] = {"label": found.label, "source": "hub", "repository": found.repository}
    entry |= {"revision": found.revision} | ({"allow_pickle": True} if found.allow_pickle else {})
    return HeardModel(found.name, found.label, entry, found.has_ctc_head, found.endpoint)


def _look_at_folder(folder: Path) -> HeardModel:
    """Return the model in a folder: a checkpoint, or one below it for each step of training."""
    steps = {path.parent.name: path.parent for path in sorted(folder.glob(f"*/{CONFIG}"))}
    numbered = sorted((step for step in steps if step.isdigit()), key=int)
    if (folder / CONFIG).is_file() or not steps:
        last, places = folder, {}
    elif numbered:
        last, places = steps[numbered[-1]], {step: steps[step] for step in numbered}
    else:
        last, places = steps.get("final", next(iter(steps.values()))), {}
    found = look_at_model(str(last))
    check_checkpoint(last)
    whole = folder.resolve()
    # The folder of a step is named after its model, too.
    is_step = whole.name.isdigit() or whole.name == "final"
    label = f"{whole.parent.name}, step {whole.name}" if is_step else whole.name
    entry: dict[str, Any] = {"label": label, "source": "folder"}
    if places:
        entry["steps"] = {str(int(step)): str(place.resolve()) for step, place in places.items()}
    else:
        entry["path"] = str(last.resolve())
    return HeardModel(slug(label), label, entry, bool(found.has_ctc_head))
