import logging
import re

import numpy as np
import pandas as pd
import pytest
import torch
from attribution_scores import rows
from tiny_predictors import masked_unit_predictor

from auscult.analyses.reliability.agreement import DURATION, score_vectors, with_duration
from auscult.analyses.reliability.analysis import choose_utterances, measure_run
from auscult.analyses.reliability.items import RELIABILITY_COLUMNS
from auscult.analyses.reliability.outputs import masked_output
from auscult.analyses.reliability.perturbation import measure_faithfulness, plan_faithfulness
from auscult.analyses.reliability.settings import ReliabilitySettings
from auscult.analyses.reliability.tasks import measure_task
from auscult.errors import AnalysisError
from auscult.models.frames import FrameTiming
from auscult.models.predictor import Predictor

RATE, N_WORDS, WORD = 16000, 5, 400


class LinearModel:
    """A classifier whose p of "yes" is the sum of each word's mean amplitude times its weight."""

    task, labels, sample_rate_hz = "classes", ("no", "yes"), RATE
    timing = FrameTiming(WORD, WORD)

    def __init__(self, weights=(0.02, 0.3, -0.05, 0.1, 0.2)):
        self.weights = torch.tensor(weights)

    def prepare(self, waveform):
        return torch.from_numpy(waveform)

    label_index = Predictor.label_index

    def cnn(self, batch):
        return batch.reshape(len(batch), -1, WORD).mean(-1, keepdim=True)

    def from_cnn(self, batch):
        p = 0.2 + batch[..., 0] @ self.weights
        return torch.stack([1 - p, p], dim=-1).log()

    def from_waveform(self, batch):
        return self.from_cnn(self.cnn(batch))


class Corpus:
    """Recordings whose words have the amplitudes 0.5 and 1 in turn."""

    def __init__(self, n_utterances=8):
        names = [f"u{i}" for i in range(n_utterances)]
        self.utterances = pd.DataFrame({"utterance": names, "n_samples": N_WORDS * WORD})

    def amplitudes(self, utterance):
        return np.random.default_rng(int(utterance[1:])).choice([0.5, 1.0], N_WORDS).astype(np.float32)

    def waveform(self, utterance):
        return self.amplitudes(utterance).repeat(WORD)


def attributions(method="exact", corpus=None, kinds=("waveform",), seed=None, **about):
    """Return a table of exact contributions, or of random scores if given a seed."""
    corpus, weights = corpus or Corpus(), LinearModel().weights.numpy()
    random = np.random.default_rng(seed)
    tables = []
    for kind in kinds:
        for name in corpus.utterances["utterance"]:
            scores = weights * corpus.amplitudes(name) if seed is None else random.normal(size=N_WORDS)
            table = rows(scores, name, method, kind, **about)
            times = {"onset": table["index"] * WORD, "offset": (table["index"] + 1) * WORD}
            tables.append(table.assign(form=table["target"], cue=table["index"] == 1, **times))
    return pd.concat(tables, ignore_index=True)


def faithfulness(scores, utterances):
    plan = plan_faithfulness(LinearModel(), Corpus(), scores, utterances)
    return measure_faithfulness(LinearModel(), Corpus(), plan)


def value(items, metric, **conditions):
    for column, wanted in conditions.items():
        items = items[items[column] == wanted]
    return items.loc[items["metric"] == metric, "value"].mean()


SPANS = np.array([np.arange(N_WORDS), np.arange(1, N_WORDS + 1)]) * WORD


@pytest.mark.parametrize("kind", ["waveform", "cnn"])
def test_masked_output_is_the_model_with_zeros_in_place_of_the_words_taken(kind):
    waveform = torch.linspace(0, 1, N_WORDS * WORD)
    masks = np.random.default_rng(0).random((7, N_WORDS)) < 0.5
    output = masked_output(LinearModel(), waveform, kind, SPANS, "yes", batch_s=0.3)
    for mask, found in zip(masks, output(masks)):
        silenced = waveform * torch.from_numpy(mask.repeat(WORD))
        assert found == pytest.approx(float(LinearModel().from_waveform(silenced[None])[0, 1].exp()), abs=1e-6)


