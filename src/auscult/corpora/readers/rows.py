"""Rows of tables that list recordings: CSV, TSV, JSON lines, Parquet and Arrow, with or without the sound in them."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import soundfile

from auscult.corpora.recordings import AUDIO_ENDINGS
from auscult.corpora.speaker_tables import RESERVED_COLUMNS, read_columns
from auscult.corpora.texts import read_text, text_lines
from auscult.corpora.walk import SourceFiles
from auscult.errors import ConfigError, CorpusError

__all__ = ["TABLE_ENDINGS", "TURN_COLUMNS", "RowOptions", "TableRow", "find_tables", "read_rows", "plain_split"]

TABLE_ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet", ".arrow")
_RECORDING = ("audio", "recording", "file_name", "path", "file", "filename", "audio_path", "audio_file", "wav", "clip")
# Columns of the utterances table that a table of recordings fills, with the names that others have for them.
_KNOWN = {
    "speaker": ("speaker", "speaker_id", "client_id", "speakerid"),
    "text": ("text", "sentence", "transcription", "transcript"),
    "gender": ("gender", "sex"),
    "language": ("language", "locale", "lang"),
    "split": ("split",),
}
_SPLITS = {"train": "train", "training": "train", "valid": "valid", "validation": "valid", "dev": "valid"}
_SPLITS |= {"val": "valid", "test": "test", "eval": "test"}
_SPLIT_IN_NAME = re.compile(r"^(train|training|validation|valid|val|dev|test|eval)(?![A-Za-z])")
# Columns of turns: the recording that they were cut from, and where.
TURN_COLUMNS = frozenset(("recording", "turn_onset_s"))
_METADATA = "metadata"
_ROWS_AT_ONCE = 32
_MAX_NAMED = 10


@dataclass(frozen=True)
class RowOptions:
    """How tables of recordings are read.

    Parameters
    ----------
    table : path or pattern of the tables below the folder, or several; "" finds them
    columns : names of columns in the tables, by the names that they get
    """

    table: str | Sequence[str] = ""
    columns: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse values of the wrong kind, which a study's file may hold."""
        if not all(isinstance(name, str) for name in self.patterns):
            raise ConfigError(
                f"expected the option table to be paths, found {self.table!r}; put them in quotation marks"
            )
        named = self.columns
        if not isinstance(named, Mapping) or not all(isinstance(name, str) for pair in named.items() for name in pair):
            raise ConfigError(
                f"expected the option columns to be of the form {{speaker: client_id}}, found {named!r}; correct it"
            )

    @property
    def patterns(self) -> tuple[str, ...]:
        """The paths or patterns of the tables."""
        return ((self.table,) if self.table else ()) if isinstance(self.table, str) else tuple(self.table)


@dataclass(frozen=True)
class TableRow:
    """One recording of a table.

    Parameters
    ----------
    path : file of the recording
    name : name of the utterance, "" to name it by its path
    shown : what messages call the recording
    values : columns of the utterances table, as text
    """

    path: Path
    name: str
    shown: str
    values: Mapping[str, str]


def find_tables(files: SourceFiles, options: RowOptions) -> list[Path]:
    """Return the tables of a folder: those of the option, else ``metadata`` files, else Parquet and Arrow files.

    Parquet and Arrow files are not looked for where there are recordings.

    Raises
    ------
    CorpusError
        The option names no file, or a file of another kind.
    """
    if options.patterns:
        named = []
        for pattern in options.patterns:
            path = files.folder / pattern
            found = [path] if path in files.paths else files.matching(pattern)
            if not found or any(entry.suffix.lower() not in TABLE_ENDINGS for entry in found):
                raise CorpusError(
                    f"expected a table ({', '.join(TABLE_ENDINGS)}) at {path}, found "
                    f"{', '.join(map(str, found)) or 'no such file'}; correct the option table"
                )
            named += [entry for entry in found if entry not in named]
        return named
    metadata = [path for path in files.ending_in(*TABLE_ENDINGS) if path.stem.lower() == _METADATA]
    if metadata or files.ending_in(*AUDIO_ENDINGS):
        return metadata
    return [path for path in files.ending_in(".parquet", ".arrow") if not path.name.startswith("cache-")]


