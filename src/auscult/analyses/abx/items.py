"""Item files of ABX tasks, as Libri-Light, the ZeroSpeech challenges and fastabx write them."""

import csv
import logging
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from auscult.corpora.texts import read_text, text_lines
from auscult.errors import AnalysisError, LabelError

__all__ = ["ITEM_COLUMNS", "read_items"]

_log = logging.getLogger(__name__)
ITEM_COLUMNS = ("utterance", "onset", "offset", "label", "previous", "next", "speaker")
_HEADER = "#file onset offset #phone prev-phone next-phone speaker"
# Names of each column in Libri-Light, ZeroSpeech 2015 to 2021, ABXpy and fastabx; the first stands in errors.
_NAMES = {
    "utterance": ("file", "filename", "fileid", "source", "utterance"),
    "onset": ("onset", "start"),
    "offset": ("offset", "end"),
    "label": ("phone", "label", "phoneme"),
    "previous": ("prev-phone", "prev", "previous", "prev-context"),
    "next": ("next-phone", "next", "next-context"),
    "speaker": ("speaker", "spk", "talker"),
}
_CONTEXT = "context"
_ENDINGS = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".sph")
_N_LISTED = 3
_LONGEST_S = 10.0
_PLAUSIBLE_S = (0.02, 2.0)


def read_items(path: str | Path, utterances: pd.DataFrame) -> pd.DataFrame:
    """Read an item file: a header, then one item per line.

    Columns are found by their names, in any order and with others between them: Libri-Light's ``#file onset offset
    #phone prev-phone next-phone speaker``, or a column ``context`` (``b_t``) in place of the two neighbours, as in
    ZeroSpeech 2017. Case and ``#`` are ignored. Fields are separated by blanks, tabs or commas. Times in the file are
    seconds; they are rounded to samples of the recording. Recordings may be named with a folder and the ending of an
    audio file.

    Parameters
    ----------
    path : the file, in UTF-8 or UTF-16
    utterances : of the corpus with the recordings, see :data:`auscult.tables.UTTERANCE_COLUMNS`

    Returns
    -------
    items : columns :data:`ITEM_COLUMNS`; ``onset`` and ``offset`` are integers, in samples

    Raises
    ------
    LabelError
        The file cannot be decoded, its header lacks a column or has it twice, a line has another number of fields, or
        times are not numbers, in another unit, in the wrong order or outside the recording.
    AnalysisError
        The file does not exist, names a recording that is not in the corpus, or holds no item.
    """
    path = Path(path)
    lines = _lines(path)
    columns, n_columns, separator = _columns(lines[0][1] if lines else "", path)
    rows, numbers = _fields(lines[1:], columns, n_columns, separator, path)
    if not rows:
        raise AnalysisError(f"expected items below the header of {path}, found none; the file may be cut off")
    items = _with_contexts(pd.DataFrame(rows), path)
    known = utterances.set_index("utterance")
    items["utterance"] = _recordings(items["utterance"], known.index, numbers, path)
    return _in_samples(items[list(ITEM_COLUMNS)], known.loc[items["utterance"]], numbers, path)


def _lines(path: Path) -> list[tuple[int, str]]:
    try:
        return text_lines(read_text(path))
    except FileNotFoundError:
        raise AnalysisError(f"expected an item file at {path}, found none; correct the path") from None
    except OSError as error:
        raise AnalysisError(
            f"expected a readable item file at {path}, found: {error.strerror}; correct the path"
        ) from None


def _columns(header: str, path: Path) -> tuple[dict[str, int], int, str | None]:
    """Return the place of each column, their number, and the separator: a tab, a comma, or None for blanks."""
    separator = next((sign for sign in ("\t", ",") if sign in header), None)
    found = [name.strip().lstrip("#").strip().lower().replace("_", "-") for name in header.split(separator)]
    places: dict[str, int] = {}
    for column, names in (*_NAMES.items(), (_CONTEXT, (_CONTEXT, "contexts"))):
        fitting = [place for place, name in enumerate(found) if name in names]
        if len(fitting) > 1:
            repeated = " and ".join(found[place] for place in fitting)
            raise LabelError(f"expected each column once in line 1 of {path}, found {repeated}; remove one of them")
        if fitting:
            places[column] = fitting[0]
    missing = [names[0] for column, names in _NAMES.items() if column not in places]
    if len(missing) == len(_NAMES) or "utterance" not in places:
        raise LabelError(f"expected the header {_HEADER} in line 1 of {path}, found {header.strip()[:80]!r}; add it")
    if _CONTEXT in places:
        missing = [name for name in missing if name not in ("prev-phone", "next-phone")]
    if missing:
        raise LabelError(
            f"expected columns {', '.join(names[0] for names in _NAMES.values())} (or context for the two neighbours) "
            f"in line 1 of {path}, found no {', '.join(missing)}: {header.strip()[:80]!r}; name the columns so, or add "
            "them"
        )
    return places, len(found), separator


