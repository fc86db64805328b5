"""Runs of the tone analysis that follow from a study."""

import pytest

from auscult.study.tone import contour_features, tone_runs, tone_training


def study(baselines):
    models = {"hubert": {"source": "trained"}, "pitch": {"source": "acoustic", "features": "f0"}}
    tone = {"models": ["hubert", "hubert-2"], "corpora": ["mandarin", "thchs30"], "baselines": baselines}
    return {"models": models, "analyses": {"tone": tone}}


def test_features_are_those_of_the_named_baselines():
    assert contour_features(study(["pitch"])) == {"pitch": "f0"}
    assert contour_features(study([])) == {}


def test_another_corpus_trains_where_the_study_names_it():
    config = study([])
    assert tone_training(config, "mandarin") == []
    config["analyses"]["tone"]["train"] = {"mandarin": "thchs30"}
    assert tone_training(config, "mandarin") == ["thchs30"]
    assert tone_training(config, "thchs30") == []


@pytest.mark.parametrize(("baselines", "last"), [(["pitch"], ["baselines"]), ([], [])])
def test_every_corpus_has_a_table_per_model_and_one_of_its_baselines(baselines, last):
    runs = ["hubert", "hubert-2", *last]
    assert tone_runs(study(baselines)) == [(corpus, run) for corpus in ("mandarin", "thchs30") for run in runs]
