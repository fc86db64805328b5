"""Alphabets of phone labels: which one a corpus is written in, and the sound in IPA that a label stands for.

An alphabet is decided once per corpus, from all its labels, since single labels do not show it: ``th`` is a fricative
in ARPAbet and an aspirated stop in eSpeak's names, ``y`` a consonant in ARPAbet and a vowel in IPA, ``S`` is /s/ in
ARPAbet and /ʃ/ in X-SAMPA.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from auscult.corpora import phones as espeak
from auscult.corpora.ipa import canonical_ipa, ipa_class, ipa_stress, symbol_pairs
from auscult.corpora.xsampa import from_xsampa
from auscult.errors import ConfigError, LabelError

__all__ = ["ALPHABETS", "Phone", "Alphabet", "alphabet_named", "choose_alphabet", "describe_labels"]

_FITTING_SHARE = 0.9
_N_LISTED = 20

_ARPABET_VOWELS = symbol_pairs(
    "aa:ɑ ae:æ ah:ʌ ao:ɔ aw:aʊ ax:ə axr:ɚ axh:ə̥ ax-h:ə̥ ay:aɪ ea:eə eh:ɛ er:ɝ ey:eɪ ia:ɪə ih:ɪ ix:ɨ iy:i "
    "oh:ɒ ow:oʊ oy:ɔɪ ua:ʊə uh:ʊ uw:u ux:ʉ"
)
_ARPABET_CONSONANTS = symbol_pairs(
    "b:b ch:tʃ d:d dh:ð dx:ɾ el:l̩ em:m̩ en:n̩ eng:ŋ̍ f:f g:ɡ hh:h hv:ɦ jh:dʒ k:k l:l m:m n:n ng:ŋ nx:ɾ̃ "
    "p:p q:ʔ r:ɹ s:s sh:ʃ t:t th:θ tq:ʔ v:v w:w wh:ʍ y:j z:z zh:ʒ"
)
_CLOSURES = {61: ("bcl", "dcl", "gcl", "pcl", "tcl", "kcl", "epi"), 48: ("cl", "vcl", "epi"), 39: ()}
_TIMIT_ONLY = {"timit61": ("bcl", "dcl", "gcl", "pcl", "tcl", "kcl", "ax-h"), "timit48": ("cl", "vcl")}
_ARPABET = {**_ARPABET_VOWELS, **_ARPABET_CONSONANTS}
_TIMIT = frozenset(_ARPABET) - {"axh", "ea", "ia", "oh", "ua", "tq", "wh"}
_STRESSED = re.compile(r"(.+?)([012])")
_NASALISED = re.compile(r"(aa|ae|ah|ao|aw|ay|eh|er|ey|ih|iy|ow|oy|uh|uw)n")

_INITIALS = symbol_pairs(
    "b:p p:pʰ m:m f:f d:t t:tʰ n:n l:l g:k k:kʰ h:x j:tɕ q:tɕʰ x:ɕ zh:ʈʂ ch:ʈʂʰ sh:ʂ r:ɻ z:ts c:tsʰ s:s ng:ŋ y:j w:w"
)
_FINALS = symbol_pairs(
    "a:a o:o e:ɤ ê:ɛ ai:aɪ ei:eɪ ao:aʊ ou:oʊ an:an en:ən ang:aŋ eng:əŋ ong:ʊŋ er:ɚ i:i ia:ia ie:ie iao:iaʊ "
    "iu:ioʊ iou:ioʊ ian:iɛn in:in iang:iaŋ ing:iŋ iong:iʊŋ io:io u:u ua:ua uo:uo uai:uaɪ ui:ueɪ uei:ueɪ "
    "uan:uan un:uən uen:uən uang:uaŋ ueng:uəŋ v:y ve:yɛ ue:yɛ van:yɛn vn:yn ii:ɿ iii:ʅ ix:ɿ iy:ʅ aa:a ee:ɤ "
    "oo:o uu:u vv:y"
)
_PINYIN = re.compile(r"(.*?)([0-5]?)")
_PINYIN_ONLY = frozenset(("zh", "ch", "sh"))


@dataclass(frozen=True)
class Phone:
    """What a label stands for: its sound in IPA, its manner of articulation, and the label without stress mark.

    ``ipa`` is "" for closures, which have no sound of their own; ``stress`` is "0", "1", "2" or "".
    """

    ipa: str
    phone_class: str
    label: str
    stress: str = ""


@dataclass(frozen=True)
class Alphabet:
    """An alphabet with its name; ``phone`` returns what a label stands for, None if it is not of the alphabet."""

    name: str
    phone: Callable[[str], Phone | None]


def _timit(inventory: int) -> Callable[[str], Phone | None]:
    def phone(label: str) -> Phone | None:
        name = label.lower()
        if name in _CLOSURES[inventory]:
            return Phone("", "silence", label)
        return _in_arpabet(label) if name in _TIMIT else None

    return phone


def _arpabet(label: str) -> Phone | None:
    stressed = _STRESSED.fullmatch(label)
    if stressed and stressed[1].lower() in _ARPABET_VOWELS:
        return _in_arpabet(stressed[1], stressed[2])
    return _in_arpabet(label)


def _in_arpabet(label: str, stress: str = "") -> Phone | None:
    name = label.lower()
    nasalised = _NASALISED.fullmatch(name)
    ipa = _ARPABET[nasalised[1]] + "\u0303" if nasalised else _ARPABET.get(name)
    kind = ipa_class(ipa) if ipa else None
    return Phone(ipa, kind, label, stress) if ipa and kind else None


def _ipa(label: str) -> Phone | None:
    plain, stress = ipa_stress(canonical_ipa(label))
    kind = ipa_class(plain)
    # The Montreal Forced Aligner writes diphthongs with glides: aj, ow.
    sound = plain.replace("j", "ɪ").replace("w", "ʊ") if kind == "vowel" else plain
    return Phone(sound, kind, plain, stress) if kind else None


def _xsampa(label: str) -> Phone | None:
    stress = {'"': "1", "%": "2"}.get(label[:1], "")
    plain = label[1:] if stress else label
    ipa = from_xsampa(plain)
    kind = ipa_class(ipa) if ipa else None
    return Phone(canonical_ipa(ipa), kind, plain, stress) if ipa and kind else None


def _espeak(label: str) -> Phone | None:
    try:
        plain = espeak.clean_phone(label)
    except LabelError:
        return None
    kind = ipa_class(plain) or ipa_class(plain.rstrip("lnŋ"))  # eSpeak also names a vowel with its coda: əl, ʊŋ
    stress = {"primary": "1", "secondary": "2"}.get(espeak.phone_stress(label), "")
    return Phone(plain, kind, plain, stress) if kind else None


def _pinyin(label: str) -> Phone | None:
    match = _PINYIN.fullmatch(label.lower().replace("u:", "v").replace("ü", "v"))
    name, tone = match.groups() if match else ("", "")
    if name in _INITIALS and not tone:
        return Phone(_INITIALS[name], ipa_class(_INITIALS[name]) or "", label)
    for final, ipa in ((name, ""), (name.removesuffix("r"), "ɻ")):
        if final in _FINALS:
            return Phone(_FINALS[final] + ipa, "vowel", label)
    return None


_READERS: dict[str, Callable[[str], Phone | None]] = {
    "timit61": _timit(61),
    "timit48": _timit(48),
    "timit39": _timit(39),
    "arpabet": _arpabet,
    "pinyin": _pinyin,
    "ipa": _ipa,
    "xsampa": _xsampa,
    "espeak": _espeak,
}
NO_ALPHABET = "none"
ALPHABETS = (*_READERS, NO_ALPHABET)


def alphabet_named(name: str) -> Alphabet:
    """Return an alphabet by its name; ``none`` has no sounds, so that labels stay as they are, without classes.

    Raises
    ------
    ConfigError
        There is no alphabet of this name.
    """
    if name == NO_ALPHABET:
        return Alphabet(name, lambda label: Phone("", "", label))
    if name not in _READERS:
        raise ConfigError(
            f"expected the alphabet of phone labels to be one of {', '.join(ALPHABETS)}, found {name!r}; correct the "
            "option alphabet of the corpus"
        )
    return Alphabet(name, cache(_READERS[name]))


def choose_alphabet(counts: Mapping[str, int], name: str = "", where: str = "the corpus") -> Alphabet:
    """Return the alphabet of a corpus: the named one, or the one that its labels fit.

    An alphabet fits if at least nine tenths of all tokens are in it; the others are for the caller to report. The
    alphabet that has most of them is chosen. Labels that are nearly all in lower or in upper case may be ARPAbet or
    TIMIT's; upper-case letters alone are, and not X-SAMPA. Pinyin is considered if a label has a tone digit or is
    ``zh``, ``ch`` or ``sh``.

    Parameters
    ----------
    counts : number of tokens of each label, without pauses and noises
    name : one of :data:`ALPHABETS`, or "" to find it
    where : the corpus, for errors

    Raises
    ------
    ConfigError
        There is no alphabet of this name.
    LabelError
        The labels fit no alphabet, or not the named one; or they fit two in which they have different classes.
    """
    if name:
        alphabet = alphabet_named(name)
        missing = _unmapped(alphabet, counts)
        if not _fits(missing, counts):
            raise _misfit(alphabet, counts, missing, where)
        return alphabet
    if not counts:
        return alphabet_named(NO_ALPHABET)
    candidates = [alphabet_named(candidate) for candidate in _candidates(counts)]
    missing_of = {alphabet: _unmapped(alphabet, counts) for alphabet in candidates}
    fewest = min(sum(missing.values()) for missing in missing_of.values())
    best = [alphabet for alphabet, missing in missing_of.items() if sum(missing.values()) == fewest]
    if not _fits(missing_of[best[0]], counts):
        raise _misfit(best[0], counts, missing_of[best[0]], where)
    _require_agreement(best, counts, where)
    return best[0]


def _candidates(counts: Mapping[str, int]) -> list[str]:
    """Return the alphabets that labels may be written in, those first that are preferred if several fit."""

    def mostly(has: Callable[[str], bool]) -> bool:
        return sum(count for label, count in counts.items() if has(label)) >= _FITTING_SHARE * sum(counts.values())

    # Numbers alone are tones or codes, not the vowels that X-SAMPA writes by them.
    names = ["ipa", *(["xsampa"] if any(letter.isalpha() for label in counts for letter in label) else []), "espeak"]
    upper = mostly(str.isupper)
    if (upper or mostly(str.islower)) and mostly(str.isascii):
        kind = next(
            (name for name, only in _TIMIT_ONLY.items() if {label.lower() for label in counts} & set(only)), "arpabet"
        )
        # Single letters are the same sounds in both, except that IPA knows a trill.
        names.insert(0 if any(len(label) > 1 for label in counts) else 1, kind)
        if upper:
            names = [kind, "ipa", "espeak"]
    if counts.keys() & _PINYIN_ONLY or any(re.fullmatch("[a-zêü:]+[0-5]", label) for label in counts):
        names.insert(0, "pinyin")
    return names


def _fits(missing: Mapping[str, int], counts: Mapping[str, int]) -> bool:
    total = sum(counts.values())
    return total - sum(missing.values()) >= _FITTING_SHARE * total


def _unmapped(alphabet: Alphabet, counts: Mapping[str, int]) -> dict[str, int]:
    return {label: count for label, count in counts.items() if alphabet.phone(label) is None}


def _require_agreement(fitting: list[Alphabet], counts: Mapping[str, int], where: str) -> None:
    first = fitting[0]
    for other in fitting[1:]:
        if other.name == "espeak":  # its names for plain sounds are IPA
            continue
        unlike = [label for label in sorted(counts) if _kind(first, label) != _kind(other, label)]
        if unlike:
            raise LabelError(
                f"expected phone labels of one alphabet in {where}, found labels that fit {first.name} and "
                f"{other.name}, where {describe_labels({label: counts[label] for label in unlike})} differ; state the "
                f"option alphabet: {first.name} or alphabet: {other.name}"
            )


def _kind(alphabet: Alphabet, label: str) -> str:
    phone = alphabet.phone(label)
    return phone.phone_class if phone else ""


def _misfit(alphabet: Alphabet, counts: Mapping[str, int], missing: Mapping[str, int], where: str) -> LabelError:
    return LabelError(
        f"expected phone labels of one alphabet ({', '.join(_READERS)}) in {where}, found {len(missing)} of "
        f"{len(counts)} labels ({sum(missing.values())} of {sum(counts.values())} tokens) that are not in "
        f"{alphabet.name}, which fits best: {describe_labels(missing)}; name the alphabet (option alphabet), add "
        "names of pauses (option pauses), correct the labels, or keep them without classes (alphabet: none)"
    )


def describe_labels(counts: Mapping[str, int]) -> str:
    """Return labels with their numbers, the most frequent first, at most 20 of them."""
    ordered = sorted(counts, key=lambda label: (-counts[label], label))
    more = f" and {len(ordered) - _N_LISTED} more" if len(ordered) > _N_LISTED else ""
    return ", ".join(f"{label!r} ({counts[label]})" for label in ordered[:_N_LISTED]) + more
