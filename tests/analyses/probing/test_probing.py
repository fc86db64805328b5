import dataclasses
import logging
from types import SimpleNamespace

import numpy as np
import pytest
from reference import nested_ridge, plant
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from auscult.activations import layer_vectors as vectors
from auscult.analyses.probing import optional_measures
from auscult.analyses.probing.analysis import LOGISTIC_PENALTIES, PEER, PENALTIES, PROBING_COLUMNS, probe_activations
from auscult.analyses.probing.settings import ProbingSettings
from auscult.errors import AnalysisError
from auscult.probes.nonlinear import smallest_training
from auscult.probes.shown import shown_linear
from auscult.probes.tasks import make_task, sample_task

PHONE = {"name": "phone", "tier": "phone", "column": "label", "held_out": "speaker"}
SPEAKER = {"name": "speaker", "tier": "phone", "column": "speaker", "held_out": "utterance"}
GENDER = {"name": "gender", "tier": "phone", "column": "gender", "held_out": "speaker"}


def run(activations, targets=(PHONE,), penalties=PENALTIES, seed=0, **settings):
    defaults = {"probe": "ridge", "n_resamples": 200, "min_class_size": 5, "n_permutations": 1}
    settings = ProbingSettings(**defaults | settings)
    names = {"corpus": "c", "model": "m", "step": "final"}
    return probe_activations(
        activations,
        targets=targets,
        settings=settings,
        penalties=penalties,
        logistic_penalties=LOGISTIC_PENALTIES if penalties == PENALTIES else penalties,
        seed=seed,
        **names,
    )


def value(results, **where):
    where = {"metric": "accuracy", "labels": "true"} | where
    rows = results[(results[list(where)] == list(where.values())).all(axis=1)]
    return rows["value"].item()


def replace_column(activations, column, values):
    return dataclasses.replace(activations, index=activations.index.assign(**{column: values}))


@pytest.fixture(scope="module")
def planted():
    return plant()


@pytest.fixture(scope="module")
def results(planted):
    return run(planted, [PHONE, SPEAKER, GENDER])


def test_every_layer_metric_and_labelling_has_one_complete_row(results):
    assert list(results.columns) == list(PROBING_COLUMNS)
    rows = results.groupby(["target", "layer", "metric", "labels"]).size()
    assert len(rows) == 3 * 4 * 2 * 2
    assert (rows == 1).all()
    assert (results["n"] == 480).all()
    assert (results["n_groups"] == 12).all()
    assert results.drop(columns=["type_overlap", "n_train", "given", "duration_alone"]).notna().all(axis=None)


def test_planted_phones_are_decoded_where_they_were_planted(results):
    assert value(results, target="phone", layer="T2") > 0.95
    assert 0.3 < value(results, target="phone", layer="T1") < value(results, target="phone", layer="T2")


def test_noise_is_at_chance(results):
    phone = results[(results["target"] == "phone") & (results["layer"] == "noise")]
    assert (phone["ci_low"] < 0.27).all()
    assert value(results, target="phone", layer="noise") == pytest.approx(0.25, abs=0.07)


def test_shuffled_labels_give_chance_at_every_layer(results):
    shuffled = results[(results["labels"] == "shuffled") & (results["metric"] == "accuracy")]
    by_target = shuffled.groupby("target")["value"].agg(["min", "max"])
    assert by_target.loc["phone"].between(0.15, 0.35).all()
    assert by_target.loc["speaker"].between(0.02, 0.17).all()


def test_the_selected_layer_is_the_one_that_holds_the_target(results):
    chosen = results[(results["layer"] == "selected") & (results["labels"] == "true")].set_index(["target", "metric"])
    assert chosen.loc[("phone", "accuracy"), "selected_layer"] == "T2"
    assert chosen.loc[("speaker", "accuracy"), "selected_layer"] == "T1"
    assert value(results, target="phone", layer="selected") == value(results, target="phone", layer="T2")


