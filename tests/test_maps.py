import numpy as np
import pytest
from reference import item_trustworthiness as slow_trustworthiness
from sklearn.manifold import trustworthiness

from auscult.errors import AnalysisError
from auscult.maps import fit_map, item_trustworthiness


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
    monkeypatch.setattr("auscult.maps._BLOCK", 11)
    assert np.allclose(item_trustworthiness(clusters[0], placed, 7), whole, atol=1e-12)


def test_pca_keeps_the_directions_of_largest_variance():
    x = np.random.default_rng(0).normal(size=(500, 5)) * np.array([1, 9, 1, 4, 1])
    placed = fit_map("pca", x)(x)
    # An axis has the sign of its largest weight, so that it runs along the feature, not against it.
    assert np.corrcoef(placed[:, 0], x[:, 1])[0, 1] > 0.99
    assert np.corrcoef(placed[:, 1], x[:, 3])[0, 1] > 0.99


def test_mirrored_features_mirror_the_map_at_most_by_their_largest_weight():
    x = np.random.default_rng(0).normal(size=(100, 3)) * np.array([9, 4, 1])
    assert np.allclose(fit_map("pca", x)(x), fit_map("pca", x[::-1])(x), atol=1e-9)


def test_lda_separates_classes_that_pca_does_not_see():
    rng = np.random.default_rng(0)
    labels = np.repeat(["a", "b", "c"], 60)
    x = rng.normal(size=(180, 6)) * np.array([20, 20, 20, 1, 1, 1])
    x[:, 3:] += 6 * np.repeat(np.eye(3), 60, axis=0)
    placed = fit_map("lda", x, labels)(x)
    centres = np.stack([placed[labels == name].mean(axis=0) for name in "abc"])
    nearest = np.linalg.norm(placed[:, None] - centres, axis=2).argmin(axis=1)
    assert (np.array(list("abc"))[nearest] == labels).mean() > 0.97


def test_tsne_maps_the_items_it_is_given_and_repeats_itself(clusters):
    place = fit_map("tsne", clusters[0], seed=1)
    first = place(clusters[0][:40])
    assert first.shape == (40, 2)
    assert (place(clusters[0][:40]) == first).all()


def test_umap_places_new_items_beside_their_own_kind_and_repeats_itself(clusters):
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
    with pytest.raises(AnalysisError, match="expected methods of pca, lda, umap, tsne, found 'isomap'"):
        fit_map("isomap", clusters[0])
