"""Recordings of a folder and the label files that belong to them, paired by name."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from auscult.corpora.walk import SourceFiles, natural_stem
from auscult.errors import CorpusError

__all__ = ["AUDIO_ENDINGS", "find_recordings", "pair_recordings", "name_utterances"]

# Formats that libsndfile reads, and others that recordings often have.
AUDIO_ENDINGS = (
    ".wav",
    ".flac",
    ".mp3",
    ".ogg",
    ".oga",
    ".opus",
    ".aif",
    ".aiff",
    ".aifc",
    ".au",
    ".sph",
    ".w64",
    ".rf64",
    ".caf",
)
_UNREADABLE = (".m4a", ".aac", ".mp4", ".wma", ".webm", ".amr", ".3gp", ".mov", ".mkv", ".avi", ".ape", ".wv", ".dsf")
_MAX_NAMED = 10
_MAX_NAME_BYTES = 240


def find_recordings(files: SourceFiles) -> list[Path]:
    """Return the recordings of a folder, sorted.

    Raises
    ------
    CorpusError
        Recordings of the same folder and stem differ in their ending only; all are named together.
    """
    recordings = files.ending_in(*AUDIO_ENDINGS)
    _refuse_repeated(recordings, "one recording of each name", "recordings")
    return recordings


def pair_recordings(files: SourceFiles, labels: Sequence[Path], folder: Path | None = None) -> dict[Path, Path]:
    """Return the recording of every label file; names are compared in Unicode's composed form.

    Parameters
    ----------
    files : files of the folder of recordings
    labels : label files
    folder : folder of the label files, if they are in a tree of their own. A label file then belongs to the recording
        with the same path in the other tree, or else to the only recording of its name, or to the only one of them
        whose path ends in the same folders.

    Raises
    ------
    CorpusError
        Recordings or label files of one name repeat, or label files have no recording or share one; all are named
        together.
    """
    recordings = find_recordings(files)
    _refuse_repeated(labels, "one label file of each name", "label files")
    by_place = {_place(path, files.folder): path for path in recordings}
    by_name: dict[str, list[Path]] = {}
    for path in recordings:
        by_name.setdefault(Path(natural_stem(path)).name, []).append(path)
    found, missing = {}, []
    for label in labels:
        place = _place(label, folder or files.folder)
        recording = by_place.get(place) or (_alike(place, by_name, files.folder) if folder else None)
        if recording is None:
            missing.append(label)
        else:
            found[label] = recording
    if missing:
        raise CorpusError(_missing(missing, files, folder))
    labels_of: dict[Path, list[Path]] = {}
    for label, recording in found.items():
        labels_of.setdefault(recording, []).append(label)
    several = [f"{path}: {' and '.join(map(str, same))}" for path, same in labels_of.items() if len(same) > 1]
    if several:
        raise CorpusError(
            f"expected one label file per recording, found {len(several)} with several: {_listed(several)}; keep one "
            "of each, or name the folder of one set of label files"
        )
    return found


def _alike(place: str, by_name: Mapping[str, Sequence[Path]], folder: Path) -> Path | None:
    """Return the only recording of a name, or the only one of them whose path ends like the label file's."""
    alike = by_name.get(Path(place).name, [])
    if len(alike) > 1:
        ends = {path: f"/{_place(path, folder)}" for path in alike}
        alike = [path for path, end in ends.items() if end.endswith(f"/{place}") or f"/{place}".endswith(end)]
    return alike[0] if len(alike) == 1 else None


def name_utterances(paths: Iterable[Path], folder: Path) -> list[str]:
    """Return a name for every recording: its path below the folder without ending, joined by hyphens.

    Raises
    ------
    CorpusError
        Two paths give the same name, or a name is too long for a file; all are named together.
    """
    paths = list(paths)
    names = [_place(path, folder).replace("/", "-") for path in paths]
    by_name: dict[str, list[Path]] = {}
    for name, path in zip(names, paths):
        by_name.setdefault(name, []).append(path)
    repeated = [f"{' and '.join(map(str, same))} ({name})" for name, same in by_name.items() if len(same) > 1]
    if repeated:
        raise CorpusError(
            f"expected paths that differ when / is replaced by -, found {len(repeated)} that do not: "
            f"{_listed(repeated)}; rename one of each"
        )
    long = [name for name in names if len(name.encode()) > _MAX_NAME_BYTES]
    if long:
        raise CorpusError(
            f"expected names of at most {_MAX_NAME_BYTES} bytes, found {len(long)} longer ones: {_listed(long)}; "
            "shorten the names of files and folders"
        )
    return names


def _place(path: Path, folder: Path) -> str:
    return natural_stem(path.relative_to(folder))


def _refuse_repeated(paths: Iterable[Path], expected: str, what: str) -> None:
    by_stem: dict[str, list[Path]] = {}
    for path in paths:
        by_stem.setdefault(natural_stem(path), []).append(path)
    repeated = [" and ".join(map(str, same)) for same in by_stem.values() if len(same) > 1]
    if repeated:
        raise CorpusError(
            f"expected {expected}, found {len(repeated)} names of several {what}: {_listed(repeated)}; keep one of each"
        )


def _missing(labels: Sequence[Path], files: SourceFiles, folder: Path | None) -> str:
    where = f"below {files.folder}" if folder else "beside each"
    others: Mapping[str, str] = {
        natural_stem(path): path.suffix for path in files.paths if path.suffix.lower() in _UNREADABLE
    }
    named = [
        f"{label} (there is {others[s]})" if (s := natural_stem(label)) in others else str(label) for label in labels
    ]
    convert = any(natural_stem(label) in others for label in labels)
    advice = (
        "convert the recordings to .flac, for instance with ffmpeg"
        if convert
        else "add it or remove the label file, or name the folder of label files that are in a tree of their own "
        "(option alignments)"
    )
    return (
        f"expected a recording of the same name ({', '.join(AUDIO_ENDINGS[:4])} …) {where} label file, found no "
        f"recording for {len(labels)}: {_listed(named)}; {advice}"
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(unicodedata.normalize("NFC", name) for name in names[:_MAX_NAMED]) + more
