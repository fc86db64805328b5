import numpy as np
import pytest
from rsatoolbox.data import Dataset
from rsatoolbox.rdm import calc_rdm, compare as compare_of_rsatoolbox
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr, spearmanr

from auscult.analyses.similarity.rsa import RDM_DISTANCES, Conditions, compare_rdms, draw_rdms, noise_ceiling, rdm
from auscult.errors import AnalysisError
from auscult.statistics.standardise import standardise_by_others

RNG = np.random.default_rng
OF_MEANS = RDM_DISTANCES[1:]


def make_items(n_speakers=8, n_conditions=10, n_dims=6, repeats=4, noise=0.5, seed=0):
    rng = RNG(seed)
    speakers = np.repeat(np.arange(n_speakers), n_conditions * repeats)
    conditions = np.tile(np.arange(n_conditions), n_speakers * repeats)
    centres = rng.normal(size=(n_conditions, n_dims))
    return centres[conditions] + noise * rng.normal(size=(len(speakers), n_dims)), conditions, speakers


def drawn(x, conditions, speakers, distance="cosine", **settings):
    return draw_rdms(Conditions.of(x, conditions, speakers), distance, **{"n_resamples": 200, "seed": 0} | settings)


def ceiling(x, conditions, speakers, distance="cosine", correlation="spearman"):
    return noise_ceiling(Conditions.of(x, conditions, speakers), distance, correlation)


def compare(one, other, correlation="spearman"):
    return compare_rdms(one, other, correlation)


@pytest.mark.parametrize("distance", OF_MEANS)
def test_distances_equal_those_of_scipy(distance):
    x = RNG(0).normal(size=(9, 5))
    assert np.allclose(rdm(x, distance), pdist(x, distance), atol=1e-12)


def test_distances_equal_those_of_rsatoolbox():
    x = RNG(0).normal(size=(9, 5))
    oracle = {name: calc_rdm(Dataset(x), method=name).dissimilarities[0] for name in ("correlation", "euclidean")}
    assert np.allclose(rdm(x, "correlation"), oracle["correlation"], atol=1e-12)
    # Its Euclidean distance is squared and divided by the number of dimensions.
    assert np.allclose(rdm(x, "euclidean") ** 2 / 5, oracle["euclidean"], atol=1e-12)


def crossvalidated_by_pairs(x, conditions, speakers):
    """Average products of items of different speakers, one by one."""
    n = conditions.max() + 1
    gram = np.full((n, n), np.nan)
    for i in range(n):
        for j in range(n):
            products = [
                x[a] @ x[b]
                for a in np.flatnonzero(conditions == i)
                for b in np.flatnonzero(conditions == j)
                if speakers[a] != speakers[b]
            ]
            gram[i, j] = np.mean(products) if products else np.nan
    return np.array([gram[i, i] + gram[j, j] - 2 * gram[i, j] for i, j in zip(*np.triu_indices(n, 1))])


def zipf_items(seed, n=1500, n_conditions=40, n_speakers=16):
    """Return conditions and speakers of items, the conditions about as skewed as words."""
    rng, odds = RNG(seed), 1 / np.arange(1, n_conditions + 1)
    drawn_conditions = rng.choice(n_conditions, n, p=odds / odds.sum())
    return np.unique(drawn_conditions, return_inverse=True)[1], rng.integers(0, n_speakers, n)


def standardised_space(seed, conditions, speakers, centres=0.0):
    """Return noise with a large common mean around centres, standardised by other speakers."""
    rng = RNG(seed)
    x = rng.normal(size=(len(conditions), 40)) + 5 * rng.normal(size=40) + centres
    return standardise_by_others(x, speakers)


def test_crossvalidated_distances_equal_products_of_items_of_different_speakers():
    rng = RNG(3)
    conditions, speakers = rng.integers(0, 4, 40), rng.integers(0, 3, 40)
    conditions[0] = 4  # of one speaker only
    x = rng.normal(size=(40, 5)) + 2
    found = Conditions.of(x, conditions, speakers).distances(np.ones((1, 3)), "crossvalidated")[0]
    expected = crossvalidated_by_pairs(x, conditions, speakers)
    assert np.isnan(expected).sum() == 4
    assert np.allclose(found, expected, equal_nan=True)


def test_a_speaker_drawn_twice_is_not_paired_with_itself():
    rng = RNG(4)
    conditions, speakers, x = rng.integers(0, 4, 60), rng.integers(0, 3, 60), rng.normal(size=(60, 5))
    found = Conditions.of(x, conditions, speakers).distances(np.array([[2, 0, 1]]), "crossvalidated")[0]
    rows = np.concatenate([np.flatnonzero(speakers == s) for s in (0, 0, 2)])
    assert np.allclose(found, crossvalidated_by_pairs(x[rows], conditions[rows], speakers[rows]))


def test_resamples_in_chunks_are_those_at_once(monkeypatch):
    conditions, weights = Conditions.of(*make_items()), RNG(0).integers(0, 3, (7, 8)).astype(float)
    at_once = conditions.crossvalidated(weights)
    monkeypatch.setattr("auscult.analyses.similarity.rsa._CHUNK", 130)
    assert np.allclose(conditions.crossvalidated(weights), at_once)


