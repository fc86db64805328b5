"""Alignments in files separate from their recordings, in several formats, as one table of words and phones in samples.

The formats differ in their units of time: seconds in TextGrid, JSON and CSV, onset and duration in seconds in CTM,
samples at 16 kHz in ``.phn`` and ``.wrd``, 100 ns in HTK labels, end times in seconds only in ESPS labels.
"""

import csv
import json
import logging
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from auscult.corpora.faults import Faults
from auscult.corpora.readers import timit
from auscult.corpora.readers.praat import read_textgrid
from auscult.corpora.readers.tiers import (
    PHONE_TIERS,
    WORD_TIERS,
    LabelOptions,
    Tier,
    choose_tiers,
    name_phones,
    words_and_phones,
)
from auscult.corpora.report import ImportReport
from auscult.corpora.texts import read_text, text_lines
from auscult.corpora.walk import list_files
from auscult.errors import LabelError

__all__ = [
    "FORMATS",
    "Labels",
    "read_aligned_table",
    "read_ctm",
    "read_labels",
    "find_labels",
    "align_utterances",
]

_log = logging.getLogger(__name__)
_DEFAULTS = LabelOptions()
_HTK_PER_S = 10_000_000
_TIERS = {"word": "word", "words": "word", "wrd": "word", "phone": "phone", "phones": "phone", "phn": "phone"}


Labels = dict[str, dict[str, Tier]]
_Row = TypeVar("_Row")
_Interval = tuple[float, float, str]


def align_utterances(
    utterances: pd.DataFrame,
    folder: str | Path,
    *,
    words: str | Collection[str] = WORD_TIERS,
    phones: str | Collection[str] = PHONE_TIERS,
    alphabet: str = "",
    pauses: Collection[str] = (),
    encoding: str = "",
    report: ImportReport | None = None,
) -> tuple[pd.DataFrame, int]:
    """Read the words and phones of every utterance that has an alignment below a folder.

    A file belongs to the utterance with the same name as its stem; a CTM names utterances itself. Pauses
    (:data:`~auscult.corpora.pauses.PAUSE_NAMES`) are left out among words and labelled ``sil`` among phones; those of
    no length are dropped, and counted in the log. The number of a pronunciation variant (``then(2)``) is dropped. The
    alphabet of the phones is decided once (:func:`~auscult.corpora.readers.tiers.name_phones`); TIMIT phones (``.phn``)
    are folded to 39 classes unless another alphabet is stated. Offsets up to 20 ms past the recording are cut at its
    end. If no utterance has words, and no words are asked for, only phones are read.

    Parameters
    ----------
    utterances : table with columns ``utterance, n_samples, sample_rate_hz``
    folder : folder with the alignments, at any depth, in any of the :data:`FORMATS`
    words, phones : names of the tiers in TextGrids and in JSON from the Montreal Forced Aligner, each one name, several
        to choose from, or "" for none; case is ignored
    alphabet : alphabet of the phones, one of :data:`~auscult.corpora.alphabets.ALPHABETS`; "" finds it
    pauses : names of pauses besides the usual ones
    encoding : encoding of files without byte order mark; "" for UTF-8 or UTF-16
    report : is filled in with what was found and changed

    Returns
    -------
    segments, with columns ``phone_class``, ``stress`` and ``ipa``; utterances without alignment have none
    n_cut : the number of labels that were cut

    Raises
    ------
    ConfigError
        An option has a value that does not exist.
    LabelError
        A file does not have the format of its ending or lacks a tier, its times do not fit the recording, phones fit no
        alphabet, two files hold the same tier of an utterance, or no utterance has all tiers.
    """
    options = LabelOptions(words, phones, alphabet, pauses, encoding)
    files = find_labels(folder, utterances["utterance"])
    contents = Faults("label files").each(lambda path: read_labels(path, options), files)
    labels = _gather(dict(zip(files, contents)))
    available = {tier for tiers in labels.values() for tier in tiers}
    wanted = list(options.tiers())
    if options.words == WORD_TIERS and available == {"phone"}:
        _log.warning("%s: no file has words; only phones are read", folder)
        wanted = ["phone"]
    tables, counts = [], Counter[str]()
    for row in utterances.itertuples():
        tiers = labels.get(row.utterance, {})
        if set(wanted) <= set(tiers):
            tables.append(words_and_phones({name: tiers[name] for name in wanted}, row, options.pauses, counts))
    if not tables:
        raise LabelError(
            f"expected {' and '.join(f'{tier}s' for tier in wanted)} of {len(utterances)} utterances (such as "
            f"{utterances['utterance'].iloc[0]!r}) below {folder}, found "
            f"{' and '.join(sorted(available)) or 'no label file of them'}; give the folder of alignments, whose files "
            "are named like the utterances"
        )
    segments, phones_found = name_phones(pd.concat(tables, ignore_index=True), alphabet, str(folder))
    _log.info("%s: %d pauses of no length dropped; %s", folder, counts["pauses of no length"], phones_found)
    if report is not None:
        phones_found.fill_in(report, counts)
    return segments, counts["labels cut"]


