"""LibriSpeech (Panayotov et al., 2015) in the layout of OpenSLR, with word and phone times from a forced aligner."""

import logging
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from auscult.corpora.audio import audio_length
from auscult.corpora.faults import Faults
from auscult.corpora.past_end import PastEnd, check_past_end, settle_past_end
from auscult.corpora.readers.alignments import align_utterances
from auscult.corpora.readers.tiers import PHONE_TIERS, WORD_TIERS
from auscult.corpora.report import ImportReport
from auscult.corpora.walk import list_files
from auscult.errors import CorpusError, LabelError
from auscult.tables import check_segments, check_utterances, no_segments

__all__ = ["read_librispeech", "read_speakers", "keep_aligned"]

_log = logging.getLogger(__name__)
_NAME = re.compile(r"(\d+)-(\d+)-\d+\.(?:flac|wav)", re.IGNORECASE)
_SPLITS = {"train": "train", "dev": "valid", "test": "test"}
_GENDERS = {"F": "female", "M": "male"}
# The aligner failed on 0.02 % of LibriSpeech; more than 2 % suggests a wrong or incomplete set of alignments.
_MAX_UNALIGNED = 0.02
_MAX_OTHER_WORDS = 0.1
_UNKNOWN = ("<unk>", "spn", "<spn>")


