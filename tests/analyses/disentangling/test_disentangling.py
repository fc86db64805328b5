"""Disentangling: planted factors are found and erased selectively, and attributions add up to the score."""

import itertools
import logging
from dataclasses import replace
from math import factorial

import numpy as np
import pandas as pd
import pytest
from disentangling_planted import N_DIMS, VALUES, planted, planted_index
from scipy.linalg import subspace_angles
from scipy.stats import kstest, t
from sklearn.metrics import balanced_accuracy_score

from auscult.analyses.disentangling.analysis import disentangle_activations
from auscult.analyses.disentangling.decomposition import REST, exact_shapley, joint_parts, shapley_of_parts
from auscult.analyses.disentangling.erasure import factor_erasers, measure_erasure
from auscult.analyses.disentangling.geometry import (
    SpeakerEffects,
    measure_geometry,
    null_cosines,
    principal_cosines,
    residual_variance,
    solve_subspaces,
    speaker_effects,
)
from auscult.analyses.disentangling.items import balanced_weights, factor_items
from auscult.analyses.disentangling.readouts import (
    PENALTIES,
    balanced_accuracy,
    fit_readouts,
    hits_by_speaker,
    one_hot,
    weighted_moments,
)
from auscult.analyses.disentangling.settings import DisentanglingSettings
from auscult.erasure.fitting import fit_mean_projection
from auscult.errors import AnalysisError
from auscult.statistics.moments import fit_ridge

FACTORS = ["phone_class", "gender", "language"]
RUN = {"layer": "T1", "factors": FACTORS, "corpus": "planted", "model": "m", "step": "1"}
SETTINGS = DisentanglingSettings(n_null=200, n_resamples=100, n_mlp_items=0, min_class_size=4)


def disentangled(activations, settings=SETTINGS, **changes):
    return disentangle_activations(activations, **RUN | changes, settings=settings)


def items_of(activations):
    return factor_items(activations.index, FACTORS)


@pytest.fixture(scope="module")
def orthogonal():
    activations = planted()
    items = items_of(activations)
    return activations.load("T1").astype(float), items


@pytest.fixture(scope="module")
def results():
    targets = {"phone": {"tier": "phone", "column": "label"}}
    return disentangled(planted(), replace(SETTINGS, n_mlp_items=150), targets=targets)


def orthonormal(rank, n_dims, random):
    return np.linalg.qr(random.normal(size=(n_dims, rank)))[0].T


def value_of(rows, **conditions):
    for column, wanted in conditions.items():
        rows = rows[rows[column].fillna("") == wanted]
    assert len(rows) == 1
    return rows.iloc[0]["value"]


# Items


def test_every_combination_of_values_weighs_the_same_and_in_it_every_speaker(orthogonal):
    _, items = orthogonal
    table = pd.DataFrame({**items.codes, "speaker": items.speakers, "weight": items.weights})
    cells = table.groupby(FACTORS)["weight"].sum()
    np.testing.assert_allclose(cells, cells.iloc[0], rtol=1e-12)
    voices = table.groupby([*FACTORS, "speaker"])["weight"].sum().groupby(FACTORS)
    np.testing.assert_allclose(voices.max(), voices.min(), rtol=1e-12)
    assert items.weights.mean() == pytest.approx(1)


def test_weighted_factors_are_independent_where_counts_are_not():
    random = np.random.default_rng(0)
    a = random.integers(3, size=600)
    b = (random.random(600) < 0.2 + 0.3 * a).astype(int)
    weights = balanced_weights({"a": a, "b": b}, np.repeat("v", 600))
    x, y = one_hot(a, 3), one_hot(b, 2)
    assert np.abs(weighted_moments(x, y, weights).cross_covariance).max() < 1e-12
    assert np.abs(weighted_moments(x, y, np.ones(600)).cross_covariance).max() > 0.05


def test_no_speaker_is_in_two_halves_or_folds_and_genders_are_in_all(orthogonal):
    _, items = orthogonal
    for parts in (*items.halves, items.folds):
        table = pd.DataFrame({"part": parts, "speaker": items.speakers, "gender": items.codes["gender"]})
        assert (table.groupby("speaker")["part"].nunique() == 1).all()
        assert (table.groupby("part")["gender"].nunique() == 2).all()