def read_rows(
    tables: Sequence[Path], files: SourceFiles, options: RowOptions, scratch: Path, found: dict[str, Any]
) -> list[TableRow]:
    """Return the recordings of tables; those whose sound is in the table are written to files in ``scratch``.

    Recordings are found by their path, relative to the table or to the folder, or else by the end of it. A split is
    that of the column, else that of the table's name (``train.tsv``, ``validation-00000-of-00001.parquet``).

    Parameters
    ----------
    tables : paths of the tables
    files : files of the corpus
    options : names of columns
    scratch : existing folder for recordings
    found : is filled in with what was decided

    Raises
    ------
    CorpusError
        A table cannot be read or lacks a column, or recordings are missing or listed twice; all are named together.
    """
    finder = _Finder(files)
    rows: list[TableRow] = []
    missing: list[str] = []
    dropped: set[str] = set()
    used: dict[str, str] = {}
    for table in tables:
        split = _split_of(table, files.folder)
        for number, row in enumerate(_read_table(table), 1):
            names = _columns(list(row), options.columns, table)
            used |= {name: column for name, column in names.items() if name != column}
            audio = row[names["recording"]]
            shown = f"row {number} of {table}"
            path, name = finder.find(audio, table, scratch, f"{table.stem}-{number:06d}")
            if path is None:
                missing.append(f"{_file_name(audio) or 'no name'!r} in {shown}")
                continue
            values = {key: row[column] for key, column in names.items() if key != "recording"}
            dropped |= {key for key, value in values.items() if isinstance(value, list | dict | bytes)}
            text = {key: _text(value) for key, value in values.items() if key not in dropped}
            text["split"] = plain_split(text.get("split", "") or split, shown)
            rows.append(TableRow(path, name, f"the recording of {shown}" if name else str(path), text))
    if missing:
        raise CorpusError(
            f"expected every recording of the tables below {files.folder}, found none for {len(missing)} of "
            f"{len(missing) + len(rows)}: {_listed(missing)}; add the files, or correct the column (option columns: "
            "{recording: …})"
        )
    _refuse_repeated(rows)
    found["tables"] = ", ".join(sorted(table.relative_to(files.folder).as_posix() for table in tables))
    found["columns"] = ", ".join(f"{name} from {column}" for name, column in sorted(used.items())) or "as named"
    if dropped:
        found["columns left out, which are no single values"] = ", ".join(sorted(dropped))
    keys = {key for row in rows for key in row.values} - dropped
    return [
        TableRow(row.path, row.name, row.shown, {key: row.values.get(key, "") for key in sorted(keys)}) for row in rows
    ]


class _Finder:
    """Recordings by path, end of path and name; those inside of tables become files."""

    def __init__(self, files: SourceFiles) -> None:
        self.folder = files.folder
        self.paths = {path.as_posix(): path for path in files.ending_in(*AUDIO_ENDINGS)}
        self.by_name: dict[str, list[Path]] = {}
        for path in self.paths.values():
            for name in {path.name, path.stem}:
                self.by_name.setdefault(name, []).append(path)
        self.names: Counter[str] = Counter()

    def find(self, audio: Any, table: Path, scratch: Path, number: str) -> tuple[Path | None, str]:
        """Return the file of a recording, and a name for the utterance if the sound is in the table."""
        if isinstance(audio, Mapping) and (audio.get("bytes") or audio.get("array") is not None):
            return self._write(audio, scratch, number)
        if isinstance(audio, bytes):
            return self._write({"bytes": audio}, scratch, number)
        name = _file_name(audio)
        if not name:
            return None, ""
        for folder in (table.parent, self.folder):
            for ending in ("", *AUDIO_ENDINGS):
                path = self.paths.get(f"{(folder / name).as_posix()}{ending}")
                if path is not None:
                    return path, ""
        alike = self.by_name.get(PurePosixPath(name).name, [])
        if len(alike) > 1:
            alike = [path for path in alike if _ends_alike(path, name)]
        return (alike[0], "") if len(alike) == 1 else (None, "")

    def _write(self, audio: Mapping[str, Any], scratch: Path, number: str) -> tuple[Path, str]:
        stated = PurePosixPath(_file_name(audio)).name
        stem = re.sub(r"[^\w.-]", "_", PurePosixPath(stated).stem) or number
        self.names[stem] += 1
        name = stem if self.names[stem] == 1 and len(stem.encode()) < 200 else f"{stem[:60]}-{number}"
        ending = PurePosixPath(stated).suffix.lower()
        path = scratch / f"{name}{ending if ending in AUDIO_ENDINGS else '.wav'}"
        if audio.get("bytes"):
            path.write_bytes(audio["bytes"])
        else:
            samples = np.asarray(audio["array"], dtype=np.float32)
            soundfile.write(path.with_suffix(".wav"), samples, int(audio["sampling_rate"]), subtype="FLOAT")
            path = path.with_suffix(".wav")
        return path.absolute(), name


def _ends_alike(path: Path, name: str) -> bool:
    parts = PurePosixPath(name).with_suffix("").parts
    return path.with_suffix("").parts[-len(parts) :] == parts


def _file_name(audio: Any) -> str:
    value = audio.get("path") if isinstance(audio, Mapping) else audio
    return value.strip().replace("\\", "/") if isinstance(value, str) else ""


