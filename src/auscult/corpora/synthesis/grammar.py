"""Sentences with their syntax, drawn from a grammar.

A language consists of a lexicon (``lexicons/{language}.tsv``) and rules (``lexicons/{language}.toml``). The rules are a
context-free grammar whose expansions mark a head and name the relation of every other part to it (Universal
Dependencies), so that each sentence has words, parts of speech, heads and relations. Single letters in brackets make
number and gender agree.
"""

import csv
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from auscult.corpora.synthesis.lexicon_files import LEXICONS, languages
from auscult.errors import ConfigError

__all__ = ["Word", "Grammar", "read_grammar", "split_of"]

_SPLIT_OF_BYTE = ("train",) * 176 + ("valid",) * 16 + ("test",) * 64
_MAX_DEPTH = 6
_MAX_WORDS = 13
_FEATURES = {"n": "number", "m": "number", "g": "gender", "h": "gender"}
_SYMBOL = re.compile(r"(?:(?P<relation>[\w:]+):)?(?P<head>\*?)(?P<name>\w+)(?:\((?P<arguments>[\w,]+)\))?$")


@dataclass(frozen=True)
class Word:
    """One word of a sentence.

    Parameters
    ----------
    text : spelling
    pos : universal part of speech (``NOUN``, ``VERB`` …)
    head : position in the sentence of the word it depends on, -1 for the root
    relation : universal dependency relation to the head (``nsubj``, ``obj`` … ``root``)
    number : ``singular``, ``plural`` or ""
    lemma : citation form
    """

    text: str
    pos: str
    head: int
    relation: str
    number: str
    lemma: str


@dataclass(frozen=True)
class _Symbol:
    name: str
    arguments: tuple[str, ...]
    relation: str
    is_head: bool


@dataclass(frozen=True)
class _Expansion:
    formals: tuple[str, ...]
    weight: float
    symbols: tuple[_Symbol, ...]


@dataclass(frozen=True)
class Grammar:
    """A grammar of a language: eSpeak voice, lexicon and rules.

    Parameters
    ----------
    language : name of the two files
    espeak : eSpeak's code of the language; empty for text grammars
    toned : whether words are pinyin with tone digits
    lexicon : rows of the lexicon by category
    rules : expansions by symbol
    domains : values of number and gender in the lexicon
    substitutions : (word, pattern of the next word, replacement), for forms that depend on the next word
    """

    language: str
    espeak: str
    toned: bool
    lexicon: Mapping[str, tuple[Mapping[str, str], ...]]
    rules: Mapping[str, tuple[_Expansion, ...]]
    domains: Mapping[str, Sequence[str]]
    substitutions: tuple[tuple[str, str, str], ...] = ()
    # Cached options of a rule or category under given features: text corpora draw a million words.
    _offers: dict[tuple[Any, ...], Any] = field(default_factory=dict, compare=False, repr=False)

    def sentence(self, generator: np.random.Generator) -> tuple[Word, ...]:
        """Draw a sentence; the heads of its words form a tree."""
        words, head = self._expand(_Symbol("S", (), "root", True), {}, generator, 0)
        words[head] = replace(words[head], head=-1, relation="root")
        return tuple(self._substitute(words))

    def sentences(self, seed: int | Sequence[int] | np.random.SeedSequence) -> Iterator[tuple[Word, ...]]:
        """Yield different sentences of at most 13 words without end.

        Raises
        ------
        ConfigError
            A thousand draws in a row gave no new sentence: the grammar is too small.
        """
        generator, repeats = np.random.default_rng(seed), 0
        seen: set[str] = set()
        while repeats < 1000:
            words = self.sentence(generator)
            text = " ".join(word.text for word in words)
            repeats = repeats + 1 if text in seen else 0
            if not repeats and len(words) <= _MAX_WORDS:
                seen.add(text)
                yield words
        raise ConfigError(
            f"expected the {self.language} grammar to yield more than {len(seen)} different sentences, found no new "
            f"one in 1000 draws; ask for fewer sentences or add words to lexicons/{self.language}.tsv"
        )

    def _expand(
        self, symbol: _Symbol, features: dict[str, str], generator: np.random.Generator, depth: int
    ) -> tuple[list[Word], int]:
        """Return the words of a symbol, their heads counted from its first word, and the position of its head."""
        if symbol.name not in self.rules:
            return [self._draw(symbol, features, generator)], 0
        values = [features.get(argument, argument) for argument in symbol.arguments]
        expansion = self._choose(symbol.name, values, generator, depth)
        features = dict(zip(expansion.formals, values))
        words: list[Word] = []
        heads: list[int] = []
        for part in expansion.symbols:
            self._bind(part, features, generator)
            found, head = self._expand(part, features, generator, depth + 1)
            heads.append(len(words) + head)
            words += [replace(word, head=word.head + len(words)) if word.head >= 0 else word for word in found]
        main = next(head for head, part in zip(heads, expansion.symbols) if part.is_head)
        for head, part in zip(heads, expansion.symbols):
            if not part.is_head:
                words[head] = replace(words[head], head=main, relation=part.relation)
        return words, main

    def _choose(self, name: str, values: Sequence[str], generator: np.random.Generator, depth: int) -> _Expansion:
        deep = depth >= _MAX_DEPTH
        offer = self._offers.get((name, *values, deep))
        if offer is None:
            offer = self._offers[name, *values, deep] = self._expansions(name, values, deep)
        options, cumulated = offer
        # Draws like `generator.choice(len(options), p=…)`, which would check its weights at every call.
        return options[cumulated.searchsorted(generator.random(), side="right")]

    def _expansions(self, name: str, values: Sequence[str], deep: bool) -> tuple[list[_Expansion], np.ndarray]:
        options = [
            option
            for option in self.rules[name]
            if all(formal in _FEATURES or formal == value for formal, value in zip(option.formals, values))
        ]
        if deep:
            shortest = min(len(option.symbols) for option in options)
            options = [option for option in options if len(option.symbols) == shortest]
        weights = np.array([option.weight for option in options])
        cumulated = np.cumsum(weights / weights.sum())
        return options, cumulated / cumulated[-1]

    def _bind(self, symbol: _Symbol, features: dict[str, str], generator: np.random.Generator) -> None:
        for argument in symbol.arguments:
            if argument in _FEATURES and argument not in features:
                domain = self.domains[_FEATURES[argument]]
                features[argument] = domain[int(generator.integers(len(domain)))]

    def _draw(self, symbol: _Symbol, features: Mapping[str, str], generator: np.random.Generator) -> Word:
        wanted = [features.get(argument, argument) for argument in symbol.arguments]
        rows = self._offers.get((symbol, *wanted))
        if rows is None:
            rows = [row for row in self.lexicon[symbol.name] if _agrees(row, wanted)]
            self._offers[symbol, *wanted] = rows
        if not rows:
            raise ConfigError(
                f"expected a word of category {symbol.name} ({', '.join(wanted)}) in lexicons/{self.language}.tsv, "
                "found none; add one or change the rule"
            )
        row = rows[generator.integers(len(rows))]
        return Word(row["word"], row["pos"], -1, "", row["number"], row["lemma"])

    def _substitute(self, words: Sequence[Word]) -> Iterator[Word]:
        for word, following in zip(words, [*words[1:], None]):
            for target, pattern, replacement in self.substitutions:
                if following and word.text == target and re.match(pattern, following.text):
                    word = replace(word, text=replacement)
            yield word


