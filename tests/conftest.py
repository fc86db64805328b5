"""Settings and fixtures of all tests. Numerical libraries use one thread, so that parallel tests share the cores.

``make test`` divides the files of tests among processes. The tests of the workflow share one build of the smoke study,
which takes longest: they stay together in one process, and that starts first.
"""

import os

import pytest

from auscult.figures import legibility
from auscult.figures.legibility import PAGE_MM, SLIDE_MM

_WORKFLOW = "workflow"

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")


# Not in the hook below: pytest-xdist reads the groups there, and first.
def pytest_itemcollected(item):
    """Name the process group of a test: its file, or all tests of the workflow."""
    item.add_marker(pytest.mark.xdist_group(_WORKFLOW if _of_workflow(item) else str(item.path)))


def pytest_collection_modifyitems(items):
    """Start with the tests of the workflow."""
    items.sort(key=lambda item: not _of_workflow(item))


def _of_workflow(item):
    return _WORKFLOW in item.path.parts


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
