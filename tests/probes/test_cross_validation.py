import numpy as np
import pytest
from probe_tasks import GENDER, PHONE, task_of
from reference import plant
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from auscult.activations.layer_vectors import LayerVectors
from auscult.probes import cross_validation
from auscult.probes.cross_validation import cross_validate, normalise, score_sums, select_layer

PENALTIES = np.array([10.0, 0.1, 1e-3])


@pytest.fixture(scope="module")
def planted():
    return plant()


def test_tasks_that_share_items_are_predicted_as_if_alone(planted):
    vectors, index = LayerVectors(planted, "T1"), planted.index.assign(place=np.arange(480) / 480)
    value = PHONE | {"name": "place", "column": "place", "kind": "values"}
    tasks = [task_of(index, target) for target in (PHONE, GENDER, value)]
    together = cross_validate(vectors, tasks, "ridge", PENALTIES)
    for task, outcome in zip(tasks, together):
        (alone,) = cross_validate(vectors, [task], "ridge", PENALTIES)
        assert np.allclose(alone.predicted, outcome.predicted)
        assert np.allclose(alone.valid, outcome.valid)
        assert np.array_equal(alone.penalty, outcome.penalty)


def test_a_regression_equals_a_loop_over_scikit_learn(planted):
    x = planted.vectors["T2"].astype(float)
    index = planted.index.assign(height=x @ np.arange(16) + np.random.default_rng(0).normal(size=480))
    task = task_of(index, PHONE | {"column": "height", "kind": "values"}, n_permutations=0)
    (outcome,) = cross_validate(LayerVectors(planted, "T2"), [task], "ridge", PENALTIES[1:2])
    for fold in range(4):
        train = task.folds != fold
        scaler = StandardScaler().fit(x[train])
        oracle = Ridge(alpha=0.1 * train.sum()).fit(scaler.transform(x[train]), task.labels[train, 0])
        expected = oracle.predict(scaler.transform(x[~train]))
        # Predictions are made in float32.
        assert np.allclose(outcome.predicted[~train, 0], expected, atol=1e-3)


def test_with_speaker_and_type_held_out_both_are_new_to_the_probe(planted):
    index = planted.index.assign(word=[f"w{i % 24}" for i in range(480)])
    task = task_of(index, PHONE | {"held_out": "speaker+type", "type": "word"}, n_permutations=0)
    for fold in range(4):
        tested, train = index.iloc[task.rows[task.folds == fold]], index[(task.cells != fold).all(axis=1)]
        assert len(tested)
        assert not set(tested["speaker"]) & set(train["speaker"])
        assert not set(tested["word"]) & set(train["word"])
    spoilt = LayerVectors(planted, "T2")
    (first,) = cross_validate(spoilt, [task], "ridge", PENALTIES[1:2])
    mixed = (task.folds < 0) & (task.cells == 0).any(axis=1)
    spoilt._all = np.where(mixed[:, None], 1e3, spoilt._all)
    (second,) = cross_validate(spoilt, [task], "ridge", PENALTIES[1:2])
    assert np.array_equal(first.predicted[task.folds == 0], second.predicted[task.folds == 0])


def test_control_labels_are_read_where_the_truth_is_best(planted):
    index = planted.index.assign(word=[f"w{i % 24}" for i in range(480)])
    task = task_of(index, PHONE | {"type": "word", "control": True})
    outcomes = {
        layer: cross_validate(LayerVectors(planted, layer), [task], "ridge", PENALTIES)[0] for layer in planted.layers
    }
    chosen = select_layer(task, outcomes)
    assert task.labellings == ("true", "shuffled", "control")
    assert (chosen.layer[:, 0] == "T2").all()
    assert (chosen.layer[:, 2] == "T2").all()


def test_hits_and_errors_are_summed_by_kind():
    truth, guess = np.array([[1.0, 2.0], [0.0, 5.0]]), np.array([[[1.0, 2.5]], [[1.0, 4.0]]])
    assert score_sums(truth, guess, [2, 0]).tolist() == [[1, -1.25]]


def test_labellings_that_choose_the_same_penalty_are_fitted_once(planted, monkeypatch):
    asked, prepare = [], cross_validation.prepare_fitter

    def counted(*arguments):
        fit = prepare(*arguments)
        return lambda left_out, penalties: asked.append((left_out, list(penalties))) or fit(left_out, penalties)

    monkeypatch.setattr(cross_validation, "prepare_fitter", counted)
    cross_validate(LayerVectors(planted, "T2"), [task_of(planted.index, PHONE, n_permutations=9)], "ridge", PENALTIES)
    final = [penalties for left_out, penalties in asked if len(left_out) == 1]
    assert len(final) == 4
    assert all(len(penalties) == len(set(penalties)) for penalties in final)


def test_constant_validation_values_lose_to_any_layer(planted):
    index = planted.index.assign(height=np.arange(480.0))
    task = task_of(index, PHONE | {"column": "height", "kind": "values"}, n_permutations=0)
    flat = task.folds == 0
    task.labels[flat] = 3.0
    assert normalise(task, flat, np.array([0.0])).tolist() == [-np.inf]
    assert normalise(task, flat, np.array([-2.0])).tolist() == [-np.inf]
    assert np.isfinite(normalise(task, ~flat, np.array([-2.0]))).all()
