"""Extraction jobs of a study: each model runs once on a corpus, with every checkpoint that any analysis reads."""

import pytest

from auscult.study.extractions import extracted_sweeps


@pytest.fixture
def config():
    hubert = {"source": "trained", "recipe": "masked_prediction", "architecture": {}, "steps": [0, 10, 20]}
    return {
        "seed": 1,
        "models": {
            "mel": {"source": "acoustic"},
            "hubert": hubert,
            "own": {"source": "folder"},
            "f0": {"source": "acoustic"},
        },
        "analyses": {
            "probing": {"corpora": {"english": ["phone"]}, "models": ["hubert", "mel"]},
            "reduction": {"corpora": ["english"], "models": ["own", "mel"]},
            "tone": {"corpora": ["mandarin"], "models": ["hubert"]},
        },
    }


BASELINES = [("mel", "final"), ("f0", "final")]


def test_each_model_runs_once_per_corpus_and_the_acoustic_baselines_run_together(config):
    jobs = list(extracted_sweeps(config))
    assert sorted(jobs) == sorted(
        [
            ("english", "", BASELINES),
            ("english", "hubert", [("hubert", "0"), ("hubert", "20")]),
            ("english", "own", [("own", "0"), ("own", "final")]),
            ("mandarin", "", BASELINES),
            ("mandarin", "hubert", [("hubert", "0"), ("hubert", "10"), ("hubert", "20")]),
        ]
    )


def test_steps_that_several_analyses_read_are_extracted_in_one_job(config):
    config["analyses"]["tone"]["corpora"] = ["english"]
    runs = [runs for corpus, name, runs in extracted_sweeps(config) if (corpus, name) == ("english", "hubert")]
    assert runs == [[("hubert", "0"), ("hubert", "10"), ("hubert", "20")]]


def test_a_study_without_acoustic_baselines_has_no_job_for_them(config):
    for name in ("mel", "f0"):
        del config["models"][name]
    for analysis in config["analyses"].values():
        analysis["models"] = [name for name in analysis["models"] if name != "mel"]
    assert [name for _, name, _ in extracted_sweeps(config)].count("") == 0


def test_analyses_that_read_no_activations_need_no_extraction(config):
    config["analyses"] = {"mixing": {"corpora": ["english"], "models": ["hubert"]}}
    assert list(extracted_sweeps(config)) == []
