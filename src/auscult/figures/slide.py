"""Slides: the figure of a family with one message, on 16 × 9 cm, under its finding."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.textpath import text_to_path

from auscult.figures.legibility import SLIDE_MM
from auscult.figures.marks import GREY
from auscult.figures.palette import plain
from auscult.figures.plotting import STYLE, spread

__all__ = ["SLIDE_MM", "slide_style", "new_slide", "wrapped", "shortened", "short_names", "label_ends"]

_STYLE = Path(__file__).with_name("slide.mplstyle")
_MARGIN_MM = 3
# Sizes of the title that are tried until it fits two lines; the last is used for any length.
_TITLE_SIZES = (11.5, 10.5, 9.5, 8.5)
_NOTE_SIZE = 7
_TITLE_LINES, _NOTE_LINES = 2, 2
_LINE = 1.3
# Letters drawn as pixels are up to 3 % wider than their outlines, by which lines are measured.
_PIXELS = 1.03
_POINT_MM = 25.4 / 72


def slide_style(path: str | Path = STYLE) -> AbstractContextManager[None]:
    """Apply the style of all figures and the sizes of slides to everything drawn and saved within the block."""
    return matplotlib.style.context(["default", str(path), str(_STYLE)])


def new_slide(title: str, note: str = "") -> Figure:
    """Return an empty slide with its title and a note; axes added to it fill the space between them.

    Parameters
    ----------
    title : the finding, one sentence; it takes at most two lines, in a smaller font if it is long
    note : counts, intervals and the meaning of marks without a label; at most two lines of 7 points

    Returns
    -------
    figure : 160 × 90 mm, with a constrained layout
    """
    width_mm, height_mm = SLIDE_MM
    # Letters of a PNG are fitted to its pixels, which makes lines up to 2 % wider.
    text_mm = 0.97 * (width_mm - 2 * _MARGIN_MM)
    for size in _TITLE_SIZES:
        lines = wrapped(title, text_mm, size, weight="bold")
        if len(lines) <= _TITLE_LINES:
            break
    notes = wrapped(note, text_mm, _NOTE_SIZE)
    top_mm = _MARGIN_MM + len(lines) * size * _LINE * _POINT_MM + 1
    bottom_mm = _MARGIN_MM / 2 + len(notes) * _NOTE_SIZE * _LINE * _POINT_MM + (1 if notes else 0)
    left = _MARGIN_MM / width_mm
    layout = ConstrainedLayoutEngine(
        rect=(left / 2, bottom_mm / height_mm, 1 - left, 1 - (top_mm + bottom_mm) / height_mm), w_pad=0.06, h_pad=0.05
    )
    figure = Figure(figsize=(width_mm / 25.4, height_mm / 25.4), layout=layout)
    look: dict[str, Any] = {"linespacing": _LINE - 0.1, "va": "top"}
    figure.text(left, 1 - _MARGIN_MM / height_mm, plain("\n".join(lines)), fontsize=size, weight="bold", **look)
    if notes:
        figure.text(
            left, (bottom_mm - 0.5) / height_mm, plain("\n".join(notes)), fontsize=_NOTE_SIZE, color=GREY, **look
        )
    return figure


def wrapped(text: str, width_mm: float, size: float, weight: str = "normal") -> list[str]:
    """Return a text in lines of at most this width, by the widths of its letters in the current font.

    Parameters
    ----------
    text : words, separated by blanks
    width_mm : width of a line in mm; a longer word has a line of its own
    size : font size in points
    weight : font weight
    """
    font = FontProperties(size=size, weight=weight)
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _width_mm(longer, font) <= width_mm:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def shortened(text: str, width_mm: float, size: float) -> str:
    """Return a text of one line that fits a width, its end replaced by an ellipsis where it does not.

    Parameters
    ----------
    text : any text; line breaks count as blanks
    width_mm, size : width of the line in mm and font size in points, as for :func:`wrapped`
    """
    text, font = " ".join(text.split()), FontProperties(size=size)
    if _width_mm(text, font) <= width_mm:
        return text
    n_kept = bisect_left(range(len(text)), True, key=lambda n: _width_mm(f"{text[: n + 1]}…", font) > width_mm)
    return f"{text[:n_kept].rstrip()}…"


def short_names(labels: Iterable[str]) -> dict[str, str]:
    """Return for each label the part that tells it from the others.

    Where they differ, this is the first word in brackets, ``Dutch`` for ``HuBERT (Dutch, mel)``; otherwise the words
    before the brackets. A label whose short name would be that of another one keeps all of its words.
    """
    labels = list(dict.fromkeys(labels))
    parts = {label: re.fullmatch(r"([^(]+?) *\(([^,)]+).*", label) for label in labels}
    for group in (2, 1):
        short = {label: match[group] if match else label for label, match in parts.items()}
        if len(set(short.values())) == len(labels):
            return short
    inside = [match[2] if match else label for label, match in parts.items()]
    return {label: name if inside.count(name) == 1 else label for label, name in zip(labels, inside)}


def label_ends(axes: Axes, labels: Sequence[tuple[str, float, str]], x: float, gap: float) -> None:
    """Label curves directly, right of their last points, instead of by a legend.

    Parameters
    ----------
    axes : panel; its limits must be set
    labels : text, height in data units, and colour of each curve
    x : right end of the curves in data units
    gap : smallest distance between two labels in data units
    """
    low, high = sorted(axes.get_ylim())
    inside = spread([height for _, height, _ in labels], gap, low, high)
    for (text, _, colour), height in zip(labels, inside):
        axes.annotate(
            plain(text),
            xy=(x, height),
            xytext=(5, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            fontsize=8.5,
            annotation_clip=False,
        )


def _width_mm(text: str, font: FontProperties) -> float:
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width) * _POINT_MM * _PIXELS
