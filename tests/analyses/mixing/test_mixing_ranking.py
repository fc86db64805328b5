"""Layers are chosen on one half and reported on the other; differences of methods are paired over sentences."""

import numpy as np
import pandas as pd
import pytest

from auscult.analyses.mixing.ranking import hit_share, not_separated, summarise_cues


def shares(level, n=40, noise=0.02, seed=0, target="noun"):
    """Plant mass and hits of the cue: a level for each method and layer, plus what is peculiar to a sentence."""
    random, rows = np.random.default_rng(seed), []
    of_sentence, ease = random.normal(0, 0.1, n), random.random(n)
    for (method, layer), value in level.items():
        for i in range(n):
            mass = value + of_sentence[i] + random.normal(0, noise)
            hit = float(ease[i] + random.normal(0, noise) < value)
            half = "valid" if i % 2 else "test"
            rows.append([f"u{i}", f"t{i}", half, target, 1, layer, method, mass, hit, 0.25, 0.2, 0.1])
    names = [
        "utterance",
        "text",
        "half",
        "target",
        "target_index",
        "layer",
        "method",
        "mass",
        "hit",
        "chance",
        "one_in_words",
        "cue_duration",
    ]
    return pd.DataFrame(rows, columns=names).assign(corpus="c", model="m", step="1")


LEVEL = {
    ("zeroing", "T1"): 0.3,
    ("zeroing", "T2"): 0.8,
    ("norm", "T1"): 0.5,
    ("norm", "T2"): 0.4,
    ("weights", "T1"): 0.2,
}


@pytest.fixture(scope="module")
def results():
    return summarise_cues(shares(LEVEL), n_resamples=500).query("target == 'noun'")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([0.2, 0.7, 0.1], 1),
        ([0.1, 0.7, 0.2], 0),
        ([0.15, 0.7, 0.15], 1 / 2),
        ([0.0, 0.0, 0.0], 1 / 2),
        ([0.3, 0.1, 0.3000001, 0.3], 1 / 3),
    ],
)
def test_a_hit_is_the_largest_cell_but_the_own_and_ties_are_split(row, expected):
    assert hit_share(np.array(row), own=1, cue=0) == pytest.approx(expected)


def test_a_hit_is_counted_on_either_side_of_the_target():
    assert hit_share(np.array([0.1, 0.7, 0.2]), own=1, cue=2) == 1
    assert hit_share(np.array([0.7, 0.1, 0.2]), own=0, cue=2) == 1


def test_a_hit_does_not_depend_on_scale_or_on_what_a_row_keeps_in_its_own_cell():
    row, kept = np.random.default_rng(0).random(6), np.eye(6)[2]
    expected = [hit_share(row, 2, cue) for cue in (0, 1, 3, 4, 5)]
    assert [hit_share(0.01 * row + 3 * kept, 2, cue) for cue in (0, 1, 3, 4, 5)] == expected
    assert sum(expected) == 1


def test_uninformative_rows_hit_at_chance():
    random, n_words = np.random.default_rng(1), 5
    hits = [hit_share(random.random(n_words), 2, 0) for _ in range(4000)]
    assert np.mean(hits) == pytest.approx(1 / (n_words - 1), abs=0.02)


def test_each_method_is_reported_at_the_layer_whose_hits_the_other_half_chose(results):
    chosen = results.query("layer == 'selected' and metric == 'cue_hit'").set_index("method")
    assert chosen["selected_layer"].to_dict() == {"zeroing": "T2", "norm": "T1", "weights": "T1"}
    assert chosen["rank"].to_dict() == {"zeroing": 1, "norm": 2, "weights": 3}
    test = shares(LEVEL).query("half == 'test' and method == 'zeroing' and layer == 'T2'")
    assert chosen.loc["zeroing", "value"] == pytest.approx(test["hit"].mean())
    assert (chosen["chance"] == 0.25).all()
    assert (chosen["n"] == 20).all()
    assert (chosen["n_groups"] == 20).all()
    mass = results.query("layer == 'selected' and metric == 'cue_mass' and method == 'zeroing'").iloc[0]
    assert mass["value"] == pytest.approx(test["mass"].mean())


def test_methods_are_ranked_by_hits_and_not_by_mass():
    table = shares({("high", "T1"): 0.8, ("low", "T1"): 0.3})
    table.loc[table["method"] == "low", "mass"] += 0.6
    ranks = summarise_cues(table).query("metric == 'cue_hit' and layer == 'selected'").set_index("method")["rank"]
    assert ranks["high"].tolist() == [1, 1]


def test_differences_are_paired_so_that_effects_of_sentences_cancel(results):
    rows = results.query("metric == 'cue_hit_difference'").set_index("other_method")
    assert list(rows.index) == ["norm", "weights"]
    test = shares(LEVEL).query("half == 'test'").groupby(["method", "layer"])["hit"].mean()
    assert rows.loc["norm", "value"] == pytest.approx(test["zeroing", "T2"] - test["norm", "T1"])
    equal = shares({("a", "T1"): 0.5, ("b", "T1"): 0.5}, noise=0)
    row = summarise_cues(equal).query("metric == 'cue_hit_difference'").iloc[0]
    assert (row["ci_low"], row["ci_high"]) == (0, 0)


def test_all_targets_together_choose_a_layer_of_their_own():
    # Nouns are best in T1, and a little; verbs in T2, and by far.
    nouns = shares({("a", "T1"): 0.6, ("a", "T2"): 0.5})
    verbs = shares({("a", "T1"): 0.1, ("a", "T2"): 0.9}, target="verb").assign(target_index=2)
    chosen = summarise_cues(pd.concat([nouns, verbs])).query("layer == 'selected' and metric == 'cue_hit'")
    assert chosen.set_index("target")["selected_layer"].to_dict() == {"noun": "T1", "verb": "T2", "all": "T2"}
    assert chosen.set_index("target")["n"].to_dict() == {"noun": 20, "verb": 20, "all": 40}


def test_the_first_method_is_the_best_only_if_it_is_above_all_others(results):
    assert not_separated(results.query("metric == 'cue_hit_difference'")) == []
    level = {("a", "T1"): 0.9, ("b", "T1"): 0.89, ("c", "T1"): 0.2}
    rows = summarise_cues(shares(level, noise=0.1, seed=3)).query("metric == 'cue_hit_difference' and target == 'noun'")
    assert not_separated(rows) == ["b"]
    assert not_separated(rows.assign(ci_low=np.nan)) == ["b", "c"]


def test_every_layer_is_averaged_over_all_sentences(results):
    row = results.query("layer == 'T1' and method == 'norm' and metric == 'cue_mass'").iloc[0]
    assert row["n"] == 40
    assert row["value"] == pytest.approx(shares(LEVEL).query("layer == 'T1' and method == 'norm'")["mass"].mean())
    assert row["ci_low"] < row["value"] < row["ci_high"]
    assert (row["one_in_words"], row["cue_duration"]) == (0.2, 0.1)
    assert np.isnan(row["chance"])


def test_voices_that_read_one_sentence_are_one_group():
    table = shares({("a", "T1"): 0.4}).assign(text=[f"t{i % 4}" for i in range(40)])
    row = summarise_cues(table).iloc[0]
    assert row["n"] == 40
    assert row["n_groups"] == 4
    assert np.isnan(row["ci_low"])


def test_without_two_halves_no_layer_is_chosen():
    assert "selected" not in set(summarise_cues(shares(LEVEL).query("half == 'test'"))["layer"])
