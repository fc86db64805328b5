from functools import partial

import numpy as np
import pytest
from reference import item_trustworthiness as slow_trustworthiness
from scipy.spatial import procrustes
from scipy.spatial.distance import cdist, pdist
from sklearn.manifold import smacof, trustworthiness

from auscult.analyses.reduction import projections
from auscult.analyses.reduction.projections import item_trustworthiness, neighbour_overlap, shape_agreement
from auscult.errors import AnalysisError

fit_map = partial(projections.fit_map, n_neighbours=15, seed=0)


@pytest.fixture
def clusters():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 30)
    return (rng.normal(size=(4, 8))[labels] * 3 + rng.normal(size=(120, 8))), labels


@pytest.mark.parametrize("n_neighbours", [1, 5, 15])
def test_trustworthiness_equals_scikit_learn_on_average_and_its_definition_item_by_item(clusters, n_neighbours):
    x, placed = clusters[0][::3], np.random.default_rng(1).normal(size=(40, 2))
    found = item_trustworthiness(x, placed, n_neighbours)
    assert found.mean() == pytest.approx(trustworthiness(x, placed, n_neighbors=n_neighbours), abs=1e-12)
    assert found == pytest.approx(slow_trustworthiness(x, placed, n_neighbours), abs=1e-12)


def test_a_faithful_map_is_fully_trustworthy_and_a_permuted_one_half():
    x = np.random.default_rng(0).normal(size=(600, 2))
    assert item_trustworthiness(x, -3 * x, 10).min() == 1
    assert item_trustworthiness(x, np.random.default_rng(1).permutation(x), 10).mean() == pytest.approx(0.5, abs=0.03)


def test_trustworthiness_does_not_depend_on_the_block_size(clusters, monkeypatch):
    placed = clusters[0][:, :2]
    whole = item_trustworthiness(clusters[0], placed, 7)
    monkeypatch.setattr("auscult.analyses.reduction.projections._BLOCK", 11)
    assert np.allclose(item_trustworthiness(clusters[0], placed, 7), whole, atol=1e-12)


def test_pca_keeps_the_directions_of_largest_variance():
    x = np.random.default_rng(0).normal(size=(500, 5)) * np.array([1, 9, 1, 4, 1])
    placed = fit_map("pca", x)(x)
    # The sign of an axis makes its largest weight positive.
    assert np.corrcoef(placed[:, 0], x[:, 1])[0, 1] > 0.99
    assert np.corrcoef(placed[:, 1], x[:, 3])[0, 1] > 0.99


@pytest.mark.parametrize("method", ["pca", "lda"])
def test_a_mirrored_feature_mirrors_the_axis_that_runs_along_it_and_no_other(method):
    rng, labels = np.random.default_rng(0), np.arange(90) % 3
    x = rng.normal(size=(90, 3)) + np.array([[20, 0, 0], [-20, 8, 0], [-20, -8, 0]])[labels]
    mirrored = x * [-1, 1, 1]
    placed, other = (fit_map(method, each, labels)(each) for each in (x, mirrored))
    assert np.allclose(other, placed * [-1, 1], atol=1e-6)


def test_lda_separates_classes_that_pca_does_not_see():
    rng = np.random.default_rng(0)
    labels = np.repeat(["a", "b", "c"], 60)
    x = rng.normal(size=(180, 6)) * np.array([20, 20, 20, 1, 1, 1])
    x[:, 3:] += 6 * np.repeat(np.eye(3), 60, axis=0)
    placed = fit_map("lda", x, labels)(x)
    centres = np.stack([placed[labels == name].mean(axis=0) for name in "abc"])
    nearest = np.linalg.norm(placed[:, None] - centres, axis=2).argmin(axis=1)
    assert (np.array(list("abc"))[nearest] == labels).mean() > 0.97


def stress(x, placed):
    return ((pdist(placed) - pdist(x)) ** 2).sum()


def test_mds_of_points_in_a_plane_keeps_every_distance(clusters):
    x = np.pad(clusters[0][:, :2], ((0, 0), (0, 6))) @ np.linalg.qr(np.random.default_rng(2).normal(size=(8, 8)))[0]
    place = fit_map("mds", x[::2])
    assert np.allclose(cdist(place(x[::2]), place(x[1::2])), cdist(x[::2], x[1::2]), atol=1e-3)


