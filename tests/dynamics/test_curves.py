"""Curves over training steps: fits against scipy and known parameters, and verdicts against a fit."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from auscult.dynamics.curves import FIT, check_sweep, doublings, fit_sigmoid, resample_curves
from auscult.errors import AnalysisError

STEPS = [0, 25, 50, 100, 200, 400, 700, 1200]
X = doublings(STEPS, 25)


def sigmoid(x, floor, ceiling, middle, slope):
    return floor + (ceiling - floor) / (1 + np.exp(-slope * (x - middle)))


def units(truth, n_units=16, noise=0.05, seed=0):
    """Curves of units with their own constant offset and independent noise at each step."""
    rng = np.random.default_rng(seed)
    return truth + rng.normal(0, 0.05, (n_units, 1)) + rng.normal(0, noise, (n_units, len(truth)))


def fitted(truth, **settings):
    curves = units(np.asarray(truth, dtype=float), **settings)
    resampled = resample_curves(curves, np.ones((len(curves), 1)), 300, settings.get("seed", 0))
    return fit_sigmoid(STEPS, curves.mean(axis=0), resampled=resampled)


@pytest.mark.parametrize("weights", [None, np.linspace(1, 3, len(STEPS))])
def test_fit_is_that_of_scipy_on_clean_and_on_noisy_data(weights):
    truth = (0.2, 0.7, doublings([150], 25)[0], 1.5)
    clean = fit_sigmoid(STEPS, sigmoid(X, *truth), weights=weights)
    assert clean.verdict == FIT
    np.testing.assert_allclose(
        [clean.floor, clean.ceiling, clean.midpoint, clean.slope], [0.2, 0.7, 150, 1.5], rtol=1e-6
    )
    noisy = sigmoid(X, *truth) + np.random.default_rng(1).normal(0, 0.01, len(X))
    sigma = None if weights is None else 1 / np.sqrt(weights)
    expected, _ = curve_fit(sigmoid, X, noisy, p0=truth, sigma=sigma)
    found = fit_sigmoid(STEPS, noisy, weights=weights)
    mine = [found.floor, found.ceiling, doublings([found.midpoint], found.offset)[0], found.slope]
    np.testing.assert_allclose(mine, expected, rtol=1e-5)
    np.testing.assert_allclose(found.at(STEPS), sigmoid(X, *expected), atol=1e-6)


def test_intervals_hold_known_parameters_as_often_as_cluster_bootstraps_do():
    truth = sigmoid(X, 0.2, 0.7, doublings([150], 25)[0], 1.5)
    fits = [fitted(truth, seed=seed) for seed in range(100)]
    assert all(fit.fits for fit in fits)
    # Nominal coverage is 95 %. In 1,000 simulations it is 92 % with these 16 units and 95 % with 40, as usual for a
    # cluster bootstrap.
    assert np.mean([low <= 150 <= high for low, high in (fit.midpoint_ci for fit in fits)]) >= 0.85
    assert np.mean([low <= 1.5 <= high for low, high in (fit.slope_ci for fit in fits)]) >= 0.8


def test_constant_curves_are_not_fitted():
    verdicts = [fitted(np.full(len(X), 0.4), seed=seed).verdict for seed in range(60)]
    assert verdicts.count(FIT) <= 3
    assert verdicts.count("no rise") >= 50


@pytest.mark.parametrize(
    ("truth", "verdict"),
    [
        (np.full(len(X), 0.4), "no rise"),
        (sigmoid(X, 0.7, 0.3, 7.5, 2), "falls"),
        (0.2 + 0.05 * (X - X[0]), "no better than a straight line"),
        ([0.2, 0.2, 0.4, 0.7, 0.7, 0.5, 0.45, 0.4], "not monotone"),
        (sigmoid(X, 0.2, 0.9, X[-1] + 1.5, 1.5), "midpoint outside the steps"),
    ],
)
def test_verdict_says_why_there_is_no_fit(truth, verdict):
    fit = fitted(truth, noise=0.01)
    assert (fit.verdict, fit.fits) == (verdict, False)


def test_rise_that_is_no_sigmoid_is_not_fitted():
    assert fit_sigmoid(STEPS, np.array([0.2, 0.5, 0.35, 0.55, 0.4, 0.62, 0.5, 0.65])).verdict != FIT


def test_too_few_steps_are_named_in_the_verdict_and_have_no_parameters():
    fit = fit_sigmoid([0, 10, 20], np.array([0.1, 0.2, 0.9]))
    assert fit.verdict == "fewer than 6 steps"
    assert np.isnan(fit.midpoint)


def test_intervals_of_midpoints_are_clipped_to_the_observed_steps():
    fit = fitted(sigmoid(X, 0.2, 0.9, X[-1], 1.5), noise=0.03)
    assert fit.midpoint_ci[1] == pytest.approx(STEPS[-1])
    assert np.nanmax(fit.resampled) == pytest.approx(STEPS[-1])


@pytest.mark.filterwarnings("error")
def test_dense_checkpoints_are_fitted_as_well():
    """Slopes that the smallest gap allows make sigmoids far outside the steps constant in floating point."""
    steps = [0, 5, 10, 15, 20, 25, 30, 40, 50, 65, 85, 110, 150, 200, 300]
    truth = sigmoid(doublings(steps, 5), 0.2, 0.7, doublings([40], 5)[0], 2)
    fit = fit_sigmoid(steps, truth)
    assert fit.fits
    np.testing.assert_allclose([fit.floor, fit.ceiling, fit.midpoint, fit.slope], [0.2, 0.7, 40, 2], rtol=1e-6)
    flat = fit_sigmoid(steps, np.full(len(steps), 0.4))
    assert not flat.fits


@pytest.mark.parametrize(
    ("curve", "verdict"),
    [
        # The untrained model is at the floor and the first trained checkpoint above half of the rise.
        ([0.2, 0.62, 0.68, 0.7, 0.7, 0.7, 0.7, 0.7], "before step 25"),
        ([0.2, 0.2, 0.2, 0.2, 0.21, 0.69, 0.7, 0.7], "between steps 200 and 400"),
    ],
)
def test_a_rise_between_two_checkpoints_has_no_midpoint(curve, verdict):
    fit = fit_sigmoid(STEPS, np.array(curve))
    assert (fit.verdict, fit.fits) == (verdict, False)


def test_slope_is_limited_by_the_gaps_between_steps():
    fit = fit_sigmoid(STEPS, np.array([0.2] * 4 + [0.8] * 4))
    assert fit.slope == pytest.approx(np.log(81) / np.diff(X).min())
    assert 100 < fit.midpoint < 200


def test_resampled_curves_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    hits, items = rng.integers(1, 9, (7, 4)), rng.integers(10, 20, (7, 1))
    draws = np.random.default_rng(3).multinomial(7, np.full(7, 1 / 7), size=5)
    slow = [
        [sum(d * h[s] for d, h in zip(draw, hits)) / sum(d * i[0] for d, i in zip(draw, items)) for s in range(4)]
        for draw in draws
    ]
    np.testing.assert_allclose(resample_curves(hits, items, 5, 3), slow)
    assert resample_curves(hits[:5], items[:5], 5, 3) is None


def test_sweep_names_what_is_missing_or_out_of_order():
    np.testing.assert_array_equal(check_sweep(["0", "10"], ["0", 10]), [0, 10])
    with pytest.raises(
        AnalysisError,
        match=r"expected 3 checkpoints in model m, found no step 10 \(1 missing; there "
        r"are 0, 20\); make it, or take it out of the model's steps",
    ):
        check_sweep([0, 20], ["0", "10", "20"], "model m")
    with pytest.raises(AnalysisError, match=r"steps of the sweep in training order, each once, found 5 after 10; sort"):
        check_sweep([0, 10, 5])
    with pytest.raises(AnalysisError, match=r"in training order, each once, found 10 after 10"):
        check_sweep([0, 10, 10])
    with pytest.raises(AnalysisError, match=r"expected numbers as steps of the sweep, found 'final'; name its check"):
        check_sweep(["0", "final"])
    with pytest.raises(AnalysisError, match=r"expected a finite score at each of 8 steps, found 7; score every checkp"):
        fit_sigmoid(STEPS, np.array([*X[:-1], np.nan]))
