import numpy as np
import pandas as pd
import pytest
import torch
from attribution_scores import rows, vectors
from tiny_predictors import masked_unit_predictor

from auscult.analyses.attribution.analysis import attribute_corpus
from auscult.analyses.attribution.settings import AttributionSettings
from auscult.analyses.reliability.agreement import between_seeds, score_vectors
from auscult.analyses.reliability.analysis import measure_run
from auscult.analyses.reliability.sanity import (
    against_randomised,
    cascade,
    default_stages,
    derived_seed,
    explain_again,
    randomise,
    retest_items,
    sanity_items,
)
from auscult.analyses.reliability.settings import ReliabilitySettings
from auscult.errors import AnalysisError
from auscult.models.training.architecture import build_encoder


def scores_of(predictor):
    """Stand in for an attribution: how each of four waveforms moves the output."""
    random = np.random.default_rng(0)
    waves = torch.from_numpy(random.normal(size=(4, 1600)).astype(np.float32))
    with torch.inference_mode():
        return predictor.from_waveform(waves)[:, 0].numpy() * 100


@pytest.mark.parametrize("task", ["classes", "ctc"])
def test_every_weight_belongs_to_one_layer_from_the_head_down(task):
    model = masked_unit_predictor(task).model
    layers = cascade(model)
    assert list(layers) == ["head", "T2", "T1", "embed", "cnn"]
    assert sorted(key for keys in layers.values() for key in keys) == sorted(model.state_dict())
    assert all(layers.values())
    assert not any(key.startswith("hubert.") for key in layers["head"])


def test_layers_lose_their_weights_one_after_another_and_the_model_given_keeps_its_own():
    predictor = masked_unit_predictor()
    before = {key: value.clone() for key, value in predictor.model.state_dict().items()}
    seen = {stage: copy.model.state_dict() for stage, copy in randomise(predictor, stages=("head", "T2"), seed=1)}
    norm = "hubert.encoder.layers.{}.attention.q_proj.weight"
    for stage, changed in (("head", [False, False]), ("T2", [True, False])):
        assert not torch.equal(seen[stage]["classifier.weight"], before["classifier.weight"])
        found = [not torch.equal(seen[stage][norm.format(i)], before[norm.format(i)]) for i in (1, 0)]
        assert found == changed
    assert all(torch.equal(value, before[key]) for key, value in predictor.model.state_dict().items())


def test_fresh_weights_are_the_same_for_the_same_seed_whatever_was_drawn_before():
    predictor = masked_unit_predictor()
    one = [scores_of(copy) for _, copy in randomise(predictor, seed=3)]
    torch.rand(7)
    two = [scores_of(copy) for _, copy in randomise(predictor, seed=3)]
    assert np.array_equal(one, two)
    assert default_stages(predictor.model) == ("head", "T2", "cnn")


@pytest.mark.parametrize("task", ["classes", "ctc"])
def test_fresh_weights_are_no_initialisation_of_any_model_of_the_study(task):
    """The seed is 0 for the study, the untrained model, the start of pre-training and the fresh weights."""
    predictor = masked_unit_predictor(task)
    untrained = predictor.model.state_dict()
    encoder = build_encoder("masked_prediction", {"hidden": 32, "layers": 2, "heads": 2, "feed_forward": 64}, seed=0)
    own = {f"hubert.{key}": value for key, value in encoder.state_dict().items()}
    *_, (_, copy) = randomise(predictor, seed=0, name="m")
    checked = 0
    for key, value in copy.model.state_dict().items():
        if value.float().std() > 0:
            checked += 1
            assert not torch.equal(value, untrained[key]), key
            assert key not in own or own[key].shape != value.shape or not torch.equal(value, own[key]), key
    assert checked > 20


def test_the_seed_of_fresh_weights_depends_on_purpose_study_model_and_draw():
    seeds = {
        derived_seed(*about)
        for about in (
            ("randomise", 1, "m", 0),
            ("randomise", 1, "m", 1),
            ("randomise", 2, "m", 0),
            ("randomise", 1, "n", 0),
            ("retest", 1, "m", 0),
        )
    }
    assert len(seeds) == 5


def test_draws_of_fresh_weights_are_averaged_within_each_utterance():
    predictor = masked_unit_predictor()

    def explain(model):
        return rows(scores_of(model), method="saliency")

    trained = vectors(explain(predictor))
    found = sanity_items(trained, predictor, explain, ReliabilitySettings(randomise=("head",), n_draws=3))
    singly = []
    for draw in range(3):
        _, copy = next(randomise(predictor, stages=["head"], draw=draw))
        items = against_randomised(trained, vectors(explain(copy)))
        singly.append(items.query("metric == 'pearson'")["value"].item())
    assert len(set(singly)) == 3
    assert found.query("metric == 'pearson'")["value"].tolist() == pytest.approx([np.mean(singly)])


