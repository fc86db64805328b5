import dataclasses

import numpy as np
import pandas as pd
import pytest
from abx_reference import abx_cells, abx_score, distance
from reference import PlantedActivations, plant

from auscult.analyses.abx.analysis import (
    ABX_COLUMNS,
    CONTRAST_COLUMNS,
    AbxSettings,
    abx_activations,
    summarise_abx,
)
from auscult.analyses.abx.cells import score_cells
from auscult.analyses.abx.distances import Vectors
from auscult.analyses.abx.tasks import add_neighbours, make_abx_task
from auscult.analyses.probing.analysis import probe_activations
from auscult.analyses.probing.settings import ProbingSettings
from auscult.errors import AnalysisError
from auscult.statistics.intervals import corrected_interval

PHONE = {"name": "phone", "tier": "phone", "column": "label"}
PROBED = PHONE | {"held_out": "speaker"}
RUN = {"corpus": "c", "model": "m", "step": "final"}
CONDITIONS = [(context, speaker) for context in ("in", "any") for speaker in ("within", "across", "any")]


def run(activations, target=PHONE, seed=0, **settings):
    chosen = {"contexts": ["any"], "n_resamples": 200, "max_items_per_bin": None, "max_cells": None}
    chosen |= {"standardise": False} | settings
    return abx_activations(activations, targets=[target], settings=AbxSettings(**chosen), seed=seed, **RUN)


def values(activations, **settings):
    return run(activations, speakers=["across"], **settings)[0].set_index("layer")["value"]


def small(n_items=60, seed=0, n_dims=5, n_speakers=3):
    """Draw items of three classes in two contexts by three speakers, too few to fill every cell."""
    rng = np.random.default_rng(seed)
    index = pd.DataFrame(
        {
            "utterance": np.sort(rng.choice(list("uvwxyz"), n_items)),
            "tier": "phone",
            "index": np.arange(n_items),
            "label": rng.choice(list("aei"), n_items, p=[0.5, 0.3, 0.2]),
            "place": rng.choice(["front", "back"], n_items),
            "speaker": rng.choice([f"s{i}" for i in range(n_speakers)], n_items),
        }
    )
    x = rng.dirichlet(np.ones(n_dims), n_items)
    return PlantedActivations(("T1",), index, {"T1": x})


@pytest.fixture(scope="module")
def planted():
    return plant(n_items=24)


@pytest.mark.parametrize("kind", ["cosine", "angular", "euclidean", "kl"])
@pytest.mark.parametrize(("context", "speaker"), CONDITIONS)
def test_scores_equal_three_nested_loops_over_items(kind, context, speaker):
    activations = small(30)
    target = PHONE | {"context": ["place"]}
    results, contrasts = run(activations, target, contexts=[context], speakers=[speaker], distance=kind)
    x = activations.vectors["T1"]
    cells = abx_cells(
        activations.index,
        lambda i, j: distance(x[i], x[j], kind),
        "label",
        [*(["place"] if context == "in" else []), *(["speaker"] if speaker == "within" else [])],
        "speaker" if speaker == "across" else None,
    )
    assert results["value"].item() == pytest.approx(abx_score(cells), abs=1e-12)
    expected = cells.groupby(["of", "label", "other"])["score"].mean().groupby(["label", "other"]).mean()
    assert contrasts.set_index(["label", "other"])["value"].to_dict() == pytest.approx(expected.to_dict(), abs=1e-12)
    assert results["n_cells"].item() == len(cells)


def test_every_condition_and_layer_has_one_complete_row(planted):
    results, contrasts = run(planted, contexts=["any"], speakers=["within", "across"])
    assert list(results.columns) == list(ABX_COLUMNS)
    assert list(contrasts.columns) == list(CONTRAST_COLUMNS)
    assert (results.groupby(["layer", "context", "speaker"]).size() == 1).all()
    assert results.notna().all(axis=None)
    assert set(results["n_contrasts"]) == {12}
    assert set(results["n_groups"]) == {12}
    assert results["value"].between(results["ci_low"], results["ci_high"]).all()
    assert len(contrasts) == 12 * 6


def test_planted_classes_are_separated_in_the_layers_where_they_were_planted(planted):
    found = values(planted)
    assert found["T2"] > 0.95
    assert found["T2"] > found["T1"]
    assert found["noise"] == pytest.approx(0.5, abs=0.02)


