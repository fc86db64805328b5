"""TIMIT (Garofolo et al., 1993): recordings with phone and word times in samples, phones folded to 39 classes."""

import logging
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from auscult.corpora.alphabets import alphabet_named
from auscult.corpora.audio import audio_length, rescale_samples
from auscult.corpora.corpus import split_speakers
from auscult.corpora.faults import Faults
from auscult.corpora.readers.tiers import cut_at_end, enclosing_words
from auscult.corpora.report import ImportReport
from auscult.corpora.texts import read_text, text_lines
from auscult.corpora.walk import list_files
from auscult.errors import CorpusError, LabelError
from auscult.tables import check_segments, check_utterances

__all__ = ["PHONE_CLASSES", "fold_phone", "phone_class", "read_timit"]

_log = logging.getLogger(__name__)
_LABEL_RATE_HZ = 16000
_SAMPLES = re.compile(r"[0-9]{1,12}")
# Adjacent words can share a consonant ("had your"), which belongs to the intervals of both.
_MAX_SHARED_S = 0.25
_NAME = re.compile(r"(?:.*?/)??(?:(train|test)/)?dr([1-8])[-/]([fm])([a-z]{3}\d)/((s[aix])\d+)\.phn", re.IGNORECASE)
_ENDINGS = (".wav", ".wav.wav", ".flac")

_FOLDED = {
    folded: tuple(phones.split())
    for folded, phones in {
        "aa": "aa ao",
        "ah": "ah ax ax-h",
        "er": "er axr",
        "hh": "hh hv",
        "ih": "ih ix",
        "l": "l el",
        "m": "m em",
        "n": "n en nx",
        "ng": "ng eng",
        "sh": "sh zh",
        "uw": "uw ux",
        "sil": "h# pau epi pcl tcl kcl bcl dcl gcl",
    }.items()
}
_DROPPED = "q"
PHONE_CLASSES = {
    "vowel": ("aa", "ae", "ah", "aw", "ay", "eh", "er", "ey", "ih", "iy", "ow", "oy", "uh", "uw"),
    "stop": ("b", "d", "dx", "g", "k", "p", "t"),
    "affricate": ("ch", "jh"),
    "fricative": ("dh", "f", "hh", "s", "sh", "th", "v", "z"),
    "nasal": ("m", "n", "ng"),
    "approximant": ("l", "r", "w", "y"),
    "silence": ("sil",),
}
_CLASS_OF = {phone: name for name, phones in PHONE_CLASSES.items() for phone in phones}
_FOLD = {phone: phone for phone in _CLASS_OF if phone != "sil"} | {
    phone: folded for folded, phones in _FOLDED.items() for phone in phones
}


def fold_phone(phone: str) -> str | None:
    """Fold a TIMIT phone to one of 39 classes (Lee & Hon, 1989); None for the glottal stop.

    Closures and pauses are folded to ``sil``.

    Raises
    ------
    LabelError
        The phone is not one of TIMIT's 61.
    """
    if phone == _DROPPED:
        return None
    if phone not in _FOLD:
        raise LabelError(f"expected one of TIMIT's 61 phones, found {phone!r}; check the .phn file it comes from")
    return _FOLD[phone]


def phone_class(phone: str) -> str:
    """Return the manner of articulation of a folded phone: vowel, stop, affricate, fricative, nasal …"""
    return _CLASS_OF[phone]


def _ipa(phone: str) -> str:
    sound = alphabet_named("timit39").phone(phone)
    return sound.ipa if sound else ""


