import dataclasses

import numpy as np
import pytest
from reference import PlantedActivations, plant
from scipy.spatial.distance import pdist

from auscult.analyses.similarity.analysis import (
    METRICS,
    SIMILARITY_COLUMNS,
    Measures,
    SimilaritySettings,
    compare_activations,
    compare_models,
)
from auscult.analyses.similarity.comparisons import Space
from auscult.analyses.similarity.items import Items
from auscult.errors import AnalysisError
from auscult.statistics.moments import JointMoments

PHONE = {"tier": "phone", "space": "identity", "column": "label"}
MEL = {"tier": "phone", "space": "activations", "model": "mel"}
MEASURES = Measures(metrics=METRICS, n_resamples=100)


def run(activations, references=None, measures=MEASURES, **settings):
    names = {field.name for field in dataclasses.fields(SimilaritySettings)} & set(settings)
    chosen = SimilaritySettings(measures=measures, **{name: settings.pop(name) for name in names})
    settings = {"corpus": "c", "model": "m", "step": "7", "references": references or {}} | settings
    return compare_activations(activations, settings=chosen, **settings)


def value(results, **where):
    return results[(results[list(where)] == list(where.values())).all(axis=1)]["value"].item()


def with_vectors(planted, **vectors):
    vectors = {name: np.asarray(x, dtype=np.float32) for name, x in vectors.items()}
    return PlantedActivations(tuple(vectors), planted.index, vectors)


@pytest.fixture(scope="module")
def planted():
    return plant()


@pytest.fixture(scope="module")
def mel(planted):
    mixing = np.random.default_rng(5).normal(size=(16, 9))
    return with_vectors(planted, input=planted.vectors["T2"] @ mixing)


@pytest.fixture(scope="module")
def results(planted, mel):
    return run(planted, {"phone": PHONE, "mel": MEL}, others={"mel": mel})


def test_every_layer_partner_and_metric_has_one_complete_row(results):
    assert list(results.columns) == list(SIMILARITY_COLUMNS)
    assert results.groupby("target").size().to_dict() == {"layers": 6, "phone": 3 * 8, "mel": 3 * 9}
    assert set(results["metric"]) == set(METRICS)
    assert set(results["n"]) == {480}
    assert set(results["n_groups"]) == {12}
    # Of four conditions no interval is drawn: too few to resample.
    with_interval = results[results["metric"] != "rsa"]
    assert with_interval["value"].between(with_interval["ci_low"] - 1e-9, with_interval["ci_high"] + 1e-9).all()
    assert with_interval[["value", "ci_low", "ci_high"]].notna().all(axis=None)


def test_layers_are_similar_to_themselves_and_not_to_noise(results):
    layers = results[results["target"] == "layers"]
    assert value(layers, layer="T1", other_layer="T1") == pytest.approx(1)
    assert abs(value(layers, layer="T2", other_layer="noise")) < 0.02


def test_planted_phones_are_found_where_they_were_planted_by_every_metric(results):
    for metric in ("cka", "cca", "pwcca", "procrustes"):
        found = {layer: value(results, target="phone", metric=metric, layer=layer) for layer in ("T1", "T2", "noise")}
        assert found["T2"] > found["T1"] > found["noise"] - 0.01
        assert abs(found["noise"]) < 0.08


def test_chance_is_the_metric_of_shuffled_items(results):
    rows = results[(results["target"] != "layers") & ~results["metric"].isin(["rsa", "jsd"])]
    assert rows["chance"].abs().max() < 0.1
    # Few items have different units by chance.
    assert results.loc[results["metric"] == "jsd", "chance"].between(0.02, 0.3).all()
    assert results.loc[results["target"] == "layers", "chance"].isna().all()


def test_rsa_leaves_out_references_with_equal_distances(results):
    assert results[(results["target"] == "phone") & (results["metric"] == "rsa")].empty
    mel_rows = results[(results["target"] == "mel") & (results["metric"] == "rsa")]
    # Halves of noise agree by chance only.
    assert mel_rows.loc[mel_rows["layer"] == "T2", "ceiling_low"].notna().all()
    assert mel_rows.loc[mel_rows["layer"] == "noise", "ceiling_low"].isna().all()
    assert set(mel_rows["resampling_unit"]) == {"speaker and condition"}
    assert set(mel_rows["n_conditions"]) == {4}


def test_rsa_standardises_activations_and_keeps_raw_vectors_as_a_check(planted, mel):
    moved = with_vectors(planted, T2=planted.vectors["T2"] * np.geomspace(0.01, 100, 16) + 1000)
    measures, about = dataclasses.replace(MEASURES, metrics=("rsa",)), {"target": "mel", "layer": "T2"}
    found, after = (run(space, {"mel": MEL}, measures, others={"mel": mel}) for space in (planted, moved))
    assert list(after.query("target == 'mel'")["distance"]) == ["crossvalidated", "cosine", "raw_cosine"]
    for distance in ("crossvalidated", "cosine"):
        assert value(after, **about, distance=distance) == pytest.approx(value(found, **about, distance=distance))
    assert value(after, **about, distance="raw_cosine") != pytest.approx(
        value(found, **about, distance="raw_cosine"), abs=0.01
    )


