"""Minimal pairs as BLiMP publishes them: one line of JSON a pair, one file a paradigm (Warstadt et al., 2020)."""

import json
from pathlib import Path

import pandas as pd

from auscult.corpora.text import PAIRS, check_pairs
from auscult.errors import CorpusError

__all__ = ["read_blimp"]

_KEYS = ("sentence_good", "sentence_bad", "UID", "pairID")


def read_blimp(source: Path, files: str = "*.jsonl", max_pairs: int = 0) -> dict[str, pd.DataFrame]:
    """Read minimal pairs; ``phenomenon`` and ``field`` are kept beside the paradigm.

    Every line is a pair: BLiMP's released tables of results, which have rows of summaries among those of items, are
    not of this form and are refused.

    Parameters
    ----------
    source : folder of the files
    files : pattern of their names, looked for in all folders below
    max_pairs : of a paradigm, the first so many; all of them if 0

    Raises
    ------
    CorpusError
        There is no such file, a line is no pair, or the sentences of a pair are equal.
    """
    paths = sorted(path for path in Path(source).rglob(files) if path.is_file())
    if not paths:
        raise CorpusError(
            f"expected files of minimal pairs {files} in {source}, found none; correct the option files or the folder"
        )
    pairs = pd.DataFrame([pair for path in paths for pair in _read(path)])
    if max_pairs:
        pairs = pairs.groupby("paradigm", sort=False).head(max_pairs).reset_index(drop=True)
    return {PAIRS: check_pairs(pairs)}


def _read(path: Path) -> list[dict]:
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
