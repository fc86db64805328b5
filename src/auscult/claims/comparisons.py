"""Comparisons that decide a claim: a difference between two estimates, or an estimate against a number.

Each gives one of three verdicts: the interval of the difference lies on the stated side, includes no difference, or
lies on the other side. The interval of a difference that a table states, paired by item, is used as it is. Two
estimates of different rows have the interval of Zou and Donner (2008, eq. 6), which combines their own and treats them
as independent: for estimates over the same speakers, which are positively correlated, it is too wide, not too narrow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from auscult.claims.rows import Estimate, NotFound, find

__all__ = ["HOLDS", "OPEN", "FAILS", "MISSING", "Outcome", "compare", "difference"]

HOLDS, OPEN, FAILS, MISSING = "borne out", "not separated", "contradicted", "cannot be tested here"
# From worst to best: of several comparisons, the worst decides.
_ORDER = (MISSING, FAILS, OPEN, HOLDS)


@dataclass(frozen=True)
class Outcome:
    """Result of one comparison.

    Parameters
    ----------
    verdict : :data:`HOLDS`, :data:`OPEN`, :data:`FAILS` or :data:`MISSING`
    effect : difference with its interval; None without one
    reason : why there is no verdict
    """

    verdict: str
    effect: Estimate | None = None
    reason: str = ""


def difference(one: Estimate, other: Estimate) -> Estimate:
    """Return the difference of two independent estimates with the interval of Zou and Donner (2008, eq. 6)."""
    value = one.value - other.value
    low = value - np.hypot(one.value - one.ci_low, other.ci_high - other.value)
    high = value + np.hypot(one.ci_high - one.value, other.value - other.ci_low)
    n, n_groups = np.fmin(one.n, other.n), np.fmin(one.n_groups, other.n_groups)
    return Estimate(value, float(low), float(high), float(n), float(n_groups), one.unit)


def compare(table: pd.DataFrame, test: Mapping[str, Any], common: Mapping[str, Any]) -> Outcome:
    """Return the outcome of one comparison.

    Parameters
    ----------
    table : result rows
    test : one of ``{above: row, than: row | number | column}``, the same with ``below``, ``{positive: row}``,
        ``{negative: row}``,
        ``{within: row, margin: number}`` and ``{descending: [rows]}``; the row of ``within`` may have a key ``minus``,
        a number or the name of another model
    common : values of columns that all rows of the claim share

    Returns
    -------
    outcome : of ``descending``, the worst of all neighbours; of ``within``, that the whole interval lies within ±
        margin (equivalence), outside, or neither
    """
    try:
        if "descending" in test:
            return _worst([_above(table, *pair, common) for pair in zip(test["descending"], test["descending"][1:])])
        if "within" in test:
            return _within(_subtracted(table, dict(test["within"]), common), float(test["margin"]))
        if "above" in test:
            return _above(table, test["above"], test["than"], common)
        if "below" in test:
            return _above(table, test["below"], test["than"], common, opposite=True)
        if "positive" in test:
            return _judged(find(table, {**common, **test["positive"]}))
        return _judged(find(table, {**common, **test["negative"]}), opposite=True)
    except NotFound as missing:
        return Outcome(MISSING, reason=str(missing))


def _subtracted(table: pd.DataFrame, row: dict[str, Any], common: Mapping[str, Any]) -> Estimate:
    """Return an estimate minus a number, or minus that of another model, if the row has the key ``minus``."""
    minus = row.pop("minus", None)
    one = find(table, {**common, **row})
    if minus is None:
        return one
    if isinstance(minus, str):
        return difference(one, find(table, {**common, **row, "model": minus}))
    return difference(one, Estimate(minus, minus, minus, one.n, one.n_groups, one.unit))


def _above(
    table: pd.DataFrame, row: Mapping[str, Any], than: Any, common: Mapping[str, Any], *, opposite: bool = False
) -> Outcome:
    """Judge whether a row lies above another row, a number, or the value of one of its own columns."""
    one = find(table, {**common, **row})
    if isinstance(than, Mapping):
        return _judged(difference(one, find(table, {**common, **than})), opposite)
    level = float(than) if isinstance(than, int | float) else one.level(than)
    if not np.isfinite(level):
        return Outcome(MISSING, reason=f"no {than} in the table")
    return _judged(difference(one, Estimate(level, level, level, one.n, one.n_groups, one.unit)), opposite)


def _judged(effect: Estimate, opposite: bool = False) -> Outcome:
    """Judge a difference that should lie above 0, or below it if ``opposite``."""
    if not effect.has_interval:
        return Outcome(MISSING, effect, "no interval: too few groups")
    above, below = effect.ci_low > 0, effect.ci_high < 0
    if not above and not below:
        return Outcome(OPEN, effect)
    return Outcome(HOLDS if above != opposite else FAILS, effect)


def _within(effect: Estimate, margin: float) -> Outcome:
    if not effect.has_interval:
        return Outcome(MISSING, effect, "no interval: too few groups")
    if -margin <= effect.ci_low and effect.ci_high <= margin:
        return Outcome(HOLDS, effect)
    return Outcome(FAILS if effect.ci_low > margin or effect.ci_high < -margin else OPEN, effect)


def _worst(outcomes: Sequence[Outcome]) -> Outcome:
    return min(outcomes, key=lambda outcome: _ORDER.index(outcome.verdict))
