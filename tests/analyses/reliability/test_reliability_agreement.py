import numpy as np
import pandas as pd
import pytest
from attribution_scores import HOP, rows, vectors
from scipy.stats import pearsonr, spearmanr

from auscult.analyses.reliability.agreement import (
    DURATION,
    GROUPED,
    between_inputs,
    between_methods,
    between_seeds,
    group_frames,
    score_vectors,
    with_duration,
)
from auscult.analyses.reliability.measures import correlate, given_duration, is_constant, membership, n_top
from auscult.analyses.reliability.settings import ReliabilitySettings
from auscult.errors import AnalysisError


def table(seed, n_utterances=8, n_segments=12, **about):
    random = np.random.default_rng(seed)
    return pd.concat([rows(random.normal(size=n_segments), f"u{i}", **about) for i in range(n_utterances)])


def mean_of(items, metric="pearson"):
    return items.loc[items["metric"] == metric, "value"].mean()


def test_correlations_equal_scipy_pair_by_pair():
    first, second = np.random.default_rng(0).normal(size=(2, 5, 7)).round(1)
    found = correlate(first, second)
    assert found["pearson"] == pytest.approx([pearsonr(a, b).statistic for a, b in zip(first, second)])
    assert found["spearman"] == pytest.approx([spearmanr(a, b).statistic for a, b in zip(first, second)])


def test_top_overlap_counts_shared_segments_by_a_slow_loop():
    first, second = np.random.default_rng(1).permuted(np.tile(np.arange(10.0), (2, 20, 1)), axis=2)
    slow = [len(set(np.argsort(a)[-3:]) & set(np.argsort(b)[-3:])) / 3 for a, b in zip(first, second)]
    assert correlate(first, second, top_share=0.3)["top_overlap"] == pytest.approx(slow)


def test_equal_scores_share_the_places_among_the_highest():
    assert membership(np.array([[3.0, 1, 1, 0]]), 2).tolist() == [[1, 0.5, 0.5, 0]]


def test_identical_tables_agree_completely():
    one = vectors(table(0))
    for metric in ("pearson", "spearman", "top_overlap"):
        assert mean_of(between_seeds({"m-seed1": one, "m-seed2": one}), metric) == pytest.approx(1)


def test_segments_shuffled_within_utterances_agree_as_chance_says():
    random = np.random.default_rng(2)
    scores = np.tile(random.normal(size=10), (4000, 1))
    found = correlate(scores, random.permuted(scores, axis=1), top_share=0.2)
    # The standard error of 4,000 correlations of 10 points is 0.005, of as many overlaps 0.004.
    assert found["pearson"].mean() == pytest.approx(0, abs=0.02)
    assert found["top_overlap"].mean() == pytest.approx(0.2, abs=0.02)


def test_only_overlaps_have_a_chance_known_beforehand():
    items = between_seeds({"a": vectors(table(0)), "b": vectors(table(1))}, ReliabilitySettings(top_share=0.25))
    chances = items.groupby("metric")["chance"].first()
    assert chances["top_overlap"] == 0.25
    assert chances.drop("top_overlap").isna().all()


def unequal(seed, n_utterances=200, n_segments=12):
    """Return scores that add up noise over segments of unequal length: unrelated, but all larger where it is long."""
    tables, lengths = [], np.random.default_rng(0).integers(1, 30, (n_utterances, n_segments))
    random = np.random.default_rng(seed)
    for name, mine in enumerate(lengths):
        sums = np.array([np.abs(random.normal(size=length)).sum() for length in mine])
        ends = np.cumsum(mine) * HOP
        tables.append(rows(sums, f"u{name}").assign(onset=ends - mine * HOP, offset=ends))
    return vectors(*tables)


def test_unrelated_sums_over_shared_durations_agree_but_not_given_duration():
    items = between_seeds({"a": unequal(1), "b": unequal(2)})
    assert mean_of(items) > 0.7
    # The standard error of 200 correlations of 12 points, one degree of freedom less, is 0.02.
    assert mean_of(items, "pearson_given_duration") == pytest.approx(0, abs=0.07)