def find_labels(folder: str | Path, utterances: Iterable[str]) -> list[Path]:
    """Return the label files below a folder that are named like one of the utterances, and every CTM file, sorted."""
    names = set(utterances)
    paths = list_files(folder).ending_in(*FORMATS)
    return [path for path in paths if path.suffix.lower() == ".ctm" or _stem(path) in names]


def read_labels(path: str | Path, options: LabelOptions = _DEFAULTS) -> Labels:
    """Read the tiers ``word`` and ``phone`` of a label file, by utterance.

    The ending of the file name decides the format. ``.ctm`` and ``.lab`` files hold one tier, named by a part of the
    file's or folder's name (``phones.ctm``, ``words/a.lab``), or else phones. A ``.lab`` file of plain text, the
    Montreal Forced Aligner's format for transcripts, holds none.

    Parameters
    ----------
    path : label file
    options : names of the tiers in TextGrids and in JSON from the Montreal Forced Aligner, alphabet and encoding

    Raises
    ------
    LabelError
        The ending is unknown, or the content does not have its format.
    """
    path = Path(path)
    reader = FORMATS.get(path.suffix.lower())
    if reader is None:
        raise LabelError(f"expected labels in one of {', '.join(FORMATS)}, found {path}; convert it first")
    return reader(path, options)


def _read_textgrid(path: Path, options: LabelOptions) -> Labels:
    grid = read_textgrid(path, options.encoding, backslashes=options.alphabet != "xsampa")
    return {_stem(path): {tier: Tier(tuple(rows)) for tier, rows in _choose(grid, options, path).items()}}


