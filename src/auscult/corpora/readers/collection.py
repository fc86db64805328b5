"""Collections of recordings: files in folders or tables, with whatever is known of them beside them."""

import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from auscult.corpora.audio import audio_length
from auscult.corpora.corpus import split_speakers
from auscult.corpora.faults import Faults
from auscult.corpora.past_end import PastEnd, check_past_end, settle_past_end
from auscult.corpora.readers.rows import TURN_COLUMNS, RowOptions, TableRow, find_tables, plain_split, read_rows
from auscult.corpora.readers.spoken import ATTRIBUTE, Spoken, compile_tiers, label_files, read_spoken
from auscult.corpora.readers.tiers import (
    PHONE_TIERS,
    WORD_TIERS,
    LabelOptions,
    Tier,
    UtteranceLength,
    name_phones,
    words_and_phones,
)
from auscult.corpora.readers.turns import TURN_COUNTS, Turn, TurnOptions, cut_turns, find_turns, turn_options
from auscult.corpora.recordings import find_recordings, name_utterances
from auscult.corpora.report import ImportReport
from auscult.corpora.speaker_tables import (
    RESERVED_COLUMNS,
    add_speakers,
    find_speaker_table,
    plain_gender,
    read_speaker_table,
)
from auscult.corpora.speakers import name_speakers
from auscult.corpora.texts import read_text
from auscult.corpora.walk import SourceFiles, list_files
from auscult.errors import ConfigError, CorpusError, LabelError
from auscult.tables import check_segments, check_utterances, no_segments

__all__ = ["read_collection"]

_log = logging.getLogger(__name__)
_NO_LABELS = "none"
_KEEP = ("leave_out", "keep")
# Columns that are used here only: number of the recording, and speaker that its tiers name.
_SOURCE, _TIER_SPEAKER = "@source", "@speaker"
_BY_NAME, _BY_FILE = "by_name", "by_file"
# Roles and numbers, which another person may have in the next file.
_ROLE = re.compile(
    r"(speaker|spk|spkr|s|p|participant|channel|ch|person|talker)?[ _-]?([a-z]|\d{1,2})|left|right|\w*view\w*", re.I
)
_FILLED = ("speaker", "gender", "language", "text", "split")
_MAX_NAMED = 10