def test_the_correlation_given_duration_follows_from_three_correlations():
    first, second, lengths = np.random.default_rng(3).normal(size=(3, 9)) ** 2
    ab, al, bl = (pearsonr(*pair).statistic for pair in ((first, second), (first, lengths), (second, lengths)))
    expected = (ab - al * bl) / np.sqrt((1 - al**2) * (1 - bl**2))
    assert given_duration(first[None], second[None], lengths) == pytest.approx([expected])
    assert given_duration(first[None], second[None], np.full(9, 7.0)) == pytest.approx([ab])
    assert np.isnan(given_duration(lengths[None], second[None], lengths)).all()
    assert np.isnan(given_duration(first[None, :3], second[None, :3], lengths[:3])).all()


def test_duration_is_compared_with_every_method_but_is_no_seed():
    frames = rows(np.arange(8.0), unit="frame")
    scores = with_duration(unequal(1) | vectors(frames))
    assert {key for key in scores if key[0] == DURATION} == {(DURATION, "waveform", "word")}
    items = between_methods(scores, ReliabilitySettings(methods=("lime",)))
    assert set(zip(items["method"], items["against"])) == {("lime", DURATION)}
    assert mean_of(items) > 0.7
    segments = scores[DURATION, "waveform", "word"]["u0", "yes"]
    assert (segments[2] == segments[1] - segments[0]).all()


def test_utterances_of_fewer_than_four_segments_are_left_out_and_counted():
    tables = [vectors(rows([1.0, 2, 3 + i]), rows([1.0, 2, 5, 4 + i], "b")) for i in range(2)]
    items = between_seeds(dict(zip("xy", tables))).query("metric == 'pearson'").set_index("utterance")
    assert items["n_short"].to_dict() == {"a": 1, "b": 0}
    assert items["n_segments"].to_dict() == {"a": 3, "b": 4}
    assert np.isnan(items.loc["a", "value"])
    assert items.loc["b", "value"] > 0.9


def test_all_pairs_of_seeds_are_averaged_within_an_utterance():
    tables = {str(seed): vectors(table(seed, n_utterances=1)) for seed in range(3)}
    a, b, c = (found["lime", "waveform", "word"]["u0", "yes"][2] for found in tables.values())
    expected = np.mean([pearsonr(*pair).statistic for pair in ((a, b), (a, c), (b, c))])
    assert mean_of(between_seeds(tables)) == pytest.approx(expected)


def test_constant_scores_are_counted_and_have_no_value():
    rising = rows([1.0, 2, 3, 5], "b")
    one, flat = vectors(rows([1.0, 2, 3, 4]), rising), vectors(rows([5.0] * 4), rising)
    items = between_seeds({"x": one, "y": flat}).query("metric == 'pearson'").set_index("utterance")
    assert items["n_constant"].to_dict() == {"a": 1, "b": 0}
    assert np.isnan(items.loc["a", "value"])
    assert items.loc["b", "value"] > 0.9


def test_scores_equal_but_for_rounding_are_constant():
    assert is_constant(np.array([[0.1 + 0.2, 0.3], [0.0, 0.0], [0.0, 1.0]])).tolist() == [True, True, False]


def test_an_utterance_with_different_explained_outputs_is_counted_as_unmatched():
    scores = [1.0, 2, 3, 4]
    one, two = (vectors(rows(scores, target=target), rows(scores, "b")) for target in ("yes", "no"))
    items = between_seeds({"x": one, "y": two}).query("metric == 'pearson'").set_index("utterance")
    assert items["n_unmatched"].to_dict() == {"b": 0, "a": 1}
    assert np.isnan(items.loc["a", "value"])


def test_methods_are_compared_on_the_same_input_and_unit_only():
    scores = vectors(table(0), table(0, method="saliency"), table(0, method="saliency", input_="cnn"))
    items = between_methods(scores)
    assert items[["method", "against", "input"]].drop_duplicates().to_numpy().tolist() == [
        ["lime", "saliency", "waveform"]
    ]
    assert mean_of(items) == pytest.approx(1)


def test_inputs_are_compared_at_common_units_frames_summed_within_words():
    frames = rows([1.0, 2, 3, 4, 5, 6, 7, 8], unit="frame").assign(
        onset=lambda t: t["onset"] // 2, offset=lambda t: t["offset"] // 2
    )
    waveform = [rows([1.0, 2, 4, 3]), frames]
    cnn = [part.assign(input="cnn", score=-part["score"]) for part in waveform]
    items = between_inputs(vectors(*waveform, *cnn)).query("metric == 'pearson'")
    assert items.set_index("unit")["value"].to_dict() == pytest.approx({"word": -1, GROUPED: -1})


