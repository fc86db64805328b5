import numpy as np
import pandas as pd
import pytest

from auscult.analyses.reliability.pointing import known_words, mispredicted, point, pointing_items

# Three words of a sentence, the second of which has the highest score.
WORDS = np.array([[0, 10.0, 50], [10, 50, 100], [0.2, 0.9, 0.1]])


def vectors(scores):
    return {("lime", "waveform", "word"): {("a", "yes"): np.stack([*WORDS[:2], scores])}}


def test_the_highest_word_hits_and_chance_is_one_in_n_words():
    assert point(WORDS, (10, 50)) == pytest.approx((1, 1 / 3, 0.4))
    assert point(WORDS, (0, 10))[0] == 0


def test_chance_by_duration_is_the_words_share_of_the_time():
    assert [point(WORDS, word)[2] for word in ((0, 10), (10, 50), (50, 100))] == pytest.approx([0.1, 0.4, 0.5])


def test_frames_hit_with_their_centre_in_the_word():
    frames = np.array([[0, 8, 16, 24.0], [8, 16, 24, 32], [0, 9, 1, 1]])
    assert point(frames, (10, 50)) == pytest.approx((1, 3 / 4, 3 / 4))
    assert point(frames, (0, 10))[0] == 0


def test_a_word_without_a_segment_cannot_be_hit_and_is_no_round():
    assert np.isnan(point(WORDS, (200, 300))).all()


def test_equal_highest_scores_share_the_hit_so_constant_scores_are_chance():
    items = pointing_items(vectors(np.ones(3)), {("a", "yes"): (10, 50)})
    assert items["value"].tolist() == pytest.approx([1 / 3, 1 / 3])
    assert items["n_constant"].tolist() == [1, 1]


def test_every_round_stands_beside_both_chances():
    items = pointing_items(vectors(WORDS[2]), {("a", "yes"): (10, 50)}).set_index("against")
    assert items["chance"].to_dict() == pytest.approx({"any segment": 1 / 3, "duration": 0.4})
    assert set(items["value"]) == {1}


def test_outputs_without_a_known_word_are_not_played():
    assert pointing_items(vectors(WORDS[2]), {("a", "no"): (10, 50)}).empty


def test_the_known_word_is_the_one_the_attributions_mark():
    table = pd.DataFrame(
        [
            ("a", "yes", unit, i, on, off, i == 1)
            for unit in ("word", "phone")
            for i, (on, off) in enumerate(zip(*WORDS[:2]))
        ],
        columns=["utterance", "form", "unit", "index", "onset", "offset", "cue"],
    )
    assert known_words(table) == {("a", "yes"): (10, 50)}
    assert known_words(table.assign(cue=False)) == {}
    assert known_words(table.drop(columns="cue")) == {}


def test_mispredicted_utterances_are_no_rounds_and_are_counted():
    explained = {key: np.stack([*WORDS[:2], [0, 1, 0]]) for key in (("a", "yes"), ("b", "yes"))}
    words = dict.fromkeys(explained, (10, 50))
    items = pointing_items({("lime", "waveform", "word"): explained}, words, {("b", "yes")}).set_index("utterance")
    assert items["n_mispredicted"].to_dict() == {"a": 0, "b": 1}
    assert items.loc["b", ["value", "chance"]].isna().all(axis=None)
    assert items.loc["a", "value"].tolist() == [1, 1]


def test_a_class_must_be_the_predicted_one_and_a_spelling_the_more_probable_one():
    table = pd.DataFrame(
        [
            ("a", "yes", "Yes", 0.9),
            ("b", "yes", "no", 0.4),
            ("c", "ces [mots|mot]", "ces mos", 0.7),
            ("d", "ces [mots|mot]", "ces mots", 0.3),
        ],
        columns=["utterance", "form", "prediction", "probability"],
    )
    assert mispredicted(table) == {("b", "yes"), ("d", "ces [mots|mot]")}
    assert mispredicted(table.drop(columns="prediction")) == set()
