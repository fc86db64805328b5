"""Settings of scrubbing that follow from a study."""

from auscult.analyses.scrubbing.settings import ScrubbingSettings
from auscult.settings import settings_from
from auscult.study.scrubbing import scrubbing_settings

SECTION = {
    "models": ["recogniser", "mel"],
    "corpora": ["english"],
    "fit_corpora": {},
    "splits": {"fit": "train", "test": "test"},
    "kinds": ["tract"],
    "methods": ["leace", "inlp", "random"],
    "single_layers": True,
    "doses": [0.5],
    "shrinkage": "oas",
    "n_iterations": 10,
    "n_utterances": None,
    "n_test": 4,
    "edge_ms": 100,
    "n_resamples": 200,
    "n_permutations": 100,
}
CONFIG = {
    "models": {"recogniser": {"source": "finetuned"}, "mel": {"source": "acoustic"}},
    "analyses": {"scrubbing": SECTION},
}


def test_a_trained_recogniser_is_erased_by_every_method_at_single_layers_too():
    settings = scrubbing_settings(CONFIG, "recogniser", "300")
    assert settings == {name: SECTION[name] for name in settings}
    assert {"models", "corpora", "fit_corpora"}.isdisjoint(settings)


def test_controls_are_erased_by_the_first_method_at_all_layers_only():
    for model, step in (("recogniser", "0"), ("mel", "final")):
        settings = scrubbing_settings(CONFIG, model, step)
        assert settings["methods"] == ["leace"]
        assert settings["single_layers"] is False
        assert settings["n_test"] == 4


def test_every_setting_of_the_analysis_is_passed():
    settings = settings_from(ScrubbingSettings, scrubbing_settings(CONFIG, "recogniser", "300"))
    assert settings.methods == ("leace", "inlp", "random")
    assert set(scrubbing_settings(CONFIG, "recogniser", "300")) == set(vars(settings))
