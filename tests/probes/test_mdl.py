import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from auscult.errors import AnalysisError
from auscult.probes.mdl import codelength, coding_order, compression, online_code, prior_code

SETTINGS = {"n_resamples": 200, "seed": 0}


@pytest.fixture(scope="module")
def planted():
    rng = np.random.default_rng(0)
    codes = rng.integers(4, size=600)
    return 2 * np.eye(4, 10)[codes] + rng.normal(size=(600, 10)), codes


def test_random_labels_cost_their_entropy(planted):
    codes = np.random.default_rng(1).integers(4, size=600)
    bits = online_code(planted[0], codes, 4)
    # Learning that there is nothing to learn costs something; Laplace's rule keeps it small.
    assert 1200 <= bits.sum() < 1.08 * 1200
    assert compression(bits, np.arange(600) % 8, 4, **SETTINGS)[0] == pytest.approx(1, abs=0.08)


def test_planted_labels_are_compressed(planted):
    value, low, high = compression(online_code(*planted, 4), np.arange(600) % 8, 4, **SETTINGS)
    assert low < value < high
    assert low > 1.5


def test_the_first_block_costs_log_k_and_later_ones_less(planted):
    bits = online_code(*planted, 4, blocks=(0.1, 0.5, 1))
    assert np.allclose(bits[:60], 2)
    assert 2 > bits[60:300].mean() > bits[300:].mean()


def test_code_lengths_equal_those_of_scikit_learn(planted):
    x, codes = planted
    bits = online_code(x, codes, 4, blocks=(0.5, 1), penalties=(0.1,))
    z = (x - x[:300].mean(axis=0)) / x[:300].std(axis=0)
    oracle = LogisticRegression(C=1 / (300 * 0.1), tol=1e-8, max_iter=1000).fit(z[:300], codes[:300])
    p = oracle.predict_proba(z[300:])[np.arange(300), codes[300:]]
    # The solver stops at a relative tolerance.
    assert np.allclose(bits[300:], -np.log2((300 * p + 1) / 304), atol=2e-3)


def test_nothing_of_a_block_is_used_before_it_is_sent(planted):
    x, codes = planted
    changed = np.where(np.arange(600) < 300, codes, 3 - codes)
    assert np.array_equal(online_code(x, codes, 4)[:300], online_code(x, changed, 4)[:300])


def test_a_class_never_seen_before_is_sent_for_a_finite_price(planted):
    x, codes = planted
    late = np.where(np.arange(600) < 300, codes % 2, codes)
    assert np.isfinite(online_code(x, late, 4)).all()


def test_the_prior_code_uses_frequencies_only():
    codes = np.repeat([0, 1], [900, 100])[np.random.default_rng(0).permutation(1000)]
    entropy = -(0.9 * np.log2(0.9) + 0.1 * np.log2(0.1))
    assert prior_code(codes, 2).mean() == pytest.approx(entropy, abs=0.02)


def test_groups_are_sent_whole_and_in_random_order():
    groups = np.random.default_rng(0).permutation(np.repeat(np.arange(10), 5))
    sent = groups[coding_order(groups, seed=0)]
    assert (sent.reshape(10, 5) == sent[::5, None]).all()
    assert sent[::5].tolist() != sorted(sent[::5])
    assert sorted(coding_order(groups, seed=0)) == list(range(50))


def test_code_length_is_additive_over_speakers():
    bits, speakers = np.full(80, 0.5), np.repeat(np.arange(8), 10)
    assert codelength(bits, speakers, **SETTINGS) == pytest.approx((40, 40, 40))
    assert compression(bits, speakers, 4, **SETTINGS) == pytest.approx((4, 4, 4))


def test_too_few_items_are_refused():
    with pytest.raises(AnalysisError, match="expected at least 20 items for an online code, found 10; leave mdl out"):
        online_code(np.ones((10, 2)), np.zeros(10, dtype=int), 2)
