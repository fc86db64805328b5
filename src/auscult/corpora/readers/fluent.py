"""Fluent Speech Commands (Lugosch et al., 2019): spoken commands labelled with action, object and location."""

import logging
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from auscult.corpora.audio import audio_length
from auscult.corpora.corpus import SPLITS
from auscult.corpora.faults import Faults
from auscult.corpora.past_end import PastEnd, check_past_end, settle_past_end
from auscult.corpora.readers.alignments import align_utterances
from auscult.corpora.readers.librispeech import keep_aligned
from auscult.corpora.readers.tiers import PHONE_TIERS, WORD_TIERS
from auscult.corpora.report import ImportReport
from auscult.corpora.speaker_tables import read_columns
from auscult.corpora.walk import list_files
from auscult.errors import CorpusError
from auscult.tables import check_segments, check_utterances, no_segments

__all__ = ["SLOTS", "read_fluent"]

_log = logging.getLogger(__name__)
SLOTS = ("action", "object", "location")
_COLUMNS = ("path", "speakerId", "transcription", *SLOTS)
_GENDERS = ("female", "male")
_MAX_NAME = 200


def read_fluent(
    folder: str | Path,
    *,
    splits: Collection[str] = SPLITS,
    alignments: str = "",
    words: str | Collection[str] = WORD_TIERS,
    phones: str | Collection[str] = PHONE_TIERS,
    alphabet: str = "",
    pauses: Collection[str] = (),
    encoding: str = "",
    language: str = "english",
    past_end: PastEnd = "refuse",
    report: ImportReport | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the utterances and segments tables of Fluent Speech Commands; audio is not decoded.

    Reads the lists ``data/{split}_data.csv`` and finds recordings at the paths in them, both in ``folder`` or a
    subfolder. Each list is one split. Utterances are named like their recordings. Genders come from
    ``data/speaker_demographics.csv`` if it exists.

    The corpus is published without word and phone times. With a folder of alignments, such as the output of the
    Montreal Forced Aligner, utterances have words and phones; those without an alignment are left out and counted in
    the log. Without alignments there are no segments, and predictions can be explained by frame only.

    Parameters
    ----------
    folder : folder into which the corpus was unpacked
    splits : splits to read, of ``train, valid, test``
    alignments : folder of the alignments, relative to the folder of ``data`` and ``wavs``; see
        :func:`~auscult.corpora.readers.alignments.align_utterances` for formats and names
    words, phones, alphabet, pauses, encoding : how labels are read, see
        :func:`~auscult.corpora.readers.alignments.align_utterances`
    language : entered for every utterance
    past_end : what is done with labels that end more than 20 ms after their recording: ``refuse``, ``clip`` the labels,
        or ``leave_out`` the recordings
    report : is filled in with what was changed and left out

    Returns
    -------
    utterances, with columns ``action, object, location`` and ``intent`` (the three joined by slashes), and segments;
    paths relative to ``folder``, times in samples of each recording

    Raises
    ------
    CorpusError
        A list is missing, lacks a column or names a missing recording; a split is unknown; or too many utterances have
        no alignment.
    LabelError
        An alignment cannot be read or does not fit its recording.
    """
    folder, report = Path(folder), report or ImportReport()
    check_past_end(past_end)
    unknown = [split for split in splits if split not in SPLITS]
    if unknown or not splits:
        raise CorpusError(
            f"expected splits among {', '.join(SPLITS)}, found {', '.join(unknown) or 'none'}; correct "
            "the options of the corpus"
        )
    lists = [_find(folder, split) for split in splits]
    genders = _genders(lists[0].with_name("speaker_demographics.csv"))
    rows = [row for split, path in zip(splits, lists) for row in _utterances(folder, path, split, genders, language)]
    utterances = check_utterances(pd.DataFrame(rows))
    segments, n_cut = no_segments(), 0
    if alignments:
        alignment_folder = lists[0].parents[1] / alignments
        segments, n_cut = align_utterances(
            utterances,
            alignment_folder,
            words=words,
            phones=phones,
            alphabet=alphabet,
            pauses=pauses,
            encoding=encoding,
            report=report,
        )
        utterances = keep_aligned(utterances, segments, alignment_folder)
        utterances, segments = settle_past_end(utterances, segments, past_end, report)
    _log.info(
        "Fluent Speech Commands: %d utterances of %d speakers, %d segments; %d labels cut at the end of audio",
        len(utterances),
        utterances["speaker"].nunique(),
        len(segments),
        n_cut,
    )
    return utterances, check_segments(segments, utterances)


def _find(folder: Path, split: str) -> Path:
    found = list_files(folder).matching(f"data/{split}_data.csv")
    if len(found) != 1:
        raise CorpusError(
            f"expected one list data/{split}_data.csv below {folder}, found {len(found)}; give the folder that the "
            "corpus was unpacked into"
        )
    return found[0]


def _read(path: Path) -> pd.DataFrame:
    return read_columns(path, separator=",", numbered=True)


def _utterances(folder: Path, path: Path, split: str, genders: dict[str, str], language: str) -> list[dict[str, Any]]:
    table = _read(path)
    missing = [column for column in _COLUMNS if column not in table]
    if missing:
        raise CorpusError(
            f"expected columns {', '.join(_COLUMNS)} in {path}, found no {', '.join(missing)}; unpack the corpus again"
        )
    rows = []
    faults = Faults("recordings")
    for row in table.to_dict("records"):
        audio = path.parents[1] / row["path"]
        sample_rate_hz, n_samples = 0, 0
        with faults.check():
            _require_inside(row["path"], path)
            sample_rate_hz, n_samples = audio_length(audio)
        if not sample_rate_hz:
            continue
        rows.append(
            {
                "utterance": audio.stem,
                "corpus": "fluent",
                "path": audio.relative_to(folder).as_posix(),
                "sample_rate_hz": sample_rate_hz,
                "n_samples": n_samples,
                "speaker": row["speakerId"],
                "gender": genders.get(row["speakerId"], ""),
                "language": language,
                "text": row["transcription"],
                "split": split,
                **{slot: row[slot] for slot in SLOTS},
                "intent": "/".join(row[slot] for slot in SLOTS),
            }
        )
    faults.complain()
    return rows


def _require_inside(name: str, path: Path) -> None:
    parts = PurePosixPath(name).parts
    long = max(map(len, parts), default=0) > _MAX_NAME
    if not parts or name.startswith("/") or ".." in parts or "\0" in name or long:
        raise CorpusError(
            f"expected the path of a recording inside the corpus in {path}, found {name[:80]!r}; unpack it again"
        )


def _genders(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    table = _read(path)
    if not {"speakerId", "gender"} <= set(table):
        raise CorpusError(
            f"expected columns speakerId, gender in {path}, found {', '.join(table)}; remove the file or correct it"
        )
    listed = table["gender"].str.strip().str.lower()
    return dict(zip(table["speakerId"], listed.where(listed.isin(_GENDERS), "")))
