"""Onsets of curves over training, with their range over seeds, ratios and correlations."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from auscult.analyses.syntax.columns import ACCURACY, ALL, CORRELATION, LOSS, ONSET, RATIO, STEEPEST, UAS
from auscult.analyses.syntax.settings import SyntaxSettings
from auscult.dynamics.onsets import onset, steepest
from auscult.seeds import task_of
from auscult.tables import RESULT_COLUMNS

__all__ = ["ONSET_COLUMNS", "find_onsets"]

ONSET_COLUMNS = (*RESULT_COLUMNS, "curve", "seeds", "resampling_unit")
_CURVES = (LOSS, UAS, ACCURACY)
_MIN_CORRELATED = 5


def find_onsets(results: pd.DataFrame, settings: SyntaxSettings = SyntaxSettings()) -> pd.DataFrame:
    """Return the onset of every curve of every model, and how onsets of loss, structure and capability are related.

    The structure onset is the onset of the attachment score, the capability onset the onset of accuracy on minimal
    pairs. A curve whose first and last intervals overlap has no onset. Models whose names differ only in a number at
    the end are seeds of one condition.

    Parameters
    ----------
    results : as returned by :func:`auscult.analyses.syntax.analysis.follow_syntax`, of all corpora and models
    settings : ``onset_share``, see :func:`auscult.dynamics.onsets.onset`

    Returns
    -------
    table : columns :data:`ONSET_COLUMNS`, one row per metric: ``onset_step`` and ``steepest_step`` of each model, curve
        and target; ``onset_ratio``, the capability onset of a model divided by its structure onset; ``onset_step`` of
        each condition (model: the name without number), the median over seeds with the smallest and the largest in
        place of the interval; ``onset_correlation`` over all models, at least 5 (Pearson, of logarithms)
    """
    curves = results[results["metric"].isin(_CURVES) & (results["step"] != "final")]
    curves = curves[(curves["target"] == ALL) | (curves["metric"] == ACCURACY)]
    rows = []
    for (corpus, model, metric, target), mine in curves.groupby(["corpus", "model", "metric", "target"], sort=False):
        mine = mine.assign(at=mine["step"].astype(int)).sort_values("at")
        steps, values = mine["at"].to_numpy(), mine["value"].to_numpy()
        first, last = mine.iloc[0], mine.iloc[-1]
        apart = first["ci_high"] < last["ci_low"] or last["ci_high"] < first["ci_low"] or np.isnan(last["ci_low"])
        for name, date in ((ONSET, onset(steps, values, settings.onset_share)), (STEEPEST, steepest(steps, values))):
            rows.append(_row(corpus, model, target, name, date if apart else np.nan, len(mine), metric, [model]))
    table = pd.DataFrame(rows, columns=list(ONSET_COLUMNS))
    ratios = list(_ratios(table))
    return pd.concat([table, pd.DataFrame([*ratios, *_spreads(table), *_correlations(table)])], ignore_index=True)[
        list(ONSET_COLUMNS)
    ]


def _ratios(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    dates = _dates(table)
    for model, found in dates.iterrows():
        if np.isfinite(found.get(UAS, np.nan)) and np.isfinite(found.get(ACCURACY, np.nan)):
            yield _row("", model, ALL, RATIO, found[ACCURACY] / found[UAS], 1, ACCURACY, [model])


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
    for one, other in ((LOSS, UAS), (UAS, ACCURACY), (LOSS, ACCURACY)):
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
