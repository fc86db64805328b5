"""Minimal pairs in the format of BLiMP (Warstadt et al., 2020): one JSON line per pair, one file per paradigm."""

import json
from pathlib import Path

import pandas as pd

from auscult.corpora.text import PAIRS, check_pairs
from auscult.corpora.walk import list_files
from auscult.errors import CorpusError

__all__ = ["read_blimp"]

_KEYS = ("sentence_good", "sentence_bad", "UID", "pairID")


def read_blimp(source: Path, files: str = "*.jsonl", max_pairs: int = 0) -> dict[str, pd.DataFrame]:
    """Read minimal pairs; ``phenomenon`` and ``field`` are kept next to the paradigm.

    Every line is a pair. BLiMP's tables of results, which mix rows of items and summaries, have another format and are
    refused.

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
        No file matches, a line is not a pair, or the sentences of a pair are equal.
    """
    paths = list_files(source).matching(files)
    if not paths:
        raise CorpusError(
            f"expected files of minimal pairs {files} in {source}, found none; correct the option files or the folder"
        )
    pairs = pd.DataFrame([pair for path in paths for pair in _read(path)])
    if max_pairs:
        pairs = pairs.groupby("paradigm", sort=False).head(max_pairs).reset_index(drop=True)
    return {PAIRS: check_pairs(pairs)}


def _read(path: Path) -> list[dict[str, str]]:
    pairs = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        missing = [key for key in _KEYS if not isinstance(entry, dict) or key not in entry]
        if missing:
            raise CorpusError(
                f"expected a pair with keys {', '.join(_KEYS)} in line {number} of {path}, found no "
                f"{', '.join(missing)}; give BLiMP's own .jsonl files"
            )
        pairs.append(
            {
                "pair": f"{entry['UID']}-{entry['pairID']}",
                "corpus": "",
                "paradigm": entry["UID"],
                "good": entry["sentence_good"],
                "bad": entry["sentence_bad"],
                "phenomenon": entry.get("linguistics_term", ""),
                "field": entry.get("field", ""),
            }
        )
    return pairs