@pytest.mark.parametrize("kind", ["waveform", "spectrogram", "cnn"])
def test_the_masked_output_of_a_speech_model_does_not_depend_on_its_batch(kind):
    predictor, random = masked_unit_predictor(), np.random.default_rng(0)
    waveform = predictor.prepare(random.normal(size=3200).astype(np.float32))
    spans, masks = np.array([[0, 800, 1600], [800, 1600, 3200]]), random.random((6, 3)) < 0.5
    one, all_ = (masked_output(predictor, waveform, kind, spans, "yes", batch_s=s)(masks) for s in (0.01, 60))
    assert one == pytest.approx(all_, abs=1e-6)
    whole = predictor.from_waveform(waveform[None]).softmax(-1)[0, 1]
    assert masked_output(predictor, waveform, kind, spans, "yes").full == pytest.approx(float(whole), abs=1e-5)


def test_an_input_or_class_that_does_not_exist_is_refused():
    with pytest.raises(AnalysisError, match="expected one of the inputs waveform, spectrogram, cnn, found 'mfcc'"):
        masked_output(LinearModel(), torch.ones(2000), "mfcc", SPANS, "yes")
    with pytest.raises(AnalysisError, match=r"expected one of the model's classes \(no, yes\), found 'maybe'"):
        masked_output(LinearModel(), torch.ones(2000), "waveform", SPANS, "maybe")


def test_exact_scores_are_faithful_and_random_scores_are_not():
    scores = pd.concat([attributions(), attributions("random", seed=1)])
    items = measure_run(LinearModel(), Corpus(), scores, ReliabilitySettings(n_random=30))
    for metric in ("comprehensiveness_gain", "sufficiency_gain", "deletion_auc_gain", "insertion_auc_gain"):
        assert value(items, metric, method="exact") > 0.02
        assert abs(value(items, metric, method="random")) < value(items, metric, method="exact") / 2


def explain_by_chance(_, forms, seed=1, methods=()):
    return attributions(seed=seed % 1000).query("utterance in @forms")


def test_pointing_and_randomisation_are_measured_where_they_can_be():
    predictor, corpus = masked_unit_predictor(), Corpus()
    items = measure_run(
        predictor,
        corpus,
        attributions(),
        ReliabilitySettings(n_utterances=2, n_randomised=3, n_random=2),
        explain=explain_by_chance,
    )
    assert items.groupby("question")["utterance"].nunique().to_dict() == {
        "pointing": 8,
        "faithfulness": 2,
        "randomisation": 3,
        "retest": 3,
    }
    assert set(items.loc[items["question"] == "randomisation", "layer"]) == {"head", "T2", "cnn"}


def test_other_utterances_beside_one_change_nothing_of_it():
    scores = score_vectors(attributions(), "t")
    alone, beside = (faithfulness(scores, names) for names in (["u3"], ["u1", "u3"]))
    pd.testing.assert_frame_equal(alone, beside[beside["utterance"] == "u3"].reset_index(drop=True))


def test_only_the_inputs_and_units_asked_for_are_perturbed():
    scores = pd.concat([attributions(kinds=("waveform", "cnn")), attributions(unit="frame")])
    items = measure_run(
        LinearModel(), Corpus(), scores, ReliabilitySettings(inputs=("cnn",), units=("word",), n_random=2)
    )
    found = items[items["question"] == "faithfulness"]
    assert set(zip(found["input"], found["unit"])) == {("cnn", "word")}


def test_the_same_utterances_are_chosen_for_models_that_explain_the_same():
    chosen = choose_utterances(attributions(), 3, seed=1)
    assert len(chosen) == 3
    assert chosen == choose_utterances(attributions("other", seed=2).sample(frac=1, random_state=1), 3, seed=1)


def test_the_cost_is_logged_before_it_is_spent_and_after(caplog):
    with caplog.at_level(logging.INFO, "auscult"):
        measure_run(
            masked_unit_predictor(),
            Corpus(),
            attributions(),
            ReliabilitySettings(n_utterances=2, n_randomised=3, n_draws=2, n_random=2, randomise=("head", "cnn")),
            explain=explain_by_chance,
        )
    logged = re.search(
        r"faithfulness: (\d+) perturbations of 2 utterances, (\d+) s of audio, about \d+ s; 3 utterances "
        r"explained 5 times again; altogether about \d+ s",
        caplog.text,
    )
    assert 20 < int(logged[1]) <= 2 * 2**N_WORDS
    assert re.search(r"reliability: predicted about \d+ s, took \d+ s", caplog.text[logged.end() :])