def test_crossvalidated_distances_are_unbiased_whatever_the_number_of_items():
    found = []
    for seed in range(40):
        conditions, speakers = zipf_items(seed, n_conditions=12)
        x = RNG(seed + 1000).normal(size=(len(conditions), 10))
        x[:, 0] += 3.0 * (conditions == 0)
        cross, biased = (
            Conditions.of(x, conditions, speakers).distances(np.ones((1, 16)), distance)[0]
            for distance in ("crossvalidated", "euclidean")
        )
        found.append((cross[0], cross[-1], biased[-1] ** 2))
    far, near, biased = np.mean(found, axis=0)
    assert far == pytest.approx(9, abs=0.3)
    assert near == pytest.approx(0, abs=0.1)
    assert biased > 0.4


def test_noise_of_rare_labels_is_no_shared_structure():
    found = []
    for seed in range(16):
        conditions, speakers = zipf_items(seed)
        x, y = (standardised_space((seed, number), conditions, speakers) for number in (1, 2))
        pair = (drawn(v, conditions, speakers, "crossvalidated", n_resamples=0) for v in (x, y))
        found.append((compare(*pair)[0], *ceiling(x, conditions, speakers, "crossvalidated")))
    values, low, _ = np.transpose(found)
    # Single spaces vary by about .1; distances between means correlate at .7 to .9 on raw vectors.
    assert abs(values.mean()) < 0.08
    assert np.abs(values).max() < 0.35
    assert np.isfinite(low).sum() <= 2


def test_planted_structure_survives_crossvalidation():
    conditions, speakers = zipf_items(0)
    centres = RNG(5).normal(size=(40, 40))[conditions]
    x, y = (standardised_space(seed, conditions, speakers, centres) for seed in (1, 2))
    value = compare(*(drawn(v, conditions, speakers, "crossvalidated", n_resamples=0) for v in (x, y)))[0]
    low, high = ceiling(x, conditions, speakers, "crossvalidated")
    assert value > 0.5
    assert value == pytest.approx(low, abs=0.1)
    assert low < high


