import unicodedata

import pytest

from auscult.corpora.alphabets import ALPHABETS, alphabet_named, choose_alphabet
from auscult.errors import ConfigError, LabelError


def counts(labels):
    return dict.fromkeys(labels.split(), 1)


def classes(labels, name=""):
    alphabet = choose_alphabet(counts(labels), name)
    return {label: phone.phone_class if (phone := alphabet.phone(label)) else None for label in labels.split()}


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ("AA0 T S N HH", "arpabet"),
        ("th dh ch jh y iy er", "arpabet"),
        ("aan ehn tq dx nx", "arpabet"),
        ("sh iy bcl b tcl t ax-h", "timit61"),
        ("sh iy cl b vcl d", "timit48"),
        ("SH IY DCL D AXR", "timit61"),
        ("ɑː tʃ dʒ ɫ aj ej ow", "ipa"),
        ("b p zh ch i4 ang1", "pinyin"),
        ("s t_S @ {: r\\", "xsampa"),
        ("a: E 6 @ aI ts N", "xsampa"),
        ("s t͡ʃ ə aː", "ipa"),
        ("p t k a i u s y z", "ipa"),
        ("ts.h tɕh th onɡ ʊŋ", "espeak"),
        ("", "none"),
    ],
)
def test_the_alphabet_is_found_from_all_labels(labels, name):
    assert choose_alphabet(counts(labels)).name == name


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("arpabet", "IH0 er1 AX axr ehn", "vowel"),
        ("arpabet", "T dx tq", "stop"),
        ("arpabet", "CH jh", "affricate"),
        ("arpabet", "ZH hh th dh sh", "fricative"),
        ("arpabet", "NG em en nx", "nasal"),
        ("arpabet", "R y w el", "approximant"),
        ("timit61", "bcl tcl epi", "silence"),
        ("timit48", "cl vcl", "silence"),
        ("pinyin", "i4 uang ii5 er2 ianr1", "vowel"),
        ("pinyin", "zh c j q", "affricate"),
        ("xsampa", "{: @ aI 2: a~", "vowel"),
        ("xsampa", "tS t_s dz`", "affricate"),
        ("xsampa", "S T G s\\ x", "fricative"),
        ("ipa", "i ɑː ã a\u0303 ˈa aɪ̯ ɔɹ ˌu ɚ ə˞ aʊə aj ow˥ ɔj", "vowel"),
        ("ipa", "p kʰ t̪ ɡ g ɾ ʔ ⁿd ˀt k͡p ɓ mb ʔd tː tt ǃ", "stop"),
        ("ipa", "t͡ʃ t͜s ʧ ʤ ʦ t̠ʃ tɕʰ nt͡s pf kx", "affricate"),
        ("ipa", "s ʒː ç c\u0327 χ ɬ h", "fricative"),
        ("ipa", "m̩ ŋ ŋ͡m n̥", "nasal"),
        ("ipa", "ɫ ɹ̩ j r ʍ i̯", "approximant"),
        ("espeak", "o- i̪ əl ʊŋ", "vowel"),
        ("espeak", "th ph kh", "stop"),
    ],
)
def test_labels_have_the_class_of_their_sound(name, labels, expected):
    assert classes(labels, name) == dict.fromkeys(labels.split(), expected)


@pytest.mark.parametrize("label", ["th", "42", "ˈ", "̃", "tk", "el", "ax", "stra", "TH"])
def test_what_is_no_sound_in_ipa_has_no_class(label):
    assert alphabet_named("ipa").phone(label) is None


@pytest.mark.parametrize("labels", ["1 2 3 4", "T1 T2 T3 T4", "H* L-L% L+H*", "ba ma shi", "neutral angry"])
def test_tones_accents_and_words_are_no_phones(labels):
    with pytest.raises(LabelError, match="expected phone labels of one alphabet"):
        choose_alphabet(counts(labels))


def test_the_glide_of_a_diphthong_is_the_end_of_a_vowel():
    assert alphabet_named("ipa").phone("aj").ipa == "aɪ"
    assert alphabet_named("ipa").phone("aj").label == "aj"


def test_either_unicode_form_is_the_same_sound():
    ipa = alphabet_named("ipa")
    for label in ("ç", "ã", "õ", "t͡ʃ"):
        assert len({ipa.phone(unicodedata.normalize(form, label)) for form in ("NFC", "NFD")}) == 1


def test_labels_that_fit_two_alphabets_are_refused():
    with pytest.raises(LabelError, match=r"labels that fit ipa and arpabet, where 'y' \(1\) differ; state the option"):
        choose_alphabet(counts("s y m"))
    assert classes("s y m", "arpabet")["y"] == "approximant"


def test_a_few_labels_outside_are_left_to_report_and_many_are_refused():
    labels = {"t": 50, "ʃ": 40, "?!": 9, "0x": 1}
    alphabet = choose_alphabet(labels)
    assert (alphabet.name, alphabet.phone("?!")) == ("ipa", None)
    with pytest.raises(
        LabelError, match=r"found 2 of 4 labels \(21 of 111 tokens\) .* ipa, .*: '\?!' \(20\), '0x' \(1\); n"
    ):
        choose_alphabet(labels | {"?!": 20}, where="mine")


def test_the_stated_alphabet_must_fit():
    with pytest.raises(LabelError, match=r"expected phone labels of one alphabet .* in mine, found 2 of 2 labels"):
        choose_alphabet({"ʃ": 1, "ŋ": 1}, "arpabet", "mine")


def test_an_unknown_alphabet_lists_those_that_exist():
    with pytest.raises(ConfigError, match=rf"one of {', '.join(ALPHABETS)}, found 'sampa'; correct"):
        alphabet_named("sampa")
