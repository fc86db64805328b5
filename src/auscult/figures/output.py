"""Files of a figure: pictures, table, caption and provenance, made from result tables by the module of its family."""

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
    """Interface of ``auscult.analyses.{family}.figure``. Every function takes the tables of the family by name."""

    def draw(self, *, context: FigureContext, **tables: pd.DataFrame) -> Figure:
        """Return the figure."""

    def drawn_rows(self, *, context: FigureContext, **tables: pd.DataFrame) -> pd.DataFrame:
        """Return the rows that the figure shows, which are published as its table."""

    def describe_finding(self, *, context: FigureContext, **tables: pd.DataFrame) -> str:
        """Return one sentence on the main result, computed from the tables; empty if rows are missing."""


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
    family : figure module of the family
    stem : path of the files without ending
    tables : path of each collected table, by the name of the parameter of ``draw``
    context : models, settings and study
    caption : path of the caption template
    corpora, checkpoints : manifests of the corpora and checkpoints analysed
    style : matplotlib style sheet
    """
    read = {name: read_table(path) for name, path in tables.items()}
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
