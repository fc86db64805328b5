"""Files of a figure: drawn from tables by the functions of its family, with table, caption and provenance beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pandas as pd
from matplotlib.figure import Figure

from auscult.figures import plotting
from auscult.figures.captions import render_caption
from auscult.figures.context import FigureContext
from auscult.manifests import write_file
from auscult.tables import read_table

__all__ = ["FigureModule", "write_figure"]


class FigureModule(Protocol):
    """The module ``auscult.analyses.{family}.figure``. Every function takes the family's tables by name."""

    def draw(self, *, context: FigureContext, **tables: pd.DataFrame) -> Figure:
        """Return the figure."""

    def drawn_rows(self, *, context: FigureContext, **tables: pd.DataFrame) -> pd.DataFrame:
        """Return the rows that the figure shows: the table that is published beside it."""

    def describe_finding(self, *, context: FigureContext, **tables: pd.DataFrame) -> str:
        """Return one sentence on what the figure shows, computed from the tables; empty if they cannot say."""


def write_figure(
    family: FigureModule,
    stem: str | Path,
    tables: Mapping[str, str],
    context: FigureContext,
    *,
    caption: str | Path,
    corpora: plotting.Paths = (),
    checkpoints: plotting.Paths = (),
    style: str | Path = plotting.STYLE,
) -> None:
    """Draw a figure and write its files: pictures, table (``.csv``), caption (``.rst``) and provenance (``.json``).

    Parameters
    ----------
    family : the module that draws it
    tables : path of each collected table, by the name of the parameter that takes it
    context : models, settings and study
    caption : path of its template
    corpora, checkpoints : manifests of what was analysed
    style : matplotlib style sheet
    """
    read = {name: read_table(path) for name, path in tables.items()}
    if hasattr(family, "compose"):  # until every family draws from tables
        from types import SimpleNamespace

        settings = {"name": context.name, "title": context.title, "models": context.shown, "analysis": context.analysis}
        with plotting.figure_style(style):
            figure, shown = family.compose(SimpleNamespace(**tables), settings, context.study, context.models)
            source = plotting.provenance(
                context.study["name"],
                {"figure": settings, "models": context.models},
                tables.values(),
                corpora,
                checkpoints,
            )
            plotting.save_figure(figure, stem, shown, source)
        with write_file(f"{stem}.rst") as partial:
            partial.write_text(render_caption(caption, context), encoding="utf-8")
        return
    with plotting.figure_style(style):
        figure = family.draw(**read, context=context)
        source = plotting.provenance(
            context.study["name"],
            {
                "figure": {
                    "name": context.name,
                    "title": context.title,
                    "models": context.shown,
                    "analysis": context.analysis,
                },
                "models": context.models,
            },
            tables.values(),
            corpora,
            checkpoints,
        )
        plotting.save_figure(figure, stem, family.drawn_rows(**read, context=context), source)
    with write_file(f"{stem}.rst") as partial:
        partial.write_text(
            render_caption(caption, context, family.describe_finding(**read, context=context)), encoding="utf-8"
        )
