"""Jobs of attribution: models that share one, inputs of further seeds, and the settings that a job depends on."""

import pytest

from auscult.analyses.attribution.settings import AttributionSettings
from auscult.settings import settings_from
from auscult.study.attribution import attribution_settings, explained_inputs, explained_tasks, explanation_settings


def study(**attribution):
    trained = {"source": "finetuned", "steps": [0, 300]}
    section = {
        "models": ["gender-1", "gender-2", "recogniser"],
        "corpora": {"english": ["gender-1", "gender-2"], "french": ["recogniser"]},
        "inputs": ["waveform", "cnn"],
        "inputs_of_seeds": [],
        "explain": {"classes": "labelled", "ctc": "word"},
        "scale": "log_probability",
        "methods": ["lime"],
        "units": ["word"],
        "n_utterances": 3,
        "n_samples": 64,
        "max_steps": 128,
        "largest_gap": 0.05,
        "window_ms": 100,
        "stride_ms": 50,
        "n_bands": 1,
        "frame_hops": 1,
        "frame_inputs": ["cnn"],
        "memory_mb": 500,
        "max_s": 30,
        "n_resamples": 200,
    }
    return {
        "models": dict.fromkeys(section["models"], trained),
        "analyses": {"attribution": section | attribution},
    }


def test_models_that_differ_in_seed_share_a_job_and_corpora_keep_to_their_models():
    assert explained_tasks(study()) == {
        ("english", "gender"): [("gender-1", "0"), ("gender-1", "300"), ("gender-2", "0"), ("gender-2", "300")],
        ("french", "recogniser"): [("recogniser", "0"), ("recogniser", "300")],
    }


@pytest.mark.parametrize(
    ("of_seeds", "expected"),
    [
        ([], {"gender-1": ["waveform", "cnn"], "gender-2": ["waveform", "cnn"], "recogniser": ["waveform", "cnn"]}),
        (["cnn"], {"gender-1": ["waveform", "cnn"], "gender-2": ["cnn"], "recogniser": ["waveform", "cnn"]}),
    ],
)
def test_further_seeds_may_be_explained_on_fewer_inputs(of_seeds, expected):
    config = study(inputs_of_seeds=of_seeds)
    assert {model: explained_inputs(config, model) for model in config["models"]} == expected


def test_a_job_depends_on_all_settings_but_models_corpora_and_inputs():
    settings = attribution_settings(study(drawn_within_s=2.5))
    assert not {"models", "corpora", "inputs", "inputs_of_seeds"} & set(settings)
    found = settings_from(AttributionSettings, settings)
    assert (found.n_samples, found.drawn_within_s, found.explain.of("ctc")) == (64, 2.5, "word")
    assert "drawn_within_s" not in attribution_settings(study())


def test_scores_do_not_depend_on_the_sample_and_its_summary():
    assert not {"n_utterances", "drawn_within_s", "n_resamples"} & set(explanation_settings(study(drawn_within_s=2)))
