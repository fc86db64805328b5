"""The vocabulary of a CTC head: tokens, blank and word boundary as the checkpoint's own tokenizer has them.

The tokenizer's files are read by transformers, so that added tokens, tokens at the end of the list and nested
vocabularies of several languages have the indices that the model was trained with. Special tokens are never spelt.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import transformers
from transformers import Wav2Vec2CTCTokenizer, Wav2Vec2PhonemeCTCTokenizer

from auscult.errors import CheckpointError
from auscult.models.checkpoint_format import CONFIG, VOCABULARY

__all__ = ["Vocabulary", "nested_languages", "plain_vocabulary", "read_vocabulary"]

_log = logging.getLogger(__name__)
_SETTINGS = "tokenizer_config.json"
_OTHER_FILES = (_SETTINGS, "added_tokens.json", "special_tokens_map.json")
# Names of the blank, and of unknown tokens, in vocabularies without tokenizer settings; the first is the default.
_BLANKS = ("<pad>", "[PAD]", "<blank>", "[BLANK]", "<blk>")
_UNKNOWN = ("<unk>", "[UNK]")


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of a CTC head, and how they spell a text.

    Parameters
    ----------
    labels : tokens in order of their index
    blank : index of the CTC blank
    special : indices of tokens that are never spelt, the blank among them
    delimiter : token of a word boundary; None without one
    separator : text between tokens: none between letters, a space between phones
    lower : whether texts are spelt in lower case
    """

    labels: tuple[str, ...]
    blank: int
    special: frozenset[int]
    delimiter: str | None = "|"
    separator: str = ""
    lower: bool = False

    def spell(self, tokens: Sequence[int]) -> str:
        """Return the text of the best tokens of successive frames: repeats merged, then special tokens dropped."""
        letters = [self.labels[token] for token, _ in groupby(tokens) if token not in self.special]
        text = self.separator.join(" " if letter == self.delimiter else letter for letter in letters)
        text = " ".join(text.split())
        return text.lower() if self.lower else text


def plain_vocabulary(labels: Sequence[str], blank: int) -> Vocabulary:
    """Return a vocabulary without tokenizer files: ``|`` between words, tokens in brackets special."""
    return Vocabulary(tuple(labels), blank, _special(labels) | {blank})


def read_vocabulary(folder: Path, n_tokens: int, pad_token_id: int | None) -> Vocabulary:
    """Return the vocabulary of a checkpoint's CTC head.

    Parameters
    ----------
    folder : checkpoint folder with ``vocab.json`` and, if there are any, the tokenizer's other files
    n_tokens : number of outputs of the head
    pad_token_id : index of the padding token in the model's configuration, which CTC takes as the blank

    Raises
    ------
    CheckpointError
        There is no vocabulary, it does not fit the head, its language is not stated, or no token is the blank.
    """
    own = _own_tokens(folder)
    settings = _settings(folder)
    tokenizer = _tokenizer(folder, own, settings)
    # Without files of its own the tokenizer would add its default tokens, which no head was trained with.
    added = tokenizer.get_vocab() if any((folder / name).is_file() for name in _OTHER_FILES) else {}
    found = {index: token for token, index in added.items()} | {index: token for token, index in own.items()}
    missing = [index for index in range(n_tokens) if not isinstance(found.get(index), str)]
    if missing:
        raise CheckpointError(
            f"expected {n_tokens} tokens in {folder / VOCABULARY}, as many as the head has, found "
            f"{len(found)}, none of index {missing[0]}; check that vocabulary and weights belong together"
        )
    beyond = sorted(token for token, index in own.items() if index >= n_tokens)
    if beyond:
        raise CheckpointError(
            f"expected {n_tokens} tokens in {folder / VOCABULARY}, as many as the head has, found {len(own)}, among "
            f"them {', '.join(map(repr, beyond[:3]))}; check that vocabulary and weights belong together"
        )
    labels = tuple(found[index] for index in range(n_tokens))
    blank = _blank(tokenizer, labels, pad_token_id, folder)
    phones = isinstance(tokenizer, Wav2Vec2PhonemeCTCTokenizer)
    delimiter = _text(settings.get("word_delimiter_token", None if phones else "|"))
    special = {index for index in tokenizer.all_special_ids if index < n_tokens} | _special(labels) | {blank}
    return Vocabulary(
        labels,
        blank,
        frozenset(index for index in special if labels[index] != delimiter),
        delimiter,
        separator=" " if phones else "",
        lower=bool(settings.get("do_lower_case", False)),
    )


