"""Context of a figure: the study's models, the models to draw, the settings of the analysis and the study itself."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from auscult.figures.palette import Entry, ModelStyle, entries, model_style
from auscult.figures.plotting import describe_study, select

__all__ = ["FigureContext"]


@dataclass(frozen=True)
class FigureContext:
    """Everything a figure needs besides its tables. Every field has a default, so a table alone can be drawn.

    Parameters
    ----------
    name : family of the figure
    title : one line for captions and the page
    models : the study's entry of each model (``label``, ``source``, ``features``, ``colour``); looks follow their order
    shown : names of the models to draw, in this order; all models of the table if empty
    analysis : settings of the analysis that wrote the tables
    study : ``name``; ``sources``, the kind of each corpus by name; ``left_out``, the reason for each missing model
    """

    name: str = ""
    title: str = ""
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    shown: Sequence[str] = ()
    analysis: Mapping[str, Any] = field(default_factory=dict)
    study: Mapping[str, Any] = field(default_factory=lambda: {"name": "unnamed"})

    def select(self, table: pd.DataFrame, column: str = "model") -> pd.DataFrame:
        """Return the rows of the models to draw, in their order.

        Raises
        ------
        AnalysisError
            The table has no row of one of them.
        """
        return select(table, column, self.shown, f"the table of {self.name or 'this figure'}")

    def styles(self, table: pd.DataFrame | None = None) -> dict[str, ModelStyle]:
        """Return the look of every model of the study, and of models that only the table names."""
        named = () if table is None else dict.fromkeys(table["model"].dropna())
        others: dict[str, Mapping[str, Any]] = {name: {} for name in named if name not in self.models}
        return model_style({**self.models, **others})

    def entries(self, table: pd.DataFrame) -> list[Entry]:
        """Return the lines of the figure: each model of the table at its last step, untrained after trained."""
        return entries(table, table["model"].unique(), self.styles(table))

    def describe(self, corpora: Iterable[str] | None = None) -> str:
        """Return a sentence that names the study, its kind of speech and the models left out."""
        return describe_study(self.study, corpora)
