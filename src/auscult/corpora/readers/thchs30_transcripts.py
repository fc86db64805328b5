"""Transcripts of THCHS-30: three lines of words in characters, syllables in toned pinyin, and initials and finals."""

import os
from dataclasses import dataclass
from pathlib import Path

from auscult.corpora.mandarin import Syllable
from auscult.corpora.syllables import parse_pinyin
from auscult.errors import CorpusError, LabelError

__all__ = ["Transcript", "follow_path", "read_transcript"]

_ERHUA = "儿"
# Recordings and transcripts of three lines are longer than any path.
_LONGEST_PATH_BYTES = 100


@dataclass(frozen=True)
class Transcript:
    """The words of an utterance in characters, and all their syllables."""

    words: list[str]
    syllables: list[Syllable]

    def word_lengths(self) -> list[int]:
        """Return the number of syllables of each word, or nothing if characters and syllables do not match.

        A character is a syllable, except that a final 儿 may be part of the syllable before it.
        """
        for fused in (False, True):
            lengths = [len(word) - (fused and word[1:].endswith(_ERHUA)) for word in self.words]
            if sum(lengths) == len(self.syllables):
                return lengths
        return []


def follow_path(path: Path, folder: Path) -> Path:
    """Return a file of the corpus, or the file whose path it contains, as in ``train``, which points into ``data``.

    Raises
    ------
    CorpusError
        The file does not exist, or points outside the corpus.
    """
    target = path
    if path.is_file() and path.stat().st_size <= _LONGEST_PATH_BYTES:
        text = path.read_bytes().decode("utf-8", errors="replace").strip()
        if text.endswith(path.suffix) and "\0" not in text and len(text.split()) == 1:
            target = Path(os.path.normpath(path.parent / text))
    if not target.is_file() or not target.resolve().is_relative_to(folder.resolve()):
        raise CorpusError(
            f"expected {path.name} at {target}, found no such file of the corpus; unpack the whole archive again"
        )
    return target


def read_transcript(path: Path) -> tuple[str, Transcript]:
    """Read a transcript: its first line unchanged, and its words and syllables.

    Raises
    ------
    CorpusError
        The file has fewer than two lines or is not in UTF-8.
    LabelError
        A syllable has no vowel or no tone digit.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"expected a transcript in UTF-8 in {path}, found byte "
            f"{path.read_bytes()[error.start]:#04x}; convert the file"
        ) from None
    if len(lines) < 2:
        raise CorpusError(
            f"expected three lines (characters, pinyin, phones) in {path}, found {len(lines)}; unpack the corpus again"
        )
    try:
        return lines[0], Transcript(lines[0].split(), [parse_pinyin(syllable) for syllable in lines[1].split()])
    except LabelError as error:
        raise LabelError(f"{error} (in {path})") from None
