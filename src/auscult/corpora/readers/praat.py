"""Tiers of Praat TextGrids, in any of Praat's forms and encodings.

Text is read here, by Praat's rule that only free-standing numbers, quoted strings and flags in angle brackets count.
Praat itself, which reads the binary and chronological forms, loses the interval after an interval of no length.
"""

import logging
import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import parselmouth
from parselmouth.praat import call

from auscult.corpora.texts import decode_text, is_latin1
from auscult.errors import LabelError

__all__ = ["Intervals", "read_textgrid"]

_log = logging.getLogger(__name__)
Intervals = list[tuple[float, float, str]]
_TEXT = re.compile(rb'^[^"]*"?ooTextFile')
_TOKEN = re.compile(
    r'(?P<string>"(?:[^"]|"")*")|(?P<flag><[A-Za-z]+>)|![^\n]*|'
    r"(?<!\S)(?P<number>[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?!\S)"
)
_KINDS = {"string": "a text in quotation marks", "number": "a number", "flag": "<exists>"}
_GAP_S = 1e-9


def read_textgrid(path: str | Path, encoding: str = "", backslashes: bool = True) -> dict[str, Intervals]:
    """Read the interval tiers of a TextGrid: onset and offset in seconds and label (NFC), by tier name.

    Text is UTF-8 or UTF-16, with or without byte order mark, or the stated encoding. Text that is neither is read as
    Latin-1, as Praat does, with a warning, unless it has bytes that Latin-1 does not use for letters.

    Parameters
    ----------
    path : file in Praat's long, short, chronological or binary form
    encoding : encoding of a file without byte order mark; "" for UTF-8, UTF-16 or Latin-1
    backslashes : whether Praat's codes are replaced by their characters (``\\sw`` → ``ə``); not for X-SAMPA

    Raises
    ------
    LabelError
        The file is not a TextGrid, its text cannot be decoded, or two of its tiers have the same name.
    """
    path = Path(path)
    content = path.read_bytes()
    # Without the NULs of UTF-16, text of all encodings begins with the same letters.
    if _TEXT.match(content[:200].replace(b"\0", b"")):
        tiers = _parse(_decoded(content, path, encoding), path)
    else:
        tiers = _from_praat(path)
    named: dict[str, Intervals] = {}
    for name, intervals in tiers:
        if name in named:
            raise LabelError(f"expected tiers of different names in {path}, found {name!r} twice; rename one")
        named[unicodedata.normalize("NFC", name)] = intervals
    codes = _characters({label for rows in named.values() for *_, label in rows}) if backslashes else {}
    return {
        name: [(onset, offset, unicodedata.normalize("NFC", codes.get(label, label))) for onset, offset, label in rows]
        for name, rows in named.items()
    }


def _parse(text: str, path: Path) -> list[tuple[str, Intervals]]:
    tokens = _Tokens(text, path)
    tokens.take("string")
    kind = tokens.take("string")
    if kind != "TextGrid":
        raise LabelError(f"expected a Praat TextGrid in {path}, found a {kind[:40]!r}; export it again")
    tokens.take("number"), tokens.take("number")
    tiers = []
    n_tiers = tokens.count() if tokens.take("flag") == "<exists>" else 0
    for _ in range(n_tiers):
        kind, name = tokens.take("string"), tokens.take("string")
        tokens.take("number"), tokens.take("number")
        n_entries, is_points = tokens.count(), kind == "TextTier"
        rows = []
        for _ in range(n_entries):
            onset = float(tokens.take("number"))
            offset = onset if is_points else float(tokens.take("number"))
            rows.append((onset, offset, tokens.take("string").strip()))
        if not is_points:
            tiers.append((name, rows))
    return tiers


class _Tokens:
    """The strings, numbers and flags of a Praat text file, one at a time."""

    def __init__(self, text: str, path: Path) -> None:
        self.text, self.path = text, path
        self.tokens: Iterator[re.Match[str]] = (match for match in _TOKEN.finditer(text) if match.lastgroup)

    def take(self, kind: str) -> str:
        """Return the next token, which must be of a kind."""
        token = next(self.tokens, None)
        if token is None or token.lastgroup != kind:
            found = "the end of the file" if token is None else f"{token[0][:40]!r}"
            line = self.text.count("\n", 0, len(self.text) if token is None else token.start()) + 1
            raise LabelError(
                f"expected a Praat TextGrid in {self.path}, found {found} instead of {_KINDS[kind]} at line {line}; "
                "export it again"
            )
        return token[0][1:-1].replace('""', '"') if kind == "string" else token[0]

    def count(self) -> int:
        """Return the next token, a whole number of entries."""
        return max(0, round(float(self.take("number"))))


def _from_praat(path: Path) -> list[tuple[str, Intervals]]:
    try:
        grid = parselmouth.Data.read(str(path))
    except parselmouth.PraatError as error:
        raise LabelError(
            f"expected a Praat TextGrid in {path}, found text that Praat cannot read ({error}); export it again"
        ) from None
    if not isinstance(grid, parselmouth.TextGrid):
        raise LabelError(f"expected a Praat TextGrid in {path}, found a {type(grid).__name__}; export it again")
    tiers = []
    for tier in range(1, call(grid, "Get number of tiers") + 1):
        if call(grid, "Is interval tier", tier):
            rows = [
                (
                    call(grid, "Get start time of interval", tier, interval),
                    call(grid, "Get end time of interval", tier, interval),
                    call(grid, "Get label of interval", tier, interval).strip(),
                )
                for interval in range(1, call(grid, "Get number of intervals", tier) + 1)
            ]
            lost = [after for before, after in pairwise(rows) if after[0] - before[1] > _GAP_S]
            if lost:
                raise LabelError(
                    f"expected intervals without gaps in {path}, found one before {lost[0][2]!r} at {lost[0][0]:g} s, "
                    "where Praat may have lost an interval; save it as a text file"
                )
            tiers.append((call(grid, "Get tier name", tier), rows))
    return tiers


def _characters(labels: set[str]) -> dict[str, str]:
    """Return labels with Praat's codes (``\\sw``), and the characters that they stand for."""
    coded = sorted(label for label in labels if "\\" in label)
    if not coded:
        return {}
    grid = call("Create TextGrid", 0, len(coded), "labels", "")
    for place, label in enumerate(coded):
        if place:
            call(grid, "Insert boundary", 1, place)
        call(grid, "Set interval text", 1, place + 1, label)
    call(grid, "Convert to Unicode")
    return {label: call(grid, "Get label of interval", 1, place) for place, label in enumerate(coded, 1)}


def _decoded(content: bytes, path: Path, encoding: str) -> str:
    try:
        return decode_text(content, path, encoding)
    except LabelError:
        if encoding or b"\0" in content or not is_latin1(content):
            raise
    text = decode_text(content, path, "latin-1")
    beyond = sorted({letter for letter in text if not letter.isascii()})
    _log.warning(
        "%s is neither UTF-8 nor UTF-16 and was read as Latin-1, as Praat does, with the letters %s; if they are "
        "wrong, state the option encoding",
        path,
        "".join(beyond),
    )
    return text