def test_explaining_again_takes_each_utterance_once():
    seen = []

    def explain(_, forms, seed=0, methods=()):
        seen.append(sorted(forms))
        return explain_by_chance(_, forms, seed)

    measure_run(
        masked_unit_predictor(),
        Corpus(),
        attributions(),
        ReliabilitySettings(n_utterances=1, n_randomised=3, n_draws=2, n_random=1, randomise=("head",)),
        explain=explain,
    )
    # One utterance first, which is timed; then all of them by the two randomised models, and the others.
    assert [len(names) for names in seen] == [1, 3, 3, 2]
    assert sorted(seen[0] + seen[3]) == seen[1] == seen[2]


def test_randomised_models_are_explained_by_the_units_asked_for_and_the_same_model_by_all():
    seen = []

    def explain(_, forms, seed=0, units=(), methods=()):
        seen.append(units)
        return explain_by_chance(_, forms, seed)

    measure_run(
        masked_unit_predictor(),
        Corpus(),
        attributions(),
        ReliabilitySettings(
            n_utterances=1, n_randomised=3, n_draws=1, n_random=1, randomise=("head", "cnn"), randomised_units=("word",)
        ),
        explain=explain,
    )
    assert seen == [(), ("word",), ("word",), ()]


def test_the_longest_first_order_is_a_reference_of_faithfulness_and_pointing_but_no_frame():
    frames = attributions(unit="frame")
    items = measure_run(
        LinearModel(),
        Corpus(),
        pd.concat([attributions(), frames]),
        ReliabilitySettings(methods=("exact",), n_random=2),
    )
    found = items[items["method"] == DURATION]
    assert set(found["question"]) == {"faithfulness", "pointing"}
    assert "frame" not in set(found["unit"])
    plan = plan_faithfulness(LinearModel(), Corpus(), with_duration(score_vectors(attributions(), "t")), ["u1"])
    assert plan.jobs[0][-1].methods == ("exact", DURATION)


def test_methods_with_other_segments_name_the_utterance():
    other = attributions("other")
    other.loc[other["utterance"] == "u2", "offset"] += 1
    scores = score_vectors(pd.concat([attributions(), other]), "t")
    with pytest.raises(AnalysisError, match="expected the same segments of utterance 'u2' by every method"):
        plan_faithfulness(LinearModel(), Corpus(), scores, ["u2"])


def test_a_method_that_was_not_explained_is_named_before_anything_runs():
    with pytest.raises(AnalysisError, match="expected scores of method 'shap' in the attribution table, found only"):
        measure_run(None, None, attributions(), ReliabilitySettings(methods=("shap",)))


def task_tables(n_seeds=3):
    tables = {}
    for seed in range(1, n_seeds + 1):
        exact = [attributions(kinds=("waveform", "cnn")), attributions("lime", seed=9), attributions(unit="frame")]
        tables[f"yes-seed{seed}", "40"] = pd.concat(exact)
        tables[f"yes-seed{seed}", "0"] = pd.concat([attributions(kinds=("waveform", "cnn"), seed=seed)])
    return tables