def test_only_the_diagonal_is_left_out():
    assert rdm(np.eye(12), "cosine").shape == (12 * 11 // 2,)


def test_conditions_are_means_of_their_items_with_speakers_weighted():
    x, conditions, speakers = make_items(3, 4, 2)
    means = Conditions.of(x, conditions, speakers).means(np.array([1, 0, 2]))
    mine = conditions == 1
    expected = np.average(x[mine], axis=0, weights=np.array([1, 0, 2])[speakers[mine]])
    assert np.allclose(means[1], expected)


def test_correlations_equal_those_of_scipy_ties_included():
    x, conditions, speakers = make_items()
    y = np.round(x)
    one, other = drawn(x, conditions, speakers, "euclidean"), drawn(y, conditions, speakers, "euclidean")
    means = [Conditions.of(v, conditions, speakers).means(np.ones(8)) for v in (x, y)]
    vectors = [rdm(v, "euclidean") for v in means]
    assert compare(one, other, "spearman")[0] == pytest.approx(spearmanr(*vectors)[0], abs=1e-12)
    assert compare(one, other, "pearson")[0] == pytest.approx(pearsonr(*vectors)[0], abs=1e-12)


def test_each_resample_equals_the_correlation_over_the_pairs_drawn():
    x, conditions, speakers = make_items()
    y = np.round(x)
    one, other = drawn(x, conditions, speakers, n_resamples=3), drawn(y, conditions, speakers, n_resamples=3)
    found = []
    for row in range(1, 4):
        times = one.weights[row].astype(int)
        found.append(spearmanr(np.repeat(one.values[row], times), np.repeat(other.values[row], times))[0])
    interval = compare(one, other)[1:]
    assert interval == pytest.approx(tuple(np.quantile(found, [0.025, 0.975])), abs=1e-9)


def test_a_condition_drawn_twice_forms_no_pair_with_itself():
    x, conditions, speakers = make_items()
    found = drawn(x, conditions, speakers, "euclidean")
    assert (found.values[found.weights > 0] > 0).all()
    assert (found.weights.sum(axis=1) <= 45 + 1e-9).all()


@pytest.mark.parametrize("distance", RDM_DISTANCES)
def test_rotation_and_scaling_change_nothing(distance):
    x, conditions, speakers = make_items()
    moved = 9 * x @ np.linalg.qr(RNG(1).normal(size=(6, 6)))[0]
    if distance == "correlation":
        moved = 9 * x[:, ::-1]
    result = compare(drawn(x, conditions, speakers, distance), drawn(moved, conditions, speakers, distance))
    assert result == pytest.approx((1, 1, 1))


def test_unrelated_spaces_have_an_interval_around_zero():
    x, conditions, speakers = make_items(seed=1, n_conditions=20)
    other, *_ = make_items(seed=2, n_conditions=20)
    value, low, high = compare(drawn(x, conditions, speakers), drawn(other, conditions, speakers))
    assert low < 0 < high
    assert abs(value) < 0.3


def test_the_noise_ceiling_falls_as_speakers_differ():
    ceilings = [ceiling(*make_items(noise=noise)) for noise in (0.01, 1, 2)]
    assert ceilings[0][0] > 0.99
    assert all(low <= high for low, high in ceilings)
    assert ceilings[0][0] > ceilings[1][0] > ceilings[2][0]


def test_halves_that_agree_by_chance_give_no_ceiling():
    assert np.isnan(ceiling(*make_items(noise=30))).all()


@pytest.mark.parametrize("distance", ["crossvalidated", "cosine", "euclidean"])
def test_a_perfect_model_reaches_the_noise_ceiling(distance):
    found = []
    for seed in range(20):
        x, conditions, speakers = make_items(n_speakers=12, noise=2, seed=seed)
        # The centres that make_items draws first.
        centres = RNG(seed).normal(size=(10, 6))[conditions]
        value = compare(*(drawn(v, conditions, speakers, distance, n_resamples=0) for v in (x, centres)))[0]
        found.append((value, *ceiling(x, conditions, speakers, distance)))
    value, low, high = np.mean(found, axis=0)
    # The upper end is what it reaches on average, but for a little where noise is as large as distances.
    assert low + 0.02 < value < high + 0.02
    assert high < 0.97


def test_the_ceiling_of_two_speakers_follows_from_their_rdms_in_rsatoolbox():
    x, conditions, speakers = make_items(n_speakers=2, noise=1)
    means = [Conditions.of(x, conditions, speakers).means(weights) for weights in np.eye(2)]
    r = compare_of_rsatoolbox(*(calc_rdm(Dataset(m), method="correlation") for m in means), method="corr").item()
    found = ceiling(x, conditions, speakers, "correlation", "pearson")
    assert found == pytest.approx((2 * r / (1 + r), np.sqrt(2 * r / (1 + r))), abs=1e-9)


def test_a_speaker_whose_vectors_are_all_the_same_leaves_a_ceiling():
    x, conditions, speakers = make_items(noise=0.5)
    x[speakers == 3] = 1.0
    assert np.isfinite(ceiling(x, conditions, speakers)).all()
    few = np.isin(speakers, [2, 3])
    assert np.isnan(ceiling(x[few], conditions[few], speakers[few] - 2, "euclidean")).all()


def test_the_interval_covers_the_correlation_without_noise_over_many_conditions():
    mixing = RNG(0).normal(size=(6, 6)) + 2 * np.eye(6)
    many = make_items(n_speakers=1, n_conditions=300, repeats=1, noise=0, seed=99)[0]
    truth, held = spearmanr(rdm(many, "cosine"), rdm(many @ mixing, "cosine"))[0], []
    for seed in range(30):
        x, conditions, speakers = make_items(n_conditions=20, noise=0.3, seed=seed)
        one, other = (drawn(v, conditions, speakers, n_resamples=100) for v in (x, x @ mixing))
        _, low, high = compare(one, other)
        held.append(low <= truth <= high)
    assert np.mean(held) >= 0.8


def test_the_noise_ceiling_uses_the_conditions_that_a_speaker_has():
    x, conditions, speakers = make_items(noise=0.01)
    kept = ~((speakers == 0) & (conditions < 5))
    assert ceiling(x[kept], conditions[kept], speakers[kept], correlation="pearson")[0] > 0.99


def test_too_few_speakers_or_conditions_give_no_interval():
    for items in (make_items(n_speakers=5), make_items(n_conditions=5)):
        result = compare(drawn(*items), drawn(*items))
        assert result[0] == pytest.approx(1)
        assert np.isnan(result[1:]).all()
    assert np.isnan(ceiling(*make_items(n_speakers=1))).all()


def test_two_conditions_are_refused():
    with pytest.raises(AnalysisError, match="found 2; choose another tier, or add utterances or raise n_items"):
        Conditions.of(*make_items(n_conditions=2))


def test_no_conditions_at_all_are_refused():
    with pytest.raises(AnalysisError, match="expected at least 3 conditions for RSA, found 0"):
        Conditions.of(np.empty((0, 4)), np.empty(0, dtype=int), np.empty(0, dtype=int))


@pytest.mark.parametrize("correlation", ["pearson", "spearman"])
def test_equal_distances_are_refused(correlation):
    x, conditions, speakers = make_items()
    one_hot = drawn(np.eye(10)[conditions] / 3, conditions, speakers)
    with pytest.raises(AnalysisError, match="expected distances that differ between conditions, found all equal"):
        compare(drawn(x, conditions, speakers), one_hot, correlation)


def test_an_unknown_distance_lists_those_that_exist():
    with pytest.raises(AnalysisError, match="one of the distances cosine, correlation, euclidean, found 'manhattan'"):
        rdm(np.eye(3), "manhattan")


def test_an_unknown_correlation_lists_those_that_exist():
    one = drawn(*make_items(), n_resamples=1)
    with pytest.raises(AnalysisError, match="expected one of the correlations spearman, pearson, found 'kendall'"):
        compare(one, one, "kendall")
