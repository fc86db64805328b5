"""Curves of levels over training: sigmoid fits (midpoint, slope) and centre over layers at the last step."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from auscult.activations.columns import DURATION
from auscult.analyses.encoding.sweep_scores import LevelScores
from auscult.dynamics.curves import FIT, SigmoidFit, fit_sigmoid
from auscult.statistics.intervals import corrected_interval

__all__ = ["NOT_ABOVE_DURATION", "curve_rows", "layer_centre"]

NOT_ABOVE_DURATION = "not above duration"


def curve_rows(scores: LevelScores) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """Fit a sigmoid to a level's normalised scores at the selected layer, and locate the level among the layers.

    Returns
    -------
    rows : one per metric: ``midpoint``, ``slope``, ``rise``, ``floor``, ``ceiling`` and ``r2`` (see
        :class:`~auscult.dynamics.curves.SigmoidFit`), ``layer_centre`` (see :func:`layer_centre`) and ``best_layer``,
        the position of the layer selected at the last step, counted from 0. ``verdict`` is the verdict of the fit
        or :data:`NOT_ABOVE_DURATION`; without a fit only ``rise`` and ``r2`` have values. ``above_chance`` is whether
        the interval of the last score lies above chance and above the score of duration alone
    draws : columns ``draw, midpoint, layer_centre``, one row per resample of speakers; empty without resamples
    """
    chosen = scores.normalise(scores.values[:, -1])
    resampled = None if scores.resampled is None else scores.normalise(scores.resampled[..., -1])
    fit = fit_sigmoid(
        [float(step) for step in scores.steps], chosen, resampled=resampled, n_groups=scores.about["n_groups"]
    )
    above, alone = _above_controls(scores), _duration_control(scores)
    verdict = NOT_ABOVE_DURATION if fit.fits and not above and alone > scores.chance else fit.verdict
    centre, centre_ci, centres = _depth(scores)
    shared = {
        "target": scores.level["name"],
        "probe": scores.method,
        "step": scores.steps[-1],
        "layer": scores.layers[-1],
        "abstractness": scores.level.get("abstractness"),
        "n_steps": len(scores.steps),
        "verdict": verdict,
        "above_chance": above,
        "offset": fit.offset,
        "selected_layer": scores.chosen[-1],
        **{key: scores.about[key] for key in ("n", "n_groups", "resampling_unit")},
    }
    rows = [{**shared, **row} for row in _rows(fit, verdict == FIT)]
    rows.append({**shared, "metric": "layer_centre", "value": centre, **dict(zip(("ci_low", "ci_high"), centre_ci))})
    rows.append({**shared, "metric": "best_layer", "value": float(scores.layers.index(scores.chosen[-1]))})
    midpoints = fit.resampled if len(fit.resampled) else np.full(len(centres), np.nan)
    draws = pd.DataFrame({"draw": np.arange(len(centres)), "midpoint": midpoints, "layer_centre": centres})
    return rows, draws.assign(target=scores.level["name"], probe=scores.method)


def layer_centre(values: np.ndarray) -> np.ndarray:
    """Return the mean position of layers (from 0), weighted by each layer's score minus the lowest score.

    The centre of gravity of Tenney et al. (2019) with scores in place of their mixing weights. It uses all layers and
    is more stable than the best layer. NaN where all layers score the same.

    Parameters
    ----------
    values : scores of layers [shape=(..., n_layers)]
    """
    above = np.asarray(values, dtype=float) - np.min(values, axis=-1, keepdims=True)
    total = above.sum(axis=-1)
    return np.divide(above @ np.arange(above.shape[-1]), total, out=np.full(total.shape, np.nan), where=total > 0)


def _rows(fit: SigmoidFit, fits: bool) -> Iterator[dict[str, Any]]:
    intervals = {"midpoint": fit.midpoint_ci, "slope": fit.slope_ci, "rise": fit.rise_ci}
    for metric in ("midpoint", "slope", "rise", "floor", "ceiling", "r2"):
        known = fits or metric in ("rise", "r2")
        low, high = intervals.get(metric, (np.nan, np.nan)) if known else (np.nan, np.nan)
        yield {
            "metric": metric,
            "value": float(getattr(fit, metric)) if known else np.nan,
            "ci_low": low,
            "ci_high": high,
        }


def _above_controls(scores: LevelScores) -> bool:
    last = float(scores.values[-1, -1])
    if scores.resampled is not None:
        last, _ = corrected_interval(scores.resampled[:, -1, -1], value=last, n_groups=scores.about["n_groups"])
    return bool(last > np.fmax(scores.chance, _duration_control(scores)))


def _duration_control(scores: LevelScores) -> float:
    """Return the score of duration alone; NaN where the level holds duration fixed, so that vectors lack it."""
    return float("nan") if scores.level.get("given") in DURATION else float(scores.about["duration_alone"])


def _depth(scores: LevelScores) -> tuple[float, Sequence[float], np.ndarray]:
    """Return the centre over layers at the last step, its interval and its resamples."""
    centre = float(layer_centre(scores.values[-1, :-1]))
    if scores.resampled is None:
        return centre, (np.nan, np.nan), np.empty(0)
    centres = layer_centre(scores.resampled[:, -1, :-1])
    return centre, corrected_interval(centres, value=centre, n_groups=scores.about["n_groups"]), centres
