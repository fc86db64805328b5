"""THCHS-30 (Wang & Zhang, 2015) in the layout of OpenSLR 18: read Mandarin with pinyin and external alignments."""

import logging
import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from auscult.corpora.audio import audio_length
from auscult.corpora.faults import Faults
from auscult.corpora.mandarin import ZERO_ONSET, Syllable
from auscult.corpora.readers.thchs30_alignments import read_alignments
from auscult.corpora.readers.thchs30_transcripts import Transcript, follow_path, read_transcript
from auscult.corpora.readers.tiers import (
    PHONE_TIERS,
    WORD_TIERS,
    LabelOptions,
    Tier,
    UtteranceRow,
    tier_in_samples,
)
from auscult.corpora.speaker_tables import read_speaker_table
from auscult.corpora.syllables import (
    is_known,
    mandarin_classes,
    plain_phone,
    syllable_times,
    tones_after_sandhi,
)
from auscult.corpora.walk import list_files
from auscult.errors import CorpusError, LabelError
from auscult.tables import check_segments, check_utterances

__all__ = ["read_thchs30"]

_log = logging.getLogger(__name__)
_NAME = re.compile(r"([A-Z]\d+)_\d+")
_SPLITS = {"train": "train", "valid": "dev", "test": "test"}
# In about a fifth of THCHS-30, Charsiu's words and the syllables of the transcript differ in number.
_MAX_LEFT_OUT = 0.5
_MAX_MALFORMED = 0.01


