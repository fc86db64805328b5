import numpy as np
import pytest
from reference import bootstrap_interval
from sklearn.metrics import f1_score

from auscult.statistics.intervals import (
    MIN_GROUPS,
    bootstrap_statistic,
    cluster_bootstrap,
    count_classes,
    macro_f1,
    percentile_interval,
)


def draw_hits(rng, n_groups, n_items=30):
    """Hits whose probability differs between groups, with mean 0.5."""
    groups = np.repeat(np.arange(n_groups), n_items)
    return (rng.random(len(groups)) < rng.uniform(0.2, 0.8, size=n_groups)[groups]).astype(float), groups


def test_interval_agrees_with_resampling_group_by_group():
    hits, groups = draw_hits(np.random.default_rng(0), 10)
    weights = np.random.default_rng(1).uniform(0.5, 1.5, size=len(hits))
    fast = cluster_bootstrap(hits * weights, weights, groups, n_resamples=4000, seed=2)
    # Both are random: the standard error of a 2.5 % quantile of 4,000 resamples is about 0.004 here.
    assert fast == pytest.approx(bootstrap_interval(hits * weights, weights, groups, 4000, 3), abs=0.02)


def test_intervals_over_forty_groups_cover_the_truth_about_95_percent_of_the_time():
    rng, covered = np.random.default_rng(0), 0
    for seed in range(300):
        hits, groups = draw_hits(rng, 40)
        low, high = cluster_bootstrap(hits, np.ones_like(hits), groups, n_resamples=300, seed=seed)
        covered += low <= 0.5 <= high
    # The standard error of a proportion of 300 is 0.013.
    assert 0.90 <= covered / 300 <= 0.98


def test_resampling_items_as_if_they_were_independent_covers_too_rarely():
    rng, covered = np.random.default_rng(0), 0
    for seed in range(100):
        hits = draw_hits(rng, 12)[0]
        low, high = cluster_bootstrap(hits, np.ones_like(hits), np.arange(len(hits)), n_resamples=200, seed=seed)
        covered += low <= 0.5 <= high
    assert covered / 100 < 0.85


def test_fewer_groups_than_an_interval_needs_give_none():
    hits, groups = draw_hits(np.random.default_rng(0), MIN_GROUPS - 1)
    assert np.isnan(cluster_bootstrap(hits, np.ones_like(hits), groups, seed=0)).all()
    hits, groups = draw_hits(np.random.default_rng(0), MIN_GROUPS)
    assert np.isfinite(cluster_bootstrap(hits, np.ones_like(hits), groups, seed=0)).all()


def test_groups_without_weight_do_not_count_as_groups():
    hits, groups = draw_hits(np.random.default_rng(0), MIN_GROUPS)
    assert np.isnan(cluster_bootstrap(hits, (groups > 0).astype(float), groups, seed=0)).all()


def test_same_seed_gives_the_same_interval():
    hits, groups = draw_hits(np.random.default_rng(0), 8)
    first, second, other = (cluster_bootstrap(hits, np.ones_like(hits), groups, seed=seed) for seed in (1, 1, 2))
    assert first == second
    assert first != other


def test_groups_that_agree_give_an_interval_of_no_width():
    sums = np.tile([[3.0, 4.0]], (9, 1))
    assert bootstrap_statistic(sums, lambda s: s[:, 0] / s[:, 1], seed=0) == (0.75, 0.75)


def test_chunks_of_resamples_change_nothing(monkeypatch):
    sums, sizes = np.random.default_rng(0).uniform(1, 2, size=(9, 2)), []

    def ratio(totals):
        sizes.append(len(totals))
        return totals[:, 0] / totals[:, 1]

    whole = bootstrap_statistic(sums, ratio, n_resamples=50, seed=0)
    monkeypatch.setattr("auscult.statistics.intervals._CHUNK", 16)
    assert bootstrap_statistic(sums, ratio, n_resamples=50, seed=0) == pytest.approx(whole, abs=1e-12)
    assert sizes == [50, 8, 8, 8, 8, 8, 8, 2]


def test_a_few_undefined_resamples_are_left_out_and_many_leave_no_interval(caplog):
    values = np.arange(100.0)
    values[:9] = np.nan
    assert percentile_interval(values) == pytest.approx(tuple(np.quantile(values[9:], [0.025, 0.975])))
    values[:11] = np.inf
    with caplog.at_level("INFO"):
        assert np.isnan(percentile_interval(values)).all()
    assert "no interval: the statistic is undefined in 11 of 100 resamples" in caplog.text


def test_no_resamples_give_no_interval():
    assert np.isnan(bootstrap_statistic(np.ones((9, 1)), lambda s: s[:, 0], n_resamples=0, seed=0)).all()


def test_macro_f1_equals_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    truth, predicted, groups = rng.integers(5, size=200), rng.integers(6, size=200), rng.integers(4, size=200)
    counts = count_classes(truth, predicted, groups, 6)
    expected = f1_score(truth, predicted, labels=range(5), average="macro")
    assert macro_f1(counts.sum(axis=0)) == pytest.approx(expected, abs=1e-12)
    inside = groups == 2
    assert counts[2, 2].tolist() == np.bincount(truth[inside], minlength=6).tolist()
