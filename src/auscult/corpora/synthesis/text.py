"""Text that a grammar writes: sentences with gold parses, and minimal pairs that no training sentence holds."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from auscult.corpora.synthesis.grammar import Grammar, Word, read_grammar, split_of
from auscult.corpora.synthesis.lexicon_files import TEXT_GRAMMARS
from auscult.corpora.synthesis.paradigms import PARADIGMS, Lexicon, minimal_pairs
from auscult.corpora.text import PAIRS, SENTENCES, WORDS, check_pairs, check_sentences, check_words
from auscult.errors import ConfigError
from auscult.manifests import Manifest, build_folder, check_folder
from auscult.tables import write_table

__all__ = ["write_text_corpus"]

REVISION = 1  # of everything that decides the bytes of a corpus: raise it with any change that alters them
MIN_WORDS, MAX_WORDS = 3, 20
_SPLITS = ("train", "valid", "test")
_MAX_DRAWS = 2000  # per pair asked for: rarer paradigms than that are a fault of the grammar


def write_text_corpus(
    folder: str | Path, *, corpus: str, grammar: str, sentences: Mapping[str, int], pairs: int, seed: int
) -> Manifest:
    """Write a text corpus into a sealed folder; equal arguments give equal bytes.

    The text of a sentence alone decides its split, so that no corpus trains on a sentence that another tests. The good
    sentences of pairs are of split ``test``; the bad ones the grammar cannot say.

    Parameters
    ----------
    folder : where the corpus shall stand
    corpus : its name in the tables
    grammar : the name of a lexicon and rules in ``lexicons/text``
    sentences : number per split (``train``, ``valid``, ``test``), all different
    pairs : number per paradigm of :data:`auscult.corpora.synthesis.paradigms.PARADIGMS`; 0 for none
    seed : of everything drawn

    Raises
    ------
    ConfigError
        There is no such grammar, a split is unknown, or the grammar is too small for what is asked.
    """
    if not sentences or set(sentences) - set(_SPLITS) or min(sentences.values()) < 1 or pairs < 0:
        raise ConfigError(
            f"expected a positive number of sentences for splits among {', '.join(_SPLITS)} and pairs of "
            f"at least 0, found {dict(sentences)} and {pairs}; correct the corpus entry"
        )
    rules = read_grammar(grammar, TEXT_GRAMMARS)
    recipe = {
        "corpus": corpus,
        "grammar": grammar,
        "sentences": dict(sentences),
        "pairs": pairs,
        "seed": seed,
        "text_revision": REVISION,
    }
    with build_folder(folder, recipe) as building:
        drawn = list(_draw(rules, sentences, seed))
        names = [f"{split}-{place:05d}" for place, (split, _) in enumerate(drawn)]
        table = pd.DataFrame(
            {
                "sentence": names,
                "corpus": corpus,
                "language": grammar,
                "text": [_text(words) for _, words in drawn],
                "split": [split for split, _ in drawn],
            }
        )
        words = pd.DataFrame([row for name, (_, words) in zip(names, drawn) for row in _rows(name, words)])
        write_table(check_sentences(table), building / SENTENCES)
        write_table(check_words(words, table), building / WORDS)
        if pairs:
            write_table(check_pairs(_draw_pairs(rules, pairs, seed).assign(corpus=corpus)), building / PAIRS)
    return check_folder(folder)


def _draw(grammar: Grammar, sentences: Mapping[str, int], seed: int) -> Iterator[tuple[str, tuple[Word, ...]]]:
    """Yield (split, sentence) until every split has what it shall have, ordered by split."""
    for split in _SPLITS:
        stream = _sentences(grammar, split, seed)
        yield from ((split, next(stream)) for _ in range(sentences.get(split, 0)))


def _sentences(grammar: Grammar, split: str, seed: int, purpose: str = "sentences") -> Iterator[tuple[Word, ...]]:
    """Draw different sentences that only this split may hold."""
    generator = np.random.default_rng([seed, _SPLITS.index(split), *purpose.encode()])
    seen, repeats = set(), 0
    while repeats < 1000:
        words = grammar.sentence(generator)
        text = _text(words)
        repeats = repeats + 1 if text in seen else 0
        if not repeats and MIN_WORDS <= len(words) <= MAX_WORDS and split_of(text) == split:
            seen.add(text)
            yield words
    raise ConfigError(
        f"expected the grammar {grammar.language} to yield more than {len(seen)} sentences for split "
        f"{split!r}, found no new one in 1000 draws; ask for fewer or add words"
    )


def _draw_pairs(grammar: Grammar, n_pairs: int, seed: int) -> pd.DataFrame:
    """Draw pairs of every paradigm, its conditions in equal parts."""
    lexicon, rows, counts = Lexicon(grammar), [], Counter()
    conditions: dict[str, set[str]] = {name: set() for name in PARADIGMS}
    stream = _sentences(grammar, "test", seed, "pairs")
    for _, words in zip(range(_MAX_DRAWS * n_pairs), stream):
        for name, pair in minimal_pairs(words, lexicon):
            conditions[name].add(pair.condition)
            most = -(-n_pairs // max(2 if pair.condition else 1, len(conditions[name])))
            if counts[name] < n_pairs and counts[name, pair.condition] < most:
                counts.update([name, (name, pair.condition)])
                rows.append((f"{name}-{counts[name]:04d}", name, pair.good, pair.bad, pair.condition))
                break  # a sentence serves one paradigm, so that pairs are independent of each other
        if all(counts[name] == n_pairs for name in PARADIGMS):
            return pd.DataFrame(rows, columns=["pair", "paradigm", "good", "bad", "condition"]).sort_values("pair")
    rare = min(PARADIGMS, key=lambda name: counts[name])
    raise ConfigError(
        f"expected {n_pairs} minimal pairs of every paradigm, found {counts[rare]} of {rare} in "
        f"{_MAX_DRAWS * n_pairs} sentences; ask for fewer or change the grammar"
    )


def _rows(name: str, words: tuple[Word, ...]) -> Iterator[dict]:
    for index, word in enumerate(words):
        yield {
            "sentence": name,
            "index": index,
            "word": word.text,
            "pos": word.pos,
            "head": word.head,
            "relation": word.relation,
            "number": word.number,
            "lemma": word.lemma,
        }


def _text(words: tuple[Word, ...]) -> str:
    return " ".join(word.text for word in words)
