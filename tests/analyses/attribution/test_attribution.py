"""Attribution of utterances and corpora: explained outputs, samples, rows of tables, and cost."""

import logging
import re
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from tiny_predictors import CLASSES, noise, tiny_predictor

from auscult.analyses.attribution.analysis import (
    ATTRIBUTION_COLUMNS,
    METHODS,
    attribute,
    attribute_corpus,
    explain_part,
)
from auscult.analyses.attribution.cost import chunk_size, count_coalitions, footprint
from auscult.analyses.attribution.explained_outputs import class_output
from auscult.analyses.attribution.inputs import INPUTS, frame_units, view_input
from auscult.analyses.attribution.items import Item, choose_utterances, prepare_item, utterance_seed
from auscult.analyses.attribution.parts import read_parts, write_part
from auscult.analyses.attribution.settings import AttributionSettings, ExplainedKind
from auscult.analyses.attribution.summary import SUMMARY_COLUMNS, summarise
from auscult.analyses.reliability.agreement import score_vectors
from auscult.errors import AnalysisError, AudioError, LabelError, ManifestError
from auscult.manifests import build_folder
from auscult.models.frames import FrameTiming
from auscult.tables import check_results

RUN = {"corpus": "toy", "model": "tiny", "step": "final"}
FEW = {"n_samples": 20, "max_steps": 12, "units": ("word", "phone"), "n_resamples": 100}


def settings_of(classes="predicted", ctc="word", **settings):
    return AttributionSettings(explain=ExplainedKind(classes=classes, ctc=ctc), **settings)


# Words and their lengths in samples; "male" is a class of the tiny classifier.
SENTENCES = {"u0": "a male cab", "u1": "female b", "u2": "a b", "u3": "male female", "u4": "ab male", "u5": "other b"}


@dataclass
class Toy:
    """A corpus in memory."""

    utterances: pd.DataFrame
    segments: pd.DataFrame
    name: str = "toy"

    def waveform(self, utterance):
        n_samples = self.utterances.set_index("utterance").at[utterance, "n_samples"]
        return noise(n_samples, int(utterance[1:]))


def toy(sentences=SENTENCES, rate=16000):
    segments, utterances = [], []
    for name, text in sentences.items():
        onset = 300
        for place, word in enumerate(text.split()):
            offset = onset + 900 + 100 * len(word)
            middle = (onset + offset) // 2
            for tier, index, span in (
                ("word", place, (onset, offset)),
                ("phone", 2 * place, (onset, middle)),
                ("phone", 2 * place + 1, (middle, offset)),
            ):
                segments.append((name, tier, index, word, *span, -1))
            onset = offset
        gender = "female" if name in ("u1", "u3") else "male"
        utterances.append((name, "toy", "", rate, onset + 400, f"s{name[1]}", gender, "english", text, "test"))
    columns = ["utterance", "tier", "index", "label", "onset", "offset", "parent"]
    about = [
        "utterance",
        "corpus",
        "path",
        "sample_rate_hz",
        "n_samples",
        "speaker",
        "gender",
        "language",
        "text",
        "split",
    ]
    return Toy(pd.DataFrame(utterances, columns=about), pd.DataFrame(segments, columns=columns))


@pytest.fixture(scope="module")
def classifier():
    return tiny_predictor("hubert-classes")


@pytest.fixture(scope="module")
def recogniser():
    return tiny_predictor("hubert-ctc")


@pytest.fixture(scope="module")
def tables(classifier):
    return attribute_corpus(classifier, toy(), settings_of(**FEW, n_utterances=3), **RUN)


def cues_of():
    about = {"target_index": 1, "target_pos": "NOUN", "cue_index": 0}
    pair = ("u0", "singular", "b", "bc"), ("u1", "plural", "bc", "b")
    return pd.DataFrame([about | dict(zip(("utterance", "number", "word", "other"), each)) for each in pair])


