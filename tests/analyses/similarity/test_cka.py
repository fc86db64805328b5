from itertools import permutations

import numpy as np
import pytest

from auscult.analyses.similarity.cka import HsicSums, cka, cka_interval, cka_of_items, hsic
from auscult.errors import AnalysisError
from auscult.statistics.moments import JointMoments

RNG = np.random.default_rng


def sums(x, y, groups):
    return HsicSums.of(JointMoments.of(x, y, groups))


def measure(x, y, groups=None, estimator="unbiased", **settings):
    groups = np.arange(len(x)) % 8 if groups is None else groups
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


def weighted_hsic(x, y, weights, groups):
    """The weighted average over all tuples of items of distinct groups, one after the other."""
    k, m, totals = x @ x.T, y @ y.T, np.zeros((3, 2))
    for size in (2, 3, 4):
        for items in permutations(range(len(x)), size):
            if len(set(groups[list(items)])) == size:
                i, j, q, r = (*items, None, None)[:4]
                other = {2: (i, j), 3: (i, q), 4: (q, r)}[size]
                totals[size - 2] += np.prod(weights[list(items)]) * np.array([k[i, j] * m[other], 1])
    pairs, triples, quadruples = totals[:, 0] / totals[:, 1]
    return pairs + quadruples - 2 * triples


def draw_with_speakers(rng, n_speakers=12, n_items=30, planted=0.0, centres=0.0):
    """Two spaces in which every speaker has an offset of its own, with phones in both where they are planted."""
    speakers = np.repeat(np.arange(n_speakers), n_items)
    phones = rng.integers(4, size=len(speakers))
    offsets, noise = rng.normal(size=(2, n_speakers, 16)), rng.normal(size=(2, len(speakers), 16))
    spaces = noise + offsets[:, speakers] + (planted * centres[:, phones] if planted else 0)
    return *spaces, speakers


def test_unbiased_cka_equals_its_n_by_n_form():
    rng = RNG(0)
    x, y = rng.normal(size=(60, 9)), rng.normal(size=(60, 30))
    y[:, :4] += x[:, :4]
    expected = song_2012(x, y) / np.sqrt(song_2012(x, x) * song_2012(y, y))
    assert measure(x, y, np.arange(60), n_resamples=0)[0] == pytest.approx(expected, abs=1e-10)
    assert cka_of_items(x, y) == pytest.approx(expected, abs=1e-10)


def test_weighted_hsic_equals_a_loop_over_tuples_of_items_of_distinct_groups():
    rng = RNG(1)
    x, y, groups = rng.normal(size=(9, 3)), rng.normal(size=(9, 2)), np.array([0, 0, 1, 2, 2, 3, 3, 4, 4])
    weights = np.array([[1, 1, 1, 1, 1], [2, 0, 1, 1, 3], [1, 3, 2, 1, 0]])
    expected = [weighted_hsic(x, y, row[groups], groups) for row in weights]
    assert np.allclose(hsic(sums(x, y, groups), weights), expected, atol=1e-12)


def test_what_only_speakers_have_of_their_own_is_not_alike():
    found = np.array([measure(*draw_with_speakers(RNG(seed)), n_resamples=100) for seed in range(30)])
    value, low, high = found.T
    assert abs(value.mean()) < 3 * value.std() / np.sqrt(30)
    assert ((low <= 0) & (high >= 0)).mean() >= 0.9
    assert ((low <= value) & (value <= high)).all()
    # Taken over items, the same spaces look alike.
    assert cka_of_items(*draw_with_speakers(RNG(0))[:2]) > 0.2


