"""Inspection of a corpus: planted faults are found in their files, with what will be done; a clean corpus has none."""

import shutil

import numpy as np
import pytest
import soundfile
from cli_cases import text_grid, write_recordings

from auscult.corpora.inspection import InspectionSettings, inspect_corpus
from auscult.errors import ConfigError

SETTINGS = InspectionSettings(min_class_size=4, n_folds=3)


def found(folder, reader="textgrid", **options):
    return inspect_corpus(folder, reader, options, settings=SETTINGS)


def of(inspection, kind):
    return [(entry.level, entry.file, entry.place, entry.found) for entry in inspection.findings if entry.kind == kind]


@pytest.fixture
def corpus(tmp_path):
    return write_recordings(tmp_path / "speech", n=4)


def test_a_clean_corpus_has_a_summary_and_no_finding_but_what_its_reader_changed(corpus):
    inspection = found(corpus)
    assert [entry.found for entry in inspection.findings] == ["96 stress marks moved to column stress"]
    assert inspection.summary[0] == "24 recordings of 6 speakers, 0.4 min"
    assert any("arpabet" in line for line in inspection.summary)


def change(path, function):
    waveform, rate = soundfile.read(path)
    waveform, rate = function(waveform, rate)
    soundfile.write(path, waveform, rate)


def test_recordings_of_other_rates_and_channels_clipped_and_silent_ones_and_duplicates_are_named(corpus):
    change(corpus / "ada_00.wav", lambda waveform, rate: (waveform[::2], 8000))
    change(corpus / "ada_01.wav", lambda waveform, rate: (np.stack([waveform, waveform], axis=1), rate))
    change(corpus / "bea_00.wav", lambda waveform, rate: (np.clip(8 * waveform, -0.99, 0.99), rate))
    change(corpus / "bea_01.wav", lambda waveform, rate: (waveform * (np.arange(len(waveform)) > 12000), rate))
    shutil.copy(corpus / "cid_00.wav", corpus / "dov_03.wav")
    inspection = found(corpus)
    assert of(inspection, "sample rate") == [("note", "ada_00.wav", "", "8000 Hz")]
    assert of(inspection, "channels") == [("note", "ada_01.wav", "", "2 channels")]
    (clipped,) = of(inspection, "clipping")
    assert clipped[:2] == ("warning", "bea_00.wav")
    (silent,) = of(inspection, "silence")
    assert silent == ("warning", "bea_01.wav", "", "75 % of the samples are exactly zero")
    assert of(inspection, "duplicate") == [("warning", "dov_03.wav", "", "the same sound as cid_00.wav")]
    assert {entry.level for entry in inspection.findings} == {"note", "warning"}


def test_a_square_wave_below_full_scale_and_a_sine_are_not_clipped(corpus):
    change(corpus / "ada_00.wav", lambda waveform, rate: (0.3 * np.sign(waveform), rate))
    change(corpus / "ada_01.wav", lambda waveform, rate: (0.9 * np.sin(np.arange(len(waveform)) / 3), rate))
    assert of(found(corpus), "clipping") == []


def test_gaps_and_segments_shorter_than_a_frame_have_their_times(corpus):
    phones = [(0, 0.1, ""), (0.1, 0.11, "S"), (0.11, 0.2, "M"), (0.2, 0.9, "AA1"), (0.9, 1, "")]
    words = [(0, 0.1, ""), (0.1, 0.9, "foo"), (0.9, 1, "")]
    (corpus / "ada_00.TextGrid").write_text(text_grid([("words", words), ("phones", phones)], 1))
    assert of(found(corpus), "short segment") == [("note", "ada_00.wav", "phone at 0.100 s", "phone 'S' of 10 ms")]
    phones = [(0, 0.1, "S"), (0.1, 0.2, "M")]
    (corpus / "ada_00.TextGrid").write_text(text_grid([("words", words), ("phones", phones)], 1))
    assert of(found(corpus), "gap") == [("warning", "ada_00.wav", "phone 0.200–1.000 s", "0.80 s without a label")]


def test_speakers_without_gender_too_few_speakers_and_small_classes_are_told(tmp_path):
    corpus = write_recordings(tmp_path / "speech", speakers=("ada", "bea"), n=3)
    (corpus / "speakers.csv").write_text("speaker,gender\nada,female\nbea,\n")
    inspection = found(corpus)
    assert of(inspection, "speaker without gender") == [("warning", "", "bea", "no gender, though others have one")]
    assert of(inspection, "few speakers") == [("warning", "", "", "2 speakers")]
    assert ("warning", "", "female", "1 speaker is female") in of(inspection, "small class")
    assert ("note", "", "ada", "3 recordings of the speaker") in of(inspection, "small class")


def test_voices_texts_and_recordings_on_both_sides_of_a_split_are_leaks(corpus):
    names = ["ada", "bea", "cid", "dov", "eva", "fin"]
    lines = [f"{name},{'train' if place < 3 else 'test'}" for place, name in enumerate(names)]
    (corpus / "speakers.csv").write_text("speaker,split\n" + "\n".join(lines) + "\n")
    shutil.copy(corpus / "ada_00.wav", corpus / "fin_00.wav")
    inspection = found(corpus)
    texts = [entry[3] for entry in of(inspection, "leak: text")]
    assert "the text 'foo0 bar' in test and train" in texts
    assert of(inspection, "leak: recording") == [("error", "ada_00.wav", "", "the same sound in test and train")]
    assert of(inspection, "leak: voice") == []


def test_what_the_reader_refuses_is_an_error_and_recordings_are_inspected_nevertheless(corpus):
    (corpus / "ada_00.TextGrid").write_text(text_grid([("words", [(0, 1, "a")]), ("phones", [(0, 9, "S")])], 9))
    (corpus / "bea_00.wav").write_bytes(b"no sound")
    change(corpus / "cid_00.wav", lambda waveform, rate: (waveform[::2], 8000))
    inspection = found(corpus)
    errors = [entry for entry in inspection.findings if entry.level == "error"]
    assert {entry.kind for entry in errors} == {"reading", "recording"}
    assert any("bea_00.wav" in entry.file for entry in errors)
    assert of(inspection, "sample rate") == [("note", "cid_00.wav", "", "8000 Hz")]


def test_an_unknown_reader_is_misuse(corpus):
    with pytest.raises(ConfigError, match="expected a reader among"):
        inspect_corpus(corpus, "nothing")
