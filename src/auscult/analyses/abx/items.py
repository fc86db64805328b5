"""Item files of ABX tasks, as Libri-Light and the ZeroSpeech challenges publish them."""

from pathlib import Path

import numpy as np
import pandas as pd

from auscult.errors import AnalysisError, LabelError

__all__ = ["ITEM_COLUMNS", "read_items"]

ITEM_COLUMNS = ("utterance", "onset", "offset", "label", "previous", "next", "speaker")
_HEADER = "#file onset offset #phone prev-phone next-phone speaker"


def read_items(path: str | Path, utterances: pd.DataFrame) -> pd.DataFrame:
    """Read an item file: a header, then one item per line, ``file onset offset phone previous next speaker``.

    Times in the file are seconds; they are rounded to samples of the recording.

    Parameters
    ----------
    path : the file, in UTF-8
    utterances : of the corpus with the recordings, see :data:`auscult.tables.UTTERANCE_COLUMNS`

    Returns
    -------
    items : columns :data:`ITEM_COLUMNS`; ``onset`` and ``offset`` are integers, in samples

    Raises
    ------
    LabelError
        The file is not UTF-8 or has no header; a line does not have seven fields; times are not numbers, are in the
        wrong order or lie outside the recording.
    AnalysisError
        The file does not exist, names a recording that is not in the corpus, or holds no item.
    """
    path = Path(path)
    rows, numbers = _fields(_lines(path), path)
    if not rows:
        raise AnalysisError(f"expected items below the header of {path}, found none; the file may be cut off")
    items = pd.DataFrame(rows, columns=list(ITEM_COLUMNS))
    known = utterances.set_index("utterance")
    missing = ~items["utterance"].isin(known.index)
    if missing.any():
        first = int(np.argmax(missing))
        raise AnalysisError(
            f"expected recordings of the corpus ({len(known)}) in {path}, found {items['utterance'][first]!r} in line "
            f"{numbers[first]} ({items['utterance'][missing].nunique()} such recordings); use the corpus of the file"
        )
    return _in_samples(items, known.loc[items["utterance"]], numbers, path)


def _in_samples(items: pd.DataFrame, about: pd.DataFrame, numbers: list[int], path: Path) -> pd.DataFrame:
    rates, lengths = about["sample_rate_hz"].to_numpy(), about["n_samples"].to_numpy()
    # Clipped to one second around the recording, so that no time overflows an integer; times outside stay outside.
    onset, offset = (
        np.rint(np.clip(items[column].to_numpy(), -1, lengths / rates + 1) * rates).astype(np.int64)
        for column in ("onset", "offset")
    )
    wrong = (onset < 0) | (offset <= onset) | (offset > lengths)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise LabelError(
            f"expected an onset before its offset, both within the {lengths[first]} samples "
            f"({lengths[first] / rates[first]:g} s) of the recording, found {items['onset'][first]:g} to "
            f"{items['offset'][first]:g} s in line {numbers[first]} of {path} ({wrong.sum()} such lines); "
            "give times in seconds"
        )
    return items.assign(onset=onset, offset=offset)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise AnalysisError(f"expected an item file at {path}, found none; correct the path") from None
    except UnicodeDecodeError as error:
        raise LabelError(
            f"expected text in UTF-8 in {path}, found byte {error.object[error.start]:#04x} at position {error.start}; "
            "convert the file"
        ) from None
    except OSError as error:
        raise AnalysisError(
            f"expected a readable item file at {path}, found: {error.strerror}; correct the path"
        ) from None


def _fields(lines: list[str], path: Path) -> tuple[list[list], list[int]]:
    first = lines[0] if lines else ""
    if first.split()[:1] != ["#file"]:
        raise LabelError(f"expected the header {_HEADER} in line 1 of {path}, found {first.strip()[:80]!r}; add it")
    rows, numbers = [], []
    for number, line in enumerate(lines[1:], start=2):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != len(ITEM_COLUMNS):
            raise LabelError(
                f"expected {len(ITEM_COLUMNS)} fields ({_HEADER}) in line {number} of {path}, found {len(fields)}: "
                f"{line.strip()[:80]!r}; correct the line"
            )
        if not _are_times(fields[1:3]):
            raise LabelError(
                f"expected onset and offset in seconds in line {number} of {path}, found {' '.join(fields[1:3])!r}; "
                "correct the line"
            )
        rows.append([fields[0], float(fields[1]), float(fields[2]), *fields[3:]])
        numbers.append(number)
    return rows, numbers


def _are_times(fields: list[str]) -> bool:
    try:
        return bool(np.isfinite([float(field) for field in fields]).all())
    except ValueError:
        return False
