"""THCHS-30 (Wang & Zhang, 2015) as OpenSLR 18 lays it out: read Mandarin with toned pinyin, aligned by others."""

import logging
import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from auscult.corpora.audio import audio_length
from auscult.corpora.mandarin import ZERO_ONSET, Syllable
from auscult.corpora.readers.alignments import Tier, tier_in_samples
from auscult.corpora.readers.textgrid import read_speaker_table
from auscult.corpora.readers.thchs30_alignments import read_alignments
from auscult.corpora.readers.thchs30_transcripts import Transcript, follow, read_transcript
from auscult.corpora.syllables import (
    is_known,
    mandarin_classes,
    plain_phone,
    spoken_aloud,
    syllable_times,
)
from auscult.errors import CorpusError, LabelError
from auscult.tables import check_segments, check_utterances

__all__ = ["read_thchs30"]

_log = logging.getLogger(__name__)
_NAME = re.compile(r"([A-Z]\d+)_\d+")
_SPLITS = {"train": "train", "valid": "dev", "test": "test"}
# Charsiu's words and the transcript's syllables differ in number in about a fifth of THCHS-30.
_MAX_LEFT_OUT = 0.5
_MAX_MALFORMED = 0.01


def read_thchs30(
    folder: str | Path,
    *,
    splits: Collection[str] = tuple(_SPLITS),
    alignments: str = "alignments",
    words: str = "words",
    phones: str = "phones",
    language: str = "mandarin",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the tables of THCHS-30, without its audio.

    Reads ``train/A11_0.wav`` and its like (``dev`` is the split ``valid``) with ``train/A11_0.wav.trn``: three lines,
    words in characters, syllables in toned pinyin, initials and finals; or one line, the path of the file that has
    them. The corpus has no times: see :func:`~auscult.corpora.readers.thchs30_alignments.read_alignments` for where
    they come from and :func:`~auscult.corpora.syllables.syllable_times` for how they become those of syllables.

    Left out and counted in the log: utterances without alignment, those whose alignment does not fit the number of
    syllables, lacks a vowel or runs past the recording, and those with pinyin without vowel or tone digit. Nobody says
    the speakers' genders: they are empty unless a file ``speakers.csv`` (columns ``speaker, gender``) in ``folder``
    tells.

    Parameters
    ----------
    folder : where the corpus was unpacked
    splits : which to read, of ``train, valid, test``
    alignments : their folder, relative to ``folder``
    words, phones : names of the two tiers of TextGrids
    language : entered for every utterance

    Returns
    -------
    utterances, and segments of tiers ``phone``, ``syllable`` (columns ``lexical_tone`` as transcribed, ``tone`` with
    third-tone sandhi, ``onset_consonant``, ``rime``) and ``word`` (where characters and syllables are as many); parents
    are syllables and words; paths relative to ``folder``, times in samples

    Raises
    ------
    CorpusError
        There are no recordings, one lacks its transcript or is in two splits, or there is no such split.
    LabelError
        An alignment cannot be read or is not of its recording; more than half of the utterances are left out, or more
        than 1 % for their pinyin.
    """
    folder = Path(folder)
    unknown = [split for split in splits if split not in _SPLITS]
    if unknown or not splits:
        raise CorpusError(
            f"expected splits among {', '.join(_SPLITS)}, found {', '.join(unknown) or 'none'}; correct "
            "the options of the corpus"
        )
    utterances, transcripts = _read_recordings(folder, splits, language)
    labels = read_alignments(folder / alignments, utterances["utterance"], words=words, phones=phones)
    tables, counts, strange = [], Counter(), Counter()
    for row in utterances.itertuples():
        transcript, tiers = transcripts[row.utterance], labels.get(row.utterance)
        reason = "without alignment" if tiers is None else "with malformed pinyin" if transcript is None else ""
        if not reason:
            table, reason = _segments(transcript, tiers, row)
        if reason:
            counts[reason] += 1
            continue
        counts["labels cut at the end of audio"] += int(table.pop("cut").sum())
        tables.append(table)
        strange.update(_written(syllable)[:-1] for syllable in transcript.syllables if not is_known(syllable))
    if len(tables) < (1 - _MAX_LEFT_OUT) * len(utterances):
        raise LabelError(
            f"expected alignments of {len(utterances)} utterances of THCHS-30 that fit their pinyin below "
            f"{folder / alignments}, found "
            + ", ".join(f"{n} {what}" for what, n in counts.items() if n)
            + "; give its own alignments"
        )
    segments = pd.concat(tables, ignore_index=True)
    kept = utterances[utterances["utterance"].isin(segments["utterance"])].reset_index(drop=True)
    _log.info(
        "THCHS-30: %d utterances of %d speakers (%s); syllables outside of the table: %s",
        len(kept),
        kept["speaker"].nunique(),
        ", ".join(f"{n} {what}" for what, n in counts.items()) or "none left out",
        " ".join(strange) or "none",
    )
    return kept, check_segments(segments, check_utterances(kept))


def _read_recordings(
    folder: Path, splits: Collection[str], language: str
) -> tuple[pd.DataFrame, dict[str, Transcript | None]]:
    rows: dict[str, dict] = {}
    transcripts: dict[str, Transcript | None] = {}
    errors: list[LabelError] = []
    genders = _genders(folder / "speakers.csv")
    for split in splits:
        for path in sorted(folder.rglob(f"{_SPLITS[split]}/*.wav")):
            match = _NAME.fullmatch(path.stem)
            if not match:
                continue
            if path.stem in rows:
                raise CorpusError(
                    f"expected each recording of THCHS-30 in one split, found {path.stem} in "
                    f"{rows[path.stem]['path']} and {path}; keep one of them"
                )
            rows[path.stem], transcripts[path.stem] = _utterance(folder, path, match[1], split, errors)
            rows[path.stem] |= {"gender": genders.get(match[1], ""), "language": language}
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
) -> tuple[dict, Transcript | None]:
    audio = follow(path, folder)
    source = follow(path.with_name(path.name + ".trn"), folder)
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


def _segments(transcript: Transcript, tiers: dict[str, Tier], row: Any) -> tuple[pd.DataFrame, str]:
    """Return the segments of an utterance, and why it must be left out, if it must."""
    aligned = tier_in_samples(tiers["word"], "word", row) if "word" in tiers else pd.DataFrame()
    phones = tier_in_samples(tiers["phone"], "phone", row)
    phones["offset"] = phones["offset"].mask(phones["label"] == "sil", phones["offset"].clip(upper=row.n_samples))
    times = syllable_times(transcript.syllables, aligned, phones)
    if times is None:
        return aligned, "whose alignment has another number of syllables"
    if max(times.max(), phones["offset"].max()) > row.n_samples:
        return aligned, "whose alignment runs past the recording"
    lengths = transcript.word_lengths()
    owners = np.repeat(np.arange(len(lengths)), lengths) if lengths else np.full(len(times), -1)
    syllables = pd.DataFrame(
        {
            "tier": "syllable",
            "onset": times[:, 0],
            "offset": times[:, 1],
            "parent": owners,
            "cut": False,
            "label": [_written(syllable) for syllable in transcript.syllables],
            "tone": spoken_aloud(transcript.syllables, times),
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
    """Tell whether every syllable has a vowel, other than the phone of its onset consonant: what a rime begins with."""
    inside = phones[phones["parent"] >= 0]
    first = ~inside["parent"].duplicated() & (syllables["onset_consonant"].to_numpy()[inside["parent"]] != ZERO_ONSET)
    vowels = inside[(inside["phone_class"] == "vowel") & ~first]
    return set(vowels["parent"]) == set(range(len(syllables)))


def _written(syllable: Syllable) -> str:
    return syllable.onset.replace(ZERO_ONSET, "") + syllable.rime + syllable.tone
