"""Parsed text in CoNLL-U, the format of Universal Dependencies."""

import logging
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import conllu
import numpy as np
import pandas as pd
from conllu.exceptions import ParseException

from auscult.corpora.text import SENTENCES, WORDS, check_sentences, check_tree, check_words
from auscult.corpora.texts import read_text
from auscult.corpora.walk import list_files
from auscult.errors import ConfigError, CorpusError

__all__ = ["read_conllu"]

_log = logging.getLogger(__name__)
_NUMBERS = {"Sing": "singular", "Plur": "plural"}
_FAULTY = ("refuse", "leave_out")
_N_LISTED = 3


def read_conllu(
    source: Path,
    files: str = "*.conllu",
    split: str = "test",
    language: str = "",
    faulty: Literal["refuse", "leave_out"] = "refuse",
    encoding: str = "",
) -> dict[str, pd.DataFrame]:
    """Read the sentences of CoNLL-U files.

    Only syntactic words are kept, as the specification defines them for the basic tree: multiword tokens (``1-2``) and
    empty nodes of enhanced graphs (``3.1``) are left out, so that heads count words only. Text is normalised (NFC). A
    sentence whose ``sent_id`` occurred before is numbered (``s1-2``), which is counted in the log.

    Parameters
    ----------
    source : folder of the files
    files : pattern of the file names, searched for in all subfolders
    split : split of all sentences
    language : entered for every sentence
    faulty : what to do with sentences that are not trees of words numbered from 1: ``refuse`` the corpus, or
        ``leave_out`` these sentences, counted in the log
    encoding : encoding of files without byte order mark; "" for UTF-8 or UTF-16

    Returns
    -------
    tables of sentences and words by file name

    Raises
    ------
    ConfigError
        An option has a value that does not exist.
    CorpusError
        No file matches, a file is not CoNLL-U, or a parse is not a tree.
    LabelError
        A file cannot be decoded.
    """
    if faulty not in _FAULTY:
        raise ConfigError(f"expected option faulty to be one of {', '.join(_FAULTY)}, found {faulty!r}; correct it")
    paths = list_files(source).matching(files)
    if not paths:
        raise CorpusError(
            f"expected CoNLL-U files {files} in {source}, found none; correct the option files or the folder"
        )
    sentences: list[tuple[str, ...]] = []
    words: list[dict[str, str | int]] = []
    faults: list[str] = []
    names: Counter[str] = Counter()
    n_repeated = 0
    for path in paths:
        for number, (line, parsed) in enumerate(_sentences(path, encoding), start=1):
            stated = parsed.metadata.get("sent_id") or f"{path.stem}-{number}"
            name = _unused(stated, names)
            kept = [token for token in parsed if isinstance(token["id"], int)]
            try:
                rows = _words(name, kept)
            except CorpusError as error:
                faults.append(f"{error} (line {line} of {path})")
                continue
            n_repeated += name != stated
            words += rows
            text = parsed.metadata.get("text") or " ".join(token["form"] for token in kept)
            sentences.append((name, "", language, unicodedata.normalize("NFC", text), split))
    if not sentences and not faults:
        raise CorpusError(
            f"expected sentences in {', '.join(map(str, paths[:_N_LISTED]))}, found none; check the files"
        )
    _report(faults, len(sentences), n_repeated, faulty, source)
    table = pd.DataFrame(sentences, columns=["sentence", "corpus", "language", "text", "split"])
    return {SENTENCES: check_sentences(table), WORDS: check_words(pd.DataFrame(words), table)}


def _report(faults: list[str], n_sentences: int, n_repeated: int, faulty: str, source: Path) -> None:
    if faults and (faulty == "refuse" or not n_sentences):
        more = "; ".join(faults[1:_N_LISTED])
        raise CorpusError(
            f"{faults[0]}{f'; {more}' if more else ''}; {len(faults)} of {len(faults) + n_sentences} sentences are "
            "faulty: correct them, or leave them out (option faulty: leave_out)"
        )
    if faults:
        _log.warning("%s: %d faulty sentences left out, the first: %s", source, len(faults), faults[0])
    if n_repeated:
        _log.warning("%s: %d sentences have a sent_id that occurred before and were numbered", source, n_repeated)


def _unused(name: str, names: Counter[str]) -> str:
    """Return the name of a sentence, or with a number if it was used before."""
    unused = name
    while names[unused]:
        names[name] += 1
        unused = f"{name}-{names[name]}"
    names[unused] += 1
    return unused


def _sentences(path: Path, encoding: str) -> Iterator[tuple[int, conllu.TokenList]]:
    """Yield the sentences of a file, each with the number of its first line; blocks of comments alone are none."""
    lines = read_text(path, encoding).split("\n")
    block: list[str] = []
    for number, line in enumerate([*lines, ""], start=1):
        if line.strip():
            block.append(line)
        elif block:
            if not all(line.lstrip().startswith("#") for line in block):
                yield number - len(block), _parse(block, number - len(block), path)
            block = []


def _parse(block: list[str], line: int, path: Path) -> conllu.TokenList:
    try:
        (parsed,) = conllu.parse("\n".join(block) + "\n\n")
    except (ParseException, ValueError) as error:
        raise CorpusError(
            f"expected CoNLL-U in {path}, found in the sentence at line {line}: {error}; correct the file"
        ) from None
    return parsed


def _words(sentence: str, tokens: Sequence[Mapping[str, Any]]) -> list[dict[str, str | int]]:
    """Return the rows of a sentence's words; raise :class:`CorpusError` unless they are a tree."""
    if not tokens:
        raise CorpusError(f"expected words in sentence {sentence!r}, found none")
    numbers = [token["id"] for token in tokens]
    if numbers != list(range(1, len(tokens) + 1)):
        raise CorpusError(
            f"expected words 1 … {len(tokens)} in sentence {sentence!r}, found {', '.join(map(str, numbers[:10]))}"
        )
    rows = [_word(sentence, index, token) for index, token in enumerate(tokens)]
    check_tree(sentence, [str(row["word"]) for row in rows], np.array([row["head"] for row in rows]))
    return rows


def _word(sentence: str, index: int, token: Mapping[str, Any]) -> dict[str, str | int]:
    if not isinstance(token.get("head"), int) or token.get("deprel") is None:
        raise CorpusError(
            f"expected a head and a relation of word {token['id']} ({token['form']!r}) in sentence "
            f"{sentence!r}, found none; the columns HEAD and DEPREL must be filled"
        )
    return {
        "sentence": sentence,
        "index": index,
        "word": unicodedata.normalize("NFC", token["form"]),
        "pos": token.get("upos") or "",
        "head": token["head"] - 1,
        "relation": token["deprel"],
        "number": _NUMBERS.get((token.get("feats") or {}).get("Number") or "", ""),
        "lemma": unicodedata.normalize("NFC", token.get("lemma") or ""),
    }
