"""Text corpora: sentences with words and parses, minimal pairs, or both, read from sealed folders and checked."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from auscult.errors import CorpusError
from auscult.manifests import Manifest, check_folder
from auscult.tables import read_table

__all__ = [
    "SENTENCE_COLUMNS",
    "WORD_COLUMNS",
    "PAIR_COLUMNS",
    "TextCorpus",
    "read_text_corpus",
    "check_sentences",
    "check_tree",
    "check_words",
    "check_pairs",
]

SENTENCE_COLUMNS = ("sentence", "corpus", "language", "text", "split")
WORD_COLUMNS = ("sentence", "index", "word", "pos", "head", "relation")
PAIR_COLUMNS = ("pair", "corpus", "paradigm", "good", "bad")
SENTENCES, WORDS, PAIRS = "sentences.parquet", "words.parquet", "pairs.parquet"
_SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class TextCorpus:
    """A sealed text corpus; a table that the corpus lacks is empty.

    Parameters
    ----------
    name : name of the corpus in the configuration
    sentences : one row per sentence, see :data:`SENTENCE_COLUMNS`
    words : one row per word, in the order of the sentences; ``head`` is the index of the word it depends on, -1 for
        the root, see :data:`WORD_COLUMNS`
    pairs : one row per minimal pair, see :data:`PAIR_COLUMNS`
    manifest : hashes and recipe of the folder
    """

    name: str
    sentences: pd.DataFrame
    words: pd.DataFrame
    pairs: pd.DataFrame
    manifest: Manifest

    def parses(self, split: str | None = None) -> dict[str, pd.DataFrame]:
        """Return the words of each sentence by its name, in the order of the table, for one split or all."""
        names = self.sentences["sentence"]
        names = names if split is None else names[self.sentences["split"] == split]
        words = dict(tuple(self.words[self.words["sentence"].isin(names)].groupby("sentence", sort=False)))
        return {name: words[name] for name in names}


def read_text_corpus(folder: str | Path) -> TextCorpus:
    """Read a text corpus; compare every file with its manifest and check the tables.

    Raises
    ------
    ManifestError
        The folder is incomplete, or a file differs from its hash in the manifest.
    CorpusError
        The folder holds neither sentences nor pairs, or a table is invalid.
    """
    folder = Path(folder)
    manifest = check_folder(folder)
    if not {SENTENCES, PAIRS} & set(manifest.files):
        raise CorpusError(
            f"expected {SENTENCES} or {PAIRS} in {folder}, found "
            f"{', '.join(manifest.files)}; name a corpus of text (source: text, or reader: conllu or blimp)"
        )
    sentences, words, pairs = (
        read_table(folder / name) if name in manifest.files else pd.DataFrame(columns=list(columns))
        for name, columns in ((SENTENCES, SENTENCE_COLUMNS), (WORDS, WORD_COLUMNS), (PAIRS, PAIR_COLUMNS))
    )
    if len(sentences):
        check_words(words, check_sentences(sentences))
    if len(pairs):
        check_pairs(pairs)
    return TextCorpus(manifest.recipe["corpus"], sentences, words, pairs, manifest)


def check_sentences(sentences: pd.DataFrame) -> pd.DataFrame:
    """Return the table if sentence names are unique, every text has words and every split is known.

    Raises
    ------
    CorpusError
        A column is missing, or one of these conditions fails.
    """
    _require_columns(sentences, SENTENCE_COLUMNS, "sentences")
    _require_some(sentences, "sentence")
    _require_once(sentences, "sentence")
    empty = sentences[sentences["text"].str.strip() == ""]
    if len(empty):
        raise CorpusError(
            f"expected words in every sentence, found none in sentence {empty['sentence'].iloc[0]!r}; leave it out"
        )
    wrong = sentences[~sentences["split"].isin(_SPLITS)]
    if len(wrong):
        raise CorpusError(
            f"expected split to be one of {', '.join(_SPLITS)}, found {wrong['split'].iloc[0]!r} for "
            f"sentence {wrong['sentence'].iloc[0]!r}"
        )
    return sentences


def check_words(words: pd.DataFrame, sentences: pd.DataFrame) -> pd.DataFrame:
    """Return the table if the heads of every sentence form a tree.

    Raises
    ------
    CorpusError
        A sentence has no words, its indices do not count from 0, it does not have exactly one root, a head is not one
        of its words, or its heads form a cycle.
    """
    _require_columns(words, WORD_COLUMNS, "words")
    found = words["sentence"].drop_duplicates()
    wordless = sentences["sentence"][~sentences["sentence"].isin(found)]
    unknown = found[~found.isin(sentences["sentence"])]
    for missing, kind in ((wordless, "words of sentence"), (unknown, "a row in the sentences table for sentence")):
        if len(missing):
            raise CorpusError(f"expected {kind} {missing.iloc[0]!r}, found none")
    for name, rows in words.groupby("sentence", sort=False):
        if rows["index"].tolist() != list(range(len(rows))):
            raise CorpusError(
                f"expected the words of sentence {name!r} as 0 … {len(rows) - 1}, found "
                f"{rows['index'].tolist()}; sort and number them"
            )
        check_tree(name, rows["word"].tolist(), rows["head"].to_numpy())
    return words


def check_pairs(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the table if every pair has two different sentences.

    Raises
    ------
    CorpusError
        A column is missing, a name occurs twice, or a pair lacks text or has two equal sentences.
    """
    _require_columns(pairs, PAIR_COLUMNS, "pairs")
    _require_some(pairs, "pair")
    _require_once(pairs, "pair")
    for column in ("paradigm", "good", "bad"):
        empty = pairs[pairs[column].str.strip() == ""]
        if len(empty):
            raise CorpusError(
                f"expected text in column {column!r} of every pair, found none in pair "
                f"{empty['pair'].iloc[0]!r}; leave it out"
            )
    same = pairs[pairs["good"] == pairs["bad"]]
    if len(same):
        row = same.iloc[0]
        raise CorpusError(
            f"expected two different sentences in pair {row['pair']!r} ({row['paradigm']}), found "
            f"{row['good']!r} twice ({len(same)} such pairs); correct or leave it out"
        )
    return pairs


