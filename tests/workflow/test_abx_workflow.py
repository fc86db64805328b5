"""ABX item files in a study: they are checked before anything runs and scored by the workflow."""

import pandas as pd
import pytest
import yaml
from places import ROOT
from workflow_runs import planned, snakemake

from auscult.errors import ConfigError
from auscult.study.schema import build_schema
from auscult.study.configuration import check_study, runs_of

SCHEMA = build_schema(yaml.safe_load((ROOT / "workflow/schemas/study.schema.yaml").read_text()))
PHONE = {"tier": "phone", "column": "label"}
HEADER = "#file onset offset #phone prev-phone next-phone speaker\n"

workflow = pytest.mark.workflow


def check(target):
    config = yaml.safe_load((ROOT / "studies/smoke.yaml").read_text())
    config["analyses"]["abx"] |= {"targets": {"phone": PHONE, "triphone": target}}
    return check_study(config, SCHEMA)["analyses"]["abx"]["targets"]


def test_a_target_with_an_item_file_needs_no_tier_and_defaults_to_libri_light_settings():
    targets = check({"items": "dev.item", "drop_last_frame": True})
    defaults = {"frames": "dtw", "distance": "angular", "standardise": False}
    assert targets["triphone"] == {"items": "dev.item", "drop_last_frame": True, **defaults}
    assert targets["phone"] == PHONE | {"context": ["previous", "next"]}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"items": "dev.item", "tier": "phone"}, "unknown key 'tier' in .*triphone.*; keys that exist: frames, drop_last_frame"),
        ({"tier": "phone", "column": "label", "frames": "dtw"}, "unknown key 'frames' in .*triphone"),
        ({"tier": "phone"}, "expected key 'column' in .*triphone"),
        ({"items": "dev.item", "frames": "max"}, "triphone: frames: 'max' is not one of"),
    ],
)
def test_a_target_has_either_a_tier_or_an_item_file(target, message):
    with pytest.raises(ConfigError, match=message):
        check(target)


@workflow
def test_a_missing_item_file_is_reported_before_anything_runs(tmp_path, changed_study):  # noqa: F811
    study = changed_study("analyses", "abx", "targets", "phone", value={"items": "no.item"})
    printed = snakemake(tmp_path, "--dry-run", study=study, ok=False)
    assert "auscult: expected an item file at analyses: abx: targets: phone: items, found none at no.item" in printed
    assert "Traceback" not in printed


@workflow
def test_item_files_are_scored_for_every_model_without_stored_activations(tmp_path, changed_study):  # noqa: F811
    (tmp_path / "dev.item").write_text(HEADER)
    study = changed_study("analyses", "abx", "targets", "phone", value={"items": "dev.item"})
    jobs = planned(snakemake(tmp_path, "--dry-run", "--", "results/abx/abx.csv", study=study))
    config = check_study(yaml.safe_load((ROOT / "studies/smoke.yaml").read_text()), SCHEMA)
    assert jobs["abx_items"] == len(list(runs_of(config, "abx"))) > 0
    assert not [job for job in jobs if job.startswith(("abx_run", "extract_activations"))]


@workflow
def test_items_of_a_file_are_scored_and_a_missing_recording_is_an_error_of_one_line(tmp_path, changed_study):  # noqa: F811
    items = tmp_path / "dev.item"
    items.write_text(HEADER)
    study = changed_study("analyses", "abx", "targets", "phone", value={"items": "dev.item", "contexts": ["any"]})
    corpus, table = "resources/corpora/english", "results/abx/english/mel/final/items"
    snakemake(tmp_path, "--", f"{corpus}/manifest.json", study=study)
    phones = pd.read_parquet(tmp_path / corpus / "segments.parquet").query("tier == 'phone' and label != ''")
    heard = pd.read_parquet(tmp_path / corpus / "utterances.parquet").query("split == 'test'")
    lines = [
        f"{r.utterance} {r.onset / r.sample_rate_hz:.6f} {r.offset / r.sample_rate_hz:.6f} {r.label} # # {r.speaker}\n"
        for r in phones.merge(heard, on="utterance").itertuples()
    ]
    items.write_text(HEADER + "".join(lines[:600]))
    snakemake(tmp_path, "--", f"{table}.csv", study=study)
    scores = pd.read_csv(tmp_path / f"{table}.csv")
    assert set(scores["distance"]) == {"angular, dtw"}
    assert (scores["value"] > 0.6).all()
    items.write_text(HEADER + lines[0] + "absent 0.1 0.2 a # # s\n")
    printed = snakemake(tmp_path, "--", f"{table}.csv", study=study, ok=False)
    assert "found 'absent' in line 3 (1 such recordings); use the corpus of the file" in printed
    assert "Traceback" not in printed
