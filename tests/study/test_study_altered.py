"""Models that hear altered speech in a study: they use the weights of another model and are refused where it runs."""

from copy import deepcopy

import pytest
import yaml
from places import ROOT

from auscult.errors import ConfigError
from auscult.models.alterations import ALTERATIONS
from auscult.study.altered import alteration_of
from auscult.study.configuration import check_study, leave_out, runs_of, source_of
from auscult.study.extractions import extracted_sweeps
from auscult.study.schema import build_schema

SCHEMA = build_schema(yaml.safe_load((ROOT / "workflow/schemas/study.schema.yaml").read_text()))
STUDY = yaml.safe_load(
    """
study: mine
title: Mine
corpora:
  mine: {source: folder, reader: textgrid, path: corpus}
models:
  own: {source: folder, path: model}
  altered: {source: altered, of: own, alteration: noise, snr_db: 5}
  mel: {source: acoustic}
activations: {tiers: [phone]}
analyses:
  probing:
    models: [own, altered, mel]
    targets: {phone: {tier: phone, column: label, held_out: speaker}}
    corpora: {mine: [phone]}
figures:
  probing: {title: Probing}
"""
)


def changed(model="altered", **entry):
    config = deepcopy(STUDY)
    config["models"][model] = config["models"].get(model, {}) | entry
    return config


def test_an_altered_model_runs_the_last_checkpoint_of_the_other():
    config = check_study(STUDY, SCHEMA)
    assert ("mine", "altered", "final") in list(runs_of(config, "probing"))
    assert ("mine", "altered", [("altered", "final")]) in list(extracted_sweeps(config))
    assert source_of(config, "altered", "final") == ("own", "final")
    assert source_of(config, "own", "0") == ("own", "0")
    assert alteration_of(config["models"]["altered"]) == {"kind": "noise", "snr_db": 5}
    assert alteration_of(config["models"]["own"]) is None


def test_the_schema_knows_every_alteration():
    for kind in ALTERATIONS:
        config = changed(alteration=kind)
        del config["models"]["altered"]["snr_db"]
        check_study(config, SCHEMA)


def test_a_model_that_is_left_out_takes_its_altered_one_along():
    kept = leave_out(check_study(STUDY, SCHEMA), ["own"])
    assert list(kept["models"]) == ["mel"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"of": "other"}, r"expected one of the study's models .* in models: altered: of, found 'other'"),
        ({"of": "altered"}, "expected a model that hears speech in models: altered: of, found 'altered' of source"),
        ({"alteration": "shift"}, "expected no snr_db in models: altered, whose alteration is shift, found 5"),
        ({"alteration": "loud"}, "loud"),
    ],
)
def test_what_makes_no_sense_is_refused(entry, message):
    with pytest.raises(ConfigError, match=message):
        check_study(changed(**entry), SCHEMA)


def test_analyses_that_run_models_refuse_altered_ones():
    config = deepcopy(STUDY)
    config["analyses"]["mixing"] = {"models": ["own", "altered"], "corpora": ["mine"]}
    config["figures"]["mixing"] = {"title": "Mixing"}
    with pytest.raises(ConfigError, match="speech as it is in analyses: mixing: models, found 'altered'; take it out"):
        check_study(config, SCHEMA)
