"""Steps shared by the readers of label files: options, times in samples, pauses, words around phones, alphabets."""

import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd

from auscult.corpora.alphabets import Alphabet, Phone, choose_alphabet, describe_labels
from auscult.corpora.pauses import PAUSE, is_noise, is_pause
from auscult.corpora.report import ImportReport
from auscult.errors import ConfigError, LabelError

__all__ = [
    "WORD_TIERS",
    "PHONE_TIERS",
    "LabelOptions",
    "Tier",
    "UtteranceRow",
    "UtteranceLength",
    "PhoneReport",
    "choose_tiers",
    "cut_at_end",
    "enclosing_words",
    "tier_in_samples",
    "words_and_phones",
    "name_phones",
]

_log = logging.getLogger(__name__)
_MAX_EXCESS_S = 0.02
_FAR = 1e15
_VARIANT = re.compile(r"\(\d+\)$")
_POSITION = re.compile(r"(.+)_[BIES]")
# Names of tiers if none are stated: Montreal Forced Aligner and Charsiu, their singular, WebMAUS.
WORD_TIERS = ("words", "word", "ORT-MAU")
PHONE_TIERS = ("phones", "phone", "MAU")
Names = str | Collection[str]


@dataclass(frozen=True)
class LabelOptions:
    """How label files of a corpus are read.

    Parameters
    ----------
    words, phones : name of the tier, several to choose from, or "" if the corpus has none; case is ignored
    alphabet : one of :data:`~auscult.corpora.alphabets.ALPHABETS`, or "" to find it from all labels
    pauses : names of pauses besides :data:`~auscult.corpora.pauses.PAUSE_NAMES`
    encoding : encoding of text without byte order mark; "" for UTF-8 or UTF-16
    """

    words: Names = WORD_TIERS
    phones: Names = PHONE_TIERS
    alphabet: str = ""
    pauses: Collection[str] = ()
    encoding: str = ""

    def __post_init__(self) -> None:
        """Refuse values of the wrong kind, which a study's file may hold."""
        for option in ("words", "phones", "pauses"):
            value = getattr(self, option)
            if isinstance(value, Mapping) or not all(isinstance(name, str) for name in _names(value)):
                raise ConfigError(
                    f"expected option {option} of the corpus to be a name or a list of names, found {value!r}; put "
                    "names in quotation marks"
                )
        if isinstance(self.pauses, str):
            object.__setattr__(self, "pauses", (self.pauses,))

    def tiers(self) -> dict[str, tuple[str, ...]]:
        """Return the names to choose from of the tiers ``word`` and ``phone``, without tiers that are not wanted."""
        named = {"word": _names(self.words), "phone": _names(self.phones)}
        return {tier: names for tier, names in named.items() if names}


@dataclass(frozen=True)
class Tier:
    """The labels of one tier of a recording: rows (onset, offset, label), times in units of 1 / ``per_s`` seconds."""

    rows: tuple[tuple[float, float, str], ...]
    per_s: int = 1


class UtteranceRow(Protocol):
    """A row of the utterances table: name, number of samples and sample rate of a recording."""

    @property
    def utterance(self) -> Any:
        """Name of the recording."""

    @property
    def n_samples(self) -> Any:
        """Length of the recording in samples."""

    @property
    def sample_rate_hz(self) -> Any:
        """Sample rate of the recording in Hz."""


@dataclass(frozen=True)
class UtteranceLength:
    """Name, number of samples and sample rate of a recording that is not in a table yet."""

    utterance: str
    n_samples: int
    sample_rate_hz: int


def choose_tiers(found: Collection[str], names: Collection[str]) -> list[str]:
    """Return the tiers that have one of the names, after a speaker's name (``anna - words``); case is ignored."""
    wanted = {name.lower() for name in names}
    return [tier for tier in found if tier.lower().rpartition(" - ")[2] in wanted or tier.lower() in wanted]


def cut_at_end(table: pd.DataFrame, n_samples: int, sample_rate_hz: int) -> pd.DataFrame:
    """Cut offsets up to 20 ms past the end of a recording at its end, and mark these labels in column ``cut``.

    Later offsets, and labels that begin after the end, stay, for :func:`auscult.tables.check_segments` to refuse.
    """
    excess = table["offset"] - n_samples
    cut = (excess > 0) & (excess <= _MAX_EXCESS_S * sample_rate_hz) & (table["onset"] < n_samples)
    return table.assign(offset=table["offset"].mask(cut, n_samples), cut=cut)


def enclosing_words(words: pd.DataFrame, phones: pd.DataFrame) -> np.ndarray:
    """Return the position of the word that contains each phone, -1 if none does; words are sorted by onset."""
    # The last word that begins at or before a phone's onset is the only one that can contain it.
    candidate = np.searchsorted(words["onset"], phones["onset"], side="right") - 1
    ends = np.append(words["offset"].to_numpy(), -1)[candidate]
    return np.where((candidate >= 0) & (phones["offset"] <= ends), candidate, -1)


