"""Letters of a CTC head are those of the checkpoint's own tokenizer; special tokens are never spelt."""

import json
import logging

import pytest
from transformers import Wav2Vec2CTCTokenizer, Wav2Vec2PhonemeCTCTokenizer

from auscult.errors import CheckpointError
from auscult.models.vocabulary import read_vocabulary

LETTERS = [*"abcdefgh", "|", "[UNK]", "[PAD]"]
HEARD = [0, 10, 1, 8, 9, 9, 10, 2, 2, 10, 2]


def written(folder, tokens, **files):
    folder.mkdir(exist_ok=True)
    content = tokens if isinstance(tokens, dict) else {token: index for index, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(content))
    for name, settings in files.items():
        (folder / f"{name}.json").write_text(json.dumps(settings))
    return folder


def saved(tmp_path, tokens, kind=Wav2Vec2CTCTokenizer, **settings):
    tokenizer = kind(str(written(tmp_path / "v", tokens) / "vocab.json"), **settings)
    tokenizer.save_pretrained(tmp_path / "in")
    return tmp_path / "in", tokenizer


def test_added_tokens_have_their_indices_and_the_blank_is_the_tokenizer_s(tmp_path):
    folder, tokenizer = saved(tmp_path, LETTERS, unk_token="[UNK]", pad_token="[PAD]")
    found = read_vocabulary(folder, len(tokenizer), tokenizer.pad_token_id)
    assert found.labels == (*LETTERS, "<s>", "</s>")
    assert (found.blank, found.special) == (10, frozenset({9, 10, 11, 12}))
    assert found.spell(HEARD) == "ab cc" == tokenizer.decode([index for index in HEARD if index != 9])


def test_added_tokens_of_transformers_4(tmp_path):
    folder = written(tmp_path / "in", LETTERS, added_tokens={"<s>": 11, "</s>": 12})
    assert read_vocabulary(folder, 13, 10).labels == (*LETTERS, "<s>", "</s>")


def test_without_settings_special_tokens_are_known_by_their_names(tmp_path, caplog):
    folder = written(tmp_path / "in", LETTERS)
    with caplog.at_level(logging.WARNING, "auscult"):
        found = read_vocabulary(folder, 11, 0)
    assert found.spell(HEARD) == "ab cc"
    assert "the blank of the CTC head is '[PAD]' (index 10), as in the tokenizer; pad_token_id" in caplog.text


def test_words_end_at_the_tokenizer_s_own_delimiter(tmp_path):
    letters = ["<pad>", "<unk>", " ", *"abc"]
    folder, _ = saved(tmp_path, letters, word_delimiter_token=" ")
    found = read_vocabulary(folder, 6, 0)
    assert (found.delimiter, found.spell([3, 0, 4, 2, 1, 5])) == (" ", "ab c")


def test_phones_are_spelt_with_spaces_and_without_a_phonemiser(tmp_path):
    folder, _ = saved(tmp_path, ["<pad>", "t", "tʃ", "iː"], Wav2Vec2PhonemeCTCTokenizer, do_phonemize=False)
    assert read_vocabulary(folder, 4, 0).spell([2, 2, 0, 3, 1]) == "tʃ iː t"


NESTED = {"eng": {"<pad>": 0, "a": 1, "|": 2}, "fra": {"<pad>": 0, "é": 1, "|": 2, "b": 3}}


def test_a_vocabulary_of_several_languages_needs_one(tmp_path):
    folder = written(tmp_path / "in", NESTED)
    with pytest.raises(CheckpointError, match=r"language of the CTC head .* found None .* eng, fra; .* language: eng"):
        read_vocabulary(folder, 3, 0)
    written(tmp_path / "in", NESTED, tokenizer_config={"target_lang": "fra"})
    assert read_vocabulary(folder, 4, 0).labels == ("<pad>", "é", "|", "b")
    with pytest.raises(CheckpointError, match=r"expected 3 tokens .* found 4, among them 'b'"):
        read_vocabulary(folder, 3, 0)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (LETTERS[:9], "expected 11 tokens in .*, found 9, none of index 9"),
        ([*LETTERS, "x"], "expected 11 tokens in .*, found 12, among them 'x'"),
        ({**{letter: index for index, letter in enumerate(LETTERS)}, "x": 3}, "one token per index .* several of 3"),
        ({**{letter: index for index, letter in enumerate(LETTERS)}, "x": "3"}, "an index of every token .* of 'x'"),
        ([*"abcdefghijk"], "expected a padding token, the blank of the CTC head, .* found none"),
    ],
)
def test_a_vocabulary_that_does_not_fit_is_refused(tmp_path, tokens, message):
    with pytest.raises(CheckpointError, match=message):
        read_vocabulary(written(tmp_path / "in", tokens), 11, 0)
