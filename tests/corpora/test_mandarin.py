from collections import defaultdict

import pytest

from auscult.corpora.mandarin import (
    UNSPOKEN,
    ZERO_ONSET,
    Syllable,
    legal_syllables,
    parse_syllable,
    split_syllables,
    spoken_tones,
)
from auscult.corpora.synthesis.grammar import read_grammar
from auscult.errors import LabelError


def test_the_table_holds_about_four_hundred_legal_syllables():
    table = legal_syllables()
    assert 395 <= len(table) <= 415
    assert {"zhuang", "lv", "nve", "er", "weng", "xiong", "si", "ri"} <= set(table)
    assert not {"gi", "fong", "bou", "jo", "zhin", "wi", "xu1"} & set(table)
    assert set(UNSPOKEN) <= set(table)


@pytest.mark.parametrize(
    ("pinyin", "parts"),
    [
        ("zhuang1", ("zh", "uang", "1")),
        ("nv3", ("n", "v", "3")),
        ("er2", (ZERO_ONSET, "er", "2")),
        ("yuan4", (ZERO_ONSET, "yuan", "4")),
        ("shi4", ("sh", "i", "4")),
        ("de5", ("d", "e", "5")),
    ],
)
def test_a_syllable_is_split_into_onset_rime_and_tone(pinyin, parts):
    assert parse_syllable(pinyin) == Syllable(*parts)


def test_every_word_of_the_lexicon_is_legal_and_can_be_spoken():
    words = [row["word"] for rows in read_grammar("mandarin").lexicon.values() for row in rows]
    syllables = [syllable for word in words for syllable in split_syllables(word)]
    assert len(syllables) > 400
    assert not {syllable[:-1] for syllable in syllables} & set(UNSPOKEN)


def test_the_lexicon_has_tone_minimal_pairs():
    tones = defaultdict(set)
    for rows in read_grammar("mandarin").lexicon.values():
        for row in rows:
            syllables = split_syllables(row["word"])
            tones[tuple(syllable[:-1] for syllable in syllables)].add(tuple(syllable[-1] for syllable in syllables))
    assert sum(len(contrast) > 1 for contrast in tones.values()) >= 30


def test_a_third_tone_rises_before_another():
    assert spoken_tones(["wo3", "mai3", "ma3"]) == ["2", "2", "3"]
    assert spoken_tones(["hao3", "de5", "ma3", "che1"]) == ["3", "5", "3", "1"]


@pytest.mark.parametrize("wrong", ["ma", "ma6", "gi3", "", "mä1"])
def test_what_is_no_toned_syllable_is_refused(wrong):
    with pytest.raises(LabelError, match="expected a pinyin syllable with a tone digit from 1 to 5, found"):
        parse_syllable(wrong)


def test_a_word_without_its_last_tone_is_refused():
    with pytest.raises(LabelError, match="found 'shi'; write ü as v and add the tone"):
        split_syllables("lao3shi")