def split_of(text: str) -> str:
    """Return the split of a sentence; it depends only on the text, so that splits are disjoint across corpora."""
    return _SPLIT_OF_BYTE[sha256(text.encode()).digest()[0]]


@cache
def read_grammar(language: str, folder: Path = LEXICONS) -> Grammar:
    """Read the lexicon and the rules of a language.

    Raises
    ------
    ConfigError
        The files do not exist, or a rule cannot be read or names an unknown symbol.
    """
    table, rules = folder / f"{language}.tsv", folder / f"{language}.toml"
    if not (table.is_file() and rules.is_file()):
        raise ConfigError(
            f"expected a language among {', '.join(languages(folder))}, found {language!r}; "
            f"correct it, or add {folder.name}/{language}.tsv and {folder.name}/{language}.toml"
        )
    content = tomllib.loads(rules.read_text(encoding="utf-8"))
    lexicon: dict[str, list[dict[str, str]]] = {}
    with open(table, encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            lexicon.setdefault(row["category"], []).append(row)
    grammar = Grammar(
        language,
        content.get("espeak", ""),
        content.get("toned", False),
        {category: tuple(rows) for category, rows in lexicon.items()},
        _read_rules(content["rules"], rules),
        {name: _values(lexicon, name) for name in ("number", "gender")},
        tuple((entry["word"], entry["before"], entry["becomes"]) for entry in content.get("substitutions", ())),
    )
    _check_symbols(grammar, rules)
    return grammar


def _values(lexicon: Mapping[str, Sequence[Mapping[str, str]]], feature: str) -> list[str]:
    return sorted({row[feature] for rows in lexicon.values() for row in rows} - {""})


def _read_rules(content: Mapping[str, Sequence[str]], path: Path) -> dict[str, tuple[_Expansion, ...]]:
    rules: dict[str, tuple[_Expansion, ...]] = {}
    for left, expansions in content.items():
        symbol = _read_symbol(left, path)
        for text in expansions:
            weight, *parts = text.split()
            symbols = tuple(_read_symbol(part, path) for part in parts)
            if sum(part.is_head for part in symbols) != 1 or not weight.isdigit():
                raise ConfigError(
                    f"expected a weight and one starred symbol, found {text!r} for {left} in {path.name}; correct it"
                )
            rules[symbol.name] = (*rules.get(symbol.name, ()), _Expansion(symbol.arguments, int(weight), symbols))
    return rules


def _read_symbol(text: str, path: Path) -> _Symbol:
    match = _SYMBOL.match(text)
    if not match:
        raise ConfigError(f"expected relation:symbol(n) or *symbol(n), found {text!r} in {path.name}; correct it")
    arguments = tuple((match["arguments"] or "").split(",")) if match["arguments"] else ()
    return _Symbol(match["name"], arguments, match["relation"] or "", bool(match["head"]))


def _check_symbols(grammar: Grammar, path: Path) -> None:
    used = {part.name for options in grammar.rules.values() for option in options for part in option.symbols}
    unknown = sorted(used - set(grammar.rules) - set(grammar.lexicon))
    if unknown:
        raise ConfigError(
            f"expected every symbol of {path.name} to be a rule or a category of the lexicon, found {unknown[0]!r}; "
            "correct the name or add words of that category"
        )


def _agrees(row: Mapping[str, str], wanted: Sequence[str]) -> bool:
    """Return whether a word has, or leaves open, every wanted value."""
    return all(value in (row["number"], row["gender"]) or _open(row, value) for value in wanted)


def _open(row: Mapping[str, str], value: str) -> bool:
    return not row["number" if value in ("singular", "plural") else "gender"]
