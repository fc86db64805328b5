"""Names of pauses and noises in label files: one list for the readers of all formats."""

import re
from collections.abc import Collection

__all__ = ["PAUSE", "PAUSE_NAMES", "NOISE_NAMES", "is_pause", "is_noise"]

# The label of a pause among phones; among words pauses are left out.
PAUSE = "sil"
# Bare, or in brackets of any kind. Montreal Forced Aligner, Kaldi, Festival, P2FA, Charsiu, NeMo, MAUS, TIMIT, ESPS …
_BARE = ("sil", "silence", "sp", "ssil", "lsil", "pau", "pause", "eps", "h#", "#h", "#", "##")
_SIGNS = ("", "-", "--", "_", "__", ".", "..", "...", "…", "|")
# Bare, these are phones or words; in brackets they are pauses.
_BRACKETED = ("p", "p:", "b", "s", "/s", "bos", "eos", "sl", "pad", "blank", "blk", "b_trans", "e_trans", "", "-", ".")
PAUSE_NAMES = (*_SIGNS, *_BARE, *(f"<{name}>" for name in _BRACKETED if name))
_BARE_NOISES = ("spn", "nsn", "noise", "brth", "breath", "laugh", "laughter", "cough", "iver", "vocnoise", "nib")
_BRACKETED_NOISES = ("unk", "usb", "nvn", "ns", "lg", "cg", "br", "ls", "lip", "unknown", "noise_s", "vocnoise", "nib")
NOISE_NAMES = (*_BARE_NOISES, *(f"<{name}>" for name in _BRACKETED_NOISES))
# Kaldi marks the position in the word: SIL_S, spn_B.
_POSITION = re.compile(r"(?<=[a-z])_[bies]$")
_BRACKETS = re.compile(r"[<\[{(](.*)[>\]})]")


def is_pause(label: str, names: Collection[str] = ()) -> bool:
    """Return whether a label names a pause (:data:`PAUSE_NAMES`); case, blanks and the kind of brackets are ignored.

    Parameters
    ----------
    label : label of a phone or word
    names : further names of pauses, compared exactly
    """
    return label in names or _is_named(label, (*_SIGNS, *_BARE), _BRACKETED)


def is_noise(label: str) -> bool:
    """Return whether a label names speech or sounds that were not transcribed (:data:`NOISE_NAMES`)."""
    return _is_named(label, _BARE_NOISES, _BRACKETED_NOISES)


def _is_named(label: str, bare: Collection[str], bracketed: Collection[str]) -> bool:
    name = _POSITION.sub("", label.strip().lower())
    inside = _BRACKETS.fullmatch(name)
    if inside:
        return inside[1].strip() in bare or inside[1].strip() in bracketed
    return name in bare