def test_speaker_identity_does_not_help_with_the_labels_of_other_speakers():
    leaky, rng = plant(), np.random.default_rng(1)
    favourite = leaky.index["speaker"].map({name: rng.integers(4) for name in leaky.index["speaker"].unique()})
    said = np.where(rng.random(len(favourite)) < 0.9, favourite, rng.integers(4, size=len(favourite)))
    only_speaker = np.eye(12, dtype=np.float32)[leaky.index["speaker"].astype("category").cat.codes]
    leaky = dataclasses.replace(leaky, layers=("input",), vectors={"input": only_speaker})
    leaky = replace_column(leaky, "label", said.astype(str))
    held_out_voices = value(run(leaky), layer="input")
    known_voices = value(run(leaky, [PHONE | {"held_out": "utterance"}]), layer="input")
    assert known_voices > 0.85
    assert held_out_voices < 0.55


def test_nested_selection_equals_a_loop_over_scikit_learn(planted):
    penalties = (1e-3, 1e-1, 1.0, 30.0)
    task = make_task(planted.index, PHONE, n_folds=4, n_permutations=0, min_class_size=5, max_items=None, seed=3)
    results = run(planted, penalties=penalties, n_permutations=0, seed=3)
    for layer, x in planted.vectors.items():
        truth = task.labels[:, 0]
        expected = np.mean(nested_ridge(x.astype(float), truth, task.folds, penalties) == truth)
        # One item of 480 may lie so close to a boundary that float32 classifies it differently.
        assert value(results, layer=layer) == pytest.approx(expected, abs=1.1 / 480)


def test_chance_of_balanced_classes_is_one_of_them(planted):
    """The class that is rarest among the test speakers is the most frequent one of all others."""
    speakers = np.unique(planted.index["speaker"], return_inverse=True)[1]
    rarer = np.where(np.arange(len(speakers)) % 7, np.arange(len(speakers)) % 4, speakers % 4)
    balanced = replace_column(planted, "label", np.array(list("abcd"))[rarer])
    chance = run(balanced).query("metric == 'accuracy' and labels == 'true'")["chance"]
    assert (chance >= 0.25).all()
    assert chance.max() < 0.3


def test_chance_is_the_most_frequent_class_of_the_training_side(planted):
    skewed = np.where(np.arange(480) % 10 < 7, "a", "b")
    chance = run(replace_column(planted, "label", skewed)).groupby("metric")["chance"].unique()
    assert chance["accuracy"] == pytest.approx(0.7)
    # F1 of a class that is always predicted is 2p / (1 + p), of the other class 0.
    assert chance["macro_f1"] == pytest.approx(0.5 * 1.4 / 1.7)


def test_chunk_size_does_not_change_results(planted, results, monkeypatch):
    monkeypatch.setattr(vectors, "_CHUNK", 37)
    small = run(planted, [PHONE, SPEAKER, GENDER])
    assert np.allclose(small["value"], results["value"], atol=1.1 / 480)


def test_same_seed_gives_the_same_table(planted, results):
    assert run(planted, [PHONE, SPEAKER, GENDER]).equals(results)
    assert not run(planted, [PHONE, SPEAKER, GENDER], seed=1).equals(results)


def test_scaling_the_features_changes_nothing(planted, results):
    scale = np.random.default_rng(0).uniform(0.01, 100, size=16).astype(np.float32)
    scaled = dataclasses.replace(planted, vectors={layer: x * scale for layer, x in planted.vectors.items()})
    assert np.allclose(run(scaled, [PHONE, SPEAKER, GENDER])["value"], results["value"], atol=1.1 / 480)


def test_rotating_the_features_changes_little(planted, results):
    # Standardisation depends on the axes: results are equal only for white features (see the tests of moments).
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(16, 16)))[0].astype(np.float32)
    rotated = dataclasses.replace(planted, vectors={layer: x @ rotation for layer, x in planted.vectors.items()})
    found = run(rotated)
    for layer in planted.layers:
        assert value(found, layer=layer) == pytest.approx(value(results, target="phone", layer=layer), abs=0.04)


