"""Utterances of the listening page are drawn at random or are the hardest, and the page states which."""

import numpy as np
import pytest
from listening_cases import corpus

from auscult.errors import AnalysisError
from auscult.listening.selection import choose, find_pool
from auscult.listening.settings import ListenSettings


def settings(**changed):
    return ListenSettings(models=("m",), lanes=("probe",), **({"drawn": 2, "hardest": 2} | changed))


def test_the_pool_holds_the_labelled_utterances_of_the_split_in_a_random_order(tmp_path):
    speech = corpus(tmp_path, 20)
    first, again, other = (find_pool(speech, settings(), seed=seed).names for seed in (0, 0, 1))
    assert first == again != other
    assert sorted(first) == sorted(speech.utterances["utterance"])
    speech.segments.drop(speech.segments.index[speech.segments["utterance"] == first[0]], inplace=True)
    assert first[0] not in find_pool(speech, settings(), seed=0).names


def test_recordings_without_any_label_are_all_in_the_pool(tmp_path):
    speech = corpus(tmp_path, 4)
    speech.segments.drop(speech.segments.index, inplace=True)
    assert find_pool(speech, settings()).described == "4 utterances of french (test)"


def test_long_utterances_are_left_out_and_the_rule_says_so(tmp_path):
    speech = corpus(tmp_path, 4)
    assert find_pool(speech, settings()).described == "4 utterances of french (test)"
    speech.utterances.loc[0, "n_samples"] *= 9
    assert find_pool(speech, settings()).described == "3 utterances of french (test) of at most 8 s"


def test_nothing_to_listen_to_is_an_error(tmp_path):
    message = r"expected utterances of french \(test\) to listen to, found none of 3 utterances; change split"
    with pytest.raises(AnalysisError, match=message):
        find_pool(corpus(tmp_path, 3, split="train"), settings())


def test_the_hardest_are_the_lowest_scores_that_were_not_drawn(tmp_path):
    pool = find_pool(corpus(tmp_path, 8), settings())
    scores = {name: float(place) for place, name in enumerate(pool.names)}
    scores[pool.names[7]] = np.nan
    shown, rules = choose(pool, scores, settings(), measure="p", considered=pool.described)
    assert [(one.utterance, one.rule) for one in shown] == [
        *((name, "drawn") for name in pool.names[:2]),
        *((name, "hardest") for name in pool.names[2:4]),
    ]
    assert [one.score for one in shown] == [0, 1, 2, 3]
    assert rules == {
        "drawn": "2 drawn at random from 8 utterances of french (test)",
        "hardest": "2 others with the lowest p, of 8 utterances of french (test)",
    }
