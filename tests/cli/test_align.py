"""``auscult align``: what is written, what is said, and the exit status."""

import json

import pandas as pd
from alignment_cases import save_recogniser, write_speech


def test_a_folder_is_aligned_and_the_result_is_sealed(auscult, tmp_path):
    model, folder = save_recogniser(tmp_path / "model"), write_speech(tmp_path / "speech")
    printed = auscult("align", folder, "--model", model, "--out", tmp_path / "aligned")
    assert "aligned 3 of 3 recordings, 0.1 min: 4 words, 11 characters\n" in printed
    assert "left out of the texts: 1 '!'\n" in printed
    assert (tmp_path / "aligned" / "textgrids" / "bo" / "three.TextGrid").is_file()
    manifest = json.loads((tmp_path / "aligned" / "manifest.json").read_text())
    assert manifest["recipe"]["window_s"] == 30
    assert set(manifest["parents"]) == {"checkpoint"}


def test_recordings_that_cannot_be_aligned_are_listed_with_status_1(auscult, tmp_path):
    model = save_recogniser(tmp_path / "model")
    folder = write_speech(tmp_path / "speech", {"one": "abc", "two": "", "three": "xyz"})
    printed = auscult("align", folder, "-m", model, "--out", tmp_path / "aligned", status=1)
    assert "aligned 1 of 3 recordings" in printed
    assert "not aligned: 2\n  three: expected characters" in printed
    table = pd.read_csv(tmp_path / "aligned" / "recordings.csv", keep_default_na=False)
    assert (table["reason"] == "").tolist() == [True, False, False]


def test_nothing_is_written_if_nothing_can_be_aligned(auscult, tmp_path):
    model, folder = save_recogniser(tmp_path / "model"), write_speech(tmp_path / "speech", {"one": ""})
    assert "found none of 1" in auscult("align", folder, "-m", model, "--out", tmp_path / "aligned", status=2)
    assert not (tmp_path / "aligned").exists()


def test_known_labels_are_compared(auscult, tmp_path):
    model, folder = save_recogniser(tmp_path / "model"), write_speech(tmp_path / "speech")
    auscult("align", folder, "-m", model, "--out", tmp_path / "aligned")
    reader = ["--reader", "textgrid", "-o", "alignments=../aligned/textgrids", "-o", "phones=''"]
    reader += ["-o", "speaker={depth: 1}", "--compare"]
    printed = auscult("align", folder, "-m", model, "--out", tmp_path / "again", *reader)
    assert "words, onset, aligned: median error 0 ms, within 20 ms 1.00, bias +0 ms; 4 in 3 recordings of 2" in printed
    assert "words, offset, spread evenly: median error" in printed
    assert len(pd.read_csv(tmp_path / "again" / "comparison.csv")) == 8
    printed = auscult("align", folder, "-m", model, "--out", tmp_path / "third", "--compare", status=2)
    assert "expected known labels to compare with, found texts only" in printed


def test_a_folder_of_checkpoints_is_asked_for_one(auscult, tmp_path):
    save_recogniser(tmp_path / "model" / "500")
    folder = write_speech(tmp_path / "speech")
    printed = auscult("align", folder, "-m", tmp_path / "model", "--out", tmp_path / "aligned", status=2)
    assert "found checkpoints 500 in it; name one of them" in printed


def test_a_mistaken_option_is_told_before_the_model_is_opened(auscult, tmp_path):
    folder = write_speech(tmp_path / "speech")
    wrong = ["align", folder, "-m", tmp_path, "--out", tmp_path / "aligned"]
    assert "at most half of a window" in auscult(*wrong, "--overlap-s", 20, status=2)
    assert "expected unknown to be refuse or leave-out, found 'guess'" in auscult(
        *wrong, "--unknown", "guess", status=2
    )