def row_of(speech, utterance, labels=CLASSES, **more):
    chosen = choose_utterances(speech, labels, **({"kind": "predicted"} | more))
    return chosen.set_index("utterance", drop=False).loc[utterance].to_dict()


def test_rows_are_one_for_each_method_input_unit_and_segment(tables):
    scores, _, _ = tables
    assert list(scores.columns) == list(ATTRIBUTION_COLUMNS)
    assert scores["utterance"].nunique() == 3
    keys = ["utterance", "method", "input", "unit", "index"]
    assert not scores.duplicated(keys).any()
    n_words = sum(len(SENTENCES[name].split()) for name in scores["utterance"].unique())
    assert len(scores) == 3 * n_words * len(METHODS) * len(INPUTS)
    assert np.isfinite(scores["score"]).all()


def test_scores_of_an_utterance_do_not_depend_on_the_others(classifier, tables):
    scores, _, _ = tables
    one = scores["utterance"].iloc[-1]
    alone = attribute_corpus(classifier, toy(), settings_of(**FEW), **RUN, forms={one: scores["form"].iloc[-1]})[0]
    mine = scores[scores["utterance"] == one].reset_index(drop=True)
    # Whether integrated gradients are complete is asked of all utterances together.
    pd.testing.assert_frame_equal(alone.drop(columns="complete"), mine.drop(columns="complete"))


def test_a_second_run_gives_the_same_tables(classifier, tables):
    again = attribute_corpus(classifier, toy(), settings_of(**FEW, n_utterances=3), **RUN)
    for first, second in zip(tables, again):
        pd.testing.assert_frame_equal(first, second)


@pytest.mark.parametrize("n_parts", [1, 2, 5])
def test_utterances_explained_by_several_jobs_have_the_same_tables(classifier, tmp_path, n_parts):
    settings = settings_of(**FEW, n_utterances=3)
    whole = attribute_corpus(classifier, toy(), settings, **RUN)
    run = {name: RUN[name] for name in ("model", "step")}
    for part in range(1, n_parts + 1):
        explained = explain_part(classifier, toy(), settings, part=part, n_parts=n_parts, **run)
        with build_folder(tmp_path / str(part), {"part": part}) as folder:
            if explained is not None:
                write_part(explained, folder / "0")
    explained = read_parts([tmp_path / str(part) for part in range(1, n_parts + 1)], 0)
    assert len(explained.correct) == 3
    for table, expected in zip(attribute_corpus(classifier, toy(), settings, explained=explained, **RUN), whole):
        pd.testing.assert_frame_equal(table, expected)
    next(tmp_path.rglob("0.scores.parquet")).write_bytes(b"")
    with pytest.raises(ManifestError, match="expected SHA-256"):
        read_parts([tmp_path / str(part) for part in range(1, n_parts + 1)], 0)


