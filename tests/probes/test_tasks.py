import re

import numpy as np
import pytest
from reference import plant

from auscult.errors import AnalysisError
from auscult.probes.controls import check_control
from auscult.probes.tasks import make_task, sample_task
from auscult.statistics.folds import share_seen

PHONE = {"name": "phone", "tier": "phone", "column": "label", "held_out": "speaker"}
AGE = PHONE | {"name": "age", "column": "age", "kind": "values"}
SPEAKER = {"name": "speaker", "tier": "phone", "column": "speaker", "held_out": "utterance"}


def make(index, target, **settings):
    settings = {"n_folds": 4, "n_permutations": 1, "min_class_size": 5, "max_items": None, "seed": 0} | settings
    return make_task(index, target, **settings)


@pytest.fixture(scope="module")
def planted():
    return plant()


def test_shuffled_labels_stay_within_their_fold(planted):
    task = make(planted.index, PHONE, n_permutations=3)
    assert task.labels.shape == (480, 4)
    for fold in range(4):
        counts = [np.bincount(column).tolist() for column in task.labels[task.folds == fold].T]
        assert counts == [counts[0]] * 4
    assert (task.labels[:, 1] != task.labels[:, 0]).mean() > 0.5


def test_held_out_speakers_are_in_one_fold_and_both_genders_in_every_fold(planted):
    task = make(planted.index, PHONE)
    items = planted.index.iloc[task.rows].assign(fold=task.folds)
    assert (items.groupby("speaker")["fold"].nunique() == 1).all()
    assert (items.groupby("fold")["gender"].nunique() == 2).all()


def test_held_out_utterances_are_in_one_fold_and_every_speaker_in_every_fold(planted):
    task = make(planted.index, SPEAKER)
    items = planted.index.iloc[task.rows].assign(fold=task.folds)
    assert (items.groupby("utterance")["fold"].nunique() == 1).all()
    assert (items.groupby("speaker")["fold"].nunique() == 4).all()


def test_a_class_of_one_speaker_is_dropped_only_where_speakers_are_held_out(planted):
    index = planted.index.assign(label=planted.index["label"].where(planted.index["speaker"] != "s00", "q"))
    assert make(index, PHONE).n_dropped == 40
    assert make(index, PHONE | {"held_out": "utterance"}).n_dropped == 0


def test_items_of_other_tiers_are_not_touched(planted):
    index = planted.index.assign(tier=np.where(planted.index["index"] == 0, "word", "phone"))
    assert (index["tier"].iloc[make(index, PHONE).rows] == "phone").all()
    assert len(make(index, PHONE).rows) == (index["tier"] == "phone").sum()


WORD = {"type": "word", "control": True}


@pytest.fixture(scope="module")
def worded(planted):
    return planted.index.assign(word=[f"w{i % 24}" for i in range(480)])


def test_control_labels_come_last_with_one_label_per_type(worded):
    task = make(worded, PHONE | WORD, n_permutations=2)
    assert task.labellings == ("true", "shuffled", "shuffled", "control", "control")
    drawn = worded.assign(drawn=task.labels[:, 4]).groupby("word")["drawn"]
    assert (drawn.nunique() == 1).all()
    assert task.type_overlap == 1


def test_a_type_may_be_named_by_several_columns(worded):
    task = make(worded, PHONE | {"type": ["word", "gender"], "held_out": "type"})
    assert task.type_column == "word + gender"
    assert task.type_overlap == 0
    assert (worded.assign(fold=task.folds).groupby(["word", "gender"])["fold"].nunique() == 1).all()


def test_shuffled_values_keep_nothing_of_the_means_of_folds(planted):
    index = planted.index.assign(height=planted.index["speaker"].str[1:].astype(float) + 1e-6 * np.arange(480))
    task = make(index, PHONE | {"column": "height", "kind": "values"})
    means = [[task.labels[task.folds == fold, column].mean() for fold in range(4)] for column in (0, 1)]
    # The standard error of a mean of 120 values with a standard deviation of 3.5 is 0.3.
    assert np.ptp(means[0]) > 1
    assert np.allclose(means[1], 5.5, atol=1)


def test_a_sample_keeps_folds_and_renumbers_its_speakers(worded):
    task = make(worded, PHONE)
    small = sample_task(task, 20, seed=0)
    assert (task.folds[np.searchsorted(task.rows, small.rows)] == small.folds).all()
    assert sorted(set(small.speakers)) == list(range(len(set(worded["speaker"].iloc[small.rows]))))
    assert sample_task(task, 480, seed=0) is task


