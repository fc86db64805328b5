"""What a study needs of a corpus is asked between import and extraction, and never makes activations again."""

import pytest
from cli_cases import STUDY, write_recordings
from places import ROOT
from workflow_runs import planned, run

pytestmark = pytest.mark.workflow
TARGET = "results/activations/mine/mfcc/final/manifest.json"
FAULTS = {"column: gender": "column: accent", "tiers: [phone, utterance]": "tiers: [phone, syllable, utterance]"}


def build(place, text, *options, **more):
    (place / "mine.yaml").write_text(text)
    command = ["snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1", "--configfile", "mine.yaml"]
    return run(*command, "--directory", "runs/mine", *options, "--", TARGET, cwd=place, **more)


def test_all_faults_are_told_before_the_extraction_and_settings_do_not_repeat_it(tmp_path):
    write_recordings(tmp_path / "speech")
    text = STUDY
    for good, bad in FAULTS.items():
        text = text.replace(good, bad)
    printed = build(tmp_path, text, ok=False)
    assert "auscult: found faults in 2 of" in printed
    assert "expected segments of tier 'syllable'" in printed
    assert "expected column 'accent' in the index" in printed
    assert not (tmp_path / "runs/mine/logs/extract_activations").exists()

    build(tmp_path, STUDY)
    assert "180 items of 5 classes" in (tmp_path / "runs/mine/results/needs/mine.csv").read_text()
    again = planned(build(tmp_path, STUDY.replace("n_folds: 3", "n_folds: 4"), "--dry-run"))
    assert again == {"check_needs": 1}