def check_tree(name: str, words: list[str], heads: np.ndarray) -> None:
    """Raise :class:`~auscult.errors.CorpusError` unless the heads of a sentence's words form a tree; -1 is the root."""
    roots = np.flatnonzero(heads == -1)
    if len(roots) != 1:
        named = ", ".join(f"{words[root]!r}" for root in roots) or "none"
        raise CorpusError(
            f"expected one root in the parse of sentence {name!r}, found {len(roots)}: {named}; correct "
            "the parse or leave the sentence out"
        )
    outside = np.flatnonzero((heads < -1) | (heads >= len(words)))
    if len(outside):
        raise CorpusError(
            f"expected heads from -1 to {len(words) - 1} in the parse of sentence {name!r}, found "
            f"{heads[outside[0]]} of {words[outside[0]]!r}; correct the parse"
        )
    above = heads.copy()
    for _ in words:  # in a tree, every word reaches the root in at most len(words) steps
        above = np.where(above == -1, -1, heads[above])
    if (above != -1).any():
        word = words[int(np.flatnonzero(above != -1)[0])]
        raise CorpusError(
            f"expected a tree in the parse of sentence {name!r}, found heads that run in a circle above "
            f"{word!r}; correct the parse or leave the sentence out"
        )


def _require_columns(table: pd.DataFrame, columns: Iterable[str], what: str) -> None:
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise CorpusError(f"expected columns {', '.join(columns)} in the {what} table, found no {', '.join(missing)}")


def _require_some(table: pd.DataFrame, what: str) -> None:
    if table.empty:
        raise CorpusError(f"expected at least one {what}, found none; check the corpus entry and its source files")


def _require_once(table: pd.DataFrame, column: str) -> None:
    repeated = table[column][table[column].duplicated()]
    if len(repeated):
        raise CorpusError(f"expected each {column} once, found {repeated.iloc[0]!r} more than once")
