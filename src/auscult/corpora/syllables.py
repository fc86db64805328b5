"""Which stretch of a recording is which syllable of a Mandarin transcript, from aligned words and phones.

Aligners write Mandarin in several ways: one interval a character (as the Montreal Forced Aligner and Charsiu do, where
the transcript is split into characters), words of several characters, initials and finals (``sh i4``) or IPA with tone
letters (``ʂ ʅ˥˩``). A transcript in pinyin says how many syllables there are and which of them end in a consonant.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from auscult.corpora.mandarin import ZERO_ONSET, Syllable, legal_syllables
from auscult.corpora.readers.textgrid import phone_class
from auscult.errors import LabelError

__all__ = ["parse_pinyin", "is_known", "plain_phone", "syllable_times", "mandarin_classes", "spoken_aloud"]

_PINYIN = re.compile(r"(?P<onset>zh|ch|sh|[bpmfdtnlgkhjqxzcsr]?)(?P<rime>[a-zê]*?)(?P<tone>[0-5])")
_VOWELS = set("aeiouvê")
_TONE_LETTERS = "˥˦˧˨˩"
_CODAS = ("n", "ŋ", "ɻ", "ɹ", "ɚ")
_CLASSES = {
    **dict.fromkeys(("b", "p", "d", "t", "g", "k"), "stop"),
    **dict.fromkeys(("z", "c", "zh", "ch", "j", "q"), "affricate"),
    **dict.fromkeys(("f", "s", "sh", "x", "h"), "fricative"),
    **dict.fromkeys(("m", "n", "ng"), "nasal"),
    **dict.fromkeys(("l", "r"), "approximant"),
}
# How some write that a syllable begins with its vowel: `uu un2` for wen2, `aa ang4` for ang4.
_EMPTY_INITIALS = ("aa", "ee", "ii", "oo", "uu", "vv")


def parse_pinyin(text: str) -> Syllable:
    """Split a toned syllable of a transcript into onset, rime and tone.

    ``ü`` and ``u:`` are written v, the neutral tone 0 is 5; a rime may end in the r of erhua (``dianr3``). Unlike
    :func:`~auscult.corpora.mandarin.parse_syllable` this takes syllables outside of the table of Standard Mandarin.

    Raises
    ------
    LabelError
        There is no vowel or no tone digit.
    """
    match = _PINYIN.fullmatch(text.lower().replace("u:", "v").replace("ü", "v"))
    if not match or not _VOWELS & set(match["rime"]):
        lacks = "a tone digit from 0 to 5" if match is None else "a vowel"
        raise LabelError(f"expected a pinyin syllable with {lacks}, found {text!r}; correct the transcript")
    return Syllable(match["onset"] or ZERO_ONSET, match["rime"], match["tone"].replace("0", "5"))


def is_known(syllable: Syllable) -> bool:
    """Tell whether a syllable is in the table of Standard Mandarin, its erhua aside."""
    plain = syllable.onset.replace(ZERO_ONSET, "") + syllable.rime
    return bool({plain, plain.removesuffix("r")} & set(legal_syllables()))


def plain_phone(label: str) -> str:
    """Return a phone without tone (letters or a digit) and without marks of length."""
    return re.sub(rf"[{_TONE_LETTERS}ːˑ˘]|(?<=[a-z])[0-5]$", "", label)


def mandarin_classes(labels: pd.Series) -> pd.Series:
    """Return the manner of articulation of each phone of an utterance, "" if it is not known.

    What bears a tone is a vowel. Initials in pinyin are told from IPA, where ``j`` is another sound, by the tones'
    digits.
    """
    ipa = labels.str.contains(f"[{_TONE_LETTERS}]").any()

    def classify(label: str) -> str:
        if label == "sil":
            return "silence"
        if _bears_tone(label) or (not ipa and label in _EMPTY_INITIALS):
            return "vowel"
        return (None if ipa else _CLASSES.get(label)) or phone_class(plain_phone(label))

    return labels.map(classify)


def syllable_times(syllables: Sequence[Syllable], words: pd.DataFrame, phones: pd.DataFrame) -> np.ndarray | None:
    """Return onset and offset of every syllable, shape (n_syllables, 2), in the units of the tables.

    Where there are as many words as syllables, the words are the syllables (Shen et al., 2024, who leave out all other
    utterances). Else where as many phones bear a tone: such a phone ends a syllable of initials and finals; in IPA the
    consonant after it belongs to it if its pinyin ends in n, ng or r and the next syllable keeps its own onset.

    Parameters
    ----------
    syllables : of the transcript
    words, phones : columns ``label, onset, offset``, by onset; pauses left out among words and ``sil`` among phones

    Returns
    -------
    times, or None where neither fits
    """
    if len(words) == len(syllables):
        return words[["onset", "offset"]].to_numpy()
    spoken = phones[phones["label"] != "sil"]
    labels = spoken["label"].tolist()
    nuclei = [place for place, label in enumerate(labels) if _bears_tone(label)]
    if len(nuclei) != len(syllables):
        return None
    starts = [0]
    for (one, other), (syllable, following) in zip(pairwise(nuclei), pairwise(syllables)):
        between = labels[one + 1 : other]
        owed = int(following.onset != ZERO_ONSET)
        coda = syllable.rime.endswith(("n", "ng", "r")) and len(between) > owed and plain_phone(between[0]) in _CODAS
        starts.append(one + 1 + int(coda))
    ends = [start - 1 for start in starts[1:]] + [len(labels) - 1]
    return np.column_stack([spoken["onset"].to_numpy()[starts], spoken["offset"].to_numpy()[ends]])


def spoken_aloud(syllables: Sequence[Syllable], times: np.ndarray) -> list[str]:
    """Return the tones that are probably spoken: a third tone before another without a pause rises like a second.

    A rule, not an observation: readers may pause or group otherwise, and the sandhi of 一 and 不 is left as written.
    """
    tones = [syllable.tone for syllable in syllables]
    joined = [*(times[1:, 0] <= times[:-1, 1]), False]
    pairs = zip(tones, [*tones[1:], ""], joined)
    return ["2" if (tone, following, close) == ("3", "3", True) else tone for tone, following, close in pairs]


def _bears_tone(label: str) -> bool:
    return bool(re.search(rf"[{_TONE_LETTERS}]|[a-z][0-5]$", label))
