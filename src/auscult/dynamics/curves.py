"""Training curves of a score: sigmoid fits of height, time and speed of the rise, with criteria for accepting a fit.

Steps are measured in doublings, log₂(step + offset). The offset gives step 0, the untrained model, a finite value. By
default it is the step of the first trained checkpoint, which puts step 0 one doubling before that checkpoint.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import fdtri

from auscult.dynamics.sigmoids import logistic, solve
from auscult.errors import AnalysisError
from auscult.statistics.intervals import MIN_GROUPS, corrected_interval, percentile_interval

__all__ = [
    "MIN_STEPS",
    "MIN_ON_RISE",
    "FIT",
    "SigmoidFit",
    "fit_sigmoid",
    "resample_curves",
    "draw_units",
    "doublings",
    "check_sweep",
]

# Two more than the four parameters of a sigmoid.
MIN_STEPS = 6
MIN_ON_RISE = 2
_N_PARAMETERS = 4
FIT = "sigmoid"
_MIN_R2 = 0.8
_RISE = (0.1, 0.9)
_MAX_DROP = 1 / 3

Interval = tuple[float, float]
_NONE: Interval = (float("nan"), float("nan"))


@dataclass(frozen=True)
class SigmoidFit:
    """A sigmoid fitted to a curve: floor + (ceiling − floor) / (1 + exp(−slope · (x − x(midpoint)))).

    Parameters
    ----------
    verdict : :data:`FIT`, or the reason for which the parameters must not be interpreted
    floor, ceiling : asymptotes before and after the rise
    midpoint : step at which half of the rise is reached
    slope : steepness per doubling of steps; limited by the gaps between steps
    rise : difference of the fitted curve between the last step and the first
    r2 : share of the (weighted) variance between steps that the sigmoid explains
    offset : added to steps before taking logarithms
    midpoint_ci, slope_ci, rise_ci : 95 % intervals. The interval of the midpoint is clipped to the observed steps. NaN
        without resampled curves, and for midpoint and slope if more than a tenth of these do not rise
    resampled : midpoint of each resampled curve, as a step; NaN where it does not rise [shape=(n_resamples,)]
    """

    verdict: str
    floor: float
    ceiling: float
    midpoint: float
    slope: float
    rise: float
    r2: float
    offset: float
    midpoint_ci: Interval = _NONE
    slope_ci: Interval = _NONE
    rise_ci: Interval = _NONE
    resampled: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False)

    @property
    def fits(self) -> bool:
        """Whether the parameters may be interpreted."""
        return self.verdict == FIT

    def at(self, steps: Sequence[float] | np.ndarray) -> np.ndarray:
        """Return the fitted score at any steps."""
        x, middle = doublings(steps, self.offset), doublings([self.midpoint], self.offset)
        return self.floor + (self.ceiling - self.floor) * logistic(self.slope * (x - middle))


def fit_sigmoid(
    steps: Sequence[float] | np.ndarray,
    curve: np.ndarray,
    *,
    resampled: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    offset: float | None = None,
    n_groups: int | None = None,
) -> SigmoidFit:
    """Fit a sigmoid by weighted least squares and decide whether its parameters may be interpreted.

    For given midpoint and slope, floor and ceiling follow by linear regression. The two others are searched on a grid
    (:mod:`auscult.dynamics.sigmoids`), midpoints up to half the range of steps outside the steps.

    A fit is rejected if

    - there are fewer than :data:`MIN_STEPS` steps
    - the interval of the rise includes 0 or lies below 0
    - the curve falls by more than a third of its range from some step to a later one
    - a constant or a straight line (in doublings) fits as well: the additional sum of squares explained by the sigmoid
      is not significant (F test, 5 %), where the variance is the larger of two: of the sigmoid's residuals, and of
      resampled curves about their means
    - R² is below 0.8
    - the midpoint lies outside the steps
    - the midpoint lies before the first trained checkpoint, or fewer than :data:`MIN_ON_RISE` checkpoints lie on the
      rise, from a tenth to nine tenths of it: the curve then shows only between which checkpoints the midpoint lies,
      and the verdict names them ("before step 25", "between steps 100 and 200")

    Parameters
    ----------
    steps : training steps, ascending
    curve : score at each step [shape=(n_steps,)]
    resampled : the same curve from resampled units (speakers, seeds), see :func:`resample_curves`
        [shape=(n_resamples, n_steps)]
    weights : weight of each step, such as 1 / variance; equal by default [shape=(n_steps,)]
    offset : see the module; by default the first step above 0
    n_groups : number of resampled units; with it, intervals are corrected for their number and skewness
        (:func:`~auscult.statistics.intervals.corrected_interval`), without it they are percentile intervals

    Raises
    ------
    AnalysisError
        Steps are out of order, or a score is missing or not finite.
    """
    steps, curve = check_sweep(steps), np.asarray(curve, dtype=float)
    if curve.shape != steps.shape or not np.isfinite(curve).all():
        raise AnalysisError(
            f"expected a finite score at each of {len(steps)} steps, found {np.isfinite(curve).sum()}; "
            "score every checkpoint of the sweep"
        )
    positive = steps[steps > 0]
    offset = float(offset or (positive[0] if len(positive) else 1.0))
    weights = np.ones(len(steps)) if weights is None else np.asarray(weights, dtype=float) / np.mean(weights)
    x = doublings(steps, offset)
    if len(steps) < MIN_STEPS:
        nan = float("nan")
        return SigmoidFit(f"fewer than {MIN_STEPS} steps", nan, nan, nan, nan, nan, nan, offset)
    floor, ceiling, middle, slope, rise, rss = (float(values[0]) for values in solve(x, curve[None], weights, 40))
    spread = float(np.sum(weights * (curve - np.average(curve, weights=weights)) ** 2))
    drawn, noise = {}, 0.0
    if resampled is not None and len(resampled):
        resampled = np.asarray(resampled, dtype=float)
        found = {"midpoint": middle, "slope": slope, "rise": rise}
        drawn = _resampled(x, offset, resampled, weights, found, n_groups)
        noise = float((resampled - resampled.mean(axis=1, keepdims=True)).var(axis=0).mean())
    fit = SigmoidFit(
        FIT, floor, ceiling, 2**middle - offset, slope, rise, 1 - rss / spread if spread else 0.0, offset, **drawn
    )
    return SigmoidFit(**{**vars(fit), "verdict": _judge(fit, x, curve, weights, rss, noise)})


def resample_curves(numerators: np.ndarray, denominators: np.ndarray, n_resamples: int, seed: int) -> np.ndarray | None:
    """Return curves Σ numerators / Σ denominators over resampled units, the same units at every step.

    Equal seeds and numbers of units give equal draws, so curves of several scores can be compared draw by draw.

    Parameters
    ----------
    numerators, denominators : contribution of each unit, such as hits and items of a speaker
        [shapes=(n_units, n_steps); (n_units, 1) for constant denominators]

    Returns
    -------
    curves [shape=(n_resamples, n_steps)]; None if there are fewer than ``MIN_GROUPS`` units or no resamples
    """
    draws = draw_units(len(numerators), n_resamples, seed)
    return None if draws is None else (draws @ numerators) / (draws @ denominators)


def draw_units(n_units: int, n_resamples: int, seed: int) -> np.ndarray | None:
    """Return how often each bootstrap sample draws each unit [shape=(n_resamples, n_units)].

    None if there are fewer than ``MIN_GROUPS`` units or no resamples.
    """
    if n_units < MIN_GROUPS or not n_resamples:
        return None
    return np.random.default_rng(seed).multinomial(n_units, np.full(n_units, 1 / n_units), size=n_resamples)


def doublings(steps: Sequence[float] | np.ndarray, offset: float) -> np.ndarray:
    """Return log₂(step + offset)."""
    return np.log2(np.asarray(steps, dtype=float) + offset)


def check_sweep(
    found: Sequence[float] | Sequence[str] | np.ndarray,
    expected: Collection[float] | Collection[str] = (),
    where: str = "the sweep",
) -> np.ndarray:
    """Return the steps of a sweep as numbers, after checking that they ascend and contain all expected steps.

    Raises
    ------
    AnalysisError
        A step is not a number, a step repeats or follows a later one, or an expected step is missing.
    """
    try:
        steps = np.array([float(step) for step in found])
    except (TypeError, ValueError):
        wrong = next(step for step in found if not str(step).replace(".", "", 1).isdigit())
        raise AnalysisError(
            f"expected numbers as steps of {where}, found {wrong!r}; name its checkpoints by training step"
        ) from None
    turned = np.flatnonzero(np.diff(steps) <= 0)
    if len(turned):
        first, second = steps[turned[0]], steps[turned[0] + 1]
        raise AnalysisError(
            f"expected steps of {where} in training order, each once, found {second:g} after {first:g}; sort them"
        )
    missing = [step for step in map(float, expected) if step not in steps]
    if missing:
        raise AnalysisError(
            f"expected {len(expected)} checkpoints in {where}, found no step {missing[0]:g} ({len(missing)} missing; "
            f"there are {', '.join(f'{step:g}' for step in steps)}); make it, or take it out of the model's steps"
        )
    return steps


def _resampled(
    x: np.ndarray,
    offset: float,
    curves: np.ndarray,
    weights: np.ndarray,
    found: dict[str, float],
    n_groups: int | None,
) -> dict[str, Any]:
    """Return intervals and resampled midpoints; midpoints are judged in doublings, where they are less skewed."""
    _, _, middle, slope, rise, _ = solve(x, curves, weights, 14)
    drawn = {
        "midpoint": np.where(rise > 0, np.clip(middle, x[0], x[-1]), np.nan),
        "slope": np.where(rise > 0, slope, np.nan),
        "rise": rise,
    }
    ends = {
        name: percentile_interval(values)
        if n_groups is None
        else corrected_interval(values, value=found[name], n_groups=n_groups)
        for name, values in drawn.items()
    }
    low, high = (float(2 ** np.clip(end, x[0], x[-1]) - offset) for end in ends["midpoint"])
    return {
        "midpoint_ci": (low, high),
        "slope_ci": ends["slope"],
        "rise_ci": ends["rise"],
        "resampled": 2 ** drawn["midpoint"] - offset,
    }


def _judge(fit: SigmoidFit, x: np.ndarray, curve: np.ndarray, weights: np.ndarray, rss: float, noise: float) -> str:
    low, high = fit.rise_ci if np.isfinite(fit.rise_ci).all() else (fit.rise, fit.rise)
    if low <= 0:
        return "falls" if high < 0 else "no rise"
    if np.max(np.maximum.accumulate(curve) - curve) > _MAX_DROP * np.ptp(curve):
        return "not monotone"
    n_left = len(x) - _N_PARAMETERS
    variance = max(rss / n_left, noise, np.finfo(float).tiny)
    for degree, name in enumerate(("a constant", "a straight line")):
        n_extra = _N_PARAMETERS - degree - 1
        ratio = (_rss(x, curve, weights, degree) - rss) / n_extra / variance
        if ratio <= fdtri(n_extra, n_left, 0.95):
            return f"no better than {name}"
    if fit.r2 < _MIN_R2:
        return f"R² below {_MIN_R2:g}"
    inside = doublings([fit.midpoint], fit.offset)[0]
    if not x[0] <= inside <= x[-1]:
        return "midpoint outside the steps"
    after = max(1, int(np.searchsorted(x, inside)))
    progress = logistic(fit.slope * (x - inside))
    n_on_rise = int(((progress >= _RISE[0]) & (progress <= _RISE[1])).sum())
    if after > 1 and n_on_rise >= MIN_ON_RISE:
        return FIT
    before, step = (round(2 ** x[place] - fit.offset) for place in (after - 1, after))
    return f"before step {step}" if after == 1 else f"between steps {before} and {step}"


def _rss(x: np.ndarray, curve: np.ndarray, weights: np.ndarray, degree: int) -> float:
    residuals = curve - np.polyval(np.polyfit(x, curve, degree, w=np.sqrt(weights)), x)
    return float(np.sum(weights * residuals**2))
