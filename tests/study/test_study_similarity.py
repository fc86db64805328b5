"""Runs, reference spaces and settings of similarity in a study."""

import os
from pathlib import Path

import pytest

from auscult.study.similarity import between_models, compared_runs, reference_runs, reference_spaces, vector_files

MEL = {"tier": "phone", "space": "activations", "model": "mel"}
WORDS = {"tier": "word", "space": "vectors", "path": "vectors/wiki.vec"}


@pytest.fixture
def config():
    return {
        "seed": 0,
        "models": {
            "a": {"source": "trained", "steps": [0, 500, 1000], "recipe": "r", "architecture": {}},
            "mel": {"source": "acoustic"},
        },
        "analyses": {
            "similarity": {
                "models": ["a", "mel"],
                "corpora": ["english", "dutch"],
                "tier": "phone",
                "layer_metrics": ["cka"],
                "n_items": 100,
                "references": {"sound": MEL, "sound_of_words": MEL | {"tier": "word"}, "words": WORDS},
                "measures": {"metrics": ["rsa"], "n_resamples": 100},
            }
        },
    }


def test_models_are_compared_untrained_and_at_their_last_step(config):
    assert compared_runs(config, "dutch") == [("a", "0"), ("a", "1000"), ("mel", "final")]


def test_a_reference_model_is_read_once_at_its_last_step(config):
    assert reference_runs(config, "a") == [("mel", "final")]


def test_a_reference_model_is_not_compared_with_itself(config):
    assert reference_runs(config, "mel") == []


def test_relative_paths_of_word_vectors_start_at_the_folder_of_the_study(config):
    expected = os.path.relpath("/studies/vectors/wiki.vec")
    spaces = reference_spaces(config, Path("/studies"))
    assert spaces == {"sound": MEL, "sound_of_words": MEL | {"tier": "word"}, "words": WORDS | {"path": expected}}
    assert vector_files(config, Path("/studies")) == [expected]
    assert config["analyses"]["similarity"]["references"]["words"] == WORDS


def test_comparisons_of_models_do_not_depend_on_the_metrics_of_references(config):
    before = between_models(config)
    config["analyses"]["similarity"]["measures"]["metrics"] = ["cka"]
    assert between_models(config) == before
    assert before["measures"] == {"n_resamples": 100}