def read_thchs30(
    folder: str | Path,
    *,
    splits: Collection[str] = tuple(_SPLITS),
    alignments: str = "alignments",
    words: str | Collection[str] = WORD_TIERS,
    phones: str | Collection[str] = PHONE_TIERS,
    pauses: Collection[str] = (),
    encoding: str = "",
    language: str = "mandarin",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the utterances and segments tables of THCHS-30; audio is not decoded.

    Reads recordings such as ``train/A11_0.wav`` (``dev`` is the split ``valid``) with transcripts
    ``train/A11_0.wav.trn``. A transcript has three lines (words in characters, syllables in toned pinyin, initials and
    finals), or one line, the path of the file with these lines. The corpus is published without times: alignments are
    read by :func:`~auscult.corpora.readers.thchs30_alignments.read_alignments`, and syllable times are derived by
    :func:`~auscult.corpora.syllables.syllable_times`.

    Left out and counted in the log are utterances without alignment, those whose alignment does not match the number of
    syllables, lacks a vowel or runs past the recording, and those with pinyin without vowel or tone digit. The corpus
    does not state genders; they are empty unless ``folder`` has a file ``speakers.csv`` (columns ``speaker, gender``).

    Parameters
    ----------
    folder : folder into which the corpus was unpacked
    splits : splits to read, of ``train, valid, test``
    alignments : folder of the alignments, relative to ``folder``
    words, phones, pauses, encoding : how label files are read, see
        :class:`~auscult.corpora.readers.tiers.LabelOptions`
    language : entered for every utterance

    Returns
    -------
    utterances, and segments of tiers ``phone``, ``syllable`` (columns ``lexical_tone`` as transcribed, ``tone`` after
    third-tone sandhi, ``onset_consonant``, ``rime``) and ``word`` (if the numbers of characters and syllables match);
    parents of phones are syllables, parents of syllables are words; paths relative to ``folder``, times in samples

    Raises
    ------
    CorpusError
        There are no recordings, a transcript is missing, a recording is in two splits, or a split is unknown.
    LabelError
        An alignment cannot be read or does not fit its recording; more than half of the utterances are left out; or
        more than 1 % have malformed pinyin.
    """
    options = LabelOptions(words, phones, pauses=pauses, encoding=encoding)
    folder = Path(folder)
    unknown = [split for split in splits if split not in _SPLITS]
    if unknown or not splits:
        raise CorpusError(
            f"expected splits among {', '.join(_SPLITS)}, found {', '.join(unknown) or 'none'}; correct "
            "the options of the corpus"
        )
    utterances, transcripts = _read_recordings(folder, splits, language)
    labels = read_alignments(folder / alignments, utterances["utterance"], options)
    tables: list[pd.DataFrame] = []
    counts: Counter[str] = Counter()
    unknown_syllables: Counter[str] = Counter()
    for row in utterances.itertuples():
        transcript, tiers = transcripts[row.utterance], labels.get(row.utterance)
        if tiers is None or transcript is None:
            counts["without alignment" if tiers is None else "with malformed pinyin"] += 1
            continue
        table, reason = _segments(transcript, tiers, row, options.pauses)
        if reason:
            counts[reason] += 1
            continue
        counts["labels cut at the end of audio"] += int(table.pop("cut").sum())
        tables.append(table)
        unknown_syllables.update(_pinyin(syllable)[:-1] for syllable in transcript.syllables if not is_known(syllable))
    if len(tables) < (1 - _MAX_LEFT_OUT) * len(utterances):
        raise LabelError(
            f"expected alignments of {len(utterances)} utterances of THCHS-30 that fit their pinyin below "
            f"{folder / alignments}, found "
            + ", ".join(f"{n} {reason}" for reason, n in counts.items() if n)
            + "; give its own alignments"
        )
    segments = pd.concat(tables, ignore_index=True)
    kept = utterances[utterances["utterance"].isin(segments["utterance"])].reset_index(drop=True)
    _log.info(
        "THCHS-30: %d utterances of %d speakers (%s); syllables outside of the table: %s",
        len(kept),
        kept["speaker"].nunique(),
        ", ".join(f"{n} {reason}" for reason, n in counts.items()) or "none left out",
        " ".join(unknown_syllables) or "none",
    )
    return kept, check_segments(segments, check_utterances(kept))


def _read_recordings(
    folder: Path, splits: Collection[str], language: str
) -> tuple[pd.DataFrame, dict[str, Transcript | None]]:
    rows: dict[str, dict[str, Any]] = {}
    transcripts: dict[str, Transcript | None] = {}
    errors: list[LabelError] = []
    genders = _genders(folder / "speakers.csv")
    files, faults = list_files(folder), Faults("recordings")
    for split in splits:
        for path in files.matching(f"{_SPLITS[split]}/*.wav"):
            match = _NAME.fullmatch(path.stem)
            if not match:
                continue
            if path.stem in rows:
                raise CorpusError(
                    f"expected each recording of THCHS-30 in one split, found {path.stem} in "
                    f"{rows[path.stem]['path']} and {path}; keep one of them"
                )
            with faults.check():
                rows[path.stem], transcripts[path.stem] = _utterance(folder, path, match[1], split, errors)
                rows[path.stem] |= {"gender": genders.get(match[1], ""), "language": language}
    faults.complain()
    if not rows:
        raise CorpusError(
            f"expected recordings such as train/A11_0.wav below {folder}, found none of split {', '.join(splits)}; "
            "give the folder that data_thchs30.tgz was unpacked into"
        )
    for error in errors[:10]:
        _log.warning("left out: %s", error)
    if len(errors) > _MAX_MALFORMED * len(rows):
        raise LabelError(f"{errors[0]} ({len(errors)} such utterances of {len(rows)})")
    return check_utterances(pd.DataFrame(rows.values())), transcripts


def _utterance(
    folder: Path, path: Path, speaker: str, split: str, errors: list[LabelError]
) -> tuple[dict[str, Any], Transcript | None]:
    audio = follow_path(path, folder)
    source = follow_path(path.with_name(path.name + ".trn"), folder)
    text, transcript = "", None
    try:
        text, transcript = read_transcript(source)
    except LabelError as error:
        errors.append(error)
    sample_rate_hz, n_samples = audio_length(audio)
    row = {
        "utterance": path.stem,
        "corpus": "thchs30",
        "path": audio.relative_to(folder).as_posix(),
        "sample_rate_hz": sample_rate_hz,
        "n_samples": n_samples,
        "speaker": speaker,
        "text": text,
        "split": split,
    }
    return row, transcript


def _genders(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    table = read_speaker_table(path)
    return dict(zip(table["speaker"], table["gender"])) if "gender" in table else {}


def _segments(
    transcript: Transcript, tiers: dict[str, Tier], row: UtteranceRow, pauses: Collection[str]
) -> tuple[pd.DataFrame, str]:
    """Return the segments of an utterance and "", or any table and the reason for leaving the utterance out."""
    aligned = tier_in_samples(tiers["word"], "word", row, pauses) if "word" in tiers else pd.DataFrame()
    phones = tier_in_samples(tiers["phone"], "phone", row, pauses)
    phones["offset"] = phones["offset"].mask(phones["label"] == "sil", phones["offset"].clip(upper=row.n_samples))
    times = syllable_times(transcript.syllables, aligned, phones)
    if times is None:
        return aligned, "whose alignment has another number of syllables"
    if max(times.max(), phones["offset"].max()) > row.n_samples:
        return aligned, "whose alignment runs past the recording"
    lengths = transcript.word_lengths()
    parents = np.repeat(np.arange(len(lengths)), lengths) if lengths else np.full(len(times), -1)
    syllables = pd.DataFrame(
        {
            "tier": "syllable",
            "onset": times[:, 0],
            "offset": times[:, 1],
            "parent": parents,
            "cut": False,
            "label": [_pinyin(syllable) for syllable in transcript.syllables],
            "tone": tones_after_sandhi(transcript.syllables, times),
            "lexical_tone": [syllable.tone for syllable in transcript.syllables],
            "onset_consonant": [syllable.onset for syllable in transcript.syllables],
            "rime": [syllable.rime for syllable in transcript.syllables],
        }
    )
    middles = (phones["onset"] + phones["offset"]).to_numpy() / 2
    candidate = np.searchsorted(times[:, 0], middles, side="right") - 1
    inside = (candidate >= 0) & (middles < times[np.maximum(candidate, 0), 1]) & (phones["label"] != "sil")
    phones = phones.assign(
        parent=np.where(inside, candidate, -1),
        phone_class=mandarin_classes(phones["label"]),
        label=phones["label"].map(plain_phone),
    )
    if not _have_vowels(syllables, phones):
        return phones, "with a syllable without a vowel after its onset consonant"
    words = pd.DataFrame()
    if lengths:
        last = np.cumsum(lengths) - 1
        words = pd.DataFrame(
            {
                "tier": "word",
                "onset": times[last - lengths + 1, 0],
                "offset": times[last, 1],
                "label": transcript.words,
                "parent": -1,
                "cut": False,
            }
        )
    tables = [table.assign(index=range(len(table))) for table in (words, syllables, phones)]
    extra = ("phone_class", "tone", "lexical_tone", "onset_consonant", "rime")
    table = pd.concat(tables, ignore_index=True).assign(utterance=row.utterance).fillna(dict.fromkeys(extra, ""))
    return table, ""


def _have_vowels(syllables: pd.DataFrame, phones: pd.DataFrame) -> bool:
    """Return whether every syllable has a vowel among its phones, the phone of the onset consonant excluded."""
    inside = phones[phones["parent"] >= 0]
    first = ~inside["parent"].duplicated() & (syllables["onset_consonant"].to_numpy()[inside["parent"]] != ZERO_ONSET)
    vowels = inside[(inside["phone_class"] == "vowel") & ~first]
    return set(vowels["parent"]) == set(range(len(syllables)))


def _pinyin(syllable: Syllable) -> str:
    return syllable.onset.replace(ZERO_ONSET, "") + syllable.rime + syllable.tone
