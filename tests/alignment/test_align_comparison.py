"""Sizes of boundary errors: pinned numbers, the control, intervals over speakers."""

import numpy as np
import pandas as pd
import pytest

from auscult.alignment.comparison import summarise_errors


def errors(offsets_ms, speakers):
    return pd.DataFrame(
        {
            "recording": [f"r{number}" for number in range(len(offsets_ms))],
            "speaker": speakers,
            "tier": "words",
            "index": 0,
            "label": "a",
            "edge": "onset",
            "found_s": 1 + np.array(offsets_ms) / 1000,
            "true_s": 1.0,
            "spread_s": 1.5,
        }
    )


def test_median_share_and_bias_are_those_of_the_errors():
    found = summarise_errors(errors([-10, 5, 30, 60], ["a", "b", "b", ""])).set_index("aligner")
    row = found.loc["aligned"]
    assert row["median_ms"] == pytest.approx(20)
    assert row["bias_ms"] == pytest.approx(17.5)
    assert (row["within_20_ms"], row["within_50_ms"]) == (0.5, 0.75)
    assert (row["n"], row["n_recordings"], row["n_speakers"]) == (4, 4, 2)
    assert np.isnan(row["median_low"])
    assert np.isnan(row["within_20_low"])
    assert found.loc["spread evenly", "median_ms"] == pytest.approx(500)


def test_intervals_resample_speakers_and_hold_the_estimate():
    rng = np.random.default_rng(0)
    speakers = np.repeat([*"abcdefgh"], 50)
    row = summarise_errors(errors(rng.normal(0, 30, 400), speakers)).iloc[0]
    assert row["median_low"] < row["median_ms"] < row["median_high"]
    assert row["within_20_low"] < row["within_20_ms"] < row["within_20_high"]
    assert row["median_high"] - row["median_low"] < 15
