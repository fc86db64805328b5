"""Targets and runs of ABX in a study."""

import os
from pathlib import Path

import pytest

from auscult.study.abx import item_file_targets, scored_runs, segment_targets

PHONE = {"tier": "phone", "column": "label"}
TRIPHONE = {"items": "dev.item", "frames": "dtw"}


@pytest.fixture
def config():
    return {
        "seed": 0,
        "models": {
            "a": {"source": "trained", "steps": [0, 500], "recipe": "r", "architecture": {}},
            "mel": {"source": "acoustic"},
        },
        "analyses": {
            "abx": {
                "models": ["a", "mel"],
                "targets": {"phone": PHONE, "triphone": TRIPHONE},
                "corpora": {"english": ["phone"], "libri": ["triphone"], "both": ["triphone", "phone"]},
            }
        },
    }


def test_segments_and_item_files_are_told_apart_and_named(config):
    assert segment_targets(config, "both") == [{"name": "phone", **PHONE}]
    assert segment_targets(config, "libri") == []
    expected = os.path.relpath("/studies/dev.item")
    assert item_file_targets(config, "both", Path("/studies")) == [{"name": "triphone", **TRIPHONE, "items": expected}]
    assert item_file_targets(config, "english", Path("/studies")) == []


def test_every_run_has_one_table_per_kind_of_target(config):
    runs = list(scored_runs(config))
    steps = [("a", "0"), ("a", "500"), ("mel", "final")]
    assert runs[:3] == [("english", *run, False) for run in steps]
    assert runs[3:6] == [("libri", *run, True) for run in steps]
    assert runs[6:8] == [("both", "a", "0", False), ("both", "a", "0", True)]
