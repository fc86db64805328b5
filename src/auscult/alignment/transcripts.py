"""Recordings with their transcripts: texts beside them, a table, a corpus of a study, or any known reader."""

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from auscult.corpora.corpus import read_corpus
from auscult.corpora.importing import read_source
from auscult.corpora.readers.rows import RowOptions, find_tables, read_rows
from auscult.corpora.recordings import find_recordings
from auscult.corpora.texts import read_text
from auscult.corpora.walk import SourceFiles, list_files, natural_stem
from auscult.errors import ConfigError, CorpusError, LabelError

__all__ = ["TranscriptOptions", "Transcribed", "Transcripts", "open_transcripts"]

_UTTERANCES = "utterances.parquet"


@dataclass(frozen=True)
class TranscriptOptions:
    """Where the transcripts of a folder of recordings are.

    Parameters
    ----------
    ending : of the files beside the recordings that hold their text
    table : path or pattern of tables of recordings below the folder; "" for texts beside the recordings
    columns : names of columns of the tables, by the names ``recording`` and ``text``
    reader, reader_options : reader of corpora that gives the texts, with its options; "" for none
    splits : splits to align, of tables, readers and corpora of a study; empty for all
    encoding : of files beside the recordings, without byte order mark; "" for UTF-8 or UTF-16
    """

    ending: str = ".txt"
    table: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    reader: str = ""
    reader_options: Mapping[str, Any] = field(default_factory=dict)
    splits: Collection[str] = ()
    encoding: str = ""

    def __post_init__(self) -> None:
        """Refuse two places of transcripts at once."""
        if self.table and self.reader:
            raise ConfigError("expected transcripts from a table or from a reader, found both; name one")
        if not self.ending.strip("."):
            raise ConfigError(f"expected the ending of transcripts, such as .txt, found {self.ending!r}; correct it")


@dataclass(frozen=True)
class Transcribed:
    """One recording.

    Parameters
    ----------
    path : file of the recording
    place : path of the recording below its folder, without ending: the name of its alignment
    shown : what messages call it
    text : transcript; None if there is none, or it could not be read
    utterance, speaker : names in the corpus that it comes from, "" if none
    fault : why the transcript could not be read
    """

    path: Path
    place: str
    shown: str
    text: str | None
    utterance: str = ""
    speaker: str = ""
    fault: str = ""


@dataclass(frozen=True)
class Transcripts:
    """Recordings with their texts, and the labels that are known of them.

    Parameters
    ----------
    recordings : in the order of their paths, or of their table
    labels : segments with columns ``utterance, tier, index, label, onset, offset`` (samples of the recording); None
        where only texts are known
    """

    recordings: tuple[Transcribed, ...]
    labels: pd.DataFrame | None = None


@contextmanager
def open_transcripts(folder: str | Path, options: TranscriptOptions) -> Iterator[Transcripts]:
    """Yield the recordings of a folder with their transcripts.

    A folder with tables of a corpus (``utterances.parquet``, as a study writes them) is read as that; otherwise
    transcripts come from a reader, from tables, or from files beside the recordings. Recordings that come out of tables
    exist within the block only.

    Parameters
    ----------
    folder : folder of recordings
    options : where their transcripts are

    Raises
    ------
    CorpusError, LabelError, AudioError
        There are no recordings, or the reader refuses the folder.
    ConfigError
        There is no such reader.
    """
    folder = Path(folder)
    if (folder / _UTTERANCES).is_file():
        corpus = read_corpus(folder)
        yield _of_corpus(folder, corpus.utterances, corpus.segments, options)
    elif options.reader:
        with read_source(options.reader, folder, options.reader_options) as (tables, _):
            yield _of_corpus(folder, tables[0], tables[1], options)
    else:
        with TemporaryDirectory(prefix="auscult-") as scratch:
            yield _of_files(list_files(folder), options, Path(scratch))


def _of_corpus(
    folder: Path, utterances: pd.DataFrame, segments: pd.DataFrame, options: TranscriptOptions
) -> Transcripts:
    if "split" not in utterances:
        raise ConfigError(
            f"expected recordings with transcripts, found a corpus of text (reader {options.reader!r}); choose another"
        )
    kept = utterances[utterances["split"].isin(list(options.splits))] if options.splits else utterances
    _require_some(len(kept), folder, options)
    recordings = []
    for row in kept.itertuples():
        inside = not Path(row.path).is_absolute()
        place = natural_stem(Path(row.path)) if inside else str(row.utterance)
        shown = str(folder / row.path) if inside else f"the recording of utterance {row.utterance!r}"
        recordings.append(
            Transcribed(folder / row.path, place, shown, str(row.text), str(row.utterance), str(row.speaker))
        )
    return Transcripts(tuple(recordings), segments[segments["utterance"].isin(kept["utterance"])])


def _of_files(files: SourceFiles, options: TranscriptOptions, scratch: Path) -> Transcripts:
    if options.table or options.columns:
        return _of_tables(files, options, scratch)
    if options.splits:
        raise ConfigError("expected splits with a table, a reader or a corpus of a study, found none; name one of them")
    recordings = find_recordings(files)
    _require_some(len(recordings), files.folder, options)
    ending = f".{options.ending.lstrip('.')}"
    # Equal Unicode forms are equal names, and the case of endings is ignored.
    texts = {unicodedata.normalize("NFC", path.as_posix()).lower(): path for path in files.paths}
    found = []
    for path in recordings:
        beside = texts.get(f"{natural_stem(path)}{ending}".lower())
        text, fault = _read(beside, options.encoding) if beside else (None, _no_text(path, ending))
        found.append(Transcribed(path, natural_stem(path.relative_to(files.folder)), str(path), text, fault=fault))
    return Transcripts(tuple(found))


def _of_tables(files: SourceFiles, options: TranscriptOptions, scratch: Path) -> Transcripts:
    choice = RowOptions(options.table, options.columns)
    tables = find_tables(files, choice)
    if not tables:
        raise CorpusError(
            f"expected a table of recordings below {files.folder}, found none; name it (--table), or leave out its "
            "columns"
        )
    rows = read_rows(tables, files, choice, scratch, {})
    if rows and "text" not in rows[0].values:
        columns = ", ".join(rows[0].values)
        raise CorpusError(
            f"expected a column of transcripts (text, sentence or transcription) in "
            f"{', '.join(map(str, tables))}, found {columns}; name it (--column text=NAME)"
        )
    kept = [row for row in rows if not options.splits or row.values.get("split", "") in options.splits]
    _require_some(len(kept), files.folder, options)
    found = [
        Transcribed(
            row.path,
            row.name or natural_stem(row.path.relative_to(files.folder)),
            row.shown,
            row.values["text"],
            speaker=row.values.get("speaker", ""),
        )
        for row in kept
    ]
    return Transcripts(tuple(found))


def _no_text(path: Path, ending: str) -> str:
    return (
        f"expected a transcript {path.stem}{ending} beside the recording, found none; add it, or name the ending of "
        "transcripts or their table"
    )


def _read(path: Path, encoding: str) -> tuple[str | None, str]:
    """Return the text of a file, or None and the reason why it cannot be read."""
    try:
        return read_text(path, encoding), ""
    except LabelError as error:
        return None, str(error)


def _require_some(n: int, folder: Path, options: TranscriptOptions) -> None:
    if not n:
        wanted = f" in splits {', '.join(options.splits)}" if options.splits else ""
        raise CorpusError(f"expected recordings{wanted} below {folder}, found none; check the path of the folder")
