"""Summaries over levels: spread of midpoints, and rank correlations of abstractness with midpoint and layer."""

from collections.abc import Callable, Iterator, Sequence
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from auscult.dynamics.curves import FIT, doublings
from auscult.statistics.intervals import percentile_interval
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = ["SUMMARY_COLUMNS", "MIN_LEVELS", "summarise_encoding"]

SUMMARY_COLUMNS = (*RESULT_COLUMNS, "probe", "other", "levels", "p_value", "verdict", "resampling_unit")
MIN_LEVELS = 4
_MAX_PERMUTED = 8
_KEYS = ["corpus", "model", "probe"]


def summarise_encoding(
    curves: pd.DataFrame, draws: pd.DataFrame, compare: Sequence[Sequence[str]] = ()
) -> pd.DataFrame:
    """Compare midpoints and layers of levels within each model, and the spread of midpoints between pairs of models.

    Only targets with an abstractness are included; speaker and gender have none.

    Parameters
    ----------
    curves, draws : as returned by :func:`auscult.analyses.encoding.analysis.encode_sweep`, of all models
    compare : pairs of models

    Returns
    -------
    summary : columns :data:`SUMMARY_COLUMNS`; ``n`` is the number of levels, named in ``levels``; ``metric`` is

        ``midpoint_spread``: standard deviation of midpoints over levels with a fit, in doublings of steps. Large:
        levels are learnt one after another; small: together.
        ``spread_difference``: spread of ``model`` minus spread of ``other``, over levels with a fit in both.
        ``abstractness_midpoint``: rank correlation of declared abstractness and midpoint over levels with a fit.
        ``abstractness_layer``: rank correlation of declared abstractness and centre over layers at the last step, over
        levels above chance.

        Intervals resample speakers, not levels; ``p_value`` is two-sided, from permutations of the levels. With fewer
        than :data:`MIN_LEVELS` levels there is no value, and ``verdict`` gives the reason.
    """
    rows = []
    for (corpus, model, probe), mine in curves.groupby(_KEYS, sort=False):
        run = {"corpus": corpus, "model": model, "probe": probe, "step": mine["step"].iloc[0]}
        rows += [{**run, **row} for row in _model_rows(mine, _rows_of(draws, run))]
    for first, second in compare:
        for (corpus, probe), mine in curves[curves["model"] == first].groupby(["corpus", "probe"], sort=False):
            run = {"corpus": corpus, "probe": probe}
            others = curves[(curves["model"] == second) & (curves["corpus"] == corpus) & (curves["probe"] == probe)]
            pair = [_rows_of(draws, {**run, "model": model}) for model in (first, second)]
            rows.append(
                {
                    **run,
                    "model": first,
                    "other": second,
                    "step": mine["step"].iloc[0],
                    **_difference(mine, others, *pair),
                }
            )
    table = pd.DataFrame(rows).assign(layer="selected", target="levels", resampling_unit="speaker")
    return check_results(table.reindex(columns=list(SUMMARY_COLUMNS)))


def _rows_of(draws: pd.DataFrame, run: dict[str, str]) -> pd.DataFrame:
    return draws[np.logical_and.reduce([draws[key] == run[key] for key in _KEYS])]


def _model_rows(curves: pd.DataFrame, draws: pd.DataFrame) -> Iterator[dict[str, Any]]:
    fitted, offset = _levels(curves, "midpoint", fits=True), curves["offset"].iloc[0]
    times = doublings(fitted["value"], offset)
    drawn = doublings(_wide(draws, "midpoint", fitted), offset)
    yield {**_row("midpoint_spread", fitted), **_interval(_spread, times, drawn)}
    yield {**_row("abstractness_midpoint", fitted), **_correlation(fitted, times, drawn)}
    above = _levels(curves, "layer_centre", fits=False)
    yield {
        **_row("abstractness_layer", above),
        **_correlation(above, above["value"].to_numpy(), _wide(draws, "layer_centre", above)),
    }


