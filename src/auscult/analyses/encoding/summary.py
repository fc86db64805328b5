"""Summaries over levels by both measures: midpoints, their spread, and rank correlations with abstractness.

Models whose names differ only in a final number are seeds of one condition. Values are means over seeds; intervals
resample speakers and, with more than one seed, cover seeds as well.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from auscult.dynamics.curves import FIT, doublings
from auscult.seeds import task_of
from auscult.statistics.training_seeds import interval_over_seeds
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = ["SUMMARY_COLUMNS", "MIN_LEVELS", "BOTH", "LATER", "EARLIER", "summarise_encoding", "order_verdict"]

SUMMARY_COLUMNS = (
    *RESULT_COLUMNS,
    "probe",
    "other",
    "levels",
    "n_seeds",
    "seed_low",
    "seed_high",
    "p_value",
    "verdict",
    "resampling_unit",
)
MIN_LEVELS = 4
# Value of ``probe`` in rows on both measures.
BOTH = "both"
LATER, EARLIER = "later", "earlier"
_MAX_PERMUTED = 8
_MEASURES, _MIN_SEEDS = 2, 2

Statistic = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class _Measured:
    """Midpoints or centres of the same levels in each seed of a condition.

    Parameters
    ----------
    levels : names of the levels
    ranks : declared abstractness of each level, as ranks [shape=(n_levels,)]
    values : one value per seed and level [shape=(n_seeds, n_levels)]
    drawn : the same for resampled speakers [shape=(n_seeds, n_draws, n_levels)]
    n_groups : number of speakers
    """

    levels: tuple[str, ...]
    ranks: np.ndarray
    values: np.ndarray
    drawn: np.ndarray
    n_groups: float

    def row(self, metric: str) -> dict[str, Any]:
        """Return the description of a row."""
        described = {"metric": metric, "n": len(self.levels), "n_groups": self.n_groups}
        return {**described, "levels": " ".join(self.levels), "n_seeds": len(self.values)}


def summarise_encoding(
    curves: pd.DataFrame, draws: pd.DataFrame, compare: Sequence[Sequence[str]] = ()
) -> pd.DataFrame:
    """Compare midpoints and layers of levels within each condition, and the spread of midpoints between conditions.

    Only targets with an abstractness enter spreads and correlations; speaker and gender have none. Levels of all
    corpora on which a model was measured are put together.

    Parameters
    ----------
    curves, draws : as returned by :func:`auscult.analyses.encoding.analysis.encode_sweep`, of all models
    compare : pairs of models; each stands for its condition

    Returns
    -------
    summary : columns :data:`SUMMARY_COLUMNS`; ``model`` is the condition, ``n`` the number of levels, named in
        ``levels``, ``seed_low`` and ``seed_high`` the range over seeds. ``metric`` is

        ``midpoint``: midpoint of the level ``target``, mean over seeds in doublings of steps. Without a fit in every
        seed there is no value, and ``verdict`` gives the reason of the first seed without.
        ``midpoint_spread``: standard deviation of midpoints over levels with a fit, in doublings of steps. Large:
        levels are learnt one after another; small: together.
        ``spread_difference``: spread of ``model`` minus spread of ``other``, over levels with a fit in both.
        ``abstractness_midpoint``: rank correlation of declared abstractness and midpoint over levels with a fit.
        ``abstractness_layer``: rank correlation of declared abstractness and centre over layers at the last step, over
        levels above their controls.
        ``abstractness_order``: no value; ``verdict`` states whether abstract levels come later (see
        :func:`order_verdict`), by both measures (``probe`` is :data:`BOTH`).

        ``p_value`` is two-sided, from permutations of the levels: exact up to eight. With fewer than
        :data:`MIN_LEVELS` levels there is no value, and ``verdict`` gives the reason. Intervals cover speakers and
        seeds, not levels (:func:`~auscult.statistics.training_seeds.interval_over_seeds`).
    """
    rows, curves, draws = [], _named(curves), _named(draws)
    conditions = curves.groupby("condition", sort=False)
    for condition, mine in conditions:
        run = {"corpus": ", ".join(dict.fromkeys(mine["corpus"])), "model": condition, "step": mine["step"].iloc[0]}
        found = []
        for probe, measured in mine.groupby("probe", sort=False):
            sampled = draws[(draws["condition"] == condition) & (draws["probe"] == probe)]
            found += [{**run, "probe": probe, **row} for row in _condition_rows(measured, sampled)]
        rows += [*found, {**run, "probe": BOTH, **_order(found)}]
    for first, second in ((task_of(first), task_of(second)) for first, second in compare):
        mine = curves[curves["condition"] == first]
        for probe in dict.fromkeys(mine["probe"]):
            pair = [
                [table[(table["condition"] == name) & (table["probe"] == probe)] for table in (curves, draws)]
                for name in (first, second)
            ]
            run = {"corpus": ", ".join(dict.fromkeys(mine["corpus"])), "step": mine["step"].iloc[0], "probe": probe}
            rows.append({**run, "model": first, "other": second, **_difference(*pair)})
    table = pd.DataFrame(rows).assign(layer="selected", resampling_unit="speaker")
    table["target"] = table["target"].fillna("levels") if "target" in table else "levels"
    table.loc[table["n_seeds"] > 1, "resampling_unit"] = "speaker and seed"
    return check_results(table.reindex(columns=list(SUMMARY_COLUMNS)))


def order_verdict(correlations: Iterable[Mapping[str, Any]]) -> str:
    """Return whether abstract levels come :data:`LATER` or :data:`EARLIER`, or why this cannot be said.

    It is said only if both measures and, for each of them, all of at least two seeds agree in the sign of the rank
    correlation, and both intervals exclude 0.

    Parameters
    ----------
    correlations : row ``abstractness_midpoint`` of each measure
    """
    known = [row for row in correlations if np.isfinite(row.get("value", np.nan))]
    if len(known) < _MEASURES:
        return f"{len(known)} of {_MEASURES} measures with {MIN_LEVELS} levels"
    if any(row["seed_low"] * row["seed_high"] <= 0 for row in known):
        return "seeds disagree"
    if len({np.sign(row["value"]) for row in known}) > 1:
        return "measures disagree"
    if min(row["n_seeds"] for row in known) < _MIN_SEEDS:
        return "one seed"
    if not all(row["ci_low"] * row["ci_high"] > 0 for row in known):
        return "not separated from 0"
    return LATER if known[0]["value"] > 0 else EARLIER


def _order(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    correlations = [row for row in rows if row["metric"] == "abstractness_midpoint"]
    seeds = {"n_seeds": rows[0]["n_seeds"], "n_groups": rows[0]["n_groups"]}
    return {"metric": "abstractness_order", "n": len(correlations), **seeds, "verdict": order_verdict(correlations)}


def _named(table: pd.DataFrame) -> pd.DataFrame:
    """Return rows with their ``condition``, and with ``level``: the target, with its corpus where that is ambiguous."""
    n_corpora = table.groupby("target")["corpus"].transform("nunique")
    level = table["target"].where(n_corpora == 1, table["target"] + "@" + table["corpus"])
    return table.assign(condition=table["model"].map(task_of), level=level)


def _condition_rows(curves: pd.DataFrame, draws: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for level, rows in curves[curves["metric"] == "midpoint"].groupby("level", sort=False):
        yield {**_midpoint(rows, draws[draws["level"] == level]), "target": level}
    fitted = _measured(curves, draws, "midpoint")
    yield {**fitted.row("midpoint_spread"), **_condensed(fitted, _spread, (0, np.inf))}
    for metric, measured in (
        ("abstractness_midpoint", fitted),
        ("abstractness_layer", _measured(curves, draws, "layer_centre")),
    ):
        yield {**measured.row(metric), **_correlation(measured)}


def _midpoint(rows: pd.DataFrame, draws: pd.DataFrame) -> dict[str, Any]:
    """Return the midpoint of one level: the mean over seeds in doublings of steps, as a step."""
    unfitted = rows.loc[rows["verdict"] != FIT, "verdict"]
    described = {"metric": "midpoint", "n": rows["n"].iloc[0], "n_groups": rows["n_groups"].min(), "n_seeds": len(rows)}
    if len(unfitted):
        return {**described, "verdict": unfitted.iloc[0]}
    offset = float(rows["offset"].iloc[0])
    measured = _measured(rows.assign(abstractness=0), draws, "midpoint")
    found = _condensed(measured, lambda times: times[..., 0], (float(np.log2(offset)), np.inf), min_levels=1)
    in_steps = {key: 2 ** found[key] - offset for key in ("value", "ci_low", "ci_high", "seed_low", "seed_high")}
    return {**described, **in_steps, "verdict": FIT}


def _measured(curves: pd.DataFrame, draws: pd.DataFrame, metric: str) -> _Measured:
    """Return midpoints (in doublings) of levels with a fit, or centres of levels above their controls, in all seeds."""
    ranked = curves[(curves["metric"] == metric) & curves["abstractness"].notna()]
    usable = (ranked["verdict"] == FIT) if metric == "midpoint" else ranked["above_chance"].astype(bool)
    seeds = list(dict.fromkeys(curves["model"]))
    counts = ranked[usable].groupby("level", sort=False)["model"].nunique()
    levels = [level for level in dict.fromkeys(ranked["level"]) if counts.get(level, 0) == len(seeds)]
    kept = ranked[ranked["level"].isin(levels)].drop_duplicates("level")
    ranks = rankdata(kept.set_index("level").loc[levels, "abstractness"].astype(float)) if levels else np.empty(0)
    values, drawn = [], []
    for seed in seeds:
        own, sampled = ranked[ranked["model"] == seed].set_index("level"), draws[draws["model"] == seed]
        values.append(own.loc[levels, "value"].to_numpy(float))
        table = sampled.pivot(index="draw", columns="level", values=metric).reindex(columns=levels)
        drawn.append(table.to_numpy(dtype=float))
    n_draws = min(map(len, drawn))
    offset = float(curves["offset"].iloc[0])
    scale: Statistic = (lambda steps: doublings(steps, offset)) if metric == "midpoint" else np.asarray
    return _Measured(
        levels=tuple(levels),
        ranks=ranks,
        values=scale(np.stack(values)),
        drawn=scale(np.stack([table[:n_draws] for table in drawn])),
        n_groups=kept["n_groups"].min() if levels else np.nan,
    )


def _difference(first: Sequence[pd.DataFrame], second: Sequence[pd.DataFrame]) -> dict[str, Any]:
    """Return the difference of the spreads of midpoints of two conditions, over levels with a fit in both."""
    found = [_measured(curves, draws, "midpoint") for curves, draws in (first, second)]
    shared = [level for level in found[0].levels if level in found[1].levels]
    parts = [_only(measured, shared) for measured in found]
    row = parts[0].row("spread_difference")
    if len(shared) < MIN_LEVELS:
        return {**row, "verdict": f"fewer than {MIN_LEVELS} levels"}
    spreads = [_spread(part.values) for part in parts]
    resampled = [_spread(part.drawn).mean(axis=0) for part in parts]
    n_draws = min(map(len, resampled))
    value, drawn = spreads[0].mean() - spreads[1].mean(), resampled[0][:n_draws] - resampled[1][:n_draws]
    low, high = interval_over_seeds(value, drawn, spreads, n_groups=int(parts[0].n_groups))
    gaps = spreads[0][:, None] - spreads[1]
    return {
        **row,
        "value": float(value),
        "ci_low": low,
        "ci_high": high,
        "seed_low": float(gaps.min()),
        "seed_high": float(gaps.max()),
        "verdict": "",
    }


def _only(measured: _Measured, levels: Sequence[str]) -> _Measured:
    places = [measured.levels.index(level) for level in levels]
    values, drawn = measured.values[:, places], measured.drawn[..., places]
    return _Measured(tuple(levels), measured.ranks[places], values, drawn, measured.n_groups)


def _condensed(
    measured: _Measured,
    statistic: Statistic,
    bounds: tuple[float, float],
    min_levels: int = MIN_LEVELS,
) -> dict[str, Any]:
    """Return a statistic over levels: mean and range over seeds, with the interval over speakers and seeds."""
    if len(measured.levels) < min_levels:
        return {"verdict": f"fewer than {min_levels} levels"}
    by_seed, drawn = statistic(measured.values), statistic(measured.drawn).mean(axis=0)
    low, high = interval_over_seeds(by_seed.mean(), drawn, [by_seed], n_groups=int(measured.n_groups), bounds=bounds)
    ends = {"ci_low": low, "ci_high": high, "seed_low": float(by_seed.min()), "seed_high": float(by_seed.max())}
    return {"value": float(by_seed.mean()), **ends, "verdict": ""}


def _correlation(measured: _Measured) -> dict[str, Any]:
    ranks = measured.ranks
    if len(ranks) >= MIN_LEVELS and np.ptp(ranks) == 0:
        return {"verdict": "levels of one abstractness"}
    found = _condensed(measured, lambda table: _spearman(ranks, table), (-1, 1))
    return found if "value" not in found else {**found, "p_value": _p_value(ranks, measured.values)}


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
    """Return the share of permutations of levels with at least this mean correlation over seeds.

    Of all permutations, or of 10,000 for many levels.

    Parameters
    ----------
    values : one row per seed [shape=(n_seeds, n_levels)]
    """
    found = abs(_spearman(ranks, values).mean())
    if len(ranks) <= _MAX_PERMUTED:
        orders = np.array(list(permutations(range(len(ranks)))))
    else:
        rng = np.random.default_rng(0)
        orders = np.array([np.arange(len(ranks)), *(rng.permutation(len(ranks)) for _ in range(9999))])
    correlations = np.mean([_spearman(ranks, row[orders]) for row in values], axis=0)
    return float(np.mean(abs(correlations) >= found - 1e-12))
