"""Minimal pairs in the format of BLiMP (Warstadt et al., 2020): one JSON line per pair, one file per paradigm."""

import json
import logging
import unicodedata
from pathlib import Path

import pandas as pd

from auscult.corpora.text import PAIRS, check_pairs
from auscult.corpora.texts import read_text, text_lines
from auscult.corpora.walk import list_files
from auscult.errors import CorpusError

__all__ = ["read_blimp"]

_log = logging.getLogger(__name__)
_MAX_EQUAL = 0.1
_N_LISTED = 10
_KEYS = ("sentence_good", "sentence_bad", "UID", "pairID")


def read_blimp(source: Path, files: str = "*.jsonl", max_pairs: int = 0) -> dict[str, pd.DataFrame]:
    """Read minimal pairs; ``phenomenon`` and ``field`` are kept next to the paradigm.

    Every line is a pair. Pairs of two equal sentences are left out and counted in the log. BLiMP's tables of results,
    which mix rows of items and summaries, have another format and are refused.

    Parameters
    ----------
    source : folder of the files
    files : pattern of the file names, searched for in all subfolders
    max_pairs : number of pairs to read from each paradigm, from the first; 0 reads all

    Returns
    -------
    table of pairs by file name

    Raises
    ------
    CorpusError
        No file matches, a line is not a pair, or more than a tenth of the pairs have two equal sentences.
    LabelError
        A file is not text in UTF-8 or UTF-16.
    """
    paths = list_files(source).matching(files)
    if not paths:
        raise CorpusError(
            f"expected files of minimal pairs {files} in {source}, found none; correct the option files or the folder"
        )
    pairs = _usable(pd.DataFrame([pair for path in paths for pair in _read(path)]), source)
    if max_pairs:
        pairs = pairs.groupby("paradigm", sort=False).head(max_pairs).reset_index(drop=True)
    return {PAIRS: check_pairs(pairs)}


def _usable(pairs: pd.DataFrame, source: Path) -> pd.DataFrame:
    """Leave out pairs of two equal sentences, of which BLiMP has 7 in 67,000; a model cannot choose between them."""
    same = pairs["good"] == pairs["bad"] if len(pairs) else pd.Series(dtype=bool)
    if not same.any():
        return pairs
    first = pairs[same].iloc[0]
    if same.sum() > _MAX_EQUAL * len(pairs):
        raise CorpusError(
            f"expected two different sentences in every pair of {source}, found {first['good']!r} twice in pair "
            f"{first['pair']!r} ({same.sum()} of {len(pairs)} such pairs); give pairs of a good and a bad sentence"
        )
    _log.warning(
        "%s: %d of %d pairs have two equal sentences and are left out: %s",
        source,
        same.sum(),
        len(pairs),
        ", ".join(pairs.loc[same, "pair"][:_N_LISTED]),
    )
    return pairs[~same].reset_index(drop=True)


def _read(path: Path) -> list[dict[str, str]]:
    pairs = []
    for number, line in text_lines(read_text(path)):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        missing = [key for key in _KEYS if not isinstance(entry, dict) or not isinstance(entry.get(key), str | int)]
        if missing:
            raise CorpusError(
                f"expected a pair with keys {', '.join(_KEYS)} in line {number} of {path}, found no "
                f"{', '.join(missing)}; give BLiMP's own .jsonl files"
            )
        pairs.append(
            {
                "pair": f"{entry['UID']}-{entry['pairID']}",
                "corpus": "",
                "paradigm": str(entry["UID"]),
                "good": unicodedata.normalize("NFC", str(entry["sentence_good"])),
                "bad": unicodedata.normalize("NFC", str(entry["sentence_bad"])),
                "phenomenon": str(entry.get("linguistics_term", "")),
                "field": str(entry.get("field", "")),
            }
        )
    if not pairs:
        raise CorpusError(f"expected a pair on every line of {path}, found an empty file; copy it again")
    return pairs
