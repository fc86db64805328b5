"""Text of label files: the encoding is marked, recognised or stated, never guessed in silence."""

import codecs
import re
from pathlib import Path

from auscult.errors import ConfigError, LabelError

__all__ = ["decode_text", "read_text", "text_lines", "is_latin1"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NUL_SHARE = 0.3
# Bytes that are control codes in Latin-1 but letters in other encodings, and letters of UTF-8.
_NOT_LATIN1 = re.compile(rb"[\x80-\x9f]|[\xc3-\xdf][\xa0-\xbf]")


def read_text(path: str | Path, encoding: str = "") -> str:
    """Return the text of a file; see :func:`decode_text`."""
    return decode_text(Path(path).read_bytes(), path, encoding)


def decode_text(content: bytes, path: str | Path, encoding: str = "") -> str:
    """Return the text of a file with line breaks ``\\n`` and without byte order mark.

    A byte order mark decides; else the stated encoding; else UTF-16 is recognised by its many NUL bytes, and all other
    text is UTF-8.

    Parameters
    ----------
    content : bytes of the file
    path : the file, for errors
    encoding : encoding of files without a mark, by any name that Python has for it; "" for UTF-8 or UTF-16

    Raises
    ------
    ConfigError
        There is no encoding of this name.
    LabelError
        The bytes are not text in the encoding; the error names byte and line.
    """
    marked = next(((mark, name) for mark, name in _MARKS if content.startswith(mark)), None)
    if marked is not None:
        content, used = content[len(marked[0]) :], marked[1]
    else:
        used = _known(encoding) if encoding else _recognised(content)
    try:
        text = content.decode(used)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        place = f"byte {content[error.start]:#04x} in line {line}"
        raise LabelError(
            f"expected text in {used.upper()} in {path}, found {place}; convert the file, or state its encoding (such "
            "as encoding: latin-1) in the options of the corpus"
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise LabelError(
            f"expected text in {path}, found NUL in line {line}; this is "
            "another kind of file, or has an encoding that must be stated (option encoding)"
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def text_lines(text: str) -> list[tuple[int, str]]:
    """Return the lines of a text that are not blank, stripped, with their numbers from 1."""
    # str.splitlines would also break labels at rare separators such as U+2028.
    return [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def is_latin1(content: bytes) -> bool:
    """Return whether bytes that are not UTF-8 may be Latin-1: without control codes and without letters of UTF-8."""
    return _NOT_LATIN1.search(content) is None


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise ConfigError(
            f"expected the encoding of the label files (such as utf-8, latin-1 or cp1250), found {encoding!r}; correct "
            "the option encoding of the corpus"
        ) from None


def _recognised(content: bytes) -> str:
    sample = content[:4096]
    pairs = len(sample) // 2
    if pairs and sample[1::2].count(0) > _NUL_SHARE * pairs:
        return "utf-16-le"
    if pairs and sample[0::2].count(0) > _NUL_SHARE * pairs:
        return "utf-16-be"
    return "utf-8"
