"""Runs of translation that follow from a study."""

from auscult.study.translation import scored_translators, translator_runs

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