def _difference(
    curves: pd.DataFrame, others: pd.DataFrame, draws: pd.DataFrame, other_draws: pd.DataFrame
) -> dict[str, Any]:
    """Return the difference of the spreads of midpoints of two models, over levels with a fit in both."""
    first, second = (_levels(table, "midpoint", fits=True) for table in (curves, others))
    first, second = first[first["target"].isin(second["target"])], second[second["target"].isin(first["target"])]
    second = second.set_index("target").loc[first["target"]].reset_index()
    parts = []
    for table, resampled in ((first, draws), (second, other_draws)):
        offset = table["offset"].iloc[0] if len(table) else 1.0
        parts.append((doublings(table["value"], offset), doublings(_wide(resampled, "midpoint", table), offset)))
    (times, drawn), (other_times, other_drawn) = parts
    row = {**_row("spread_difference", first), **_interval(_spread, times, np.empty((0, len(times))))}
    if len(first) < MIN_LEVELS:
        return row
    n_draws = min(len(drawn), len(other_drawn))
    low, high = _ends(_spread(drawn[:n_draws]) - _spread(other_drawn[:n_draws]))
    return {**row, "value": float(_spread(times) - _spread(other_times)), "ci_low": low, "ci_high": high}


def _levels(curves: pd.DataFrame, metric: str, fits: bool) -> pd.DataFrame:
    """Return the rows of a metric for levels with an abstractness: those with a fit, or those above chance."""
    rows = curves[(curves["metric"] == metric) & curves["abstractness"].notna()]
    return rows[(rows["verdict"] == FIT) if fits else rows["above_chance"].astype(bool)]


def _wide(draws: pd.DataFrame, column: str, levels: pd.DataFrame) -> np.ndarray:
    """Return resampled values [shape=(n_draws, n_levels)], levels in the order of the rows."""
    table = draws.pivot(index="draw", columns="target", values=column)
    return table.reindex(columns=list(levels["target"])).to_numpy(dtype=float)


def _row(metric: str, levels: pd.DataFrame) -> dict[str, Any]:
    n_groups = levels["n_groups"].min() if len(levels) else np.nan
    return {"metric": metric, "n": len(levels), "n_groups": n_groups, "levels": " ".join(levels["target"])}


def _interval(statistic: Callable[[np.ndarray], np.ndarray], values: np.ndarray, drawn: np.ndarray) -> dict[str, Any]:
    if len(values) < MIN_LEVELS:
        return {"verdict": f"fewer than {MIN_LEVELS} levels"}
    low, high = _ends(statistic(drawn))
    return {"value": float(statistic(values)), "ci_low": low, "ci_high": high, "verdict": ""}


def _correlation(levels: pd.DataFrame, values: np.ndarray, drawn: np.ndarray) -> dict[str, Any]:
    ranks = rankdata(levels["abstractness"].astype(float))
    if len(ranks) >= MIN_LEVELS and np.ptp(ranks) == 0:
        return {"verdict": "levels of one abstractness"}
    found = _interval(lambda table: _spearman(ranks, table), values, drawn)
    return found if "value" not in found else {**found, "p_value": _p_value(ranks, values)}


def _ends(values: np.ndarray) -> tuple[float, float]:
    return percentile_interval(values) if len(values) else (float("nan"), float("nan"))


def _spread(values: np.ndarray) -> np.ndarray:
    return np.std(values, axis=-1, ddof=1)


def _spearman(ranks: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the rank correlation with each row of values, ties sharing their mean rank; NaN where it is undefined."""
    others = rankdata(values, axis=-1)
    a, b = ranks - ranks.mean(), others - others.mean(axis=-1, keepdims=True)
    scale = np.sqrt((a**2).sum() * (b**2).sum(axis=-1))
    known = (scale > 0) & np.isfinite(values).all(axis=-1)
    return np.divide(b @ a, scale, out=np.full(np.shape(scale), np.nan), where=known)


def _p_value(ranks: np.ndarray, values: np.ndarray) -> float:
    """Return the share of permutations with at least this correlation, of all or, for many levels, of 10,000."""
    found = abs(_spearman(ranks, values))
    if len(ranks) <= _MAX_PERMUTED:
        orders = np.array(list(permutations(values)))
    else:
        rng = np.random.default_rng(0)
        orders = np.array([values, *(rng.permutation(values) for _ in range(9999))])
    return float(np.mean(abs(_spearman(ranks, orders)) >= found - 1e-12))