def test_several_permutations_narrow_the_control_but_not_its_mean(planted):
    noise, spreads = dataclasses.replace(planted, layers=("noise",)), []
    for n_permutations in (1, 8):
        runs = [run(noise, n_permutations=n_permutations, penalties=[0.1], seed=seed) for seed in range(10)]
        shuffled = [value(results, layer="noise", labels="shuffled") for results in runs]
        assert np.mean(shuffled) == pytest.approx(0.25, abs=0.02)
        spreads.append(np.var(shuffled))
    assert spreads[1] < 0.5 * spreads[0]


def test_logistic_regression_agrees_with_scikit_learn(planted):
    one_layer = dataclasses.replace(planted, layers=("T1",))
    results = run(one_layer, probe="logistic", penalties=[1e-2], n_permutations=0)
    task = make_task(planted.index, PHONE, n_folds=4, n_permutations=0, min_class_size=5, max_items=None, seed=0)
    truth, hits = task.labels[:, 0], 0
    for fold in range(4):
        train = task.folds != fold
        scaler = StandardScaler().fit(planted.vectors["T1"][train])
        oracle = LogisticRegression(C=1 / (1e-2 * train.sum()), max_iter=2000).fit(
            scaler.transform(planted.vectors["T1"][train]), truth[train]
        )
        hits += (oracle.predict(scaler.transform(planted.vectors["T1"][~train])) == truth[~train]).sum()
    # Solvers stop at different tolerances: two items may be classified differently.
    assert value(results, layer="T1", probe="logistic") == pytest.approx(hits / 480, abs=2.1 / 480)


def test_logistic_regression_reads_planted_phones_from_a_sample(planted):
    results = run(planted, probe="logistic", penalties=[1e-3, 1e-1], max_items=300)
    assert set(results["n"]) == {300}
    assert value(results, layer="selected", probe="logistic") > 0.9
    assert value(results, layer="selected", probe="ridge") > 0.9
    assert value(results, layer="selected", labels="shuffled") < 0.4
    shown = shown_linear(results)
    assert set(shown.loc[shown["labels"] == "true", "probe"]) == {"logistic"}
    assert set(shown.loc[shown["labels"] == "shuffled", "probe"]) == {"ridge"}


def test_constant_dimensions_do_not_disturb(planted, results):
    padded = {layer: np.pad(x, ((0, 0), (0, 2)), constant_values=3) for layer, x in planted.vectors.items()}
    found = run(dataclasses.replace(planted, vectors=padded))
    assert np.allclose(found["value"], results.loc[results["target"] == "phone", "value"], atol=1.1 / 480)


def test_a_sentence_of_every_speaker_is_reported_as_overlap(planted, results):
    assert set(results["text_overlap"]) == {1.0}
    own = planted.index["utterance"] + " is my sentence"
    assert set(run(replace_column(planted, "text", own))["text_overlap"]) == {0.0}


def test_dropped_classes_are_counted_and_logged(planted, caplog):
    labels = planted.index["label"].copy()
    labels.iloc[:4], labels.iloc[40:43], labels.iloc[100] = "only-s00", "", None
    with caplog.at_level(logging.INFO):
        results = run(replace_column(planted, "label", labels), min_class_size=4)
    assert set(results["n_dropped"]) == {8}
    assert set(results["n"]) == {472}
    assert "dropped 'only-s00' (4 items, 1 speaker)" in caplog.text


def test_few_speakers_give_values_without_intervals():
    results = run(plant(n_speakers=4))
    assert results["value"].notna().all()
    assert results[["ci_low", "ci_high"]].isna().all(axis=None)


def test_a_class_with_one_speaker_is_refused(planted):
    lone = np.where(planted.index["speaker"] == "s00", "male", "female")
    expected = (
        r"target 'gender': expected two classes or more with at least 5 items each of at least two speakers, found 1 "
        r"in column 'gender' after dropping 'male' \(40 items, 1 speaker\), 0 of \d+ items having no value; add"
    )
    with pytest.raises(AnalysisError, match=expected):
        run(replace_column(planted, "gender", lone), [GENDER])


def test_a_target_with_one_class_is_refused(planted):
    with pytest.raises(AnalysisError, match=r"target 'language': expected two classes .* found 1 in column 'language'"):
        run(planted, [{"name": "language", "tier": "phone", "column": "language", "held_out": "speaker"}])


