"""Rimes: what of a syllable follows its onset consonant and carries its tone, whole or at single moments.

Tier ``rime`` reaches from the end of the onset consonant's phone to the end of the syllable; tier ``rime_50`` is the
moment half-way through it, of zero length, so that a model's nearest frame is taken and not a mean: a mean over a rime
keeps neither the direction nor the shape of its pitch.
"""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from auscult.corpora.mandarin import ZERO_ONSET
from auscult.errors import LabelError
from auscult.phones import phone_class

__all__ = ["RIME", "is_rime", "derive_rimes"]

RIME = "rime"
_POINT = re.compile(r"rime_(\d{1,2}|100)")


def is_rime(tier: str) -> bool:
    """Say whether a tier is derived here: ``rime``, or ``rime_`` and a percentage."""
    return tier == RIME or _POINT.fullmatch(tier) is not None


def derive_rimes(segments: pd.DataFrame, tiers: Sequence[str]) -> pd.DataFrame:
    """Return the rime of every syllable, once for each of the tiers, with all other columns of the syllable.

    The onset consonant is the first phone of a syllable, unless column ``onset_consonant`` of the syllable says that
    it has none or, without such a column, that phone is a vowel. Glides after it belong to the rime, as in pinyin.

    Parameters
    ----------
    segments : tiers ``phone`` and ``syllable`` of a corpus; the ``parent`` of a phone is the index of its syllable
    tiers : each ``rime`` or ``rime_NN``, NN from 0 (its onset) to 100 (its end)

    Raises
    ------
    LabelError
        A syllable has no phone, or no vowel after its onset consonant.
    """
    syllables, phones = (segments[segments["tier"] == tier] for tier in ("syllable", "phone"))
    ordered = phones.assign(vowel=_is_vowel(phones)).sort_values("onset", kind="stable")
    of_syllable = ordered.groupby(["utterance", "parent"], sort=False)
    keys = pd.MultiIndex.from_frame(syllables[["utterance", "index"]])
    first_is_vowel = of_syllable["vowel"].first().reindex(keys, fill_value=True).to_numpy(bool)
    first_ends = of_syllable["offset"].first().reindex(keys, fill_value=0).to_numpy()
    has_onset = ~first_is_vowel
    if "onset_consonant" in syllables:
        has_onset = (syllables["onset_consonant"] != ZERO_ONSET).to_numpy()
    # An onset consonant is not part of the rime, even where it is drawn out to a vowel.
    n_vowels = of_syllable["vowel"].sum().reindex(keys, fill_value=0).to_numpy() - (has_onset & first_is_vowel)
    _require_vowels(syllables, n_vowels > 0)
    onset = np.where(has_onset, first_ends, syllables["onset"]).astype(np.int64)
    offset = syllables["offset"].to_numpy()
    return pd.concat([_at(syllables, tier, onset, offset) for tier in tiers], ignore_index=True)


def _at(syllables: pd.DataFrame, tier: str, onset: np.ndarray, offset: np.ndarray) -> pd.DataFrame:
    if tier != RIME:
        onset = offset = onset + (offset - onset) * int(tier.removeprefix("rime_")) // 100
    return syllables.assign(tier=tier, onset=onset, offset=offset, parent=syllables["index"])


def _is_vowel(phones: pd.DataFrame) -> np.ndarray:
    classes = phones["phone_class"] if "phone_class" in phones else phones["label"].map(phone_class)
    return (classes == "vowel").to_numpy()


def _require_vowels(syllables: pd.DataFrame, has_vowel: np.ndarray) -> None:
    if not has_vowel.all():
        row = syllables[~has_vowel].iloc[0]
        raise LabelError(
            f"expected a vowel after the onset consonant of every syllable, found none in syllable {row['index']} "
            f"({row['label']!r}) of utterance {row['utterance']!r} ({int((~has_vowel).sum())} such syllables); correct "
            "its phones, or extract no rimes of this corpus"
        )