def test_a_task_is_summarised_over_its_seeds_trained_and_untrained():
    items = measure_run(LinearModel(), Corpus(), attributions(), ReliabilitySettings(n_random=5)).assign(
        model="yes-seed1", step="40"
    )
    found, contrasts = measure_task(
        task_tables(), [items], corpus="english", task="yes", settings=ReliabilitySettings(n_resamples=100)
    )
    assert list(found.columns) == list(RELIABILITY_COLUMNS)
    trained = found[found["step"] == "40"]
    assert set(trained["target"]) == {
        "seeds",
        "units",
        "methods",
        "inputs",
        "randomisation",
        "faithfulness",
        "pointing",
    }
    agreement = found.query("target == 'seeds' and metric == 'pearson' and method == 'exact' and unit == 'word'")
    assert agreement.groupby("step")["value"].mean()["40"] == pytest.approx(1)
    beside = agreement.pivot(index="input", columns="step")
    assert beside["chance", "40"].tolist() == beside["value", "0"].tolist()
    random = found.query("target == 'seeds' and metric == 'pearson' and step == '0'")
    assert (random["seeds_low"] < random["value"]).all()
    assert (random["value"] < random["seeds_high"]).all()
    assert set(contrasts["without"]) == {"", "yes-seed1", "yes-seed2", "yes-seed3"}
    assert set(contrasts["question"]) == {"units"}
    assert abs(agreement.groupby("step")["value"].mean()["0"]) < 0.5
    measured = trained["target"].isin(["faithfulness", "pointing"])
    assert set(trained.loc[measured, "n_seeds"]) == {1}
    assert set(trained.loc[~measured, "n_seeds"]) == {3}
    assert set(found.query("target == 'randomisation'")["layer"]) == {"untrained"}


def test_the_range_over_seeds_leaves_each_out_once():
    tables = {run: table for run, table in task_tables().items() if run[1] == "0"}
    found, _ = measure_task(
        tables, [], corpus="english", task="yes", between=["seeds"], settings=ReliabilitySettings(n_resamples=100)
    )
    row = found.query("metric == 'pearson' and method == 'exact' and input == 'waveform'").iloc[0]
    pairs = []
    for without in tables:
        others = {run: table for run, table in tables.items() if run != without}
        two, _ = measure_task(
            others, [], corpus="english", task="yes", between=["seeds"], settings=ReliabilitySettings(n_resamples=100)
        )
        pairs += two.query("metric == 'pearson' and method == 'exact' and input == 'waveform'")["value"].tolist()
    assert row[["seeds_low", "seeds_high"]].tolist() == pytest.approx([min(pairs), max(pairs)])
    assert row["value"] == pytest.approx(np.mean(pairs))


def test_retests_are_averaged_over_classes_of_methods_too():
    items = measure_run(
        masked_unit_predictor(),
        Corpus(),
        attributions("lime"),
        ReliabilitySettings(n_random=1, n_draws=1, randomise=("head",), n_utterances=1),
        explain=lambda _, forms, seed=1, methods=(): attributions("lime").query("utterance in @forms"),
    )
    found, _ = measure_task(
        task_tables(),
        [items.assign(model="yes-seed1", step="40")],
        corpus="c",
        task="yes",
        settings=ReliabilitySettings(n_resamples=100),
    )
    retests = found.query("target == 'retest' and metric == 'pearson' and unit == 'word'").set_index("method")["value"]
    assert retests.to_dict() == pytest.approx({"lime": 1, "perturbation": 1})


def test_a_task_of_one_seed_is_refused_unless_seeds_are_left_out():
    with pytest.raises(AnalysisError, match="expected at least two models that differ in seed, found 1"):
        measure_task(task_tables(1), [], corpus="english", task="yes")
    found, _ = measure_task(
        task_tables(1),
        [],
        corpus="english",
        task="yes",
        between=["methods"],
        settings=ReliabilitySettings(n_resamples=100),
    )
    assert set(found["target"]) == {"methods", "randomisation"}


def test_one_untrained_model_may_stand_for_all_seeds():
    tables = {run: table for run, table in task_tables(2).items() if run != ("yes-seed2", "0")}
    found, _ = measure_task(tables, [], corpus="english", task="yes", settings=ReliabilitySettings(n_resamples=100))
    assert set(found.loc[found["target"] == "seeds", "step"]) == {"40"}
    assert found.loc[found["target"] == "seeds", ["chance", "seeds_low"]].isna().all(axis=None)
    assert set(found.loc[found["target"] == "inputs", "step"]) == {"0", "40"}


def test_an_unknown_comparison_is_refused():
    with pytest.raises(AnalysisError, match="expected comparisons between seeds, methods, inputs, found 'voices'"):
        measure_task({}, [], corpus="c", task="t", between=["voices"])


def test_the_same_run_gives_the_same_table():
    one, two = (measure_run(LinearModel(), Corpus(), attributions(), seed=4) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