def _read_table(table: Path) -> Iterator[dict[str, Any]]:
    ending = table.suffix.lower()
    if ending in (".csv", ".tsv"):
        yield from read_columns(table, quoted=ending == ".csv").to_dict("records")
    elif ending == ".jsonl":
        for number, line in text_lines(read_text(table)):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                raise CorpusError(f"expected JSON objects in {table}, found {line[:60]!r} at line {number}; correct it")
            yield row
    else:
        try:
            yield from _arrow_rows(table)
        except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
            reason = " ".join(str(error).split())[:200]
            raise CorpusError(
                f"expected a table of {ending[1:]} in {table}, found: {reason}; download it again"
            ) from None


def _arrow_rows(table: Path) -> Iterator[dict[str, Any]]:
    if table.suffix.lower() == ".parquet":
        with pyarrow.parquet.ParquetFile(table) as file:
            names = _class_names(file.schema_arrow.metadata)
            for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE):
                yield from _named_classes(_plain_rows(batch), names)
        return
    with pyarrow.memory_map(str(table)) as source:
        try:
            batches: Any = pyarrow.ipc.open_stream(source)
        except pyarrow.ArrowInvalid:
            reader = pyarrow.ipc.open_file(source)
            batches = (reader.get_batch(index) for index in range(reader.num_record_batches))
        for batch in batches:
            names = _class_names(batch.schema.metadata)
            for begin in range(0, batch.num_rows, _ROWS_AT_ONCE):
                yield from _named_classes(_plain_rows(batch.slice(begin, _ROWS_AT_ONCE)), names)


def _plain_rows(batch: pyarrow.RecordBatch) -> list[dict[str, Any]]:
    batch.validate(full=True)  # values of a damaged file would be read from outside of it
    return batch.to_pylist()


def _class_names(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """Return the names of classes that the ``datasets`` library stores as numbers, by column."""
    try:
        features = json.loads((metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        return {column: kind["names"] for column, kind in features.items() if kind.get("_type") == "ClassLabel"}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _named_classes(rows: list[dict[str, Any]], names: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    for row in rows:
        for column, classes in names.items():
            value = row.get(column)
            if isinstance(value, int):
                row[column] = classes[value] if 0 <= value < len(classes) else ""
    return rows


def _columns(header: Sequence[str], stated: Mapping[str, str], table: Path) -> dict[str, str]:
    """Return the column of each column that the utterances table gets, and of ``recording``."""
    missing = [column for column in stated.values() if column not in header]
    if missing:
        raise CorpusError(
            f"expected columns {', '.join(stated.values())} in {table}, found no {', '.join(missing)} among "
            f"{', '.join(header)}; correct the option columns"
        )
    names = dict(stated)
    lower = {column.lower(): column for column in header}
    for name, others in {"recording": _RECORDING, **_KNOWN}.items():
        found = [lower[other] for other in others if other in lower and lower[other] not in stated.values()]
        if name not in names and found:
            names[name] = found[0]
    if "recording" not in names:
        raise CorpusError(
            f"expected a column of recordings ({', '.join(_RECORDING)}) in {table}, found {', '.join(header)}; name it "
            "(option columns: {recording: …})"
        )
    rest = [column for column in header if column not in names.values()]
    clash = [column for column in rest if column in RESERVED_COLUMNS | TURN_COLUMNS or column in names]
    # Paths and lengths are read from the recordings themselves.
    clash = [column for column in clash if column not in ("path", "n_samples", "sample_rate_hz", "corpus", "utterance")]
    if clash:
        raise CorpusError(
            f"expected columns with names of their own in {table}, found {', '.join(clash)}; give each another name "
            f"(option columns: {{my_{clash[0]}: {clash[0]}}})"
        )
    return names | {column: column for column in rest if column not in RESERVED_COLUMNS}


def _split_of(table: Path, folder: Path) -> str:
    names = [table.stem, *(parent for parent in table.relative_to(folder).parent.parts[::-1])]
    return next((found[1] for name in names if (found := _SPLIT_IN_NAME.match(name.lower()))), "")


def plain_split(value: str, shown: str) -> str:
    """Return ``train``, ``valid``, ``test`` or "" for the usual ways to write them (``dev``, ``validation``).

    Raises
    ------
    CorpusError
        The value is no split.
    """
    if value and value.lower() not in _SPLITS:
        raise CorpusError(
            f"expected a split of {', '.join(_SPLITS)} or none, found {value!r} in {shown}; correct it, or give the "
            "column another name (option columns: {part: split})"
        )
    return _SPLITS.get(value.lower(), "")


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value)


def _refuse_repeated(rows: Sequence[TableRow]) -> None:
    counts = Counter(row.path for row in rows)
    repeated = [str(path) for path, n in counts.items() if n > 1]
    if repeated:
        raise CorpusError(
            f"expected every recording once in the tables, found {len(repeated)} repeated: {_listed(repeated)}; remove "
            "the other rows, or name one table (option table)"
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(names[:_MAX_NAMED]) + more
