import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from auscult.probes.mlp import fit_mlp, fit_mlp_scores, stop_early


@pytest.fixture(scope="module")
def xor():
    x = np.random.default_rng(0).normal(size=(900, 4)).astype(np.float32)
    codes = (x[:, 0] * x[:, 1] > 0).astype(int)
    return x[:500], codes[:500], x[500:700], codes[500:700], x[700:], codes[700:]


def test_it_reads_what_no_linear_probe_can(xor):
    train, test = xor[:4], xor[4:]
    assert np.mean(fit_mlp(*train)(test[0]) == test[1]) > 0.85
    assert LogisticRegression().fit(*train[:2]).score(*test) < 0.6


def test_the_same_seed_gives_the_same_probe_and_scaling_changes_little(xor):
    first, second, scaled = fit_mlp(*xor[:4]), fit_mlp(*xor[:4]), fit_mlp(1000 * xor[0], xor[1], 1000 * xor[2], xor[3])
    assert (first(xor[4]) == second(xor[4])).all()
    assert np.mean(first(xor[4]) == scaled(1000 * xor[4])) > 0.97


def test_a_single_class_is_predicted_without_training(xor):
    assert (fit_mlp(xor[0], np.full(500, 3), xor[2], xor[3])(xor[4]) == 3).all()


def test_stopping_returns_the_best_state_and_waits_no_longer_than_its_patience():
    scores, ran = [0.1, 0.5, 0.4, 0.6, 0.2, 0.3, 0.1, 0.9], []

    def epoch():
        ran.append(scores[len(ran)])
        return ran[-1]

    assert stop_early(epoch, lambda: len(ran), max_epochs=8, patience=3) == 4
    assert len(ran) == 7


def test_scores_choose_the_predicted_class_and_have_no_mean(xor):
    predict, scores = fit_mlp(*xor[:4]), fit_mlp_scores(*xor[:4])(xor[4])
    assert (scores.argmax(axis=1) == predict(xor[4])).all()
    np.testing.assert_allclose(scores.mean(axis=1), 0, atol=1e-6)


def test_scores_of_three_classes_choose_as_the_network_does():
    random = np.random.default_rng(1)
    x, codes = random.normal(size=(200, 4)), random.integers(3, size=200)
    scores = fit_mlp_scores(x, codes, x, codes, max_epochs=3)(x)
    assert scores.shape == (200, 3)
    model = fit_mlp(x, codes, x, codes, max_epochs=3)
    assert (scores.argmax(axis=1) == model(x)).all()
