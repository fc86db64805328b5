"""Analyses of plain arrays and waveforms, compared with their definitions."""

import re
from itertools import product

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from abx_reference import abx_cells, abx_score, distance as reference_distance
from pandas.testing import assert_frame_equal
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from tiny_models import tiny_encoder
from tiny_predictors import CLASSES, noise, tiny_predictor

from auscult.activations.interface import Activations
from auscult.analyses.attribution.explained_outputs import class_output
from auscult.analyses.mixing.waveforms import mix_waveform
from auscult.analyses.probing.analysis import probe_activations
from auscult.analyses.probing.settings import ProbingSettings
from auscult.analyses.similarity.cka import cka_of_items
from auscult.arrays import abx, attribute, cca, cka, extract, fit_eraser, probe, rsa, value_zeroing
from auscult.errors import AnalysisError, AudioError
from auscult.models.acoustic import acoustic_model
from auscult.models.speech import SpeechModel

RATE_HZ = 16000


def vectors(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def segments(*rows):
    return pd.DataFrame(rows, columns=["label", "onset_s", "offset_s"])


WORDS = segments(("we", 0.0, 0.2), ("are", 0.2, 0.35), ("here", 0.35, 0.6))


@pytest.fixture(scope="module")
def hubert():
    return SpeechModel(tiny_encoder("hubert"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder of two recordings, which is read in the order of their paths, not of their creation."""
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "b").mkdir()
    soundfile.write(folder / "b" / "second.wav", noise(8000, seed=2), RATE_HZ, subtype="FLOAT")
    soundfile.write(folder / "a.wav", noise(9600, seed=1), RATE_HZ, subtype="FLOAT")
    (folder / "notes.txt").write_text("not a recording")
    return folder


def test_extraction_from_a_folder_equals_extraction_from_arrays(hubert, folder):
    from_files = extract(hubert, folder)
    from_arrays = extract(hubert, [noise(9600, seed=1), noise(8000, seed=2)], sample_rate_hz=RATE_HZ)
    assert from_files.layers == from_arrays.layers == hubert.layers
    for layer in hubert.layers:
        np.testing.assert_array_equal(from_files.load(layer), from_arrays.load(layer))
    assert list(from_files.index["utterance"]) == list(from_files.index["label"]) == ["a", "b/second"]
    assert list(from_arrays.index["utterance"]) == ["0", "1"]


def test_a_segment_is_the_mean_of_the_frames_whose_centre_it_holds(hubert):
    waveforms = [noise(9600, seed=1), noise(8000, seed=2)]
    tables = [WORDS.assign(part_of_speech=["pronoun", "verb", "adverb"]), segments(("yes", 0.1, 0.45))]
    activations = extract(hubert, waveforms, sample_rate_hz=RATE_HZ, segments=tables)
    rows = [(place, *row) for place, table in enumerate(tables) for row in table.iloc[:, :3].itertuples(index=False)]
    frames = hubert.frames(waveforms[:1]), hubert.frames(waveforms[1:])
    for layer in hubert.layers:
        expected = []
        for place, _, onset_s, offset_s in rows:
            own = frames[place][layer][0].numpy()
            centres = hubert.timing.centres(len(own)) / 2
            inside = (centres >= onset_s * RATE_HZ) & (centres <= offset_s * RATE_HZ)
            expected.append(own[inside].mean(axis=0))
        np.testing.assert_allclose(activations.load(layer), expected, atol=1e-5)
    assert list(activations.index["utterance"]) == ["0", "0", "0", "1"]
    assert list(activations.index["label"]) == ["we", "are", "here", "yes"]
    assert list(activations.index["part_of_speech"][:3]) == ["pronoun", "verb", "adverb"]


def test_waveforms_of_another_rate_are_resampled():
    slow, fast = (np.sin(2 * np.pi * 440 * np.linspace(0, 1, rate, endpoint=False)) for rate in (8000, RATE_HZ))
    model = acoustic_model("f0")
    (resampled,), (original,) = (
        extract(model, [waveform], sample_rate_hz=len(waveform)).load("input") for waveform in (slow, fast)
    )
    np.testing.assert_allclose(resampled, original, atol=0.02)


def test_waveforms_without_a_sample_rate_are_an_error():
    with pytest.raises(AudioError, match="expected sample_rate_hz beside waveforms, found none"):
        extract(acoustic_model("mel"), [noise(8000)])


def test_a_folder_without_recordings_is_an_error(tmp_path):
    with pytest.raises(AudioError, match=rf"expected recordings in {re.escape(str(tmp_path))}, found none"):
        extract(acoustic_model("mel"), tmp_path)


def test_a_waveform_shorter_than_a_frame_is_an_error():
    with pytest.raises(AudioError, match=r"expected at least 400 samples .*found 100"):
        extract(acoustic_model("mel"), [noise(100)], sample_rate_hz=RATE_HZ)


def test_each_recording_needs_a_table_of_segments():
    with pytest.raises(
        AnalysisError, match=r"expected one table of segments per recording \(2\), found 1; give one for each"
    ):
        extract(acoustic_model("mel"), [noise(9600), noise(9600)], sample_rate_hz=RATE_HZ, segments=[WORDS])


SETTINGS = ProbingSettings(n_resamples=100, n_permutations=2)


def planted(n_speakers=8, n_each=20):
    """Return vectors of two layers, of which the second holds the label, with labels and speakers."""
    labels = np.tile(["a", "i"], n_speakers * n_each // 2)
    speakers = np.repeat([f"s{place}" for place in range(n_speakers)], n_each)
    x = vectors(len(labels), 5)
    return {"T1": x, "T2": x + 3 * (labels == "a")[:, None]}, labels, speakers


@pytest.mark.parametrize("kind", ["classes", "values"])
def test_probing_arrays_equals_probing_activations(kind):
    x, labels, speakers = planted()
    y = labels if kind == "classes" else x["T2"].sum(axis=1)
    utterance = [f"item{place}" for place in range(len(y))]
    target = {"name": "y", "tier": "item", "column": "label", "held_out": "speaker", "kind": kind}
    expected = probe_activations(
        Activations.from_arrays(x, y, speaker=speakers, utterance=utterance),
        targets=[target],
        corpus="",
        model="",
        step="",
        settings=SETTINGS,
        seed=3,
    )
    found = probe(x, y, speakers, settings=SETTINGS, seed=3)
    assert_frame_equal(found, expected)
    best = found.query("labels == 'true' and layer == 'selected'")
    assert set(best["selected_layer"]) == {"T2"}
    assert set(found["metric"]) == ({"accuracy", "macro_f1"} if kind == "classes" else {"r2"})


def test_a_single_array_is_the_layer_input():
    x, labels, speakers = planted()
    found = probe(x["T2"], labels, speakers, settings=SETTINGS)
    assert set(found["layer"]) == {"input", "selected"}
    shown = found.query("probe == 'logistic' and labels == 'true' and layer == 'input'")
    accuracy = shown.loc[shown["metric"] == "accuracy", "value"].item()
    assert accuracy > 0.95


def test_activations_are_probed_for_the_labels_given_here():
    x, labels, speakers = planted()
    activations = Activations.from_arrays(x, ["other"] * len(labels), tier="phone")
    found = probe(activations, labels, speakers, settings=SETTINGS)
    assert set(found["tier"]) == {"phone"}
    columns = ["layer", "metric", "labels", "value", "ci_low", "ci_high", "chance", "n", "n_groups"]
    assert_frame_equal(found[columns], probe(x, labels, speakers, settings=SETTINGS)[columns])


def test_activations_of_several_tiers_are_an_error():
    x, labels, speakers = planted()
    activations = Activations.from_arrays(x, labels, tier=np.repeat(["phone", "word"], len(labels) // 2))
    message = "expected activations of one tier, found phone, word; select its rows first"
    with pytest.raises(AnalysisError, match=f"^{message}$"):
        probe(activations, labels, speakers)


def slow_hsic(k, other, groups):
    """Return HSIC as a mean over items of distinct groups (Song et al., 2012, eq. 5), by loops."""
    n = len(groups)
    terms = [[], [], []]
    for i, j in product(range(n), repeat=2):
        if groups[i] == groups[j]:
            continue
        terms[0].append(k[i, j] * other[i, j])
        for q in range(n):
            if groups[q] in (groups[i], groups[j]):
                continue
            terms[1].append(k[i, j] * other[i, q])
            for r in range(n):
                if groups[r] not in (groups[i], groups[j], groups[q]):
                    terms[2].append(k[i, j] * other[q, r])
    pairs, triples, quadruples = map(np.mean, terms)
    return pairs + quadruples - 2 * triples


@pytest.mark.parametrize("n_groups", [None, 5])
def test_cka_follows_its_definition(n_groups):
    x = vectors(10, 3)
    y = x[:, :2] + vectors(10, 2, seed=1)
    groups = None if n_groups is None else np.arange(10) % n_groups
    distinct = np.arange(10) if groups is None else groups
    k, other = x @ x.T, y @ y.T
    expected = slow_hsic(k, other, distinct) / np.sqrt(slow_hsic(k, k, distinct) * slow_hsic(other, other, distinct))
    assert cka(x, y, groups).value == pytest.approx(expected)


def test_cka_without_groups_has_no_interval():
    x, y = vectors(100, 4), vectors(100, 3, seed=1) + 5
    found = cka(x, y)
    assert found.value == pytest.approx(cka_of_items(x - x.mean(axis=0), y - y.mean(axis=0)))
    assert np.isnan(found.ci_low)
    assert np.isnan(found.ci_high)
    assert (found.n, found.n_groups) == (100, 0)


def test_cka_with_groups_has_an_interval_from_groups():
    speakers = np.repeat([f"s{place}" for place in range(10)], 12)
    x = vectors(120, 4)
    found = cka(x, x + vectors(120, 4, seed=1), speakers)
    assert found.ci_low < found.value < found.ci_high
    assert (found.n, found.n_groups) == (120, 10)
    assert found == cka(x, x + vectors(120, 4, seed=1), speakers)


def test_variation_between_speakers_is_no_similarity():
    speakers = np.repeat(np.arange(40), 10)
    x, y = (vectors(400, 3, seed=seed) + 3 * vectors(40, 3, seed=seed + 10)[speakers] for seed in (0, 1))
    assert abs(cka(x, y, speakers).value) < 0.15


@pytest.mark.parametrize("metric", ["cca", "svcca", "pwcca", "procrustes", "r2"])
def test_a_rotated_copy_aligns_perfectly(metric):
    x, speakers = vectors(400, 4), np.repeat(np.arange(20), 20)
    rotation = np.linalg.qr(vectors(4, 4, seed=1))[0]
    found = cca(x, x @ rotation + 7, speakers, metric=metric, shrinkages=[1e-9])
    assert found.value == pytest.approx(1, abs=1e-3)
    assert (found.n, found.n_groups) == (400, 20)


def test_unrelated_vectors_do_not_align():
    found = cca(vectors(400, 4), vectors(400, 4, seed=1), np.repeat(np.arange(20), 20))
    assert abs(found.value) < 0.2


def test_cca_needs_a_group_per_fold():
    with pytest.raises(AnalysisError, match=r"expected at least 4 .* for 4 folds, found 3"):
        cca(vectors(30, 2), vectors(30, 2, seed=1), np.repeat(np.arange(3), 10))


@pytest.mark.parametrize("distance", ["cosine", "correlation", "euclidean"])
def test_rsa_is_the_rank_correlation_of_distances(distance):
    x = vectors(15, 4)
    y = x + vectors(15, 4, seed=1)
    expected = spearmanr(pdist(x, distance), pdist(y, distance)).statistic
    assert rsa(x, y, distance=distance).value == pytest.approx(expected)


def test_rsa_averages_vectors_of_a_condition():
    conditions = np.tile(list("abcdefgh"), 6)
    x, y = vectors(48, 4), vectors(48, 5, seed=1)
    means = [np.stack([space[conditions == name].mean(axis=0) for name in "abcdefgh"]) for space in (x, y)]
    expected = np.corrcoef(*(pdist(space, "cosine") for space in means))[0, 1]
    assert rsa(x, y, conditions=conditions, correlation="pearson").value == pytest.approx(expected)


def test_rsa_resamples_groups_and_conditions():
    conditions, speakers = np.tile(list("abcdefgh"), 10), np.repeat(np.arange(10), 8)
    x = vectors(80, 4) + 2 * np.tile(vectors(8, 4, seed=2), (10, 1))
    found = rsa(x, x + vectors(80, 4, seed=1), speakers, conditions=conditions)
    assert found.ci_low < found.value < found.ci_high
    assert (found.n, found.n_groups) == (80, 10)


def test_rsa_needs_three_conditions():
    with pytest.raises(AnalysisError, match="expected at least 3 conditions for RSA, found 2"):
        rsa(vectors(20, 3), vectors(20, 3, seed=1), conditions=np.tile(["a", "b"], 10))


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("in_context", [False, True])
@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_abx_compares_every_triple(across, in_context, distance):
    random = np.random.default_rng(4)
    table = pd.DataFrame(
        {
            "label": random.choice(list("aiu"), 36),
            "speaker": random.choice(["s1", "s2", "s3"], 36),
            "context": random.choice(["t", "k"], 36),
        }
    )
    x = vectors(36, 3).astype(np.float32)
    by = (["context"] if in_context else []) + ([] if across else ["speaker"])
    cells = abx_cells(
        table,
        lambda i, j: reference_distance(x[i], x[j], distance),
        on="label",
        by=by,
        across="speaker" if across else None,
    )
    found = abx(
        x,
        table["label"],
        table["speaker"],
        contexts=table["context"] if in_context else None,
        across=across,
        distance=distance,
    )
    assert found.value == pytest.approx(abx_score(cells), abs=1e-6)
    assert found.n_groups == 3


def test_abx_of_a_hand_computed_case():
    x = [[0.0], [0.9], [1.0], [2.0]]
    # Wins of A for X = 0: 0.9 against 1 and 2 (2 of 2); X = 0.9: 0 against 1 and 2 (1 of 2);
    # X = 1: 2 against 0.9 (0) and 0 (a tie, a half); X = 2: 1 against 0 and 0.9 (2 of 2).
    found = abx(x, ["a", "a", "i", "i"], ["s"] * 4, distance="euclidean")
    assert found.value == pytest.approx((3 / 4 + 2.5 / 4) / 2)


def test_abx_needs_partners():
    with pytest.raises(AnalysisError, match="expected"):
        abx(vectors(3, 2), ["a", "i", "u"], ["s", "s", "s"])


def test_value_zeroing_equals_mixing_of_frames(hubert):
    waveform = noise(9600)
    found = value_zeroing(hubert, waveform, WORDS, sample_rate_hz=RATE_HZ)
    times = [(WORDS[column] * RATE_HZ).round().astype(int).to_numpy() for column in ("onset_s", "offset_s")]
    starts, stops, _ = hubert.timing.segment_frames(*times, hubert.timing.n_frames(len(waveform)))
    expected = mix_waveform(hubert, waveform, np.stack([starts, stops], axis=1), methods=("value_zeroing",))
    assert list(found) == ["T1", "T2"]
    for layer, scores in found.items():
        np.testing.assert_array_equal(scores, expected["value_zeroing"][layer])
        assert scores.shape == (3, 3)
        np.testing.assert_allclose(scores.sum(axis=1), 1)


METHODS = ("integrated_gradients", "kernel_shap")


@pytest.mark.parametrize("name", ["hubert-classes", "hubert-ctc"])
def test_attribution_scores_every_segment_by_method_and_input(name):
    scores = attribute(
        tiny_predictor(name), noise(9600), WORDS, sample_rate_hz=RATE_HZ, methods=METHODS, inputs=("waveform", "cnn")
    )
    assert set(scores.columns) == {"method", "input", "label", "onset", "offset", "score", "gap"}
    assert len(scores) == 2 * 2 * 3
    for _, rows in scores.groupby(["method", "input"]):
        assert list(rows["label"]) == ["we", "are", "here"]
        assert list(rows["onset"]) == [0, 3200, 5600]
        assert list(rows["offset"]) == [3200, 5600, 9600]
    assert np.isfinite(scores["score"]).all()


@pytest.mark.parametrize("method", METHODS)
def test_attributions_of_a_class_add_up_to_the_difference_from_silence(method):
    # Steps of integrated gradients are added until the gap is below 5 %.
    model, waveform = tiny_predictor("wavlm-classes"), noise(9600)
    scores = attribute(model, waveform, WORDS, sample_rate_hz=RATE_HZ, output="male", methods=(method,))
    prepared = model.prepare(waveform)
    with torch.no_grad():
        logits = model.from_waveform(torch.stack([prepared, torch.zeros_like(prepared)]))
        heard, silence = class_output(model, "male").score(logits).tolist()
    assert scores["score"].sum() == pytest.approx(heard - silence, rel=0.05 if "grad" in method else 1e-3)


def test_the_prediction_of_the_model_is_explained_by_default():
    model, waveform = tiny_predictor("hubert-classes"), noise(9600)
    with torch.no_grad():
        predicted = CLASSES[int(model.from_waveform(model.prepare(waveform)[None])[0].argmax())]
    settings = {"sample_rate_hz": RATE_HZ, "methods": ("kernel_shap",)}
    assert_frame_equal(
        attribute(model, waveform, WORDS, **settings),
        attribute(model, waveform, WORDS, output=predicted, **settings),
    )


def test_an_unknown_method_of_attribution_is_an_error():
    with pytest.raises(AnalysisError, match=r"expected methods among .*, found 'shap'"):
        attribute(tiny_predictor("hubert-classes"), noise(9600), WORDS, sample_rate_hz=RATE_HZ, methods=("shap",))


@pytest.mark.parametrize("method", ["leace", "mean_projection"])
def test_an_eraser_equalises_class_means(method):
    labels = np.tile(["a", "i", "u"], 60)
    x = vectors(180, 6) + 2 * np.where(labels == "a", 1, np.where(labels == "i", -1, 0))[:, None]
    erased = fit_eraser(x, labels, method=method).apply(x)
    means = [erased[labels == name].mean(axis=0) for name in "aiu"]
    np.testing.assert_allclose(means, [means[0]] * 3, atol=1e-8)
    assert not np.allclose(erased, erased.mean(axis=0))


def test_inlp_brings_class_means_closer():
    labels = np.tile(["a", "i"], 100)
    x = vectors(200, 6) + 2 * (labels == "a")[:, None]
    erased = fit_eraser(x, labels, method="inlp").apply(x)
    before, after = (
        np.linalg.norm(space[labels == "a"].mean(axis=0) - space[labels == "i"].mean(axis=0)) for space in (x, erased)
    )
    assert after < 0.1 * before


def test_an_eraser_needs_two_labels():
    with pytest.raises(AnalysisError, match="expected vectors of every class to erase, of two classes or more, found"):
        fit_eraser(vectors(20, 3), ["a"] * 20)


X, OTHER, LABELS, SPEAKERS = vectors(100, 3), vectors(100, 3, seed=1), ["a", "i"] * 50, np.repeat(np.arange(10), 10)


@pytest.mark.parametrize(
    ("call", "found"),
    [
        (lambda: cka(X, np.repeat(OTHER, 2, axis=0), SPEAKERS), "100 x, 200 y, 100 groups"),
        (lambda: cka(X, OTHER[1:]), "100 x, 99 y"),
        (lambda: cca(X, OTHER, SPEAKERS[1:]), "100 x, 100 y, 99 groups"),
        (lambda: rsa(X, OTHER[1:]), "100 x, 99 y"),
        (lambda: rsa(X, OTHER, SPEAKERS, conditions=LABELS[1:]), "100 x, 100 y, 100 groups, 99 conditions"),
        (lambda: abx(X, LABELS[1:], SPEAKERS), "100 x, 99 labels, 100 groups"),
        (lambda: abx(X, LABELS, SPEAKERS, contexts=["t"]), "100 x, 100 labels, 100 groups, 1 contexts"),
        (lambda: probe(X, LABELS[1:], SPEAKERS), "100 x, 99 y, 100 groups"),
        (lambda: probe({"T1": X}, LABELS, SPEAKERS[1:]), "100 x, 100 y, 99 groups"),
        (lambda: probe(Activations.from_arrays({"T1": X}), LABELS[1:], SPEAKERS), "100 x, 99 y, 100 groups"),
        (lambda: fit_eraser(X, LABELS[1:]), "100 x, 99 labels"),
    ],
)
def test_arrays_of_unequal_lengths_are_an_error(call, found):
    with pytest.raises(AnalysisError, match=f"^expected one entry per item, found {found}; align them first$"):
        call()