def nested_languages(folder: Path) -> list[str]:
    """Return the languages of a vocabulary that is nested by language; none for a plain one.

    Raises
    ------
    CheckpointError
        There is no vocabulary, or it is no JSON object.
    """
    path = folder / VOCABULARY
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        nested = {name: tokens for name, tokens in content.items() if isinstance(tokens, dict)}
    except FileNotFoundError:
        raise CheckpointError(
            f"expected {path}, the letters of the CTC head, found no such file; copy it from the model's source"
        ) from None
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(f"expected a JSON object of tokens in {path}, found: {error}; fetch it again") from None
    return list(nested)


def _own_tokens(folder: Path) -> dict[str, int]:
    """Return the tokens of ``vocab.json``, of the language stated if they are nested."""
    languages, path = nested_languages(folder), folder / VOCABULARY
    tokens = json.loads(path.read_text(encoding="utf-8"))
    if languages:
        chosen = _settings(folder).get("target_lang")
        if chosen not in languages:
            shown = ", ".join(languages[:8]) + (f" … ({len(languages)} in all)" if len(languages) > 8 else "")
            raise CheckpointError(
                f"expected the language of the CTC head (target_lang in {folder / _SETTINGS}), found {chosen!r} for a "
                f"vocabulary of {shown}; name one of them: language: {languages[0]}"
            )
        tokens = tokens[chosen]
    wrong = [token for token, index in tokens.items() if isinstance(index, bool) or not isinstance(index, int)]
    if wrong:
        raise CheckpointError(f"expected an index of every token in {path}, found none of {wrong[0]!r}; fetch it again")
    twice = [index for index, same in groupby(sorted(tokens.values())) if len(list(same)) > 1]
    if twice:
        raise CheckpointError(f"expected one token per index in {path}, found several of {twice[0]}; fetch it again")
    return tokens


def _settings(folder: Path) -> dict[str, Any]:
    path = folder / _SETTINGS
    try:
        settings = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise CheckpointError(f"expected JSON in {path}, found: {error}; fetch it again") from None
    return settings if isinstance(settings, dict) else {}


def _tokenizer(folder: Path, own: dict[str, int], settings: dict[str, Any]) -> Any:
    """Return the tokenizer of a checkpoint; without settings, its special tokens are found by their names."""
    named = str(settings.get("tokenizer_class", ""))
    phones = "Phoneme" in named
    given: dict[str, Any] = {"do_phonemize": False} if phones else {}
    if not settings and not (folder / _OTHER_FILES[2]).is_file():
        given |= {"pad_token": next((name for name in _BLANKS if name in own), _BLANKS[0])}
        given |= {"unk_token": next((name for name in _UNKNOWN if name in own), _UNKNOWN[0])}
    kind = Wav2Vec2PhonemeCTCTokenizer if phones else Wav2Vec2CTCTokenizer
    verbosity = transformers.utils.logging.get_verbosity()
    transformers.utils.logging.set_verbosity_error()
    try:
        return kind.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False, **given)
    except Exception as error:  # the tokenizers raise errors of many unrelated kinds
        raise CheckpointError(
            f"expected a tokenizer that loads from {folder}, found: {error}; fetch it again"
        ) from None
    finally:
        transformers.utils.logging.set_verbosity(verbosity)


def _blank(tokenizer: Any, labels: Sequence[str], pad_token_id: int | None, folder: Path) -> int:
    stated = tokenizer.pad_token_id
    if stated is not None and stated < len(labels):
        if pad_token_id not in (None, stated):
            _log.warning(
                "the blank of the CTC head is %r (index %d), as in the tokenizer; pad_token_id in %s is %d (%s)",
                *(labels[stated], stated, CONFIG, pad_token_id, _nth(labels, pad_token_id)),
            )
        return int(stated)
    if pad_token_id is None or _nth(labels, pad_token_id).strip("'").isalpha() or pad_token_id >= len(labels):
        raise CheckpointError(
            f"expected a padding token, the blank of the CTC head, in {folder / VOCABULARY}, found none, and "
            f"pad_token_id: {pad_token_id} in {CONFIG}; name it as pad_token in {_SETTINGS}"
        )
    _log.info("the blank of the CTC head is %r, the pad_token_id of %s", labels[pad_token_id], CONFIG)
    return pad_token_id


def _nth(labels: Sequence[str], index: int | None) -> str:
    return repr(labels[index]) if index is not None and 0 <= index < len(labels) else "no token"


def _special(labels: Sequence[str]) -> frozenset[int]:
    """Return the tokens in angle or square brackets, which stand for no letter."""
    return frozenset(
        index for index, label in enumerate(labels) if len(label) > 2 and label[0] + label[-1] in ("<>", "[]")
    )


def _text(token: Any) -> str | None:
    """Return the text of a token, which some files give as an object."""
    return token.get("content") if isinstance(token, dict) else token
