import numpy as np
import pytest
from sklearn.metrics import f1_score

from auscult.statistics.intervals import (
    MIN_GROUPS,
    MIN_SEEDS,
    bootstrap_statistic,
    cluster_bootstrap,
    corrected_interval,
    count_classes,
    crossed_bootstrap,
    hierarchical_bootstrap,
    macro_f1,
    percentile_interval,
)


def draw_hits(rng, n_groups, n_items=30):
    """Hits whose probability differs between groups, with mean 0.5."""
    groups = np.repeat(np.arange(n_groups), n_items)
    return (rng.random(len(groups)) < rng.uniform(0.2, 0.8, size=n_groups)[groups]).astype(float), groups


def draw_sums(kind, rng, n_groups):
    """Sums of groups, the statistic of interest and its true value."""
    sizes = np.full(n_groups, 30)
    match kind:
        case "mean":
            hits = rng.binomial(sizes, rng.uniform(0.2, 0.8, n_groups))
            return np.stack([hits, sizes], axis=1), lambda s: s[..., 0] / s[..., 1], 0.5
        case "mean_of_unequal_groups":
            sizes = rng.integers(8, 50, n_groups)
            hits = rng.binomial(sizes, rng.uniform(0.2, 0.8, n_groups))
            return np.stack([hits, sizes], axis=1), lambda s: s[..., 0] / s[..., 1], 0.5
        case "accuracy_near_1":
            hits = rng.binomial(sizes, rng.beta(19, 1, n_groups))
            return np.stack([hits, sizes], axis=1), lambda s: s[..., 0] / s[..., 1], 0.95
        case "explained_variance":
            parts = rng.gamma(4, [1, 2.5], size=(n_groups, 2))
            return parts, lambda s: 1 - s[..., 0] / s[..., 1], 0.6
        case "difference":
            before = rng.uniform(0.3, 0.8, n_groups)
            after = before + rng.uniform(-0.1, 0.2, n_groups)
            sums = np.stack([rng.binomial(sizes, after), rng.binomial(sizes, before), sizes], axis=1)
            return sums, lambda s: (s[..., 0] - s[..., 1]) / s[..., 2], 0.05


KINDS = ("mean", "mean_of_unequal_groups", "accuracy_near_1", "explained_variance", "difference")


def measure_coverage(kind, n_groups, n_draws):
    rng, covered = np.random.default_rng(1), 0
    for seed in range(n_draws):
        sums, statistic, truth = draw_sums(kind, rng, n_groups)
        low, high = bootstrap_statistic(sums, statistic, n_resamples=400, seed=seed)
        covered += low <= truth <= high
    return covered / n_draws


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_over_sixteen_groups_cover_the_truth_about_95_percent_of_the_time(kind):
    # Percentile intervals cover .91 to .93. The standard error of a proportion of 800 is .008.
    assert 0.93 <= measure_coverage(kind, 16, 800) <= 0.975


@pytest.mark.parametrize(("n_groups", "least"), [(8, 0.89), (12, 0.915), (24, 0.92)])
def test_intervals_over_fewer_or_more_groups_cover_for_all_kinds(n_groups, least):
    assert min(measure_coverage(kind, n_groups, 300) for kind in KINDS) >= least


def test_intervals_contain_their_value_and_stay_within_bounds():
    rng = np.random.default_rng(0)
    for kind in KINDS[:3]:
        for seed in range(40):
            sums, statistic, _ = draw_sums(kind, rng, 7)
            low, high = bootstrap_statistic(sums, statistic, n_resamples=200, seed=seed)
            assert 0 <= low <= statistic(sums.sum(axis=0)) <= high <= 1


def test_interval_is_corrected_for_a_bias_of_the_resamples():
    values = np.random.default_rng(0).normal(1, 1, size=4000)
    low, high = corrected_interval(values, value=0.0, degrees=1e9)
    # One standard deviation of bias shifts levels by two: from 1 ± 1.96 to −1 ± 1.96.
    assert (low, high) == (pytest.approx(-2.96, abs=0.4), pytest.approx(0.96, abs=0.1))


def test_interval_without_groups_or_degrees_of_freedom_is_an_error():
    with pytest.raises(ValueError, match="expected either n_groups or degrees"):
        corrected_interval(np.arange(9.0), value=4.0)


def draw_crossed(rng, shape, spreads):
    """Items of two crossed factors with effects of their own: values with mean 0, rows and columns."""
    rows, columns = np.indices(shape).reshape(2, -1)
    effects = [spread * rng.normal(size=n) for spread, n in zip(spreads, shape)]
    return effects[0][rows] + effects[1][columns] + rng.normal(size=len(rows)), rows, columns


@pytest.mark.parametrize("spreads", [(1, 1), (1, 0), (0, 1)])
def test_intervals_over_speakers_and_types_cover_where_those_over_speakers_do_not(spreads):
    rng, covered, over_rows = np.random.default_rng(0), 0, 0
    for seed in range(300):
        values, rows, columns = draw_crossed(rng, (16, 20), spreads)
        low, high = crossed_bootstrap(values, np.ones_like(values), rows, columns, n_resamples=300, seed=seed)
        covered += low <= 0 <= high
        low, high = cluster_bootstrap(values, np.ones_like(values), rows, n_resamples=300, seed=seed)
        over_rows += low <= 0 <= high
    assert covered / 300 >= 0.93
    assert over_rows / 300 < 0.9 or not spreads[1]


@pytest.mark.parametrize("spreads", [(1, 1), (0.2, 1), (1, 0)])
def test_intervals_over_three_seeds_and_their_speakers_cover(spreads):
    rng, covered = np.random.default_rng(0), 0
    for seed in range(300):
        values, seeds, speakers = draw_crossed(rng, (3, 16), spreads)
        low, high = hierarchical_bootstrap(values, np.ones_like(values), seeds, speakers, n_resamples=300, seed=seed)
        covered += low <= 0 <= high
    assert covered / 300 >= 0.93


def test_intervals_over_speakers_alone_miss_what_seeds_add():
    rng, covered = np.random.default_rng(0), 0
    for seed in range(200):
        values, _, speakers = draw_crossed(rng, (3, 16), (1, 1))
        low, high = cluster_bootstrap(values, np.ones_like(values), speakers, n_resamples=300, seed=seed)
        covered += low <= 0 <= high
    assert covered / 200 < 0.75


def test_interval_over_seeds_is_cut_at_its_bounds_and_needs_three_seeds():
    seeds, groups = np.indices((3, MIN_GROUPS)).reshape(2, -1)
    hits = np.array([1.0, 0.9, 0.7])[seeds]
    low, high = hierarchical_bootstrap(hits, np.ones_like(hits), seeds, groups, bounds=(0, 1), seed=0)
    assert 0 <= low < 0.8
    assert high == 1
    few = seeds < MIN_SEEDS - 1
    assert np.isnan(hierarchical_bootstrap(hits[few], np.ones(few.sum()), seeds[few], groups[few], seed=0)).all()


def test_too_few_levels_of_a_factor_give_no_crossed_interval():
    values, rows, columns = draw_crossed(np.random.default_rng(0), (MIN_GROUPS, MIN_GROUPS - 1), (1, 1))
    assert np.isnan(crossed_bootstrap(values, np.ones_like(values), rows, columns, seed=0)).all()


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
    # Resamples, the groups left out one by one, and the value itself.
    assert sizes == [50, 9, 1, 8, 8, 8, 8, 8, 8, 2, 8, 1, 1]


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
