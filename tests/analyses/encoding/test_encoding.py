"""Encoding of linguistic levels: planted midpoints and layers, slow reference loops, and refused input."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from encoding_planted import LAYERS, STEPS, Planted, dutch_index, planted_sweep

from auscult.activations.derived_columns import add_derived
from auscult.analyses.abx.tasks import make_abx_task
from auscult.analyses.encoding.abx import abx_levels
from auscult.analyses.encoding.analysis import CURVE_COLUMNS, DRAW_COLUMNS, SCORE_COLUMNS, encode_sweep
from auscult.analyses.encoding.curves import layer_centre
from auscult.analyses.encoding.levels import add_syntax, level_items
from auscult.analyses.encoding.probes import PENALTIES
from auscult.analyses.encoding.settings import EncodingSettings
from auscult.analyses.probing.analysis import probe_activations
from auscult.analyses.probing.settings import ProbingSettings
from auscult.dynamics.curves import FIT, draw_units
from auscult.errors import AnalysisError
from auscult.statistics.folds import speaker_folds

PHONE = {"name": "phone", "tier": "phone", "column": "label", "held_out": "speaker", "abx": True, "abstractness": 1}
POS = {
    "name": "part_of_speech",
    "tier": "word",
    "column": "pos",
    "held_out": "speaker+type",
    "type": "label",
    "abx": True,
    "abstractness": 2,
}
DEPTH = {
    "name": "depth",
    "tier": "word",
    "column": "relative_depth",
    "held_out": "speaker+type",
    "type": "label",
    "given": "pos",
    "abx": True,
    "abstractness": 3,
}
GENDER = {"name": "gender", "tier": "utterance", "column": "gender", "held_out": "speaker"}
LEVELS = (PHONE, POS, DEPTH, GENDER)
SETTINGS = EncodingSettings(max_items=900, max_cells=300, n_resamples=120)
FEW = EncodingSettings(max_items=400)


def encode(sweep, levels, settings=SETTINGS, **more):
    return encode_sweep(sweep, levels=levels, corpus="dutch", model="m", settings=settings, **more)


@pytest.fixture(scope="module")
def encoded():
    return encode(planted_sweep(), LEVELS, expected=[str(step) for step in STEPS])


@pytest.fixture(scope="module")
def index():
    return add_syntax(dutch_index(), {"relative_depth", "inflected_number"})


def at(table, **values):
    return table[np.logical_and.reduce([table[column] == value for column, value in values.items()])]


def test_planted_levels_come_back_in_their_order_at_their_layers(encoded):
    _, curves, _ = encoded
    trained = at(curves, probe="ridge", metric="midpoint").set_index("target")
    levels = ["phone", "part_of_speech", "depth"]
    assert (trained.loc[levels, "verdict"] == FIT).all()
    assert trained.loc["gender", "verdict"] != FIT
    assert np.isnan(trained.loc["gender", "value"])
    midpoints = trained.loc[levels, "value"].to_numpy()
    assert (np.diff(midpoints) > 0).all()
    np.testing.assert_allclose(midpoints, [15, 60, 150], rtol=0.5)
    centres = at(curves, probe="ridge", metric="layer_centre").set_index("target").loc[levels, "value"]
    assert (np.diff(centres) > 0).all()
    best = at(curves, probe="ridge", metric="best_layer").set_index("target").loc[levels, "value"]
    assert list(best) == [0, 1, 2]
    zero_shot = at(curves, probe="abx", metric="midpoint").set_index("target").loc[levels]
    assert (zero_shot["verdict"] == FIT).all()
    assert (np.diff(zero_shot["value"]) > 0).all()
    assert trained["above_chance"].to_dict() == {
        **dict.fromkeys(levels, True),
        "gender": trained["above_chance"]["gender"],
    }


def test_tables_have_a_row_for_every_step_layer_and_level(encoded):
    scores, curves, draws = encoded
    assert (tuple(scores), tuple(curves), tuple(draws)) == (SCORE_COLUMNS, CURVE_COLUMNS, DRAW_COLUMNS)
    assert len(scores) == len(STEPS) * (len(LAYERS) + 1) * (len(LEVELS) + 3)
    assert not scores.duplicated(["step", "layer", "target", "probe"]).any()
    assert (scores["ci_low"] <= scores["value"]).all()
    assert (scores["value"] <= scores["ci_high"]).all()
    np.testing.assert_allclose(scores["normalised"], (scores["value"] - scores["chance"]) / (1 - scores["chance"]))
    assert len(draws) == 120 * (len(LEVELS) + 3)
    untrained = at(scores, step="0", layer="selected", probe="ridge").set_index("target")
    assert untrained.loc["gender", "chance"] >= 0.5
    assert (untrained.loc[["part_of_speech", "depth"], "type_overlap"] == 0).all()


def test_probes_are_those_of_probing_on_the_same_items():
    activations = Planted(dutch_index(), 640)
    level = {key: PHONE[key] for key in ("name", "tier", "column", "held_out")}
    scores, _, _ = encode({"final": activations}, [level], replace(SETTINGS, max_items=10**6))
    theirs = probe_activations(
        activations,
        targets=[level],
        corpus="dutch",
        model="m",
        step="final",
        seed=0,
        penalties=PENALTIES,
        settings=ProbingSettings(probe="ridge", n_permutations=0, n_resamples=120),
    )
    theirs = at(theirs, metric="accuracy", labels="true").set_index("layer")
    mine = scores.set_index("layer").loc[theirs.index]
    for columns, rtol in ((["value", "n", "n_groups"], 1e-12), (["ci_low", "ci_high"], 0.01)):
        # The intervals of probing are also corrected for skewness.
        np.testing.assert_allclose(mine[columns].to_numpy(float), theirs[columns].to_numpy(float), rtol=rtol)
    assert mine.loc["selected", "selected_layer"] == theirs.loc["selected", "selected_layer"]


def test_zero_shot_scores_are_those_of_slow_triples():
    index = dutch_index(n_speakers=6, n_sentences=3)
    activations = Planted(index, 640, noise=0.6)
    level = PHONE | {"name": "phone"}
    settings = EncodingSettings(
        n_folds=3, min_class_size=8, max_items=60, max_items_per_bin=2, max_cells=40, n_resamples=50
    )
    index = add_derived(index, {"log_duration"})
    (scores,) = abx_levels({"5": activations}, [level], index, settings=settings, seed=3)
    labels = level_items(index, level, settings=settings, seed=3)
    task = make_abx_task(
        index.assign(label=labels), on="label", across="speaker", seed=3, max_items_per_bin=2, max_cells=40
    )
    names = np.unique(index["speaker"])
    folds = dict(zip(names, speaker_folds(names, 3, 3)))
    of = index["speaker"].to_numpy()[task.rows]
    slow = {layer: [] for layer in LAYERS}
    for layer in LAYERS:
        unit = activations.load(layer)[task.rows].astype(float)
        unit = (unit - unit.mean(axis=0)) / unit.std(axis=0)
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        distance = (1 - unit @ unit.T).astype(np.float32)
        for x, a, b in zip(task.x, task.a, task.b):
            items = [range(task.bin_start[bin], task.bin_start[bin] + task.bin_size[bin]) for bin in (x, a, b)]
            won = [distance[i, j] < distance[i, k] for i in items[0] for j in items[1] for k in items[2]]
            slow[layer].append((np.mean(won), of[items[1][0]], of[items[0][0]]))
    np.testing.assert_allclose(scores.values[0, :-1], [np.mean([cell[0] for cell in slow[layer]]) for layer in LAYERS])
    picked = {}
    for fold in range(3):
        means = [sum(won for won, ab, x in slow[layer] if fold not in (folds[ab], folds[x])) for layer in LAYERS]
        picked[fold] = LAYERS[int(np.argmax(means))]
    chosen = [slow[picked[folds[ab]]][place][0] for place, (_, ab, _) in enumerate(slow[LAYERS[0]])]
    np.testing.assert_allclose(scores.values[0, -1], np.mean(chosen))
    draw = draw_units(6, 50, 3)[0]
    count = dict(zip(names, draw))
    weights = [count[ab] * count[x] for _, ab, x in slow["T1"]]
    expected = np.average([won for won, *_ in slow["T1"]], weights=weights)
    np.testing.assert_allclose(scores.resampled[0, 0, 1], expected)


def test_a_baseline_has_scores_and_no_curve():
    scores, curves, draws = encode({"final": Planted(dutch_index(), 640)}, [PHONE])
    assert set(scores["step"]) == {"final"}
    assert curves.empty
    assert draws.empty
    assert tuple(curves) == CURVE_COLUMNS


def test_centre_over_layers_is_weighted_by_the_score_above_the_lowest():
    np.testing.assert_allclose(layer_centre([0.2, 0.2, 0.6]), 2)
    np.testing.assert_allclose(layer_centre([[0.1, 0.3, 0.5], [0.5, 0.3, 0.1]]), [(0.2 + 0.8) / 0.6, 0.2 / 0.6])
    assert np.isnan(layer_centre([0.4, 0.4]))


def sentence(heads, pos=None, number=None):
    n = len(heads)
    return pd.DataFrame(
        {
            "utterance": "u",
            "tier": "word",
            "index": range(n),
            "label": [f"w{i}" for i in range(n)],
            "head": heads,
            "pos": pos or ["X"] * n,
            "number": number or [""] * n,
        }
    )


def test_depth_distance_and_number_follow_from_a_parse():
    # w1 is the root; w0 and w3 depend on it, w2 on w3, w4 on w2, w5 on w4.
    parsed = sentence([1, -1, 3, 1, 2, 4], ["NOUN", "VERB", "DET", "NOUN", "NOUN", "ADJ"], ["singular"] * 6)
    rows = add_syntax(parsed, {"depth", "head_distance", "relative_depth", "inflected_number"})
    assert list(rows["depth"]) == ["1", "0", "2", "1", "3", "3"]
    assert list(rows["head_distance"]) == ["1", "0", "1", "2", "2", "1"]
    assert list(rows["relative_depth"]) == ["shallow", "shallow", "shallow", "shallow", "deep", "shallow"]
    assert list(rows["inflected_number"]) == ["singular", "singular", "", "singular", "singular", ""]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            sentence([1, 0]),
            "expected heads that lead to a root, found a cycle through word 0 of utterance 'u'; correct",
        ),
        (sentence([-1, 7]), "expected heads within their sentence, found head 7 of 'w1' in utterance 'u' of 2 words"),
        (
            sentence([-1]).drop(columns="head"),
            "expected column 'head' in the index for column 'depth', found utterance",
        ),
    ],
)
def test_parses_that_cannot_be_are_refused(table, message):
    with pytest.raises(AnalysisError, match=message) as caught:
        add_syntax(table, {"depth"})
    assert "\n" not in str(caught.value)


def test_items_are_shared_out_over_classes_and_rare_ones_left_out(index):
    labels = level_items(index, PHONE, settings=FEW, seed=0)
    counts = labels[labels != ""].value_counts()
    assert counts.sum() <= 400
    assert counts.max() <= 400 // len(counts)
    assert (index.loc[labels != "", "tier"] == "phone").all()
    everything = index.loc[index["tier"] == "phone", "label"].value_counts()
    assert set(counts.index) <= set(everything[everything >= 10].index)
    assert labels.equals(level_items(index, PHONE, settings=FEW, seed=0))


def test_the_given_column_does_not_predict_the_label(index):
    labels = level_items(index, DEPTH, settings=EncodingSettings(max_items=10**6), seed=0)
    table = pd.crosstab(index.loc[labels != "", "pos"], labels[labels != ""])
    assert (table["deep"] == table["shallow"]).all()
    assert len(table) > 2


def test_classes_with_fewer_types_than_folds_are_left_out(index):
    words = index[index["tier"] == "word"]
    few = words.groupby("pos")["label"].nunique() < 4
    assert few.any()
    labels = level_items(index, POS, settings=FEW, seed=0)
    assert not set(few[few].index) & set(labels)


@pytest.mark.parametrize(
    ("level", "message"),
    [
        (PHONE | {"column": "phones"}, r"level 'phone': expected column 'phones' in the index, found only utterance"),
        (
            POS | {"tier": "syllable"},
            r"level 'part_of_speech': expected at least two classes with 10 or more items and "
            r"4 types each in column 'pos', found 0 of 0; add sentences, lower min_class_size or leave it out",
        ),
    ],
)
def test_levels_that_a_corpus_cannot_answer_are_refused(index, level, message):
    with pytest.raises(AnalysisError, match=message):
        level_items(index, level, settings=FEW, seed=0)


def test_sweeps_that_are_no_sweeps_are_refused():
    sweep = planted_sweep(steps=(0, 10))
    with pytest.raises(AnalysisError, match=r"expected 3 checkpoints in model 'm', found no step 20 \(1 missing"):
        encode(sweep, [PHONE], expected=["0", "10", "20"])
    with pytest.raises(AnalysisError, match=r"steps of model 'm' in training order, each once, found 0 after 10"):
        encode({"10": sweep["10"], "0": sweep["0"]}, [PHONE])
    with pytest.raises(AnalysisError, match=r"expected at least one level to score on corpus 'dutch', found none"):
        encode(sweep, [])
    shorter = SimpleNamespace(index=sweep["10"].index[:-1], layers=LAYERS)
    with pytest.raises(
        AnalysisError,
        match="expected the same segments at every step of model 'm', found different ones "
        "at step 10 and at step 0; extract both with the same tiers and splits",
    ):
        encode({"0": sweep["0"], "10": shorter}, [PHONE])
    other = SimpleNamespace(index=sweep["10"].index, layers=("cnn",))
    with pytest.raises(AnalysisError, match="expected the same layers at every step of model 'm'"):
        encode({"0": sweep["0"], "10": other}, [PHONE])
    with pytest.raises(AnalysisError, match="expected activations of at least one step of model 'm', found none"):
        encode({}, [PHONE])


class OfDuration:
    """Activations of one step that come to hold the duration of segments and nothing else."""

    def __init__(self, index, step):
        self.index, self.layers = index, ("T1",)
        rng = np.random.default_rng([step, 3])
        learnt = 1 / (1 + np.exp(-3 * (np.log2(step + 10) - np.log2(50))))
        lengths = np.log(index["offset"].to_numpy(float))[:, None] * np.random.default_rng(1).normal(size=(1, 12))
        self._vectors = (3 * learnt * (lengths - lengths.mean(axis=0)) + rng.normal(size=lengths.shape)).astype(
            np.float32
        )

    def load(self, layer, rows=None):
        return self._vectors if rows is None else self._vectors[rows]


def test_a_level_that_duration_explains_has_no_midpoint():
    index = dutch_index()
    # Parts of speech differ in duration, as function words and content words do.
    codes = np.unique(index["pos"].fillna(""), return_inverse=True)[1]
    noise = np.random.default_rng(5).normal(0, 0.15, len(index))
    index["offset"] = np.round(2000 * np.exp(0.35 * codes + noise)).astype(int)
    scores, curves, _ = encode({str(step): OfDuration(index, step) for step in STEPS}, [POS])
    for probe in ("ridge", "abx"):
        last = at(scores, probe=probe, layer="selected", step=str(STEPS[-1])).iloc[0]
        assert last["ci_low"] > last["chance"]
        midpoint = at(curves, probe=probe, metric="midpoint").iloc[0]
        assert midpoint["verdict"] == "not above duration"
        assert np.isnan(midpoint["value"])
        assert not midpoint["above_chance"]
    fixed = POS | {"given": "log_duration"}
    scores, curves, _ = encode({str(step): OfDuration(index, step) for step in STEPS}, [fixed])
    for probe in ("ridge", "abx"):
        last = at(scores, probe=probe, layer="selected", step=str(STEPS[-1])).iloc[0]
        assert last["ci_low"] < last["chance"] + 0.03
        assert at(curves, probe=probe, metric="midpoint")["verdict"].iloc[0] != FIT


def test_an_effect_beside_duration_survives_taking_duration_out():
    fixed = [PHONE | {"given": "log_duration"}]
    (_, plain, _), (_, held, _) = (encode(planted_sweep(), levels) for levels in ([PHONE], fixed))
    for probe in ("ridge", "abx"):
        midpoints = [at(curves, probe=probe, metric="midpoint")["value"].iloc[0] for curves in (plain, held)]
        assert midpoints[1] == pytest.approx(midpoints[0], rel=0.1)


def test_a_confound_without_values_is_named():
    index = dutch_index().assign(pitch=np.nan)
    sweep = {"final": Planted(index, 640)}
    with pytest.raises(AnalysisError, match=r"expected a number for every item in column 'pitch', .* take it out of"):
        encode(sweep, [PHONE | {"given": "pitch", "abx": False}])