def test_a_class_that_a_language_lacks_is_left_out_and_named(caplog):
    index = planted_index()
    index = index[(index["phone_class"] != "nasal") | (index["language"] != "dutch")].reset_index(drop=True)
    with caplog.at_level(logging.INFO):
        items = factor_items(index, FACTORS)
    assert items.labels["phone_class"] == ("stop", "vowel")
    assert items.labels["language"] == VALUES["language"]
    assert "phone_class 'nasal' left out" in caplog.text


def test_a_sample_is_of_all_values_and_weighs_them_the_same():
    items = factor_items(planted_index(), FACTORS, DisentanglingSettings(max_items=400))
    assert len(items.rows) == 400
    assert (np.diff(items.rows) > 0).all()
    table = pd.DataFrame({**items.codes, "weight": items.weights})
    np.testing.assert_allclose(table.groupby(FACTORS)["weight"].sum(), 400 / 12, rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        ({"gender": "female"}, {}, "expected two values or more of factor 'gender', found female; take the factor out"),
        ({"gender": ""}, {}, "expected two values or more of factor 'gender', found none"),
        ({}, {"tier": "word"}, "expected segments of tier 'word' in the activations, found phone; add the tier"),
        ({}, {"min_items": 1000}, "that occur together at least 1000 times \\(min_items\\), found fewer"),
        ({}, {"n_folds": 13}, "expected at least 13 speakers for 13 folds, found 12; add speakers to the corpus"),
        (
            {},
            {"n_folds": 12},
            "expected speakers of every value of 'gender' in each of 12 groups of speakers, found none",
        ),
    ],
)
def test_factors_that_cannot_be_crossed_are_refused(change, settings, message):
    with pytest.raises(AnalysisError, match=message):
        factor_items(planted_index().assign(**change), FACTORS, DisentanglingSettings(**settings))


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        (["phone_class", "dialect"], "expected factor 'dialect' among the columns of the corpus, found"),
        (["gender"], "expected two factors or more, found gender; add one"),
    ],
)
def test_missing_factors_are_refused(factors, message):
    with pytest.raises(AnalysisError, match=message):
        factor_items(planted_index(), factors)


def test_an_unknown_gender_is_refused():
    index = planted_index()
    index.loc[index["speaker"] == "v3", "gender"] = "m"
    with pytest.raises(AnalysisError, match="expected values of factor 'gender' among female, male, found 'm'"):
        disentangled(planted(index))


@pytest.mark.parametrize(
    ("changes", "settings", "message"),
    [
        ({"layer": "T9"}, {}, "expected one of the layers T1, T2, found 'T9'; name one of them"),
        ({}, {"n_folds": 2}, r"expected n_folds of 3 or more .*, found 2; raise it"),
        (
            {"targets": {"word": {"tier": "word", "column": "label"}}},
            {},
            "expected column 'label' and tier 'word' for target",
        ),
        (
            {"targets": {"phone": {"tier": "phone", "column": "label"}}},
            {"min_class_size": 10000},
            r"expected two or more classes of target 'phone' with at least 10000 items \(min_class_size\), found 0",
        ),
    ],
)
def test_missing_layers_folds_and_classes_are_named(changes, settings, message):
    with pytest.raises(AnalysisError, match=message):
        disentangled(planted(), replace(SETTINGS, **settings), **changes)


def test_vectors_that_are_not_finite_are_refused():
    activations = planted()
    activations.vectors["T1"][5, 3] = np.nan
    with pytest.raises(AnalysisError, match=r"found NaN or infinity in 1 of \d+ rows of layer 'T1'"):
        disentangled(activations)


# Geometry


@pytest.mark.parametrize("ranks", [(1, 1), (2, 5), (4, 3)])
def test_cosines_are_those_of_scipys_principal_angles(ranks):
    random = np.random.default_rng(3)
    a, b = (orthonormal(rank, 9, random) for rank in ranks)
    angles = np.degrees(np.arccos(principal_cosines(a, b)))
    np.testing.assert_allclose(angles, np.degrees(subspace_angles(a.T, b.T))[::-1], atol=1e-6)