def _read_json(path: Path, options: LabelOptions) -> Labels:
    try:
        content = json.loads(read_text(path, options.encoding))
        if "tiers" in content:
            found = {name: [tuple(row[:3]) for row in tier["entries"]] for name, tier in content["tiers"].items()}
            entries = _choose(found, options, path)
        else:
            phones = [phone for word in content["w"] for phone in word["w"]]
            entries = {"word": _with_durations(content["w"]), "phone": _with_durations(phones)}
        tiers = {
            name: Tier(tuple((_finite(onset), _finite(offset), str(label)) for onset, offset, label in rows))
            for name, rows in entries.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LabelError(
            f"expected an alignment of PocketSphinx or the Montreal Forced Aligner in {path}, found other JSON "
            f"({type(error).__name__}: {error}); write it with the aligner's own command"
        ) from None
    return {_stem(path): tiers}


def read_aligned_table(path: Path, options: LabelOptions = _DEFAULTS) -> dict[tuple[str, str], list[_Interval]]:
    """Return the tiers of a table of the Montreal Forced Aligner (``output_format csv``), by speaker and name.

    Other tables hold no labels.

    Raises
    ------
    LabelError
        A line has no times.
    """
    lines = text_lines(read_text(path, options.encoding))
    header = [name.strip().lower() for name in _cells(lines[0][1])] if lines else []
    if not {"begin", "end", "label", "type"} <= set(header):
        return {}
    rows: dict[tuple[str, str], list[_Interval]] = {}
    for number, line in lines[1:]:
        row = dict(zip(header, _cells(line)))
        times = _numbers([row.get("begin", ""), row.get("end", "")])
        if times is None or "type" not in row:
            raise _line_error(path, number, line, "Begin,End,Label,Type")
        rows.setdefault((row.get("speaker", ""), row["type"]), []).append((times[0], times[1], row["label"]))
    return rows


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error:  # a cell of more than 128 kB
        return []


def _read_csv(path: Path, options: LabelOptions) -> Labels:
    found = read_aligned_table(path, options)
    speakers = {speaker for speaker, _ in found}
    if len(speakers) > 1:
        raise LabelError(
            f"expected one speaker in {path}, found {', '.join(sorted(speakers))}; split the recording into one per "
            "speaker, or read the corpus with reader collection and option turns"
        )
    rows = {tier: entries for (_, tier), entries in found.items()}
    return (
        {_stem(path): {tier: Tier(tuple(rows)) for tier, rows in _choose(rows, options, path).items()}} if rows else {}
    )


def _with_durations(entries: list[dict[str, Any]]) -> list[tuple[float, float, str]]:
    return [(entry["b"], entry["b"] + entry["d"], entry["t"]) for entry in entries]


def read_ctm(path: Path, options: LabelOptions = _DEFAULTS) -> tuple[str, dict[str, dict[str, Tier]]]:
    """Return the tier that a CTM file holds, and its labels by recording and channel.

    Raises
    ------
    LabelError
        A line has another format.
    """
    rows: dict[tuple[str, str], list[_Interval]] = {}
    for number, line in text_lines(read_text(path, options.encoding)):
        if line.startswith(";;"):  # a comment
            continue
        parts = line.split()
        times = _numbers(parts[2:4])
        if len(parts) < 5 or times is None or times[1] < 0:
            raise _line_error(path, number, line, "utterance channel onset_s duration_s label")
        rows.setdefault((parts[0], parts[1]), []).append((times[0], sum(times), parts[4]))
    found: dict[str, dict[str, Tier]] = {}
    for (utterance, channel), entries in rows.items():
        found.setdefault(utterance, {})[channel] = Tier(tuple(sorted(entries)))
    return _tier_of(path), found


def _read_ctm(path: Path, options: LabelOptions) -> Labels:
    tier, found = read_ctm(path, options)
    several = [
        f"{utterance} ({', '.join(sorted(channels))})" for utterance, channels in found.items() if len(channels) > 1
    ]
    if several:
        raise LabelError(
            f"expected one channel per recording in {path}, found several in {len(several)}, such as {several[0]}; "
            "read the corpus with reader collection and option turns"
        )
    return {utterance: {tier: next(iter(channels.values()))} for utterance, channels in found.items()}


def _read_samples(path: Path, options: LabelOptions) -> Labels:
    rows, folded = [], path.suffix.lower() == ".phn" and options.alphabet in ("", "timit61")
    for number, line in text_lines(read_text(path, options.encoding)):
        parts = line.split()
        if len(parts) != 3 or not (parts[0].isdecimal() and parts[1].isdecimal()):
            raise _line_error(path, number, line, "onset offset label (times in samples at 16 kHz)")
        label = _folded(parts[2].lower(), number, path) if folded else parts[2]
        if label is not None:
            rows.append((int(parts[0]), int(parts[1]), label))
    return {_stem(path): {_TIERS[path.suffix.lower()[1:]]: Tier(tuple(rows), 16000)}}


def _folded(phone: str, number: int, path: Path) -> str | None:
    try:
        return timit.fold_phone(phone)
    except LabelError:
        raise LabelError(
            f"expected one of TIMIT's 61 phones, found {phone[:80]!r} at line {number} of {path}; correct the line, or "
            "state the alphabet of the phones (option alphabet)"
        ) from None


def _read_lab(path: Path, options: LabelOptions) -> Labels:
    """Read labels of HTK (in 100 ns), of ESPS (a header up to ``#``, then end times) or with times in seconds."""
    lines = text_lines(read_text(path, options.encoding))
    header = next((place for place, (_, line) in enumerate(lines) if line == "#"), None)
    if header is None and not any(_numbers(line.split()[:1]) for _, line in lines):
        return {}
    rows, end, whole = [], 0.0, True
    for number, line in lines[0 if header is None else header + 1 :]:
        parts = line.split()
        times = _numbers(parts[:2] if header is None else parts[:1])
        if len(parts) < 3 or times is None:
            raise _line_error(path, number, line, "onset offset label" if header is None else "end_s colour label")
        onset, end = times if header is None else (end, times[0])
        whole &= header is None and parts[0].isdecimal() and parts[1].isdecimal()
        rows.append((onset, end, parts[2]))
    return {_stem(path): {_tier_of(path): Tier(tuple(rows), _HTK_PER_S if whole else 1)}}


def _read_esps(path: Path, options: LabelOptions) -> Labels:
    """Read labels of Buckeye: a header up to ``#``, then end times; a label ends at ``;``, where its variants begin."""
    lines = text_lines(read_text(path, options.encoding))
    begin = next((place for place, (_, line) in enumerate(lines) if line == "#"), None)
    if begin is None:
        raise LabelError(f"expected a header that ends with a line '#' in {path}, found none; this is another format")
    rows, onset = [], 0.0
    for number, line in lines[begin + 1 :]:
        parts = line.partition(";")[0].split(None, 2)
        times = _numbers(parts[:1])
        if times is None or len(parts) < 2:
            raise _line_error(path, number, line, "end_s colour label")
        rows.append((onset, times[0], parts[2].strip() if len(parts) > 2 else ""))
        onset = times[0]
    return {_stem(path): {path.suffix.lower()[1:].rstrip("s"): Tier(tuple(rows))}}


FORMATS: dict[str, Callable[[Path, LabelOptions], Labels]] = {
    ".textgrid": _read_textgrid,
    ".json": _read_json,
    ".csv": _read_csv,
    ".ctm": _read_ctm,
    ".phn": _read_samples,
    ".wrd": _read_samples,
    ".lab": _read_lab,
    ".phones": _read_esps,
    ".words": _read_esps,
}


def _gather(files: dict[Path, Labels]) -> Labels:
    gathered: Labels = {}
    source: dict[tuple[str, str], Path] = {}
    for path, labels in files.items():
        for utterance, tiers in labels.items():
            for name, tier in tiers.items():
                if (utterance, name) in source:
                    raise LabelError(
                        f"expected the {name}s of utterance {utterance!r} in one file, found them in "
                        f"{source[utterance, name]} and {path}; keep one of the two"
                    )
                source[utterance, name] = path
                gathered.setdefault(utterance, {})[name] = tier
    return gathered


def _choose(tiers: Mapping[str, list[_Row]], options: LabelOptions, path: Path) -> dict[str, list[_Row]]:
    chosen = {}
    for tier, names in options.tiers().items():
        found = choose_tiers(tiers, names)
        if not found and tier == "word" and options.words == WORD_TIERS:
            continue  # phones without words
        if len(found) != 1:
            raise LabelError(
                f"expected one tier {' or '.join(map(repr, names))} in {path}, found tiers "
                f"{', '.join(map(repr, found or tiers)) or 'none'}; name the tiers in the options of the corpus"
            )
        chosen[tier] = tiers[found[0]]
    return chosen


def _stem(path: Path) -> str:
    stem, _, last = path.stem.rpartition(".")
    return stem if stem and last.lower() in _TIERS else path.stem


def _tier_of(path: Path) -> str:
    parts = (
        [path.parent.name, *re.split(r"[._-]", path.stem)]
        if path.suffix.lower() == ".ctm"
        else [path.parent.name, path.stem.rpartition(".")[2]]
    )
    return next((_TIERS[part.lower()] for part in reversed(parts) if part.lower() in _TIERS), "phone")


def _numbers(parts: list[str]) -> tuple[float, ...] | None:
    try:
        return tuple(_finite(part) for part in parts) or None
    except ValueError:
        return None


def _finite(value: str | float) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"a time of {number}")
    return number


def _line_error(path: Path, number: int, line: str, expected: str) -> LabelError:
    return LabelError(f"expected '{expected}', found {line[:80]!r} at line {number} of {path}; correct the line")