def tier_in_samples(tier: Tier, name: str, row: UtteranceRow, pauses: Collection[str] = ()) -> pd.DataFrame:
    """Return the labels of a tier in samples of its recording, sorted by onset; column ``cut`` marks cut labels.

    Pauses are labelled ``sil``; those without length, and those after the end of the recording, are left out. Among
    words all pauses are left out. Numbers of pronunciation variants (``then(2)``) are removed.

    Parameters
    ----------
    tier : labels and the unit of their times
    name : name of the tier, entered in column ``tier``
    row : row of the utterances table
    pauses : names of pauses besides the usual ones

    Raises
    ------
    LabelError
        The times appear to be in another unit.
    """
    table = _in_samples(tier, name, row, pauses)
    return (
        table[~(table["pause"] & ((name == "word") | _is_lost(table, row)))]
        .drop(columns="pause")
        .reset_index(drop=True)
    )


def words_and_phones(
    tiers: Mapping[str, Tier], row: UtteranceRow, pauses: Collection[str], counts: Counter[str]
) -> pd.DataFrame:
    """Return the segments of an utterance, of tiers ``word`` and ``phone``; the parent of a phone is its word.

    Phones have raw labels, for :func:`name_phones`. A word that is spelt like a pause (``pau``) is a pause unless it
    contains phones. ``counts`` is increased by the labels cut at the end and the pauses of no length.
    """
    tables = {name: _in_samples(tier, name, row, pauses) for name, tier in tiers.items()}
    phones, words = tables.get("phone"), tables.get("word")
    spoken = np.empty((0, 2)) if phones is None else phones.loc[~phones["pause"], ["onset", "offset"]].to_numpy()
    if words is not None:
        words = words[~words["pause"] | _are_spoken(words, spoken)]
        words = words.assign(label=words["raw"], parent=-1).drop(columns=["raw", "pause"]).reset_index(drop=True)
        tables["word"] = words
    if phones is not None:
        lost = phones["pause"] & _is_lost(phones, row)
        counts["pauses of no length"] += int((lost & (phones["offset"] <= phones["onset"])).sum())
        phones = phones[~lost].drop(columns=["raw", "pause"]).reset_index(drop=True)
        tables["phone"] = phones.assign(parent=-1 if words is None else enclosing_words(words, phones))
    segments = pd.concat([table.assign(index=range(len(table))) for table in tables.values()], ignore_index=True)
    counts["labels cut"] += int(segments.pop("cut").sum())
    return segments.assign(utterance=row.utterance)


def _in_samples(tier: Tier, name: str, row: UtteranceRow, pauses: Collection[str]) -> pd.DataFrame:
    duration_s, end = row.n_samples / row.sample_rate_hz, max((times[1] for times in tier.rows), default=0)
    if end > 50 * duration_s * tier.per_s:
        raise LabelError(
            f"expected times in {'seconds' if tier.per_s == 1 else f'units of 1/{tier.per_s} s'} for utterance "
            f"{row.utterance!r}, found a {name} ending at {end:g} in a recording of {duration_s:.3f} s; this looks "
            "like another unit (samples, frames, milliseconds): convert them"
        )
    times = np.array([times[:2] for times in tier.rows], dtype=np.float64).reshape(-1, 2)
    # Times far outside of any recording stay outside, but fit an integer.
    times = np.rint(np.clip(times * row.sample_rate_hz / tier.per_s, -_FAR, _FAR)).astype(np.int64)
    raw = pd.Series([_plain(label) for *_, label in tier.rows], dtype=object)
    pause = raw.map(lambda label: is_pause(label, pauses)).astype(bool)
    columns = {"tier": name, "onset": times[:, 0], "offset": times[:, 1], "label": raw.mask(pause, PAUSE)}
    table = cut_at_end(pd.DataFrame(columns), row.n_samples, row.sample_rate_hz).assign(raw=raw, pause=pause)
    # Aligners may list words in any order; the search for enclosing words needs them by onset.
    return table.sort_values("onset", kind="stable").reset_index(drop=True)


def _is_lost(table: pd.DataFrame, row: UtteranceRow) -> pd.Series:
    """Return which labels would be lost as pauses: without length, or after the end of the recording."""
    return (table["onset"] >= row.n_samples) | (table["offset"] <= table["onset"])


def _are_spoken(words: pd.DataFrame, spoken: np.ndarray) -> np.ndarray:
    """Return which words are spelt in letters and contain the middle of a phone that is no pause."""
    middles = np.sort(spoken.mean(axis=1))
    first, last = (np.searchsorted(middles, words[side]) for side in ("onset", "offset"))
    return words["raw"].str.isalpha().to_numpy(dtype=bool) & (last > first)


def _plain(label: str) -> str:
    return unicodedata.normalize("NFC", _VARIANT.sub("", label.strip()))