def test_a_space_in_another_basis_is_at_no_angle_and_its_complement_at_a_right_one():
    random = np.random.default_rng(4)
    whole = orthonormal(6, 6, random)
    turned = orthonormal(3, 3, random) @ whole[:3]
    # An arc cosine near 1 keeps half of the digits.
    np.testing.assert_allclose(np.degrees(np.arccos(principal_cosines(whole[:3], turned))), 0, atol=1e-5)
    np.testing.assert_allclose(principal_cosines(whole[:3], whole[3:]), 0, atol=1e-12)


def test_effects_are_means_over_cells_where_every_speaker_says_everything(orthogonal):
    x, items = orthogonal
    effects = speaker_effects(x, items)
    spaces = solve_subspaces(effects.sums.sum(axis=0), effects.levels)
    table = pd.DataFrame(x).assign(**items.codes, speaker=items.speakers)
    cells = table.groupby([*FACTORS, "speaker"]).mean()
    for factor in FACTORS:
        means = cells.groupby(factor).mean().to_numpy()
        np.testing.assert_allclose(spaces.centroids[factor], means - means.mean(axis=0), atol=1e-9)


def test_residual_variance_is_what_projecting_out_leaves():
    random = np.random.default_rng(5)
    centroids, axes = random.normal(size=(6, 8)), orthonormal(3, 8, random)
    centroids -= centroids.mean(axis=0)
    curve, left = residual_variance(centroids, axes), centroids.copy()
    expected = [1.0]
    for axis in axes:
        left = left - np.outer(left @ axis, axis)
        expected.append((left**2).sum() / (centroids**2).sum())
    np.testing.assert_allclose(curve, expected, atol=1e-12)
    own = np.linalg.svd(centroids, full_matrices=False)[2][:5]
    assert residual_variance(centroids, own)[-1] == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(residual_variance(own[:2], own[2:4]), 1, atol=1e-12)


def test_orthogonal_factors_are_nearly_so_and_shared_ones_are_not():
    angles = {}
    for shared in (0.0, 0.8, 1.0):
        activations = planted(shared=shared, noise=0.3)
        effects = speaker_effects(activations.load("T1").astype(float), items_of(activations))
        rows = pd.DataFrame(measure_geometry(effects, np.eye(N_DIMS), n_draws=50))
        own = {"metric": "angle_deg", "component": 1, "null": "isotropic"}
        angles[shared] = value_of(rows, target="phone_class", factor="gender", **own)
        assert value_of(rows, target="gender", factor="gender", **own) < 20
    assert angles[0.0] > 75
    # arccos .8 is 37 degrees.
    assert angles[0.8] == pytest.approx(37, abs=5)
    assert angles[1.0] < 15


def test_rotating_vectors_changes_nothing(orthogonal):
    x, items = orthogonal
    turn = orthonormal(N_DIMS, N_DIMS, np.random.default_rng(6))
    settings = {"n_draws": 100, "seed": 1}
    tables = [
        pd.DataFrame(measure_geometry(speaker_effects(vectors, items), np.eye(N_DIMS), **settings))
        for vectors in (x, x @ turn)
    ]
    for column in ("value", "ci_low", "ci_high"):
        np.testing.assert_allclose(tables[0][column], tables[1][column], atol=1e-4)


def test_the_null_of_random_spaces_is_calibrated():
    null = null_cosines((2, 3), 20, n_draws=2000, seed=1)[:, 0]
    random = np.random.default_rng(7)
    observed = [principal_cosines(orthonormal(2, 20, random), orthonormal(3, 20, random))[0] for _ in range(300)]
    assert kstest([np.mean(null <= value) for value in observed], "uniform").pvalue > 0.01


def test_random_spaces_overlap_by_the_share_of_dimensions_and_more_where_vectors_are_flat():
    # A random direction lies in a space of 3 of 20 dimensions by 3/20 on average.
    assert np.mean(null_cosines((1, 3), 20, n_draws=4000) ** 2) == pytest.approx(3 / 20, abs=0.01)
    flat = null_cosines((1, 3), 20, np.diag([1.0] * 4 + [1e-6] * 16), n_draws=1000)
    assert np.mean(flat**2) == pytest.approx(3 / 4, abs=0.03)


