import numpy as np
import pandas as pd
import pytest
from probe_tasks import GENDER, PHONE, task_of
from reference import _classify, plant

from auscult.activations.layer_vectors import LayerVectors
from auscult.errors import AnalysisError
from auscult.probes.learning_curves import learning_curve, linear_peer
from auscult.probes.nonlinear import cross_validate_nonlinear, reduce_labellings, smallest_training, split_fold


@pytest.fixture(scope="module")
def planted():
    return plant()


def opener(activations):
    return lambda layer: LayerVectors(activations, layer)


def test_training_validation_and_test_speakers_are_different_people(planted):
    task = task_of(planted.index, PHONE)
    for fold in range(4):
        parts = split_fold(task, fold)
        assert np.sum(parts, axis=0).tolist() == [1] * 480
        speakers = [set(task.speakers[mask]) for mask in parts]
        assert len(set.union(*speakers)) == sum(map(len, speakers))


def test_each_fold_reads_its_own_layer(planted):
    task = reduce_labellings(task_of(planted.index, PHONE), "true", "control")
    layers = np.array(["T2", "noise", "T2", "noise"], dtype=object)
    outcome = cross_validate_nonlinear("mlp", task, layers, opener(planted), planted.index, seed=0)
    hits = [np.mean((outcome.predicted == task.labels)[task.folds == fold]) for fold in range(4)]
    assert min(hits[0], hits[2]) > 0.85
    assert max(hits[1], hits[3]) < 0.45
    assert outcome.layer[:, 0].tolist() == list(layers)


def test_attention_reads_utterances_from_their_phones():
    planted = plant(n_speakers=16, n_items=80)
    whole = planted.index.drop_duplicates("utterance").assign(tier="utterance")
    index = pd.concat([planted.index, whole], ignore_index=True)
    x = np.concatenate([planted.vectors["noise"], np.zeros((len(whole), 16), dtype=np.float32)])
    x[index["gender"] == "female", 0] += 3
    planted = type(planted)(("input",), index, {"input": x})
    task = reduce_labellings(task_of(index, GENDER | {"tier": "utterance"}), "true")
    outcome = cross_validate_nonlinear("attention", task, np.full(4, "input", object), opener(planted), index, seed=0)
    assert np.mean(outcome.predicted == task.labels) > 0.9


def test_attention_needs_utterances_and_their_segments(planted):
    layers = np.full(4, "T1", dtype=object)
    with pytest.raises(AnalysisError, match="expected tier utterance for probe 'attention', found 'phone'"):
        cross_validate_nonlinear("attention", task_of(planted.index, PHONE), layers, None, planted.index, seed=0)
    whole = planted.index.assign(tier="utterance")
    task = task_of(whole, GENDER | {"tier": "utterance"})
    with pytest.raises(AnalysisError, match=r"segments of tier 'phone' in every utterance .* found none in 's00-u0'"):
        cross_validate_nonlinear("attention", task, layers, None, whole, seed=0)


def test_more_training_items_help(planted):
    task = reduce_labellings(task_of(planted.index, PHONE), "true")
    curve = learning_curve(task, [8, 240], np.full(4, "T1", object), opener(planted), np.array([0.1]), seed=0)
    hits = {size: np.mean(outcome.predicted == task.labels) for size, outcome in curve.items()}
    assert hits[8] + 0.1 < hits[240]
    assert hits[240] > 0.5


def test_more_training_items_than_exist_are_refused(planted):
    task = reduce_labellings(task_of(planted.index, PHONE), "true")
    with pytest.raises(
        AnalysisError,
        match="expected n_train from 2 to the 240 training items of a fold, found 8, 300; lower n_train or add",
    ):
        learning_curve(task, [8, 300], np.full(4, "T2", object), opener(planted), np.array([0.1]), seed=0)


def test_the_linear_peer_is_a_ridge_on_the_training_items_of_a_non_linear_probe(planted):
    index = planted.index.assign(word=[f"w{i % 24}" for i in range(480)])
    task = reduce_labellings(task_of(index, PHONE | {"type": "word", "control": True}), "true", "control")
    layers = np.array(["T1", "T2", "T1", "noise"], dtype=object)
    outcome = linear_peer(task, layers, opener(planted), np.array([0.1]), 0, "ridge")
    for fold, layer in enumerate(layers):
        train, _, test = split_fold(task, fold)
        for labelling in (0, 1):
            oracle = _classify(planted.vectors[layer], task.labels[:, labelling], train, test, 0.1)
            # One item may lie so close to a boundary that float32 decides it otherwise.
            assert np.sum(outcome.predicted[test, labelling] != oracle) <= 1
    assert outcome.layer[:, 1].tolist() == list(layers)


def test_the_linear_peer_selects_its_penalty_on_the_validation_fold_of_the_non_linear_probe(planted):
    task = reduce_labellings(task_of(planted.index, PHONE), "true")
    layers, penalties = np.full(4, "T1", object), np.array([1e4, 0.1])
    both = linear_peer(task, layers, opener(planted), penalties, 0, "ridge")
    alone = [linear_peer(task, layers, opener(planted), penalties[[i]], 0, "ridge").valid for i in (0, 1)]
    assert both.valid.tolist() == np.maximum(*alone).tolist()
    assert both.penalty[:, 0].tolist() == penalties[np.argmax(alone, axis=0)][:, 0].tolist()


def test_a_learning_curve_reads_each_layer_once_and_only_what_it_needs(planted):
    task, read = reduce_labellings(task_of(planted.index, PHONE), "true"), []

    class Counted(LayerVectors):
        def take(self, rows, name):
            read.append((self.layer, len(rows)))
            return super().take(rows, name)

    layers = np.array(["T1", "T2", "T1", "T1"], dtype=object)
    learning_curve(task, [8], layers, lambda layer: Counted(planted, layer), np.array([0.1]), seed=0)
    assert [layer for layer, _ in read] == ["T1", "T2"]
    assert read[1][1] == 8 + 120 + 120


def test_a_learning_curve_of_values_has_validation_scores(planted):
    x = planted.vectors["T2"]
    index = planted.index.assign(height=x @ np.arange(16) + np.random.default_rng(0).normal(size=480))
    task = reduce_labellings(task_of(index, PHONE | {"column": "height", "kind": "values"}), "true")
    curve = learning_curve(task, [240], np.full(4, "T2", object), opener(planted), np.array([1e-3]), seed=0)
    assert (curve[240].valid > 0.95).all()


def test_the_smallest_training_set_lacks_two_folds(planted):
    index = planted.index.assign(word=[f"w{i % 24}" for i in range(480)])
    assert smallest_training(task_of(index, PHONE)) == 240
    both = task_of(index, PHONE | {"held_out": "speaker+type", "type": "word"})
    assert smallest_training(both) == min(np.sum(~np.isin(both.cells, [i, (i + 1) % 4]).any(axis=1)) for i in range(4))