def test_phones_of_a_word_share_its_gradients(tables):
    scores, _, _ = tables
    for method in ("saliency", "input_x_gradient", "integrated_gradients", "integrated_gradients_noise"):
        mine = scores[(scores["method"] == method) & (scores["input"] == "waveform")]
        phones = mine[mine["unit"] == "phone"]
        sums = phones.groupby(["utterance", phones["index"] // 2])["score"].sum()
        words = mine[mine["unit"] == "word"].set_index(["utterance", "index"])["score"]
        np.testing.assert_allclose(sums.sort_index(), words.sort_index(), rtol=1e-5, atol=1e-7)


def test_shapley_values_sum_to_the_difference_of_ablating_everything(classifier):
    speech = toy({"u0": "abc"})
    item = prepare_item(classifier, speech, row_of(speech, "u0"), kind="predicted")
    words = speech.segments[speech.segments["tier"] == "word"]
    scores, _ = attribute(classifier, item, {"word": words}, settings_of(methods=("kernel_shap", "ablation")))
    by_method = scores.pivot_table(index="input", columns="method", values="score")
    np.testing.assert_allclose(by_method["kernel_shap"], by_method["ablation"], atol=1e-6)


def test_the_keyword_is_the_cue_and_the_summary_has_its_share(tables):
    scores, summary, example = tables
    marked = scores[scores["cue"] & (scores["unit"] == "word")]
    assert set(marked["label"]) <= set(CLASSES)
    assert marked["utterance"].nunique() == 3
    check_results(summary)
    assert list(summary.columns) == list(SUMMARY_COLUMNS)
    shares = summary[summary["metric"] == "cue_share"]
    assert len(shares) == len(METHODS) * len(INPUTS)
    # Integrated gradients from silence may be incomplete after a dozen steps.
    complete = shares["gap"].fillna(0) <= AttributionSettings.largest_gap
    assert shares.loc[complete, "value"].between(0, 1).all()
    assert shares.loc[~complete, "value"].isna().all()
    assert set(summary.loc[summary["metric"] == "completeness_gap", "method"]) == {
        "integrated_gradients",
        "integrated_gradients_noise",
    }
    assert example["utterance"].iloc[0] in set(scores["utterance"])
    assert len(example["waveform"].iloc[0]) > 2000


def test_the_summary_by_hand():
    rows = [("u0", 3.0, True), ("u0", -1.0, False), ("u1", 1.0, True), ("u1", 1.0, False), ("u1", 2.0, False)]
    scores = pd.DataFrame(rows, columns=["utterance", "score", "cue"]).assign(
        **RUN, method="lime", input="cnn", unit="word", onset=[0, 300, 0, 200, 600], offset=[300, 400, 200, 600, 1000]
    )
    gaps = pd.DataFrame(
        {
            "utterance": ["u0", "u1"],
            "input": "cnn",
            "method": "integrated_gradients",
            "gap": [0.1, -0.3],
            "difference": [1.0, -3.0],
        }
    )
    gap, share = summarise(scores, gaps, target="labelled").to_dict("records")
    assert gap["value"] == pytest.approx(0.1)
    assert share["value"] == pytest.approx((3 / 4 + 1 / 4) / 2)
    assert share["chance"] == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert share["chance_duration"] == pytest.approx((300 / 400 + 200 / 1000) / 2)
    assert (share["n_groups"], share["resampling_unit"]) == (2, "utterance")
    assert np.isnan(share["ci_low"])


def test_utterances_with_exactly_one_keyword_are_chosen_for_a_classifier_of_keywords():
    chosen = choose_utterances(toy(), ("male", "female"), kind="labelled")
    assert chosen["utterance"].tolist() == ["u0", "u1", "u4"]
    assert chosen["truth"].tolist() == ["male", "female", "male"]
    assert chosen["cue_index"].tolist() == [1, 0, 1]


def test_other_classes_are_read_from_a_column_and_any_utterance_will_do():
    speech = toy({"u0": "a b", "u1": "b"})
    chosen = choose_utterances(speech, ("female", "male"), kind="labelled")
    assert chosen["truth"].tolist() == ["male", "female"]
    assert (chosen["cue_index"] == -1).all()


def test_the_sample_is_the_same_for_every_model_of_a_task():
    first, second = (choose_utterances(toy(), CLASSES[:2], kind="labelled", n_utterances=2, seed=5) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert utterance_seed(1, "u0") == utterance_seed(1, "u0") != utterance_seed(1, "u1")


PAIR = {"u0": "a b c", "u1": "c bc a"}


def test_a_word_is_explained_by_two_recordings_in_which_its_spellings_change_places(recogniser):
    scores, summary, _ = attribute_corpus(
        recogniser,
        toy(PAIR),
        settings_of(methods=("integrated_gradients", "ablation"), inputs=("cnn",), max_steps=96, n_resamples=100),
        **RUN,
        cues=cues_of(),
    )
    forms = {"u0": "a [b|bc] c", "u1": "c [bc|b] a"}
    first = scores["utterance"].iloc[0]
    second = {"u0": "u1", "u1": "u0"}[first]
    assert scores["form"].unique().tolist() == [f"{forms[first]} ⇄ {second}: {forms[second]}"]
    assert scores.loc[scores["cue"], "index"].unique().tolist() == [0]
    # The target's own word, of index 1, takes no part.
    assert scores["index"].unique().tolist() == [0, 2]
    assert set(summary["metric"]) == {"completeness_gap", "cue_share"}


def pair_of(predictor):
    speech = toy(PAIR)
    row = choose_utterances(speech, predictor.labels, kind="word", cues=cues_of()).iloc[0].to_dict()
    return speech, prepare_item(predictor, speech, row, kind="word")


def test_silence_leaves_the_explained_number_undecided():
    """A recogniser that prefers blanks decides for the shorter spelling in silence, but not over a matched pair."""
    predictor = tiny_predictor("hubert-ctc")
    with torch.no_grad():
        predictor.model.lm_head.bias[0] += 8
    _, item = pair_of(predictor)
    odds = [
        float(each.output.score(predictor.from_waveform(torch.zeros_like(each.waveform)[None]))[0])
        for each in item.recordings
    ]
    assert min(map(abs, odds)) > 4
    assert abs(np.mean(odds)) < 0.1 * min(map(abs, odds))


def test_scores_of_a_pair_are_means_of_its_recordings(recogniser):
    speech, item = pair_of(recogniser)
    settings = settings_of(**(FEW | {"units": ("word",)}), inputs=("waveform",))
    units = {
        each.utterance: {
            "word": speech.segments[
                (speech.segments["utterance"] == each.utterance)
                & (speech.segments["tier"] == "word")
                & (speech.segments["index"] != 1)
            ]
        }
        for each in item.recordings
    }
    first, second = item.recordings
    alone = replace(first, partner=None)
    pair = attribute(recogniser, item, units[first.utterance], settings, partner_units=units[second.utterance])[0]
    # The same name, and so the same seed.
    other = replace(second, utterance=first.utterance)
    each = [
        attribute(recogniser, one, units[found.utterance], settings)[0]["score"]
        for one, found in ((alone, first), (other, second))
    ]
    np.testing.assert_allclose(pair["score"], (each[0] + each[1]) / 2, rtol=1e-6)


def test_a_word_without_its_other_number_is_refused(recogniser):
    with pytest.raises(AnalysisError, match="found none among 1 cues; raise drawn_within_s"):
        choose_utterances(toy(PAIR), recogniser.labels, kind="word", cues=cues_of()[:1])


@pytest.mark.parametrize("name", ["waveform", "cnn", "spectrogram"])
def test_a_kept_stretch_is_never_absent(classifier, name):
    waveform = classifier.prepare(noise(8000))
    view, whole = (view_input(classifier, waveform, name, kept=kept) for kept in ((2000, 4000), None))
    for baseline, absent in zip(view.baselines.values(), whole.baselines.values()):
        kept = (baseline == view.values).reshape(len(baseline), -1).all(1)
        starts = np.flatnonzero(np.diff(np.pad(kept.numpy().astype(int), 1)))
        assert 0.15 * len(kept) < starts[1] - starts[0] < 0.35 * len(kept)
        np.testing.assert_array_equal(baseline[~kept], absent[~kept])


def test_seeds_draw_coalitions_and_noise_of_their_own(classifier):
    methods = ("integrated_gradients_noise", "lime", "ablation")
    settings = settings_of(methods=methods, inputs=("cnn",), units=("frame",), n_utterances=1, n_resamples=100)
    first, second = (
        attribute_corpus(classifier, toy(), settings, corpus="toy", model=model, step="final")[0]
        for model in ("seed-1", "seed-2")
    )
    same = {
        method: np.allclose(mine["score"], second.loc[mine.index, "score"]) for method, mine in first.groupby("method")
    }
    assert same == {"ablation": True, "integrated_gradients_noise": False, "lime": False}


def test_integrated_gradients_that_are_not_complete_are_left_out(classifier):
    settings = settings_of(
        methods=("integrated_gradients", "ablation"),
        inputs=("waveform",),
        max_steps=9,
        largest_gap=1e-9,
        n_resamples=100,
    )
    scores, summary, _ = attribute_corpus(classifier, toy(), settings, **RUN)
    assert not scores.loc[scores["method"] == "integrated_gradients", "complete"].any()
    assert scores.loc[scores["method"] == "ablation", "complete"].all()
    shares = summary[summary["metric"] == "cue_share"].set_index("method")
    assert np.isnan(shares.at["integrated_gradients", "value"])
    assert shares.at["integrated_gradients", "gap"] > 1e-9
    assert shares.at["ablation", "value"] >= 0
    assert np.isnan(shares.at["ablation", "gap"])
    vectors = score_vectors(scores, "the table")
    assert {key[0] for key in vectors} == {"ablation"}


def test_a_transcript_is_explained_whole(recogniser):
    item = prepare_item(
        recogniser, toy({"u0": "a b"}), {"utterance": "u0", "truth": "", "cue_index": -1}, kind="transcript"
    )
    assert item.output.name == "a b"
    assert 0 < item.probability < 1


def test_bands_of_a_spectrogram_add_up_to_the_whole_for_gradients(classifier):
    speech = toy({"u0": "a b"})
    item = prepare_item(classifier, speech, row_of(speech, "u0"), kind="predicted")
    words = {"word": speech.segments[speech.segments["tier"] == "word"]}
    settings = {
        "methods": ("input_x_gradient", "occlusion", "kernel_shap"),
        "inputs": ("spectrogram",),
        "units": ("word",),
    }
    whole, _ = attribute(classifier, item, words, settings_of(**settings))
    cut, _ = attribute(classifier, item, words, settings_of(**settings, n_bands=3))
    assert set(cut["unit"]) == {"word band 1", "word band 2", "word band 3"}
    for method, tolerance in (("input_x_gradient", 1e-6), ("kernel_shap", 1e-5)):
        sums = [table[table["method"] == method]["score"].sum() for table in (whole, cut)]
        assert sums[0] == pytest.approx(sums[1], abs=tolerance)


def test_frames_are_units_too(classifier):
    speech = toy({"u0": "a b"})
    settings = settings_of(
        methods=("saliency", "occlusion", "ablation"), inputs=("cnn", "waveform"), units=("frame",), n_resamples=100
    )
    scores, _, _ = attribute_corpus(classifier, speech, settings, **RUN)
    n_samples = int(speech.utterances["n_samples"].iloc[0])
    assert len(scores) == 6 * classifier.timing.n_frames(n_samples)


def test_frames_may_be_units_of_some_inputs_only_and_change_nothing_of_the_other_units(classifier):
    speech = toy({"u0": "a b c"})
    words = settings_of(methods=("saliency", "lime"), inputs=("waveform", "cnn"), n_samples=16, n_resamples=100)
    settings = replace(words, units=("frame", "word"), frame_inputs=("cnn",))
    scores, _, _ = attribute_corpus(classifier, speech, settings, **RUN)
    assert set(zip(scores["input"], scores["unit"])) == {("waveform", "word"), ("cnn", "frame"), ("cnn", "word")}
    alone, _, _ = attribute_corpus(classifier, speech, words, **RUN)
    pd.testing.assert_frame_equal(scores[scores["unit"] == "word"].reset_index(drop=True), alone)


def test_utterances_may_be_drawn_among_the_short_ones():
    speech = toy({"u0": "a b a b", "u1": "a", "u2": "a b", "u3": "b"})
    lengths_s = speech.utterances.set_index("utterance")["n_samples"] / 16000
    chosen = choose_utterances(speech, ["x"], kind="predicted", drawn_within_s=lengths_s["u2"])
    assert sorted(chosen["utterance"]) == ["u1", "u2", "u3"]
    fixed = choose_utterances(speech, ["x"], kind="predicted", drawn_within_s=lengths_s["u2"], only=["u0"])
    assert list(fixed["utterance"]) == ["u0"]
    message = r"expected test utterances of at most 0.01 s .* found 4 of at least 0\.\d+ s; raise .* drawn_within_s"
    with pytest.raises(AnalysisError, match=message):
        choose_utterances(speech, ["x"], kind="predicted", drawn_within_s=0.01)


def test_the_cost_is_logged_before_it_is_spent(classifier, caplog):
    with caplog.at_level(logging.INFO, logger="auscult"):
        attribute_corpus(classifier, toy({"u0": "a b"}), settings_of(methods=("lime",), inputs=("cnn",)), **RUN)
    before, after = caplog.text.split("for 1 utterances (0 s of speech), 6 perturbations and steps each")
    assert re.search(r"attribution: about \d+ s $", before)
    assert re.search(r"attribution: predicted about \d+ s, took \d+ s", after)


def test_without_an_estimate_nothing_is_logged(classifier, caplog):
    with caplog.at_level(logging.INFO, logger="auscult"):
        attribute_corpus(
            classifier, toy({"u0": "a b"}), settings_of(methods=("saliency",), inputs=("cnn",)), **RUN, estimated=False
        )
    assert "attribution" not in caplog.text


def test_coalitions_shared_by_several_methods_are_counted_once():
    assert count_coalitions(3, METHODS, 256) == 2 + 8
    assert count_coalitions(30, ("lime", "kernel_shap", "ablation"), 300) == 2 + 630
    assert count_coalitions(30, ("lime", "kernel_shap", "ablation"), 100) == 2 + 2 * 240 + 30
    assert count_coalitions(30, ("saliency",), 100) == 2


def test_memory_decides_how_many_run_at_once_and_grows_with_the_utterance(classifier):
    sizes = [
        footprint(classifier, lambda batch: classifier.from_waveform(batch)[:, 0], torch.zeros(n), 1)
        for n in (4000, 8000)
    ]
    assert all(1.8 < long / short < 2.2 for short, long in zip(*sizes))
    assert chunk_size(10**6, 5, "cpu", "x") == 5
    assert chunk_size(10**6, 5000, "cpu", "x") == 8


def test_more_samples_than_memory_allows_is_one_clear_line(classifier):
    message = (
        r"room for one perturbation of the waveform of utterance 'u0' \(.* MB\), found memory_mb: 0.01: "
        "more samples than memory allows; raise memory_mb"
    )
    with pytest.raises(AnalysisError, match=message):
        attribute_corpus(classifier, toy({"u0": "a b"}), settings_of(memory_mb=0.01), **RUN)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"methods": ["shap"]}, "expected methods among saliency, .* found 'shap'"),
        ({"inputs": ["mel"]}, "expected inputs among waveform, spectrogram, cnn, found 'mel'"),
        ({"frame_inputs": ["mel"]}, "expected frame_inputs among waveform, spectrogram, cnn, found 'mel'"),
        ({"units": ["syllable"]}, "expected units among frame, phone, word, found 'syllable'"),
    ],
)
def test_an_unknown_name_is_refused_with_the_known_ones(wrong, message):
    with pytest.raises(AnalysisError, match=message):
        AttributionSettings(**wrong)