@dataclass
class PhoneReport:
    """What was found of a corpus's phone labels and changed in them; numbers of tokens, by label where they differ."""

    alphabet: str
    n_stress: int = 0
    n_respelt: int = 0
    n_positions: int = 0
    unmapped: dict[str, int] = field(default_factory=dict)

    def fill_in(self, report: ImportReport, counts: Mapping[str, int]) -> None:
        """Add this, and the counts of :func:`words_and_phones`, to the report of an import."""
        report.found["alphabet"] = self.alphabet
        report.changed["stress marks moved to column stress"] += self.n_stress
        report.changed["labels respelt in one form"] += self.n_respelt
        report.changed["marks of the position in the word removed"] += self.n_positions
        report.changed["labels cut at the end of audio, up to 20 ms"] += counts.get("labels cut", 0)
        report.left_out["pauses of no length"] += counts.get("pauses of no length", 0)
        report.unknown["phone"] = self.unmapped

    def __str__(self) -> str:
        """Return the report as a clause of a log message."""
        changes = {
            "stress marks moved to column stress": self.n_stress,
            "labels respelt": self.n_respelt,
            "marks of the position in the word removed": self.n_positions,
        }
        changed = "".join(f", {number} {what}" for what, number in changes.items() if number)
        unmapped = describe_labels(self.unmapped) if self.unmapped else "none"
        return f"alphabet of phones: {self.alphabet}{changed}; phones without a known class: {unmapped}"


def name_phones(
    segments: pd.DataFrame, alphabet: str = "", where: str = "the corpus"
) -> tuple[pd.DataFrame, PhoneReport]:
    """Return the segments of a whole corpus with columns ``phone_class``, ``stress`` and ``ipa``, and a report.

    The alphabet is decided from all phones at once (:func:`~auscult.corpora.alphabets.choose_alphabet`). Stress marks
    move from the label to column ``stress`` ("1" primary, "2" secondary, "0" where ARPAbet marks none). Labels in IPA
    are spelt in one way each. Phones without a known sound keep their label and have class "".

    Parameters
    ----------
    segments : table with columns ``tier`` and ``label``; pauses are labelled ``sil``
    alphabet : name of the alphabet, or "" to find it
    where : the corpus, for errors

    Raises
    ------
    ConfigError, LabelError
        See :func:`~auscult.corpora.alphabets.choose_alphabet`.
    """
    labels = segments["label"].where(segments["tier"] == "phone", "")
    spoken = (labels != "") & (labels != PAUSE)
    noise = spoken & labels.map(is_noise).astype(bool)
    names = labels[spoken & ~noise]
    parts = {label: _POSITION.fullmatch(label) for label in names.unique()}
    positions = bool(parts) and all(parts.values())
    if positions:  # Kaldi marks the position in the word in every label
        names = names.map(lambda label: label[:-2])
    counts = names.value_counts().to_dict()
    found = choose_alphabet(counts, alphabet, where)
    phones = {label: found.phone(label) for label in counts}
    report = _report(found, phones, counts, len(names) if positions else 0)
    empty = pd.Series("", index=segments.index)
    columns = {
        "phone_class": empty.mask(labels == PAUSE, "silence").mask(noise, "noise"),
        "stress": empty,
        "ipa": empty,
    }
    for column in ("phone_class", "stress", "ipa"):
        values = names.map({label: getattr(phone, column) if phone else "" for label, phone in phones.items()})
        columns[column] = columns[column].mask(spoken & ~noise, values.reindex(segments.index))
    plain = names.map(_plain_labels(found, phones))
    changed = segments["label"].mask(spoken & ~noise, plain.reindex(segments.index))
    return segments.assign(label=changed, **columns), report


def _plain_labels(alphabet: Alphabet, phones: Mapping[str, Phone | None]) -> dict[str, str]:
    """Return each label without stress mark; in upper case if the alphabet ignores case and the corpus has both."""
    known = {label: phone.label for label, phone in phones.items() if phone}
    if alphabet.name.startswith(("timit", "arpabet")) and len({label.isupper() for label in known.values()}) > 1:
        known = {label: plain.upper() for label, plain in known.items()}
    return {label: known.get(label, label) for label in phones}


def _report(
    alphabet: Alphabet, phones: Mapping[str, Phone | None], counts: Mapping[str, int], n_positions: int
) -> PhoneReport:
    report = PhoneReport(alphabet.name, n_positions=n_positions)
    for label, phone in phones.items():
        if phone is None:
            report.unmapped[label] = counts[label]
        elif phone.stress:
            report.n_stress += counts[label]
        elif phone.label != label:
            report.n_respelt += counts[label]
    return report


def _names(value: Names) -> tuple[str, ...]:
    """Return a name or several as a tuple; "" is none. Anything else is returned in a tuple, to be refused."""
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(value) if isinstance(value, Collection) else (value,)
