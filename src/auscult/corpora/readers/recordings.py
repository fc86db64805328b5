"""Recordings without alignments: every recording is one item, with labels from its name or from a table."""

import logging
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from auscult.corpora.audio import audio_length
from auscult.corpora.corpus import SPLITS, split_speakers
from auscult.corpora.faults import Faults
from auscult.corpora.recordings import find_recordings, name_utterances
from auscult.corpora.report import ImportReport
from auscult.corpora.speaker_tables import add_speakers, find_speaker_table, read_columns, read_speaker_table
from auscult.corpora.speakers import name_speakers
from auscult.corpora.walk import list_files
from auscult.errors import ConfigError, CorpusError
from auscult.tables import SEGMENT_COLUMNS, UTTERANCE_COLUMNS, check_utterances, no_segments

__all__ = ["read_recordings"]

_log = logging.getLogger(__name__)
_PATHS = ("recording", "path", "file", "filename", "utterance")
# Columns of utterances that a table or a name may fill; others are made by the import.
_FILLED = ("speaker", "gender", "language", "text", "split")
_RESERVED = {*UTTERANCE_COLUMNS, *SEGMENT_COLUMNS, "shard", "row", "n_frames", "nearest"} - {*_FILLED}
_MAX_NAMED = 10


def read_recordings(
    folder: str | Path,
    *,
    labels: str = "",
    pattern: str = "",
    language: str = "",
    divide_speakers: bool = False,
    speaker: Mapping[str, Any] | None = None,
    report: ImportReport | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the table of a folder of recordings that have labels of their own, but no alignment.

    Every recording becomes an utterance without segments; analyses read its mean frame (tier ``utterance``). Its labels
    are columns of the table, from a table of recordings, from a pattern of their paths, or from both; a label that both
    give must be the same. ``speakers.csv`` describes the speakers, as for TextGrids
    (:func:`~auscult.corpora.readers.textgrid.read_textgrids`).

    Parameters
    ----------
    folder : folder with the recordings, at any depth
    labels : table of recordings below the folder, with column ``recording`` (path or name, with ending or without) and
        any others, such as ``emotion``, ``text``, ``speaker`` or ``split``; "" for none
    pattern : regular expression whose named groups are columns, searched in the path below the folder, such as
        ``(?P<digit>[0-9])_(?P<speaker>[a-z]+)_``; "" for none
    language : language of recordings for which neither names one
    divide_speakers : whether speakers without a split are divided into train, valid and test
    speaker : what names the speakers, as for TextGrids; by default column ``speaker`` of the labels, or the paths
    report : is filled in with what was found and left out

    Returns
    -------
    utterances, with a column per kind of label, and no segments

    Raises
    ------
    ConfigError
        The pattern is no regular expression or has no named groups.
    CorpusError
        There are no recordings; recordings have no row, no match, or two labels; rows have no recording; a column has a
        name that tables already use; the speakers are ambiguous. All such recordings are counted, ten are named.
    AudioError
        Recordings cannot be read or are empty.
    """
    folder, report = Path(folder), report or ImportReport()
    paths = find_recordings(list_files(folder))
    if not paths:
        raise CorpusError(f"expected recordings below {folder}, found none; check the path of the corpus")
    names = name_utterances(paths, folder)
    lengths = Faults("recordings").each(audio_length, paths)
    described = _labels([path.relative_to(folder) for path in paths], names, folder, labels, pattern)
    utterances = pd.DataFrame(
        {
            "utterance": names,
            "corpus": folder.name,
            "path": [path.relative_to(folder).as_posix() for path in paths],
            "sample_rate_hz": [rate for rate, _ in lengths],
            "n_samples": [n for _, n in lengths],
            **{column: [""] * len(paths) for column in ("gender", "text", "split")},
            "language": language,
        }
    )
    table = find_speaker_table(folder)
    if "speaker" in described and speaker is None:
        speakers, rule = list(described.pop("speaker")), "labels"
    else:
        listed = None if table is None else frozenset(read_speaker_table(table)["speaker"])
        named = name_speakers(paths, folder, speaker, listed=listed)
        speakers, rule = list(named.names), named.rule
        described.pop("speaker", None)
    utterances["speaker"] = speakers
    if table is not None:
        utterances = add_speakers(utterances, table)
    for column, values in described.items():
        utterances[column] = _filled(values, utterances[column]) if column in utterances else values
    _check_splits(utterances)
    unassigned = utterances["split"] == ""
    divided = split_speakers(utterances, divide_speakers)
    utterances["split"] = utterances["split"].mask(unassigned, divided)
    report.found["speakers"], report.found["speakers by"] = utterances["speaker"].nunique(), rule
    report.found["labels"] = ", ".join(name for name in described if name not in _FILLED) or "none"
    for name, values in described.items():
        report.left_out[f"recordings without {name}"] = int((values == "").sum())
    _log.info("%s: %d recordings of %d speakers", folder, len(utterances), report.found["speakers"])
    return check_utterances(utterances), no_segments()


def _labels(places: list[Path], names: list[str], folder: Path, table: str, pattern: str) -> dict[str, pd.Series]:
    """Return the columns that the table of recordings and their paths give, in the order of the recordings."""
    found: dict[str, pd.Series] = {}
    for source, columns in (
        ("the table", _by_table(places, names, folder, table)),
        ("names", _by_name(places, pattern)),
    ):
        for column, values in columns.items():
            other = found.get(column)
            if other is None:
                found[column] = values
                continue
            differ = [f"{name} ({a!r}, {b!r})" for name, a, b in zip(names, other, values) if a and b and a != b]
            if differ:
                raise CorpusError(
                    f"expected one {column} of each recording below {folder}, found another in {source} for "
                    f"{len(differ)}: {_listed(differ)}; correct the table or the pattern"
                )
            found[column] = other.where(other != "", values)
    return found


def _by_table(places: list[Path], names: list[str], folder: Path, table: str) -> dict[str, pd.Series]:
    if not table:
        return {}
    path = folder / table
    rows = read_columns(path)
    key = next((name for name in _PATHS if name in rows), None)
    if key is None:
        raise CorpusError(
            f"expected a column recording (path or name) in {path}, found {', '.join(rows) or 'none'}; name it"
        )
    kept = [column for column in rows if column != key]
    _check_names(kept, f"in {path}")
    keys = rows[key].map(lambda name: Path(name).as_posix())
    repeated = sorted(set(keys[keys.duplicated()]))
    if repeated:
        raise CorpusError(f"expected every recording once in {path}, found repeated {_listed(repeated)}; correct it")
    number = {name: row for row, name in enumerate(keys)}
    at = [
        next((number[form] for form in _forms(place, name) if form in number), -1) for place, name in zip(places, names)
    ]
    missing = [place.as_posix() for place, row in zip(places, at) if row < 0]
    unused = sorted(set(keys) - {keys[row] for row in at if row >= 0})
    if missing or unused:
        faults = [
            f"no row for {len(missing)} of {len(places)} recordings: {_listed(missing)}" if missing else "",
            f"no recording for {len(unused)} of {len(keys)} rows: {_listed(unused)}" if unused else "",
        ]
        raise CorpusError(
            f"expected a row for every recording in {path}, found {'; '.join(filter(None, faults))}; add the rows, or "
            "take recordings and rows without each other out"
        )
    return {column: rows[column].iloc[at].reset_index(drop=True) for column in kept}


def _forms(place: Path, name: str) -> tuple[str, ...]:
    whole = unicodedata.normalize("NFC", place.as_posix())
    stem = Path(whole).with_suffix("").as_posix()
    return whole, stem, name, Path(whole).name, Path(stem).name


def _by_name(places: list[Path], pattern: str) -> dict[str, pd.Series]:
    if not pattern:
        return {}
    try:
        form = re.compile(unicodedata.normalize("NFC", pattern))
    except re.error as error:
        raise ConfigError(
            f"expected a regular expression in pattern, found {pattern!r} ({error}); correct it"
        ) from None
    if not form.groupindex:
        raise ConfigError(
            f"expected named groups in pattern, found none in {pattern!r}; for example "
            "(?P<digit>[0-9])_(?P<speaker>.+)_"
        )
    _check_names(list(form.groupindex), f"in pattern {pattern!r}")
    matches = [form.search(unicodedata.normalize("NFC", place.as_posix())) for place in places]
    missing = [place.as_posix() for place, match in zip(places, matches) if match is None]
    if missing:
        raise CorpusError(
            f"expected paths that match the pattern {pattern!r}, found {len(missing)} of {len(places)} that do not: "
            f"{_listed(missing)}; correct the pattern, or move these recordings"
        )
    return {
        group: pd.Series([(match[group] or "") if match else "" for match in matches], dtype=object)
        for group in form.groupindex
    }


def _check_names(columns: list[str], where: str) -> None:
    taken = [column for column in columns if column in _RESERVED]
    if taken:
        raise CorpusError(
            f"expected names of labels that tables of Auscult do not use {where}, found {', '.join(taken)}; rename, "
            f"for example, {taken[0]} to own_{taken[0]}"
        )


def _filled(values: pd.Series, present: pd.Series) -> pd.Series:
    return values.where(values != "", present)


def _check_splits(utterances: pd.DataFrame) -> None:
    wrong = utterances.loc[~utterances["split"].isin((*SPLITS, "")), "split"]
    if len(wrong):
        raise CorpusError(
            f"expected split to be one of {', '.join(SPLITS)} or empty, found {wrong.iloc[0]!r} ({len(wrong)} such "
            "recordings); correct the labels"
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(names[:_MAX_NAMED]) + more
