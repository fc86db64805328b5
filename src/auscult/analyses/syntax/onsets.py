"""When a curve over training breaks: onsets by a stated rule, and their spread over seeds."""

import re

import numpy as np
import pandas as pd

from auscult.analyses.syntax.columns import ACCURACY, ALL, CORRELATION, LOSS, ONSET, RATIO, STEEPEST, UAS
from auscult.dynamics.onsets import onset, steepest
from auscult.tables import RESULT_COLUMNS

__all__ = ["ONSET_COLUMNS", "find_onsets"]

ONSET_COLUMNS = (*RESULT_COLUMNS, "curve", "seeds", "resampling_unit")
_CURVES = (LOSS, UAS, ACCURACY)
_MIN_CORRELATED = 5


def find_onsets(results: pd.DataFrame, share: float = 0.5) -> pd.DataFrame:
    """Date the break of every curve of every model, and say how far the dates of capability and structure agree.

    Structure onset is that of the attachment score, capability onset that of the accuracy on minimal pairs. A curve
    whose first and last intervals overlap has none. Models whose names differ only in a number at the end are seeds.

    Parameters
    ----------
    results : as of :func:`auscult.analyses.syntax.analysis.follow_syntax`, of all corpora and models
    share : see :func:`auscult.dynamics.onsets.onset`

    Returns
    -------
    table : columns :data:`ONSET_COLUMNS`. ``onset_step`` and ``steepest_step`` of each model, curve and target;
        ``onset_ratio``, the capability onset of a model over its structure onset; and, of the seeds together (model:
        the name without number), ``onset_step`` as median with the smallest and largest as interval, and over all
        models ``onset_correlation`` (Pearson, of logarithms; only of 5 or more)
    """
    curves = results[results["metric"].isin(_CURVES) & (results["step"] != "final")]
    curves = curves[(curves["target"] == ALL) | (curves["metric"] == ACCURACY)]
    rows = []
    for (corpus, model, metric, target), mine in curves.groupby(["corpus", "model", "metric", "target"], sort=False):
        mine = mine.assign(at=mine["step"].astype(int)).sort_values("at")
        steps, values = mine["at"].to_numpy(), mine["value"].to_numpy()
        first, last = mine.iloc[0], mine.iloc[-1]
        apart = first["ci_high"] < last["ci_low"] or last["ci_high"] < first["ci_low"] or np.isnan(last["ci_low"])
        for name, date in ((ONSET, onset(steps, values, share)), (STEEPEST, steepest(steps, values))):
            rows.append(_row(corpus, model, target, name, date if apart else np.nan, len(mine), metric, [model]))
    table = pd.DataFrame(rows, columns=list(ONSET_COLUMNS))
    ratios = list(_ratios(table))
    return pd.concat([table, pd.DataFrame([*ratios, *_spreads(table), *_correlations(table)])], ignore_index=True)[
        list(ONSET_COLUMNS)
    ]


def _ratios(table: pd.DataFrame):
    dates = _dates(table)
    for model, found in dates.iterrows():
        if np.isfinite(found.get(UAS, np.nan)) and np.isfinite(found.get(ACCURACY, np.nan)):
            yield _row("", model, ALL, RATIO, found[ACCURACY] / found[UAS], 1, ACCURACY, [model])


def _spreads(table: pd.DataFrame):
    onsets = table[table["metric"] == ONSET].assign(
        family=[_family(name) for name in table[table["metric"] == ONSET]["model"]]
    )
    for (corpus, family, curve, target), mine in onsets.groupby(["corpus", "family", "curve", "target"], sort=False):
        dates = mine["value"].dropna()
        if len(mine) > 1 and len(dates):
            row = _row(corpus, family, target, ONSET, dates.median(), len(dates), curve, mine["model"])
            yield row | {"ci_low": dates.min(), "ci_high": dates.max(), "n_groups": len(dates)}


def _correlations(table: pd.DataFrame):
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


def _row(corpus, model, target, metric, value, n, curve, models) -> dict:
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


def _family(model: str) -> str:
    return re.sub(r"-(seed)?\d+$", "", model)