def test_frames_are_summed_within_the_word_that_holds_their_centre():
    fine = np.array([[0, 10, 20, 30, 60.0], [10, 20, 30, 40, 70], [1, 2, 4, 8, 16]])
    coarse = np.array([[0, 22.0], [22, 50], [np.nan, np.nan]])
    assert group_frames(fine, coarse).tolist() == [[0, 22], [22, 50], [3, 12]]


def test_frames_of_occlusion_are_averaged_within_words_as_its_words_are():
    halves = rows([1.0, 3, 5, 5], unit="frame", method="occlusion").assign(
        onset=lambda t: t["onset"] // 2, offset=lambda t: t["offset"] // 2
    )
    both = [halves, rows([0.0, 0], method="occlusion")]
    summed = [part.assign(method="lime") for part in both]
    found = vectors(*both, *summed)
    assert found["occlusion", "waveform", GROUPED]["a", "yes"][2].tolist() == [2, 5]
    assert found["lime", "waveform", GROUPED]["a", "yes"][2].tolist() == [4, 10]


def test_a_mean_over_frames_weighs_them_by_duration():
    fine = np.array([[0, 30.0], [30, 40], [1, 5]])
    assert group_frames(fine, np.array([[0.0], [40], [0]]), mean=True)[2].tolist() == [2]


def test_a_single_seed_cannot_be_compared():
    with pytest.raises(AnalysisError, match=r"expected at least two models that differ in seed, found 1 \(m-seed1\)"):
        between_seeds({"m-seed1": vectors(table(0))})


def test_a_method_without_scores_is_named():
    with pytest.raises(AnalysisError, match="expected scores of method 'shap' in the attributions, found only lime"):
        between_methods(vectors(table(0)), ReliabilitySettings(methods=("lime", "shap")))


def test_a_condition_that_one_seed_lacks_is_named():
    one = vectors(table(0), table(0, method="occlusion"))
    with pytest.raises(AnalysisError, match="expected occlusion · waveform · word in the attributions of b, found"):
        between_seeds({"a": one, "b": vectors(table(0))})


def test_seeds_are_compared_on_the_inputs_that_all_of_them_have():
    one = vectors(table(0), table(0, input_="cnn"))
    found = between_seeds({"a": one, "b": vectors(table(1))})
    assert set(found["input"]) == {"waveform"}
    pd.testing.assert_frame_equal(found, between_seeds({"a": vectors(table(0)), "b": vectors(table(1))}))
    with pytest.raises(AnalysisError, match="expected an input on which a, b are all explained, found none"):
        between_seeds({"a": vectors(table(0, input_="cnn")), "b": vectors(table(1))})


def test_mismatched_segments_name_the_utterance():
    other = table(1, n_segments=11)
    with pytest.raises(AnalysisError, match=r"expected the same segments of utterance 'u0' .* found 12 and 11"):
        between_seeds({"a": vectors(table(0)), "b": vectors(other)})


@pytest.mark.parametrize("share", [0.0, -0.1, 1.5])
def test_a_share_outside_zero_to_one_is_refused(share):
    with pytest.raises(AnalysisError, match=r"expected a share of segments in \(0, 1\], found"):
        n_top(10, share)


def test_a_share_of_segments_is_rounded_up_but_not_by_floating_point():
    assert [n_top(10, share) for share in (0.3, 0.31, 1.0, 0.01)] == [3, 4, 10, 1]


def test_scores_that_are_not_finite_or_repeated_are_refused():
    with pytest.raises(AnalysisError, match=r"expected finite scores in t, found word 1 of utterance 'a' by lime"):
        score_vectors(rows([1.0, np.nan]), "t")
    with pytest.raises(AnalysisError, match="expected each segment once in t, found word 0"):
        score_vectors(pd.concat([rows([1.0])] * 2), "t")
    with pytest.raises(AnalysisError, match="found no score; run attribution again"):
        score_vectors(rows([1.0]).drop(columns="score"), "t")