def read_collection(
    folder: str | Path,
    *,
    recordings: str | Path,
    table: str | Collection[str] = "",
    columns: Mapping[str, str] | None = None,
    pattern: str = "",
    transcripts: str = "",
    labels: str | Collection[str] = "",
    alignments: str = "",
    unlabelled: str = "leave_out",
    words: str | Collection[str] = WORD_TIERS,
    phones: str | Collection[str] = PHONE_TIERS,
    attributes: Mapping[str, str] | None = None,
    tiers: str = "",
    turns: Mapping[str, Any] | bool = False,
    channels: Mapping[str, int] | None = None,
    tier_speakers: str = "",
    alphabet: str = "",
    pauses: Collection[str] = (),
    encoding: str = "",
    language: str = "",
    divide_speakers: bool = False,
    speaker: Mapping[str, Any] | None = None,
    past_end: PastEnd = "refuse",
    report: ImportReport | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the tables of recordings in any layout, with labels in any known format, or without labels.

    Recordings are the files of a folder, or the rows of tables (CSV, TSV, JSON lines, Parquet, Arrow), which may hold
    the sound itself. What else is known of them becomes columns of the utterances: columns of the tables, groups of a
    pattern in the names of files, columns of ``speakers.csv``. Labels are read from files beside the recordings or in a
    tree of their own: TextGrid, ELAN, CTM, JSON, CSV, ``.phn``/``.wrd``, ``.lab``, ``.phones``/``.words``. Recordings
    of several speakers are cut into turns.

    Parameters
    ----------
    folder : folder of the corpus
    recordings : existing folder to write recordings to that are cut out of others or come out of tables
    table : path or pattern of tables of recordings below ``folder``, or several; "" finds ``metadata.csv`` and its
        like, and Parquet and Arrow files where there are no recordings
    columns : names of columns of the tables, by the names that they get: ``{speaker: client_id, text: sentence}``
    pattern : regular expression, searched in the path of each recording below ``folder``; its named groups become
        columns, a group ``speaker`` the speaker
    transcripts : ending of files beside the recordings that hold their text, such as ``.txt``
    labels : endings of the label files to read, ``none`` for no labels; "" reads all that are known
    alignments : folder of the label files, relative to ``folder``, if they are in a tree of their own
    unlabelled : whether recordings without labels are left out, if others have some (``leave_out``), or kept (``keep``)
    words, phones : names of the tiers, or ELAN's linguistic types; several to choose from, or "" for none
    attributes : names of further tiers, by the name of the column of words and phones that each becomes, such as
        ``{tone: tones}``: the label at the middle of the word or phone
    tiers : regular expression with groups ``speaker`` and ``tier`` for the names of tiers
    turns : true, or ``{pause_s: …, margin_s: …}``, cuts recordings into turns of their speakers
    channels : channel of each speaker, counted from 1
    tier_speakers : whether a name of tiers that recurs in several files is the same person (``by_name``) or another
        one in each file (``by_file``); needed for names like ``A``, ``S1`` and ``interviewer`` only
    alphabet, pauses, encoding : as for :func:`~auscult.corpora.readers.textgrid.read_textgrids`
    language, divide_speakers, speaker, past_end : as there
    report : is filled in with what was found, changed and left out

    Returns
    -------
    utterances and segments, times in samples of each recording. Turns have columns ``recording`` and ``turn_onset_s``.

    Raises
    ------
    ConfigError
        An option has a value that does not exist.
    CorpusError, AudioError
        There are no recordings, or they are missing, unreadable, or without a speaker.
    LabelError
        Labels cannot be read, belong to no recording, or do not fit it.
    """
    report = report or ImportReport()
    check_past_end(past_end)
    if unlabelled not in _KEEP:
        raise ConfigError(f"expected the option unlabelled to be one of {', '.join(_KEEP)}, found {unlabelled!r}")
    options = LabelOptions(words, phones, alphabet, pauses, encoding)
    cutting = turn_options(turns, channels)
    folder, scratch = Path(folder), Path(recordings)
    files = list_files(folder)
    rows = _recordings(
        files, RowOptions(table if isinstance(table, str) else tuple(table), columns or {}), scratch, pattern, report
    )
    _check_attributes(attributes)
    spoken = _labels(files, [row.path for row in rows], folder, labels, alignments, options, tiers, attributes)
    spoken = _with_common_tiers(spoken, options, attributes or {}, report)
    kept = [row for row in rows if row.path in spoken or not spoken or unlabelled == "keep"]
    report.left_out["recordings without labels"] = len(rows) - len(kept)
    if not spoken:
        report.found["labels"] = "none, so that only whole recordings can be analysed"
    _check_speakers_per_file(spoken, cutting, speaker)
    _check_recurring(spoken, tier_speakers)
    utterances, segments, counts = _read(kept, spoken, options, cutting, scratch, folder, report)
    utterances = _with_texts(utterances, kept, files, transcripts, encoding)
    if tier_speakers == _BY_FILE:
        own = utterances[_TIER_SPEAKER] != ""
        stems = utterances[_SOURCE].map(lambda source: kept[source].path.stem)
        utterances[_TIER_SPEAKER] = (stems + "-" + utterances[_TIER_SPEAKER]).where(own, "")
    utterances = _with_speakers(utterances, kept, folder, speaker, language, divide_speakers, report)
    named, phones_found = name_phones(segments, alphabet, str(folder)) if len(segments) else (segments, None)
    if phones_found is not None:
        phones_found.fill_in(report, counts)
    utterances, named = settle_past_end(utterances, named, past_end, report)
    named = check_segments(named, check_utterances(utterances))
    _log.info("%s: %d utterances of %d speakers", folder, len(utterances), utterances["speaker"].nunique())
    return utterances.drop(columns=_SOURCE), named


def _recordings(
    files: SourceFiles, options: RowOptions, scratch: Path, pattern: str, report: ImportReport
) -> list[TableRow]:
    """Return the recordings of tables, or else of the folder, with the columns that their names give."""
    tables = find_tables(files, options)
    if tables:
        rows = read_rows(tables, files, options, scratch, report.found)
        listed = {row.path for row in rows}
        unlisted = [path for path in find_recordings(files) if path not in listed]
        report.left_out["recordings that no table lists"] = len(unlisted)
    else:
        if options.columns:
            raise ConfigError("expected a table with the option columns, found none; name it (option table)")
        rows = [TableRow(path, "", str(path), {}) for path in find_recordings(files)]
    if not rows:
        raise CorpusError(
            f"expected recordings, or a table of them, below {files.folder}, found none; check the path of the corpus"
        )
    return _with_names(rows, files.folder, pattern) if pattern else rows


def _with_names(rows: Sequence[TableRow], folder: Path, pattern: str) -> list[TableRow]:
    try:
        compiled = re.compile(unicodedata.normalize("NFC", pattern))
    except re.error as error:
        raise ConfigError(
            f"expected a regular expression in the option pattern, found {pattern!r} ({error}); correct it"
        ) from None
    groups = set(compiled.groupindex)
    taken = groups & ((RESERVED_COLUMNS | TURN_COLUMNS) - {"text"})
    if not groups or taken:
        raise ConfigError(
            f"expected named groups in the option pattern, such as '(?P<tone>[1-4])', found "
            f"{', '.join(sorted(taken)) or 'none'} in {pattern!r}; name the columns that they give"
        )
    found, wrong, differ = [], [], []
    for row in rows:
        place = row.path.name if row.name else row.path.relative_to(folder).as_posix()
        place = unicodedata.normalize("NFC", place)
        match = compiled.search(place)
        if match is None:
            wrong.append(place)
            continue
        given = {key: value or "" for key, value in match.groupdict().items()}
        if "split" in given:
            given["split"] = plain_split(given["split"], place)
        listed = {key: row.values.get(key, "") for key in given}
        differ += [
            f"{place} ({key} {listed[key]!r}, {given[key]!r})" for key in given if _differ(listed[key], given[key])
        ]
        found.append(replace(row, values={**row.values, **{key: given[key] or listed[key] for key in given}}))
    if differ:
        raise CorpusError(
            f"expected the same in tables and names of recordings below {folder}, found {len(differ)} that differ: "
            f"{_listed(differ)}; correct the table or the pattern"
        )
    if wrong:
        raise CorpusError(
            f"expected the option pattern ({pattern}) to fit every recording below {folder}, found {len(wrong)} of "
            f"{len(rows)} that it does not fit: {_listed(wrong)}; correct the pattern or move these recordings"
        )
    return found


def _differ(first: str, second: str) -> bool:
    return bool(first and second) and first != second


def _labels(
    files: SourceFiles,
    paths: Sequence[Path],
    folder: Path,
    labels: str | Collection[str],
    alignments: str,
    options: LabelOptions,
    tiers: str,
    attributes: Mapping[str, str] | None,
) -> dict[Path, Spoken]:
    if labels == _NO_LABELS:
        return {}
    apart = folder / alignments
    if not apart.is_dir():
        raise CorpusError(
            f"expected label files in {apart}, found no such folder; correct the option alignments, which is relative "
            "to the path of the corpus"
        )
    found = label_files(list_files(apart).paths if alignments else files.paths, () if labels == "" else labels)
    # Recordings that come out of a table lie elsewhere, and are known by their names.
    listed = [path if path.is_relative_to(folder) else folder / path.name for path in paths]
    original = dict(zip(listed, paths))
    everything = read_spoken(found, listed, folder, apart, options, compile_tiers(tiers), attributes)
    return {original[path]: spoken for path, spoken in everything.items()}


def _with_common_tiers(
    spoken: dict[Path, Spoken], options: LabelOptions, attributes: Mapping[str, str], report: ImportReport
) -> dict[Path, Spoken]:
    """Return the labels without speakers who say nothing; without words or phones if no file has them."""
    wanted = tuple(options.tiers())
    have_all = {tier for found in spoken.values() for tiers in found.values() for tier in tiers}
    absent = [repr(tier) for name, tier in attributes.items() if ATTRIBUTE + name not in have_all]
    if absent:
        raise LabelError(
            f"expected tiers {' and '.join(absent)} of the option attributes in the label files, found none; correct it"
        )
    have = {tier for tier in have_all if tier[0] != ATTRIBUTE}
    missing = [tier for tier in wanted if tier not in have]
    if spoken and missing:
        report.found["labels"] = f"{' and '.join(sorted(have))}s only"
    incomplete = [
        f"{path}{f' ({speaker})' if speaker else ''} has only {_named(tiers)}"
        for path, found in spoken.items()
        for speaker, tiers in found.items()
        if set(tiers) != have_all
    ]
    if incomplete:
        raise LabelError(
            f"expected {_named(have_all)} of every recording with labels, found "
            f"{len(incomplete)} without: {_listed(incomplete)}; add them, or read one tier only (option words or "
            'phones: "")'
        )
    return spoken


def _named(tiers: Collection[str]) -> str:
    """Return the names of tiers in words."""
    return " and ".join(tier[1:] if tier[0] == ATTRIBUTE else f"{tier}s" for tier in sorted(tiers))


def _check_attributes(attributes: Mapping[str, str] | None) -> None:
    named = attributes or {}
    if not isinstance(named, Mapping) or not all(isinstance(name, str) for pair in named.items() for name in pair):
        raise ConfigError(
            f"expected the option attributes to be of the form {{tone: tier}}, found {attributes!r}; correct it"
        )
    taken = [name for name in named if name in (*RESERVED_COLUMNS, *TURN_COLUMNS, *_FILLED)]
    if taken:
        raise ConfigError(
            f"expected names of columns that tables of Auscult do not use in the option attributes, found "
            f"{', '.join(taken)}; choose others"
        )


def _check_recurring(spoken: Mapping[Path, Spoken], tier_speakers: str) -> None:
    if tier_speakers not in ("", _BY_NAME, _BY_FILE):
        raise ConfigError(
            f"expected the option tier_speakers to be {_BY_NAME} or {_BY_FILE}, found {tier_speakers!r}; correct it"
        )
    dialogues = [found for found in spoken.values() if len(found) > 1]
    counts = Counter(speaker for found in dialogues for speaker in found if _ROLE.fullmatch(speaker))
    recurring = [f"{speaker!r} in {n}" for speaker, n in sorted(counts.items()) if n > 1]
    if recurring and not tier_speakers:
        raise CorpusError(
            f"expected tiers to name people, found names that recur and may be roles: {_listed(recurring)} recordings; "
            f"state whether each is the same person (option tier_speakers: {_BY_NAME}) or another one in each file "
            f"({_BY_FILE})"
        )


def _check_speakers_per_file(
    spoken: Mapping[Path, Spoken], cutting: TurnOptions | None, rule: Mapping[str, Any] | None
) -> None:
    several = [f"{path} ({', '.join(sorted(found))})" for path, found in spoken.items() if len(found) > 1]
    if several and cutting is None:
        raise LabelError(
            f"expected one speaker per recording, found several in {len(several)} of {len(spoken)}: "
            f"{_listed(several)}; cut the recordings into turns (option turns: true), with a channel per speaker if "
            "they have one (option channels)"
        )
    if several and rule:
        raise ConfigError(
            f"expected no option speaker where tiers name several speakers, found {dict(rule)} and {_listed(several)}; "
            "remove the option"
        )


@dataclass
class _Tables:
    """Rows and segments while they are collected."""

    rows: list[dict[str, Any]]
    segments: list[pd.DataFrame]
    counts: Counter[str]


def _read(
    rows: Sequence[TableRow],
    spoken: Mapping[Path, Spoken],
    options: LabelOptions,
    cutting: TurnOptions | None,
    scratch: Path,
    folder: Path,
    report: ImportReport,
) -> tuple[pd.DataFrame, pd.DataFrame, Counter[str]]:
    """Return a row per recording or turn, the segments, and counts of labels; column ``_SOURCE`` is its recording."""
    named = [row.path if row.path.is_relative_to(folder) else folder / row.path.name for row in rows]
    names = [row.name or name for row, name in zip(rows, name_utterances(named, folder))]
    tables, faults = _Tables([], [], Counter()), Faults("recordings")
    for number, (row, name) in enumerate(zip(rows, names)):
        with faults.check():
            rate, length = audio_length(row.path, name=row.shown)
            path = row.path.relative_to(folder).as_posix() if row.path.is_relative_to(folder) else str(row.path)
            entry = {**row.values, "path": path, "sample_rate_hz": rate, _SOURCE: number, "recording": name}
            found = spoken.get(row.path, {})
            if cutting is None or not found:
                single, tiers = next(iter(found.items()), ("", {}))
                _add(tables, entry, name, length, single, tiers, options)
            else:
                turns = find_turns(found, cutting, options.pauses, tables.counts, length / rate)
                _add_turns(tables, entry, row.path, turns, cutting, scratch, options)
    faults.complain()
    if not tables.rows:
        raise CorpusError(
            f"expected speech in the labels of the recordings below {folder}, found only pauses and overlapping words; "
            "check the tiers, or give speakers their channels (option channels)"
        )
    for what in TURN_COUNTS:
        report.left_out[what] = tables.counts[what]
    if cutting is not None:
        report.found["turns"] = len(tables.rows)
    utterances = pd.DataFrame(tables.rows)
    utterances = utterances.fillna({column: "" for column in utterances if column != "turn_onset_s"})
    if cutting is None:
        utterances = utterances.drop(columns="recording")
    segments = pd.concat(tables.segments, ignore_index=True) if tables.segments else no_segments()
    return utterances.assign(corpus=folder.name), segments, tables.counts


def _add(
    tables: _Tables,
    entry: Mapping[str, Any],
    name: str,
    n_samples: int,
    speaker: str,
    tiers: Mapping[str, Tier],
    options: LabelOptions,
) -> None:
    # A text of the table's own stays, but is not that of a turn.
    text = "" if "turn_onset_s" in entry else entry.get("text", "")
    if tiers:
        length = UtteranceLength(name, n_samples, entry["sample_rate_hz"])
        ordered = {tier: tiers[tier] for tier in ("word", "phone") if tier in tiers}
        segments = words_and_phones(ordered, length, options.pauses, tables.counts)
        segments = _with_attributes(segments, tiers, entry["sample_rate_hz"])
        tables.segments.append(segments)
        text = text or " ".join(segments.loc[segments["tier"] == "word", "label"])
    tables.rows.append({**entry, "utterance": name, "n_samples": n_samples, _TIER_SPEAKER: speaker, "text": text})


def _with_attributes(segments: pd.DataFrame, tiers: Mapping[str, Tier], sample_rate_hz: int) -> pd.DataFrame:
    """Return segments with the labels that attributes have at the middle of each, "" if none."""
    middles = (segments["onset"] + segments["offset"]).to_numpy() / 2 / sample_rate_hz
    for name, tier in tiers.items():
        if name[0] != ATTRIBUTE:
            continue
        rows = sorted(tier.rows)
        onsets, offsets = (np.array([row[side] for row in rows]) / tier.per_s for side in (0, 1))
        places = np.searchsorted(onsets, middles, side="right") - 1
        values = [rows[k][2] if k >= 0 and middle < offsets[k] else "" for k, middle in zip(places, middles)]
        segments = segments.assign(**{name[1:]: values})
    return segments


def _add_turns(
    tables: _Tables,
    entry: Mapping[str, Any],
    path: Path,
    turns: Sequence[Turn],
    cutting: TurnOptions,
    scratch: Path,
    options: LabelOptions,
) -> None:
    names = [
        "-".join(filter(None, (entry["recording"], re.sub(r"[^\w.]", "_", turn.speaker), f"{number:04d}")))
        for number, turn in enumerate(turns, 1)
    ]
    places = [(scratch / f"{name}.wav").absolute() for name in names]
    for name, place, turn, length in zip(names, places, turns, cut_turns(path, turns, cutting, places)):
        own = {**entry, "path": str(place), "turn_onset_s": turn.onset_s}
        _add(tables, own, name, length, turn.speaker, turn.tiers, options)


def _with_texts(
    utterances: pd.DataFrame, rows: Sequence[TableRow], files: SourceFiles, ending: str, encoding: str
) -> pd.DataFrame:
    """Return the utterances with the text of the files beside their recordings."""
    if not ending:
        return utterances
    if "turn_onset_s" in utterances:
        raise ConfigError("expected no option transcripts with turns, whose text is that of their words, found both")
    places = [row.path.with_name(row.path.stem + ending) for row in rows]
    known = {path.as_posix().lower(): path for path in files.paths}
    missing = [str(place) for place in places if place.as_posix().lower() not in known]
    if missing:
        raise CorpusError(
            f"expected a transcript ({ending}) beside every recording, found none for {len(missing)} of {len(rows)}: "
            f"{_listed(missing)}; add them or correct the option transcripts"
        )
    texts = Faults("transcripts").each(lambda place: read_text(known[place.as_posix().lower()], encoding), places)
    return utterances.assign(text=utterances[_SOURCE].map(dict(enumerate(" ".join(text.split()) for text in texts))))


def _with_speakers(
    utterances: pd.DataFrame,
    rows: Sequence[TableRow],
    folder: Path,
    rule: Mapping[str, Any] | None,
    language: str,
    divide: bool,
    report: ImportReport,
) -> pd.DataFrame:
    """Return the utterances with speakers, of tiers, tables, names of files or paths, and what is known of them."""
    table = find_speaker_table(folder)
    for column in _FILLED:
        utterances[column] = utterances.get(column, "")
    named = utterances.pop(_TIER_SPEAKER)
    named = named.where(named != "", utterances["speaker"])
    unnamed = utterances.loc[named == "", "utterance"]
    if (utterances["speaker"] != "").any() and len(unnamed) and rule is None:
        raise CorpusError(
            f"expected a speaker in every row of the tables, found none for {len(unnamed)} of {len(utterances)} "
            f"recordings: {_listed(list(unnamed))}; fill in the column, or state the option speaker"
        )
    places = [
        folder / (row.path.relative_to(folder) if row.path.is_relative_to(folder) else row.path.name) for row in rows
    ]
    speakers = name_speakers(
        [places[source] for source in utterances[_SOURCE]],
        folder,
        rule,
        tiers=list(named),
        listed=None if table is None else frozenset(read_speaker_table(table)["speaker"]),
    )
    from_table = any("speaker" in row.values for row in rows)
    utterances = utterances.assign(speaker=speakers.names)
    utterances["language"] = utterances["language"].where(utterances["language"] != "", language)
    utterances["gender"] = _genders(utterances, report)
    if table is not None:
        utterances = add_speakers(utterances, table)
    utterances["split"] = utterances["split"].mask(utterances["split"] == "", split_speakers(utterances, divide))
    described = utterances.drop_duplicates("speaker")
    report.found["speakers"] = len(described)
    report.found["speakers by"] = speakers.rule.replace(
        "names of tiers", "table or name" if from_table else "names of tiers"
    )
    report.found["genders"] = described["gender"].replace("", "unknown").value_counts().to_dict()
    return utterances


def _genders(utterances: pd.DataFrame, report: ImportReport) -> pd.Series:
    """Return one gender per speaker: that of any recording, "" if they contradict each other."""
    stated = utterances["gender"].map(plain_gender)
    known = stated[stated != ""].groupby(utterances["speaker"]).agg(lambda values: sorted(set(values)))
    single = {speaker: values[0] for speaker, values in known.items() if len(values) == 1}
    found = utterances["speaker"].map(single).fillna("")
    report.left_out["speakers of several genders, who get none"] += int((known.map(len) > 1).sum())
    report.changed["genders taken from other recordings of the speaker"] += int(((stated == "") & (found != "")).sum())
    return found


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(names[:_MAX_NAMED]) + more
