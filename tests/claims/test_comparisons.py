"""Verdicts of comparisons: planted differences are found, absent ones are not, and their error rates are as stated."""

import numpy as np
import pandas as pd
import pytest

from auscult.claims.comparisons import FAILS, HOLDS, MISSING, OPEN, compare, difference
from auscult.claims.rows import Estimate, NotFound, find


def table(**columns):
    rows = pd.DataFrame(
        {
            "model": ["trained", "trained", "mel", "other"],
            "step": ["0", "300", "final", "300"],
            "value": [0.3, 0.8, 0.5, 0.78],
            "ci_low": [0.25, 0.75, 0.45, 0.7],
            "ci_high": [0.35, 0.85, 0.55, 0.86],
            "n": 100,
            "n_groups": 24,
            "chance": 0.25,
            "resampling_unit": "speaker",
        }
    )
    return rows.assign(**columns)


@pytest.mark.parametrize(
    ("test", "verdict", "value"),
    [
        ({"above": {"model": "trained", "step": "last"}, "than": {"model": "mel"}}, HOLDS, 0.3),
        ({"above": {"model": "mel"}, "than": {"model": "trained", "step": "last"}}, FAILS, -0.3),
        ({"above": {"model": "trained", "step": "last"}, "than": {"model": "other"}}, OPEN, 0.02),
        ({"above": {"model": "trained", "step": "0"}, "than": "chance"}, OPEN, 0.05),
        ({"above": {"model": "mel"}, "than": "chance"}, HOLDS, 0.25),
        ({"above": {"model": "mel"}, "than": 0.6}, FAILS, -0.1),
        ({"below": {"model": "mel"}, "than": "chance"}, FAILS, 0.25),
        ({"below": {"model": "mel"}, "than": {"model": "trained", "step": "last"}}, HOLDS, -0.3),
        ({"positive": {"model": "mel"}}, HOLDS, 0.5),
        ({"negative": {"model": "mel"}}, FAILS, 0.5),
        ({"within": {"model": "mel"}, "margin": 0.6}, HOLDS, 0.5),
        ({"within": {"model": "mel"}, "margin": 0.5}, OPEN, 0.5),
        ({"within": {"model": "mel"}, "margin": 0.4}, FAILS, 0.5),
        ({"within": {"model": "mel", "minus": 0.5}, "margin": 0.1}, HOLDS, 0.0),
        ({"descending": [{"model": "other"}, {"model": "mel"}]}, HOLDS, 0.28),
        ({"descending": [{"model": "trained", "step": "last"}, {"model": "other"}, {"model": "mel"}]}, OPEN, 0.02),
        ({"descending": [{"model": "mel"}, {"model": "other"}]}, FAILS, -0.28),
    ],
)
def test_a_comparison_is_judged_by_its_interval(test, verdict, value):
    outcome = compare(table(), test, {})
    assert outcome.verdict == verdict
    assert outcome.effect.value == pytest.approx(value)


def test_a_missing_row_an_ambiguous_one_and_a_missing_interval_have_no_verdict():
    absent = compare(table(), {"positive": {"model": "absent"}}, {})
    assert (absent.verdict, absent.reason) == (MISSING, "no rows of model absent")
    several = compare(table(), {"positive": {"model": "trained"}}, {})
    assert (several.verdict, several.reason) == (MISSING, "2 rows of model trained")
    column = compare(table(), {"positive": {"layer": "T1"}}, {})
    assert column.reason == "no column layer"
    bare = compare(table(ci_low=np.nan), {"positive": {"model": "mel"}}, {})
    assert (bare.verdict, bare.reason) == (MISSING, "no interval: too few groups")


def test_rows_are_found_by_text_numbers_lists_and_missing_values():
    rows = table(n_train=[np.nan, 100.0, 200.0, np.nan], labels=["true", "shuffled", "true", "true"])
    assert find(rows, {"n_train": 100}).value == 0.8
    assert find(rows, {"model": ["mel", "absent"], "n_train": 200}).value == 0.5
    assert find(rows, {"n_train": "", "step": "last"}).value == 0.78
    with pytest.raises(NotFound, match="no rows of labels random"):
        find(rows, {"labels": "random"})


def estimate(random, mean, n=24):
    """Return a mean of n groups and its 95 % interval by Student's t."""
    groups = random.normal(mean, 0.2, n)
    half = 2.069 * groups.std(ddof=1) / np.sqrt(n)
    return Estimate(groups.mean(), groups.mean() - half, groups.mean() + half, n, n)


@pytest.mark.parametrize(("mean", "low", "high"), [(0.0, 0.02, 0.08), (0.3, 0.97, 1.0)])
def test_the_interval_of_a_difference_keeps_its_error_rate_and_finds_effects(mean, low, high):
    """Of 2,000 simulated pairs without an effect, 5 % are separated; of those with one of 1.5 sd, at least 97 %."""
    random = np.random.default_rng(0)
    gaps = [difference(estimate(random, mean), estimate(random, 0.0)) for _ in range(2000)]
    separated = np.mean([gap.ci_low > 0 or gap.ci_high < 0 for gap in gaps])
    assert low <= separated <= high
    covered = np.mean([gap.ci_low <= mean <= gap.ci_high for gap in gaps])
    assert 0.93 <= covered <= 0.97


def test_the_interval_is_wider_than_needed_for_estimates_over_the_same_speakers():
    random, gaps = np.random.default_rng(1), []
    for _ in range(500):
        speakers = random.normal(0, 0.2, 24)
        pair = []
        for noise in random.normal(0, 0.05, (2, 24)):
            values = speakers + noise
            half = 2.069 * values.std(ddof=1) / np.sqrt(24)
            pair.append(Estimate(values.mean(), values.mean() - half, values.mean() + half))
        gaps.append(difference(*pair))
    assert np.mean([gap.ci_low > 0 or gap.ci_high < 0 for gap in gaps]) == 0