def test_values_that_are_missing_are_dropped_and_counted(planted):
    height = np.where(np.arange(480) % 4, np.arange(480.0), np.nan)
    task = make(planted.index.assign(height=height), PHONE | {"column": "height", "kind": "values"})
    assert (task.kind, task.n_dropped, len(task.rows)) == ("values", 120, 360)
    assert sorted(task.labels[:, 1]) == sorted(task.labels[:, 0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"control": True}, "expected a column of types where control is asked for, found none; add the key type"),
        ({"held_out": "type"}, "expected a column of types where held_out is 'type', found none"),
        ({"kind": "ranks"}, "expected kind to be classes or values, found 'ranks'"),
        (
            {"kind": "values"},
            "expected numbers in column 'label' for kind values, found 'u' (480 such items); use kind classes",
        ),
        (WORD | {"kind": "values"}, "expected kind classes for a control task, found values; take control out"),
        ({"type": "lemma"}, "expected column 'lemma' in the index, found only utterance"),
        (WORD | {"held_out": "type"}, "found held_out 'type', which keeps them apart; hold"),
        ({"kind": "values", "column": "flat"}, "expected numbers that differ in column 'flat', found only 3 in 480"),
        ({"kind": "values", "column": "gone"}, "expected numbers that differ in column 'gone', found none in 480"),
        ({"type": "gender", "held_out": "type"}, "'phone': expected at least 4 types for 4 folds, found 2; lower n_"),
        (
            {"nonlinear": ["attention"]},
            "expected tier utterance for probe 'attention', found 'phone'; take attention out",
        ),
        (WORD | {"held_out": "speaker+type"}, "found held_out 'speaker+type', which keeps them apart"),
    ],
)
def test_impossible_targets_are_refused_with_a_reason(worded, change, message):
    index = worded.assign(flat=3.0, gone=np.nan)
    with pytest.raises(AnalysisError, match=re.escape(message)):
        make(index, PHONE | change)


def test_a_label_that_is_constant_within_speakers_is_permuted_between_them(planted):
    task = make(planted.index, {**PHONE, "name": "gender", "column": "gender"}, n_permutations=3)
    for column in task.labels.T:
        assert all(len(np.unique(column[task.speakers == speaker])) == 1 for speaker in np.unique(task.speakers))
    assert (task.labels[:, 1:] != task.labels[:, :1]).any()


def test_a_sample_recomputes_the_overlap_of_types_and_sentences(worded):
    index = worded.assign(text=[f"sentence {i % 40}" if i % 5 else "" for i in range(480)])
    task = make(index, PHONE | WORD)
    small = sample_task(task, 40, seed=0)
    items = index.iloc[small.rows]
    assert task.type_overlap == 1
    assert small.type_overlap == share_seen(items["word"], small.folds, small.cells) < 0.9
    assert small.text_overlap == share_seen(items["text"], small.folds, small.cells) < task.text_overlap


def test_a_sample_that_leaves_a_fold_without_items_is_refused(worded):
    task = make(worded, PHONE | {"held_out": "speaker+type", "type": "word"})
    with pytest.raises(
        AnalysisError, match=r"target 'phone': expected items to (test|train on) in .*; raise sample above"
    ):
        sample_task(task, 8, seed=0)


def test_a_control_task_without_a_type_in_training_is_refused(worded):
    with pytest.raises(AnalysisError, match=r"none of the 24 types of column 'word' does .*; raise sample above 24 or"):
        check_control("phone", "word", worded["word"].to_numpy(str), 0.0, "speaker", "raise sample above 24 or")


def test_a_control_task_whose_types_hardly_recur_is_refused(planted):
    """With two items a type nothing can be memorised: selectivity would be accuracy above chance."""
    rare = planted.index.assign(word=[f"w{i % 240}" for i in range(480)])
    with pytest.raises(
        AnalysisError, match="240 types of column 'word' for 480 items, half of which have a type with at most 2 items"
    ):
        make(rare, PHONE | WORD)


def test_of_many_dropped_classes_only_the_first_ten_are_named(planted):
    index = planted.index.assign(label=[f"w{i:03d}" for i in range(480)])
    with pytest.raises(AnalysisError, match=r"'w009' \(1 items, 1 speaker\) and 470 more, 0 of 480") as caught:
        make(index, PHONE)
    assert "numbers?" not in str(caught.value)


def test_labels_that_look_like_numbers_suggest_a_regression(planted):
    index = planted.index.assign(height=np.arange(480) / 7)
    with pytest.raises(AnalysisError, match="numbers\\? set kind: values; else add speakers, lower min_class_size"):
        make(index, PHONE | {"column": "height"})


def test_too_few_speakers_are_reported_with_the_target(planted):
    few = planted.index[planted.index["speaker"].isin(["s00", "s01", "s02"])]
    with pytest.raises(AnalysisError, match="target 'phone': expected at least 4 speakers for 4 folds, found 3; lower"):
        make(few, PHONE)


def test_numbers_written_as_text_are_values_and_empty_cells_are_dropped():
    """Tables that people write hold numbers as text, such as the age of a speaker."""
    index = plant().index
    ages = index["speaker"].str[1:].where(index["speaker"] != "s03", "")
    task = make(index.assign(age=ages), AGE)
    assert task.n_dropped == 40
    assert sorted(set(task.labels[:, 0])) == [age for age in range(12) if age != 3]
    with pytest.raises(AnalysisError, match=r"expected numbers in column 'age' for kind values, found '1\?' \(40 such"):
        make(index.assign(age=ages.where(index["speaker"] != "s05", "1?")), AGE)
