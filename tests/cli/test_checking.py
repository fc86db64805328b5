"""``auscult check``: a summary per corpus, a table of all findings, and an exit status."""

import shutil

import pandas as pd
from cli_cases import write_recordings


def test_a_study_and_its_folder_are_inspected_with_the_limits_of_the_study(auscult, study):
    printed = auscult("check", study)
    assert "corpus mine\n  18 recordings of 6 speakers, 0.3 min" in printed
    assert "note: small class: 6" in printed
    assert "which needs 4 (min_class_size)" in printed
    assert "note: probing: 2\n    target phone: 180 items of 5 classes and 6 speakers" in printed
    assert printed.endswith("0 errors, 0 warnings, 9 notes\n")
    assert "which needs 10 (min_class_size)" in auscult("check", study.parent / "speech")


def test_an_error_is_exit_status_1_and_a_row_of_the_table(auscult, study, tmp_path):
    (tmp_path / "speech" / "ada_00.wav").write_bytes(b"no sound")
    printed = auscult("check", study, "--table", tmp_path / "found.csv", "--all", status=1)
    assert "error: recording: 1" in printed
    table = pd.read_csv(tmp_path / "found.csv", keep_default_na=False)
    assert list(table) == ["corpus", "level", "kind", "file", "place", "found", "done"]
    assert "ada_00.wav" in set(table.loc[table["level"] == "error", "file"])
    assert f"all in {tmp_path / 'found.csv'}" in printed


def test_warnings_fail_only_if_asked_and_synthetic_corpora_are_exact(auscult, study, tmp_path):
    (tmp_path / "speech" / "speakers.csv").write_text(
        "speaker,gender\nada,female\nbea,male\ncid,male\ndov,\neva,female\nfin,male\n"
    )
    assert "warning: speaker without gender: 1" in auscult("check", study)
    auscult("check", study, "--strict", status=1)
    assert "not inspected: synthesised here, with exact labels" in auscult("check", "smoke")


def test_an_archive_is_inspected_once_it_is_downloaded(auscult, study, tmp_path):
    entry = "{source: fetched, reader: textgrid, url: 'http://x.org/speech.zip'}"
    study.write_text(study.read_text().replace("{source: folder, reader: textgrid, path: speech}", entry))
    assert "not downloaded yet; run auscult fetch first" in auscult("check", study)
    downloads = tmp_path / "runs" / "mine" / "resources" / "downloads" / "mine"
    shutil.make_archive(downloads / "speech", "zip", tmp_path / "speech")
    assert "18 recordings of 6 speakers" in auscult("check", study)


def test_a_folder_of_unknown_layout_is_misuse(auscult, tmp_path):
    folder = write_recordings(tmp_path / "speech", speakers=("ada",))
    for path in folder.glob("*.TextGrid"):
        path.unlink()
    assert "name one by --reader" in auscult("check", folder, status=2)
