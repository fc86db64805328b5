"""Decisions of reduction that follow from the configuration."""

from auscult.study.reduction import mapped_layers

CONFIG = {
    "models": {"hubert": {"source": "trained"}, "mel": {"source": "acoustic"}},
    "analyses": {"reduction": {"layers": ["T2", "T3"]}},
}


def test_models_are_mapped_at_the_declared_layers_and_baselines_at_their_only_one():
    assert mapped_layers(CONFIG, "hubert") == ["T2", "T3"]
    assert mapped_layers(CONFIG, "mel") == ["input"]