def test_an_utterance_longer_than_the_limit_is_refused(classifier):
    with pytest.raises(AudioError, match=r"expected at most 0.1 s, the limit of the analysis, found 0.2 s in .*'u0'"):
        attribute_corpus(classifier, toy({"u0": "a b"}), settings_of(**FEW, max_s=0.1), **RUN)


def test_speech_of_another_rate_is_refused(classifier):
    with pytest.raises(AudioError, match="expected speech at 16000 Hz, the sample rate of the model, found 8000 Hz"):
        attribute_corpus(classifier, toy({"u0": "a b"}, rate=8000), settings_of(**FEW), **RUN)


def test_a_tier_without_segments_is_refused(classifier):
    speech = toy({"u0": "a b"})
    speech.segments = speech.segments[speech.segments["tier"] == "word"]
    with pytest.raises(LabelError, match=r"expected at least one frame in every segment .* found no segment"):
        attribute_corpus(classifier, speech, settings_of(**FEW), **RUN)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"classes": "everything"},
            "expected one of the kinds of explained output predicted, labelled, transcript, word, found 'everything'",
        ),
        ({"classes": "word"}, "expected cues to explain a word, found none in corpus 'toy'"),
        ({"classes": "word", "cues": cues_of()}, "expected the same target word in both numbers"),
        ({"forms": {"u0": "child"}}, r"expected one of the model's classes \(female, male, other\), found 'child'"),
    ],
)
def test_an_impossible_explained_output_is_refused(classifier, more, message):
    more = dict(more)
    settings = settings_of(more.pop("classes", "predicted"), **FEW)
    with pytest.raises(AnalysisError, match=message):
        attribute_corpus(classifier, toy({"u0": "a b"}), settings, **RUN, **more)