def read_librispeech(
    folder: str | Path,
    *,
    subsets: Collection[str] = (),
    alignments: str = "",
    aligned: bool = True,
    words: str | Collection[str] = WORD_TIERS,
    phones: str | Collection[str] = PHONE_TIERS,
    alphabet: str = "",
    pauses: Collection[str] = (),
    encoding: str = "",
    language: str = "english",
    past_end: PastEnd = "refuse",
    report: ImportReport | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the utterances and segments tables of LibriSpeech; audio is not decoded.

    Reads recordings such as ``dev-clean/84/121123/84-121123-0000.flac`` with ``84-121123.trans.txt`` next to them, and
    one or more ``SPEAKERS.TXT``, all below ``folder``. The split follows from the subset: ``train-…`` is train,
    ``dev-…`` valid, ``test-…`` test. Utterances without an alignment are left out and counted in the log. Utterances
    whose aligned words share less than half with the transcript are counted in the log. Speakers listed with two
    genders get none, and are named in the log.

    Parameters
    ----------
    folder : folder into which the corpus was unpacked
    subsets : subsets to read, such as ``dev-clean``; by default all
    alignments : folder of the alignments, relative to ``folder``; by default ``folder`` itself. See
        :func:`~auscult.corpora.readers.alignments.align_utterances` for formats and names.
    aligned : False reads no alignments; there are no segments then
    words, phones, alphabet, pauses, encoding : how labels are read, see
        :func:`~auscult.corpora.readers.alignments.align_utterances`
    language : entered for every utterance
    past_end : what is done with labels that end more than 20 ms after their recording: ``refuse``, ``clip`` the labels,
        or ``leave_out`` the recordings
    report : is filled in with what was changed and left out

    Returns
    -------
    utterances and segments, paths relative to ``folder``, times in samples of each recording

    Raises
    ------
    CorpusError
        There are no recordings, a transcript or speaker is missing, or too many utterances have no alignment.
    LabelError
        An alignment cannot be read or does not fit its recording, or the words of more than a tenth of the alignments
        differ from the transcripts.
    """
    folder, report = Path(folder), report or ImportReport()
    check_past_end(past_end)
    paths = [path for path in list_files(folder).paths if _NAME.fullmatch(path.name)]
    paths = [path for path in paths if not subsets or _subset(path) in subsets]
    if not paths:
        raise CorpusError(
            f"expected recordings such as dev-clean/84/121123/84-121123-0000.flac of "
            f"{', '.join(subsets) or 'any subset'} below {folder}, found none; check the folder and the subsets"
        )
    genders = read_speakers(folder)
    texts: dict[Path, dict[str, str]] = {}
    rows = Faults("recordings").each(lambda path: _utterance(folder, path, genders, texts, language), paths)
    utterances = pd.DataFrame(rows)
    if not aligned:
        _log.info("LibriSpeech: %d utterances of %d speakers", len(utterances), utterances["speaker"].nunique())
        return check_utterances(utterances), no_segments()
    segments, n_cut = align_utterances(
        utterances,
        folder / alignments,
        words=words,
        phones=phones,
        alphabet=alphabet,
        pauses=pauses,
        encoding=encoding,
        report=report,
    )
    utterances = keep_aligned(utterances, segments, folder / alignments)
    utterances, segments = settle_past_end(utterances, segments, past_end, report)
    n_other = _count_other(utterances, segments, folder / alignments)
    segments = check_segments(segments, check_utterances(utterances))
    _log.info(
        "LibriSpeech: %d utterances of %d speakers; %d labels cut at the end of audio; %d utterances whose words "
        "differ in number from the transcript, %d that share less than half with it",
        len(utterances),
        utterances["speaker"].nunique(),
        n_cut,
        _n_differing(utterances, segments),
        n_other,
    )
    return utterances, segments


def read_speakers(folder: str | Path) -> dict[str, str]:
    """Read the gender of every speaker from all ``SPEAKERS.TXT`` below a folder.

    Fields are separated by ``|``, tabs, semicolons or commas, or else by blanks: speaker, ``F`` or ``M``, and further
    fields that are ignored. Lines that begin with ``;`` are comments.

    Returns
    -------
    ``female``, ``male`` or "" (if the lists contradict each other; logged), by speaker

    Raises
    ------
    CorpusError
        There is no ``SPEAKERS.TXT``, or a line has another format.
    """
    paths = [path for path in list_files(folder).paths if path.name.upper() == "SPEAKERS.TXT"]
    if not paths:
        raise CorpusError(f"expected SPEAKERS.TXT below {folder}, found none; unpack the whole archive")
    found: dict[str, set[str]] = {}
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if line.strip() and not line.startswith(";"):
                speaker, gender = _speaker(line, number, path)
                found.setdefault(speaker, set()).add(gender)
    conflicts = sorted(speaker for speaker, genders in found.items() if len(genders) > 1)
    if conflicts:
        _log.warning("%d speakers are listed with two genders, and get none: %s", len(conflicts), ", ".join(conflicts))
    return {speaker: "" if len(genders) > 1 else genders.pop() for speaker, genders in found.items()}


def keep_aligned(utterances: pd.DataFrame, segments: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Return the utterances that have segments; the first ten of the others are named in the log.

    Raises
    ------
    CorpusError
        More than 2 % have none, so the alignments are probably incomplete or of another corpus.
    """
    missing = utterances.loc[~utterances["utterance"].isin(segments["utterance"]), "utterance"]
    if len(missing) > max(1, _MAX_UNALIGNED * len(utterances)):
        raise CorpusError(
            f"expected alignments of nearly all {len(utterances)} utterances below {folder}, found none for "
            f"{len(missing)}, such as {missing.iloc[0]!r}; they may be of other subsets, or incomplete"
        )
    if len(missing):
        _log.warning(
            "%d of %d utterances have no alignment and are left out: %s",
            len(missing),
            len(utterances),
            ", ".join(missing[:10]),
        )
    return utterances[~utterances["utterance"].isin(missing)].reset_index(drop=True)


def _speaker(line: str, number: int, path: Path) -> tuple[str, str]:
    fields = [field.strip() for field in re.split(r"[|\t;,]", line, maxsplit=2)]
    fields = fields if len(fields) > 1 else line.split(None, 2)
    if len(fields) < 2 or not fields[0].isdecimal() or fields[1].upper() not in _GENDERS:
        raise CorpusError(
            f"expected 'speaker | F or M | …', found {line.strip()[:80]!r} at line {number} of {path}; correct the line"
        )
    return fields[0], _GENDERS[fields[1].upper()]


def _utterance(
    folder: Path, path: Path, genders: dict[str, str], texts: dict[Path, dict[str, str]], language: str
) -> dict[str, Any]:
    speaker, chapter, _ = path.stem.split("-")
    if speaker not in genders:
        raise CorpusError(
            f"expected speaker {speaker} of {path.name} in SPEAKERS.TXT, found {len(genders)} others; add a line, or "
            "take the list that belongs to this subset"
        )
    subset, (sample_rate_hz, n_samples) = _subset(path), audio_length(path)
    return {
        "utterance": path.stem,
        "corpus": "librispeech",
        "path": path.relative_to(folder).as_posix(),
        "sample_rate_hz": sample_rate_hz,
        "n_samples": n_samples,
        "speaker": speaker,
        "gender": genders[speaker],
        "language": language,
        "text": _transcript(path, f"{speaker}-{chapter}.trans.txt", texts),
        "split": _SPLITS.get(subset.partition("-")[0], "test"),
        "subset": subset,
        "chapter": chapter,
    }


def _subset(path: Path) -> str:
    return path.parts[-4] if len(path.parts) > 3 else ""


def _transcript(path: Path, name: str, texts: dict[Path, dict[str, str]]) -> str:
    source = path.with_name(name)
    if source not in texts:
        if not source.is_file():
            raise CorpusError(f"expected transcripts {source} beside {path.name}, found no such file; unpack it again")
        try:
            lines = source.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError as error:
            raise CorpusError(
                f"expected transcripts in UTF-8 in {source}, found byte {source.read_bytes()[error.start]:#04x} at "
                f"offset {error.start}; convert the file"
            ) from None
        texts[source] = {key: text.strip() for key, _, text in (line.strip().partition(" ") for line in lines)}
    if not texts[source].get(path.stem):
        raise CorpusError(
            f"expected a transcript of {path.stem} in {source}, found {len(texts[source])} of others; the corpus is "
            "incomplete: unpack it again"
        )
    return texts[source][path.stem]


def _n_differing(utterances: pd.DataFrame, segments: pd.DataFrame) -> int:
    if not (segments["tier"] == "word").any():  # phones without words
        return 0
    n_words = segments[segments["tier"] == "word"].groupby("utterance").size()
    return int((utterances["text"].str.split().str.len() != utterances["utterance"].map(n_words)).sum())


def _count_other(utterances: pd.DataFrame, segments: pd.DataFrame, folder: Path) -> int:
    """Count the utterances whose aligned words share less than half with the transcript; raise if they are too many."""
    words = segments[segments["tier"] == "word"]
    if words.empty:  # phones without words
        return 0
    aligned = words.groupby("utterance")["label"].agg(lambda labels: list(labels))
    other = [
        row.utterance for row in utterances.itertuples() if not _alike(aligned.get(row.utterance, []), row.text.split())
    ]
    if len(other) > _MAX_OTHER_WORDS * len(utterances):
        raise LabelError(
            f"expected the words of the transcripts in the alignments below {folder}, found others in {len(other)} of "
            f"{len(utterances)} utterances, such as {other[0]!r}; they belong to other recordings: use the alignments "
            "of this corpus"
        )
    return len(other)


def _alike(aligned: list[str], transcript: list[str]) -> bool:
    n_unknown = sum(word.lower() in _UNKNOWN for word in aligned)
    found = {word.lower() for word in aligned}.difference(_UNKNOWN)
    expected = {word.lower() for word in transcript}
    return 2 * len(found & expected) >= max(len(found), len(expected) - n_unknown)
