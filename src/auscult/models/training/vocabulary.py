"""The characters of a recogniser, in the format of ``vocab.json`` of Hugging Face's CTC tokenizers."""

import json
from collections.abc import Iterable, Sequence
from itertools import groupby

from auscult.errors import CorpusError

__all__ = ["BLANK", "DELIMITER", "build_vocabulary", "plain_text", "encode", "decode", "vocabulary_json"]

BLANK, DELIMITER = "<pad>", "|"


def build_vocabulary(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the tokens of transcripts in order: the blank (0), the word delimiter (1), then characters, sorted.

    Raises
    ------
    CorpusError
        The transcripts are empty.
    """
    characters = sorted({character for text in texts for character in plain_text(text)} - {" "})
    if not characters:
        raise CorpusError(
            "expected transcripts in column 'text' of the training utterances, found none; "
            "use a corpus with transcripts"
        )
    return (BLANK, DELIMITER, *characters)


def plain_text(text: str) -> str:
    """Return a transcript in lower case, its words separated by single spaces."""
    return " ".join(text.lower().replace(DELIMITER, " ").split())


def encode(text: str, tokens: Sequence[str]) -> list[int]:
    """Return the token indices of a transcript; characters outside the vocabulary are left out."""
    numbers = {token: number for number, token in enumerate(tokens)} | {" ": tokens.index(DELIMITER)}
    return [numbers[character] for character in plain_text(text) if character in numbers]


def decode(frames: Iterable[int], tokens: Sequence[str]) -> str:
    """Return the text of the best token of each frame: repetitions merged, then blanks dropped (greedy CTC).

    Source: Graves et al. (2006), section 3.2, best path decoding.
    """
    letters = [tokens[number] for number, _ in groupby(frames)]
    return plain_text("".join(" " if letter == DELIMITER else letter for letter in letters if letter != BLANK))


def vocabulary_json(tokens: Sequence[str]) -> str:
    """Return the text of ``vocab.json``: the index of each token."""
    return json.dumps({token: number for number, token in enumerate(tokens)}, ensure_ascii=False, indent=1) + "\n"