def test_mds_reaches_the_stress_of_scikit_learn_and_less_than_pca(clusters):
    x, start = clusters[0], fit_map("pca", clusters[0])(clusters[0])
    peer = smacof(cdist(x, x), init=start, n_init=1, max_iter=1000, eps=1e-9, normalized_stress=False)[1]
    # Its stress counts each pair once, as pdist does.
    assert stress(x, fit_map("mds", x)(x)) == pytest.approx(peer, rel=0.02)
    assert stress(x, start) > 1.5 * peer


def test_mds_places_new_items_where_their_distances_to_the_landmarks_fit_best(clusters):
    x, labels = clusters
    place = fit_map("mds", x[::2])
    on_map, added = place(x[::2]), place(x[1::2])
    nearest = cdist(added, on_map).argmin(axis=1)
    assert (labels[::2][nearest] == labels[1::2]).mean() > 0.9
    error = ((cdist(added, on_map) - cdist(x[1::2], x[::2])) ** 2).sum()
    nudged = added + 0.1 * np.random.default_rng(0).choice([-1, 1], size=added.shape)
    assert error < ((cdist(nudged, on_map) - cdist(x[1::2], x[::2])) ** 2).sum()


def test_mds_depends_on_its_seed_only_through_the_landmarks(clusters, monkeypatch):
    x = clusters[0]
    assert np.allclose(fit_map("mds", x, seed=1)(x), fit_map("mds", x, seed=2)(x))
    monkeypatch.setattr("auscult.analyses.reduction.projections._N_LANDMARKS", 40)
    one, again, other = (fit_map("mds", x, seed=seed)(x) for seed in (1, 1, 2))
    assert (one == again).all()
    assert not np.allclose(one, other)
    # A third of the items as landmarks gives nearly the same stress as all items.
    assert stress(x, one) < 1.1 * stress(x, fit_map("mds", x, seed=1)(x)) + 1e-9


def test_neighbours_overlap_fully_on_a_turned_map_and_by_chance_on_a_permuted_one(clusters):
    places = clusters[0][:, :2]
    turned = 3 * places @ np.array([[0, -1], [1, 0]]) + 5
    assert neighbour_overlap(places, turned, 7).min() == 1
    permuted = np.random.default_rng(0).permutation(places)
    assert neighbour_overlap(places, permuted, 7).mean() == pytest.approx(7 / 240, abs=0.03)


def test_neighbour_overlap_is_the_jaccard_index_of_neighbour_sets(clusters):
    one, other = clusters[0][:, :2], clusters[0][:, 1:3]
    near = [np.argsort(cdist(places, places) + np.diag([np.inf] * 120), axis=1)[:, :5] for places in (one, other)]
    expected = [len({*a} & {*b}) / len({*a} | {*b}) for a, b in zip(*near)]
    assert neighbour_overlap(one, other, 5) == pytest.approx(expected)


def test_shapes_agree_on_average_by_one_minus_the_procrustes_disparity(clusters):
    one, other = clusters[0][:, :2], clusters[0][:, 1:3]
    assert shape_agreement(one, other).mean() == pytest.approx(1 - procrustes(one, other)[2], abs=1e-12)
    assert shape_agreement(one, -2 * one[:, ::-1] + 1) == pytest.approx(np.ones(120), abs=1e-9)


def test_tsne_maps_the_given_items_and_is_reproducible(clusters):
    place = fit_map("tsne", clusters[0], seed=1)
    first = place(clusters[0][:40])
    assert first.shape == (40, 2)
    assert (place(clusters[0][:40]) == first).all()


def test_umap_places_new_items_near_their_class_and_is_reproducible(clusters):
    x, labels = clusters
    known, new = np.arange(120) % 2 == 0, np.arange(120) % 2 == 1
    places = []
    for _ in range(2):
        place = fit_map("umap", x[known], n_neighbours=8, seed=3)
        places.append((place(x[known]), place(x[new])))
    on_map, added = places[0]
    assert (added == places[1][1]).all()
    nearest = np.linalg.norm(added[:, None] - on_map[None], axis=2).argmin(axis=1)
    assert (labels[known][nearest] == labels[new]).mean() > 0.9


def test_two_classes_are_too_few_for_two_axes_of_lda(clusters):
    labels = np.array(["a"] * 60 + ["b"] * 59 + ["c"])
    with pytest.raises(
        AnalysisError, match=r"expected three classes or more with two items each .* found 2 of 3 classes"
    ):
        fit_map("lda", clusters[0], labels)


def test_an_unknown_method_lists_those_that_exist(clusters):
    with pytest.raises(AnalysisError, match="expected methods of pca, lda, mds, umap, tsne, found 'isomap'"):
        fit_map("isomap", clusters[0])
