"""Pages of confusions: shares, order of classes, what is named, and legibility."""

import itertools

import numpy as np
import pandas as pd
import pytest
from figure_cases import LAYERS, MODELS, RUNS, STUDY, context_of, draw_styled, drawn, probing_table

from auscult.analyses.probing import figure as probing
from auscult.analyses.probing.figure_confusions import class_order, confusion_matrix
from auscult.figures.legibility import faults

CONTEXT = context_of("probing")
MANY = [f"{letter}{number}" for letter in "abcdefgh" for number in range(5)]


def confusions(classes, corpus="english", target="phone", runs=RUNS, n=100, right=0.7):
    """Return confusions in which each class is taken for the others with its first letter."""
    rows = []
    for (model, step), truth in itertools.product(runs, classes):
        others = [name for name in classes if name != truth and name[0] == truth[0]]
        share = right if step != "0" else 0.4
        counts = {truth: share * n, **{name: (1 - share) * n / len(others) for name in others}}
        for prediction, count in counts.items():
            about = {"corpus": corpus, "model": model, "step": step, "target": target, "layer": "selected"}
            rows.append(about | {"probe": "logistic", "truth": truth, "prediction": prediction, "n": round(count)})
    table = pd.DataFrame(rows)
    table["share"] = table["n"] / table.groupby(["model", "step", "truth"])["n"].transform("sum")
    return table


def one_run(table):
    return table[(table["model"] == RUNS[0][0]) & (table["step"] == RUNS[0][1])]


def test_shares_are_those_of_the_true_class_and_an_untested_class_has_none():
    rows = pd.DataFrame(
        {"truth": ["a", "a", "b"], "prediction": ["a", "c", "b"], "n": [3, 1, 2], "share": [0.75, 0.25, 1.0]}
    )
    matrix = confusion_matrix(rows, ["a", "b", "c"])
    np.testing.assert_array_equal(matrix.to_numpy(), [[0.75, 0, 0.25], [0, 1, 0], [np.nan] * 3])
    assert sorted(confusion_matrix(rows).index) == ["a", "b", "c"]


def test_classes_that_are_taken_for_each_other_are_neighbours():
    rng = np.random.default_rng(0)
    order = list(rng.permutation(MANY))
    matrix = confusion_matrix(one_run(confusions(order)))
    letters = [name[0] for name in matrix.index]
    assert len(list(itertools.groupby(letters))) == 8
    assert list(matrix.index) == list(matrix.columns)


@pytest.mark.parametrize("n", [3, 5, 7])
def test_the_order_has_the_neighbours_of_the_best_order_of_the_tree(n):
    rng = np.random.default_rng(n)
    shares = rng.dirichlet(np.ones(n), size=n)
    near = (shares + shares.T) / 2

    def length(order):
        return sum(1 - near[one, other] for one, other in itertools.pairwise(order))

    found = length(class_order(shares))
    every = [length(order) for order in itertools.permutations(range(n))]
    # Only orders that the tree allows are searched, so the best of all may be a little shorter.
    assert found <= np.quantile(every, 0.25)


def test_a_large_target_has_a_page_of_its_own_and_small_ones_show_the_untrained_model():
    table = pd.concat(
        [
            confusions(MANY),
            confusions(["na", "nb", "va", "vb"], target="part_of_speech"),
            confusions(["aa", "ab"], "dutch"),
        ]
    )
    pages = draw_styled(probing, CONTEXT, table=probing_table(), confusions=table)
    without = draw_styled(probing, CONTEXT, table=probing_table())
    assert len(pages) == len(without) + 2
    large, small = (drawn([page]) for page in pages[-2:])
    assert "phone, english" in large
    assert set(MANY) <= set(large)
    assert not any("untrained" in line for line in large)
    assert sum("accuracy .40" in line for line in small) == 2
    assert [fault for page in pages[-2:] for fault in faults(page)] == []


def test_the_most_frequent_confusions_are_named_and_rare_classes_are_not():
    often, rare = confusions(["sa", "sb", "ta", "tb"], n=200, right=0.8), confusions(["ra", "rb"], n=10, right=0.1)
    lines = drawn(draw_styled(probing, CONTEXT, table=probing_table(), confusions=pd.concat([often, rare]))[-1:])
    named = next(line for line in lines if line.startswith("most often"))
    assert "sa as sb .20" in named
    assert "ra" not in named


def test_a_target_with_very_many_classes_or_without_a_trained_model_has_no_page():
    crowd = confusions([f"w{number}" for number in range(90)], target="word")
    untrained = confusions(MANY, runs=[run for run in RUNS if run[1] == "0"])
    for table in (crowd, untrained, confusions(MANY).assign(layer=LAYERS[0])):
        pages = draw_styled(probing, CONTEXT, table=probing_table(), confusions=table)
        assert len(pages) == len(draw_styled(probing, CONTEXT, table=probing_table()))


def test_models_that_the_figure_leaves_out_have_no_confusions():
    shown = [name for name in MODELS if name != RUNS[0][0]]
    context = context_of("probing", shown=shown, study=STUDY)
    table = confusions(MANY, runs=[run for run in RUNS if run[0] == RUNS[0][0]])
    assert len(draw_styled(probing, context, table=probing_table(), confusions=table)) == len(
        draw_styled(probing, context, table=probing_table())
    )
