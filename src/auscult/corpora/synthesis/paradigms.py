"""Minimal pairs of English: a sentence of the grammar, and the same sentence with one word that breaks one rule.

Paradigms follow those of BLiMP (Warstadt et al., 2020) that the grammar can generate. The sentences of a pair differ in
one word; the parse of a sentence decides which paradigms it belongs to. Pairs of a paradigm are balanced over their
``condition``, so that a model that always prefers one form is right half of the time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from auscult.corpora.synthesis.grammar import Grammar, Word

__all__ = ["PARADIGMS", "Lexicon", "Pair", "minimal_pairs"]

_OTHER = {"singular": "plural", "plural": "singular"}
_OTHER_GENDER = {"himself": "herself", "herself": "himself"}
_OTHER_NUMBER = {"himself": "themselves", "herself": "themselves"}


@dataclass(frozen=True)
class Pair:
    """The two sentences of a minimal pair, and its condition within the paradigm."""

    good: str
    bad: str
    condition: str


class Lexicon:
    """Forms, genders and categories of words, looked up by the paradigms."""

    def __init__(self, grammar: Grammar) -> None:
        rows = [row for rows in grammar.lexicon.values() for row in rows]
        self._forms = {(row["lemma"], row["pos"], row["number"]): row["word"] for row in rows if row["number"]}
        self._genders = {row["word"]: row["gender"] for row in rows}
        self._words = {name: {row["word"] for row in rows} for name, rows in grammar.lexicon.items()}
        self._intransitives = sorted({row["lemma"] for row in grammar.lexicon["verb_intransitive"]})

    def other_number(self, word: Word) -> str:
        """Return the form of a word in the other number; every inflected lemma of the lexicon has both."""
        return self._forms[word.lemma, word.pos, _OTHER[word.number]]

    def gender(self, word: Word) -> str:
        """Return ``masculine``, ``feminine`` or ""."""
        return self._genders[word.text]

    def is_of(self, word: Word, category: str) -> bool:
        """Return whether a word is in a category of the lexicon."""
        return word.text in self._words[category]

    def intransitive(self, word: Word) -> str:
        """Return an intransitive verb of the same number, always the same one for a lemma."""
        lemma = self._intransitives[sum(word.lemma.encode()) % len(self._intransitives)]
        return self._forms[(lemma, "VERB", word.number)]


Sentence = Sequence[Word]
Changes = Mapping[int, str]  # replaced words by their position
Paradigm = Callable[[Sentence, Lexicon], Iterator[tuple[Changes, str]]]


def minimal_pairs(words: Sentence, lexicon: Lexicon) -> Iterator[tuple[str, Pair]]:
    """Yield (paradigm, pair) for every paradigm that a sentence belongs to."""
    good = " ".join(word.text for word in words)
    for name, paradigm in PARADIGMS.items():
        for changes, condition in paradigm(words, lexicon):
            bad = " ".join(changes.get(place, word.text) for place, word in enumerate(words))
            yield name, Pair(good, bad, condition)


def _subjects(words: Sentence) -> Iterator[tuple[int, int]]:
    """Yield positions (subject, verb) of nouns before verbs whose form marks number."""
    for place, word in enumerate(words):
        verb = word.head
        noun = word.relation == "nsubj" and word.pos == "NOUN" and verb > place
        if noun and words[verb].pos == "VERB" and words[verb].number:
            yield place, verb


def _agreement(words: Sentence, lexicon: Lexicon, relation: str) -> Iterator[tuple[Changes, str]]:
    for subject, verb in _subjects(words):
        after = {word.relation for word in words[subject + 1 :] if word.head == subject}
        between = [word for word in words[subject + 1 : verb] if word.pos == "NOUN"]
        attracted = between and all(word.number == _OTHER[words[subject].number] for word in between)
        if (verb == subject + 1) if not relation else (attracted and relation in after):
            yield {verb: lexicon.other_number(words[verb])}, words[subject].number


def _adjacent(words: Sentence, lexicon: Lexicon) -> Iterator[tuple[Changes, str]]:
    return _agreement(words, lexicon, "")


def _prepositional(words: Sentence, lexicon: Lexicon) -> Iterator[tuple[Changes, str]]:
    return _agreement(words, lexicon, "nmod")


def _relative(words: Sentence, lexicon: Lexicon) -> Iterator[tuple[Changes, str]]:
    return _agreement(words, lexicon, "acl:relcl")


def _coordinated(words: Sentence, lexicon: Lexicon) -> Iterator[tuple[Changes, str]]:
    """Yield agreement of a coordinated second verb, with a noun of the other number in between."""
    for subject, verb in _subjects(words):
        for place, word in enumerate(words):
            nouns = [other.number for other in words[verb:place] if other.pos == "NOUN"]
            if (
                word.relation == "conj"
                and word.head == verb
                and word.number  # not a participle
                and nouns
                and set(nouns) == {_OTHER[words[subject].number]}
            ):
                yield {place: lexicon.other_number(word)}, word.number


def _determiner(words: Sentence, lexicon: Lexicon) -> Iterator[tuple[Changes, str]]:
    for place, word in enumerate(words):
        if word.relation == "det" and lexicon.is_of(word, "demonstrative"):
            yield {place: lexicon.other_number(word)}, word.number


def _reflexives(words: Sentence) -> Iterator[tuple[int, Word]]:
    for place, word in enumerate(words):
        subjects = [other for other in words if other.head == word.head and other.relation == "nsubj"]
        if word.lemma == "oneself" and subjects and subjects[0].pos == "NOUN":
            yield place, subjects[0]


def _reflexive_number(words: Sentence, lexicon: Lexicon) -> Iterator[tuple[Changes, str]]:
    for place, subject in _reflexives(words):
        alone = "herself" if lexicon.gender(subject) == "feminine" else "himself"
        yield {place: _OTHER_NUMBER.get(words[place].text, alone)}, words[place].number


def _reflexive_gender(words: Sentence, lexicon: Lexicon) -> Iterator[tuple[Changes, str]]:
    for place, subject in _reflexives(words):
        if lexicon.gender(subject) and words[place].text in _OTHER_GENDER:
            yield {place: _OTHER_GENDER[words[place].text]}, words[place].text


def _npi_licensor(words: Sentence, lexicon: Lexicon) -> Iterator[tuple[Changes, str]]:
    """Yield the negative determiner of a subject whose verb is preceded by ``ever``."""
    verbs = {word.head for word in words if lexicon.is_of(word, "ever")}
    for place, word in enumerate(words):
        noun = words[word.head]
        if lexicon.is_of(word, "licensor") and noun.relation == "nsubj" and noun.head in verbs:
            yield {place: "some"}, word.text


def _npi_present(words: Sentence, lexicon: Lexicon) -> Iterator[tuple[Changes, str]]:
    if not any(lexicon.is_of(word, "licensor") for word in words):
        for place, word in enumerate(words):
            perfect = any(other.head == word.head and other.relation == "aux" for other in words)
            if word.relation == "advmod" and perfect and lexicon.is_of(word, "adverb_aspect"):
                yield {place: "ever"}, word.text


def _argument_structure(words: Sentence, lexicon: Lexicon) -> Iterator[tuple[Changes, str]]:
    for place, word in enumerate(words):
        objects = [other for other in words[place:] if other.head == place and other.relation == "obj"]
        if word.number and lexicon.is_of(word, "verb_transitive") and objects and objects[0].pos == "NOUN":
            yield {place: lexicon.intransitive(word)}, word.number


PARADIGMS: dict[str, Paradigm] = {
    "agreement_adjacent": _adjacent,
    "agreement_prepositional": _prepositional,
    "agreement_relative": _relative,
    "agreement_coordinated": _coordinated,
    "determiner_noun": _determiner,
    "argument_structure": _argument_structure,
    "reflexive_number": _reflexive_number,
    "reflexive_gender": _reflexive_gender,
    "npi_licensor": _npi_licensor,
    "npi_present": _npi_present,
}
