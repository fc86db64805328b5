"""Sentences on findings follow the intervals."""

import numpy as np
import pytest

from auscult.figures.findings import compare, count_verdicts, finding, number, value_text


def row(value, width=0.03):
    return {"value": value, "ci_low": value - width, "ci_high": value + width}


@pytest.mark.parametrize(
    ("value", "shown"), [(0.724, ".72"), (-0.031, "−.03"), (1, "1.00"), (10.5, "10.50"), (-0.001, ".00")]
)
def test_numbers_have_no_leading_zero_and_no_negative_zero(value, shown):
    assert number(value) == shown


def test_a_value_is_shown_with_its_interval_if_it_has_one():
    assert value_text(row(0.72)) == ".72 [.69, .75]"
    assert value_text(row(0.72, np.nan)) == ".72"


@pytest.mark.parametrize(
    ("control", "verdict"),
    [
        (row(0.5), "above"),
        (row(0.7), "not separated from"),
        (row(0.9), "below"),
        (0.04, "above"),
        (0.73, "not separated from"),
        (1, "below"),
        (row(0.5, np.nan), "against"),
    ],
)
def test_a_verdict_follows_from_whether_intervals_overlap(control, verdict):
    assert compare(row(0.72), control) == verdict


def test_controls_with_the_same_verdict_share_it():
    controls = {"untrained": row(0.29), "log-mel": row(0.7), "chance": 0.04}
    assert finding("phone accuracy", row(0.72), controls) == (
        "Phone accuracy is .72 [.69, .75], above untrained (.29) and chance (.04), not separated from log-mel (.70)."
    )


def test_without_an_interval_nothing_is_judged():
    sentence = finding("phone accuracy", row(0.72, np.nan), {"untrained": row(0.29, np.nan), "chance": 0.04})
    assert sentence == "Phone accuracy is .72 without interval, against untrained (.29) and chance (.04)."


def test_a_value_without_controls_stands_alone():
    assert finding("phone accuracy", row(0.72), {}) == "Phone accuracy is .72 [.69, .75]."


def test_the_most_frequent_verdict_is_counted():
    rows = {name: {"value": 0.5, "ci_low": 0.4, "ci_high": 0.6} for name in "abc"}
    controls = {"a": 0.1, "b": 0.9, "c": 0.2, "d": 0.5}
    assert count_verdicts(rows, controls, "chance", "methods") == "above chance for 2 of 3 methods"
    assert count_verdicts(rows, {"a": 0.9, "b": 0.5}, "chance") == "not separated from chance for 1 of 2"
    assert count_verdicts({"a": {"value": 0.5, "ci_low": np.nan, "ci_high": np.nan}}, {"a": 0.1}, "chance") == ""
