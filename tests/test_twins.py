import numpy as np
import pandas as pd
import pytest
from reference import plant
from test_nested import GENDER, PHONE, task_of

from auscult.errors import AnalysisError
from auscult.learning_curves import learning_curve
from auscult.twins import cross_validate_twin, reduce_labellings, split_fold
from auscult.vectors import LayerVectors


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
    outcome = cross_validate_twin("mlp", task, layers, opener(planted), planted.index, seed=0)
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
    outcome = cross_validate_twin("attention", task, np.full(4, "input", object), opener(planted), index, seed=0)
    assert np.mean(outcome.predicted == task.labels) > 0.9


def test_attention_needs_utterances_and_their_segments(planted):
    layers = np.full(4, "T1", dtype=object)
    with pytest.raises(AnalysisError, match="expected tier utterance for twin 'attention', found 'phone'"):
        cross_validate_twin("attention", task_of(planted.index, PHONE), layers, None, planted.index, seed=0)
    whole = planted.index.assign(tier="utterance")
    task = task_of(whole, GENDER | {"tier": "utterance"})
    with pytest.raises(AnalysisError, match=r"segments of tier 'phone' in every utterance .* found none in 's00-u0'"):
        cross_validate_twin("attention", task, layers, None, whole, seed=0)


def test_more_training_items_help(planted):
    task = reduce_labellings(task_of(planted.index, PHONE), "true")
    curve = learning_curve(task, [8, 240], np.full(4, "T1", object), opener(planted), np.array([0.1]), seed=0)
    hits = {size: np.mean(outcome.predicted == task.labels) for size, outcome in curve.items()}
    assert hits[8] + 0.1 < hits[240]
    assert hits[240] > 0.5


def test_more_training_items_than_there_are_is_refused(planted):
    task = reduce_labellings(task_of(planted.index, PHONE), "true")
    with pytest.raises(
        AnalysisError, match="expected n_train from 2 to the 240 training items of a fold, found 8, 300"
    ):
        learning_curve(task, [8, 300], np.full(4, "T2", object), opener(planted), np.array([0.1]), seed=0)
