"""Probes trained on one corpus or on named speakers and tested on others, and probes of two speakers."""

import dataclasses

import numpy as np
import pytest
from reference import nested_ridge, plant
from test_probing import GENDER, PHONE, run, value

from auscult.activations.joined import join_activations
from auscult.analyses.probing.analysis import probe_activations
from auscult.analyses.probing.settings import ProbingSettings
from auscult.errors import AnalysisError
from auscult.probes.tasks import make_task

SETTINGS = ProbingSettings(probe="ridge", n_resamples=200, min_class_size=5, n_permutations=1)


def voices(n_speakers=2, n_items=120, turned=True):
    """Return speakers whose phones are equally clear, but lie along other directions in each voice."""
    planted = plant(n_speakers=n_speakers, n_items=n_items)
    random = np.random.default_rng(5)
    x = planted.vectors["T2"].copy()
    for speaker in sorted(planted.index["speaker"].unique()) if turned else ():
        own = (planted.index["speaker"] == speaker).to_numpy()
        x[own] = x[own] @ np.linalg.qr(random.normal(size=(16, 16)))[0].astype(np.float32)
    return dataclasses.replace(planted, layers=("T2",), vectors={"T2": x})


def part(activations, rows):
    rows = rows.to_numpy()
    vectors = {layer: x[rows] for layer, x in activations.vectors.items()}
    return dataclasses.replace(activations, index=activations.index[rows].reset_index(drop=True), vectors=vectors)


def across(own, other, target=PHONE, **changes):
    target = target | {"train": {"corpus": "other"}, "held_out": "utterance"} | changes
    return probe_activations(
        own, targets=[target], corpus="own", model="m", step="final", training={"other": other}, settings=SETTINGS
    )


def test_two_voices_are_tested_on_each_other_with_two_folds():
    """Within a voice these phones are read perfectly; a test within the voice says nothing about another one."""
    within = run(voices(), [PHONE | {"held_out": "utterance"}])
    held_out = run(voices(), n_folds=2)
    assert value(within, layer="T2") > 0.97
    assert value(held_out, layer="T2") < 0.5
    assert value(run(voices(turned=False), n_folds=2), layer="T2") > 0.97
    assert held_out["ci_low"].isna().all()
    assert (held_out["n_folds"] == 2).all()
    assert (held_out["n_groups"] == 2).all()


def test_with_two_folds_halves_of_the_training_fold_choose_the_penalty():
    planted = plant(n_speakers=2, n_items=120)
    task = make_task(planted.index, PHONE, n_folds=2, n_permutations=0, min_class_size=5, max_items=None, seed=0)
    assert task.tests == ((0, 1), (2, 3))
    speakers, utterances = (planted.index[unit].to_numpy() for unit in ("speaker", "utterance"))
    for units, blocks in ((speakers, task.test_of), (utterances, task.folds)):
        assert all(len(set(blocks[units == unit])) == 1 for unit in set(units))
    assert (np.bincount(task.folds) >= 56).all()


def test_penalties_of_named_training_items_are_chosen_among_them():
    planted = plant(n_speakers=8, n_items=40)
    target = PHONE | {"test": {"speaker": ["s00", "s05"]}}
    task = make_task(planted.index, target, n_folds=4, n_permutations=0, min_class_size=5, max_items=None, seed=0)
    assert sorted(set(planted.index["speaker"][task.tested])) == ["s00", "s05"]
    assert sorted(set(task.folds)) == [0, 1, 2, 3]
    penalties = (1e-3, 1e-1, 1.0, 30.0)
    expected = nested_ridge(planted.vectors["T1"].astype(float), task.labels[:, 0], task.folds, penalties)
    results = run(planted, [target], penalties=penalties)
    correct = (expected == task.labels[:, 0])[task.tested].mean()
    assert value(results, layer="T1") == pytest.approx(correct)
    row = results[(results["layer"] == "T1") & (results["labels"] == "true")].iloc[0]
    assert (row["n"], row["n_groups"], row["n_folds"]) == (80, 2, 1)
    assert (row["train"], row["test"]) == ("", "speaker: s00, s05")


