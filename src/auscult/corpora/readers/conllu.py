"""Parsed text in CoNLL-U, the format of Universal Dependencies."""

from pathlib import Path
from typing import Any

import pandas as pd
from conllu import TokenList, parse_incr
from conllu.exceptions import ParseException

from auscult.corpora.text import SENTENCES, WORDS, check_sentences, check_words
from auscult.corpora.walk import list_files
from auscult.errors import CorpusError

__all__ = ["read_conllu"]

_NUMBERS = {"Sing": "singular", "Plur": "plural"}


def read_conllu(
    source: Path, files: str = "*.conllu", split: str = "test", language: str = ""
) -> dict[str, pd.DataFrame]:
    """Read the sentences of CoNLL-U files.

    Only syntactic words are kept, as the specification defines them for the basic tree: multiword tokens (``1-2``) and
    empty nodes of enhanced graphs (``3.1``) are left out, so that heads count words only.

    Parameters
    ----------
    source : folder of the files
    files : pattern of the file names, searched for in all subfolders
    split : split of all sentences
    language : entered for every sentence

    Returns
    -------
    tables of sentences and words by file name

    Raises
    ------
    CorpusError
        No file matches, a file is not CoNLL-U, or a parse is not a tree.
    """
    paths = list_files(source).matching(files)
    if not paths:
        raise CorpusError(
            f"expected CoNLL-U files {files} in {source}, found none; correct the option files or the folder"
        )
    sentences, words = [], []
    for path in paths:
        for number, parsed in enumerate(_sentences(path), start=1):
            name = parsed.metadata.get("sent_id") or f"{path.stem}-{number}"
            kept = [token for token in parsed if isinstance(token["id"], int)]
            if not kept:
                raise CorpusError(f"expected words in sentence {name!r} of {path}, found none; leave it out")
            words += [_word(name, index, token, path) for index, token in enumerate(kept)]
            text = parsed.metadata.get("text") or " ".join(token["form"] for token in kept)
            sentences.append((name, "", language, text, split))
    table = pd.DataFrame(sentences, columns=["sentence", "corpus", "language", "text", "split"])
    return {SENTENCES: check_sentences(table), WORDS: check_words(pd.DataFrame(words), table)}


def _sentences(path: Path) -> list[TokenList]:
    try:
        with open(path, encoding="utf-8") as stream:
            return list(parse_incr(stream))
    except (ParseException, UnicodeDecodeError) as error:
        raise CorpusError(f"expected CoNLL-U in {path}, found: {error}; correct the file") from None


def _word(sentence: str, index: int, token: dict[str, Any], path: Path) -> dict[str, str | int]:
    if not isinstance(token.get("head"), int) or token.get("deprel") is None:
        raise CorpusError(
            f"expected a head and a relation of word {token['id']} ({token['form']!r}) in sentence "
            f"{sentence!r} of {path}, found none; the columns HEAD and DEPREL must be filled"
        )
    return {
        "sentence": sentence,
        "index": index,
        "word": token["form"],
        "pos": token.get("upos") or "",
        "head": token["head"] - 1,
        "relation": token["deprel"],
        "number": _NUMBERS.get((token.get("feats") or {}).get("Number", ""), ""),
        "lemma": token.get("lemma") or "",
    }
