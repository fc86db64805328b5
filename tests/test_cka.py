from itertools import permutations

import numpy as np
import pytest

from auscult.cka import HsicSums, cka, cka_interval, cka_pairs, hsic
from auscult.errors import AnalysisError
from auscult.moments import JointMoments

RNG = np.random.default_rng


def sums(x, y, groups):
    return HsicSums.of(JointMoments.of(x, y, groups))


def measure(x, y, groups=None, estimator="unbiased", **settings):
    groups = np.arange(len(x)) % 6 if groups is None else groups
    x, y = (v - v.mean(axis=0) for v in (x, y))
    parts = sums(x, y, groups), sums(x, x, groups), sums(y, y, groups)
    return cka_interval(*parts, estimator=estimator, **{"n_resamples": 200, "seed": 0} | settings)


def song_2012(x, y):
    """Unbiased HSIC by its n × n Gram matrices, Song et al. (2012), eq. 5."""
    k, m, n = x @ x.T, y @ y.T, len(x)
    np.fill_diagonal(k, 0)
    np.fill_diagonal(m, 0)
    one = np.ones(n)
    outer = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
    return (np.trace(k @ m) + outer - 2 / (n - 2) * (one @ k @ m @ one)) / (n * (n - 3))


def weighted_hsic(x, y, weights):
    """The weighted average over all tuples of distinct items, one after the other."""
    k, m, totals = x @ x.T, y @ y.T, np.zeros((3, 2))
    for i, j in permutations(range(len(x)), 2):
        totals[0] += weights[i] * weights[j] * np.array([k[i, j] * m[i, j], 1])
    for i, j, q in permutations(range(len(x)), 3):
        totals[1] += weights[i] * weights[j] * weights[q] * np.array([k[i, j] * m[i, q], 1])
    for i, j, q, r in permutations(range(len(x)), 4):
        totals[2] += weights[i] * weights[j] * weights[q] * weights[r] * np.array([k[i, j] * m[q, r], 1])
    pairs, triples, quadruples = totals[:, 0] / totals[:, 1]
    return pairs + quadruples - 2 * triples


def test_unbiased_cka_equals_its_n_by_n_form():
    rng = RNG(0)
    x, y = rng.normal(size=(60, 9)), rng.normal(size=(60, 30))
    y[:, :4] += x[:, :4]
    expected = song_2012(x, y) / np.sqrt(song_2012(x, x) * song_2012(y, y))
    assert measure(x, y)[0] == pytest.approx(expected, abs=1e-10)
    assert measure(x, y, np.zeros(60, dtype=int))[0] == pytest.approx(expected, abs=1e-10)


def test_weighted_hsic_equals_a_loop_over_tuples_of_distinct_items():
    rng = RNG(1)
    x, y, groups = rng.normal(size=(9, 3)), rng.normal(size=(9, 2)), np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
    weights = np.array([[1, 1, 1], [2, 0, 1], [0, 3, 2]])
    expected = [weighted_hsic(x, y, row[groups]) for row in weights]
    assert np.allclose(hsic(sums(x, y, groups), weights), expected, atol=1e-12)


def test_biased_hsic_is_the_squared_norm_of_the_covariance():
    rng = RNG(2)
    x, y, groups = rng.normal(size=(20, 3)) + 5, rng.normal(size=(20, 4)) - 2, np.arange(20) % 3
    expected = np.sum(((x - x.mean(0)).T @ (y - y.mean(0)) / 20) ** 2)
    assert hsic(sums(x, y, groups), np.ones((1, 3)), "biased") == pytest.approx(expected)


def test_rotation_shift_and_isotropic_scaling_change_nothing():
    rng = RNG(3)
    x, y = rng.normal(size=(80, 12)), rng.normal(size=(80, 7))
    y[:, 0] += x[:, 0]
    moved = 40 * x @ np.linalg.qr(rng.normal(size=(12, 12)))[0] + 3
    assert measure(x, moved)[0] == pytest.approx(1)
    assert measure(moved, y) == pytest.approx(measure(x, y))


