"""Requirements on translators are checked before anything runs."""

import pytest
import yaml
from places import ROOT

from auscult.errors import ConfigError
from auscult.study.configuration import check_study, leave_out, runs_of
from auscult.study.schema import build_schema
from auscult.study.translators import translator_seeds

SCHEMA = build_schema(yaml.safe_load((ROOT / "workflow/schemas/study.schema.yaml").read_text()))


@pytest.fixture
def config():
    return yaml.safe_load((ROOT / "config.yaml").read_text())


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (
            ("models", "translator-frozen-2", "width"),
            3,
            "expected equal width of translator-frozen-1 and translator-frozen-2 in models, .* found 16 and 3",
        ),
        (("models", "translator-end-to-end-1", "mechanism"), "cascade", "'cascade' is not one of"),
        (
            ("analyses", "translation", "models"),
            ["recogniser-french"],
            "expected models of source translator in analyses: translation: models, found 'recogniser-french'",
        ),
        (
            ("analyses", "mixing", "models"),
            ["translator-frozen-1"],
            "expected encoders or recognisers in analyses: mixing: models, found 'translator-frozen-1'",
        ),
        (
            ("analyses", "translation", "baselines"),
            ["hubert-english"],
            "expected one of the study's acoustic models .* in analyses: translation: baselines",
        ),
        (("corpora", "first-person", "female_share"), 1.5, "corpora: first-person: female_share"),
    ],
)
def test_invalid_settings_of_translators_are_reported(config, place, value, message):
    entry = config
    for key in place[:-1]:
        entry = entry[key]
    entry[place[-1]] = value
    if place == ("analyses", "mixing", "models"):
        config["figures"]["mixing"]["models"] = value
    if place == ("analyses", "translation", "models"):
        config["figures"]["translation"]["models"] = value
    with pytest.raises(ConfigError, match=message):
        check_study(config, SCHEMA)


def test_mechanism_frozen_needs_a_recogniser(config):
    for seed in (1, 2):
        config["models"][f"translator-frozen-{seed}"]["start"] = "hubert-english"
    with pytest.raises(ConfigError, match=r"expected a recogniser \(task: ctc\) in models: translator-frozen-1: start"):
        check_study(config, SCHEMA)


def test_translators_with_different_numbers_of_seeds_are_refused_before_anything_runs(config):
    config["analyses"]["translation"]["models"].remove("translator-frozen-wide-2")
    with pytest.raises(ConfigError, match=r"found 2 of translator-end-to-end, .*1 of translator-frozen-wide"):
        check_study(config, SCHEMA)


def test_models_that_start_from_a_missing_model_are_left_out_too(config):
    study = check_study(config, SCHEMA)
    study["models"]["hubert-dutch"]["start"] = "recogniser-english"  # any model further down the chain
    models = leave_out({**study, "analyses": {}, "figures": {}, "models": study["models"]}, ["hubert-english"])[
        "models"
    ]
    assert not {"recogniser-english", "translator-frozen-1", "translator-end-to-end-2", "hubert-dutch"} & set(models)
    assert "hubert-multilingual" in models


def test_only_the_first_seed_of_a_translator_has_an_untrained_control(config):
    runs = list(runs_of(check_study(config, SCHEMA), "translation"))
    assert [step for _, model, step in runs if model.endswith("-1")].count("0") == 6
    assert not [step for _, model, step in runs if model.endswith("-2") and step == "0"]


def test_seeds_of_a_translator_are_trained_together():
    config = {"models": {name: {"source": "translator"} for name in ("a-1", "b-1", "a-2")} | {"c": {"source": "hub"}}}
    assert translator_seeds(config) == {"a": ["a-1", "a-2"], "b": ["b-1"]}


def test_the_default_study_has_six_kinds_of_translators_with_two_seeds_each(config):
    # Permutations of six kinds allow p = 1/720; with three, p cannot fall below 1/6.
    groups = translator_seeds(check_study(config, SCHEMA))
    assert len(groups) == 6
    assert {len(seeds) for seeds in groups.values()} == {2}
    scored = check_study(config, SCHEMA)["analyses"]["translation"]["models"]
    assert sorted(scored) == sorted(name for seeds in groups.values() for name in seeds)
