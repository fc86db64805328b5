from itertools import pairwise, permutations

import numpy as np
import pytest

from auscult.analyses.reliability.faithfulness import (
    BETTER,
    draw_orders,
    faithfulness_items,
    measure_orders,
    plan_masks,
)
from auscult.errors import AnalysisError

WEIGHTS = np.array([0.05, 0.4, -0.1, 0.2, 0.3, 0.0, 0.1])


def linear(masks):
    return masks @ WEIGHTS


def orders_of(scores, n_random=0, seed=0):
    return draw_orders(scores, n_random=n_random, generator=np.random.default_rng(seed))


def measures_of(orders, value=linear, **settings):
    counts, masks, places = plan_masks(orders, **settings)
    return measure_orders(value(masks), counts, places, **{k: v for k, v in settings.items() if k == "shares"})


def items_of(scores, value=linear, n_random=20):
    items = faithfulness_items(orders_of(scores, n_random), value, {"utterance": "u", "input": "i", "unit": "word"})
    return {(item["method"], item["metric"], item["fraction"]): item for item in items}


def test_exact_attributions_of_a_linear_model_are_the_most_comprehensive_and_the_most_sufficient():
    everything = {str(order): np.argsort(np.argsort(order))[::-1] for order in permutations(range(6))}
    weights = WEIGHTS[:6]
    measures, _ = measures_of(orders_of({"exact": weights, **everything}), lambda masks: masks @ weights)
    for metric, better in BETTER.items():
        assert better * measures[metric][0] == pytest.approx((better * measures[metric]).max())


def test_measures_equal_a_slow_loop_that_silences_one_set_at_a_time():
    shares, scores = (0.2, 0.5), np.array([3.0, 1, 2, 7, 5, 6, 4])
    best = np.argsort(-scores)
    drops, keeps, curve = [], [], []
    for share in shares:
        top = best[: int(np.ceil(share * 7))]
        drops.append(WEIGHTS.sum() - np.delete(WEIGHTS, top).sum())
        keeps.append(WEIGHTS.sum() - WEIGHTS[top].sum())
    for n in range(8):
        curve.append(np.delete(WEIGHTS, best[:n]).sum())
    measures, _ = measures_of(orders_of({"m": scores}), shares=shares, n_points=7)
    assert measures["comprehensiveness"][0] == pytest.approx(np.mean(drops))
    assert measures["sufficiency"][0] == pytest.approx(np.mean(keeps))
    assert measures["deletion_auc"][0] == pytest.approx(np.mean([(a + b) / 2 for a, b in pairwise(curve)]))


def test_the_area_of_a_random_order_is_on_average_half_of_a_linear_output():
    measures, _ = measures_of(orders_of({"m": WEIGHTS}, n_random=3000))
    # The standard deviation of one random order's area is 0.1, the standard error of 3,000 of them 0.002.
    assert measures["deletion_auc"][1:].mean() == pytest.approx(WEIGHTS.sum() / 2, abs=0.008)
    assert measures["insertion_auc"][1:].mean() == pytest.approx(WEIGHTS.sum() / 2, abs=0.008)


def test_scores_in_a_random_order_gain_nothing_on_average():
    random = np.random.default_rng(5)
    values = {str(i): random.permutation(np.arange(7.0)) for i in range(2000)}
    measures, _ = measures_of(orders_of(values, n_random=2000))
    both = measures["comprehensiveness"].reshape(2, -1).mean(axis=1)
    assert both[0] == pytest.approx(both[1], abs=0.01)


def test_every_set_of_segments_runs_once_and_the_whole_utterance_first():
    counts, masks, places = plan_masks(orders_of({"m": WEIGHTS, "n": -WEIGHTS}, n_random=50))
    assert len(np.unique(masks, axis=0)) == len(masks) <= 2**7
    assert masks[0].all()
    assert (masks[places[0, :, 0]] == masks[places[1, :, -1]]).all()
    assert (masks.sum(axis=1)[places[0]] == 7 - counts).all()


def test_gains_are_paired_differences_that_are_positive_where_the_method_beats_chance():
    found = {key[1]: item for key, item in items_of({"m": WEIGHTS}).items() if np.isnan(key[2])}
    for metric, better in BETTER.items():
        gain = better * (found[metric]["value"] - found[metric]["chance"])
        assert found[f"{metric}_gain"]["value"] == pytest.approx(gain)
        assert gain > 0


def test_curves_run_from_the_whole_to_silence_and_back():
    found = items_of({"m": WEIGHTS})
    for name, ends in (("deletion", (WEIGHTS.sum(), 0)), ("insertion", (0, WEIGHTS.sum()))):
        for fraction, end in zip((0.0, 1.0), ends):
            assert found["m", name, fraction]["value"] == pytest.approx(end)
            assert found["m", name, fraction]["chance"] == pytest.approx(end)


def test_constant_scores_are_counted_and_have_no_value():
    found = items_of({"flat": np.ones(7), "m": WEIGHTS})
    for item in found.values():
        assert item["n_constant"] == (item["method"] == "flat")
        assert np.isnan(item["value"]) == (item["method"] == "flat")


def test_equal_scores_are_ordered_by_chance_not_by_place():
    ranks = [orders_of({"m": np.array([1.0, 1, 0])}, seed=seed).ranks[0].tolist() for seed in range(30)]
    assert {tuple(rank) for rank in ranks} == {(0, 1, 2), (1, 0, 2)}


@pytest.mark.parametrize("share", [0.0, 1.2])
def test_a_share_outside_zero_to_one_is_refused(share):
    with pytest.raises(AnalysisError, match=r"expected a share of segments in \(0, 1\], found"):
        plan_masks(orders_of({"m": WEIGHTS}), shares=[share])
