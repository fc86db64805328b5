import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from auscult.analyses.abx.agreement import AGREEMENT_COLUMNS, pair_scores, rank_agreement, spearman

LAYERS = ("cnn", "T1", "T2", "T3")


def tables(probe=(0.2, 0.4, 0.6, 0.5), abx=(0.6, 0.9, 0.8, 0.7)):
    """Return both tables for a model of four layers and two baselines, the probe with other rows to be left out."""
    about = {"corpus": "c", "target": "phone"}
    runs = [("m", name, p, x) for name, p, x in zip(LAYERS, probe, abx)]
    runs += [("mel", "input", 0.3, 0.75), ("f0", "input", 0.1, 0.5)]
    scores = pd.DataFrame([{**about, "model": m, "step": "1", "layer": layer, "value": x} for m, layer, _, x in runs])
    rows = [
        {**about, "model": m, "step": "1", "layer": layer, "value": p, "selected_layer": layer}
        for m, layer, p, _ in runs
    ]
    best = LAYERS[int(np.argmax(probe))]
    rows.append({**about, "model": "m", "step": "1", "layer": "selected", "value": max(probe), "selected_layer": best})
    probes = pd.DataFrame(rows).assign(metric="accuracy", labels="true", probe="ridge", n_train=np.nan)
    others = [probes.assign(labels="shuffled"), probes.assign(metric="macro_f1"), probes.assign(probe="mlp")]
    return scores.assign(context="in", speaker="across"), pd.concat([probes, *others, probes.assign(n_train=100)])


def test_layers_and_models_are_ranked_by_both():
    agreement = rank_agreement(*tables())
    assert list(agreement.columns) == list(AGREEMENT_COLUMNS)
    layers = agreement[agreement["over"] == "layers"].iloc[0]
    assert layers["spearman"] == pytest.approx(spearmanr((0.2, 0.4, 0.6, 0.5), (0.6, 0.9, 0.8, 0.7)).statistic)
    assert layers["n"] == 4
    assert (layers["best_by_probe"], layers["best_by_abx"]) == ("T2", "T1")
    models = agreement[agreement["over"] == "models"].iloc[0]
    assert models["n"] == 3
    assert models["spearman"] == pytest.approx(1)


def test_each_layer_is_paired_with_its_own_probe_once():
    pairs = pair_scores(*tables())
    assert len(pairs) == 6
    assert pairs.loc[pairs["chosen"], ["model", "layer"]].to_numpy().tolist() == [
        ["m", "T2"],
        ["mel", "input"],
        ["f0", "input"],
    ]


def test_ties_share_ranks_as_in_scipy():
    x, y = [1, 1, 2, 3, 3], [5, 4, 4, 9, 1]
    assert spearman(x, y) == pytest.approx(spearmanr(x, y).statistic)


def test_two_points_or_equal_values_are_not_ranked():
    assert np.isnan(spearman([1, 2], [2, 1]))
    assert np.isnan(spearman([1, 1, 1], [1, 2, 3]))


def test_a_target_that_was_not_probed_is_not_ranked():
    abx, probing = tables()
    assert rank_agreement(abx.assign(target="tone"), probing).empty
