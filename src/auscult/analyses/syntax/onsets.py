"""Onsets of curves over training, with their range over seeds, ratios and correlations."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from auscult.analyses.syntax.columns import (
    ACCURACY,
    ALL,
    CORRELATION,
    FIXED_OFF,
    FIXED_OFFSET,
    FREQUENCY,
    LOSS,
    ONSET,
    RATIO,
    STEEPEST,
    UAS,
    UAS_OFF,
)
from auscult.analyses.syntax.settings import SyntaxSettings
from auscult.dynamics.onsets import onset, steepest
from auscult.seeds import task_of
from auscult.tables import RESULT_COLUMNS

__all__ = ["ONSET_COLUMNS", "find_onsets"]

ONSET_COLUMNS = (*RESULT_COLUMNS, "curve", "seeds", "resampling_unit")
# The best possible value of each curve, and the metric of what can be had without learning what the curve measures.
_CURVES = {LOSS: (0.0, ""), UAS: (1.0, FIXED_OFFSET), UAS_OFF: (1.0, FIXED_OFF), ACCURACY: (1.0, FREQUENCY)}
_STRUCTURE, _CAPABILITY = UAS_OFF, ACCURACY
_MIN_CORRELATED = 5


def find_onsets(results: pd.DataFrame, settings: SyntaxSettings = SyntaxSettings()) -> pd.DataFrame:
    """Return the onset of every curve of every model, and how onsets of loss, structure and capability are related.

    The structure onset is the onset of the attachment of arcs away from the commonest offset of their relation, which
    attention to fixed positions does not find; the capability onset is the onset of accuracy on minimal pairs. Curves
    rise from a floor: the largest of the untrained model's value, chance and the baseline (fixed offset, word
    frequency). The untrained model is the floor of the loss. Models whose names differ only in a number at the end are
    seeds of one condition.

    Parameters
    ----------
    results : as returned by :func:`auscult.analyses.syntax.analysis.follow_syntax`, of all corpora and models
    settings : ``onset_share``, see :func:`auscult.dynamics.onsets.onset`

    Returns
    -------
    table : columns :data:`ONSET_COLUMNS`, one row per metric: ``onset_step`` of each model, curve and target, with the
        onsets of the upper and the lower bounds of the curve as its interval (no upper end: the lower bounds have no
        onset); ``steepest_step``; ``onset_ratio``, the capability onset of a model divided by its structure onset, with
        the interval that both allow: above 1, structure came first; ``onset_step`` of each condition (model: the name
        without number), the median over seeds with the smallest and the largest in place of the interval;
        ``onset_correlation`` over all models, at least 5 (Pearson, of logarithms)
    """
    known = results[results["step"] != "final"]
    known = known.assign(at=known["step"].astype(int))
    curves = known[known["metric"].isin(list(_CURVES))]
    curves = curves[(curves["target"] == ALL) | (curves["metric"] == ACCURACY)]
    keys = ["corpus", "model", "metric", "target"]
    floors = known.groupby(keys)["value"].mean()
    rows = []
    for (corpus, model, metric, target), mine in curves.groupby(keys, sort=False):
        mine = mine.sort_values("at")
        baseline = floors.get((corpus, model, _CURVES[metric][1], target), np.nan)
        date, *ends = _dated(mine, metric, float(baseline), settings.onset_share)
        row = _row(corpus, model, target, ONSET, date, len(mine), metric, [model])
        rows.append(row | dict(zip(("ci_low", "ci_high"), ends)))
        step = steepest(mine["at"].to_numpy(), mine["value"].to_numpy()) if np.isfinite(date) else np.nan
        rows.append(_row(corpus, model, target, STEEPEST, step, len(mine), metric, [model]))
    table = pd.DataFrame(rows, columns=list(ONSET_COLUMNS))
    ratios = list(_ratios(table))
    return pd.concat([table, pd.DataFrame([*ratios, *_spreads(table), *_correlations(table)])], ignore_index=True)[
        list(ONSET_COLUMNS)
    ]


def _dated(curve: pd.DataFrame, metric: str, baseline: float, share: float) -> tuple[float, float, float]:
    """Return the onset of a curve, and those of the better and of the worse ends of its intervals."""
    steps, values, best = curve["at"].to_numpy(), curve["value"].to_numpy(), _CURVES[metric][0]
    low, high = curve["ci_low"].to_numpy(), curve["ci_high"].to_numpy()
    if best == 0:
        floor, worse, better = values[0], high, low
        certain = (worse < floor) | np.isnan(worse)
    else:
        # `fmax` ignores what is missing: a loss has no chance level, and not every table has baselines.
        chance = curve["chance"].iloc[0] if "chance" in curve else np.nan
        floor, worse, better = float(np.fmax(np.fmax(values[0], chance), baseline)), low, high
        certain = (worse > floor) | np.isnan(worse)
    date = onset(steps, values, floor=floor, best=best, share=share, certain=certain)
    if np.isnan(date) or np.isnan(worse).any():
        return date, np.nan, np.nan
    early, late = (onset(steps, ends, floor=floor, best=best, share=share) for ends in (better, worse))
    # Better ends that are beyond the share from the start leave the earliest checkpoint.
    return date, float(steps[0]) if np.isnan(early) else min(early, date), max(late, date)


def _ratios(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    onsets = table[(table["metric"] == ONSET) & (table["target"] == ALL)].dropna(subset="value")
    for model, found in onsets.groupby("model", sort=False):
        both = found.drop_duplicates("curve").set_index("curve")
        if {_STRUCTURE, _CAPABILITY} <= set(both.index):
            structure, capability = both.loc[_STRUCTURE], both.loc[_CAPABILITY]
            ends = {
                "ci_low": _quotient(capability["ci_low"], structure["ci_high"]),
                "ci_high": _quotient(capability["ci_high"], structure["ci_low"]),
            }
            value = _quotient(capability["value"], structure["value"])
            yield _row("", model, ALL, RATIO, value, 1, ACCURACY, [model]) | ends


def _quotient(one: float, other: float) -> float:
    """Return a ratio of steps, counted from 1 so that it is finite for the untrained model."""
    return (one + 1) / (other + 1)


def _spreads(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    onsets = table[table["metric"] == ONSET]
    onsets = onsets.assign(condition=onsets["model"].map(task_of))
    keys = ["corpus", "condition", "curve", "target"]
    for (corpus, condition, curve, target), mine in onsets.groupby(keys, sort=False):
        dates = mine["value"].dropna()
        if len(mine) > 1 and len(dates):
            row = _row(corpus, condition, target, ONSET, dates.median(), len(dates), curve, mine["model"])
            yield row | {"ci_low": dates.min(), "ci_high": dates.max(), "n_groups": len(dates)}


def _correlations(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    dates = np.log(_dates(table))
    for one, other in ((LOSS, UAS_OFF), (UAS_OFF, ACCURACY), (LOSS, ACCURACY)):
        if {one, other} <= set(dates):
            both = dates[[one, other]].dropna()
            if len(both) >= _MIN_CORRELATED and both.std().min() > 0:
                value = both.corr().iloc[0, 1]
                yield _row("", "", ALL, CORRELATION, value, len(both), f"{one}, {other}", both.index)


def _dates(table: pd.DataFrame) -> pd.DataFrame:
    """Return the onset of each curve (columns) of each model (rows)."""
    onsets = table[(table["metric"] == ONSET) & (table["target"] == ALL)]
    return onsets.pivot_table(index="model", columns="curve", values="value", sort=False)


def _row(
    corpus: str, model: str, target: str, metric: str, value: float, n: int, curve: str, models: Sequence[str]
) -> dict[str, Any]:
    return {
        "corpus": corpus,
        "model": model,
        "step": "all",
        "layer": "output",
        "target": target,
        "metric": metric,
        "value": value,
        "ci_low": np.nan,
        "ci_high": np.nan,
        "n": n,
        "n_groups": len(models),
        "curve": curve,
        "seeds": " ".join(models),
        "resampling_unit": "seed",
    }