def test_few_speakers_have_no_interval_and_one_has_no_subspace_of_gender(orthogonal):
    x, items = orthogonal
    effects = speaker_effects(x, items)
    kinds = 2 * effects.halves[0] + items.codes["gender"][np.unique(items.speakers, return_index=True)[1]]
    chosen = [int(np.argmax(kinds == kind)) for kind in range(4)]
    few = SpeakerEffects(effects.sums[chosen], effects.halves[:1, chosen], effects.levels)
    rows = pd.DataFrame(measure_geometry(few, np.eye(N_DIMS), n_draws=50))
    assert rows["ci_low"].isna().all()
    assert rows["value"].notna().all()
    assert np.isnan(solve_subspaces(effects.sums[:1].sum(axis=0), few.levels).axes["gender"]).all()


def geometry_of(activations, **options):
    items = items_of(activations)
    x = activations.load("T1").astype(float)
    return pd.DataFrame(measure_geometry(speaker_effects(x, items), np.cov(x.T), n_draws=100, **options))


@pytest.mark.parametrize(("shared", "noise"), [(0.0, 0.3), (0.0, 4.0), (0.8, 1.0)])
def test_every_interval_contains_its_value_and_stays_within_bounds(shared, noise):
    rows = geometry_of(planted(shared=shared, noise=noise))
    assert rows["ci_low"].notna().all()
    assert ((rows["ci_low"] <= rows["value"]) & (rows["value"] <= rows["ci_high"])).all()
    assert (rows["ci_low"] >= 0).all()
    assert (rows["ci_high"] <= np.where(rows["metric"] == "angle_deg", 90, 1)).all()


def test_jackknife_is_that_of_leaving_out_each_speaker(orthogonal):
    x, items = orthogonal
    effects = speaker_effects(x, items)
    whole = pd.DataFrame(measure_geometry(effects, np.eye(N_DIMS), n_draws=50))
    without = []
    for speaker in range(len(effects.sums)):
        kept = np.arange(len(effects.sums)) != speaker
        fewer = SpeakerEffects(effects.sums[kept], effects.halves[:, kept], effects.levels)
        without.append(pd.DataFrame(measure_geometry(fewer, np.eye(N_DIMS), n_draws=50))["value"])
    n = len(without)
    half = t.ppf(0.975, n - 1) * np.sqrt((n - 1) * np.var(without, axis=0))
    free = (whole["ci_low"] > 0) & (whole["ci_high"] < np.where(whole["metric"] == "angle_deg", 90, 1))
    np.testing.assert_allclose((whole["ci_high"] - whole["value"])[free], half[free], rtol=1e-6)


def correction_of(rows, column="value"):
    return rows.query(
        "metric == 'overlap_corrected' and null == 'covariance' and target == 'phone_class' and factor == 'gender'"
    )[column].iloc[0]


def test_corrected_overlap_recovers_what_noise_hides():
    # The squared cosine of gender with phone class is .8² by construction, and phone class has a second direction.
    few = [geometry_of(planted(shared=0.8, noise=noise)) for noise in (0.1, 6.0)]
    raw = [value_of(rows, target="phone_class", factor="gender", metric="overlap", null="covariance") for rows in few]
    assert raw[0] == pytest.approx(0.64, abs=0.05)
    assert raw[1] < 0.57
    assert correction_of(few[1]) == pytest.approx(0.64, abs=0.1)


def test_orthogonal_is_said_only_of_subspaces_that_are_known():
    known, unknown, shared = (
        geometry_of(planted(shared=cosine, noise=noise), seed=3)
        for cosine, noise in ((0.0, 0.3), (0.0, 25.0), (1.0, 0.3))
    )
    assert correction_of(known, "verdict") == "orthogonal"
    # By their angle alone, these subspaces look as orthogonal as those that are known.
    assert (
        value_of(unknown, target="phone_class", factor="gender", metric="angle_deg", component=1, null="covariance")
        > 60
    )
    assert correction_of(unknown, "verdict") == "not determined"
    assert correction_of(shared, "verdict") == "shared"


# Readouts and erasure


def test_readouts_with_equal_weights_are_the_ridge_of_the_library():
    random = np.random.default_rng(8)
    x, codes, folds = random.normal(size=(300, 5)), random.integers(3, size=300), np.repeat([0, 1, 2], 100)
    x[:, 0] += codes
    weights, offset = fit_readouts(x, [codes], [3], np.ones(300), folds, 0)[0]
    kept = folds != 0
    moments = weighted_moments(x[kept], one_hot(codes[kept], 3), np.ones(200))
    paths = fit_ridge(moments, PENALTIES)
    found = [np.allclose(x @ weights + offset, scores) for scores in paths.predict(x).transpose(1, 0, 2)]
    assert sum(found) == 1


