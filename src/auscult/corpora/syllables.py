"""Onset and offset of each syllable of a Mandarin transcript, from aligned words and phones.

Alignments of Mandarin come in several forms: one interval per character (Montreal Forced Aligner and Charsiu, if the
transcript is split into characters), words of several characters, initials and finals (``sh i4``), or IPA with tone
letters (``ʂ ʅ˥˩``). A transcript in pinyin gives the number of syllables and which of them end in a consonant.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from auscult.corpora.mandarin import ZERO_ONSET, Syllable, legal_syllables
from auscult.corpora.pauses import PAUSE, is_noise
from auscult.corpora.phones import phone_class
from auscult.errors import LabelError

__all__ = ["parse_pinyin", "is_known", "plain_phone", "syllable_times", "mandarin_classes", "tones_after_sandhi"]

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
# Placeholders that some lexicons write for an empty initial: `uu un2` for wen2, `aa ang4` for ang4.
_EMPTY_INITIALS = ("aa", "ee", "ii", "oo", "uu", "vv")


def parse_pinyin(text: str) -> Syllable:
    """Split a toned syllable of a transcript into onset, rime and tone.

    ``ü`` and ``u:`` become v, the neutral tone 0 becomes 5; a rime may end in the r of erhua (``dianr3``). Unlike
    :func:`~auscult.corpora.mandarin.parse_syllable`, this accepts syllables outside the table of Standard Mandarin.

    Raises
    ------
    LabelError
        The syllable has no vowel or no tone digit.
    """
    match = _PINYIN.fullmatch(text.lower().replace("u:", "v").replace("ü", "v"))
    if not match or not _VOWELS & set(match["rime"]):
        lacks = "a tone digit from 0 to 5" if match is None else "a vowel"
        raise LabelError(f"expected a pinyin syllable with {lacks}, found {text!r}; correct the transcript")
    return Syllable(match["onset"] or ZERO_ONSET, match["rime"], match["tone"].replace("0", "5"))


def is_known(syllable: Syllable) -> bool:
    """Return whether a syllable is in the table of Standard Mandarin, with or without erhua."""
    plain = syllable.onset.replace(ZERO_ONSET, "") + syllable.rime
    return bool({plain, plain.removesuffix("r")} & set(legal_syllables()))


def plain_phone(label: str) -> str:
    """Return a phone label without tone letters, tone digit and length marks."""
    return re.sub(rf"[{_TONE_LETTERS}ːˑ˘]|(?<=[a-z])[0-5]$", "", label)


def mandarin_classes(labels: pd.Series) -> pd.Series:
    """Return the manner of articulation of each phone of an utterance, "" if it is unknown.

    Phones with a tone are vowels. Tone letters mark an utterance as IPA; without them initials are read as pinyin,
    where ``j`` is another sound.
    """
    ipa = labels.str.contains(f"[{_TONE_LETTERS}]").any()

    def classify(label: str) -> str:
        if label == PAUSE or is_noise(label):
            return "silence" if label == PAUSE else "noise"
        if _bears_tone(label) or (not ipa and label in _EMPTY_INITIALS):
            return "vowel"
        try:
            return (None if ipa else _CLASSES.get(label)) or phone_class(plain_phone(label))
        except LabelError:
            return ""

    return labels.map(classify)


def syllable_times(syllables: Sequence[Syllable], words: pd.DataFrame, phones: pd.DataFrame) -> np.ndarray | None:
    """Return onset and offset of every syllable, shape (n_syllables, 2), in the unit of the tables.

    If the numbers of words and syllables are equal, the words are the syllables (Shen et al., 2024, who leave out all
    other utterances). Otherwise, if the number of phones with a tone equals the number of syllables, each of these
    phones is the nucleus of a syllable. A syllable of initials and finals ends with its nucleus; in IPA it also
    includes the following consonant if its pinyin ends in n, ng or r and the next syllable keeps its own onset.

    Parameters
    ----------
    syllables : syllables of the transcript
    words, phones : tables with columns ``label, onset, offset``, sorted by onset; pauses are left out among words and
        labelled ``sil`` among phones

    Returns
    -------
    times, or None if neither number matches
    """
    if len(words) == len(syllables):
        return words[["onset", "offset"]].to_numpy()
    spoken = phones[phones["label"] != PAUSE]
    labels = spoken["label"].tolist()
    nuclei = [place for place, label in enumerate(labels) if _bears_tone(label)]
    if len(nuclei) != len(syllables):
        return None
    starts = [0]
    for (nucleus, next_nucleus), (syllable, following) in zip(pairwise(nuclei), pairwise(syllables)):
        between = labels[nucleus + 1 : next_nucleus]
        n_onsets = int(following.onset != ZERO_ONSET)
        coda = (
            syllable.rime.endswith(("n", "ng", "r")) and len(between) > n_onsets and plain_phone(between[0]) in _CODAS
        )
        starts.append(nucleus + 1 + int(coda))
    ends = [start - 1 for start in starts[1:]] + [len(labels) - 1]
    return np.column_stack([spoken["onset"].to_numpy()[starts], spoken["offset"].to_numpy()[ends]])


def tones_after_sandhi(syllables: Sequence[Syllable], times: np.ndarray) -> list[str]:
    """Return the predicted tones: a third tone before another third tone, without a pause, becomes a second tone.

    The rule is a prediction, not an observation: speakers may pause or group words differently. The sandhi of 一 and 不
    is not applied.
    """
    tones = [syllable.tone for syllable in syllables]
    joined = [*(times[1:, 0] <= times[:-1, 1]), False]
    pairs = zip(tones, [*tones[1:], ""], joined)
    return ["2" if (tone, following, close) == ("3", "3", True) else tone for tone, following, close in pairs]


def _bears_tone(label: str) -> bool:
    return bool(re.search(rf"[{_TONE_LETTERS}]|[a-z][0-5]$", label))
