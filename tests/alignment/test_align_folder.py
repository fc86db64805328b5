"""Alignment of folders: texts beside recordings, tables and readers; faults by recording; windows."""

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from alignment_cases import TEXTS, save_recogniser, write_speech
from tiny_predictors import noise, tiny_predictor

from auscult.alignment.comparison import boundary_errors, summarise_errors
from auscult.alignment.emissions import log_posteriors
from auscult.alignment.folder import Aligner, align_recordings, write_alignment
from auscult.alignment.transcripts import TranscriptOptions, open_transcripts
from auscult.corpora.readers.textgrid import read_textgrids
from auscult.errors import AnalysisError, CheckpointError, ConfigError, CorpusError
from auscult.models.predictor import load_predictor
from auscult.models.windows import Windows


@pytest.fixture(scope="module")
def aligner(tmp_path_factory):
    return Aligner(load_predictor(save_recogniser(tmp_path_factory.mktemp("model"))))


def aligned(folder, aligner, **options):
    with open_transcripts(folder, TranscriptOptions(**options)) as found:
        return align_recordings(found.recordings, aligner)


@pytest.mark.parametrize("rate_hz", [16000, 22050])
def test_an_alignment_is_read_back_by_the_reader_of_textgrids(tmp_path, aligner, rate_hz):
    found = aligned(write_speech(tmp_path / "speech", rate_hz=rate_hz), aligner)
    write_alignment(tmp_path / "aligned", found, {})
    options = {"alignments": "../aligned/textgrids", "speaker": {"depth": 1}}
    utterances, segments = read_textgrids(tmp_path / "speech", phones="", **options)
    assert utterances["text"].tolist() == ["abc cab", "Aab", "cc"]
    expected = pd.concat([one.segments[one.segments["tier"] == "words"] for one in found.aligned])
    for column in ("label", "onset", "offset"):
        assert segments[column].tolist() == expected[column].tolist()
    letters = read_textgrids(tmp_path / "speech", words="", phones="characters", alphabet="ipa", **options)[1]
    letters = letters[letters["label"] != "sil"]
    spelt = pd.concat([one.segments[one.segments["tier"] == "characters"] for one in found.aligned])
    for column in ("label", "onset", "offset"):
        assert letters[column].tolist() == spelt[column].tolist()


def test_tables_hold_confidence_texts_and_what_was_left_out(tmp_path, aligner):
    found = aligned(write_speech(tmp_path / "speech"), aligner)
    write_alignment(tmp_path / "aligned", found, {"model": "tiny"})
    segments = pd.read_csv(tmp_path / "aligned" / "segments.csv")
    assert segments["confidence"].between(0, 1).all()
    assert (segments["onset_s"] < segments["offset_s"]).all()
    assert segments["tier"].value_counts().to_dict() == {"characters": 11, "words": 4}
    recordings = pd.read_csv(tmp_path / "aligned" / "recordings.csv", keep_default_na=False).set_index("recording")
    assert recordings["n_words"].tolist() == [2, 1, 1]
    assert recordings.loc["ada/two", "left_out"] == "!×1"
    assert set(recordings["reason"]) == {""}


def test_each_recording_that_cannot_be_aligned_has_its_reason_and_the_others_are_aligned(tmp_path, aligner):
    texts = {"a": "abc", "b": "", "c": "axc", "d": None, "e": "ab" * 40}
    folder = write_speech(tmp_path / "speech", texts)
    (folder / "f.wav").write_bytes(b"no sound")
    (folder / "f.txt").write_text("a")
    soundfile.write(folder / "g.wav", noise(300), 16000)
    (folder / "g.txt").write_text("a")
    (folder / "h.txt").write_bytes(b"a\xff")
    soundfile.write(folder / "h.wav", noise(3000), 16000)
    found = aligned(folder, aligner)
    assert [one.recording.place for one in found.aligned] == ["a"]
    reasons = {recording.place: reason for recording, reason in found.faults}
    assert set(reasons) == set("bcdefgh")
    assert "found an empty one" in reasons["b"]
    assert "found 'x'" in reasons["c"]
    assert "expected a transcript d.txt beside the recording, found none" in reasons["d"]
    assert "at least 80 frames for the 80 tokens of the transcript, found 49" in reasons["e"]
    assert "found Format not recognised" in reasons["f"]
    assert "found 0: the recording is too short" in reasons["g"]
    assert "byte 0xff in line 1" in reasons["h"]
    assert found.recordings()["reason"].tolist() == ["", *(reasons[name] for name in "bcdefgh")]


