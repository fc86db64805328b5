"""Logistic regressions solved together are those of scikit-learn, one by one."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from auscult.probes.logistic import fit_logistic

PENALTIES = [0.1, 0.01, 0.001]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 6)) * [1, 2, 30, 0.5, 1, 0.01] + [3, 0, -5, 1, 0, 2]
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    codes = (1.5 * z @ rng.normal(size=(6, 4)) + rng.gumbel(size=(300, 4))).argmax(axis=1)
    return x, codes, rng.random((3, 300)) < 0.7


def test_every_problem_and_penalty_has_the_probabilities_of_scikit_learn(data):
    x, codes, training = data
    path = fit_logistic(x, np.repeat(codes[None], 3, axis=0), training, PENALTIES, 4, tolerance=1e-8, max_steps=500)
    assert path.converged.all()
    for problem, rows in enumerate(training):
        z = (x - x[rows].mean(axis=0)) / x[rows].std(axis=0)
        scores = path.scores(x, problem)
        for place, penalty in enumerate(PENALTIES):
            oracle = LogisticRegression(C=1 / (rows.sum() * penalty), tol=1e-10, max_iter=5000)
            oracle.fit(z[rows], codes[rows])
            odds = np.exp(scores[:, place] - scores[:, place].max(axis=1, keepdims=True))
            assert np.abs(odds / odds.sum(axis=1, keepdims=True) - oracle.predict_proba(z)).max() < 1e-5


def test_the_default_tolerance_classifies_like_an_exact_solution(data):
    x, codes, training = data
    exact, quick = (
        fit_logistic(v, codes[None], training[:1], PENALTIES, 4, **settings).scores(v, 0).argmax(axis=2)
        for v, settings in ((x, {"tolerance": 1e-8, "max_steps": 500}), (x.astype(np.float32), {}))
    )
    assert (exact == quick).mean() > 0.99


def test_labellings_may_differ_between_problems(data):
    x, codes, training = data
    other = np.roll(codes, 7)
    both = fit_logistic(x, np.stack([codes, other]), training[:2], PENALTIES, 4, tolerance=1e-7, max_steps=500)
    alone = fit_logistic(x, other[None], training[1:2], PENALTIES, 4, tolerance=1e-7, max_steps=500)
    assert np.allclose(both.scores(x, 1), alone.scores(x, 0), atol=1e-3)


def test_a_class_without_training_items_is_not_predicted(data):
    x, codes, training = data
    path = fit_logistic(x, codes[None], training[:1] & (codes != 2), PENALTIES, 4)
    assert not (path.scores(x, 0).argmax(axis=2) == 2).any()


def test_a_constant_dimension_has_no_weight(data):
    x, codes, training = data
    padded = np.column_stack([x, np.full(len(x), 0.3)])
    path = fit_logistic(padded, codes[None], training[:1], PENALTIES, 4)
    assert np.abs(path.weights[:, 0, 6]).max() == 0