def test_features_of_labels_are_not_standardised(planted):
    vectors = np.random.default_rng(0).normal(size=(4, 3)) * [1, 10, 100]
    codes = planted.index["label"].astype("category").cat.codes.to_numpy()
    items = Items.of(planted.index, np.arange(480), MEASURES, 0)
    space = Space.around(vectors[codes], "vectors", "vectors", items, measured=False)
    # Conditions are numbered by frequency.
    order = [codes[items.conditions(80) == condition][0] for condition in range(4)]
    drawn = space.rdms("crossvalidated", MEASURES)
    assert drawn.values[0] == pytest.approx(pdist(vectors[order]) ** 2)


def test_rsa_is_left_out_where_items_have_no_label(planted, mel, caplog):
    unlabelled = [
        PlantedActivations(a.layers, a.index.assign(tier="utterance", label=""), a.vectors) for a in (planted, mel)
    ]
    measures = dataclasses.replace(MEASURES, metrics=("cka", "rsa"))
    with caplog.at_level("INFO"):
        results = run(
            unlabelled[0],
            {"mel": MEL | {"tier": "utterance"}},
            measures,
            tier="utterance",
            others={"mel": unlabelled[1]},
            layer_metrics=("cka", "rsa"),
        )
    assert set(results["metric"]) == {"cka"}
    assert "similarity: rsa of T2 and mel left out: fewer than 3 labels" in caplog.text


def test_chance_of_rsa_is_an_average_over_many_orders(planted, mel):
    chances = [
        run(planted, {"mel": MEL}, Measures(metrics=("rsa",), n_resamples=0), others={"mel": mel}, seed=seed)
        .query("target == 'mel' and layer == 'T2' and distance == 'cosine'")["chance"]
        .item()
        for seed in range(6)
    ]
    # Between four labels the correlation of one order has a standard deviation of about 0.45.
    assert np.std(chances) < 0.25


def test_moments_are_computed_once_for_value_and_chance(planted, mel, monkeypatch):
    made, of = [], JointMoments.of
    count = classmethod(lambda cls, x, y, *rest: made.append(x is y) or of(x, y, *rest))
    monkeypatch.setattr(JointMoments, "of", count)
    run(with_vectors(planted, T1=planted.vectors["T1"]), {"mel": MEL}, others={"mel": mel})
    # The layer with itself; layer, reference and shuffled reference each once; the layer with either.
    assert (made.count(True), made.count(False)) == (5, 2)


def test_fitted_measures_of_a_property_of_few_speakers_are_left_out(planted, caplog):
    references = {name: {"tier": "phone", "space": "identity", "column": name} for name in ("gender", "speaker")}
    with caplog.at_level("INFO"):
        results = run(planted, references, dataclasses.replace(MEASURES, metrics=("cka", "r2", "procrustes")))
    assert set(results.loc[results["target"] == "gender", "metric"]) == {"cka"}
    assert "speaker" not in set(results["target"])
    assert "r2 of T1 and gender left out: gender is a property of the speaker, and there are 12" in caplog.text
    assert "cka of T1 and speaker left out: no two speakers share a value of speaker" in caplog.text


def test_a_reference_without_vectors_of_any_item_is_named(planted):
    nobody = PlantedActivations(planted.layers, planted.index.assign(tone=""), planted.vectors)
    reference = {"tier": "phone", "space": "identity", "column": "tone"}
    with pytest.raises(
        AnalysisError, match="reference 'tone': expected vectors of some items, found none for 480 items"
    ):
        run(nobody, {"tone": reference})


def test_only_fitted_metrics_find_a_factor_of_little_variance(planted):
    rng = np.random.default_rng(1)
    phone = np.eye(4)[planted.index["label"].astype("category").cat.codes]
    x = np.hstack([0.05 * phone, rng.normal(size=(480, 12))]) @ np.linalg.qr(rng.normal(size=(16, 16)))[0]
    measures = dataclasses.replace(MEASURES, metrics=("cka", "pwcca", "r2"), shrinkages=(1e-6,))
    results = run(with_vectors(planted, T1=x), {"phone": PHONE}, measures)
    found = {metric: value(results, target="phone", metric=metric) for metric in measures.metrics}
    assert found["cka"] < 0.02
    assert found["r2"] > 0.9


def test_rotating_and_scaling_a_layer_changes_only_weights_by_dimension(planted, results, mel):
    rotation = 7 * np.linalg.qr(np.random.default_rng(0).normal(size=(16, 16)))[0]
    moved = with_vectors(planted, **{layer: x @ rotation for layer, x in planted.vectors.items()})
    found = run(moved, {"phone": PHONE, "mel": MEL}, others={"mel": mel})
    # The weights of PWCCA are sums over single dimensions (Morcos et al., 2018, eq. 3); RSA standardises dimensions.
    standardised = results["distance"].isin(["crossvalidated", "cosine"])
    found, results = found[~standardised], results[~standardised]
    weighted = results["metric"] == "pwcca"
    assert np.allclose(found["value"][~weighted], results["value"][~weighted], atol=1e-4)
    assert np.allclose(found["value"][weighted], results["value"][weighted], atol=0.02)