def test_a_folder_in_which_nothing_can_be_aligned_names_all_reasons(tmp_path, aligner):
    with pytest.raises(CorpusError, match=r"found none of 2: \(1\) a: .* an empty one; .*; \(2\) b: .* found 'x'"):
        aligned(write_speech(tmp_path / "speech", {"a": " ", "b": "x"}), aligner)


def test_texts_come_from_a_table_whose_columns_are_named(tmp_path, aligner):
    folder = write_speech(tmp_path / "speech", dict.fromkeys(TEXTS))
    rows = [f"{name}.wav,{text},{'test' if 'ada' in name else 'train'}" for name, text in TEXTS.items()]
    (folder / "list.csv").write_text("\n".join(["file,said,split", *rows]) + "\n")
    found = aligned(folder, aligner, table="list.csv", columns={"text": "said"}, splits=["test"])
    assert [one.recording.text for one in found.aligned] == ["abc cab", "Aab!"]
    with pytest.raises(CorpusError, match=r"expected a column of transcripts .* found said, split; name it \(--column"):
        aligned(folder, aligner, table="list.csv")
    with pytest.raises(CorpusError, match="expected recordings in splits valid below"):
        aligned(folder, aligner, table="list.csv", columns={"text": "said"}, splits=["valid"])


def test_texts_and_true_boundaries_come_from_a_reader(tmp_path, aligner):
    folder = write_speech(tmp_path / "speech")
    first = aligned(folder, aligner)
    write_alignment(tmp_path / "aligned", first, {})
    options = {"alignments": "../aligned/textgrids", "speaker": {"depth": 1}, "phones": ""}
    with open_transcripts(folder, TranscriptOptions(reader="textgrid", reader_options=options)) as found:
        again = align_recordings(found.recordings, aligner)
        errors, n_others = boundary_errors(again, found.labels)
    assert n_others == 0
    assert set(errors["speaker"]) == {"ada", "bo"}
    np.testing.assert_allclose(errors["found_s"], errors["true_s"], atol=1e-12)
    summary = summarise_errors(errors).set_index(["edge", "aligner"])
    assert summary.loc["onset", "n"].tolist() == [4, 4]
    assert summary.loc[("offset", "aligned"), ["median_ms", "within_20_ms"]].tolist() == [0, 1]
    assert summary.loc[("onset", "spread evenly"), "median_ms"] > 10
    with pytest.raises(AnalysisError, match=r"found none with the same labels in 3 recordings"):
        boundary_errors(first, found.labels)


def test_two_places_of_texts_are_refused():
    with pytest.raises(ConfigError, match="from a table or from a reader, found both"):
        TranscriptOptions(table="list.csv", reader="timit")


def test_an_older_alignment_is_replaced_only_if_asked_and_other_folders_never(tmp_path, aligner):
    found = aligned(write_speech(tmp_path / "speech"), aligner)
    write_alignment(tmp_path / "aligned", found, {})
    with pytest.raises(ConfigError, match=r"found an alignment in .*; choose another name, or add --force"):
        write_alignment(tmp_path / "aligned", found, {})
    write_alignment(tmp_path / "aligned", found, {}, replace=True)
    with pytest.raises(ConfigError, match="which is no alignment; choose another name"):
        write_alignment(tmp_path / "speech", found, {}, replace=True)
    assert (tmp_path / "speech" / "ada" / "one.wav").is_file()


def test_posteriors_of_windows_are_those_of_the_whole_for_a_short_recording_and_near_it_for_a_long_one():
    predictor = tiny_predictor("wav2vec2-ctc")
    waveform = noise(40_000)
    whole = predictor.from_waveform(predictor.prepare(waveform)[None])[0].log_softmax(-1)
    torch.testing.assert_close(log_posteriors(predictor, waveform, Windows(30, 5)), whole)
    windowed = log_posteriors(predictor, waveform, Windows(1.0, 0.4))
    assert windowed.shape == whole.shape
    assert (windowed.exp() - whole.exp()).abs().median() < 0.1


def test_a_head_with_frames_of_its_own_is_refused():
    predictor = tiny_predictor("wav2vec2-ctc", add_adapter=True, num_adapter_layers=1)
    with pytest.raises(CheckpointError, match=r"expected 49 frames of the CTC head, .* found 25; .* choose another"):
        log_posteriors(predictor, noise(16000), Windows(30, 5))


def test_a_classifier_does_not_align():
    with pytest.raises(ConfigError, match="expected a model with a CTC head to align with, found a classifier"):
        Aligner(tiny_predictor("hubert-classes"))