def test_one_speaker_is_not_enough_for_held_out_voices():
    with pytest.raises(
        AnalysisError, match=r"expected at least two speakers, .* found only 's00'; add speakers, or hold"
    ):
        run(plant(n_speakers=1))
    with pytest.raises(AnalysisError, match="found 0 in column 'label' after dropping 'a'"):
        run(plant(n_speakers=2), min_class_size=500)


def test_fewer_speakers_than_folds_are_refused():
    with pytest.raises(AnalysisError, match="expected at least 4 speakers for 4 folds, found 3; lower n_folds"):
        run(plant(n_speakers=3))


def test_one_fold_is_refused(planted):
    with pytest.raises(AnalysisError, match="expected n_folds of 2 or more, found 1; raise n_folds"):
        run(planted, n_folds=1)


def test_vectors_that_are_not_finite_are_named_by_layer_and_number(planted):
    broken = planted.vectors["T2"].copy()
    broken[[3, 77]] = np.nan
    broken[78, 0] = np.inf
    spoilt = dataclasses.replace(planted, vectors=planted.vectors | {"T2": broken})
    with pytest.raises(AnalysisError, match="found NaN or infinity in 3 of 480 rows of layer 'T2'; check the model"):
        run(spoilt)


def test_a_column_that_does_not_exist_lists_those_that_do(planted):
    with pytest.raises(AnalysisError, match="expected column 'tone' in the index, found only utterance, tier"):
        run(planted, [PHONE | {"name": "tone", "column": "tone"}])


def test_a_tier_that_does_not_exist_lists_those_that_do(planted):
    with pytest.raises(AnalysisError, match="expected items of tier 'word', found only the tiers phone"):
        run(planted, [PHONE | {"tier": "word"}])


def test_an_unknown_way_of_holding_out_is_refused(planted):
    with pytest.raises(
        AnalysisError, match=r"expected held_out to be speaker, utterance, type or speaker\+type, found 'sentence'"
    ):
        run(planted, [PHONE | {"held_out": "sentence"}])


def test_an_unknown_probe_lists_those_that_exist(planted):
    with pytest.raises(AnalysisError, match="expected one of the probes ridge, logistic, found 'forest'"):
        run(planted, probe="forest")


def word_of(activations, n_words=60):
    """Return activations whose items are words of one phone each; layer ``words`` holds nothing but their identity."""
    rng = np.random.default_rng(3)
    words = rng.integers(n_words, size=480)
    phone = rng.integers(4, size=n_words)[words]
    identity = np.eye(n_words, dtype=np.float32)[words] + 0.05 * rng.normal(size=(480, n_words)).astype(np.float32)
    class_only = np.eye(4, dtype=np.float32)[phone] + 0.05 * rng.normal(size=(480, 4)).astype(np.float32)
    layers = {"words": identity, "classes": class_only, "noise": activations.vectors["noise"]}
    index = activations.index.assign(label=np.array(list("aeiu"))[phone], word=[f"w{word}" for word in words])
    return dataclasses.replace(activations, layers=tuple(layers), index=index, vectors=layers)


WORD = PHONE | {"type": "word", "control": True}


@pytest.fixture(scope="module")
def controlled(planted):
    return run(word_of(planted), [WORD])


def test_a_probe_of_word_identity_solves_the_control_task_as_well_as_the_true_task(controlled):
    assert value(controlled, layer="words") > 0.9
    assert value(controlled, layer="words", labels="control") > 0.9
    assert value(controlled, layer="words", metric="selectivity") == pytest.approx(0, abs=0.08)


def test_a_probe_of_classes_alone_is_selective(controlled):
    selectivity = value(controlled, layer="classes", metric="selectivity")
    accuracy, control = value(controlled, layer="classes"), value(controlled, layer="classes", labels="control")
    assert selectivity == pytest.approx(accuracy - control)
    assert selectivity > 0.4


def test_selectivity_on_noise_is_about_zero(planted):
    # Many words, so that control labels are about as balanced as the true ones.
    row = run(word_of(planted, n_words=90), [WORD]).query("layer == 'noise' and metric == 'selectivity'").iloc[0]
    # Two accuracies of 480 items at chance 0.3: the difference has a standard error of 0.03.
    assert abs(row["value"]) < 0.1
    assert row["ci_low"] < 0.03
    assert row["ci_high"] > -0.03


