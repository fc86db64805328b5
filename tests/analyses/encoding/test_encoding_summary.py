"""Summaries over levels: spreads and rank correlations against scipy, and no value with too few levels."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from auscult.analyses.encoding.summary import SUMMARY_COLUMNS, summarise_encoding
from auscult.dynamics.curves import FIT

MIDPOINTS = {"a": [40, 60, 90, 140, 200], "b": [40, 45, 50, 55, 900]}
RANKS = [1, 1, 2, 3, 4]
OFFSET = 25


def tables(verdicts=(FIT,) * 5, ranks=RANKS, n_draws=80, planted=MIDPOINTS, probe="ridge"):
    rng, curves, draws = np.random.default_rng(0), [], []
    for model, midpoints in planted.items():
        for place, (midpoint, rank, verdict) in enumerate(zip(midpoints, ranks, verdicts)):
            shared = {
                "corpus": "dutch",
                "model": model,
                "step": "1200",
                "layer": "selected",
                "target": f"l{place}",
                "probe": probe,
                "abstractness": rank,
                "verdict": verdict,
                "above_chance": place != 1,
                "offset": OFFSET,
                "n": 100,
                "n_groups": 16,
            }
            curves += [
                {**shared, "metric": "midpoint", "value": midpoint},
                {**shared, "metric": "layer_centre", "value": 5.0 - place},
            ]
            draws.append(
                pd.DataFrame(
                    {
                        "corpus": "dutch",
                        "model": model,
                        "target": f"l{place}",
                        "probe": probe,
                        "draw": range(n_draws),
                        "midpoint": midpoint * np.exp(rng.normal(0, 0.05, n_draws)),
                        "layer_centre": 5.0 - place,
                    }
                )
            )
    return pd.DataFrame(curves), pd.concat(draws, ignore_index=True)


def row(summary, metric, model="a", probe="ridge"):
    rows = summary[(summary["metric"] == metric) & (summary["model"] == model)]
    return rows[rows["probe"] == probe].iloc[0]


def by_both(ridge, abx):
    """Summary of seeds whose midpoints are planted for each measure."""
    parts = [tables(planted=planted, probe=probe) for planted, probe in ((ridge, "ridge"), (abx, "abx"))]
    return summarise_encoding(*(pd.concat(tables, ignore_index=True) for tables in zip(*parts)))


def test_spreads_and_correlations_are_those_of_numpy_and_scipy():
    summary = summarise_encoding(*tables(), compare=[("a", "b")])
    assert tuple(summary) == SUMMARY_COLUMNS
    spread = {model: np.std(np.log2(np.array(times) + OFFSET), ddof=1) for model, times in MIDPOINTS.items()}
    for model in MIDPOINTS:
        found = row(summary, "midpoint_spread", model)
        assert found["value"] == pytest.approx(spread[model])
        assert found["ci_low"] < spread[model] < found["ci_high"]
        assert (found["n"], found["n_groups"], found["levels"]) == (5, 16, "l0 l1 l2 l3 l4")
    difference = row(summary, "spread_difference")
    assert difference["value"] == pytest.approx(spread["a"] - spread["b"])
    assert difference["ci_low"] < difference["value"] < difference["ci_high"] < 0
    assert difference["other"] == "b"
    later = row(summary, "abstractness_midpoint")
    rho = spearmanr(RANKS, MIDPOINTS["a"]).statistic
    assert later["value"] == pytest.approx(rho)
    slow = [abs(spearmanr(RANKS, order).statistic) >= rho - 1e-9 for order in permutations(MIDPOINTS["a"])]
    assert later["p_value"] == pytest.approx(np.mean(slow))


def test_layer_correlation_uses_levels_above_chance_with_or_without_a_fit():
    summary = summarise_encoding(*tables(verdicts=("no rise",) * 5))
    deeper = row(summary, "abstractness_layer")
    assert (deeper["n"], deeper["value"]) == (4, -1)
    assert deeper["p_value"] == pytest.approx(2 / 24)


def test_too_few_levels_give_a_verdict_and_no_value():
    summary = summarise_encoding(*tables(verdicts=(FIT, FIT, FIT, "no rise", "falls")), compare=[("a", "b")])
    for metric in ("midpoint_spread", "abstractness_midpoint", "spread_difference"):
        found = row(summary, metric)
        assert (found["n"], found["verdict"]) == (3, "fewer than 4 levels")
        assert np.isnan(found["value"])


def test_targets_without_rank_are_left_out_and_equal_ranks_give_no_correlation():
    summary = summarise_encoding(*tables(ranks=[1, 1, 1, 1, None]))
    assert row(summary, "midpoint_spread")["levels"] == "l0 l1 l2 l3"
    assert row(summary, "abstractness_midpoint")["verdict"] == "levels of one abstractness"


RISING, FALLING = [40, 60, 90, 140, 200], [200, 140, 90, 60, 40]


@pytest.mark.parametrize(
    ("ridge", "abx", "verdict"),
    [
        ({"a-1": RISING, "a-2": RISING}, {"a-1": RISING, "a-2": RISING}, "later"),
        ({"a-1": FALLING, "a-2": FALLING}, {"a-1": FALLING, "a-2": FALLING}, "earlier"),
        ({"a-1": RISING, "a-2": RISING}, {"a-1": FALLING, "a-2": FALLING}, "measures disagree"),
        ({"a-1": RISING, "a-2": [190, 141, 90, 60, 45]}, {"a-1": RISING, "a-2": RISING}, "seeds disagree"),
        ({"a-1": RISING}, {"a-1": RISING}, "one seed"),
        ({"a-1": RISING, "a-2": RISING}, {}, "1 of 2 measures with 4 levels"),
    ],
)
def test_an_order_is_stated_only_if_both_measures_and_all_seeds_agree(ridge, abx, verdict):
    summary = by_both(ridge, abx) if abx else summarise_encoding(*tables(planted=ridge))
    assert row(summary, "abstractness_order", probe="both")["verdict"] == verdict


def test_intervals_over_seeds_that_differ_are_wider_than_over_one_seed():
    seeds = {"a-1": RISING, "a-2": [40, 80, 160, 320, 700]}
    both = summarise_encoding(*tables(planted=seeds))
    for metric, target in (("midpoint_spread", "levels"), ("midpoint", "l4")):
        wide = row(both[both["target"] == target], metric)
        assert wide["n_seeds"] == 2
        assert wide["resampling_unit"] == "speaker and seed"
        for planted in seeds.values():
            one = summarise_encoding(*tables(planted={"a": planted}))
            narrow = row(one[one["target"] == target], metric)
            assert narrow["resampling_unit"] == "speaker"
            assert wide["ci_high"] - wide["ci_low"] >= narrow["ci_high"] - narrow["ci_low"]
    spread = row(both, "midpoint_spread")
    assert spread["seed_low"] < spread["value"] < spread["seed_high"]


def test_the_midpoint_of_a_level_is_the_mean_of_its_seeds_in_doublings():
    summary = summarise_encoding(*tables(planted={"a-1": RISING, "a-2": [50, 60, 90, 140, 200]}))
    first = summary[(summary["metric"] == "midpoint") & (summary["target"] == "l0")].iloc[0]
    assert first["value"] == pytest.approx(np.sqrt((40 + OFFSET) * (50 + OFFSET)) - OFFSET)
    assert (first["seed_low"], first["seed_high"]) == (pytest.approx(40), pytest.approx(50))


def test_midpoints_that_a_seed_lacks_have_a_reason_and_no_value():
    summary = summarise_encoding(*tables(verdicts=(FIT, "before step 25", FIT, FIT, FIT)))
    second = summary[(summary["metric"] == "midpoint") & (summary["target"] == "l1")].iloc[0]
    assert second["verdict"] == "before step 25"
    assert np.isnan(second["value"])


def test_levels_of_several_corpora_are_put_together():
    curves, draws = tables()
    parts = [table.assign(corpus=table["corpus"].where(table["target"] != "l4", "french")) for table in (curves, draws)]
    found, whole = summarise_encoding(*parts), summarise_encoding(curves, draws)
    assert row(found, "abstractness_midpoint")["n"] == 5
    assert row(found, "abstractness_midpoint")["value"] == row(whole, "abstractness_midpoint")["value"]
    assert row(found, "abstractness_midpoint")["corpus"] == "dutch, french"
