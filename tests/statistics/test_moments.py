import numpy as np
import pytest
from reference import ridge_scores
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeClassifier
from sklearn.preprocessing import StandardScaler

from auscult.statistics.moments import JointMoments, Moments, MomentsByGroup, fit_pca, fit_ridge

PENALTIES = (1e-5, 1e-2, 1.0, 100.0)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(6, 6))
    x = rng.normal(size=(90, 6)) @ mixing + np.array([0, 0, 50, 0, 0, -7])
    codes = ((x - x.mean(axis=0)) @ rng.normal(size=(6, 3)) + rng.normal(size=(90, 3))).argmax(axis=1)
    return x, np.eye(3)[codes], np.repeat(np.arange(5), 18)


def parts(moments):
    return np.concatenate([np.ravel(part) for part in vars(moments).values()])


def test_moments_are_those_of_the_items(data):
    x, y, _ = data
    moments = Moments.of(x, y)
    assert np.allclose(moments.covariance, np.cov(x.T, bias=True), rtol=1e-10)
    assert np.allclose(moments.cross_covariance, (x - x.mean(0)).T @ y / len(x), rtol=1e-9, atol=1e-12)
    assert np.allclose(1 / moments.inverse_scale, x.std(axis=0), rtol=1e-10)


@pytest.mark.parametrize("chunk", [1, 7, 90])
def test_chunk_size_and_order_do_not_matter(data, chunk):
    x, y, groups = data
    whole, pieces = MomentsByGroup().accumulate(x, y, groups), MomentsByGroup()
    for start in reversed(range(0, len(x), chunk)):
        pieces.accumulate(*(array[start : start + chunk] for array in (x, y, groups)))
    assert all(np.allclose(parts(pieces[g]), parts(whole[g]), rtol=1e-12) for g in whole.groups)


def test_leaving_a_group_out_by_subtraction_equals_summing_the_others(data):
    grouped = MomentsByGroup().accumulate(*data)
    others = grouped.total(group for group in grouped.groups if group != 3)
    assert np.allclose(parts(grouped.total() - grouped[3]), parts(others), rtol=1e-9, atol=1e-9)


def test_merging_shards_equals_one_pass(data):
    x, y, groups = data
    merged = MomentsByGroup().accumulate(x[:40], y[:40], groups[:40])
    merged.merge(MomentsByGroup().accumulate(x[40:], y[40:], groups[40:]))
    assert merged.groups == (0, 1, 2, 3, 4)
    assert np.allclose(parts(merged.total()), parts(Moments.of(x, y)), rtol=1e-12)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_ridge_equals_a_direct_fit_on_standardised_features(data, penalty):
    x, y, _ = data
    found = fit_ridge(Moments.of(x, y), [penalty]).predict(x)[:, 0]
    assert np.allclose(found, ridge_scores(x, y, penalty, x), atol=1e-9)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_ridge_decides_like_that_of_scikit_learn(data, penalty):
    x, y, _ = data
    z = StandardScaler().fit_transform(x)
    oracle = RidgeClassifier(alpha=penalty * len(x)).fit(z, y.argmax(axis=1))
    scores = fit_ridge(Moments.of(x, y), [penalty]).predict(x)[:, 0]
    # Scikit-learn codes classes as −1 and 1, we as 0 and 1.
    assert np.allclose(2 * scores - 1, oracle.decision_function(z), atol=1e-9)


def test_scaling_and_shifting_features_changes_no_prediction(data):
    x, y, _ = data
    rng = np.random.default_rng(1)
    moved = x * rng.uniform(0.01, 100, size=6) + rng.normal(size=6)
    before, after = (fit_ridge(Moments.of(v, y), PENALTIES).predict(v) for v in (x, moved))
    assert np.allclose(before, after, atol=1e-8)


def test_rotating_features_changes_no_prediction_when_their_covariance_is_white(data):
    x, y, _ = data
    white = np.linalg.qr(x - x.mean(axis=0))[0]
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
    before, after = (fit_ridge(Moments.of(v, y), PENALTIES).predict(v) for v in (white, white @ rotation))
    assert np.allclose(before, after, atol=1e-9)


@pytest.mark.parametrize("constant", [0.0, 0.1, 12345.6])
def test_constant_dimensions_have_zero_weight_and_change_nothing(data, constant):
    x, y, groups = data
    padded = np.insert(x, 2, np.float32(constant), axis=1)
    path = fit_ridge(MomentsByGroup().accumulate(padded, y, groups).total(), PENALTIES)
    assert (path.weights[:, 2] == 0).all()
    assert np.allclose(path.predict(padded), fit_ridge(Moments.of(x, y), PENALTIES).predict(x), atol=1e-9)