def test_balanced_accuracy_is_that_of_scikit_learn():
    random = np.random.default_rng(9)
    truth, guess = random.integers(3, size=80), random.integers(3, size=80)
    sums = hits_by_speaker(truth, guess, np.ones(80), random.integers(4, size=80), 3)
    assert balanced_accuracy(sums.sum(axis=0)) == pytest.approx(balanced_accuracy_score(truth, guess))


@pytest.mark.parametrize("method", ["leace", "mean_projection"])
def test_after_erasure_weighted_class_means_are_one_and_other_factors_stay(orthogonal, method):
    x, items = orthogonal
    everyone = np.ones(len(x), dtype=bool)
    eraser = factor_erasers(x, items, everyone, method, shrinkage=0.0)["gender"]
    left = eraser.apply(x)
    assert eraser.rank == 1
    for factor, gone in (("gender", True), ("phone_class", False)):
        y = one_hot(items.codes[factor], len(items.labels[factor]))
        before, after = (weighted_moments(each, y, items.weights).cross_covariance for each in (x, left))
        if gone:
            assert np.abs(after).max() < 1e-9
        else:
            np.testing.assert_allclose(after, before, atol=0.1)


def test_erasing_one_of_orthogonal_factors_leaves_the_others(results):
    rows = results[(results["analysis"] == "erasure") & (results["metric"] == "balanced_accuracy")]
    rows = rows[rows["readout"] == "ridge"]
    for target in FACTORS:
        before = value_of(rows, target=target, method="none")
        assert before > 0.95
        for method in ("leace", "mean_projection"):
            for erased in FACTORS:
                after = value_of(rows, target=target, factor=erased, method=method)
                chance = rows.loc[rows["target"] == target, "chance"].iloc[0]
                assert after < chance + 0.15 if erased == target else after > before - 0.05
            assert value_of(rows, target=target, factor=target, method="random") > before - 0.05


def test_erasing_a_factor_in_a_shared_direction_harms_the_other():
    activations = planted(shared=1.0)
    items = items_of(activations)
    x = activations.load("T1").astype(float)
    settings = DisentanglingSettings(methods=("mean_projection",), n_mlp_items=0, n_resamples=100)
    rows = pd.DataFrame(measure_erasure(x, items, settings))
    change = rows[(rows["metric"] == "accuracy_change") & (rows["target"] == "phone_class")]
    assert value_of(change, factor="gender") < -0.05
    assert abs(value_of(change, factor="language")) < 0.02


def test_an_eraser_of_another_width_is_refused(orthogonal):
    x, items = orthogonal
    eraser = factor_erasers(x, items, np.ones(len(x), dtype=bool), "leace", shrinkage=0.0)["gender"]
    with pytest.raises(AnalysisError, match=f"expected vectors of {N_DIMS} dimensions, .* found {N_DIMS - 1}"):
        eraser.apply(x[:, 1:])


def test_networks_read_the_factor_before_and_little_of_it_after(results):
    rows = results[(results["metric"] == "balanced_accuracy") & (results["readout"] == "mlp")]
    assert set(zip(rows["method"], rows["factor"].fillna(""))) == {("none", ""), *(("leace", f) for f in FACTORS)}
    assert value_of(rows, target="gender", method="none") > 0.9
    assert value_of(rows, target="gender", method="leace") < 0.8


# Parts


def brute_force_shapley(values):
    """Average the gain of each player over all orders in which players may come."""
    n = int(np.log2(len(values)))
    shares = np.zeros(n)
    for order in itertools.permutations(range(n)):
        coalition = 0
        for player in order:
            shares[player] += values[coalition | 1 << player] - values[coalition]
            coalition |= 1 << player
    return shares / factorial(n)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_shapley_values_are_mean_gains_over_all_orders_and_add_up(n):
    values = np.random.default_rng(n).normal(size=2**n)
    shares = exact_shapley(values)
    np.testing.assert_allclose(shares, brute_force_shapley(values), atol=1e-12)
    assert shares.sum() == pytest.approx(values[-1] - values[0])


