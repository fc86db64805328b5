"""Legibility of a figure: texts that overlap, lie outside, or are too small, and figures over their size."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

__all__ = ["SLIDE_MM", "PAGE_MM", "faults"]

SLIDE_MM = (160.0, 90.0)
PAGE_MM = (180.0, 240.0)
_SMALLEST_PT = 6.0
_DPI = 100
# Boxes include the space above and below letters: texts touch visibly only where boxes overlap by more.
_SLACK = 2.0
_EDGE = 1.0


@dataclass(frozen=True)
class _Line:
    """A line of text as drawn: its size in points, its rotation in degrees and its box in pixels."""

    text: str
    size: float
    angle: float
    box: Bbox


class _Recorder(RendererAgg):
    """A renderer that keeps the lines of text drawn by it: ticks outside the limits of an axis are never drawn."""

    def __init__(self, width: float, height: float, dpi: float):
        super().__init__(width, height, dpi)
        self.lines: list[_Line] = []

    def draw_text(
        self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float, ismath: Any = False, mtext: Any = None
    ) -> None:
        if not s.strip():
            return
        width, height, descent = self.get_text_width_height_descent(s, prop, ismath)
        corners = np.array([[0, -descent], [width, -descent], [0, height - descent], [width, height - descent]])
        turn = np.deg2rad(angle)
        placed = corners @ [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]] + [x, self.height - y]
        box = Bbox([placed.min(axis=0), placed.max(axis=0)])
        self.lines.append(_Line(" ".join(s.split()), float(prop.get_size_in_points()), angle, box))


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
    finally:
        figure.set_dpi(dpi)
    found += list(_single(renderer.lines, width * _DPI, height * _DPI))
    found += [f"{one.text!r} overlaps {other.text!r}" for one, other in _overlapping(renderer.lines)]
    return found


def _single(lines: list[_Line], width: float, height: float) -> Iterator[str]:
    for line in lines:
        if line.size < _SMALLEST_PT:
            yield f"{line.text!r} has {line.size:g} points, fewer than {_SMALLEST_PT:g}"
        box = line.box
        if box.x0 < -_EDGE or box.y0 < -_EDGE or box.x1 > width + _EDGE or box.y1 > height + _EDGE:
            yield f"{line.text!r} leaves the figure"


def _overlapping(lines: list[_Line]) -> Iterator[tuple[_Line, _Line]]:
    for one, other in combinations([line for line in lines if line.angle % 90 == 0], 2):
        wide = min(one.box.x1, other.box.x1) - max(one.box.x0, other.box.x0)
        high = min(one.box.y1, other.box.y1) - max(one.box.y0, other.box.y0)
        if wide > _SLACK and high > _SLACK:
            yield one, other