def test_separable_classes_score_one_and_shuffled_labels_one_half(planted):
    codes = planted.index["label"].astype("category").cat.codes
    x = np.eye(4)[codes] + 0.01 * np.random.default_rng(0).normal(size=(len(codes), 4))
    separable = PlantedActivations(("T1",), planted.index, {"T1": x})
    assert run(separable, speakers=["within", "across"])[0]["value"].tolist() == [1, 1]
    shuffled = planted.index["label"].sample(frac=1, random_state=0).to_numpy()
    chance = run(dataclasses.replace(separable, index=planted.index.assign(label=shuffled)), speakers=["across"])[0]
    assert chance["value"].item() == pytest.approx(0.5, abs=0.02)


def test_a_common_offset_changes_raw_scores_but_not_standardised_ones(planted):
    codes = planted.index["label"].astype("category").cat.codes.to_numpy()
    x = np.random.default_rng(0).normal(size=(len(codes), 3))
    x[:, 0] += 4 * (codes - codes.mean())
    # A mean that all items share, as in log-mel energies or in positions of Whisper's encoder.
    centred, offset = (
        dataclasses.replace(planted, layers=("T2",), vectors={"T2": x + shift * np.eye(3)[0]}) for shift in (0, 100)
    )
    standardised = [values(one, standardise=True)["T2"] for one in (centred, offset)]
    assert standardised[1] == pytest.approx(standardised[0], abs=1e-3)
    assert values(centred)["T2"] - values(offset)["T2"] > 0.1


def test_probabilities_are_never_standardised():
    activations = small(30)
    results = [run(activations, distance="kl", standardise=choice)[0] for choice in (True, False)]
    assert results[0].equals(results[1])
    assert set(results[0]["distance"]) == {"kl"}


def test_a_factor_in_a_low_variance_subspace_is_found_by_a_probe_but_not_by_abx(planted):
    rng = np.random.default_rng(0)
    codes = planted.index["label"].astype("category").cat.codes.to_numpy()
    x = np.hstack([rng.normal(size=(len(codes), 32)), 0.05 * np.eye(4)[codes]]).astype(np.float32)
    hidden = PlantedActivations(("T1",), planted.index, {"T1": x})
    settings = ProbingSettings(probe="ridge", n_permutations=1, n_resamples=100, min_class_size=5)
    probed = probe_activations(hidden, targets=[PROBED], settings=settings, **RUN)
    accuracy = probed.query("metric == 'accuracy' and labels == 'true' and layer == 'T1'")["value"].item()
    assert accuracy > 0.95
    assert values(hidden)["T1"] == pytest.approx(0.5, abs=0.02)


def test_equal_distances_give_one_half(planted):
    constant = PlantedActivations(("T1",), planted.index, {"T1": np.full((len(planted.index), 7), 0.1)})
    for kind in ("cosine", "angular", "euclidean"):
        found = run(constant, speakers=["within", "across"], distance=kind)[0]
        assert found["value"].tolist() == [0.5, 0.5]


def test_rotation_and_scaling_do_not_change_cosine_and_angular_scores(planted):
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(16, 16)))[0]
    scale = np.random.default_rng(1).uniform(0.1, 10, size=(len(planted.index), 1))
    turned = dataclasses.replace(planted, vectors={name: scale * x @ rotation for name, x in planted.vectors.items()})
    expected = values(planted).to_dict()
    for kind in ("cosine", "angular"):
        assert values(turned, distance=kind).to_dict() == pytest.approx(expected, abs=1e-6)
    rotated = dataclasses.replace(planted, vectors={name: x @ rotation + 5 for name, x in planted.vectors.items()})
    plain = values(planted, distance="euclidean").to_dict()
    assert values(rotated, distance="euclidean").to_dict() == pytest.approx(plain, abs=1e-6)


@pytest.mark.parametrize(("by", "across"), [(["speaker"], None), ([], "speaker"), ([], None)])
@pytest.mark.parametrize("max_pairs", [1, 150, 5000])
def test_batch_size_does_not_change_any_score(planted, by, across, max_pairs):
    task = make_abx_task(planted.index, on="label", by=by, across=across)
    store = Vectors(planted.vectors["T1"][task.rows], "cosine")
    assert np.array_equal(score_cells(task, store, max_pairs), score_cells(task, store))


def test_sorting_and_comparing_count_the_same(planted, monkeypatch):
    expected = run(planted)[1]["value"]
    monkeypatch.setattr("auscult.analyses.abx.cells._SORT_FROM", 1)
    assert np.array_equal(run(planted)[1]["value"], expected)


