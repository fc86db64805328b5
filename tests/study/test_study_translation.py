"""Runs of translation that follow from a study."""

from auscult.study.translation import companion_plan, has_companion, scored_translators, translator_runs

CONFIG = {
    "models": {
        "frozen-1": {"source": "translator", "steps": [0, 500]},
        "frozen-2": {"source": "translator", "steps": [500]},
        "published": {"source": "hub", "repository": "lab/translator", "revision": "main"},
    },
    "analyses": {
        "translation": {"models": ["frozen-1", "frozen-2", "published"], "corpora": ["a", "b"], "baselines": []}
    },
}


def test_seeds_of_a_translator_are_scored_together():
    assert scored_translators(CONFIG) == [("a", "frozen"), ("a", "published"), ("b", "frozen"), ("b", "published")]


def test_runs_of_a_translator_are_all_its_seeds_untrained_and_trained():
    assert translator_runs(CONFIG, "a", "frozen") == [("frozen-1", "0"), ("frozen-1", "500"), ("frozen-2", "500")]
    assert [model for model, _ in translator_runs(CONFIG, "b", "published")] == ["published"] * 2
    assert translator_runs(CONFIG, "a", "absent") == []


def test_a_synthetic_corpus_gets_voices_beyond_those_of_all_corpora():
    entry = {"source": "synthetic", "languages": ["english-first-person"], "variation": False}
    config = {
        "seed": 3,
        "corpora": {
            "said": entry | {"voices": {"train": 80, "test": 24}},
            "read": entry | {"voices": {"train": 120, "test": 32}},
            "recorded": {"source": "folder"},
        },
        "analyses": {"translation": {"n_probe": 400, "n_exchanged": 6}},
    }
    assert has_companion(config, "said")
    assert not has_companion(config, "recorded")
    plan = companion_plan(config, "said")
    assert (plan["first_unmet"], plan["n_voices"], plan["n_unmet"], plan["n_exchanged"]) == (120, 24, 400, 6)
