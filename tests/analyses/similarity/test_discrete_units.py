"""Discrete units: oracles of both measures, chance, held-out speakers and intervals."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from sklearn.metrics import adjusted_mutual_info_score

from auscult.analyses.similarity.units import assign_units, count_units, jensen_shannon, pnmi, unit_interval


def table(units, labels):
    counts = np.zeros((units.max() + 1, labels.max() + 1), dtype=int)
    np.add.at(counts, (units, labels), 1)
    return counts


def planted(n=1200, n_labels=6, n_groups=12, spread=0.3):
    """Return vectors around a centre per label, their labels and their groups."""
    rng = np.random.default_rng(0)
    labels, groups = rng.integers(n_labels, size=n), np.arange(n) % n_groups
    return rng.normal(size=(n_labels, 8))[labels] + spread * rng.normal(size=(n, 8)), labels, groups


def measured(x, labels, groups, measure=pnmi, n_units=12):
    units, halves = assign_units(x, groups, n_units, seed=1)
    return unit_interval(count_units(units, halves, labels, groups), measure)


def test_mutual_information_agrees_with_another_package():
    rng = np.random.default_rng(3)
    labels = rng.integers(5, size=400)
    units = np.where(rng.random(400) < 0.5, labels, rng.integers(9, size=400))
    # With the larger of both entropies as upper bound; units have more here, so labels take the place of units.
    theirs = adjusted_mutual_info_score(labels, units, average_method="min")
    assert pnmi(table(units, labels)) == pytest.approx(theirs, abs=1e-10)


def test_units_that_name_labels_reach_one_and_random_units_zero():
    rng = np.random.default_rng(0)
    labels = np.arange(600) % 7
    assert pnmi(table(labels, labels)) == pytest.approx(1)
    values = [pnmi(table(rng.integers(40, size=600), labels)) for _ in range(60)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(60) + 1e-3
    # The plain value would be far from 0: 6 × 39 / (2 × 600) nats of bias.
    assert np.max(np.abs(values)) < 0.05


def test_divergence_is_that_of_every_two_labels():
    rng = np.random.default_rng(1)
    counts = rng.integers(0, 60, size=(10, 4))
    counts[:, 3] = [1, *[0] * 9]
    pairs = [(0, 1), (0, 2), (1, 2)]
    slow = [jensenshannon(counts[:, one], counts[:, other], base=2) ** 2 for one, other in pairs]
    assert jensen_shannon(counts) == pytest.approx(np.mean(slow))
    assert jensen_shannon(np.diag([50, 50, 50])) == pytest.approx(1)
    assert jensen_shannon(np.tile([[30, 60]], (5, 1))) == pytest.approx(0)
    assert np.isnan(jensen_shannon(counts[:, 3:]))


def test_a_single_label_has_no_information():
    assert np.isnan(pnmi(np.array([[3], [4]])))


def test_no_item_helps_to_form_its_own_units():
    x, _, groups = planted()
    units, halves = assign_units(x, groups, 8, seed=2)
    held_out = halves[groups] == 0
    moved = np.where(held_out[:, None], x + 100, x)
    # Units of this half come from the other one, whose vectors are as before: all lie in the same direction.
    assert len(np.unique(assign_units(moved, groups, 8, seed=2)[0][held_out])) == 1
    assert sorted(np.bincount(halves)) == [6, 6]
    assert units.max() < 8


def test_units_of_labels_are_found_on_other_speakers_and_not_where_only_voices_differ():
    value, low, high = measured(*planted())
    assert 0.8 < low < value < high <= 1.05
    _, labels, groups = planted()
    rng = np.random.default_rng(9)
    only_voices = 3 * rng.normal(size=(12, 8))[groups] + 0.1 * rng.normal(size=(len(groups), 8))
    value, low, high = measured(only_voices, labels, groups)
    assert low < 0.02
    assert value < 0.05


def test_the_interval_covers_the_value_of_many_speakers():
    def drawn(n, seed):
        rng = np.random.default_rng(seed)
        labels = rng.integers(4, size=(n, 60))
        # Speakers differ in how clearly they pronounce labels.
        right = rng.random((n, 60)) < rng.uniform(0.5, 0.95, size=(n, 1))
        units = np.where(right, labels, rng.integers(4, size=(n, 60)))
        groups = np.repeat(np.arange(n), 60)
        return unit_interval(count_units(units.ravel(), np.arange(n) % 2, labels.ravel(), groups), pnmi)

    truth = np.mean([drawn(200, seed)[0] for seed in range(3)])
    intervals = np.array([drawn(16, 100 + seed) for seed in range(200)])
    covered = np.mean((intervals[:, 1] <= truth) & (truth <= intervals[:, 2]))
    assert 0.9 <= covered <= 0.985


def test_few_speakers_have_a_value_and_no_interval():
    value, low, high = measured(*planted(n=300, n_groups=4))
    assert np.isfinite(value)
    assert np.isnan([low, high]).all()
