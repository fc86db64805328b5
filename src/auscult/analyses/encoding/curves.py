"""Curves of levels: when a model learns to encode each, how fast, and at which depth it ends up."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from auscult.analyses.encoding.sweep_scores import LevelScores
from auscult.dynamics.curves import SigmoidFit, fit_sigmoid
from auscult.statistics.intervals import percentile_interval

__all__ = ["curve_rows", "layer_centre"]


def curve_rows(scores: LevelScores) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """Fit a level's normalised scores at the chosen layer over steps, and say how deep the last step encodes it.

    Returns
    -------
    rows : of the metrics ``midpoint``, ``slope``, ``rise``, ``floor``, ``ceiling`` and ``r2`` (see
        :class:`~auscult.dynamics.curves.SigmoidFit`), ``layer_centre`` (see :func:`layer_centre`) and ``best_layer``,
        the place of the layer chosen at the last step, 0 for the first; ``verdict`` says whether there is a fit, else
        all but ``rise`` and ``r2`` are missing, ``above_chance`` whether the last step's score is, with its interval
    draws : of resampled speakers, columns ``draw, midpoint, layer_centre``; empty without such
    """
    chosen = scores.normalise(scores.values[:, -1])
    resampled = None if scores.resampled is None else scores.normalise(scores.resampled[..., -1])
    fit = fit_sigmoid([float(step) for step in scores.steps], chosen, resampled=resampled)
    centre, centre_ci, centres = _depth(scores)
    shared = {
        "target": scores.level["name"],
        "probe": scores.method,
        "step": scores.steps[-1],
        "layer": scores.layers[-1],
        "abstractness": scores.level.get("abstractness"),
        "n_steps": len(scores.steps),
        "verdict": fit.verdict,
        "above_chance": _above_chance(scores),
        "offset": fit.offset,
        "selected_layer": scores.chosen[-1],
        **{key: scores.about[key] for key in ("n", "n_groups", "resampling_unit")},
    }
    rows = [{**shared, **row} for row in _rows(fit)]
    rows.append({**shared, "metric": "layer_centre", "value": centre, **dict(zip(("ci_low", "ci_high"), centre_ci))})
    rows.append({**shared, "metric": "best_layer", "value": float(scores.layers.index(scores.chosen[-1]))})
    midpoints = fit.resampled if len(fit.resampled) else np.full(len(centres), np.nan)
    draws = pd.DataFrame({"draw": np.arange(len(centres)), "midpoint": midpoints, "layer_centre": centres})
    return rows, draws.assign(target=scores.level["name"], probe=scores.method)


def layer_centre(values: np.ndarray) -> np.ndarray:
    """Return the mean place of layers, 0 for the first, weighted by how far each is above the lowest.

    The centre of gravity of Tenney and others (2019) with scores for their mixing weights: it uses all layers, where
    the best one may be decided by a hair. NaN where all layers score the same.

    Parameters
    ----------
    values : scores by layer [shape=(..., n_layers)]
    """
    above = np.asarray(values, dtype=float) - np.min(values, axis=-1, keepdims=True)
    total = above.sum(axis=-1)
    return np.divide(above @ np.arange(above.shape[-1]), total, out=np.full(total.shape, np.nan), where=total > 0)


def _rows(fit: SigmoidFit) -> Iterator[dict[str, Any]]:
    intervals = {"midpoint": fit.midpoint_ci, "slope": fit.slope_ci, "rise": fit.rise_ci}
    for metric in ("midpoint", "slope", "rise", "floor", "ceiling", "r2"):
        read = fit.fits or metric in ("rise", "r2")
        low, high = intervals.get(metric, (np.nan, np.nan)) if read else (np.nan, np.nan)
        yield {
            "metric": metric,
            "value": float(getattr(fit, metric)) if read else np.nan,
            "ci_low": low,
            "ci_high": high,
        }


def _above_chance(scores: LevelScores) -> bool:
    last = scores.values[-1, -1:] if scores.resampled is None else scores.resampled[:, -1, -1]
    return bool(np.nanquantile(last, 0.025) > scores.chance)


def _depth(scores: LevelScores) -> tuple[float, Sequence[float], np.ndarray]:
    """Return the centre over the layers of the last step, its interval and its resamples."""
    centre = float(layer_centre(scores.values[-1, :-1]))
    if scores.resampled is None:
        return centre, (np.nan, np.nan), np.empty(0)
    centres = layer_centre(scores.resampled[:, -1, :-1])
    return centre, percentile_interval(centres), centres
