import pytest

from auscult.analyses.similarity import reference_spaces as spaces
from auscult.corpora.phones import clean_phone, phone_class, phone_stress, syllabify
from auscult.errors import LabelError


@pytest.mark.parametrize(
    ("symbol", "label"),
    [("ˈiː", "i"), ("ˌɑːɹ", "ɑɹ"), ("ts.h", "ʈʂʰ"), ("ˈo-", "ɤ"), ("e-", "e"), ("ᵻ", "ɪ"), ("ɑ̃", "ɑ̃"), ("aɪɚ", "aɪə")],
)
def test_a_symbol_of_espeak_becomes_an_ipa_label_without_stress_and_length(symbol, label):
    assert clean_phone(symbol) == label


@pytest.mark.parametrize(
    ("phone", "expected"),
    [
        ("aɪ", "vowel"),
        ("əl", "vowel"),
        ("tʰ", "stop"),
        ("tʃ", "affricate"),
        ("ʈʂʰ", "affricate"),
        ("ʁ", "fricative"),
        ("ŋ", "nasal"),
        ("ɹ", "approximant"),
        ("sil", "silence"),
        ("", "silence"),
    ],
)
def test_a_label_has_the_manner_of_its_first_letters(phone, expected):
    assert phone_class(phone) == expected


def test_every_letter_with_articulatory_features_has_a_class():
    letters = {*"".join(spaces._PLACES.values()), *spaces._VOWELS}
    assert all(phone_class(letter) in spaces._MANNERS for letter in letters)
    assert {*spaces._VOICELESS, *spaces._ROUNDED, *spaces._LATERAL, *spaces._RHOTIC} <= letters


def test_stress_is_read_from_the_mark():
    assert [phone_stress(symbol) for symbol in ("ˈa", "ˌa", "a", "")] == ["primary", "secondary", "", ""]


def test_a_phone_of_another_language_is_refused():
    with pytest.raises(LabelError, match=r"found eSpeak switching to another \('\(en\)'\); .*correct it"):
        clean_phone("(en)")


def test_an_unknown_label_is_refused():
    with pytest.raises(LabelError, match="expected a phone in IPA, found '4'; correct the label"):
        phone_class("4")


@pytest.mark.parametrize(
    ("phones", "expected"),
    [
        ("s ɪ s t ɚ", [0, 0, 0, 1, 1]),
        ("s ɪ ŋ ɪ ŋ", [0, 0, 0, 1, 1]),
        ("h ʌ ŋ ɡ ɹ i", [0, 0, 0, 1, 1, 1]),
        ("p i æ n oʊ", [0, 0, 1, 2, 2]),
        ("s t ɹ eɪ n dʒ", [0] * 6),
        ("l", [0]),
    ],
)
def test_syllables_have_one_vowel_and_the_longest_simple_onset(phones, expected):
    assert syllabify(phones.split()) == expected
