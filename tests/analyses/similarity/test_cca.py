import numpy as np
import pytest
from sklearn.cross_decomposition import CCA
from sklearn.linear_model import Ridge

from auscult.analyses.similarity.cca import Spaces, canonical_directions, held_out_alignment
from auscult.analyses.similarity.cka import HsicSums, cka_interval
from auscult.errors import AnalysisError
from auscult.statistics.moments import JointMoments

RNG = np.random.default_rng
N, GROUPS = 1200, np.repeat(np.arange(12), 100)
FOLDS = np.arange(12) % 4


def joint(x, y, groups=GROUPS):
    return Spaces(JointMoments.of(x, x, groups), JointMoments.of(y, y, groups), JointMoments.of(x, y, groups))


def measure(x, y, metric, folds=FOLDS, **settings):
    settings = {"n_resamples": 200, "seed": 0, "shrinkages": (1e-6,)} | settings
    return held_out_alignment(joint(x, y), folds, metric, **settings)


def linear_cka(x, y):
    spaces = joint(x - x.mean(0), y - y.mean(0))
    sums = (HsicSums.of(moments) for moments in (spaces.xy, spaces.xx, spaces.yy))
    return cka_interval(*sums, n_resamples=100, seed=0)[0]


def plant_shared(n_shared, n_dims=10, seed=0, noise=0.0):
    """Return two spaces that share a subspace of known dimension, each seen through a mixing of its own."""
    rng = RNG(seed)
    shared = rng.normal(size=(N, n_shared))
    own = (np.hstack([shared, rng.normal(size=(N, n_dims - n_shared))]) for _ in range(2))
    return [v @ rng.normal(size=(n_dims, n_dims)) + noise * rng.normal(size=(N, n_dims)) for v in own]


def test_canonical_correlations_equal_those_of_scikit_learn():
    x, y = plant_shared(2, 4, noise=0.5)
    x, y = x - x.mean(0), y - y.mean(0)
    a, b, correlations = canonical_directions(x.T @ x / N, y.T @ y / N, x.T @ y / N, 0)
    u, v = CCA(n_components=4, max_iter=5000, tol=1e-12).fit_transform(x, y)
    oracle = [np.corrcoef(u[:, i], v[:, i])[0, 1] for i in range(4)]
    assert np.allclose(correlations, oracle, atol=1e-4)
    assert np.allclose((x @ a).T @ (x @ a) / N, np.eye(4), atol=1e-9)
    assert np.allclose((x @ a).T @ (y @ b) / N, np.diag(correlations), atol=1e-9)


@pytest.mark.parametrize("n_shared", [1, 3, 7])
def test_a_shared_subspace_is_found_with_its_dimension(n_shared):
    x, y = plant_shared(n_shared)
    # Of ten correlations those of the shared dimensions are 1, the others 0 on speakers not fitted.
    assert measure(x, y, "cca")[0] == pytest.approx(n_shared / 10, abs=0.03)


def test_held_out_correlations_equal_a_loop_over_folds_on_the_items():
    x, y = plant_shared(2, 5, noise=0.7)
    sums = np.zeros((3, 5))
    for fold in range(4):
        test = np.isin(GROUPS, np.flatnonzero(fold == FOLDS))
        mean_x, mean_y = x[~test].mean(0), y[~test].mean(0)
        p, q = x[~test] - mean_x, y[~test] - mean_y
        a, b, _ = canonical_directions(p.T @ p / len(p), q.T @ q / len(q), p.T @ q / len(p), 1e-6)
        u, v = (x[test] - mean_x) @ a, (y[test] - mean_y) @ b
        sums += [(u * v).sum(0), (u * u).sum(0), (v * v).sum(0)]
    assert measure(x, y, "cca")[0] == pytest.approx((sums[0] / np.sqrt(sums[1] * sums[2])).mean(), abs=1e-9)


def test_explained_variance_equals_a_loop_over_scikit_learn():
    x, y = plant_shared(3, 6, noise=0.7)
    error = total = 0
    for fold in range(4):
        test = np.isin(GROUPS, np.flatnonzero(fold == FOLDS))
        penalty = 1e-2 * x[~test].var(axis=0).mean() * (~test).sum()
        error += np.sum((y[test] - Ridge(alpha=penalty).fit(x[~test], y[~test]).predict(x[test])) ** 2)
        total += np.sum((y[test] - y[~test].mean(0)) ** 2)
    assert measure(x, y, "r2", shrinkages=(1e-2,))[0] == pytest.approx(1 - error / total, abs=1e-9)


@pytest.mark.parametrize("metric", ["cca", "svcca", "pwcca", "r2"])
def test_any_linear_map_of_a_space_is_the_same_space(metric):
    x = RNG(0).normal(size=(N, 8))
    assert measure(x, x @ RNG(1).normal(size=(8, 8)) + 5, metric)[0] == pytest.approx(1, abs=0.02)


def test_procrustes_sees_through_rotation_shift_and_scale_but_not_through_other_maps():
    rng = RNG(0)
    x = rng.normal(size=(N, 8)) * np.geomspace(0.1, 3, 8)
    rotation = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    assert measure(x, 7 * x @ rotation - 2, "procrustes")[0] == pytest.approx(1, abs=1e-6)
    assert measure(x, x * np.geomspace(30, 0.1, 8), "procrustes")[0] < 0.9


