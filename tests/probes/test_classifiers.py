import logging

import numpy as np
import pytest

from auscult.errors import AnalysisError
from auscult.probes import classifiers
from auscult.probes.classifiers import _fit_ridge, prepare_fitter
from auscult.statistics.moments import Moments, fit_ridge


@pytest.fixture
def items():
    rng = np.random.default_rng(0)
    labels = np.stack([rng.integers(3, size=90), rng.integers(3, size=90)], axis=1)
    x = (2 * np.eye(3, 5)[labels[:, 0]] + rng.normal(size=(90, 5))).astype(np.float32)
    return x, labels, np.arange(90) % 3


@pytest.mark.parametrize("probe", ["ridge", "logistic"])
def test_labellings_and_penalties_are_fitted_independently(items, probe):
    x, labels, folds = items
    together = prepare_fitter(probe, [(np.arange(90), x)], labels, folds)((0,), np.array([1.0, 0.01]))(x)
    assert together.shape == (90, 2, 2)
    for number in (0, 1):
        alone = prepare_fitter(probe, [(np.arange(90), x)], labels[:, [number]], folds)((0,), np.array([0.01]))(x)
        # The logistic regression starts from the stronger penalty's solution and stops at a tolerance.
        assert (together[:, 1, number] == alone[:, 0, 0]).mean() >= (1 if probe == "ridge" else 0.97)


@pytest.mark.parametrize("probe", ["ridge", "logistic"])
def test_what_is_left_out_has_no_influence(items, probe):
    x, labels, folds = items
    spoilt = np.where(folds[:, None] == 0, 1000 * x, x)
    predictions = [
        prepare_fitter(probe, [(np.arange(90), v)], labels, folds)((0,), np.array([0.1]))(x) for v in (x, spoilt)
    ]
    # The logistic regressions stop at a tolerance; what is left out changes the coordinates they are solved in.
    assert (predictions[0] == predictions[1]).mean() >= (1 if probe == "ridge" else 0.95)


@pytest.mark.parametrize("probe", ["ridge", "logistic"])
def test_training_folds_with_a_single_class_predict_that_class(items, probe):
    x, _, folds = items
    labels = np.where(folds == 0, 0, 1)[:, None]
    assert (prepare_fitter(probe, [(np.arange(90), x)], labels, folds)((0,), np.array([0.1]))(x) == 1).all()


def test_a_logistic_regression_that_does_not_converge_is_logged(items, caplog, monkeypatch):
    x, labels, folds = items
    solve = classifiers.fit_logistic
    monkeypatch.setattr(classifiers, "fit_logistic", lambda *arguments: solve(*arguments, max_steps=2))
    with caplog.at_level(logging.INFO):
        prepare_fitter("logistic", [(np.arange(90), x)], labels, folds)((0,), np.array([1e-6]))
    assert "logistic regression with penalty 1e-06: 2 of 2 not converged" in caplog.text


def test_an_unknown_probe_lists_those_that_exist(items):
    with pytest.raises(AnalysisError, match="expected one of the probes ridge, logistic, found 'forest'"):
        prepare_fitter("forest", [(np.arange(90), items[0])], *items[1:])


@pytest.mark.parametrize("sd", [1e-5, 1e-6])
def test_dimensions_far_narrower_than_their_mean_are_read_like_any_others(sd):
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=(240, 1))
    z = rng.normal(size=(240, 256)) + np.eye(3, 256)[labels[:, 0]]
    narrow, folds = (1 + sd * z).astype(np.float32), np.arange(240) % 3
    guesses = [
        prepare_fitter("ridge", [(np.arange(240), x)], labels, folds)((0,), np.array([1e-5, 0.1]))(x)
        for x in (narrow, narrow.astype(np.float64) - 1)
    ]
    # A step of float32 at 1 is a tenth of the smaller spread.
    assert (guesses[0] == guesses[1]).mean() > 0.97


def test_a_constant_dimension_stays_without_weight(items):
    x, labels, folds = items
    padded = np.pad(x, ((0, 0), (0, 2)), constant_values=0.1)
    padded[::7, 5] = np.nextafter(np.float32(0.1), np.float32(1))
    guesses = [
        prepare_fitter("ridge", [(np.arange(90), v)], labels, folds)((0,), np.array([0.1]))(v) for v in (x, padded)
    ]
    assert (guesses[0] == guesses[1]).all()


def test_a_matrix_without_a_cholesky_factor_is_decomposed():
    rng = np.random.default_rng(0)
    x = (1 + 1e-6 * rng.normal(size=(240, 256))).astype(np.float32)
    moments, penalties = Moments.of(x, rng.normal(size=(240, 2))), np.array([1e-5])
    assert np.array_equal(_fit_ridge(moments, penalties).weights, fit_ridge(moments, penalties).weights)
