"""When accuracies rise: midpoints and half-way points of consonants and tones, and which comes first."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from auscult.analyses.tone.columns import CONTOUR
from auscult.analyses.tone.resampling import resampled_units
from auscult.dynamics.curves import FIT, doublings, fit_sigmoid, resample_curves
from auscult.dynamics.onsets import half_way
from auscult.statistics.training_seeds import interval_over_seeds

__all__ = ["HALF_RISE", "timing_rows"]

# Verdict of a half-way point that has a value.
HALF_RISE = "rise"
Timed = dict[str, tuple[np.ndarray, np.ndarray, str]]


def timing_rows(items: pd.DataFrame, n_resamples: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield when the accuracy of each contrast rises, per condition and pooling, and which contrast comes first.

    ``midpoint`` is the midpoint of a sigmoid (:func:`~auscult.dynamics.curves.fit_sigmoid`), ``half_rise`` the step at
    which half of the rise from step 0 to the last step is made (:func:`~auscult.dynamics.onsets.half_way`), which needs
    no fit but depends on where training ends. Both are means over seeds in doublings of steps, log₂(step + first
    trained step); without a rise or fit in every seed there is no value, and ``verdict`` gives the reason.
    ``half_rise_difference`` is the half-way point of ``target`` minus that of ``other_target``, in doublings: positive
    where ``target`` comes later. Intervals resample voices and cover seeds.

    Parameters
    ----------
    items : of one corpus, with columns ``hit`` and ``condition``
    n_resamples : number of resamples of voices
    seed : of the resampling
    """
    trained = items[(items["pooling"] != CONTOUR) & (items["step"] != "final")]
    found: dict[tuple[str, str, str], Timed] = {}
    for (condition, target, pooling), part in trained.groupby(["condition", "target", "pooling"], sort=False):
        steps = sorted({float(step) for step in part["step"]})
        if len(steps) < 2 or steps[0] != 0:
            continue
        described = _describe(part, condition, target, pooling)
        timed = found[condition, target, pooling] = _timed(part, steps, n_resamples, seed)
        for metric, values in timed.items():
            yield described | {"metric": metric, **_condensed(values, steps, described["n_groups"])}
    for (condition, target, pooling), timed in found.items():
        # The first contrast of the condition is the reference of the others, with the same pooling if it has it.
        other = next(contrast for model, contrast, _ in found if model == condition)
        references = {key[2]: values for key, values in found.items() if key[:2] == (condition, other)}
        if target == other:
            continue
        part = trained[(trained["condition"] == condition) & (trained["target"] == target)]
        against = references.get(pooling, next(iter(references.values())))
        yield _describe(part[part["pooling"] == pooling], condition, target, pooling) | {
            "metric": "half_rise_difference",
            "other_target": other,
            **_difference(timed["half_rise"], against["half_rise"], part["speaker"].nunique()),
        }


def _describe(part: pd.DataFrame, condition: str, target: str, pooling: str) -> dict[str, Any]:
    first = part[(part["model"] == part["model"].iloc[0]) & (part["step"] == part["step"].iloc[0])]
    n_seeds = part["model"].nunique()
    return {
        "model": condition,
        "target": target,
        "pooling": pooling,
        "step": max(part["step"], key=float),
        "n": len(first),
        "n_groups": first["speaker"].nunique(),
        "n_strings": first["string"].nunique(),
        "n_seeds": n_seeds,
        "resampling_unit": resampled_units("speaker", n_seeds=n_seeds),
    }


def _timed(part: pd.DataFrame, steps: list[float], n_resamples: int, seed: int) -> Timed:
    """Return midpoints and half-way points in doublings: of each seed, resampled, and a verdict on all seeds."""
    points: dict[str, list[Any]] = {"midpoint": [], "half_rise": []}
    for _, own in part.groupby("model", sort=False):
        table = own.assign(at=own["step"].astype(float)).pivot_table(
            index="speaker", columns="at", values="hit", aggfunc=["sum", "count"]
        )
        sums, counts = table["sum"].to_numpy(), table["count"].to_numpy()[:, :1]
        curve, drawn = sums.sum(axis=0) / counts.sum(), resample_curves(sums, counts, n_resamples, seed)
        fit = fit_sigmoid(steps, curve, resampled=drawn)
        half = half_way(np.array(steps), curve)
        halves = np.empty(0) if drawn is None else np.array([_half_rise(steps, one) for one in drawn])
        rises = drawn is None or np.quantile(drawn[:, -1] - drawn[:, 0], 0.025) > 0
        rising = HALF_RISE if rises and curve[-1] > curve[0] else "no rise"
        points["midpoint"].append((fit.midpoint, fit.resampled, FIT if fit.fits else fit.verdict))
        points["half_rise"].append((half, halves, rising))
    timed = {}
    for metric, wanted in (("midpoint", FIT), ("half_rise", HALF_RISE)):
        values, resampled, verdicts = (list(column) for column in zip(*points[metric]))
        verdict = next((str(name) for name in verdicts if name != wanted), wanted)
        draws = doublings(np.stack(resampled, axis=1), steps[1])
        timed[metric] = (doublings(values, steps[1]), draws, verdict)
    return timed


def _half_rise(steps: list[float], curve: np.ndarray) -> float:
    return half_way(np.array(steps), curve) if curve[-1] > curve[0] else float("nan")


def _condensed(timed: tuple[np.ndarray, np.ndarray, str], steps: list[float], n_groups: int) -> dict[str, Any]:
    values, drawn, verdict = timed
    if verdict not in (FIT, HALF_RISE):
        return {"verdict": verdict}
    first, last = doublings([steps[0], steps[-1]], steps[1])
    low, high = interval_over_seeds(
        values.mean(), drawn.mean(axis=1), [values], n_groups=n_groups, bounds=(float(first), float(last))
    )
    named = {
        "value": values.mean(),
        "ci_low": low,
        "ci_high": high,
        "seed_low": values.min(),
        "seed_high": values.max(),
    }
    return {key: max(float(2**number - steps[1]), 0.0) for key, number in named.items()} | {"verdict": verdict}


def _difference(
    timed: tuple[np.ndarray, np.ndarray, str], other: tuple[np.ndarray, np.ndarray, str], n_groups: int
) -> dict[str, Any]:
    for _, _, verdict in (timed, other):
        if verdict != HALF_RISE:
            return {"verdict": verdict}
    gaps, drawn = timed[0] - other[0], timed[1] - other[1]
    low, high = interval_over_seeds(gaps.mean(), drawn.mean(axis=1), [gaps], n_groups=n_groups)
    ends = {"ci_low": low, "ci_high": high, "seed_low": float(gaps.min()), "seed_high": float(gaps.max())}
    return {"value": float(gaps.mean()), **ends, "verdict": HALF_RISE}
