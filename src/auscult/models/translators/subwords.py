"""Vocabulary of translators: whole words, but stem and ending apart in words that agree with the speaker's gender.

The choice of a gender is thus one token, whatever the word, and sentences are short: letters would take the decoder
four times as many steps.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile

from auscult.corpora.translations import term_pairs
from auscult.errors import CorpusError

__all__ = ["PAD", "END", "Subwords", "build_subwords"]

PAD, END = 0, 1
_WORD_START = "▁"  # as in SentencePiece (Kudo and Richardson, 2018)


@dataclass(frozen=True)
class Subwords:
    """A vocabulary of subwords, with their indices.

    Parameters
    ----------
    names : padding, end, a tag ``<language>`` for each language, then words, stems and endings
    endings : stem and ending of each gendered word; needed for encoding only
    """

    names: tuple[str, ...]
    endings: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that have a tag."""
        return tuple(name[1:-1] for name in self.names[END + 1 :] if name.startswith("<"))

    def tag(self, language: str) -> int:
        """Return the index of a language's tag.

        Raises
        ------
        CorpusError
            The language has no tag.
        """
        if language not in self.languages:
            raise CorpusError(
                f"expected a target language among {', '.join(self.languages)}, which the translator was trained on, "
                f"found {language!r}; correct the table of references, or train on references in that language"
            )
        return self._numbers[f"<{language}>"]

    def encode(self, text: str) -> list[int]:
        """Return the indices of a text's subwords, then the end; subwords outside the vocabulary are left out."""
        found = [name for word in text.split() for name in _split(word, self.endings)]
        return [self._numbers[name] for name in found if name in self._numbers] + [END]

    def decode(self, numbers: Iterable[int]) -> str:
        """Return the text of subword indices, without tags, padding and end."""
        named = [self.names[number] for number in numbers if number > END]
        text = "".join(name for name in named if not name.startswith("<"))
        return " ".join(text.replace(_WORD_START, " ").split())

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.names)}


def build_subwords(references: Sequence[str], terms: Iterable[str], languages: Sequence[str]) -> Subwords:
    """Return the vocabulary of the training references.

    Parameters
    ----------
    references : translations; words are separated by spaces
    terms : gendered words of each reference, in the format of :func:`auscult.corpora.translations.term_pairs`
    languages : target languages, each of which gets a tag

    Raises
    ------
    CorpusError
        There are no references.
    """
    stems: dict[str, str] = {}
    for pairs in set(terms):
        for pair in term_pairs(pairs):
            stem = "".join(a for a, _ in takewhile(lambda both: both[0] == both[1], zip(*pair)))
            # A word of two pairs keeps the shorter stem, so that the order of pairs does not matter.
            stems |= {word: min(stem, stems.get(word, stem), key=len) for word in pair}
    endings = {word: (stem, word[len(stem) :]) for word, stem in sorted(stems.items())}
    names = sorted({name for text in set(references) for word in text.split() for name in _split(word, endings)})
    if not names:
        raise CorpusError("expected translations of the training utterances, found none; use a corpus with references")
    return Subwords(("<pad>", "</s>", *(f"<{language}>" for language in languages), *names), endings)


def _split(word: str, endings: Mapping[str, tuple[str, str]]) -> list[str]:
    stem, ending = endings.get(word, (word, ""))
    return [f"{_WORD_START}{stem}", *([ending] if ending else [])]