def test_same_seed_gives_the_same_tables(planted):
    settings = {"max_items_per_bin": 3, "max_cells": 40}
    one, two = (run(planted, **settings) for _ in range(2))
    assert one[0].equals(two[0])
    assert one[1].equals(two[1])
    assert set(one[0]["n_cells"]) == {40}
    assert not run(planted, seed=1, **settings)[0].equals(one[0])


def test_samples_of_items_and_cells_estimate_the_full_score(planted):
    full, sampled = values(planted), values(planted, max_items_per_bin=4, max_cells=600)
    assert sampled.to_dict() == pytest.approx(full.to_dict(), abs=0.05)


def test_few_speakers_give_values_without_intervals():
    results = run(plant(n_speakers=4))[0]
    assert results["value"].notna().all()
    assert results[["ci_low", "ci_high"]].isna().all(axis=None)


def test_speakers_are_averaged_before_contrasts():
    task = make_abx_task(small().index, on="label", by=["place"], across="speaker")
    scores = np.random.default_rng(0).random(len(task.x))
    [(row, contrasts)] = summarise_abx(task, scores[None], n_resamples=100)
    cells = pd.DataFrame({"s": task.speaker, "a": task.label[task.a], "b": task.label[task.b], "score": scores})
    expected = cells.groupby(["s", "a", "b"])["score"].mean().groupby(["a", "b"]).mean()
    assert contrasts["value"].to_numpy() == pytest.approx(expected.to_numpy())
    assert row["value"] == pytest.approx(expected.mean())


@pytest.fixture(scope="module")
def voices():
    """Return a task across twelve speakers, each with two items of three classes."""
    index = [(f"s{speaker:02}", label) for speaker in range(12) for label in "aei" for _ in range(2)]
    return make_abx_task(pd.DataFrame(index, columns=["speaker", "label"]), on="label", across="speaker")


def interval(task, scores, n_resamples=100, seed=0):
    [(row, _)] = summarise_abx(task, scores[None], n_resamples=n_resamples, seed=seed)
    return row["ci_low"], row["ci_high"]


def test_differences_between_the_speakers_of_x_widen_the_interval_as_those_of_a_and_b_do(voices):
    clarity = np.linspace(0.5, 1, 12)
    for speaker in (voices.speaker, voices.x_speaker):
        low, high = interval(voices, clarity[speaker], n_resamples=400)
        assert high - low == pytest.approx(4 * clarity.std() / np.sqrt(12), rel=0.2)


def test_intervals_hold_the_mean_of_speakers_who_differ_in_clarity_about_95_percent_of_the_time(voices):
    rng, held = np.random.default_rng(0), 0
    for _ in range(200):
        clarity = rng.normal(0, 0.1, 12)
        low, high = interval(voices, 0.7 + clarity[voices.speaker] + clarity[voices.x_speaker], n_resamples=200)
        held += low <= 0.7 <= high
    # Percentile intervals of the same resamples hold it in 93.5 %, these in 95 %.
    assert 0.94 <= held / 200 <= 0.985


def test_intervals_equal_a_weighting_of_every_cell_written_out(voices):
    scores, n = np.random.default_rng(0).random(len(voices.x)), 12
    cells = pd.DataFrame({"s": voices.speaker, "a": voices.label[voices.a], "b": voices.label[voices.b]})

    def mean(draw):
        heard = cells.assign(n=draw[voices.x_speaker], t=draw[voices.x_speaker] * scores)
        sums = heard.groupby(["s", "a", "b"])[["n", "t"]].sum().query("n > 0").reset_index()
        sums = sums.assign(p=draw[sums["s"]], value=draw[sums["s"]] * sums["t"] / sums["n"])
        sums = sums.groupby(["a", "b"])[["p", "value"]].sum().query("p > 0")
        return (sums["value"] / sums["p"]).mean()

    draws = np.random.default_rng(3).multinomial(n, np.full(n, 1 / n), size=50)
    without = np.array([mean(draw) for draw in 1 - np.eye(n, dtype=int)])
    value = mean(np.ones(n, dtype=int))
    expected = corrected_interval(np.array([mean(draw) for draw in draws]), value=value, n_groups=n, jackknife=without)
    assert interval(voices, scores, n_resamples=50, seed=3) == pytest.approx(tuple(expected), abs=1e-12)


