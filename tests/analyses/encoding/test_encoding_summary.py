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


def tables(verdicts=(FIT,) * 5, ranks=RANKS, n_draws=80):
    rng, curves, draws = np.random.default_rng(0), [], []
    for model, midpoints in MIDPOINTS.items():
        for place, (midpoint, rank, verdict) in enumerate(zip(midpoints, ranks, verdicts)):
            shared = {
                "corpus": "dutch",
                "model": model,
                "step": "1200",
                "layer": "selected",
                "target": f"l{place}",
                "probe": "ridge",
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
                        "probe": "ridge",
                        "draw": range(n_draws),
                        "midpoint": midpoint * np.exp(rng.normal(0, 0.05, n_draws)),
                        "layer_centre": 5.0 - place,
                    }
                )
            )
    return pd.DataFrame(curves), pd.concat(draws, ignore_index=True)


def row(summary, metric, model="a"):
    return summary[(summary["metric"] == metric) & (summary["model"] == model)].iloc[0]


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
