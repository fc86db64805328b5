import dataclasses
import logging
from functools import partial
from itertools import combinations

import numpy as np
import pytest
from reference import plant
from scipy.spatial import procrustes
from sklearn.metrics import silhouette_score

from auscult.analyses.reduction import projections
from auscult.analyses.reduction.analysis import REDUCTION_COLUMNS, reduce_activations
from auscult.analyses.reduction.settings import ReductionSettings
from auscult.errors import AnalysisError

LAYERS = ("T1", "T2", "noise")
fit_map = partial(projections.fit_map, n_neighbours=15, seed=0)


def run(activations, layers=LAYERS, seed=0, **settings):
    settings = ReductionSettings(**{"methods": ("pca", "lda"), "n_resamples": 200} | settings)
    names = {"corpus": "c", "model": "m", "step": "final"}
    return reduce_activations(activations, layers=layers, settings=settings, seed=seed, **names)


def value(quality, **where):
    rows = quality[(quality[list(where)] == list(where.values())).all(axis=1)]
    return rows["value"].item()


@pytest.fixture(scope="module")
def planted():
    return plant(n_speakers=16, n_items=30)


@pytest.fixture(scope="module")
def tables(planted):
    return run(planted)


def test_every_layer_method_and_factor_has_one_complete_row(tables):
    quality, _ = tables
    assert list(quality.columns) == list(REDUCTION_COLUMNS)
    # Three factors for each of pca, lda and none; trustworthiness and two stabilities for the two maps.
    assert len(quality) == len(LAYERS) * (3 * 3 + 2 * 3)
    assert quality.notna().all(axis=None)
    assert set(quality["n_groups"]) == {8}
    assert (quality["supervised"] == (quality["method"] == "lda")).all()


def test_coordinates_hold_every_item_once_per_layer_and_method(tables):
    _, coordinates = tables
    assert (coordinates.groupby(["layer", "method", "utterance", "index"]).size() == 1).all()
    assert coordinates.groupby(["layer", "method", "part"]).size().eq(240).all()
    assert list(coordinates.columns[-3:]) == ["phone_class", "speaker", "gender"]


def test_maps_are_evaluated_on_speakers_that_did_not_fit_them(tables):
    _, coordinates = tables
    parts = coordinates.groupby("speaker")["part"].unique()
    assert (parts.str.len() == 1).all()
    by_gender = coordinates.groupby(["part", "gender"])["speaker"].nunique()
    assert (by_gender == 4).all()


def test_planted_classes_lie_apart_where_they_were_planted(tables):
    quality, _ = tables
    where = {"target": "phone_class", "method": "lda"}
    assert value(quality, layer="T2", **where) > 0.4
    assert value(quality, layer="noise", **where) < 0.05


def test_a_supervised_map_of_noise_shows_groups_among_fitting_items_only():
    quality, coordinates = run(plant(n_speakers=16, n_items=10, n_dims=300), layers=("noise",), methods=("lda",))
    fitted = coordinates[coordinates["part"] == "fit"]
    assert silhouette_score(fitted[["x", "y"]], fitted["phone_class"]) > 0.1
    assert value(quality, target="phone_class", method="lda") < 0


def test_the_speaker_lies_apart_in_the_layer_that_holds_it(tables):
    quality, _ = tables
    where = {"target": "speaker", "method": "none"}
    assert value(quality, layer="T1", **where) > 0.2 > value(quality, layer="T2", **where)


def test_silhouettes_equal_those_of_scikit_learn(planted, tables):
    quality, coordinates = tables
    points = coordinates.query("layer == 'T1' and method == 'pca' and part == 'held-out'")
    expected = silhouette_score(points[["x", "y"]], points["phone_class"])
    assert value(quality, layer="T1", method="pca", target="phone_class") == pytest.approx(expected, abs=1e-9)


def test_permuted_labels_and_places_give_the_chance_that_is_reported(tables):
    quality, _ = tables
    chance = quality.groupby("metric")["chance"]
    assert chance.max()["silhouette"] < 0.02
    assert chance.get_group("trustworthiness").between(0.42, 0.58).all()
    assert chance.get_group("stability").between(0, 0.1).all()


def test_the_map_is_fitted_to_the_standardised_fitting_half(planted, tables):
    _, coordinates = tables
    points = coordinates.query("layer == 'T2' and method == 'pca'").reset_index(drop=True)
    x, fits = planted.vectors["T2"].astype(np.float64), (points["part"] == "fit").to_numpy()
    z = (x - x[fits].mean(axis=0)) / x[fits].std(axis=0)
    assert np.allclose(fit_map("pca", z[fits])(z), points[["x", "y"]], atol=1e-6)


