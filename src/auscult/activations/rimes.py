"""Rimes: the part of a syllable after its onset consonant, which carries the tone; whole, or at single points.

Tier ``rime`` spans the time from the end of the onset consonant's phone to the end of the syllable. Tier ``rime_50`` is
the midpoint of the rime; it has zero length, so the model's nearest frame is taken instead of a mean, which would keep
neither the direction nor the shape of the pitch.
"""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from auscult.corpora.mandarin import ZERO_ONSET
from auscult.corpora.phones import phone_class
from auscult.errors import LabelError

__all__ = ["RIME", "is_rime", "derive_rimes"]

RIME = "rime"
_POINT = re.compile(r"rime_(\d{1,2}|100)")


def is_rime(tier: str) -> bool:
    """Return whether a tier is derived here: ``rime``, or ``rime_`` and a percentage."""
    return tier == RIME or _POINT.fullmatch(tier) is not None


def derive_rimes(segments: pd.DataFrame, tiers: Sequence[str]) -> pd.DataFrame:
    """Return the rime of every syllable, once per tier, with all other columns of the syllable.

    If column ``onset_consonant`` names an onset consonant, the rime begins after the syllable's first phone; glides
    then belong to the rime, as in pinyin. If it marks a zero onset, the whole syllable is the rime. Where the value is
    empty, or the column is missing, the rime begins with the first vowel.

    Parameters
    ----------
    segments : tiers ``phone`` and ``syllable`` of a corpus; the ``parent`` of a phone is the index of its syllable
    tiers : each ``rime`` or ``rime_NN``, NN a percentage from 0 (start of the rime) to 100 (its end)

    Raises
    ------
    LabelError
        A syllable has no phone, or no vowel after its onset consonant.
    """
    syllables, phones = (segments[segments["tier"] == tier] for tier in ("syllable", "phone"))
    ordered = phones.assign(vowel=_is_vowel(phones)).sort_values("onset", kind="stable")
    ordered["place"] = ordered.groupby(["utterance", "parent"]).cumcount()
    keys = pd.MultiIndex.from_frame(syllables[["utterance", "index"]])

    def first(kind: pd.Series, column: str) -> np.ndarray:
        found = ordered[kind].groupby(["utterance", "parent"])[column].first()
        return found.reindex(keys, fill_value=-1).to_numpy()

    onset_consonant = syllables.get("onset_consonant", pd.Series("", syllables.index)).fillna("").to_numpy()
    unknown, has_onset = onset_consonant == "", ~np.isin(onset_consonant, ["", ZERO_ONSET])
    # A first phone that is an onset consonant is outside the rime, even if it was labelled as a vowel.
    any_vowel, later_vowel = (first(ordered["vowel"] & (ordered["place"] >= place), "onset") for place in (0, 1))
    _require_vowels(syllables, np.where(has_onset, later_vowel, any_vowel) >= 0)
    ends = first(ordered["place"] == 0, "offset")
    onset = np.select([unknown, has_onset], [any_vowel, ends], syllables["onset"]).astype(np.int64)
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
