"""Rows of result tables, selected by their columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["Selection", "Estimate", "NotFound", "find"]

Selection = Mapping[str, Any]
# The last checkpoint of a model; acoustic baselines have a single one.
_LAST = "last"


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval.

    Parameters
    ----------
    value, ci_low, ci_high : not a number where there is none
    n : number of items
    n_groups : number of groups that were resampled
    unit : what was resampled
    row : the whole row of the table
    """

    value: float
    ci_low: float
    ci_high: float
    n: float = np.nan
    n_groups: float = np.nan
    unit: str = ""
    row: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_interval(self) -> bool:
        """Whether both ends of the interval are known."""
        return bool(np.isfinite([self.ci_low, self.ci_high]).all())

    def level(self, column: str) -> float:
        """Return the number in a column of the row, such as its chance level; not a number if there is none."""
        value = self.row.get(column, np.nan)
        return float(value) if _is_number(value) else np.nan


class NotFound(LookupError):
    """No row, or more than one, has the values of a selection; the text says which."""


def find(table: pd.DataFrame, selection: Selection) -> Estimate:
    """Return the one row that has all values of a selection.

    Parameters
    ----------
    table : result rows
    selection : value by column; ``step: last`` means the last step of the rows that have the other values, an empty
        value a missing one, and a list any of its values

    Raises
    ------
    NotFound
        A column is missing, or the number of rows is not 1.
    """
    rows = table
    for column, wanted in selection.items():
        if column not in rows:
            raise NotFound(f"no column {column}")
        if column == "step" and wanted == _LAST:
            continue
        rows = rows[_matches(rows[column], wanted)]
    if selection.get("step") == _LAST and len(rows):
        steps = rows["step"].map(_step_order)
        rows = rows[steps == steps.max()]
    rows = rows[np.isfinite(rows["value"].astype(float))]
    if len(rows) != 1:
        described = ", ".join(f"{column} {wanted}" for column, wanted in selection.items())
        raise NotFound(f"{len(rows) or 'no'} rows of {described}")
    row = rows.iloc[0]
    numbers = {name: float(row.get(name, np.nan)) for name in ("value", "ci_low", "ci_high", "n", "n_groups")}
    unit = row.get("resampling_unit", "")
    return Estimate(**numbers, unit=unit if isinstance(unit, str) else "", row=dict(row))


def _matches(column: pd.Series, wanted: Any) -> pd.Series:
    if wanted is None or wanted == "":
        return column.isna() | (column.astype(str) == "")
    values = wanted if isinstance(wanted, list) else [wanted]
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column.isin([float(value) for value in values if _is_number(value)])
    return column.astype(str).isin([str(value) for value in values])


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _step_order(step: Any) -> float:
    return float(step) if _is_number(step) else np.inf
