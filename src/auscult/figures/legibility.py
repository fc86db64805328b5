"""Legibility of a figure: texts that overlap, lie outside, or are too small, and figures over their size."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

__all__ = ["SLIDE_MM", "PAGE_MM", "faults"]

SLIDE_MM = (160.0, 90.0)
PAGE_MM = (180.0, 240.0)
_SMALLEST_PT = 6.0
_DPI = 100
# Boxes include the space above and below letters: texts touch visibly only where boxes overlap by more.
_SLACK = 2.0
_EDGE = 1.0


class _Recorder(RendererAgg):
    """A renderer that keeps the texts drawn by it: ticks outside the limits of an axis are never drawn."""

    def __init__(self, width: float, height: float, dpi: float):
        super().__init__(width, height, dpi)
        self.drawn: dict[int, Text] = {}

    def draw_text(
        self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float, ismath: Any = False, mtext: Any = None
    ) -> None:
        if mtext is not None and s.strip():
            self.drawn[id(mtext)] = mtext


def faults(figure: Figure, largest_mm: tuple[float, float] = PAGE_MM) -> list[str]:
    """Return one line for each fault of a figure; none if it is legible.

    The layout of the figure is computed once and then fixed, as it is when the figure is saved.

    Parameters
    ----------
    figure : figure, whose texts are measured as drawn
    largest_mm : largest width and height in mm

    Returns
    -------
    faults : size of the figure; texts below 6 points; texts that leave the figure; pairs of texts that overlap
    """
    width, height = figure.get_size_inches()
    found = []
    if any(inches * 25.4 > limit + 0.1 for inches, limit in zip((width, height), largest_mm)):
        found.append(
            f"figure of {width * 25.4:.0f} × {height * 25.4:.0f} mm, larger than {largest_mm[0]:g} × {largest_mm[1]:g}"
        )
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    dpi = figure.dpi
    figure.set_dpi(_DPI)
    try:
        renderer = _Recorder(width * _DPI, height * _DPI, _DPI)
        figure.draw(renderer)
        boxes = [(text, text.get_window_extent(renderer)) for text in renderer.drawn.values()]
    finally:
        figure.set_dpi(dpi)
    found += list(_single(boxes, width * _DPI, height * _DPI))
    found += [f"{_quoted(one)} overlaps {_quoted(other)}" for one, other in _overlapping(boxes)]
    return found


def _single(boxes: list[tuple[Text, Bbox]], width: float, height: float) -> Iterator[str]:
    for text, box in boxes:
        if float(text.get_fontsize()) < _SMALLEST_PT:
            yield f"{_quoted(text)} has {float(text.get_fontsize()):g} points, fewer than {_SMALLEST_PT:g}"
        if box.x0 < -_EDGE or box.y0 < -_EDGE or box.x1 > width + _EDGE or box.y1 > height + _EDGE:
            yield f"{_quoted(text)} leaves the figure"


def _overlapping(boxes: list[tuple[Text, Bbox]]) -> Iterator[tuple[Text, Text]]:
    upright = [(text, box) for text, box in boxes if text.get_rotation() % 90 == 0]
    for (one, box), (other, other_box) in combinations(upright, 2):
        wide = min(box.x1, other_box.x1) - max(box.x0, other_box.x0)
        high = min(box.y1, other_box.y1) - max(box.y0, other_box.y0)
        if wide > _SLACK and high > _SLACK:
            yield one, other


def _quoted(text: Text) -> str:
    return repr(" ".join(text.get_text().split()))
