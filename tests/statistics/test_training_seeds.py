"""Intervals over training seeds: coverage with three seeds, and the limits of one."""

import numpy as np
import pytest

from auscult.statistics.intervals import corrected_interval, percentile_interval
from auscult.statistics.training_seeds import interval_over_seeds


def measured(rng, n_seeds=3, n_groups=16, seed_sd=1.0, group_sd=1.0, n_resamples=200):
    """Values of seeds with effects of their own on groups with effects of their own, and resamples of groups."""
    table = rng.normal(0, seed_sd, (n_seeds, 1)) + rng.normal(0, group_sd, n_groups)
    draws = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=n_resamples) / n_groups
    return table.mean(axis=1), draws @ table.mean(axis=0)


@pytest.mark.parametrize("seed_sd", [0.2, 1.0])
def test_intervals_over_three_seeds_hold_the_expectation(seed_sd):
    rng, held, naive = np.random.default_rng(0), [], []
    for _ in range(400):
        seeds, drawn = measured(rng, seed_sd=seed_sd)
        low, high = interval_over_seeds(seeds.mean(), drawn, [seeds], n_groups=16)
        held.append(low <= 0 <= high)
        ends = percentile_interval(drawn)
        naive.append(ends[0] <= 0 <= ends[1])
    assert np.mean(held) >= 0.93
    assert np.mean(naive) < np.mean(held)


def test_one_seed_gives_the_interval_of_groups():
    seeds, drawn = measured(np.random.default_rng(1), n_seeds=1)
    expected = corrected_interval(drawn, value=seeds.mean(), n_groups=16)
    assert interval_over_seeds(seeds.mean(), drawn, [seeds], n_groups=16) == expected


def test_intervals_are_cut_at_the_bounds_and_need_resamples():
    seeds = np.array([0.2, 0.9])
    drawn = np.full(50, 0.55) + np.random.default_rng(2).normal(0, 0.01, 50)
    assert interval_over_seeds(0.55, drawn, [seeds], n_groups=16, bounds=(0, 1)) == (0, 1)
    assert np.isnan(interval_over_seeds(0.55, None, [seeds], n_groups=16)).all()
