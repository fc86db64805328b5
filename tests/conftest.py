"""Settings and fixtures of all tests. Numerical libraries use one thread, so that parallel tests share the cores."""

import os
from itertools import combinations

import pytest
from matplotlib.text import Text

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")


@pytest.fixture
def misplaced(monkeypatch):
    """Instead of saving figures, collect texts that leave the page and pairs of texts that overlap."""
    boxes, found = [], []
    draw = Text.draw

    def record(text, renderer):
        if text.get_visible() and text.get_text().strip():
            boxes.append((text.get_text(), text.get_window_extent(renderer)))
        draw(text, renderer)

    def judge(figure, *_):
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        boxes.clear()
        figure.draw_without_rendering()
        page = figure.bbox.padded(1)
        found.extend(text for text, box in boxes if not (page.contains(*box.min) and page.contains(*box.max)))
        # One pixel at 100 dpi: ascenders and descenders of neighbouring lines may touch.
        found.extend((a, b) for (a, one), (b, two) in combinations(boxes, 2) if one.padded(-1).overlaps(two.padded(-1)))

    monkeypatch.setattr(Text, "draw", record)
    monkeypatch.setattr("auscult.figures.plotting.save_figure", judge)
    return found
