"""Files of a figure: pictures, table, caption and provenance, made from result tables by the module of its family."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pandas as pd
from matplotlib.figure import Figure

from auscult.figures import legibility, plotting, slide
from auscult.figures.captions import render_caption
from auscult.figures.context import FigureContext
from auscult.manifests import write_file
from auscult.tables import read_table

__all__ = ["HeadlineModule", "FigureModule", "write_figure"]

_log = logging.getLogger(__name__)


class HeadlineModule(Protocol):
    """Interface of ``auscult.analyses.{family}.headline``. Every function takes the tables of the family by name."""

    def draw(self, *, context: FigureContext, **tables: pd.DataFrame) -> Figure:
        """Return the slide: the one message of the family, under its finding."""

    def describe_headline(self, *, context: FigureContext, **tables: pd.DataFrame) -> str:
        """Return the title of the slide, a finding of one sentence that is computed from the tables."""


class FigureModule(Protocol):
    """Interface of ``auscult.analyses.{family}.figure``. Every function takes the tables of the family by name."""

    def draw(self, *, context: FigureContext, **tables: pd.DataFrame) -> list[Figure]:
        """Return the pages with all details."""

    def drawn_rows(self, *, context: FigureContext, **tables: pd.DataFrame) -> pd.DataFrame:
        """Return the rows that the figures show, which are published as their table."""

    def describe_finding(self, *, context: FigureContext, **tables: pd.DataFrame) -> str:
        """Return sentences on the main result, computed from the tables; empty if rows are missing."""


def write_figure(
    headline: HeadlineModule,
    details: FigureModule,
    stem: str | Path,
    tables: Mapping[str, str],
    context: FigureContext,
    *,
    caption: str | Path,
    corpora: plotting.Paths = (),
    checkpoints: plotting.Paths = (),
    style: str | Path = plotting.STYLE,
) -> None:
    """Draw the figures of a family and write their files.

    The slide is ``{stem}.pdf``, ``.svg`` and ``.png``; the details are the pages of ``{stem}-details.pdf`` and of the
    folder ``{stem}-details``. Both share the table (``.csv``), the caption (``.rst``) and the provenance (``.json``),
    which holds the finding, too. Faults of legibility are logged as warnings.

    Parameters
    ----------
    headline, details : modules of the family
    stem : path of the files without ending
    tables : path of each collected table, by the name of the parameter of ``draw``
    context : models, settings and study
    caption : path of the caption template
    corpora, checkpoints : manifests of the corpora and checkpoints analysed
    style : matplotlib style sheet
    """
    read = {name: read_table(path) for name, path in tables.items()}
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
    source = {"finding": headline.describe_headline(**read, context=context), **source}
    with plotting.figure_style(style):
        pages = details.draw(**read, context=context)
        for number, page in enumerate(pages, start=1):
            _warn(f"{context.name}, page {number}", legibility.faults(page))
        plotting.save_pages(pages, f"{stem}-details")
    with slide.slide_style(style):
        figure = headline.draw(**read, context=context)
        _warn(context.name, legibility.faults(figure, legibility.SLIDE_MM))
        plotting.save_figure(figure, stem, details.drawn_rows(**read, context=context), source)
    with write_file(f"{stem}.rst") as partial:
        partial.write_text(
            render_caption(caption, context, details.describe_finding(**read, context=context)), encoding="utf-8"
        )


def _warn(name: str, faults: list[str]) -> None:
    for fault in faults:
        _log.warning("figure %s: %s", name, fault)