def read_timit(
    folder: str | Path,
    *,
    sentence_types: Collection[str] = ("sa", "si", "sx"),
    language: str = "english",
    divide_speakers: bool = False,
    encoding: str = "",
    report: ImportReport | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the utterances and segments tables of TIMIT (the NLTK sample or the full corpus); audio is not decoded.

    Reads files such as ``dr1-fvmh0/sa1.phn`` (NLTK) and ``TRAIN/DR1/FCJF0/SA1.PHN`` (LDC) below ``folder``. Speaker,
    gender and dialect come from the folder names. The split is LDC's if the folders state it, with every eighth
    training speaker for validation; otherwise ``test``, or divided by speaker
    (:func:`~auscult.corpora.corpus.split_speakers`). All speakers read the ``sa`` sentences: leave them out if words
    must not be shared between speakers. Segments are of tiers ``word`` and ``phone``; phones are folded
    (:func:`fold_phone`), glottal stops are left out, original labels are kept in ``label_61``, sounds in
    ``ipa``; the parent of a phone is
    the word that contains it.

    A consonant shared by two words is assigned to the later word; labels that end up to 20 ms past the recording are
    cut at its end. Both are counted in the log.

    Parameters
    ----------
    folder : folder of the corpus
    sentence_types : which sentences to read, of ``sa`` (dialect), ``si`` (diverse) and ``sx`` (compact)
    language : entered for every utterance
    divide_speakers : whether speakers without a published split are divided into train, valid and test
    encoding : encoding of labels and texts; "" for UTF-8 or UTF-16
    report : is filled in with what was found and changed

    Returns
    -------
    utterances and segments, paths relative to ``folder``, times in samples of each recording

    Raises
    ------
    CorpusError
        No labels are found, or a recording or label file is missing.
    LabelError
        Labels are not sample indices, overlap, or run past the recording.
    """
    folder = Path(folder)
    paths = [(path, match) for path, match in _find(folder) if match[6].lower() in sentence_types]
    if not paths:
        raise CorpusError(
            f"expected TIMIT labels such as dr1-fvmh0/sa1.phn or TRAIN/DR1/FCJF0/SA1.PHN of types "
            f"{', '.join(sentence_types)} below {folder}, found none; check the source folder"
        )
    counts = {"shared": 0, "cut": 0}

    def read(found: tuple[Path, re.Match[str]]) -> tuple[dict[str, Any], list[pd.DataFrame]]:
        row = _utterance(folder, *found, language, encoding)
        return row, _segments(found[0], row, counts, encoding)

    entries = Faults("utterances").each(read, paths)
    tables = [table for _, of_utterance in entries for table in of_utterance]
    utterances = _with_splits(pd.DataFrame([row for row, _ in entries]), divide_speakers)
    if report is not None:
        report.found["alphabet"] = "timit61, folded to timit39"
        report.changed["words cut where the next begins"] = counts["shared"]
        report.changed["labels cut at the end of audio, up to 20 ms"] = counts["cut"]
    segments = check_segments(pd.concat(tables, ignore_index=True), check_utterances(utterances))
    _log.info(
        "TIMIT: %d utterances of %d speakers; %d words cut where the next begins, %d labels cut at the end of audio",
        len(utterances),
        utterances["speaker"].nunique(),
        counts["shared"],
        counts["cut"],
    )
    return utterances, segments


def _find(folder: Path) -> Iterator[tuple[Path, re.Match]]:
    for path in list_files(folder).paths:
        match = _NAME.fullmatch(path.relative_to(folder.parent).as_posix())
        if match:
            yield path, match


def _utterance(folder: Path, path: Path, match: re.Match, language: str, encoding: str) -> dict:
    split, dialect, gender, initials, sentence, kind = (part and part.lower() for part in match.groups())
    audio = _beside(path, *_ENDINGS)
    text = read_text(_beside(path, ".txt"), encoding)
    sample_rate_hz, n_samples = audio_length(audio)
    return {
        "utterance": f"{gender}{initials}-{sentence}",
        "corpus": "timit",
        "path": audio.relative_to(folder).as_posix(),
        "sample_rate_hz": sample_rate_hz,
        "n_samples": n_samples,
        "speaker": f"{gender}{initials}",
        "gender": {"f": "female", "m": "male"}[gender],
        "language": language,
        "text": re.sub(r"^\s*\d+\s+\d+\s+", "", text).strip(),
        "split": split or "",
        "dialect": f"dr{dialect}",
        "sentence": sentence,
        "sentence_type": kind,
    }


def _with_splits(utterances: pd.DataFrame, divide: bool) -> pd.DataFrame:
    if (utterances["split"] == "").any():
        return utterances.assign(split=split_speakers(utterances, divide))
    training = sorted(utterances.loc[utterances["split"] == "train", "speaker"].unique())
    return utterances.assign(split=utterances["split"].mask(utterances["speaker"].isin(training[7::8]), "valid"))


def _segments(path: Path, row: dict, counts: dict[str, int], encoding: str) -> list[pd.DataFrame]:
    words = _read_labels(_beside(path, ".wrd"), row, counts, encoding)
    phones = _read_labels(path, row, counts, encoding)
    _cut_shared(words, row, counts)
    words = words.assign(tier="word", parent=-1)
    try:
        folded = [fold_phone(phone) for phone in phones["label"]]
    except LabelError as error:
        raise LabelError(str(error).replace("the .phn file it comes from", str(path))) from None
    phones = phones.assign(tier="phone", label_61=phones["label"], label=folded).dropna(subset="label")
    phones["phone_class"] = phones["label"].map(phone_class)
    phones["ipa"] = phones["label"].map(_ipa)
    phones["parent"] = enclosing_words(words, phones)
    return [table.assign(utterance=row["utterance"], index=range(len(table))) for table in (words, phones)]


def _read_labels(path: Path, row: dict, counts: dict[str, int], encoding: str) -> pd.DataFrame:
    """Read lines ``onset offset label`` in samples at 16 kHz; cut labels that end just past the recording."""
    lines = [(number, line.split()) for number, line in text_lines(read_text(path, encoding))]
    if not lines:
        raise LabelError(f"expected lines 'onset offset label' in {path}, found none; fetch the corpus again")
    for number, parts in lines:
        if len(parts) != 3 or not all(_SAMPLES.fullmatch(time) for time in parts[:2]):
            raise LabelError(
                f"expected 'onset offset label' with times as sample indices, found {' '.join(parts)[:80]!r} at line "
                f"{number} of {path}; times in seconds must be multiplied by the sample rate and rounded"
            )
    times = np.array([[int(parts[0]), int(parts[1])] for _, parts in lines], dtype=np.int64)
    times = rescale_samples(times, _LABEL_RATE_HZ, row["sample_rate_hz"])
    labels = [parts[2].lower() for _, parts in lines]
    table = pd.DataFrame({"onset": times[:, 0], "offset": times[:, 1], "label": labels})
    table = cut_at_end(table, row["n_samples"], row["sample_rate_hz"])
    counts["cut"] += int(table.pop("cut").sum())
    return table


def _cut_shared(words: pd.DataFrame, row: dict, counts: dict[str, int]) -> None:
    following = words["onset"].shift(-1, fill_value=row["n_samples"])
    ends_later = words["offset"].shift(-1, fill_value=row["n_samples"]) >= words["offset"]
    shared = words["offset"] - following
    cut = (shared > 0) & (shared <= _MAX_SHARED_S * row["sample_rate_hz"]) & (following > words["onset"]) & ends_later
    counts["shared"] += int(cut.sum())
    words["offset"] = words["offset"].mask(cut, following)


def _beside(path: Path, *endings: str) -> Path:
    """Return the file next to a label file with the same stem and one of the endings, ignoring case."""
    names = {other.name.lower(): other for other in path.parent.iterdir()}
    for ending in endings:
        found = names.get(path.stem.lower() + ending)
        if found is not None:
            return found
    raise CorpusError(
        f"expected {path.stem}{endings[0]} beside {path}, found no such file; the corpus is incomplete: fetch it again"
    )
