"""Rimes: from the end of the onset consonant to the end of the syllable, and points within them."""

import pandas as pd
import pytest

from auscult.activations.rimes import derive_rimes, is_rime
from auscult.errors import LabelError

ROW = {"utterance": "u", "parent": 0}


def segments(phones, onset_consonant=None, label="zhuang1"):
    """Return one syllable, from sample 100, whose phones have these labels and lengths."""
    rows, onset = [], 100
    for i, (phone, length) in enumerate(phones):
        rows.append(ROW | {"tier": "phone", "index": i, "label": phone, "onset": onset, "offset": onset + length})
        onset += length
    rows.append(ROW | {"tier": "syllable", "index": 0, "label": label, "onset": 100, "offset": onset, "tone": "1"})
    table = pd.DataFrame(rows)
    return table if onset_consonant is None else table.assign(onset_consonant=onset_consonant)


ZHUANG = [("ʈʂ", 60), ("w", 20), ("ɑ", 100), ("ŋ", 80)]


@pytest.mark.parametrize(
    ("table", "onset"),
    [
        (segments(ZHUANG, "zh"), 160),
        (segments(ZHUANG), 180),
        (segments(ZHUANG, ""), 180),
        (segments([("w", 30), ("o", 90)], "∅", "wo3"), 100),
        (segments([("ɑ", 90)], "∅", "a1"), 100),
        (segments([("ɑ", 90)], label="a1"), 100),
    ],
)
def test_a_rime_begins_where_its_onset_consonant_ends(table, onset):
    rime = derive_rimes(table, ["rime"]).iloc[0]
    syllable = table[table["tier"] == "syllable"].iloc[0]
    assert (rime["onset"], rime["offset"]) == (onset, syllable["offset"])
    assert (rime["tier"], rime["label"], rime["tone"], rime["parent"]) == ("rime", syllable["label"], "1", 0)


def test_moments_of_a_rime_have_no_length():
    points = derive_rimes(segments(ZHUANG, "zh"), ["rime_20", "rime_50", "rime_80", "rime_0", "rime_100"])
    assert points["onset"].tolist() == points["offset"].tolist() == [200, 260, 320, 160, 360]


def test_phones_need_not_be_in_order():
    assert derive_rimes(segments(ZHUANG, "zh").iloc[::-1], ["rime"])["onset"].tolist() == [160]


@pytest.mark.parametrize("phones", [[("ʈʂ", 60)], [("ʈʂ", 60), ("ŋ", 20)], []])
def test_a_syllable_without_a_vowel_is_one_clear_line(phones):
    table = segments(phones or [("ʈʂ", 60)], "zh", "zh1")
    if not phones:
        table = table[table["tier"] == "syllable"]
    message = (
        r"expected a vowel after the onset consonant of every syllable, found none in syllable 0 \('zh1'\) of "
        r"utterance 'u' \(1 such syllables\); correct its phones"
    )
    with pytest.raises(LabelError, match=message):
        derive_rimes(table, ["rime"])


def test_tiers_that_are_rimes():
    assert [is_rime(tier) for tier in ("rime", "rime_0", "rime_50", "rime_100")] == [True] * 4
    assert [is_rime(tier) for tier in ("rimes", "rime_", "rime_101", "rime_x", "syllable")] == [False] * 5
