"""What a translator writes with: whole words, and of words that agree with the speaker the stem and the ending apart.

A decision on gender is then one piece, whatever the word, and a sentence is a few pieces long, where letters would take
four times as many steps of the decoder.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile

from auscult.corpora.translations import term_pairs
from auscult.errors import CorpusError

__all__ = ["PAD", "END", "Pieces", "build_pieces"]

PAD, END = 0, 1
_START = "▁"  # of a word, as in SentencePiece (Kudo and Richardson, 2018)


@dataclass(frozen=True)
class Pieces:
    """A vocabulary.

    Parameters
    ----------
    names : of all pieces: padding, end, a tag ``<language>`` for each language, then pieces of words
    endings : stem and ending of each gendered word; needed to encode only
    """

    names: tuple[str, ...]
    endings: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that it can write."""
        return tuple(name[1:-1] for name in self.names[END + 1 :] if name.startswith("<"))

    def tag(self, language: str) -> int:
        """Return the piece that asks for a language.

        Raises
        ------
        CorpusError
            It is none of the languages.
        """
        if language not in self.languages:
            raise CorpusError(
                f"expected a target language among {', '.join(self.languages)}, which the translator was trained on, "
                f"found {language!r}; correct the table of references, or train on references in that language"
            )
        return self._numbers[f"<{language}>"]

    def encode(self, text: str) -> list[int]:
        """Return the pieces of a text and the end; pieces that are not in the vocabulary are left out."""
        found = [piece for word in text.split() for piece in _split(word, self.endings)]
        return [self._numbers[piece] for piece in found if piece in self._numbers] + [END]

    def decode(self, numbers: Iterable[int]) -> str:
        """Return the text that pieces spell; tags, padding and end are nothing."""
        named = [self.names[number] for number in numbers if number > END]
        text = "".join(name for name in named if not name.startswith("<"))
        return " ".join(text.replace(_START, " ").split())

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.names)}


def build_pieces(references: Sequence[str], terms: Iterable[str], languages: Sequence[str]) -> Pieces:
    """Return the vocabulary of training references.

    Parameters
    ----------
    references : translations; words are separated by spaces
    terms : their gendered words, as :func:`auscult.corpora.translations.term_pairs` reads them
    languages : a tag for each

    Raises
    ------
    CorpusError
        There are no references.
    """
    stems: dict[str, str] = {}
    for pairs in set(terms):
        for pair in term_pairs(pairs):
            stem = "".join(a for a, _ in takewhile(lambda both: both[0] == both[1], zip(*pair)))
            # A word of two pairs keeps the shorter stem, in whatever order they come.
            stems |= {word: min(stem, stems.get(word, stem), key=len) for word in pair}
    endings = {word: (stem, word[len(stem) :]) for word, stem in sorted(stems.items())}
    pieces = sorted({piece for text in set(references) for word in text.split() for piece in _split(word, endings)})
    if not pieces:
        raise CorpusError("expected translations of the training utterances, found none; use a corpus with references")
    return Pieces(("<pad>", "</s>", *(f"<{language}>" for language in languages), *pieces), endings)


def _split(word: str, endings: Mapping[str, tuple[str, str]]) -> list[str]:
    stem, ending = endings.get(word, (word, ""))
    return [f"{_START}{stem}", *([ending] if ending else [])]
