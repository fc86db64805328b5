"""Times of phones, syllables and words in synthesised speech."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

import numpy as np

from auscult.corpora.mandarin import parse_syllable, spoken_tones
from auscult.corpora.phones import clean_phone, phone_class, phone_stress, syllabify
from auscult.corpora.synthesis.espeak import Speech
from auscult.corpora.synthesis.grammar import Word
from auscult.errors import LabelError

__all__ = ["TimedPhone", "phone_times", "label_speech", "EXTRA_COLUMNS"]

EXTRA_COLUMNS = {
    "phone_class": "",
    "stress": "",
    "tone": "",
    "lexical_tone": "",
    "onset_consonant": "",
    "rime": "",
    "pos": "",
    "head": -1,
    "relation": "",
    "number": "",
    "lemma": "",
}
_SYNTAX = ("pos", "head", "relation", "number", "lemma")
_SILENCE = 3e-4  # amplitude, re full scale, up to which a sample counts as silent
_LONGEST_CLOSURE_S = 0.08
_VOWEL_START_S = 0.02
_SHORTEST_PHONE_S = 0.02
_ONSET_BORROWED_S = 0.04


@dataclass(frozen=True)
class TimedPhone:
    """A phone with its IPA label, stress, the token it belongs to, and its span from sample ``onset`` to ``offset``."""

    label: str
    stress: str
    token: int
    onset: int
    offset: int


def phone_times(speech: Speech) -> list[TimedPhone]:
    """Return the phones of synthesised speech, without pauses, with times in samples of the speech.

    Three of eSpeak's times are corrected. A stop is reported at its burst, and any phone after the silence that
    precedes it; this silence, the closure of a stop, is assigned to the phone that follows it. A vowel after a nasal or
    approximant is reported late; its onset is moved 20 ms earlier, the median lag of the spectral change over nasals. A
    liquid after a vowel is synthesised as the end of the vowel's glide and reported with a duration near zero; it is
    assigned the end of the phone before it.
    """
    ends = [event.onset for event in speech.phones[1:]] + [len(speech.samples)]
    timed: list[TimedPhone] = []
    for previous, event, end in zip([None, *speech.phones], speech.phones, ends):
        if not event.symbol or event.token < 0:
            continue
        label = clean_phone(event.symbol)
        onset = event.onset
        if previous is not None and (previous.symbol or phone_class(label) in ("stop", "affricate")):
            onset -= _silence_before(speech, event.onset, previous.onset)
        if previous is not None and previous.symbol:
            onset -= _vowel_start(timed[-1], label, onset, speech.sample_rate_hz)
            timed[-1] = _with_times(timed[-1], timed[-1].onset, onset)
        timed.append(TimedPhone(label, phone_stress(event.symbol), event.token, onset, end))
    return _lengthen(timed, speech.sample_rate_hz)


def label_speech(
    phones: Sequence[TimedPhone], words: Sequence[Word], tokens: Sequence[Sequence[str]], toned: bool
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield (segment columns, extra columns) for every phone, syllable and word.

    Parameters
    ----------
    phones : phones with times in samples of the recording
    words : words of the sentence
    tokens : eSpeak's input for each word: the word itself, or its syllables if the language is toned
    toned : whether tokens are toned pinyin syllables

    Raises
    ------
    LabelError
        No phone belongs to one of the words.
    """
    owner = [position for position, word in enumerate(tokens) for _ in word]
    flat = [token for word in tokens for token in word]
    tones = spoken_tones(flat) if toned else []
    spoken = {owner[phone.token] for phone in phones}
    silent = [word.text for position, word in enumerate(words) if position not in spoken]
    if silent:
        text = " ".join(word.text for word in words)
        raise LabelError(
            f"expected eSpeak to speak every word of {text!r}, found no phone of {silent[0]!r}; respell it"
        )
    n_phones = n_syllables = 0
    for position, grouped in groupby(phones, key=lambda phone: owner[phone.token]):
        in_word = list(grouped)
        word = words[position]
        for members in _syllables(in_word, toned):
            for phone in members:
                columns = {"phone_class": phone_class(phone.label), "stress": phone.stress}
                yield _segment("phone", n_phones, phone.label, [phone], n_syllables), columns
                n_phones += 1
            token = members[0].token
            label = flat[token] if toned else "".join(phone.label for phone in members)
            columns = _tone_columns(flat[token], tones[token]) if toned else {}
            yield _segment("syllable", n_syllables, label, members, position), columns
            n_syllables += 1
        yield _segment("word", position, word.text, in_word, -1), {name: getattr(word, name) for name in _SYNTAX}


def _silence_before(speech: Speech, onset: int, earliest: int) -> int:
    """Return the number of silent samples before ``onset``, at most the length of the longest closure."""
    limit = min(onset - earliest, int(_LONGEST_CLOSURE_S * speech.sample_rate_hz))
    loud = np.flatnonzero(np.abs(speech.samples[onset - limit : onset]) > _SILENCE)
    return limit if not len(loud) else limit - 1 - int(loud[-1])


def _vowel_start(before: TimedPhone, label: str, onset: int, sample_rate_hz: int) -> int:
    if phone_class(label) != "vowel" or phone_class(before.label) not in ("nasal", "approximant"):
        return 0
    return min(int(_VOWEL_START_S * sample_rate_hz), (onset - before.onset) // 2)


def _lengthen(timed: Sequence[TimedPhone], sample_rate_hz: int) -> list[TimedPhone]:
    shortest, borrowed = int(_SHORTEST_PHONE_S * sample_rate_hz), int(_ONSET_BORROWED_S * sample_rate_hz)
    phones = list(timed)
    for index, (left, right) in enumerate(pairwise(phones)):
        if right.offset - right.onset < shortest and left.offset == right.onset:
            left = phones[index]
            boundary = max(right.offset - borrowed, (left.onset + right.offset) // 2)
            if boundary < right.onset:
                phones[index] = _with_times(left, left.onset, boundary)
                phones[index + 1] = _with_times(right, boundary, right.offset)
    return [phone for phone in phones if phone.offset > phone.onset]


def _with_times(phone: TimedPhone, onset: int, offset: int) -> TimedPhone:
    return TimedPhone(phone.label, phone.stress, phone.token, onset, offset)


def _syllables(phones: Sequence[TimedPhone], toned: bool) -> Iterator[list[TimedPhone]]:
    keys = [phone.token for phone in phones] if toned else syllabify([phone.label for phone in phones])
    for _, members in groupby(zip(keys, phones), key=lambda pair: pair[0]):
        yield [phone for _, phone in members]


def _segment(tier: str, index: int, label: str, members: Sequence[TimedPhone], parent: int) -> dict[str, Any]:
    onset, offset = members[0].onset, members[-1].offset
    return {"tier": tier, "index": index, "label": label, "onset": onset, "offset": offset, "parent": parent}


def _tone_columns(token: str, tone: str) -> dict[str, str]:
    syllable = parse_syllable(token)
    return {"tone": tone, "lexical_tone": syllable.tone, "onset_consonant": syllable.onset, "rime": syllable.rime}