def _fields(
    lines: list[tuple[int, str]], places: dict[str, int], n_columns: int, separator: str | None, path: Path
) -> tuple[list[dict[str, str | float]], list[int]]:
    rows, numbers, wrong = [], [], []
    for number, line in lines:
        fields = next(csv.reader([line])) if separator == "," else line.split(separator)
        if len(fields) != n_columns:
            wrong.append((number, f"expected {n_columns} fields, as in the header", f"{len(fields)}: {line[:80]!r}"))
            continue
        row: dict[str, str | float] = {column: fields[place].strip() for column, place in places.items()}
        times = [str(row[side]) for side in ("onset", "offset")]
        if not _are_times(times):
            comma = " with decimal points" if any("," in time for time in times) else ""
            wrong.append((number, f"expected onset and offset in seconds{comma}", repr(" ".join(times))))
            continue
        rows.append(row | {side: float(row[side]) for side in ("onset", "offset")})
        numbers.append(number)
    if wrong:
        number, expected, found = wrong[0]
        others = ", ".join(str(line) for line, *_ in wrong[1:_N_LISTED])
        also = f" ({len(wrong)} such lines, also {others})" if others else ""
        raise LabelError(f"{expected} in line {number} of {path}, found {found}{also}; correct the line")
    return rows, numbers


def _with_contexts(items: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Add columns ``previous`` and ``next`` from a column ``context``, if the file has no columns for them."""
    if "previous" in items and "next" in items:
        return items
    parts = items[_CONTEXT].str.split("_", expand=False)
    if (parts.map(len) == 2).all():
        return items.assign(previous=parts.str[0], next=parts.str[1])
    _log.warning("%s: contexts such as %r are compared as a whole", path, items[_CONTEXT].iloc[0])
    return items.assign(previous=items[_CONTEXT], next="")


def _recordings(names: pd.Series, known: pd.Index, numbers: list[int], path: Path) -> pd.Series:
    """Return the utterance that each name of a recording stands for."""
    utterances = {name: _utterance(name, known) for name in names.unique()}
    missing = names.map({name: utterance is None for name, utterance in utterances.items()}).to_numpy(dtype=bool)
    if missing.any():
        first = int(np.argmax(missing))
        raise AnalysisError(
            f"expected recordings of the corpus ({len(known)}) in {path}, found {names[first]!r} in line "
            f"{numbers[first]} ({names[missing].nunique()} such recordings); use the corpus of the file"
        )
    stems: dict[str | None, set[str]] = {}
    for name, utterance in utterances.items():
        stems.setdefault(utterance, set()).add(_without_ending(name))
    shared = next(((utterance, stem) for utterance, stem in stems.items() if len(stem) > 1), None)
    if shared:
        raise AnalysisError(
            f"expected one name of each recording in {path}, found {' and '.join(sorted(shared[1]))} for utterance "
            f"{shared[0]!r}; name recordings as the corpus does"
        )
    return names.map(utterances)


def _utterance(name: str, known: pd.Index) -> str | None:
    stem = _without_ending(name)
    forms = (name, stem, stem.replace("/", "-"), stem.rpartition("/")[2])
    return next((form for form in forms if form in known), None)


def _without_ending(name: str) -> str:
    ending = PurePosixPath(name).suffix
    return name.removesuffix(ending) if ending.lower() in _ENDINGS else name


def _in_samples(items: pd.DataFrame, about: pd.DataFrame, numbers: list[int], path: Path) -> pd.DataFrame:
    rates, lengths = about["sample_rate_hz"].to_numpy(), about["n_samples"].to_numpy()
    # Clipped to one second around the recording, so that no time overflows an integer; times outside stay outside.
    onset, offset = (
        np.rint(np.clip(items[column].to_numpy(), -1, lengths / rates + 1) * rates).astype(np.int64)
        for column in ("onset", "offset")
    )
    unit = _other_unit(items, rates, lengths)
    wrong = (onset < 0) | (offset <= onset) | (offset > lengths)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise LabelError(
            f"expected an onset before its offset, both within the {lengths[first]} samples "
            f"({lengths[first] / rates[first]:g} s) of the recording, found {items['onset'][first]:g} to "
            f"{items['offset'][first]:g} s in line {numbers[first]} of {path} ({wrong.sum()} such lines{unit}); "
            "give times in seconds"
        )
    median_s = float((items["offset"] - items["onset"]).median())
    if median_s > _LONGEST_S:
        raise LabelError(
            f"expected items of less than {_LONGEST_S:g} s in {path}, found a median of {median_s:g} s{unit}; give "
            "times in seconds"
        )
    return items.assign(onset=onset, offset=offset)


def _other_unit(items: pd.DataFrame, rates: np.ndarray, lengths: np.ndarray) -> str:
    """Return a note if all times are whole numbers that make plausible items in milliseconds or samples."""
    times = items[["onset", "offset"]].to_numpy()
    if (times != np.rint(times)).any() or times.min() < 0:
        return ""
    units = {"milliseconds": np.full(len(times), 1000), "samples": rates}
    fitting = [
        unit
        for unit, per_s in units.items()
        if (times[:, 1] / per_s <= lengths / rates).all()
        and _PLAUSIBLE_S[0] <= np.median((times[:, 1] - times[:, 0]) / per_s) <= _PLAUSIBLE_S[1]
    ]
    return f"; these look like {' or '.join(fitting)}" if fitting else ""


def _are_times(fields: list[str]) -> bool:
    try:
        return bool(np.isfinite([float(field) for field in fields]).all())
    except ValueError:
        return False