def test_same_seed_gives_the_same_tables_and_another_seed_others(planted, tables):
    again, other = run(planted), run(planted, seed=1)
    assert all(mine.equals(theirs) for mine, theirs in zip(tables, again))
    assert not tables[0].equals(other[0])


def test_a_sample_has_equally_many_items_of_both_halves(planted):
    _, coordinates = run(planted, n_items=101, layers=("T1",), methods=("pca",))
    assert coordinates["part"].value_counts().to_dict() == {"fit": 50, "held-out": 50}


def test_tsne_places_held_out_items_only(planted):
    quality, coordinates = run(planted, layers=("T2",), methods=("tsne",), n_items=160)
    assert set(coordinates["part"]) == {"held-out"}
    assert value(quality, method="tsne", metric="trustworthiness", target="neighbourhood") > 0.8
    assert not coordinates["supervised"].any()


def test_maps_of_planted_classes_are_stable_and_maps_of_noise_are_not(tables):
    quality, _ = tables
    where = {"metric": "stability", "target": "shape", "method": "pca"}
    assert value(quality, layer="T2", **where) > 0.95
    assert value(quality, layer="noise", **where) < 0.7
    neighbours = {"metric": "stability", "target": "neighbourhood", "method": "lda"}
    assert value(quality, layer="T2", **neighbours) > 1.5 * value(quality, layer="noise", **neighbours)


def test_stability_is_the_mean_agreement_of_all_pairs_of_maps_over_held_out_items(planted, tables):
    quality, coordinates = tables
    points = coordinates.query("layer == 'T1' and method == 'pca'").reset_index(drop=True)
    x, fits = planted.vectors["T1"].astype(np.float64), (points["part"] == "fit").to_numpy()
    z = (x - x[fits].mean(axis=0)) / x[fits].std(axis=0)
    used = [fits, *(fits & (np.random.default_rng([seed, 3]).random(len(x)) < 0.8) for seed in (1, 2))]
    maps = [fit_map("pca", z[rows])(z[~fits]) for rows in used]
    expected = np.mean([1 - procrustes(one, other)[2] for one, other in combinations(maps, 2)])
    found = value(quality, layer="T1", method="pca", metric="stability", target="shape")
    assert found == pytest.approx(expected, abs=1e-6)


def test_stability_states_how_many_maps_it_compares_and_one_map_has_none(planted, tables):
    quality, _ = tables
    assert set(quality.loc[quality["metric"] == "stability", "n_seeds"]) == {3}
    assert set(quality.loc[quality["metric"] != "stability", "n_seeds"]) == {1}
    single, _ = run(planted, layers=("T1",), n_seeds=1)
    assert "stability" not in set(single["metric"])


def test_stability_of_tsne_compares_items_that_both_maps_hold(planted):
    quality, _ = run(planted, layers=("T2",), methods=("tsne",), n_items=240, n_seeds=2)
    row = quality.query("metric == 'stability' and target == 'neighbourhood'").iloc[0]
    assert 80 < row["n"] < 110
    assert row["value"] > 5 * row["chance"]


def test_mds_is_evaluated_like_every_other_method(planted):
    quality, coordinates = run(planted, layers=("T2",), methods=("mds",), n_seeds=2)
    assert value(quality, method="mds", target="phone_class") > 0.3
    assert value(quality, method="mds", metric="stability", target="shape") > 0.95
    assert coordinates["part"].value_counts().to_dict() == {"fit": 240, "held-out": 240}


def test_a_number_of_seeds_below_one_is_refused(planted):
    with pytest.raises(AnalysisError, match=r"expected n_seeds of 1 \(no stability\) or more, found 0"):
        run(planted, n_seeds=0)


def test_items_without_a_class_are_left_out(planted):
    index = planted.index.assign(phone_class=planted.index["phone_class"].where(planted.index["label"] != "a", ""))
    _, coordinates = run(dataclasses.replace(planted, index=index), layers=("T1",))
    assert set(coordinates["label"]) == {"e", "i", "u"}


def test_constant_dimensions_do_not_disturb(planted, tables):
    padded = {layer: np.pad(x, ((0, 0), (0, 2)), constant_values=7) for layer, x in planted.vectors.items()}
    quality, _ = run(dataclasses.replace(planted, vectors=padded))
    assert np.allclose(quality["value"], tables[0]["value"], atol=1e-6)


