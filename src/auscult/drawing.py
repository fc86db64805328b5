"""Draw the figures of a family from tables, in a notebook or a script of one's own."""

from importlib import import_module
from types import ModuleType

import pandas as pd
from matplotlib.figure import Figure

from auscult.errors import AnalysisError
from auscult.figures.context import FigureContext
from auscult.figures.plotting import figure_style
from auscult.figures.slide import slide_style
from auscult.requirements import suggestion
from auscult.study.families import FAMILIES

__all__ = ["draw", "draw_details"]


def draw(family: str, table: pd.DataFrame, *, context: FigureContext | None = None, **tables: pd.DataFrame) -> Figure:
    """Return the slide of a family of analyses: its one message under its finding, on 16 × 9 cm.

    Parameters
    ----------
    family : name of the family, such as ``probing``
    table : its results, as the family's analysis returns or collects them
    context : labels, colours and study; by default what the table states
    tables : further tables that the figure needs, by name; see the ``draw`` of ``auscult.analyses.{family}.headline``

    Raises
    ------
    AnalysisError
        There is no such family.
    """
    module = _module(family, "headline")
    with slide_style():
        figure: Figure = module.draw(table, context=context or FigureContext(name=family), **tables)
    return figure


def draw_details(
    family: str, table: pd.DataFrame, *, context: FigureContext | None = None, **tables: pd.DataFrame
) -> list[Figure]:
    """Return the pages with all details of a family; parameters and errors are those of :func:`draw`."""
    module = _module(family, "figure")
    with figure_style():
        pages: list[Figure] = module.draw(table, context=context or FigureContext(name=family), **tables)
    return pages


def _module(family: str, part: str) -> ModuleType:
    if family not in FAMILIES:
        raise AnalysisError(
            f"expected a family among {', '.join(FAMILIES)}, found {family!r}{suggestion(family, FAMILIES)}"
        )
    return import_module(f"auscult.analyses.{family}.{part}")
