"""Item files of ABX tasks, as Libri-Light and the ZeroSpeech challenges publish them."""

from pathlib import Path

import numpy as np
import pandas as pd

from auscult.errors import AnalysisError, LabelError

__all__ = ["ITEM_COLUMNS", "read_items"]

ITEM_COLUMNS = ("utterance", "onset", "offset", "label", "previous", "next", "speaker")
_HEADER = "#file onset offset #phone prev-phone next-phone speaker"


def read_items(path: str | Path, utterances: pd.DataFrame) -> pd.DataFrame:
    """Read an item file: a header, then one item a line, ``file onset offset phone previous next speaker``.

    Times in the file are seconds; they are rounded to samples of the recording.

    Parameters
    ----------
    path : the file, in UTF-8
    utterances : of the corpus whose recordings it names, see :data:`auscult.tables.UTTERANCE_COLUMNS`

    Returns
    -------
    items : columns :data:`ITEM_COLUMNS`; ``onset`` and ``offset`` are integers, in samples

    Raises
    ------
    LabelError
        A line has not seven fields, or times that are no numbers, in the wrong order or outside the recording.
    AnalysisError
        The file names a recording that the corpus has not, or holds no item.
    """
    path = Path(path)
    rows, numbers = _fields(path)
    if not rows:
        raise AnalysisError(f"expected items below the header of {path}, found none; the file may be cut off")
    items = pd.DataFrame(rows, columns=list(ITEM_COLUMNS))
    known = utterances.set_index("utterance")
    missing = ~items["utterance"].isin(known.index)
    if missing.any():
        first = int(np.argmax(missing))
        raise AnalysisError(
            f"expected recordings of the corpus ({len(known)}) in {path}, found {items['utterance'][first]!r} in line "
            f"{numbers[first]} ({items['utterance'][missing].nunique()} such recordings); give the corpus the file "
            "was made for"
        )
    about = known.loc[items["utterance"]]
    rates, lengths = about["sample_rate_hz"].to_numpy(), about["n_samples"].to_numpy()
    for column in ("onset", "offset"):
        items[column] = np.rint(items[column].to_numpy(dtype=float) * rates).astype(np.int64)
    onset, offset = items["onset"].to_numpy(), items["offset"].to_numpy()
    wrong = (onset < 0) | (offset <= onset) | (offset > lengths)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise LabelError(
            f"expected an onset before its offset, both within the {lengths[first]} samples of the recording, found "
            f"samples {onset[first]}–{offset[first]} in line {numbers[first]} of {path} ({wrong.sum()} such lines); "
            "times are seconds"
        )
    return items


def _fields(path: Path) -> tuple[list[list], list[int]]:
    rows, numbers = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        fields = line.split()
        if number == 1 or not fields:
            continue
        if len(fields) != len(ITEM_COLUMNS) or not _are_times(fields[1:3]):
            raise LabelError(
                f"expected {len(ITEM_COLUMNS)} fields ({_HEADER}) in line {number} of {path}, found {len(fields)}: "
                f"{line.strip()[:80]!r}"
            )
        rows.append([fields[0], float(fields[1]), float(fields[2]), *fields[3:]])
        numbers.append(number)
    return rows, numbers


def _are_times(fields: list[str]) -> bool:
    try:
        return bool(np.isfinite([float(field) for field in fields]).all())
    except ValueError:
        return False