def test_the_interval_covers_what_was_planted_beside_speakers():
    centres = RNG(99).normal(size=(2, 4, 16))
    x, y, _ = draw_with_speakers(RNG(5), 2000, 10, planted=1.5, centres=centres)
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    truth = np.sum((x.T @ y) ** 2) / np.sqrt(np.sum((x.T @ x) ** 2) * np.sum((y.T @ y) ** 2))
    draws = (draw_with_speakers(RNG(seed), planted=1.5, centres=centres) for seed in range(30))
    value, low, high = np.array([measure(*draw, n_resamples=200) for draw in draws]).T
    assert value.mean() == pytest.approx(truth, abs=0.02)
    assert ((low <= truth) & (truth <= high)).mean() >= 0.8


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
    y = x @ rng.normal(size=(400, 400))
    found = [cka_of_items(x, rng.permutation(y)) for _ in range(200)]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(200)
    assert measure(x, rng.permutation(y), estimator="biased", n_resamples=0)[0] > 0.8


def test_shuffled_speakers_give_zero_where_speakers_differ():
    rng = RNG(4)
    x, y, speakers = draw_with_speakers(rng, n_items=10)
    orders = [10 * np.repeat(rng.permutation(12), 10) + np.tile(np.arange(10), 12) for _ in range(200)]
    found = [measure(x, y[order], speakers, n_resamples=0)[0] for order in orders]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(200)
    assert np.mean([cka_of_items(x, y[order]) for order in orders]) > 0.2


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


def test_the_interval_is_of_groups_and_needs_seven_of_them():
    rng = RNG(7)
    x = rng.normal(size=(300, 5))
    y = x + rng.normal(size=x.shape)
    value, low, high = measure(x, y, np.arange(300) % 20)
    assert low < value < high
    assert np.isfinite(measure(x, y, np.arange(300) % 7)).all()
    assert np.isnan(measure(x, y, np.arange(300) % 6)[1:]).all()


def test_fewer_than_four_speakers_are_referred_to_cka_of_items():
    x = RNG(7).normal(size=(30, 5))
    with pytest.raises(AnalysisError, match=r"at least 4 groups \(speakers\) for CKA .*, found 3; .* use cka_of_items"):
        measure(x, x, np.arange(30) % 3)


def test_float32_vectors_are_compared_to_five_digits():
    rng = RNG(9)
    x = rng.normal(size=(500, 20))
    y = x[:, :10] + rng.normal(size=(500, 10))
    groups = np.arange(500) % 8
    exact, found = (measure(x.astype(kind), y.astype(kind), groups) for kind in (np.float64, np.float32))
    assert found == pytest.approx(exact, abs=1e-5)


def test_cka_is_undefined_rather_than_wrong_where_a_space_does_not_vary():
    groups = np.arange(12) % 4
    x, still = RNG(0).normal(size=(12, 3)), np.zeros((12, 2))
    assert np.isnan(cka(*(sums(*pair, groups) for pair in ((x, still), (x, x), (still, still))), np.ones((1, 4))))


def test_a_constant_space_is_refused():
    x = RNG(0).normal(size=(60, 3))
    with pytest.raises(AnalysisError, match="expected spaces that vary between groups for CKA, found one that does"):
        measure(x, np.full((60, 2), 0.3))
    with pytest.raises(AnalysisError, match="expected spaces that vary over items for CKA, found one that does"):
        cka_of_items(x, np.full((60, 2), 0.3))


def test_the_names_of_speakers_are_undefined_for_no_two_share_one():
    groups = np.arange(60) % 10
    names, gender = np.eye(10)[groups] - 0.1, np.eye(2)[groups % 2] - 0.5
    assert not sums(names, names, groups).varies
    assert sums(gender, gender, groups).varies


def test_vectors_that_are_not_finite_are_refused():
    x = RNG(0).normal(size=(60, 3))
    x[7, 1] = np.nan
    with pytest.raises(AnalysisError, match="expected finite vectors for CKA, found NaN or infinity; leave these"):
        measure(x, x)


def test_an_unknown_estimator_lists_those_that_exist():
    x = RNG(0).normal(size=(60, 3))
    with pytest.raises(AnalysisError, match="expected one of the estimators unbiased, biased, found 'debiased'"):
        measure(x, x, estimator="debiased")


def test_fewer_than_four_items_are_refused():
    x = RNG(0).normal(size=(3, 2))
    with pytest.raises(AnalysisError, match="at least 4 items for CKA, found 3; add utterances or raise n_items"):
        cka_of_items(x, x)
