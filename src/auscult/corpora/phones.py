"""Phones: IPA labels, phone classes and syllabification."""

import re
from collections.abc import Sequence
from itertools import pairwise

from auscult.corpora.ipa import LETTER_CLASSES, PhoneClass, ipa_class
from auscult.errors import LabelError

__all__ = ["PhoneClass", "clean_phone", "phone_class", "phone_stress", "syllabify"]

_NAMES = {
    "o-": "ɤ",
    "i̪": "ɿ",
    "i.": "ʅ",
    "onɡ": "ʊŋ",
    "χ": "x",
    "s.": "ʂ",
    "ts.": "ʈʂ",
    "ts.h": "ʈʂʰ",
    "tsh": "tsʰ",
    "tɕh": "tɕʰ",
    "ph": "pʰ",
    "th": "tʰ",
    "kh": "kʰ",
    "ɐ": "ə",
    "ᵻ": "ɪ",
    "iə": "ɪə",
    "aɪɚ": "aɪə",
}
_OBSTRUENTS = ("stop", "affricate", "fricative")


def clean_phone(symbol: str) -> str:
    """Return the IPA label of a phone symbol from eSpeak NG, without stress, length and variant marks.

    Names that eSpeak writes in ASCII are replaced (``ts.h`` → ``ʈʂʰ``), and reduced vowels are merged with the most
    similar full vowel (``ᵻ`` → ``ɪ``), which leaves 35 to 50 labels per language.

    Raises
    ------
    LabelError
        The symbol marks a switch to another language, eSpeak's fallback for words that its rules cannot read.
    """
    if "(" in symbol:
        raise LabelError(
            f"expected phones of the corpus's language, found eSpeak switching to another ({symbol!r}); "
            "the word is spelt in a way that its rules cannot read: correct it in the lexicon"
        )
    plain = re.sub("[ˈˌː]", "", symbol)
    plain = _NAMES.get(plain, plain)
    return plain.rstrip("-0123456789")


def phone_stress(symbol: str) -> str:
    """Return "primary", "secondary" or "" from the stress mark of a symbol."""
    return {"ˈ": "primary", "ˌ": "secondary"}.get(symbol[:1], "")


def phone_class(phone: str) -> PhoneClass:
    """Return the manner of articulation of an IPA label; of its first sound if it is a sequence (``ʊŋ``).

    Raises
    ------
    LabelError
        The label neither is a sound in IPA nor starts with one of its letters.
    """
    if phone in ("", "sil"):
        return "silence"
    found = ipa_class(phone) or LETTER_CLASSES.get(phone[:1])
    if found is None:
        raise LabelError(
            f"expected a phone in IPA, found {phone!r}; correct the label, or state the alphabet of the corpus"
        )
    return found


def syllabify(phones: Sequence[str]) -> list[int]:
    """Return the index of the syllable that each phone of a word belongs to, counted from 0.

    Every vowel is a nucleus. Of the consonants between two nuclei, the second syllable takes the last one (except
    ``ŋ``) and, if that is an approximant, also an obstruent before it: the onsets that English, Dutch and French share
    (maximal onset principle, Kahn, 1976, restricted to obstruent and approximant).
    """
    nuclei = [index for index, phone in enumerate(phones) if phone_class(phone) == "vowel"]
    starts = [0]
    for left, right in pairwise(nuclei):
        start = right
        if right - left > 1 and phones[right - 1] != "ŋ":
            start = right - 1
            cluster = right - left > 2 and phone_class(phones[start]) == "approximant"
            start -= cluster and phone_class(phones[start - 1]) in _OBSTRUENTS
        starts.append(start)
    return [sum(start <= index for start in starts) - 1 for index in range(len(phones))]