def test_players_that_do_the_same_share_alike_and_one_that_does_nothing_has_nothing():
    # v = max of the first two players' presence: both do the same; the third does nothing.
    values = np.array([float(code & 3 > 0) for code in range(8)])
    np.testing.assert_allclose(exact_shapley(values), [0.5, 0.5, 0], atol=1e-12)


@pytest.mark.parametrize("shared", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("method", ["leace", "mean_projection", "random"])
def test_parts_add_up_to_the_vector_wherever_the_factors_lie(shared, method):
    activations = planted(shared=shared)
    items, x = items_of(activations), activations.load("T1").astype(float)
    parts = joint_parts(factor_erasers(x, items, np.ones(len(x), dtype=bool), method, shrinkage=0.0))
    assert list(parts.projections) == [*FACTORS, REST]
    np.testing.assert_allclose(sum(parts.split(x).values()), x - parts.mean, atol=1e-8)


def test_parts_of_orthogonal_spaces_are_what_each_eraser_takes_away():
    axes = orthonormal(8, 8, np.random.default_rng(10))
    erasers = {}
    for name, axis in (("a", axes[0]), ("b", axes[1])):
        x = np.outer([1.0, -1.0, 1.0, -1.0], axis)
        moments = weighted_moments(x, one_hot(np.array([0, 1, 0, 1]), 2), np.ones(4))
        erasers[name] = fit_mean_projection(moments, ("0", "1"))
    parts = joint_parts(erasers)
    for name, eraser in erasers.items():
        np.testing.assert_allclose(parts.projections[name], eraser.removed, atol=1e-12)
    twice = joint_parts({"a": erasers["a"], "again": erasers["a"]})
    np.testing.assert_allclose(twice.projections["a"], twice.projections["again"], atol=1e-12)
    np.testing.assert_allclose(twice.projections["a"], erasers["a"].removed / 2, atol=1e-12)


def test_of_a_linear_score_shapley_values_are_the_parts_own():
    activations = planted()
    items, x = items_of(activations), activations.load("T1").astype(float)[:50]
    everything = activations.load("T1").astype(float)
    erasers = factor_erasers(everything, items, np.ones(len(everything), dtype=bool), "leace", shrinkage=0.0)
    parts = joint_parts(erasers)
    slopes = np.random.default_rng(11).normal(size=(N_DIMS, 3))
    codes = np.arange(50) % 3
    shares = shapley_of_parts(lambda new: new @ slopes + 2.0, parts, x, codes)
    for name, part in parts.split(x).items():
        np.testing.assert_allclose(shares[name], np.sum(part * slopes[:, codes].T, axis=1), atol=1e-9)


def test_shares_add_up_to_the_prediction(results):
    shares = results[results["metric"] == "part_share"]
    sums = shares.groupby(["target", "method", "readout"])["value"].sum()
    assert len(sums) == 4 * 3 * 2
    np.testing.assert_allclose(sums, 1, atol=1e-9)


def test_predictions_run_through_their_own_factor_and_random_spaces_carry_little(results):
    shares = results[(results["metric"] == "part_share") & (results["readout"] == "ridge")]
    for factor in FACTORS:
        assert value_of(shares, target=factor, factor=factor, method="leace") > 0.85
        others = [value_of(shares, target=factor, factor=other, method="leace") for other in FACTORS if other != factor]
        assert np.abs(others).max() < 0.1
        assert value_of(shares, target=factor, factor=factor, method="random") < 0.35
    assert value_of(shares, target="phone", factor="phone_class", method="leace") > 0.8


def test_every_number_has_its_items_groups_and_interval(results):
    assert (results["n"] > 0).all()
    assert (results["n_groups"] == 12).all()
    assert results["ci_low"].notna().all()
    assert set(results["resampling_unit"]) == {"speaker"}
    assert set(results["held_out"]) == {"speaker"}
    assert set(results.loc[results["analysis"] == "geometry", "layer"]) == {"T1", "T2"}
    assert set(results.loc[results["analysis"] != "geometry", "layer"]) == {"T1"}


def test_the_same_seed_gives_the_same_numbers():
    settings = replace(SETTINGS, methods=("leace", "random"), n_mlp_items=60)
    pd.testing.assert_frame_equal(*(disentangled(planted(), settings) for _ in range(2)))
