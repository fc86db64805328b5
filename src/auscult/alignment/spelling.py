"""Transcripts as the tokens of a CTC head: words, the tokens that spell each, and what had to be left out."""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from auscult.corpora.texts import read_text, text_lines
from auscult.errors import LabelError
from auscult.models.vocabulary import Vocabulary

__all__ = ["SpeltText", "Speller", "read_dictionary"]

# Typographic apostrophes, which transcripts have and vocabularies do not.
_APOSTROPHES = str.maketrans("\u2018\u2019\u02bc\uff07", "''''")
_MAX_NAMED = 10


@dataclass(frozen=True)
class SpeltText:
    """A transcript in tokens of a CTC head.

    Parameters
    ----------
    words : words as in the transcript, without the punctuation around them that has no token
    tokens : tokens of the whole text, with a delimiter between words where the vocabulary has one
    word_of : position of the word that each token spells; -1 for delimiters [length of ``tokens``]
    left_out : number of characters left out, by character
    """

    words: tuple[str, ...]
    tokens: tuple[int, ...]
    word_of: tuple[int, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)


class Speller:
    """Spells transcripts with the tokens of a vocabulary.

    A word is spelt by the longest tokens that fit, from its beginning on. Its letters are taken in the case that the
    vocabulary has, and apostrophes as ``'``. With a dictionary, or where the vocabulary holds phones, words are spelt
    in tokens divided by spaces. Punctuation marks and symbols without a token are left out; so are, if ``unknown`` says
    so, letters and digits without one.

    Parameters
    ----------
    vocabulary : of the CTC head
    dictionary : phones of each word, in lower case; None if the words are spelt in characters or transcripts in phones
    unknown : see :class:`auscult.alignment.settings.AlignmentSettings`
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        dictionary: Mapping[str, Sequence[str]] | None = None,
        unknown: str = "refuse",
    ) -> None:
        self._vocabulary, self._dictionary, self._unknown = vocabulary, dictionary, unknown
        self._index = {
            unicodedata.normalize("NFC", label): index
            for index, label in reversed(list(enumerate(vocabulary.labels)))
            if index not in vocabulary.special and label != vocabulary.delimiter
        }
        self._longest = max(map(len, self._index), default=0)
        self._delimiter = vocabulary.delimiter if vocabulary.delimiter in vocabulary.labels else None
        self._is_phones = bool(vocabulary.separator) or dictionary is not None

    @property
    def tier(self) -> str:
        """Name of the tier of the tokens: ``phones`` or ``characters``."""
        return "phones" if self._is_phones else "characters"

    def spell(self, text: str) -> SpeltText:
        """Return the tokens of a transcript.

        Raises
        ------
        LabelError
            The transcript is empty, a word is not in the dictionary, or characters or phones have no token.
        """
        text = unicodedata.normalize("NFC", text)
        if not text.split():
            raise LabelError("expected words in the transcript, found an empty one; add the text or leave it out")
        left_out: Counter[str] = Counter()
        unknown: Counter[str] = Counter()
        spelt = [(word, self._tokens(parts, left_out, unknown)) for word, parts in self._parts(text, left_out)]
        if unknown and self._unknown == "refuse":
            kind = "phones" if self._is_phones else "characters"
            raise LabelError(
                f"expected {kind} of the model's vocabulary ({self._named()}), found {_counted(unknown)}; write them "
                "otherwise, such as numbers in words, or leave them out (--unknown leave-out)"
            )
        left_out += unknown
        known = [(word, tokens) for word, tokens in spelt if tokens]
        if not known:
            raise LabelError(
                f"expected words in tokens of the model's vocabulary ({self._named()}), found none in {text[:40]!r}; "
                "correct the transcript or choose another model"
            )
        tokens, word_of = self._joined([tokens for _, tokens in known])
        words = tuple(self._label(word) for word, _ in known)
        return SpeltText(words, tokens, word_of, dict(left_out))

    def _parts(self, text: str, left_out: Counter[str]) -> list[tuple[str, list[str]]]:
        """Return each word of a text with the parts that tokens are looked up for: characters, or phones."""
        if self._dictionary is not None:
            return self._looked_up(text.split(), self._dictionary, left_out)
        if self._is_phones:
            # A transcript in phones: spaces between phones, the delimiter (or |) between words.
            phones = [part.split() for part in text.replace(self._delimiter or "|", "|").split("|")]
            return [("".join(word), word) for word in phones if word]
        words = text.replace(self._delimiter or " ", " ").split()
        return [(word, list(word)) for word in words]

    def _looked_up(
        self, words: Sequence[str], dictionary: Mapping[str, Sequence[str]], left_out: Counter[str]
    ) -> list[tuple[str, list[str]]]:
        found: list[tuple[str, list[str]]] = []
        missing: Counter[str] = Counter()
        for word in words:
            plain = word.translate(_APOSTROPHES).lower()
            phones = next((dictionary[form] for form in (plain, _bare(plain)) if form in dictionary), None)
            if phones is not None:
                found.append((word, list(phones)))
            elif _bare(plain):
                missing[plain] += 1
        if missing and self._unknown == "refuse":
            raise LabelError(
                f"expected words of the dictionary, found {_counted(missing)} without an entry; add them, or leave "
                "them out (--unknown leave-out)"
            )
        left_out += missing
        return found

    def _tokens(self, parts: Sequence[str], left_out: Counter[str], unknown: Counter[str]) -> list[int]:
        tokens: list[int] = []
        place = 0
        while place < len(parts):
            index, n_parts = self._longest_token(parts, place)
            if index is None:
                (left_out if _is_mark(parts[place]) else unknown)[parts[place]] += 1
            else:
                tokens.append(index)
            place += n_parts
        return tokens

    def _longest_token(self, parts: Sequence[str], place: int) -> tuple[int | None, int]:
        """Return the index of the longest token that begins at a place, and the number of parts that it spells."""
        if self._is_phones:
            return self._index.get(parts[place]), 1
        for length in range(min(self._longest, len(parts) - place), 0, -1):
            plain = "".join(parts[place : place + length])
            for form in (plain, plain.translate(_APOSTROPHES), plain.lower(), plain.upper(), _plain_case(plain)):
                if form in self._index:
                    return self._index[form], length
        return None, 1

    def _joined(self, words: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        tokens: list[int] = []
        word_of: list[int] = []
        for place, word in enumerate(words):
            if place and self._delimiter is not None:
                tokens.append(self._vocabulary.labels.index(self._delimiter))
                word_of.append(-1)
            tokens += word
            word_of += [place] * len(word)
        return tuple(tokens), tuple(word_of)

    def _label(self, word: str) -> str:
        """Return a word without the marks around it that no token spells, such as quotation marks."""
        if self._is_phones and self._dictionary is None:
            return word
        start, stop = 0, len(word)
        while start < stop and self._has_no_token(word[start]):
            start += 1
        while stop > start and self._has_no_token(word[stop - 1]):
            stop -= 1
        return word[start:stop] or word

    def _has_no_token(self, letter: str) -> bool:
        return _is_mark(letter) and letter.translate(_APOSTROPHES) not in self._index

    def _named(self) -> str:
        tokens = sorted(self._index, key=self._index.__getitem__)
        return " ".join(tokens[:40]) + (f" … ({len(tokens)} in all)" if len(tokens) > 40 else "")


def read_dictionary(path: str | Path, encoding: str = "") -> dict[str, tuple[str, ...]]:
    """Read a pronunciation dictionary: on each line a word and its phones, as for the Montreal Forced Aligner.

    Columns of numbers between word and phones (probabilities) are skipped. Of several pronunciations of a word the
    first one is taken.

    Parameters
    ----------
    path : text file, fields divided by spaces or tabs
    encoding : encoding of text without byte order mark; "" for UTF-8 or UTF-16

    Returns
    -------
    phones by word in lower case (NFC)

    Raises
    ------
    LabelError
        A line has a word without phones; all such lines are named, at most ten.
    """
    entries: dict[str, tuple[str, ...]] = {}
    wrong = []
    for number, line in text_lines(unicodedata.normalize("NFC", read_text(path, encoding))):
        word, *fields = line.split()
        phones = tuple(part for part in fields if not _is_number(part))
        if not phones:
            wrong.append(f"{word!r} (line {number})")
        entries.setdefault(word.translate(_APOSTROPHES).lower(), phones)
    if wrong or not entries:
        named = ", ".join(wrong[:_MAX_NAMED]) + (
            f" and {len(wrong) - _MAX_NAMED} more" if len(wrong) > _MAX_NAMED else ""
        )
        raise LabelError(
            f"expected a word and its phones on every line of {path}, found {named or 'an empty file'}; correct it"
        )
    return entries


def _plain_case(text: str) -> str:
    """Return a text in lower case without the dot that some languages add to an i (İ)."""
    return unicodedata.normalize("NFC", text.lower().replace("i\u0307", "i"))


def _is_mark(text: str) -> bool:
    """Return whether a text consists of punctuation marks, symbols and invisible characters."""
    return all(unicodedata.category(letter)[0] in "PSCZ" for letter in text)


def _bare(word: str) -> str:
    """Return a word without marks at its beginning and end."""
    marks = "".join(letter for letter in set(word) if _is_mark(letter))
    return word.strip(marks)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def _counted(counts: Mapping[str, int]) -> str:
    shown = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    named = ", ".join(f"{what!r}" + (f" ({n})" if n > 1 else "") for what, n in shown[:_MAX_NAMED])
    return named + (f" and {len(shown) - _MAX_NAMED} more" if len(shown) > _MAX_NAMED else "")