def test_a_factor_with_a_single_value_is_left_out_and_logged(planted, caplog):
    with caplog.at_level(logging.INFO):
        quality, coordinates = run(planted, layers=("T1",), factors=("language", "gender"))
    assert "factor language left out: fewer than two values" in caplog.text
    assert "language" not in set(quality["target"]) | set(coordinates.columns)


def test_few_speakers_give_values_without_intervals():
    quality, _ = run(plant(n_speakers=6), layers=("T1",))
    assert quality["value"].notna().all()
    assert quality[["ci_low", "ci_high"]].isna().all(axis=None)


def test_an_unknown_method_lists_those_that_exist(planted):
    with pytest.raises(AnalysisError, match="expected methods of pca, lda, mds, umap, tsne, found 'isomap'"):
        run(planted, methods=("pca", "isomap"))


def test_an_unknown_layer_lists_those_that_exist(planted):
    with pytest.raises(AnalysisError, match="expected layers of T1, T2, noise, found 'T9'"):
        run(planted, layers=("T9",))


def test_a_tier_without_items_lists_those_that_have_some(planted):
    with pytest.raises(AnalysisError, match="expected items of tier 'word', found phone"):
        run(planted, tier="word")


def test_lda_without_its_column_lists_those_that_exist(planted):
    with pytest.raises(AnalysisError, match=r"expected column 'tone' \(supervised_by\) in the index, found utterance"):
        run(planted, supervised_by="tone")


def test_one_speaker_cannot_be_split_in_halves():
    with pytest.raises(AnalysisError, match="expected at least 2 speakers for 2 folds, found 1"):
        run(plant(n_speakers=1))


def test_too_few_items_for_the_neighbourhood_are_refused(planted):
    with pytest.raises(AnalysisError, match=r"expected more than 30 items .* found 20 and 20 of tier 'phone'"):
        run(planted, n_items=40)


def test_vectors_that_are_not_finite_are_named_by_layer_and_number(planted):
    broken = planted.vectors["T2"].copy()
    broken[[3, 77]] = np.nan
    spoilt = dataclasses.replace(planted, vectors=planted.vectors | {"T2": broken})
    with pytest.raises(AnalysisError, match="found NaN or infinity in 2 of 480 rows of layer 'T2'"):
        run(spoilt)


def test_a_layer_that_never_varies_is_refused(planted):
    still = dataclasses.replace(planted, vectors=planted.vectors | {"T2": np.ones((480, 16), dtype=np.float32)})
    with pytest.raises(AnalysisError, match="expected two dimensions or more that vary, found fewer in layer 'T2'"):
        run(still)


def test_a_tier_without_classes_can_be_mapped_without_supervision():
    planted = plant(n_speakers=16, n_items=30)
    planted.index["phone_class"] = ""
    quality, _ = run(planted, layers=["T1"], methods=["pca"], factors=["speaker"])
    assert set(quality["method"]) == {"none", "pca"}


def test_lda_without_any_class_says_what_to_set():
    planted = plant(n_speakers=16, n_items=30)
    planted.index["phone_class"] = ""
    with pytest.raises(AnalysisError, match="with a 'phone_class' for lda, found none; set supervised_by"):
        run(planted, layers=["T1"], methods=["lda"], factors=["speaker"])


def test_a_factor_that_does_not_exist_lists_those_that_do(planted):
    with pytest.raises(AnalysisError, match=r"expected factors of .*gender.*, found 'gendre'"):
        run(planted, layers=("T1",), factors=("gendre",))


@pytest.mark.parametrize("factor", ["label", "utterance", "speaker"])
def test_a_factor_that_is_a_column_of_the_coordinates_occurs_once_there(planted, factor):
    quality, coordinates = run(planted, layers=("T1",), methods=("pca",), factors=(factor,), n_seeds=1)
    assert coordinates.columns.is_unique
    assert factor in set(quality["target"]) & set(coordinates.columns)


def test_a_factor_with_a_value_of_its_own_for_every_item_is_left_out_and_logged(planted, caplog):
    named = dataclasses.replace(planted, index=planted.index.assign(name=[f"n{i}" for i in range(480)]))
    with caplog.at_level(logging.INFO):
        quality, _ = run(named, layers=("T1",), methods=("pca",), factors=("name", "gender"), n_seeds=1)
    assert "factor name left out: fewer than two values, or none twice" in caplog.text
    assert "name" not in set(quality["target"])


def test_a_single_speaker_is_refused_with_advice():
    with pytest.raises(AnalysisError, match=r"reduction: expected at least 2 speakers .*, found 1; add speakers to"):
        run(plant(n_speakers=1))