def test_models_are_compared_at_their_last_step_and_each_with_its_first(planted, mel):
    shuffled = np.random.default_rng(0).permutation(planted.vectors["T2"])
    runs = {("m", "0"): with_vectors(planted, T1=shuffled), ("m", "7"): planted, ("mel", "final"): mel}
    settings = SimilaritySettings(measures=Measures(n_resamples=100))
    results = compare_models(runs, corpus="c", settings=settings)
    pairs = results.groupby(["model", "step", "other_model", "other_step"]).size().to_dict()
    assert pairs == {("m", "7", "m", "0"): 3, ("m", "7", "mel", "final"): 3}
    assert abs(value(results, other_model="m", layer="T2")) < 0.02
    assert value(results, other_model="mel", layer="T2") > 0.5
    assert set(results["target"]) == {"models"}


def test_models_whose_indices_are_in_another_order_are_matched_item_by_item(planted):
    order = np.random.default_rng(0).permutation(480)
    other = PlantedActivations(
        ("T2",), planted.index.iloc[order].reset_index(drop=True), {"T2": planted.vectors["T2"][order]}
    )
    runs = {("a", "final"): with_vectors(planted, T2=planted.vectors["T2"]), ("b", "final"): other}
    assert value(compare_models(runs, corpus="c")) == pytest.approx(1)


def test_a_single_run_gives_an_empty_table(planted):
    results = compare_models({("a", "final"): planted}, corpus="c")
    assert results.empty
    assert list(results.columns) == list(SIMILARITY_COLUMNS)


def test_a_baseline_is_not_compared_with_itself(mel):
    results = run(mel, {"mel": MEL}, model="mel", others={"mel": mel})
    assert set(results["target"]) == {"layers"}


def test_same_seed_gives_the_same_table(planted, results, mel):
    assert run(planted, {"phone": PHONE, "mel": MEL}, others={"mel": mel}).equals(results)


def test_items_without_a_reference_vector_are_dropped_and_counted(planted, tmp_path):
    path = tmp_path / "three.vec"
    path.write_text("3 3\na 1 0 0\ne 0 1 0\ni 0 0 1\n")
    reference = {"tier": "phone", "space": "vectors", "path": str(path)}
    rows = run(planted, {"lexical": reference}, dataclasses.replace(MEASURES, metrics=("cka",)))
    rows = rows[rows["target"] == "lexical"]
    unknown = int((planted.index["label"] == "u").sum())
    assert set(rows["n_dropped"]) == {unknown}
    assert set(rows["n"]) == {480 - unknown}


def test_word_vectors_come_from_the_sentences_of_the_corpus(planted):
    reference = {"tier": "phone", "space": "cooccurrence"}
    measures = dataclasses.replace(MEASURES, metrics=("cka",))
    results = run(planted, {"lexical": reference}, measures, sentences=["a e", "i u a", "e i u"])
    assert value(results, target="lexical", layer="T2") > 0.2


def test_one_speaker_has_cka_without_interval_and_no_fitted_metric():
    alone = plant(n_speakers=1)
    assert run(alone)["value"].notna().all()
    assert run(alone)[["ci_low", "ci_high"]].isna().all(axis=None)
    with pytest.raises(AnalysisError, match="expected at least 4 speakers for 4 folds, found 1; lower n_folds"):
        run(alone, {"phone": PHONE})


def test_fewer_items_than_needed_are_refused(planted):
    with pytest.raises(AnalysisError, match="at least 4 items for CKA, found 3; add utterances or raise n_items"):
        run(planted, n_items=3)


def test_vectors_that_are_not_finite_are_named_by_layer_and_number(planted):
    broken = planted.vectors["T2"].copy()
    broken[[3, 77]] = np.nan
    with pytest.raises(AnalysisError, match="found NaN or infinity in 2 of 480 rows of layer 'T2'; check the model"):
        run(with_vectors(planted, T1=planted.vectors["T1"], T2=broken))


def test_a_constant_layer_is_named(planted):
    expected = "expected features that vary, found 480 items with the same vector in layer 'T1'; leave it out"
    with pytest.raises(AnalysisError, match=expected):
        run(with_vectors(planted, T1=np.full((480, 3), 0.1)))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"metrics": ("ckaa",)}, "similarity: expected metrics of cka, cca, .* rsa, pnmi, jsd, found 'ckaa'"),
        (
            {"distances": ("cos",)},
            "similarity: expected distances of crossvalidated, cosine, .*, found 'cos'",
        ),
        ({"correlations": ("tau",)}, "similarity: expected correlations of spearman, pearson, found 'tau'"),
    ],
)
def test_an_unknown_measure_lists_those_that_exist(settings, expected):
    with pytest.raises(AnalysisError, match=expected):
        Measures(**settings)


def test_an_unknown_reference_lists_those_that_exist(planted):
    with pytest.raises(AnalysisError, match="reference 'x': expected a space of activations, identity"):
        run(planted, {"x": {"tier": "phone", "space": "magic"}})
