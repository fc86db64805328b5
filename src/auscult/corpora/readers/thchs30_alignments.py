"""Word and phone alignments of THCHS-30: tables from the Hugging Face Hub, or label files of any aligner."""

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from auscult.corpora.readers.alignments import FORMATS, Labels, read_labels
from auscult.corpora.readers.tiers import LabelOptions, Tier
from auscult.corpora.walk import list_files
from auscult.errors import LabelError

__all__ = ["read_alignments"]

_ROWS_AT_ONCE = 256
# Names of label, onset and offset (in seconds) in anyspeech/THCHS-30-alignments and changelinglab/thchs30-segment.
_COLUMNS = {
    "phone": (("phones", "start", "end"), ("phones", "phone_starts", "phone_ends")),
    "word": (("words", "word_start", "word_end"),),
}
_IDENTITIES = ("id", "utt_id")


def read_alignments(folder: str | Path, utterances: Collection[str], options: LabelOptions) -> Labels:
    """Read the phones, and the words if there are any, of every aligned utterance below a folder.

    Three forms are read. Parquet tables have one row per utterance, with labels and times in seconds as lists: the hub
    datasets ``anyspeech/THCHS-30-alignments`` (columns ``id, phones, start, end, words, word_start, word_end``) and
    ``changelinglab/thchs30-segment`` (``utt_id, phones, phone_starts, phone_ends``). TextGrids are named like the
    recordings or, as in Charsiu's alignments of this corpus, ``THA11-000`` for ``A11_0``. All other formats of
    :mod:`auscult.corpora.readers.alignments` are read as well.

    Parameters
    ----------
    folder : folder with the alignments, at any depth
    utterances : names of the utterances
    options : how label files are read

    Raises
    ------
    LabelError
        There are no alignments, a table lacks columns or has lists of different lengths, or an utterance is aligned
        twice.
    """
    folder = Path(folder)
    tables = list_files(folder).ending_in(".parquet")
    found: Labels = {}
    for path, utterance, tiers in (
        _from_tables(tables, utterances) if tables else _from_files(folder, set(utterances), options)
    ):
        for name, tier in tiers.items():
            if name in found.setdefault(utterance, {}):
                raise LabelError(
                    f"expected the {name}s of utterance {utterance!r} once below {folder}, found them "
                    f"again in {path}; keep one of the two"
                )
            found[utterance][name] = tier
    aligned = {utterance: tiers for utterance, tiers in found.items() if "phone" in tiers}
    if not aligned:
        raise LabelError(
            f"expected phones of {len(utterances)} utterances below {folder}, found none; put there the table of the "
            "hub dataset anyspeech/THCHS-30-alignments, or TextGrids named like the recordings"
        )
    return aligned


def _from_tables(paths: Iterable[Path], utterances: Collection[str]) -> Iterator[tuple[Path, str, dict[str, Tier]]]:
    wanted = set(utterances)
    for path in paths:
        try:
            names = pyarrow.parquet.read_schema(path).names
            identity, chosen = _choose(names, path)
            columns = [identity, *(column for triple in chosen.values() for column in triple)]
            # Some tables also hold the audio, so only the columns in use are read.
            for batch in pyarrow.parquet.ParquetFile(path).iter_batches(_ROWS_AT_ONCE, columns=columns):
                batch.validate(full=True)  # values of a damaged file would be read from outside of it
                for row in batch.to_pylist():
                    if row[identity] in wanted:
                        yield path, row[identity], {name: _tier(row, triple, path) for name, triple in chosen.items()}
        except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
            raise LabelError(f"expected a Parquet table in {path}, found: {error}; download it again") from None


def _choose(names: list[str], path: Path) -> tuple[str, dict[str, tuple[str, str, str]]]:
    identity = next((name for name in _IDENTITIES if name in names), None)
    chosen = {}
    for tier, triples in _COLUMNS.items():
        fitting = [triple for triple in triples if set(triple) <= set(names)]
        if fitting:
            chosen[tier] = fitting[0]
    if identity is None or "phone" not in chosen:
        raise LabelError(
            f"expected columns id, phones, start, end in {path}, found {', '.join(names)}; take the table "
            "of anyspeech/THCHS-30-alignments"
        )
    return identity, chosen


def _tier(row: dict[str, Any], triple: tuple[str, str, str], path: Path) -> Tier:
    labels, starts, ends = (row[column] or [] for column in triple)
    lists = all(isinstance(values, list) for values in (labels, starts, ends))
    if not lists or not all(isinstance(time, int | float) for time in (*starts, *ends)):
        raise LabelError(
            f"expected lists of labels and times in columns {', '.join(triple)} of {path}, found other values; take "
            "the table of anyspeech/THCHS-30-alignments"
        )
    if not len(labels) == len(starts) == len(ends):
        raise LabelError(
            f"expected as many times as labels in columns {', '.join(triple)} of {path}, found "
            f"{len(labels)}, {len(starts)} and {len(ends)} in one row; download it again"
        )
    return Tier(tuple((float(start), float(end), str(label)) for start, end, label in zip(starts, ends, labels)))


def _from_files(
    folder: Path, utterances: set[str], options: LabelOptions
) -> Iterator[tuple[Path, str, dict[str, Tier]]]:
    for path in list_files(folder).paths:
        ending = path.suffix.lower()
        # Other stems belong to transcripts or other recordings; a CTM names the utterances itself.
        if ending not in FORMATS or (ending != ".ctm" and _utterance(path.stem.split(".")[0]) not in utterances):
            continue
        for name, tiers in read_labels(path, options).items():
            if _utterance(name) in utterances:
                yield path, _utterance(name), tiers


def _utterance(name: str) -> str:
    match = re.fullmatch(r"TH([A-Z])0*(\d+)-0*(\d+)", name)
    return f"{match[1]}{match[2]}_{match[3]}" if match else name
