"""Draw the figure of a family from tables, in a notebook or a script of one's own."""

from importlib import import_module

import pandas as pd
from matplotlib.figure import Figure

from auscult.errors import AnalysisError
from auscult.figures.context import FigureContext
from auscult.figures.plotting import figure_style
from auscult.requirements import suggestion
from auscult.study.families import FAMILIES

__all__ = ["draw"]


def draw(family: str, table: pd.DataFrame, *, context: FigureContext | None = None, **tables: pd.DataFrame) -> Figure:
    """Return the figure of a family of analyses.

    Parameters
    ----------
    family : name of the family, such as ``probing``
    table : its results, as the family's analysis returns or collects them
    context : labels, colours and study; by default what the table states
    tables : further tables that the figure needs, by name; see the ``draw`` of ``auscult.analyses.{family}.figure``

    Raises
    ------
    AnalysisError
        There is no such family.
    """
    if family not in FAMILIES:
        raise AnalysisError(
            f"expected a family among {', '.join(FAMILIES)}, found {family!r}{suggestion(family, FAMILIES)}"
        )
    module = import_module(f"auscult.analyses.{family}.figure")
    with figure_style():
        drawn: Figure | list[Figure] = module.draw(table, context=context or FigureContext(name=family), **tables)
    return drawn[0] if isinstance(drawn, list) else drawn
