import logging

import numpy as np
import pytest

from auscult.classifiers import prepare_fitter
from auscult.errors import AnalysisError


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
    assert (predictions[0] == predictions[1]).all()


@pytest.mark.parametrize("probe", ["ridge", "logistic"])
def test_training_folds_with_a_single_class_predict_that_class(items, probe):
    x, _, folds = items
    labels = np.where(folds == 0, 0, 1)[:, None]
    assert (prepare_fitter(probe, [(np.arange(90), x)], labels, folds)((0,), np.array([0.1]))(x) == 1).all()


def test_a_logistic_regression_that_does_not_converge_is_logged(items, caplog, monkeypatch):
    x, labels, folds = items
    monkeypatch.setattr("auscult.classifiers._MAX_STEPS", 2)
    with caplog.at_level(logging.INFO):
        prepare_fitter("logistic", [(np.arange(90), x)], labels, folds)((0,), np.array([1e-6]))
    assert "logistic regression with penalty 1e-06: not converged after 2 steps" in caplog.text


def test_an_unknown_probe_lists_those_that_exist(items):
    with pytest.raises(AnalysisError, match="expected one of the probes ridge, logistic, found 'forest'"):
        prepare_fitter("forest", [(np.arange(90), items[0])], *items[1:])