def weighing(weights):
    """Return a model whose logit is a weighted sum of the waveform."""
    predictor = SimpleNamespace(
        from_waveform=lambda batch: torch.stack([batch @ weights, -(batch @ weights)], dim=1),
        task="classes",
        labels=("up", "down"),
        label_index=("up", "down").index,
        sample_rate_hz=16000,
        device=torch.device("cpu"),
        model=torch.nn.Identity(),
        timing=FrameTiming(400, 320),
    )
    predictor.model.config = SimpleNamespace(_attn_implementation="sdpa")
    return predictor


def test_by_default_kernel_shap_scores_every_frame_of_three_seconds():
    weights, values = torch.linspace(-1, 1, 48000) / 100, torch.from_numpy(noise(48000))
    predictor = weighing(weights)
    item = Item("u0", values, class_output(predictor, "up", "logit"), -1, "up", 0.5, True)
    frames = frame_units(predictor.timing, 48000)
    settings = settings_of(methods=("kernel_shap",), inputs=("waveform",), units=("frame",))
    scores, _ = attribute(predictor, item, {"frame": frames}, settings)
    assert len(scores) == 149 > settings.n_samples / 2
    expected = [float((weights * values)[a:b].sum()) for a, b in zip(frames["onset"], frames["offset"])]
    np.testing.assert_allclose(scores["score"], expected, atol=1e-3)


def test_a_closed_form_holds_through_the_whole_chain():
    """A model whose logit is a weighted sum of the waveform: all signed methods give weights times inputs."""
    weights = torch.linspace(-1, 1, 3200)
    predictor = weighing(weights)
    values = torch.from_numpy(noise(3200))
    item = Item("u0", values, class_output(predictor, "up", "logit"), -1, "up", 0.5, True)
    words = pd.DataFrame({"index": [0, 1], "label": ["a", "b"], "onset": [0, 1000], "offset": [1000, 3200]})
    methods = ("input_x_gradient", "integrated_gradients", "kernel_shap", "ablation")
    scores, gaps = attribute(predictor, item, {"word": words}, settings_of(methods=methods, inputs=("waveform",)))
    expected = [float((weights * values)[:1000].sum()), float((weights * values)[1000:].sum())]
    for _, mine in scores.groupby("method"):
        np.testing.assert_allclose(mine["score"], expected, atol=1e-4)
    assert gaps["gap"].abs().max() < 1e-4