def test_a_shift_does_not_matter_even_before_centring():
    rng = RNG(3)
    x, groups = rng.normal(size=(40, 5)), np.arange(40) % 4
    assert hsic(sums(x + 2, x, groups), np.ones((1, 4))) == pytest.approx(hsic(sums(x, x, groups), np.ones((1, 4))))


def test_shuffled_rows_give_zero_without_bias_and_nearly_one_with_it():
    rng = RNG(4)
    x = rng.normal(size=(50, 400))
    y = rng.permutation(x @ rng.normal(size=(400, 400)))
    assert abs(measure(x, y)[0]) < 0.1
    assert measure(x, y, estimator="biased")[0] > 0.8


def test_the_unbiased_value_does_not_depend_on_the_number_of_items():
    rng, values = RNG(5), []
    mixing = rng.normal(size=(60, 60))
    for n in (80, 3000):
        x = rng.normal(size=(n, 60))
        values.append(measure(x, x @ mixing + 8 * rng.normal(size=(n, 60)))[0])
    assert values[0] == pytest.approx(values[1], abs=0.06)


def test_an_item_drawn_twice_is_no_evidence_of_similarity():
    rng = RNG(6)
    x, y, groups = rng.normal(size=(60, 200)), rng.normal(size=(60, 200)), np.arange(60) % 12
    _, low, high = measure(x, y, groups)
    assert low < 0 < high


def test_the_interval_is_of_groups_and_needs_six_of_them():
    rng = RNG(7)
    x = rng.normal(size=(300, 5))
    y = x + rng.normal(size=x.shape)
    value, low, high = measure(x, y, np.arange(300) % 20)
    assert low < value < high
    assert np.isnan(measure(x, y, np.arange(300) % 5)[1:]).all()
    assert measure(x, y, np.zeros(300, dtype=int))[0] == pytest.approx(value)


def test_pairs_of_many_spaces_are_those_of_each_two():
    rng = RNG(8)
    spaces = {name: rng.normal(size=(50, 4)) + 9 for name in "abc"}
    spaces["c"] += spaces["a"]
    groups, loaded = np.arange(50) % 7, []

    def load(name):
        loaded.append(name)
        return spaces[name]

    found = list(cka_pairs(load, [("a", "a"), ("a", "b"), ("a", "c")], groups, n_resamples=50))
    assert found[0][:3] == ("a", "a", pytest.approx(1))
    assert found[2][2:] == pytest.approx(measure(spaces["a"], spaces["c"], groups, n_resamples=50))
    assert loaded == ["a", "b", "c"]


def test_float32_vectors_are_compared_to_five_digits():
    rng = RNG(9)
    x = rng.normal(size=(500, 20)) + 3
    y = x[:, :10] + rng.normal(size=(500, 10))
    groups = np.arange(500) % 8
    exact, found = (
        next(cka_pairs({"x": x.astype(kind), "y": y.astype(kind)}.get, [("x", "y")], groups, n_resamples=50))[2:]
        for kind in (np.float64, np.float32)
    )
    assert found == pytest.approx(exact, abs=1e-5)


def test_cka_is_undefined_rather_than_wrong_where_a_space_does_not_vary():
    groups = np.arange(12) % 3
    x, still = RNG(0).normal(size=(12, 3)), np.zeros((12, 2))
    assert np.isnan(cka(*(sums(*pair, groups) for pair in ((x, still), (x, x), (still, still))), np.ones((1, 3))))


def test_fewer_than_four_items_are_refused():
    x = RNG(0).normal(size=(3, 2))
    with pytest.raises(AnalysisError, match="expected at least 4 items for CKA, found 3; raise n_items"):
        measure(x, x, np.zeros(3, dtype=int))