@pytest.mark.parametrize("metric", ["cca", "svcca", "pwcca", "procrustes", "r2"])
def test_unrelated_spaces_are_not_alike_on_speakers_not_fitted(metric):
    rng = RNG(2)
    x, y = rng.normal(size=(N, 60)), rng.normal(size=(N, 60))
    value, low, high = measure(x, y, metric)
    # Regression on 60 dimensions of noise explains less than the mean: about −60 / 900.
    assert (-0.12 if metric == "r2" else -0.02) < value < 0.02
    assert low < value < high


def test_fitted_and_measured_on_the_same_items_unrelated_spaces_look_alike():
    rng = RNG(2)
    x, y = rng.normal(size=(100, 40)), rng.normal(size=(100, 40))
    covariances = np.cov(x.T), np.cov(y.T), np.cov(x.T, y.T)[:40, 40:]
    assert canonical_directions(*covariances, 0)[2].mean() > 0.4


def test_a_factor_of_little_variance_is_hidden_from_cka_and_found_by_cca():
    rng = RNG(3)
    factor = rng.normal(size=(N, 1))
    x = np.hstack([0.1 * factor, rng.normal(size=(N, 9))]) @ np.linalg.qr(rng.normal(size=(10, 10)))[0]
    assert linear_cka(x, factor) < 0.01
    assert measure(x, factor, "cca")[0] > 0.99
    assert measure(x, factor, "r2")[0] > 0.99


def test_pwcca_counts_what_the_reference_consists_of():
    rng = RNG(4)
    shared = rng.normal(size=(N, 1))
    x = np.hstack([0.1 * shared, rng.normal(size=(N, 3))])
    y = np.hstack([10 * shared, rng.normal(size=(N, 3))])
    assert measure(x, y, "cca")[0] == pytest.approx(0.25, abs=0.05)
    assert measure(x, y, "pwcca")[0] > 0.6
    spaces = joint(x, y).swapped
    swapped = held_out_alignment(spaces, FOLDS, "pwcca", shrinkages=(1e-6,), n_resamples=100, seed=0)[0]
    assert swapped == pytest.approx(measure(y, x, "pwcca")[0])
    assert swapped < 0.3


@pytest.mark.parametrize("metric", ["cca", "svcca", "pwcca", "r2"])
def test_a_linear_map_to_fewer_dimensions_never_raises_the_value(metric):
    # Mel-cepstral coefficients are such a map of log-mel frames.
    rng = RNG(6)
    x = rng.normal(size=(N, 30)) * np.geomspace(3, 0.3, 30)
    y = x @ rng.normal(size=(30, 20)) + 3 * rng.normal(size=(N, 20))
    values = [measure(x[:, :kept], y, metric)[0] for kept in (2, 5, 10, 20, 30)]
    assert np.diff(values).min() > 0


def test_the_shrinkage_is_chosen_on_training_speakers():
    rng = RNG(7)
    items, groups = slice(0, 240), np.repeat(np.arange(12), 20)
    x = rng.normal(size=(240, 80)) * np.geomspace(3, 0.03, 80)
    y = x[items, :1] @ np.ones((1, 5)) + 2 * rng.normal(size=(240, 5))

    def explained(shrinkages):
        spaces = joint(x, y, groups)
        return held_out_alignment(spaces, FOLDS, "r2", shrinkages=shrinkages, n_resamples=100, seed=0)[0]

    assert explained((1e-6, 1.0)) == pytest.approx(explained((1.0,)))
    assert explained((1e-6, 1.0)) > explained((1e-6,)) + 0.1


def test_svcca_ignores_directions_that_hold_no_variance():
    rng = RNG(5)
    strong = rng.normal(size=(N, 3))
    x, y = (np.hstack([strong, 0.01 * rng.normal(size=(N, 7))]) for _ in range(2))
    assert measure(x, y, "svcca")[0] > 0.99
    assert measure(x, y, "cca")[0] < 0.4


def test_an_interval_needs_six_speakers():
    x, y = plant_shared(3, 6)
    few = np.repeat(np.arange(5), N // 5)
    result = held_out_alignment(joint(x, y, few), np.arange(5) % 4, "cca", shrinkages=(1e-3,), n_resamples=100, seed=0)
    assert np.isfinite(result[0])
    assert np.isnan(result[1:]).all()


def test_an_unknown_metric_lists_those_that_exist():
    x = RNG(0).normal(size=(N, 2))
    with pytest.raises(
        AnalysisError, match="expected one of the metrics cca, svcca, pwcca, procrustes, r2, found 'cc'"
    ):
        measure(x, x, "cc")


def test_one_fold_leaves_nothing_to_measure_on():
    x = RNG(0).normal(size=(N, 2))
    with pytest.raises(AnalysisError, match=r"expected at least two folds of speakers .* found one; add speakers"):
        measure(x, x, "cca", folds=np.zeros(12))


@pytest.mark.parametrize("metric", ["cca", "svcca", "procrustes", "r2"])
def test_a_constant_space_is_refused(metric):
    x = RNG(0).normal(size=(N, 2))
    with pytest.raises(AnalysisError, match="expected features that vary over the items, found a constant space"):
        measure(x, np.zeros((N, 2)), metric)