def test_held_out_types_leave_nothing_to_memory(planted):
    known, new = (
        value(run(word_of(planted), [WORD | {"control": False, "held_out": held_out}]), layer="words")
        for held_out in ("speaker", "type")
    )
    assert known > 0.9
    assert new < 0.45
    assert value(run(word_of(planted), [PHONE | {"type": "word", "held_out": "speaker+type"}]), layer="classes") > 0.95


def test_type_overlap_is_reported(planted):
    for held_out, low, high in (("speaker", 0.9, 1), ("type", 0, 0), ("speaker+type", 0, 0)):
        results = run(word_of(planted), [PHONE | {"type": "word", "held_out": held_out}])
        assert results["type_overlap"].between(low, high).all()
        assert set(results["type"]) == {"word"}


def test_a_factor_in_a_low_variance_subspace_is_decoded():
    planted = plant()
    x = 100 * planted.vectors["noise"].copy()
    codes = planted.index["label"].astype("category").cat.codes.to_numpy()
    x[:, :4] = 0.01 * (np.eye(4)[codes] + 0.1 * np.random.default_rng(0).normal(size=(480, 4)))
    assert value(run(dataclasses.replace(planted, layers=("T1",), vectors={"T1": x})), layer="T1") > 0.99


def test_the_r2_of_a_planted_linear_relation_is_its_share_of_the_variance(planted):
    rng = np.random.default_rng(0)
    signal = planted.vectors["noise"] @ np.full(16, 0.25)
    for noise, expected in ((0, 1), (1, 0.5)):
        height = planted.index.assign(height=signal + noise * rng.normal(size=480))
        task = PHONE | {"name": "height", "column": "height", "kind": "values"}
        results = run(dataclasses.replace(planted, index=height), [task])
        # With 17 coefficients and 360 items, R² is about 0.025 below the explained share.
        assert value(results, layer="noise", metric="r2") == pytest.approx(expected, abs=0.07)
        assert value(results, layer="noise", metric="r2", labels="shuffled") < 0.1
        assert set(results["chance"]) == {0}
        assert value(results, layer="selected", metric="r2") == value(results, layer="noise", metric="r2")


def test_shuffled_values_have_no_positive_r2_if_speakers_differ_in_their_means(planted):
    voices = planted.index["speaker"].str[1:].astype(float) ** 2
    height = planted.index.assign(height=voices + np.random.default_rng(0).normal(size=480))
    task = PHONE | {"name": "height", "column": "height", "kind": "values"}
    results = run(dataclasses.replace(planted, index=height), [task])
    assert results.loc[results["labels"] == "shuffled", "value"].max() < 0.01


def test_nonlinear_probes_code_lengths_and_curves_are_measured_at_the_selected_layer(planted):
    extras = {"nonlinear": ["mlp"], "mdl": True, "n_train": [20, 200], "sample": 300}
    results = run(word_of(planted), [WORD | extras])
    sampled = results[results["probe"] != "ridge"]
    assert set(sampled["layer"]) == {"selected"}
    assert set(sampled["n"]) == {300}
    assert value(results, probe="mlp", layer="selected") > 0.8
    assert value(results, metric="compression") > value(results, metric="compression", labels="control") + 0.5
    bits = value(results, metric="codelength_bits")
    assert value(results, metric="compression") == pytest.approx(300 * 2 / bits)
    assert value(results, n_train=200) >= value(results, n_train=20) > 0.9


def test_with_everywhere_optional_measures_are_taken_at_every_layer(planted):
    results = run(word_of(planted), [PHONE | {"nonlinear": ["mlp"], "mdl": True, "sample": 200, "everywhere": True}])
    assert set(results.loc[results["probe"] == "mlp", "layer"]) == {"words", "classes", "noise", "selected"}
    compression = results[results["metric"] == "compression"].set_index("layer")["value"]
    assert compression["classes"] > compression["words"] > compression["noise"]
    # Random vectors hold no information: the code is no shorter than a code without vectors.
    noise = results.query("metric == 'compression' and layer == 'noise'").iloc[0]
    assert noise["value"] == pytest.approx(noise["chance"], abs=0.1)


