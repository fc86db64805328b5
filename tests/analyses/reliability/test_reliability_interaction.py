import numpy as np
import pandas as pd
import pytest

from auscult.analyses.reliability.interaction import INTERACTION_COLUMNS, interact
from auscult.analyses.reliability.items import describe_items

BASED = {"keyword": True, "intent": True, "gender": False}


def contrasts(mean, n_utterances=200, seeds=("s1", "s2", "s3"), spread=0.2, seed=0):
    """Return word − frame of one task, by utterance; without the first seed it is 0.1 more."""
    random, tables = np.random.default_rng(seed), []
    for without in ("", *seeds):
        values = random.normal(mean + 0.1 * (without == "s1"), spread, n_utterances)
        items = describe_items(
            {
                "question": "units",
                "method": "perturbation",
                "input": "waveform",
                "unit": "word",
                "against": "frame",
                "metric": "pearson",
                "utterance": f"u{i}",
                "value": value,
            }
            for i, value in enumerate(values)
        )
        tables.append(items.assign(without=without))
    return pd.concat(tables, ignore_index=True)


def runs(**means):
    return {("english", task): contrasts(mean, seed=place) for place, (task, mean) in enumerate(means.items())}


def test_the_interaction_is_the_difference_of_the_kinds_of_tasks():
    found = interact(runs(keyword=0.6, gender=0.1), BASED, n_resamples=500)
    assert list(found.columns) == list(INTERACTION_COLUMNS)
    row = found.iloc[0]
    # The standard error of either mean is 0.2 / sqrt(200) = 0.014, of their difference 0.02.
    assert row["value"] == pytest.approx(0.5, abs=0.06)
    assert row["ci_high"] - row["ci_low"] == pytest.approx(2 * 1.96 * 0.02, rel=0.2)
    assert row["ci_low"] < row["value"] < row["ci_high"]
    assert row[["model", "n", "n_seeds", "resampling_unit"]].tolist() == ["keyword − gender", 400, 3, "utterance"]


def test_tasks_of_one_kind_are_averaged():
    found = interact(runs(keyword=0.8, intent=0.2, gender=0.1), BASED, n_resamples=100).iloc[0]
    assert found["value"] == pytest.approx(0.4, abs=0.06)


def test_the_range_over_seeds_leaves_one_of_one_task_out():
    row = interact(runs(keyword=0.6, gender=0.1), BASED, n_resamples=100).iloc[0]
    assert row["seeds_low"] == pytest.approx(0.4, abs=0.06)
    assert row["seeds_high"] == pytest.approx(0.6, abs=0.06)


def test_equal_gains_do_not_interact():
    row = interact(runs(keyword=0.3, gender=0.3), BASED, n_resamples=500).iloc[0]
    assert row["ci_low"] < 0 < row["ci_high"]


def test_too_few_utterances_of_one_task_give_no_interval():
    few = {("english", "keyword"): contrasts(0.5), ("english", "gender"): contrasts(0.1, n_utterances=39)}
    assert interact(few, BASED).iloc[0][["ci_low", "ci_high"]].isna().all()


def test_without_both_kinds_of_tasks_there_is_no_row():
    assert interact(runs(keyword=0.5), BASED).empty
    empty = describe_items([]).assign(without="")
    assert list(interact(runs(keyword=0.5) | {("english", "gender"): empty}, BASED).columns) == list(
        INTERACTION_COLUMNS
    )
