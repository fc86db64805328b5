"""Models of arrays in a study: what is contradictory is refused before anything runs, and files are inputs."""

from copy import deepcopy

import pytest
import yaml
from places import ROOT

from auscult.errors import ConfigError
from auscult.study.arrays import arrays_entry, arrays_inputs
from auscult.study.configuration import check_study, runs_of, steps_of
from auscult.study.extractions import extracted_sweeps
from auscult.study.places import check_places
from auscult.study.schema import build_schema

SCHEMA = build_schema(yaml.safe_load((ROOT / "workflow/schemas/study.schema.yaml").read_text()))
STUDY = yaml.safe_load(
    """
study: mine
title: Mine
corpora:
  mine: {source: folder, reader: textgrid, path: corpus}
models:
  codec: {source: arrays, path: "codec/{corpus}", frame_rate_hz: 44100/512}
  mel: {source: acoustic}
activations: {tiers: [phone]}
analyses:
  probing:
    models: [codec, mel]
    targets: {phone: {tier: phone, column: label, held_out: speaker}}
    corpora: {mine: [phone]}
figures:
  probing: {title: Probing}
"""
)


def changed(**entry):
    config = deepcopy(STUDY)
    config["models"]["codec"] = {
        key: value for key, value in (config["models"]["codec"] | entry).items() if value is not None
    }
    return config


def test_arrays_have_one_step_and_no_untrained_control_unless_steps_are_stated():
    config = check_study(STUDY, SCHEMA)
    assert list(runs_of(config, "probing")) == [("mine", "codec", "final"), ("mine", "mel", "final")]
    assert ("mine", "codec", [("codec", "final")]) in list(extracted_sweeps(config))
    stepped = check_study(changed(path="codec/{step}", steps=[0, 100]), SCHEMA)
    assert steps_of("codec", stepped["models"]["codec"]) == ["0", "100"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"frame_rate_hz": None}, "expected either frame_rate_hz .* in models: codec, found neither"),
        ({"segments": "rows.csv"}, "expected either frame_rate_hz .* in models: codec, found both"),
        (
            {"segments": "rows.csv", "frame_rate_hz": None, "padded": True},
            "expected none of first_frame_s, padded, .* found padded; they describe arrays of frames: take them out",
        ),
        ({"path": "{who}"}, r"expected only {corpus} and {step} in braces in models: codec: path, found who"),
        ({"steps": [0, 100]}, r"expected steps in ascending order and {step} in the path of models: codec"),
        ({"frame_rate_hz": "fast"}, "models: codec: frame_rate_hz: 'fast' does not match"),
        ({"frame_rate_hz": 0}, "models: codec: frame_rate_hz: 0 is less than or equal to the minimum of 0"),
        ({"layers": ["selected"]}, "models: codec: layers: 0"),
        ({"rate": 50}, "unknown key 'rate' in models: codec"),
    ],
)
def test_an_entry_that_lacks_something_or_contradicts_itself_is_refused(entry, message):
    with pytest.raises(ConfigError, match=message):
        check_study(changed(**entry), SCHEMA)


def test_analyses_that_run_the_model_are_refused():
    config = deepcopy(STUDY)
    config["analyses"]["mixing"] = {"models": ["codec"], "corpora": ["mine"]}
    with pytest.raises(ConfigError, match="expected models that can be run in analyses: mixing: models, found 'codec'"):
        check_study(config, SCHEMA)


def test_item_files_of_abx_are_refused():
    config = deepcopy(STUDY)
    targets = {"phone": {"items": "a.item"}}
    config["analyses"]["abx"] = {"models": ["codec"], "corpora": {"mine": ["phone"]}, "targets": targets}
    with pytest.raises(ConfigError, match="analyses: abx: targets: phone has items, found 'codec', which is arrays"):
        check_study(config, SCHEMA)


def test_paths_start_at_the_study_and_all_files_are_inputs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("codec/mine/anna/1.npy", "codec/mine/._1.npy", "codec/mine/notes.txt", "corpus/readme"):
        path = tmp_path / "studies" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    config = check_study(STUDY, SCHEMA)
    entry = arrays_entry(config["models"]["codec"], "mine", "final", tmp_path / "studies")
    assert entry["path"] == "studies/codec/mine"
    assert "label" not in entry
    assert arrays_inputs(entry) == ["studies/codec/mine/anna/1.npy"]
    check_places(config, tmp_path / "studies")
    config["models"]["codec"]["path"] = "elsewhere"
    with pytest.raises(ConfigError, match="expected arrays of corpus mine, step final, at models: codec: path, found"):
        check_places(config, tmp_path / "studies")
