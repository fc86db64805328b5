"""Decisions of probing that follow from the configuration."""

import pytest

from auscult.study.extractions import extracted_sweeps
from auscult.study.probing import acoustic_baselines, needs_words, probed_runs, probed_targets, training_names

TARGETS = {
    "phone": {"column": "label"},
    "pitch": {"column": "log_f0"},
    "loudness": {"column": "energy"},
    "number": {"column": "noun_number"},
}
MODELS = {
    "hubert": {"source": "trained", "recipe": "hubert", "architecture": {}, "steps": [0, 100]},
    "recogniser": {"source": "trained", "recipe": "ctc", "architecture": {}, "steps": [0, 50]},
    "pitch-tracker": {"source": "acoustic", "features": "f0"},
    "mel": {"source": "acoustic", "features": "mel"},
}


def config_of(*targets):
    probing = {
        "models": ["hubert", "mel"],
        "also": {"french": ["recogniser"]},
        "targets": TARGETS,
        "corpora": {"english": list(targets), "french": ["phone"]},
    }
    return {"models": MODELS, "seed": 1, "analyses": {"probing": probing}}


def test_a_corpus_is_probed_with_the_models_of_the_analysis_and_its_own():
    assert probed_runs(config_of("phone"), "english") == [("hubert", "0"), ("hubert", "100"), ("mel", "final")]
    assert ("recogniser", "50") in probed_runs(config_of("phone"), "french")


def test_other_corpora_to_train_on_are_extracted_for_the_models_of_the_tested_one():
    config = config_of("phone", "across")
    config["analyses"]["probing"]["targets"] = TARGETS | {"across": {"column": "label", "train": {"corpus": "dutch"}}}
    assert training_names(config, "english") == ["dutch"]
    assert training_names(config, "french") == []
    extracted = {corpus: runs for corpus, name, runs in extracted_sweeps(config) if name == "hubert"}
    assert extracted["dutch"] == extracted["english"] == [("hubert", "0"), ("hubert", "100")]


def test_targets_of_a_corpus_are_in_its_order_and_have_their_names():
    found = probed_targets(config_of("pitch", "phone"), "english")
    assert found == [{"name": "pitch", "column": "log_f0"}, {"name": "phone", "column": "label"}]


def test_numeric_targets_need_the_baseline_that_holds_their_values():
    assert acoustic_baselines(config_of("phone", "pitch"), "english") == {"f0": "pitch-tracker"}
    assert acoustic_baselines(config_of("loudness", "pitch"), "english") == {"f0": "pitch-tracker", "mel": "mel"}
    assert acoustic_baselines(config_of("loudness", "pitch"), "french") == {}


@pytest.mark.parametrize(("targets", "needed"), [(["phone"], False), (["phone", "number"], True)])
def test_targets_that_follow_from_all_words_need_the_corpus(targets, needed):
    assert needs_words(config_of(*targets), "english") == needed
