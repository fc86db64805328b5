"""Tables that people write about speakers and recordings: CSV with commas, semicolons or tabs, read strictly."""

import csv
import io
import unicodedata
from collections.abc import Collection
from pathlib import Path
from typing import Literal

import pandas as pd

from auscult.corpora.corpus import SPLITS
from auscult.errors import CorpusError
from auscult.tables import SEGMENT_COLUMNS, UTTERANCE_COLUMNS

__all__ = [
    "RESERVED_COLUMNS",
    "find_speaker_table",
    "read_columns",
    "read_speaker_table",
    "plain_gender",
    "add_speakers",
]

_NAMES = ("speakers.csv", "speakers.tsv")
_DESCRIBED = ("gender", "language", "split")
_LIBRITTS = ("READER",)
_GENDERS = {
    "f": "female",
    "female": "female",
    "female_feminine": "female",
    "male_masculine": "male",
    "w": "female",
    "woman": "female",
    "m": "male",
    "male": "male",
    "man": "male",
}
_NO_GENDER = ("do_not_wish_to_say", "unknown", "n/a", "na", "nan", "none", "null", "?", "-")
# Columns that the tables of utterances and segments, and the index of activations, already have.
RESERVED_COLUMNS = (
    set(UTTERANCE_COLUMNS)
    | set(SEGMENT_COLUMNS)
    | {"phone_class", "stress", "ipa", "shard", "row", "n_frames", "nearest"}
) - {"speaker", *_DESCRIBED}
_MAX_NAMED = 10


def find_speaker_table(folder: Path) -> Path | None:
    """Return the table of speakers of a corpus, ``speakers.csv`` or ``.tsv`` in either case; None without one.

    Raises
    ------
    CorpusError
        There are several.
    """
    found = sorted(path for path in folder.iterdir() if path.name.lower() in _NAMES and path.is_file())
    if len(found) > 1:
        raise CorpusError(f"expected one table of speakers, found {' and '.join(map(str, found))}; keep one of them")
    return found[0] if found else None


def read_columns(path: Path, quoted: bool = True, *, separator: str = "", numbered: bool = False) -> pd.DataFrame:
    """Read a table as text: UTF-8 or UTF-16 with byte order mark, separated by commas, semicolons or tabs.

    Cells are stripped of blanks and brought into Unicode's composed form (NFC); empty lines are skipped.

    Parameters
    ----------
    path : the file
    quoted : whether cells may stand in quotation marks; False keeps these marks as they are
    separator : "" finds it
    numbered : whether the first column may have no name, as in tables with numbers of rows

    Raises
    ------
    CorpusError
        The file does not exist, is not text in such an encoding, is empty, repeats a column, or has rows with another
        number of cells than the header; all such rows are named together.
    """
    if not path.is_file():
        raise CorpusError(f"expected a table at {path}, found no such file; correct the path or write the table")
    text = unicodedata.normalize("NFC", _decode(path))
    separator = separator or _separator(text)
    try:
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
        reader = csv.reader(
            io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True, quoting=quoting
        )
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise CorpusError(
            f"expected a table with commas, semicolons or tabs in {path}, found: {error}; export it again"
        ) from None
    rows = [(number, row) for number, row in rows if any(row)]
    if not rows:
        raise CorpusError(f"expected a table with a header in {path}, found an empty file; write it again")
    header = _trimmed(rows[0][1], 0)
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated or "" in header[int(numbered) :]:
        raise CorpusError(
            f"expected different names of columns in {path}, found {', '.join(map(repr, repeated)) or 'an empty one'}"
            f"{' more than once' if repeated else ''}; correct line {rows[0][0]}"
        )
    cells = [(number, _trimmed(row, len(header))) for number, row in rows[1:]]
    wrong = [f"line {number} has {len(row)}" for number, row in cells if len(row) != len(header)]
    if wrong:
        raise CorpusError(
            f"expected {len(header)} cells in every row of {path} (separator {separator!r}), found others in "
            f"{len(wrong)}: {', '.join(wrong[:_MAX_NAMED])}; correct these lines, or quote cells with separators"
        )
    return pd.DataFrame([row for _, row in cells], columns=header, dtype=object)


