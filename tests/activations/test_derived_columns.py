import numpy as np
import pandas as pd
import pytest
from french_cues import PLURAL, SINGULAR, tables
from reference import PlantedActivations

from auscult.activations.derived_columns import add_derived
from auscult.corpora.cues import cues
from auscult.errors import AnalysisError

INDEX = pd.DataFrame(
    {
        "utterance": ["a", "a", "a", "b", "a"],
        "tier": ["phone", "phone", "phone", "phone", "utterance"],
        "index": [1, 0, 2, 0, 0],
        "label": ["k", "s", "i", "m", ""],
        "onset": [100, 0, 300, 50, 0],
        "offset": [300, 100, 400, 150, 400],
        "n_samples": [400, 400, 400, 200, 400],
        "sample_rate_hz": 100,
    }
)


def baseline(vectors, index=INDEX):
    return PlantedActivations(("input",), index, {"input": np.asarray(vectors, dtype=np.float32)})


def test_context_is_the_label_between_its_neighbours_on_the_tier_in_order():
    assert add_derived(INDEX, ["context"])["context"].tolist() == ["s|k|i", "#|s|k", "k|i|#", "#|m|#", "#||#"]


def test_duration_and_position_follow_from_the_index():
    derived = add_derived(INDEX, ["duration_s", "log_duration", "position"])
    assert derived["duration_s"].tolist() == [2, 1, 1, 1, 4]
    assert np.allclose(np.exp(derived["log_duration"]), derived["duration_s"])
    assert derived["position"].tolist() == pytest.approx([0.5, 0.125, 0.875, 0.5, 0.5])


def test_columns_that_exist_or_cannot_be_derived_are_left_alone():
    assert add_derived(INDEX.assign(position=7), ["position", "label", "colour"]).equals(INDEX.assign(position=7))


def test_acoustic_values_come_from_the_same_segments_in_any_order_of_storage():
    order = [4, 2, 0, 1, 3]
    shuffled = INDEX.iloc[order].reset_index(drop=True)
    f0 = baseline(np.array([[5.0, 1.0], [5.1, 0.2], [5.2, 0.9], [5.3, 0.5], [5.4, 1]])[order], shuffled)
    mel = baseline(np.array([[1, 3], [2, 4], [3, 5], [4, 6], [5, 7]])[order], shuffled)
    derived = add_derived(INDEX, ["log_f0", "energy"], {"f0": f0, "mel": mel})
    assert np.allclose(derived["log_f0"], [5.0, np.nan, 5.2, 5.3, 5.4], equal_nan=True)
    assert derived["energy"].tolist() == [2, 3, 4, 5, 6]


def test_a_missing_baseline_is_named():
    expected = "expected activations of the baseline 'f0' for column 'log_f0', found mel; extract f0 on this corpus"
    with pytest.raises(AnalysisError, match=expected):
        add_derived(INDEX, ["log_f0"], {"mel": baseline(np.zeros((5, 2)))})


def test_a_baseline_of_other_segments_is_refused():
    other = baseline(np.zeros((3, 2)), INDEX.iloc[:3])
    with pytest.raises(AnalysisError, match=r"baseline 'mel', found no phone 0 of utterance 'b' \(2 such segments\)"):
        add_derived(INDEX, ["energy"], {"mel": other})


def test_a_position_does_not_depend_on_the_tiers_that_were_extracted():
    whole = INDEX.iloc[[1]].assign(utterance="b", tier="utterance", onset=0, offset=200, label="")
    indices = [
        INDEX,
        INDEX[INDEX["tier"] == "phone"],
        pd.concat([INDEX, whole], ignore_index=True).drop(columns="n_samples"),
    ]
    found = [add_derived(index, ["position"]).query("tier == 'phone'")["position"].tolist() for index in indices]
    assert found[0] == found[1] == found[2]


def test_an_index_that_tells_no_lengths_is_refused_where_they_matter():
    old = INDEX.drop(columns=["n_samples", "sample_rate_hz"])
    with pytest.raises(
        AnalysisError, match="'n_samples' or tier 'utterance' in the index for column 'position', found"
    ):
        add_derived(old, ["position"])
    with pytest.raises(
        AnalysisError, match="expected column 'sample_rate_hz' in the index for column 'log_duration', f"
    ):
        add_derived(old, ["log_duration"])


def test_the_number_of_a_noun_is_kept_where_only_its_determiner_tells_it():
    index, _ = tables(SINGULAR, PLURAL)
    found = add_derived(index, ["noun_number", "verb_number"], segments=index)
    words = found[found["tier"] == "word"].set_index("label")
    assert words["noun_number"].dropna().to_dict() == {"chat": "singular", "chats": "plural"}
    assert words["verb_number"].dropna().to_dict() == {"danse": "singular", "dansent": "plural"}
    assert found.loc[found["tier"] == "phone", "noun_number"].isna().all()


def test_the_number_of_a_noun_is_judged_by_the_whole_corpus_and_not_by_what_was_extracted():
    segments, utterances = tables(SINGULAR, PLURAL)
    index = segments[segments["utterance"] == "u0"].reset_index(drop=True)
    found = add_derived(index, ["noun_number"], segments=segments)["noun_number"]
    known = cues(segments, utterances.query("utterance == 'u0'")).query("target_pos == 'NOUN'")
    assert found.dropna().tolist() == known["number"].tolist() == ["singular"]
    assert add_derived(index, ["noun_number"], segments=index)["noun_number"].isna().all()


def test_the_number_of_words_without_the_corpus_is_one_clear_line():
    index, _ = tables(SINGULAR, PLURAL)
    with pytest.raises(
        AnalysisError, match="expected the segments of the whole corpus for column 'verb_number', found"
    ):
        add_derived(index, ["verb_number"])