def test_probes_are_trained_on_one_corpus_and_tested_on_another():
    every = voices(3, turned=False)
    own, other = (part(every, every.index["speaker"].isin(names)) for names in (["s00"], ["s01", "s02"]))
    results = across(own, other)
    assert value(results, layer="T2") > 0.97
    row = results[results["metric"] == "accuracy"].iloc[0]
    assert (row["n"], row["n_groups"], row["train"], row["test"]) == (120, 1, "corpus: other", "corpus: own")
    turned = dataclasses.replace(own, vectors={"T2": own.vectors["T2"][:, ::-1].copy()})
    assert value(across(turned, other), layer="T2") < 0.6


def test_every_probe_is_trained_on_the_other_corpus_only():
    """Labels of the tested corpus are turned round, which no probe that has met them would do."""
    own, other = voices(4, 60, turned=False), voices(4, 60, turned=False)
    swap = dict(zip("aeiu", "eaui"))
    own = dataclasses.replace(own, index=own.index.assign(label=own.index["label"].map(swap)))
    results = across(own, other, nonlinear=["mlp"], mdl=False, sample=400)
    for probe in ("ridge", "mlp", "linear (sample)"):
        assert value(results, layer="selected", probe=probe) < 0.05


def test_speakers_of_two_corpora_are_different_people_even_if_their_names_are_equal():
    results = across(voices(4, 40, turned=False), voices(4, 40, turned=False), held_out="speaker")
    assert value(results, layer="T2") > 0.97


def test_a_single_speaker_is_refused_with_the_reason():
    with pytest.raises(AnalysisError, match="expected at least two speakers, so that a probe is tested on one that it"):
        run(voices(1), n_folds=2)


def test_the_gender_of_one_speaker_is_refused_with_the_reason():
    with pytest.raises(AnalysisError, match="target 'gender': expected at least two speakers, so that a probe is"):
        run(voices(1), [GENDER], n_folds=2)
    with pytest.raises(AnalysisError, match=r"expected two classes or more .* of at least two speakers, found 0"):
        run(voices(2), [GENDER], n_folds=2)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            {"train": {"speaker": ["s002"]}},
            r"train: expected values of column 'speaker', found s002 \(did you mean 's02'",
        ),
        (
            {"test": {"voice": ["a"]}},
            "test: expected a column of the index, found 'voice'; columns are utterance, tier",
        ),
        (
            {"train": {"gender": "male"}, "test": {"speaker": ["s02"]}},
            "expected train and test to share no item, found 40 in both",
        ),
        (
            {"test": {"text": ["sentence 0"]}},
            "expected each speaker either in train or in test, found 8 in both: s00, s01",
        ),
        (
            {"train": {"speaker": ["s00"]}},
            "expected at least 3 speakers in train, whose folds choose penalty and layer, found 1; hold out utterance",
        ),
        ({"test": {"speaker": "s01"}, "held_out": "type", "type": "text"}, "expected held_out speaker or utterance"),
        ({"train": {"corpus": "other"}}, "expected activations of corpora other to train on, found none"),
    ],
)
def test_training_and_test_items_that_cannot_be_told_apart_are_refused(target, message):
    with pytest.raises(AnalysisError, match=message):
        run(plant(n_speakers=8), [PHONE | target])


def test_classes_that_only_one_side_has_are_dropped_and_counted():
    planted = plant(n_speakers=8)
    labels = planted.index["label"].where(planted.index["speaker"] != "s07", "new")
    results = run(
        dataclasses.replace(planted, index=planted.index.assign(label=labels)),
        [PHONE | {"test": {"speaker": ["s06", "s07"]}}],
    )
    assert set(results["n_dropped"]) == {40}
    assert set(results["n"]) == {40}


def test_joined_activations_give_the_vectors_of_their_parts():
    parts = {"own": plant(n_speakers=2), "other": plant(n_speakers=3, seed=1)}
    joined = join_activations(parts, {name: part.index for name, part in parts.items()})
    rows = np.random.default_rng(0).permutation(len(joined.index))[:50]
    expected = np.concatenate([part.vectors["T2"] for part in parts.values()])
    np.testing.assert_array_equal(joined.load("T2", rows), expected[rows])
    np.testing.assert_array_equal(joined.load("T2", np.array([len(expected) - 1])), expected[-1:])
    assert joined.load("T2", np.array([], dtype=int)).shape == (0, 16)
    other = dataclasses.replace(parts["other"], layers=("T1",))
    with pytest.raises(AnalysisError, match="expected the same layers on corpora own and other, found T1, T2, noise"):
        join_activations({"own": parts["own"], "other": other}, {})
