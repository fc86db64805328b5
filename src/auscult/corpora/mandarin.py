"""Mandarin syllables in pinyin: the legal ones, their parts, and tones after sandhi.

The table is generated from the initials and the finals that may follow them (Duanmu, 2007, The Phonology of Standard
Chinese, ch. 2–3); ``v`` stands for ü, and tone 5 is the neutral tone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from auscult.errors import LabelError

__all__ = ["Syllable", "legal_syllables", "parse_syllable", "split_syllables", "spoken_tones", "ZERO_ONSET", "UNSPOKEN"]

ZERO_ONSET = "∅"
UNSPOKEN = ("jiong", "qiong", "xiong")  # legal, but eSpeak NG 1.52 reads them as English letters
_INITIALS = ("zh", "ch", "sh", *"bpmfdtnlgkhjqxzcsr")
# Finals by group of initials, in pinyin; after j, q and x, ü is written as u.
_FINALS = {
    "b p": "a o ai ei ao an en ang eng i ie iao ian in ing u",
    "m": "a o e ai ei ao ou an en ang eng i ie iao iu ian in ing u",
    "f": "a o ei ou an en ang eng u",
    "d": "a e ai ei ao ou an ang eng ong i ie iao iu ian ing u uo ui uan un",
    "t": "a e ai ao ou an ang eng ong i ie iao ian ing u uo ui uan un",
    "n": "a e ai ei ao ou an en ang eng ong i ie iao iu ian in iang ing u uo uan v ve",
    "l": "a e ai ei ao ou an ang eng ong i ia ie iao iu ian in iang ing u uo uan un v ve",
    "g k h": "a e ai ei ao ou an en ang eng ong u ua uo uai ui uan un uang",
    "j q x": "i ia ie iao iu ian in iang ing iong u ue uan un",
    "zh": "i a e ai ei ao ou an en ang eng ong u ua uo uai ui uan un uang",
    "ch": "i a e ai ao ou an en ang eng ong u ua uo uai ui uan un uang",
    "sh": "i a e ai ei ao ou an en ang eng u ua uo uai ui uan un uang",
    "r": "i e ao ou an en ang eng ong u ua uo ui uan un",
    "z": "i a e ai ei ao ou an en ang eng ong u uo ui uan un",
    "c s": "i a e ai ao ou an en ang eng ong u uo ui uan un",
}
_WITHOUT_INITIAL = (
    "a o e ai ei ao ou an en ang er yi ya ye yao you yan yin yang ying yong yo wu wa wo wai wei wan wen wang weng "
    "yu yue yuan yun"
)
_SYLLABLE = re.compile(r"(?P<onset>zh|ch|sh|[bpmfdtnlgkhjqxzcsr]?)(?P<rime>[aeiouvyw][a-z]*?)(?P<tone>[1-5])")


@dataclass(frozen=True)
class Syllable:
    """A toned syllable: its initial consonant (``∅`` if none), its rime in pinyin, and its tone, "1" to "5"."""

    onset: str
    rime: str
    tone: str


@cache
def legal_syllables() -> tuple[str, ...]:
    """Return the legal syllables of Standard Mandarin in pinyin without tone, sorted (about 400)."""
    with_initial = [
        onset + final for onsets, finals in _FINALS.items() for onset in onsets.split() for final in finals.split()
    ]
    return tuple(sorted({*with_initial, *_WITHOUT_INITIAL.split()}))


def parse_syllable(pinyin: str) -> Syllable:
    """Split a toned syllable into onset, rime and tone.

    Raises
    ------
    LabelError
        The text is not a legal syllable with a tone digit.
    """
    match = _SYLLABLE.fullmatch(pinyin)
    if not match or pinyin[:-1] not in legal_syllables():
        raise LabelError(
            f"expected a pinyin syllable with a tone digit from 1 to 5, found {pinyin!r}; write ü as v and add the tone"
        )
    return Syllable(match["onset"] or ZERO_ONSET, match["rime"], match["tone"])


def split_syllables(word: str) -> list[str]:
    """Split a word in toned pinyin into its syllables.

    Raises
    ------
    LabelError
        A part is not a legal syllable with a tone digit.
    """
    syllables = re.findall(r"[^0-9]*[0-9]?", word)[:-1]
    for syllable in syllables:
        parse_syllable(syllable)
    return syllables


def spoken_tones(syllables: Sequence[str]) -> list[str]:
    """Return the tones after third-tone sandhi: a third tone before another third tone becomes a second tone.

    eSpeak NG applies the rule to whole sentences, also across words; neutral tones stay neutral.
    """
    tones = [syllable[-1] for syllable in syllables]
    return ["2" if pair == ("3", "3") else pair[0] for pair in zip(tones, [*tones[1:], ""])]
