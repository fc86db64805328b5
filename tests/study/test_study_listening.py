"""The section listen of a study: its defaults, and what is refused before anything runs."""

import pytest
import yaml
from places import ROOT

from auscult.errors import ConfigError
from auscult.study.configuration import check_study, leave_out, listening_runs
from auscult.study.schema import build_schema

SCHEMA = build_schema(yaml.safe_load((ROOT / "workflow/schemas/study.schema.yaml").read_text()))


@pytest.fixture
def config():
    return yaml.safe_load((ROOT / "config.yaml").read_text())


def test_every_model_listens_untrained_and_trained(config):
    checked = check_study(config, SCHEMA)
    assert checked["listen"]["english"]["drawn"] == 8
    assert list(listening_runs(checked, "french")) == [("recogniser-french", "0"), ("recogniser-french", "500")]


def test_a_study_needs_no_listening_page(config):
    del config["listen"]
    assert "listen" not in check_study(config, SCHEMA)


@pytest.mark.parametrize(
    ("corpus", "change", "message"),
    [
        ("englsh", {}, r"expected one of the study's corpora .* in listen, found 'englsh' \(did you mean 'english'"),
        ("written-english", {}, "expected corpora of speech in listen, found 'written-english'"),
        ("english", {"models": ["hubert"]}, "models .* in listen: english: models, found 'hubert'"),
        ("english", {"models": ["bert-english-1"]}, "expected speech encoders, .* found 'bert-english-1'"),
        ("english", {"models": ["translator-frozen-1"]}, "expected speech encoders, .* found 'translator-frozen-1'"),
        (
            "english",
            {"lanes": ["spelling"]},
            r"expected a recogniser \(task: ctc\) in listen: english: models for the lane spelling, found 'hub",
        ),
        ("english", {"models": ["mel"], "lanes": ["probe", "mixing"]}, "expected an encoder .* mixing, found 'mel'"),
        ("english", {"lanes": ["prob"]}, "listen: english: lanes: 0: 'prob' is not one of"),
        (
            "french",
            {"models": ["recogniser-english"], "lanes": ["spelling", "attribution"]},
            "expected 'recogniser-english' in analyses: attribution: corpora: french for the lane attribution",
        ),
        (
            "french",
            {"models": ["recogniser-french"], "lanes": ["mixing"]},
            "expected the lane probe, tone or spelling in listen: french: lanes, which rank utterances, found mixing",
        ),
    ],
)
def test_what_cannot_be_heard_is_refused(config, corpus, change, message):
    config["listen"] = {corpus: {"models": ["hubert-english"], "lanes": ["probe"]} | change}
    with pytest.raises(ConfigError, match=message):
        check_study(config, SCHEMA)


def test_a_corpus_without_listeners_is_left_out(config):
    config["listen"] = {name: config["listen"][name] for name in ("english", "french")}
    config["listen"]["english"]["models"] = ["hubert-english", "mel"]
    kept = leave_out(check_study(config, SCHEMA), ["mel"])
    assert kept["listen"]["english"]["models"] == ["hubert-english"]
    config["listen"]["english"]["models"] = ["mel"]
    kept = leave_out(check_study(config, SCHEMA), ["mel"])
    assert list(kept["listen"]) == ["french"]