def test_deterministic_methods_agree_fully_in_the_retest_and_sampling_methods_do_not():
    predictor, speech = masked_unit_predictor(), Corpus()
    settings = AttributionSettings(
        methods=("ablation", "lime"), inputs=("cnn",), units=("frame",), n_samples=20, frame_hops=2, n_resamples=1
    )
    table = attribute_corpus(predictor, speech, settings, corpus="c", model="m", step="1")[0]
    explain, forms = explain_again(speech, settings), dict(zip(table["utterance"], table["form"]))
    found = retest_items(score_vectors(table, "t"), explain(predictor, forms, seed=9)).query("metric == 'pearson'")
    means = found.groupby("method")["value"].mean()
    assert means["ablation"] == pytest.approx(1)
    assert means["lime"] < 0.999
    assert set(found["question"]) == {"retest"}
    # Another model of the same seed draws coalitions of its own, too.
    other = retest_items(score_vectors(table, "t"), explain(predictor, forms)).query("metric == 'pearson'")
    assert other.groupby("method")["value"].mean()["lime"] < 0.999


def test_seeds_that_agree_but_for_their_sampling_do_not_agree_more_than_each_with_itself():
    """The same true scores under every seed: agreement reaches the mean retest, but does not exceed it."""
    random, names, noise = np.random.default_rng(0), [f"u{place}" for place in range(400)], (0.2, 0.6, 1.2)
    truth = {name: random.normal(size=6) for name in names}

    def draw(size):
        tables = [rows(truth[name] + random.normal(0, size, 6), utterance=name) for name in names]
        return pd.concat(tables, ignore_index=True)

    tables = [draw(size) for size in noise]
    seeds = between_seeds({f"m-{place}": score_vectors(table, "t") for place, table in enumerate(tables)})
    again = [retest_items(score_vectors(table, "t"), draw(size)) for table, size in zip(tables, noise)]
    agreement, ceiling = (
        found.query("metric == 'pearson'")["value"].mean() for found in (seeds, pd.concat(again, ignore_index=True))
    )
    assert ceiling - 0.15 < agreement <= ceiling


def test_a_layer_that_does_not_exist_is_refused():
    with pytest.raises(AnalysisError, match="expected layers to randomise among head, T2, T1, embed, cnn, found 'T9'"):
        next(randomise(masked_unit_predictor(), stages=["T9"]))


def test_scores_that_ignore_the_model_correlate_and_scores_that_follow_it_do_not():
    predictor = masked_unit_predictor()

    def explain(model):
        loudness = np.array([1.0, 4, 2, 3])
        tables = [rows(scores_of(model), method="saliency"), rows(loudness, method="edges")]
        return pd.concat(tables)

    items = sanity_items(
        vectors(explain(predictor)), predictor, explain, ReliabilitySettings(randomise=("head", "cnn")), seed=1
    )
    found = items.query("metric == 'pearson'").set_index(["method", "layer"])["value"]
    assert found["edges"].tolist() == pytest.approx([1, 1])
    assert (found["saliency"].abs() < 0.999).all()


def test_the_untrained_step_is_a_randomised_model_at_no_cost():
    items = against_randomised(vectors(rows([1.0, 2, 3, 4])), vectors(rows([4.0, 3, 2, 1])))
    assert items.query("metric == 'pearson'")[["layer", "against", "value"]].to_numpy().tolist() == [
        ["untrained", "untrained", pytest.approx(-1)]
    ]


class Corpus:
    """Six recordings of noise, said to be of three words, one of which is the class."""

    name = "c"

    def __init__(self):
        names = [f"u{i}" for i in range(6)]
        self.utterances = pd.DataFrame(
            {"utterance": names, "split": "test", "sample_rate_hz": 16000, "n_samples": 4800}
        )
        words = [
            (name, "word", i, label, 1600 * i, 1600 * (i + 1))
            for name in names
            for i, label in enumerate(("well", "yes" if name > "u2" else "no", "then"))
        ]
        self.segments = pd.DataFrame(words, columns=["utterance", "tier", "index", "label", "onset", "offset"])
        self.utterances["text"] = ""

    def waveform(self, utterance):
        return np.random.default_rng(int(utterance[1:])).normal(0, 0.1, 4800).astype(np.float32)


def test_randomised_models_are_explained_as_the_trained_one_was():
    predictor, speech = masked_unit_predictor(), Corpus()
    settings = AttributionSettings(methods=("ablation", "saliency"), inputs=("waveform",), n_resamples=1)
    table = attribute_corpus(predictor, speech, settings, corpus="c", model="m", step="1")[0]
    explain = explain_again(speech, settings)
    forms = dict(zip(table["utterance"], table["form"]))
    again = explain(predictor, forms)
    assert again["score"].to_numpy() == pytest.approx(table["score"].to_numpy(), abs=1e-6)
    items = measure_run(
        predictor,
        speech,
        table,
        ReliabilitySettings(n_randomised=2, n_utterances=2, n_random=2, n_draws=1),
        explain=explain,
        only_right=False,
    )
    assert set(items["question"]) == {"pointing", "faithfulness", "randomisation", "retest"}
    assert items.query("question == 'randomisation'")["n_short"].all()
    assert set(explain(predictor, forms, units=["frame"])["unit"]) == {"frame"}
    assert items.loc[items["question"] == "pointing", "chance"].unique() == pytest.approx([1 / 3])