def test_few_speakers_of_x_give_no_interval():
    index = [("ab" if speaker < 8 else "a", f"s{speaker}") for speaker in range(8)] * 2
    rows = [(label, speaker) for labels, speaker in index for label in labels]
    task = make_abx_task(pd.DataFrame(rows, columns=["label", "speaker"]), on="label", across="speaker")
    few = dataclasses.replace(task, x_speaker=task.x_speaker % 5)
    assert np.isfinite(interval(task, np.ones(len(task.x)))).all()
    assert np.isnan(interval(few, np.ones(len(task.x)))).all()


def test_the_order_of_the_index_does_not_change_which_items_and_cells_are_drawn(planted):
    settings = {"max_items_per_bin": 3, "max_cells": 40, "speakers": ["within", "across"]}
    order = np.random.default_rng(0).permutation(len(planted.index))
    index = planted.index.assign(index=np.arange(len(planted.index)))
    turned = dataclasses.replace(
        planted,
        index=index.iloc[order].reset_index(drop=True),
        vectors={layer: x[order] for layer, x in planted.vectors.items()},
    )
    found = run(turned, **settings)[0]
    assert found.equals(run(dataclasses.replace(planted, index=index), **settings)[0])


def test_neighbours_are_segments_of_the_same_utterance_in_order():
    index = pd.DataFrame({"utterance": ["u", "v", "u", "u"], "index": [2, 0, 0, 1], "label": list("cxab")})
    found = add_neighbours(index)
    assert found["previous"].tolist() == ["b", "#", "#", "a"]
    assert found["next"].tolist() == ["#", "#", "b", "c"]


def test_one_class_is_refused(planted):
    activations = dataclasses.replace(planted, index=planted.index.assign(label="a"))
    expected = (
        r"^target 'phone, any context, within speaker': expected at least two classes in column 'label', found 1 "
        r"\('a'\); add items or leave it out$"
    )
    with pytest.raises(AnalysisError, match=expected):
        run(activations)


def test_one_speaker_is_refused_across_speakers():
    with pytest.raises(
        AnalysisError, match=r"expected at least two values of speaker in column 'speaker', found 1 \('s"
    ):
        run(plant(n_speakers=1), speakers=["across"])


def test_items_that_form_no_cell_are_refused(planted):
    alone = planted.index.assign(own=planted.index["label"] + " only")
    with pytest.raises(AnalysisError, match=r"expected a cell .* found none among 288 items; ask for any context"):
        run(dataclasses.replace(planted, index=alone), PHONE | {"context": ["own"]}, contexts=["in"])


@pytest.mark.parametrize(
    ("by", "across", "hint"),
    [
        (["place"], None, "; ask for any context, or add utterances"),
        (["speaker"], None, "; compare across speakers, or"),
        ([], "speaker", "items; add utterances$"),
        ([], None, "items; add utterances$"),
    ],
)
def test_the_advice_without_cells_fits_the_condition(by, across, hint):
    rows = [("a", "s1", "front"), ("b", "s2", "back")]
    index = pd.DataFrame(rows, columns=["label", "speaker", "place"])
    with pytest.raises(AnalysisError, match=hint):
        make_abx_task(index, on="label", by=by, across=across)


def test_vectors_that_are_not_finite_are_named_by_layer_and_number(planted):
    broken = planted.vectors["T2"].copy()
    broken[[3, 77]] = np.nan
    spoilt = dataclasses.replace(planted, vectors=planted.vectors | {"T2": broken})
    with pytest.raises(AnalysisError, match="found NaN or infinity in 2 of 288 rows of layer 'T2'; check the model"):
        run(spoilt)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"distance": "manhattan"}, "expected one of the distances cosine, angular, euclidean, kl, found 'manhattan'"),
        ({"contexts": ["left"]}, "target 'phone': expected contexts of in, any, found 'left'"),
        ({"speakers": ["other"]}, "target 'phone': expected speakers of within, across, any, found 'other'"),
        ({"contexts": []}, "target 'phone': expected contexts of in, any, found none; name one or more"),
        ({"speakers": []}, "expected speakers of within, across, any, found none; name one or more"),
        (
            {"target": PHONE | {"tier": "word"}},
            "target 'phone': expected items of tier 'word', found only the tiers ph",
        ),
        ({"target": PHONE | {"column": "tone"}}, "expected column 'tone' in the index, found only utterance, tier"),
    ],
)
def test_settings_that_do_not_exist_list_those_that_do(planted, settings, expected):
    with pytest.raises(AnalysisError, match=expected):
        run(planted, **settings)


def test_no_target_is_refused(planted):
    with pytest.raises(AnalysisError, match="expected at least one target for corpus 'c', found none; name one"):
        abx_activations(planted, targets=[], **RUN)
