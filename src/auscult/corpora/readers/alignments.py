"""Alignments in files separate from their recordings, in several formats, as one table of words and phones in samples.

The formats differ in their units of time: seconds in TextGrid and JSON, onset and duration in seconds in CTM, samples
at 16 kHz in ``.phn`` and ``.wrd``, 100 ns in HTK labels, end times in seconds only in ESPS labels.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import pandas as pd

from auscult.corpora.readers import timit
from auscult.corpora.readers.textgrid import phone_class, read_textgrid
from auscult.corpora.readers.tiers import cut_at_end, enclosing_words, split_stress
from auscult.corpora.walk import list_files
from auscult.errors import LabelError

__all__ = [
    "FORMATS",
    "Labels",
    "Tier",
    "UtteranceRow",
    "read_labels",
    "find_labels",
    "tier_in_samples",
    "align_utterances",
]

_PAUSES = ("", "sil", "sp", "[sil]", "<sil>", "<eps>", "<s>", "</s>", "h#", "pau", "#")
_HTK_PER_S = 10_000_000
_TIERS = {"word": "word", "words": "word", "wrd": "word", "phone": "phone", "phones": "phone", "phn": "phone"}


@dataclass(frozen=True)
class Tier:
    """The labels of one tier of a recording: rows (onset, offset, label), times in units of 1 / ``per_s`` seconds."""

    rows: tuple[tuple[float, float, str], ...]
    per_s: int = 1


class UtteranceRow(Protocol):
    """A row of the utterances table: name, number of samples and sample rate of a recording."""

    utterance: str
    n_samples: int
    sample_rate_hz: int


Labels = dict[str, dict[str, Tier]]
_Row = TypeVar("_Row")


def align_utterances(
    utterances: pd.DataFrame, folder: str | Path, *, words: str = "words", phones: str = "phones"
) -> tuple[pd.DataFrame, int]:
    """Read the words and phones of every utterance that has an alignment below a folder.

    A file belongs to the utterance with the same name as its stem; a CTM names utterances itself. Pauses are left out
    among words and labelled ``sil`` among phones. The ARPAbet stress digit of a label moves to column ``stress``, the
    number of a pronunciation variant (``then(2)``) is dropped; TIMIT phones (``.phn``) are folded to 39 classes.
    Offsets up to 20 ms past the recording are cut at its end.

    Parameters
    ----------
    utterances : table with columns ``utterance, n_samples, sample_rate_hz``
    folder : folder with the alignments, at any depth, in any of the :data:`FORMATS`
    words, phones : names of the tiers in TextGrids and in JSON from the Montreal Forced Aligner; case is ignored

    Returns
    -------
    segments, with columns ``phone_class`` and ``stress``; utterances without alignment have none
    n_cut : the number of labels that were cut

    Raises
    ------
    LabelError
        A file does not have the format of its ending or lacks a tier, its times do not fit the recording, two files
        hold the same tier of an utterance, or no utterance has both tiers.
    """
    files = find_labels(folder, utterances["utterance"])
    labels = _gather({path: read_labels(path, words=words, phones=phones) for path in files})
    tables, n_cut = [], 0
    for row in utterances.itertuples():
        tiers = labels.get(row.utterance, {})
        if len(tiers) == 2:
            tables.append(_segments(tiers, row))
            n_cut += int(tables[-1].pop("cut").sum())
    if not tables:
        available = " and ".join(sorted({tier for tiers in labels.values() for tier in tiers}))
        raise LabelError(
            f"expected words and phones of {len(utterances)} utterances (such as {utterances['utterance'].iloc[0]!r}) "
            f"below {folder}, found "
            f"{available or 'no label file of them'}; give the folder of alignments, whose files are named like the "
            "utterances"
        )
    return pd.concat(tables, ignore_index=True), n_cut


def find_labels(folder: str | Path, utterances: Iterable[str]) -> list[Path]:
    """Return the label files below a folder that are named like one of the utterances, and every CTM file, sorted."""
    names = set(utterances)
    paths = list_files(folder).ending_in(*FORMATS)
    return [path for path in paths if path.suffix.lower() == ".ctm" or _stem(path) in names]


def read_labels(path: str | Path, *, words: str = "words", phones: str = "phones") -> Labels:
    """Read the tiers ``word`` and ``phone`` of a label file, by utterance.

    The ending of the file name decides the format. ``.ctm`` and ``.lab`` files hold one tier, named by a part of the
    file's or folder's name (``phones.ctm``, ``words/a.lab``), or else phones. A ``.lab`` file of plain text, the
    Montreal Forced Aligner's format for transcripts, holds none.

    Parameters
    ----------
    path : label file
    words, phones : names of the tiers in TextGrids and in JSON from the Montreal Forced Aligner; case is ignored

    Raises
    ------
    LabelError
        The ending is unknown, or the content does not have its format.
    """
    path = Path(path)
    reader = FORMATS.get(path.suffix.lower())
    if reader is None:
        raise LabelError(f"expected labels in one of {', '.join(FORMATS)}, found {path}; convert it first")
    return reader(path, {"word": words, "phone": phones})


def _read_textgrid(path: Path, names: dict[str, str]) -> Labels:
    return {_stem(path): {tier: Tier(tuple(rows)) for tier, rows in _choose(read_textgrid(path), names, path).items()}}


def _read_json(path: Path, names: dict[str, str]) -> Labels:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if "tiers" in content:
            found = {name: [tuple(row[:3]) for row in tier["entries"]] for name, tier in content["tiers"].items()}
            entries = _choose(found, names, path)
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


def _with_durations(entries: list[dict[str, Any]]) -> list[tuple[float, float, str]]:
    return [(entry["b"], entry["b"] + entry["d"], entry["t"]) for entry in entries]


def _read_ctm(path: Path, names: dict[str, str]) -> Labels:
    rows: dict[str, list[tuple[float, float, str]]] = {}
    for number, line in _lines(path):
        parts = line.split()
        times = _numbers(parts[2:4])
        if len(parts) < 5 or times is None or times[1] < 0:
            raise _line_error(path, number, line, "utterance channel onset_s duration_s label")
        rows.setdefault(parts[0], []).append((times[0], sum(times), parts[4]))
    return {utterance: {_tier_of(path): Tier(tuple(sorted(found)))} for utterance, found in rows.items()}


def _read_samples(path: Path, names: dict[str, str]) -> Labels:
    rows = []
    for number, line in _lines(path):
        parts = line.split()
        if len(parts) != 3 or not (parts[0].isdecimal() and parts[1].isdecimal()):
            raise _line_error(path, number, line, "onset offset label (times in samples at 16 kHz)")
        label = timit.fold_phone(parts[2].lower()) if path.suffix.lower() == ".phn" else parts[2]
        if label is not None:
            rows.append((int(parts[0]), int(parts[1]), label))
    return {_stem(path): {_TIERS[path.suffix.lower()[1:]]: Tier(tuple(rows), 16000)}}


def _read_lab(path: Path, names: dict[str, str]) -> Labels:
    """Read labels of HTK (in 100 ns), of ESPS (a header up to ``#``, then end times) or with times in seconds."""
    lines = list(_lines(path))
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


FORMATS: dict[str, Callable[[Path, dict[str, str]], Labels]] = {
    ".textgrid": _read_textgrid,
    ".json": _read_json,
    ".ctm": _read_ctm,
    ".phn": _read_samples,
    ".wrd": _read_samples,
    ".lab": _read_lab,
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


def _segments(tiers: dict[str, Tier], row: UtteranceRow) -> pd.DataFrame:
    words, phones = (tier_in_samples(tiers[name], name, row) for name in ("word", "phone"))
    labels, stress = split_stress(phones["label"])
    folded = tiers["phone"].per_s == 16000
    phones = phones.assign(
        parent=enclosing_words(words, phones),
        phone_class=phones["label"].map(timit.phone_class if folded else phone_class),
        stress=stress,
        label=labels,
    )
    words = words.assign(parent=-1, phone_class="", stress="")
    tables = [table.assign(index=range(len(table))) for table in (words, phones)]
    return pd.concat(tables, ignore_index=True).assign(utterance=row.utterance)


def tier_in_samples(tier: Tier, name: str, row: UtteranceRow) -> pd.DataFrame:
    """Return the labels of a tier in samples of its recording, sorted by onset; column ``cut`` marks cut labels.

    Pauses are left out among words and labelled ``sil`` in any other tier.

    Parameters
    ----------
    tier : labels and the unit of their times
    name : name of the tier, entered in column ``tier``
    row : row of the utterances table

    Raises
    ------
    LabelError
        The times appear to be in another unit.
    """
    duration_s, end = row.n_samples / row.sample_rate_hz, max((times[1] for times in tier.rows), default=0)
    if end > 50 * duration_s * tier.per_s:
        raise LabelError(
            f"expected times in {'seconds' if tier.per_s == 1 else f'units of 1/{tier.per_s} s'} for utterance "
            f"{row.utterance!r}, found a {name} ending at {end:g} in a recording of {duration_s:.3f} s; this looks "
            "like another unit (samples, frames, milliseconds): convert them"
        )
    times = np.array([times[:2] for times in tier.rows], dtype=np.float64).reshape(-1, 2)
    times = np.rint(times * row.sample_rate_hz / tier.per_s).astype(np.int64)
    labels = pd.Series([re.sub(r"\(\d+\)$", "", label.strip()) for *_, label in tier.rows], dtype=object)
    pause = labels.str.lower().isin(_PAUSES)
    table = pd.DataFrame(
        {"tier": name, "onset": times[:, 0], "offset": times[:, 1], "label": labels.mask(pause, "sil")}
    )
    table = cut_at_end(table, row.n_samples, row.sample_rate_hz)
    # A pause after the end of the recording is dropped; a label there is an error, left for check_segments to report.
    dropped = pause & ((name == "word") | (table["onset"] >= row.n_samples))
    # Aligners may list words in any order; the search for enclosing words needs them by onset.
    return table[~dropped].sort_values("onset", kind="stable").reset_index(drop=True)


def _choose(tiers: dict[str, list[_Row]], names: dict[str, str], path: Path) -> dict[str, list[_Row]]:
    chosen = {}
    for tier, name in names.items():
        found = [key for key in tiers if key.lower().rpartition(" - ")[2] == name.lower()]
        if len(found) != 1:
            raise LabelError(
                f"expected one tier {name!r} in {path}, found tiers {', '.join(map(repr, tiers)) or 'none'}; name the "
                "tiers in the options of the corpus"
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


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    text = path.read_text(encoding="utf-8", errors="replace")
    return ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip())


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