def test_an_unknown_nonlinear_probe_lists_those_that_exist(planted):
    with pytest.raises(AnalysisError, match="target 'phone': expected nonlinear among mlp, attention, found 'svm'"):
        run(planted, [PHONE | {"nonlinear": ["mlp", "svm"]}])


def test_measures_of_classes_are_refused_for_values(planted):
    height = replace_column(planted, "height", np.arange(480.0))
    task = PHONE | {"column": "height", "kind": "values"}
    with pytest.raises(AnalysisError, match="expected kind classes for mlp, mdl, found values; take them out"):
        run(height, [task | {"nonlinear": ["mlp"], "mdl": True}])
    # Values have no logistic regression: they are predicted by ridge regression whatever the probe of classes.
    assert set(run(height, [task], probe="logistic")["probe"]) == {"ridge"}


def test_a_nonlinear_probe_is_accompanied_by_a_linear_probe_of_the_same_items(planted):
    activations, target = word_of(planted), WORD | {"nonlinear": ["mlp"], "sample": 200}
    results = run(activations, [target])
    settings = {"n_folds": 4, "n_permutations": 1, "min_class_size": 5, "max_items": None, "seed": 0}
    sample = sample_task(make_task(activations.index, target, **settings), 200, 0)
    sampled = results[results["probe"].isin(["mlp", PEER])]
    assert sampled.groupby("probe").size().tolist() == [5, 5]
    assert sampled.groupby(["metric", "labels"])[["n", "n_train", "selected_layer"]].nunique().eq(1).all(axis=None)
    assert set(sampled["n_train"]) == {smallest_training(sample)}
    assert results.loc[results["probe"] == "ridge", "n_train"].isna().all()
    assert set(sampled["type_overlap"]) == {sample.type_overlap}


def test_an_item_is_coded_at_the_layer_selected_for_its_own_test_fold(planted, monkeypatch):
    task = make_task(planted.index, PHONE, n_folds=4, n_permutations=1, min_class_size=5, max_items=None, seed=0)
    monkeypatch.setattr(optional_measures, "online_code", lambda x, codes, n_classes: x[:, 0] + np.arange(len(x)))
    cost = {"T1": 1000.0, "T2": 2000.0}

    def open_layer(layer):
        return SimpleNamespace(take=lambda rows, name: np.full((len(rows), 1), cost[layer]))

    layers, order = np.array(["T1", "T2", "T1", "T2"], dtype=object), np.random.default_rng(0).permutation(480)
    bits, _ = optional_measures._bits(task, layers, open_layer, order)
    assert bits[order, 0].tolist() == [cost[layers[task.folds[item]]] + i for i, item in enumerate(order)]


def test_a_code_length_counts_the_items_that_are_tested(planted):
    target = PHONE | {"type": "word", "held_out": "speaker+type", "mdl": True}
    results = run(word_of(planted), [target], n_permutations=0).query("layer == 'selected'")
    codes = results[results["probe"] == "online logistic"]
    assert set(codes["n"]) == set(results["n"])
    bits, compression = (codes.loc[codes["metric"] == metric].iloc[0] for metric in ("codelength_bits", "compression"))
    assert codes["n"].iloc[0] * 2 / bits["value"] == pytest.approx(compression["value"])
    assert 0 < codes["n"].iloc[0] < 480


@pytest.mark.parametrize("penalties", [[], [0.1, 0], [-1.0], [float("nan")]])
def test_penalties_that_are_not_above_zero_are_refused(planted, penalties):
    with pytest.raises(AnalysisError, match=r"expected penalties above 0, found .*; give one or several such as"):
        run(planted, penalties=penalties)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_train": [20, 300]}, "target 'phone': expected n_train from 2 to the 240 training items of a fold, found"),
        ({"mdl": True, "sample": 16}, "target 'phone': expected at least 20 items for an online code, found 16; raise"),
        (
            {"nonlinear": ["mlp"], "sample": 3},
            "target 'phone': expected items to .* in every one of 4 folds, .* raise sample",
        ),
    ],
)
def test_measures_with_too_few_items_are_refused_before_any_layer_is_read(planted, change, message):
    unread = dataclasses.replace(planted, vectors={})
    with pytest.raises(AnalysisError, match=message):
        run(unread, [PHONE | change])


