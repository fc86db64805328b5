"""Settings and fixtures of all tests. Numerical libraries use one thread, so that parallel tests share the cores.

``make test`` divides the files of tests among processes. Those of the workflow, which take longest, come first.
"""

import os

import pytest

from auscult.figures import legibility
from auscult.figures.legibility import PAGE_MM, SLIDE_MM

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")


def pytest_collection_modifyitems(items):
    """Start with the tests of the workflow."""
    items.sort(key=lambda item: item.path.parent.name != "workflow")


@pytest.fixture
def misplaced(monkeypatch):
    """Instead of saving figures, collect their faults: texts that overlap, leave the figure or are too small."""
    found = []

    def judge_pages(pages, *_):
        found.extend(fault for page in pages for fault in legibility.faults(page))

    def judge_slide(figure, *_):
        width_mm = figure.get_size_inches()[0] * 25.4
        # A family without a slide of its own shows its first page of details instead.
        found.extend(legibility.faults(figure, SLIDE_MM if width_mm < 170 else PAGE_MM))

    monkeypatch.setattr("auscult.figures.plotting.save_pages", judge_pages)
    monkeypatch.setattr("auscult.figures.plotting.save_figure", judge_slide)
    return found
