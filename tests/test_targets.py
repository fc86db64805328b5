import numpy as np
import pytest
from reference import plant

from auscult.targets import make_task

PHONE = {"name": "phone", "tier": "phone", "column": "label", "held_out": "speaker"}
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


def test_whole_speakers_exchange_a_label_that_never_varies_within_one(planted):
    task = make(planted.index, {**PHONE, "name": "gender", "column": "gender"}, n_permutations=3)
    for column in task.labels.T:
        assert all(len(np.unique(column[task.speakers == speaker])) == 1 for speaker in np.unique(task.speakers))
    assert (task.labels[:, 1:] != task.labels[:, :1]).any()