def timed(activations, duration_s):
    """Return activations whose segments have a length."""
    onset = np.zeros(len(activations.index), dtype=int)
    offset = np.round(16_000 * np.asarray(duration_s)).astype(int)
    return dataclasses.replace(
        activations, index=activations.index.assign(onset=onset, offset=offset, sample_rate_hz=16_000)
    )


def test_vectors_that_hold_duration_alone_are_not_above_it_and_at_chance_once_it_is_fixed(planted):
    """The confound: labels follow from duration, and vectors hold nothing else."""
    codes = planted.index["label"].astype("category").cat.codes.to_numpy()
    rng = np.random.default_rng(0)
    duration_s = 0.05 * 1.6**codes * np.exp(rng.normal(0, 0.2, len(codes)))
    lengths = np.log(duration_s)[:, None] * rng.normal(size=(1, 16)) + 0.1 * rng.normal(size=(len(codes), 16))
    only_lengths = dataclasses.replace(planted, layers=("T1",), vectors={"T1": lengths.astype(np.float32)})
    confounded = timed(only_lengths, duration_s)
    results = run(confounded, [PHONE, PHONE | {"name": "fixed", "given": "log_duration"}], probe="logistic")
    found = results[(results["probe"] == "logistic") & (results["layer"] == "T1") & (results["metric"] == "accuracy")]
    found = found[found["labels"] == "true"].set_index("target")
    assert found.loc["phone", "value"] > 0.6
    assert found.loc["phone", "duration_alone"] > found.loc["phone", "value"] - 0.08
    assert found.loc["fixed", "value"] < 0.33
    assert found.loc["fixed", "given"] == "log_duration"


def test_what_does_not_depend_on_duration_survives_holding_it_fixed(planted, results):
    duration_s = np.random.default_rng(0).uniform(0.05, 0.2, len(planted.index))
    fixed = run(timed(planted, duration_s), [PHONE | {"given": "log_duration"}])
    assert value(fixed, layer="T2") == pytest.approx(value(results, target="phone", layer="T2"), abs=0.02)
    assert fixed["duration_alone"].dropna().max() < 0.4


def test_a_column_of_names_cannot_be_held_fixed(planted):
    with pytest.raises(
        AnalysisError, match=r"expected a column of numbers to hold fixed, .* found 'gender', which holds"
    ):
        run(planted, [PHONE | {"given": "gender"}])


def test_low_dimensional_vectors_are_read_better_by_logistic_than_by_ridge_regression():
    """Classes along a line: regression on one-hot labels masks those in the middle (Hastie et al., 2009, 4.2)."""
    line = plant()
    codes = line.index["label"].astype("category").cat.codes.to_numpy()
    x = np.stack([codes, codes], axis=1) + np.random.default_rng(0).normal(0, 0.15, (len(codes), 2))
    line = dataclasses.replace(line, layers=("T1",), vectors={"T1": x.astype(np.float32)})
    results = run(line, probe="logistic")
    assert value(results, layer="T1", probe="logistic") > 0.95
    assert value(results, layer="T1", probe="ridge") < 0.8


def test_points_in_time_beside_the_items_do_not_disturb_the_control_by_duration(planted):
    duration_s = np.random.default_rng(0).uniform(0.05, 0.2, len(planted.index))
    index = planted.index.copy()
    index.loc[index.index[:40], "tier"] = "rime_50"
    results = run(timed(dataclasses.replace(planted, index=index), np.where(index["tier"] == "phone", duration_s, 0)))
    assert results.loc[results["metric"] == "accuracy", "duration_alone"].notna().all()


def test_penalties_of_the_logistic_probe_are_checked_as_well(planted):
    with pytest.raises(AnalysisError, match="expected penalties above 0, found none"):
        probe_activations(planted, targets=[PHONE], corpus="c", model="m", step="1", logistic_penalties=[])
