"""Sentences on findings: a value with its interval, above, below or not separated from its controls."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["number", "value_text", "listed", "compare", "verdicts", "count_verdicts", "finding"]

Row = Mapping[str, Any]
_VERDICTS = ("above", "not separated from", "below", "against")


def number(value: float, digits: int = 2) -> str:
    """Return a number without a leading zero and with a typographic minus: ``.72``, ``−.03``, ``10.50``."""
    return re.sub(r"^(-?)0\.", r"\1.", f"{round(float(value), digits) + 0.0:.{digits}f}").replace("-", "−")


def value_text(row: Row) -> str:
    """Return a value with its 95 % interval, if it has one: ``.72 [.69, .75]``."""
    interval = f" [{number(row['ci_low'])}, {number(row['ci_high'])}]" if _has_interval(row) else ""
    return f"{number(row['value'])}{interval}"


def listed(names: list[str]) -> str:
    """Join names with commas and ``and``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def compare(row: Row, control: Row | float) -> str:
    """Return ``above``, ``below`` or ``not separated from``, by whether the intervals overlap.

    Parameters
    ----------
    row : ``value``, ``ci_low`` and ``ci_high``
    control : another such row, or a number without uncertainty, such as chance

    Returns
    -------
    verdict : ``against`` if one of them has no interval
    """
    if isinstance(control, float | int):
        control = {"value": control, "ci_low": control, "ci_high": control}
    if not (_has_interval(row) and _has_interval(control)):
        return "against"
    if row["ci_low"] > control["ci_high"]:
        return "above"
    return "below" if row["ci_high"] < control["ci_low"] else "not separated from"


def verdicts(row: Row, controls: Mapping[str, Row | float]) -> str:
    """Return how a row compares with its controls: ``above untrained (.29) and chance (.04), below F0 (.80)``.

    Parameters
    ----------
    row : ``value``, ``ci_low`` and ``ci_high``; without an interval, controls are listed after ``against``
    controls : row or number of each control, by name; may be empty
    """
    found: dict[str, list[str]] = {}
    for name, control in controls.items():
        level = control if isinstance(control, float | int) else control["value"]
        found.setdefault(compare(row, control), []).append(f"{name} ({number(level)})")
    return ", ".join(f"{verdict} {listed(found[verdict])}" for verdict in _VERDICTS if verdict in found)


def count_verdicts(rows: Mapping[str, Row], controls: Mapping[str, Row | float], control: str, noun: str = "") -> str:
    """Return the most frequent verdict of rows against their controls: ``above untrained for 5 of 7 methods``.

    Parameters
    ----------
    rows : values with intervals, by name
    controls : row or number of the control of each name; names without a control or an interval are not counted
    control : name of the control
    noun : what is counted, in the plural; may be empty

    Returns
    -------
    text : empty without any verdict; of equally frequent verdicts, the first of above, not separated and below
    """
    found = [compare(row, controls[name]) for name, row in rows.items() if name in controls]
    judged = [verdict for verdict in found if verdict != "against"]
    if not judged:
        return ""
    most = max(_VERDICTS, key=judged.count)
    return f"{most} {control} for {judged.count(most)} of {len(judged)} {noun}".rstrip()


def finding(subject: str, row: Row, controls: Mapping[str, Row | float]) -> str:
    """Return a sentence: ``{subject} is .72 [.69, .75], above untrained (.29) and chance (.04).``

    Parameters
    ----------
    subject : noun phrase of the effect
    row : ``value``, ``ci_low`` and ``ci_high``; without an interval, nothing is judged
    controls : row or number of each control, by name; may be empty
    """
    value = value_text(row) + ("" if _has_interval(row) else " without interval")
    subject = subject[:1].upper() + subject[1:]
    return f"{subject} is {', '.join(filter(None, [value, verdicts(row, controls)]))}."


def _has_interval(row: Row) -> bool:
    return bool(np.isfinite([row["ci_low"], row["ci_high"]]).all())