def read_speaker_table(path: Path) -> pd.DataFrame:
    """Read a table of speakers: column ``speaker``, any of ``gender, language, split``, and any others.

    The names of these four columns may have capitals. ``f``, ``w`` and ``m`` are read as ``female`` and ``male``; other
    genders are kept as they are.

    Raises
    ------
    CorpusError
        The file is not a table (:func:`read_columns`), lacks column ``speaker``, lists a speaker twice, has an unknown
        split, or has a column whose name tables of utterances or segments already use.
    """
    speakers = read_columns(path)
    speakers = speakers.rename(
        columns={name: name.lower() for name in speakers if name.lower() in ("speaker", *_DESCRIBED)}
    )
    if "speaker" not in speakers:
        speakers = speakers.rename(columns={name: "speaker" for name in speakers if name in _LIBRITTS})
    if "speaker" not in speakers:
        raise CorpusError(f"expected a column 'speaker' in {path}, found {', '.join(speakers)}; name the column")
    _refuse(speakers["speaker"][speakers["speaker"].duplicated()], "every speaker once", path)
    _refuse(speakers.loc[speakers["speaker"] == "", "speaker"], "a speaker in every row", path)
    _refuse([name for name in speakers if name in RESERVED_COLUMNS], "columns with names of their own", path)
    if "split" in speakers:
        wrong = speakers.loc[~speakers["split"].isin((*SPLITS, "")), "split"]
        _refuse(wrong, f"split to be one of {', '.join(SPLITS)} or empty", path)
    if "gender" in speakers:
        speakers["gender"] = speakers["gender"].map(plain_gender)
    return speakers


def plain_gender(gender: str) -> str:
    """Return ``female`` or ``male`` for the usual ways to write them (``F``, ``female_feminine``), "" where none is
    stated (``unknown``), others unchanged.
    """
    return "" if gender.lower() in _NO_GENDER else _GENDERS.get(gender.lower(), gender)


def add_speakers(utterances: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return the utterances with the columns of the table of speakers; empty cells leave what is there.

    Raises
    ------
    CorpusError
        The table cannot be read (:func:`read_speaker_table`), or lacks a speaker.
    """
    speakers = read_speaker_table(path).set_index("speaker")
    missing = sorted(set(utterances["speaker"]) - set(speakers.index))
    if missing:
        raise CorpusError(
            f"expected every speaker in {path}, found no {', '.join(missing[:_MAX_NAMED])} ({len(missing)} of "
            f"{utterances['speaker'].nunique()} speakers); add a line for each"
        )
    added = {}
    for column in speakers:
        listed = utterances["speaker"].map(speakers[column])
        added[column] = listed.where(listed != "", utterances[column]) if column in utterances else listed
    return utterances.assign(**added)


def _decode(path: Path) -> str:
    content = path.read_bytes()
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CorpusError(
            f"expected a table in UTF-8 in {path}, found byte {content[error.start]:#04x} at line {line}; save it as "
            "UTF-8"
        ) from None


def _separator(text: str) -> str:
    """Return the separator of the header: a tab or semicolon if there is one there, else a comma."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    return next((mark for mark in ("\t", ";") if mark in header), ",")


def _trimmed(row: list[str], n: int) -> list[str]:
    """Return a row without the empty cells that spreadsheets add beyond the last column."""
    while len(row) > n and not row[-1]:
        row = row[:-1]
    return row


def _refuse(wrong: Collection[str], expected: str, path: Path) -> None:
    if len(wrong):
        named = ", ".join(map(repr, list(dict.fromkeys(wrong))[:_MAX_NAMED]))
        raise CorpusError(f"expected {expected} in {path}, found {named} ({len(wrong)} such cells); correct the table")
