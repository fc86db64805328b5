"""Symbols of the International Phonetic Alphabet: one spelling per sound, and the manner of a whole label.

A label may hold tie bars, diacritics, length and stress marks, precomposed or decomposed, and ligatures that the
International Phonetic Association has withdrawn (``ʧ``). The classes agree with the features of PanPhon (Mortensen et
al., 2016), except that flaps count as stops, as in TIMIT, and trills as approximants.
"""

import unicodedata
from functools import cache
from typing import Literal

__all__ = ["PhoneClass", "LETTER_CLASSES", "canonical_ipa", "ipa_letters", "ipa_stress", "ipa_class", "symbol_pairs"]

PhoneClass = Literal["vowel", "stop", "affricate", "fricative", "nasal", "approximant", "silence", "noise"]
LETTER_CLASSES: dict[str, PhoneClass] = {
    **dict.fromkeys("aeiouyɑæɐɒɔəɘɚɛɜɝɞɤɪɨɯɵøœɶʉʊʌʏɿʅᵻᵿɩɷ", "vowel"),
    **dict.fromkeys("pbtdkɡqɢcɟʔʡʈɖɾɽɺⱱɓɗᶑʄɠʛƥƭƈƙʠʘǀǁǃǂ", "stop"),
    **dict.fromkeys("fvszʃʒθðxɣhɦçʂʐɕʑχʁβɸʝħʕɬɮɧʜʢ", "fricative"),
    **dict.fromkeys("mnŋɲɳɱɴ", "nasal"),
    **dict.fromkeys("lɹrjwʋɥʎɫɻɭɰʟʍʙʀ", "approximant"),
}
_LIGATURES = {"ʧ": "t͡ʃ", "ʤ": "d͡ʒ", "ʦ": "t͡s", "ʣ": "d͡z", "ʨ": "t͡ɕ", "ʥ": "d͡ʑ", "ꭧ": "t͡ʂ", "ꭦ": "d͡ʐ"}
# Characters that stand for another: ties below, ASCII, and look-alikes (Greek letters, the turned e of Pan-Nigerian).
_SAME = {"\u035c": "\u0361", "g": "ɡ", ":": "ː", "’": "ʼ", "'": "ʼ", "ε": "ɛ", "φ": "ɸ", "ϕ": "ɸ", "γ": "ɣ", "ǝ": "ə"}
_TIE, _NASALISED, _NONSYLLABIC = "\u0361", "\u0303", "\u032f"
_STRESS = {"ˈ": "1", "ˌ": "2"}
# A stop and the fricative that releases it, where no tie bar is written.
_AFFRICATES = frozenset(
    symbol
    for pair in ("ts dz", "tʃ dʒ", "tɕ dʑ", "ʈʂ ɖʐ", "tʂ dʐ", "pf bv", "pɸ bβ", "tθ dð", "tɬ dɮ", "tɹ dɹ", "cç ɟʝ")
    for symbol in pair.split()
) | frozenset(("kx", "ɡɣ", "qχ", "ɢʁ", "kɬ"))
_DOUBLE = frozenset(("kp", "ɡb", "pt", "bd", "pk", "tp", "ŋm", "nm"))
# What ends a vowel written as one label: rhotics, and the glides of diphthongs (``aj``).
_CODAS = frozenset("ɹɻjw")
_OBSTRUENTS = ("stop", "affricate", "fricative")


def symbol_pairs(text: str) -> dict[str, str]:
    """Return a table of symbols and their IPA from text such as ``aa:ɑ ae:æ``."""
    return dict(pair.rsplit(":", 1) for pair in text.split())


def canonical_ipa(label: str) -> str:
    """Return the one spelling of a label in IPA: composed (NFC), tie bars above, no ligatures, IPA's own characters.

    >>> canonical_ipa("ʧ"), canonical_ipa("t͜s"), canonical_ipa("a:")
    ('t͡ʃ', 't͡s', 'aː')
    """
    text = unicodedata.normalize("NFD", label)
    text = "".join(_LIGATURES.get(letter) or _SAME.get(letter, letter) for letter in text)
    return unicodedata.normalize("NFC", text)


def ipa_stress(label: str) -> tuple[str, str]:
    """Return a label without the stress mark before it, and "1" for primary, "2" for secondary stress, "" for none."""
    return (label[1:], _STRESS[label[0]]) if label[:1] in _STRESS else (label, "")


def ipa_letters(label: str) -> str:
    """Return the letters of a label without ties, marks and raised letters (``ⁿt͡ʃʰ`` → ``tʃ``)."""
    text = unicodedata.normalize("NFD", canonical_ipa(label)).replace("c\u0327", "\u00e7")
    # Raised letters and length are modifiers (Lm), tone and rhoticity symbols (Sk), diacritics marks (Mn).
    return "".join(letter for letter in text if unicodedata.category(letter) not in ("Lm", "Sk", "Mn", "No"))


@cache
def ipa_class(label: str) -> PhoneClass | None:
    """Return the manner of articulation of a label that is one sound in IPA, None if it is none.

    Accepted are a letter with any marks, a vowel of up to three letters, also with a rhotic or glide after it, an
    affricate, a geminate, two stops or nasals at once, and a prenasalised, preglottalised or preaspirated consonant.
    """
    text, letters = unicodedata.normalize("NFD", canonical_ipa(label)), ipa_letters(label)
    if len(letters) != 1:
        return _class_of(letters, _TIE in text)
    if _NASALISED in text and letters in "ɾɽ":
        return "nasal"
    kind = _class_of(letters, tied=False)
    return "approximant" if kind == "vowel" and _NONSYLLABIC in text else kind


def _class_of(letters: str, tied: bool) -> PhoneClass | None:
    kinds = [LETTER_CLASSES.get(letter) for letter in letters]
    if not kinds or None in kinds or len(letters) > 4:
        return None
    if len(kinds) == 1:
        return kinds[0]
    vowels = letters.rstrip("".join(_CODAS)) if letters[-1] in _CODAS else letters
    if 0 < len(vowels) <= 3 and all(LETTER_CLASSES[letter] == "vowel" for letter in vowels):
        return "vowel" if len(letters) - len(vowels) <= 1 else None
    if len(letters) == 2:
        return _class_of_two(letters, tied)
    if kinds[0] == "nasal" or letters[0] in "ʔh":
        rest = _class_of(letters[1:], tied)
        return rest if rest in _OBSTRUENTS else None
    # A long affricate, with the stop doubled.
    return "affricate" if letters[0] == letters[1] and letters[1:] in _AFFRICATES else None


def _class_of_two(letters: str, tied: bool) -> PhoneClass | None:
    first, second = (LETTER_CLASSES[letter] for letter in letters)
    if letters[0] == letters[1]:
        return first
    if letters in _AFFRICATES or (tied and (first, second) == ("stop", "fricative")):
        return "affricate"
    if letters in _DOUBLE or (tied and first == second):
        return first
    click = second == "stop" and letters[1] in "ʘǀǁǃǂ"
    if click:
        return "nasal" if first == "nasal" else "stop"
    if first == "nasal" and second in ("stop", "fricative"):
        return second
    if letters[0] in "ʔh" and second == "stop":
        return second
    return None