def test_more_dimensions_than_items_are_no_obstacle(data):
    y = data[1]
    wide = np.random.default_rng(1).normal(size=(20, 50))
    found = fit_ridge(Moments.of(wide, y[:20]), [0.1]).predict(wide)[:, 0]
    assert np.allclose(found, ridge_scores(wide, y[:20], 0.1, wide), atol=1e-9)


def test_float32_vectors_far_from_zero_keep_their_precision():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(4000, 4)) + 1000).astype(np.float32)
    y = np.eye(2)[(x[:, 0] > 1000).astype(int)]
    path = fit_ridge(Moments.of(x, y), [1e-5])
    # float32 vectors near 1000 are exact to 6e-5, a standard deviation being 1.
    assert np.allclose(path.predict(x), path.predict(x.astype(np.float64)), atol=1e-4)
    centred = x.astype(np.float64) - 1000
    assert np.allclose(path.weights, fit_ridge(Moments.of(centred, y), [1e-5]).weights, rtol=1e-6)


@pytest.fixture
def joint():
    rng = np.random.default_rng(2)
    return rng.normal(size=(90, 6)) + 1, rng.normal(size=(90, 4)) - 2, rng.integers(5, size=90)


def equal(one, other, **tolerance):
    return all(np.allclose(a, b, **tolerance) for a, b in zip(vars(one).values(), vars(other).values()))


def test_joint_moments_are_the_sums_of_each_group(joint):
    x, y, groups = joint
    moments = JointMoments.of(x, y, groups)
    a, b = x[groups == 3], y[groups == 3]
    for found, expected in zip(vars(moments).values(), [len(a), a.sum(0), b.sum(0), a.T @ b], strict=True):
        assert np.allclose(found[3], expected, rtol=1e-12)


def test_joint_moments_of_chunks_add_up_and_subtract(joint, monkeypatch):
    x, y, groups = joint
    whole = JointMoments.of(x, y, groups)
    parts = [JointMoments.of(x[i : i + 7], y[i : i + 7], groups[i : i + 7], 5) for i in range(0, 90, 7)]
    assert equal(sum(parts[1:], parts[0]), whole, rtol=1e-12)
    assert equal(whole - parts[0], sum(parts[2:], parts[1]), rtol=1e-9, atol=1e-9)
    monkeypatch.setattr("auscult.statistics.moments._BLOCK", 3)
    assert equal(JointMoments.of(x, y, groups), whole, rtol=1e-12)


def test_weights_of_groups_leave_out_and_resample(joint):
    x, y, groups = joint
    moments, weights = JointMoments.of(x, y, groups), np.array([0, 1, 2, 0, 1.0])
    rows = np.repeat(np.arange(90), weights[groups].astype(int))
    expected = (x[rows] - x[rows].mean(0)).T @ (y[rows] - y[rows].mean(0)) / len(rows)
    assert np.allclose(moments.covariance(weights), expected, atol=1e-12)
    assert np.allclose(moments.swapped.covariance(weights), expected.T, atol=1e-12)
    mean_x, mean_y = moments.means(weights)
    own = groups == 2
    assert np.allclose(moments.about(2, mean_x, mean_y), (x[own] - mean_x).T @ (y[own] - mean_y), atol=1e-10)


def test_float32_products_keep_the_tolerance_stated():
    rng = np.random.default_rng(0)
    x, groups = (rng.normal(size=(6000, 64)) * np.geomspace(1e-2, 1e2, 64)).astype(np.float32), np.arange(6000) % 2
    exact, found = (JointMoments.of(v, v, groups).cross for v in (x.astype(np.float64), x))
    scale = np.sqrt(np.einsum("gii,gjj->gij", exact, exact))
    assert np.abs((found - exact) / scale).max() < 1e-5


def test_principal_axes_equal_those_of_scikit_learn(data):
    x = data[0]
    variances, axes = fit_pca(Moments.of(x, x[:, :0]).covariance)
    oracle = PCA().fit(x)
    assert np.allclose(variances, oracle.explained_variance_ * (len(x) - 1) / len(x), rtol=1e-9)
    assert np.allclose(np.abs(oracle.components_ @ axes), np.eye(6), atol=1e-6)
