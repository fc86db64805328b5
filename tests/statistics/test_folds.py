import numpy as np
import pytest

from auscult.errors import AnalysisError
from auscult.statistics.folds import (
    check_disjoint,
    share_seen,
    speaker_folds,
    text_overlap,
    type_folds,
    utterance_folds,
)

SPEAKERS = np.repeat([f"s{i:02d}" for i in range(16)], 5)
GENDERS = np.repeat(["female"] * 9 + ["male"] * 7, 5)


def test_no_speaker_is_in_two_folds():
    folds = speaker_folds(SPEAKERS, 4, seed=0)
    assert all(len(set(folds[speaker == SPEAKERS])) == 1 for speaker in SPEAKERS)
    check_disjoint(SPEAKERS, folds)


@pytest.mark.parametrize("seed", range(5))
def test_folds_are_balanced_over_gender_and_in_all(seed):
    folds = speaker_folds(SPEAKERS[::5], 4, seed, strata=GENDERS[::5])
    women = np.bincount(folds[GENDERS[::5] == "female"], minlength=4)
    assert sorted(women) == [2, 2, 2, 3]
    assert np.bincount(folds).tolist() == [4, 4, 4, 4]


def test_the_seed_decides_who_is_in_which_fold():
    first, second, other = (speaker_folds(SPEAKERS, 4, seed) for seed in (1, 1, 2))
    assert (first == second).all()
    assert (first != other).any()


def test_the_order_of_the_items_does_not_matter():
    order = np.random.default_rng(0).permutation(len(SPEAKERS))
    shuffled = speaker_folds(SPEAKERS[order], 4, 0, strata=GENDERS[order])
    assert (shuffled == speaker_folds(SPEAKERS, 4, 0, strata=GENDERS)[order]).all()


def test_utterance_folds_keep_utterances_whole_and_spread_every_speaker():
    speakers = np.repeat(["ann", "bob", "cem"], 24)
    utterances = np.array([f"{speaker}-{i // 3 % 8}" for i, speaker in enumerate(speakers)])
    folds = utterance_folds(utterances, speakers, 4, seed=0)
    check_disjoint(utterances, folds, unit="utterance")
    assert all(np.bincount(folds[speakers == name]).tolist() == [6, 6, 6, 6] for name in ("ann", "bob", "cem"))


def test_fewer_speakers_than_folds_are_refused():
    with pytest.raises(AnalysisError, match="expected at least 4 speakers for 4 folds, found 3; lower n_folds or add"):
        speaker_folds(np.array(["a", "b", "c", "c"]), 4, seed=0)


def test_a_speaker_in_two_folds_is_reported_by_name():
    with pytest.raises(AnalysisError, match=r"each speaker in one fold, found speaker 'b' in folds 0, 2 \(1 such"):
        check_disjoint(np.array(["a", "b", "b", "c"]), np.array([0, 0, 2, 1]))


def test_text_overlap_is_the_share_of_items_whose_sentence_is_in_another_fold():
    texts = np.array(["she had", "she had", "once", "once", "never", ""])
    folds = np.array([0, 1, 0, 0, 1, 1])
    assert text_overlap(texts, folds) == pytest.approx(2 / 6)
    assert text_overlap(np.array(["", ""]), np.array([0, 1])) == 0


def test_no_type_is_in_two_folds_and_every_label_is_in_every_fold():
    types = np.random.default_rng(0).permutation(np.repeat(np.arange(40), 3))
    folds = type_folds(types, types % 5, 4, seed=0)
    check_disjoint(types, folds, unit="type")
    assert all(set(folds[types % 5 == label]) == {0, 1, 2, 3} for label in range(5))


def test_share_seen_asks_what_each_tested_item_was_trained_with():
    values, cells = np.array(["a", "b", "a", "c", "b"]), np.array([[0, 0], [1, 1], [1, 1], [0, 1], [0, 0]])
    # Item 3 is never tested, nor does it train a probe that tests on fold 0 or 1.
    assert share_seen(values, np.array([0, 1, 1, -1, 0]), cells) == 1
    assert share_seen(np.array(["a", "b", "c", "c", "d"]), np.array([0, 1, 1, -1, 0]), cells) == 0
