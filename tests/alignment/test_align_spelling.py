"""Transcripts in tokens: letters in the vocabulary's case, longest tokens, phones, and what has no token."""

import pytest

from auscult.alignment.settings import AlignmentSettings
from auscult.alignment.spelling import Speller, read_dictionary
from auscult.errors import ConfigError, LabelError
from auscult.models.vocabulary import Vocabulary, plain_vocabulary

LETTERS = plain_vocabulary(("<pad>", "<unk>", "|", "'", *"ABCDEN"), 0)
PHONES = Vocabulary(("<pad>", "k", "æ", "t", "tʃ"), 0, frozenset({0}), None, separator=" ")


def labels(vocabulary, spelt):
    return [vocabulary.labels[token] for token in spelt.tokens]


def test_letters_take_the_case_of_the_vocabulary_and_words_keep_their_own():
    spelt = Speller(LETTERS).spell(" Abe  can’t".replace("t", "") + "\n")
    assert labels(LETTERS, spelt) == [*"ABE|CAN'"]
    assert spelt.words == ("Abe", "can’")
    assert spelt.word_of == (0, 0, 0, -1, 1, 1, 1, 1)


def test_punctuation_without_a_token_is_left_out_and_counted():
    spelt = Speller(LETTERS).spell('"Bad," – bed-bed!')
    assert labels(LETTERS, spelt) == [*"BAD|BEDBED"]
    assert spelt.words == ("Bad", "bed-bed")
    assert spelt.left_out == {'"': 2, ",": 1, "–": 1, "-": 1, "!": 1}


def test_letters_without_a_token_are_refused_together_or_left_out():
    with pytest.raises(LabelError, match=r"vocabulary \(.*\), found 'x' \(2\), '4'; .* numbers in words"):
        Speller(LETTERS).spell("axe 4 bx")
    spelt = Speller(LETTERS, unknown="leave-out").spell("axe 4 bx")
    assert (labels(LETTERS, spelt), spelt.words) == ([*"AE|B"], ("axe", "bx"))
    assert spelt.left_out == {"x": 2, "4": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" \n", "expected words in the transcript, found an empty one"),
        ("… – !", "expected words in tokens of the model's vocabulary .*, found none in '… – !'"),
    ],
)
def test_a_text_without_words_is_refused(text, message):
    with pytest.raises(LabelError, match=message):
        Speller(LETTERS).spell(text)


def test_the_longest_token_is_taken():
    vocabulary = plain_vocabulary(("<pad>", "s", "c", "h", "sch", "ch", "o", "n"), 0)
    assert labels(vocabulary, Speller(vocabulary).spell("schon Ch")) == ["sch", "o", "n", "ch"]


def test_composed_and_decomposed_letters_are_the_same():
    vocabulary = plain_vocabulary(("<pad>", "e\u0301", "|"), 0)
    assert Speller(vocabulary).spell("\u00e9").tokens == (1,)


def test_transcripts_in_phones_are_divided_by_spaces_and_bars():
    spelt = Speller(PHONES).spell("k æ t | k æ tʃ")
    assert labels(PHONES, spelt) == ["k", "æ", "t", "k", "æ", "tʃ"]
    assert (spelt.words, spelt.word_of) == (("kæt", "kætʃ"), (0, 0, 0, 1, 1, 1))
    with pytest.raises(LabelError, match=r"expected phones of the model's vocabulary \(k æ t tʃ\), found 'ʒ'"):
        Speller(PHONES).spell("k ʒ")


def test_a_dictionary_gives_the_phones_of_words(tmp_path):
    (tmp_path / "words.dict").write_text("Cat\t0.99\t0.1\tk æ t\ncatch k æ tʃ\ncatch k æ t\n", encoding="utf-8")
    dictionary = read_dictionary(tmp_path / "words.dict")
    spelt = Speller(PHONES, dictionary).spell("Catch, cat!")
    assert labels(PHONES, spelt) == ["k", "æ", "tʃ", "k", "æ", "t"]
    assert spelt.words == ("Catch", "cat")
    with pytest.raises(LabelError, match=r"words of the dictionary, found 'dog,?' \(2\) without an entry"):
        Speller(PHONES, dictionary).spell("dog cat dog")
    left = Speller(PHONES, dictionary, "leave-out").spell("dog cat dog")
    assert (left.words, left.left_out) == (("cat",), {"dog": 2})


def test_a_dictionary_with_words_without_phones_is_refused(tmp_path):
    (tmp_path / "words.dict").write_text("cat k æ t\ndog 0.5\n", encoding="utf-8")
    with pytest.raises(LabelError, match=r"a word and its phones on every line of .*, found 'dog' \(line 2\)"):
        read_dictionary(tmp_path / "words.dict")
    (tmp_path / "words.dict").write_text("\n")
    with pytest.raises(LabelError, match="found an empty file"):
        read_dictionary(tmp_path / "words.dict")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"unknown": "guess"}, "expected unknown to be refuse or leave-out, found 'guess'"),
        ({"pause_s": -0.1}, "expected a pause of at least 0 s, found -0.1 s"),
    ],
)
def test_settings_that_do_not_exist_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        AlignmentSettings(**settings)
