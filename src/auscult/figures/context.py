"""Context of a figure: models of the study, models to draw, settings of the analysis, and the study."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from auscult.figures.palette import Entry, ModelStyle, entries, model_style
from auscult.figures.plotting import describe_study, select

__all__ = ["FigureContext"]


@dataclass(frozen=True)
class FigureContext:
    """Information that a figure needs besides its tables. All fields have defaults, so a table can be drawn without it.

    Parameters
    ----------
    name : family of the figure
    title : title for the caption and the page
    models : entry of each model in the study (``label``, ``source``, ``features``, ``colour``); their order determines
        colours and markers
    shown : names of the models to draw, in this order; all models of the table if empty
    analysis : settings of the analysis that wrote the tables
    study : ``name``; ``sources``, the source of each corpus by name; ``left_out``, the reason for each missing model;
        empty in a notebook
    """

    name: str = ""
    title: str = ""
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    shown: Sequence[str] = ()
    analysis: Mapping[str, Any] = field(default_factory=dict)
    study: Mapping[str, Any] = field(default_factory=dict)

    def select(self, table: pd.DataFrame, column: str = "model") -> pd.DataFrame:
        """Return the rows of the models to draw, in the order of ``shown``.

        Raises
        ------
        AnalysisError
            The table has no row for one of these models.
        """
        return select(table, column, self.shown, f"the table of {self.name or 'this figure'}")

    def styles(self, table: pd.DataFrame | None = None) -> dict[str, ModelStyle]:
        """Return the style of every model of the study, and of models that occur only in the table."""
        named = () if table is None else dict.fromkeys(table["model"].dropna())
        others: dict[str, Mapping[str, Any]] = {name: {} for name in named if name not in self.models}
        return model_style({**self.models, **others})

    def entries(self, table: pd.DataFrame) -> list[Entry]:
        """Return the entries of the figure: each model of the table at its last step, then untrained."""
        return entries(table, table["model"].unique(), self.styles(table))

    def describe(self, corpora: Iterable[str] | None = None) -> str:
        """Return a sentence on the study, its kinds of corpora, and the models left out; nothing without a study."""
        return describe_study(self.study, corpora) if self.study else ""
