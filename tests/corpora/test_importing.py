import logging
import os

import numpy as np
import pandas as pd
import pytest
import soundfile
from places import DATA

from auscult.corpora.archives import unpack
from auscult.corpora.corpus import read_corpus
from auscult.corpora.fetch import fetch_file
from auscult.corpora.importing import import_corpus
from auscult.corpora.walk import list_source
from auscult.errors import AudioError, ConfigError, CorpusError, LabelError, StorageError
from auscult.manifests import check_folder


def make(folder, speaker="fvmh0", sample_rate_hz=16000, n_channels=1, n_samples=None, samples=None, last=8000):
    """Write one TIMIT sentence of 0.5 s, with labels at 16 kHz for audio of any rate."""
    stem = folder / f"dr1-{speaker}" / "sa1"
    stem.parent.mkdir(parents=True, exist_ok=True)
    stem.with_suffix(".phn").write_text(f"0 1601 h#\n1601 4000 sh\n4000 {last} iy\n")
    stem.with_suffix(".wrd").write_text(f"1601 {last} she\n")
    stem.with_suffix(".txt").write_text(f"0 {last} She.\n")
    if samples is None:
        shape = (n_samples or sample_rate_hz // 2, n_channels)
        samples = np.random.default_rng(len(speaker)).integers(-9999, 9999, shape).astype(np.int16)
    options = {"subtype": "FLOAT"} if samples.dtype == np.float32 else {}
    soundfile.write(stem.with_suffix(".wav"), samples, sample_rate_hz, **options)
    return folder


def bring(folder, source, **settings):
    return import_corpus(folder, corpus="tiny", reader="timit", source=source, **settings)


def test_audio_of_the_common_form_is_kept_sample_by_sample(tmp_path):
    bring(tmp_path / "c", make(tmp_path / "s"))
    corpus = read_corpus(tmp_path / "c")
    original = soundfile.read(tmp_path / "s" / "dr1-fvmh0" / "sa1.wav", dtype="float32")[0]
    assert np.array_equal(corpus.waveform("fvmh0-sa1"), original)
    assert corpus.utterances.loc[0, ["corpus", "path"]].tolist() == ["tiny", "audio/fvmh0-sa1.flac"]


def test_telephone_stereo_is_brought_to_the_common_form_and_reported(tmp_path, caplog):
    make(tmp_path / "s")
    make(tmp_path / "s", speaker="mabc0", sample_rate_hz=8000, n_channels=2)
    with caplog.at_level(logging.INFO):
        bring(tmp_path / "c", tmp_path / "s")
    corpus = read_corpus(tmp_path / "c")
    assert corpus.utterances["n_samples"].tolist() == [8000, 8000]
    assert corpus.segments.groupby("utterance")["offset"].max().tolist() == [8000, 8000]
    assert "1 recordings resampled from 8000 to 16000 Hz, which hold nothing above 4000 Hz" in caplog.text
    assert "1 recordings whose channels were averaged" in caplog.text
    assert "2 utterances of 2 speakers, 0.0 min, 6 phones, 2 words" in caplog.text


def test_another_sample_rate_is_refused_on_request_and_leaves_nothing(tmp_path):
    source = make(tmp_path / "s", sample_rate_hz=8000)
    with pytest.raises(AudioError, match=r"expected 16000 Hz, found 8000 Hz in .*sa1\.wav; allow resampling"):
        bring(tmp_path / "out" / "c", source, resample=False)
    assert list((tmp_path / "out").iterdir()) == []


def test_the_same_source_gives_the_same_bytes_with_any_number_of_workers(tmp_path):
    source = make(make(tmp_path / "s", sample_rate_hz=44100), speaker="mabc0")
    first, second = bring(tmp_path / "a", source), bring(tmp_path / "b", source, n_workers=3)
    assert (first.sha256, first.recipe["reader"]) == (second.sha256, "timit")


def test_a_changed_source_is_another_recipe(tmp_path):
    first = bring(tmp_path / "a", make(tmp_path / "s"), parents={"archive": "0" * 64})
    second = bring(tmp_path / "b", make(tmp_path / "s", last=7999))
    assert first.recipe != second.recipe
    assert first.parents == {"archive": "0" * 64}


def test_options_reach_the_reader(tmp_path):
    source = make(tmp_path / "s")
    bring(tmp_path / "c", source, options={"language": "dutch"})
    assert read_corpus(tmp_path / "c").utterances["language"].tolist() == ["dutch"]
    with pytest.raises(CorpusError, match=r"expected TIMIT labels such as .* of types si, sx below"):
        bring(tmp_path / "c", source, options={"sentence_types": ["si", "sx"]})


def test_an_unknown_reader_lists_those_there_are(tmp_path):
    with pytest.raises(
        ConfigError,
        match="expected a reader among timit, textgrid, librispeech, homophones, fluent, thchs30, must-she, "
        "recordings, collection, conllu, blimp, found 'praat'",
    ):
        import_corpus(tmp_path / "c", corpus="tiny", reader="praat", source=tmp_path)


def test_an_unknown_option_lists_those_there_are(tmp_path):
    with pytest.raises(
        ConfigError,
        match=r"options of reader 'timit' among sentence_types, language, divide_speakers, encoding, found 'lang'",
    ):
        bring(tmp_path / "c", tmp_path, options={"lang": "en"})


def test_a_missing_source_is_named(tmp_path):
    with pytest.raises(CorpusError, match=r"expected the source of corpus 'tiny' at .*none, found no such folder"):
        bring(tmp_path / "c", tmp_path / "none")


def test_a_recording_much_longer_than_its_labels_is_refused(tmp_path):
    with pytest.raises(
        LabelError, match=r"at least half .*'fvmh0-sa1' ending at 8000 of 32000 samples \(1 such .*another rec"
    ):
        bring(tmp_path / "c", make(tmp_path / "s", n_samples=32000))


def test_a_recording_somewhat_longer_than_its_labels_is_reported(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    bring(tmp_path / "c", make(tmp_path / "s", n_samples=48000, last=30000))
    assert "recordings longer than their labels by more than 1 s: 1" in caplog.text


def test_a_recording_shorter_than_its_labels_is_refused(tmp_path):
    with pytest.raises(
        LabelError, match=r"expected labels within the recording, found .* in a recording of 6000 samples"
    ):
        bring(tmp_path / "c", make(tmp_path / "s", n_samples=6000))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, r"found 8000 samples of silence"),
        (np.nan, r"expected finite samples"),
        (9, r"expected samples within \[-1, 1\]"),
    ],
)
def test_a_recording_that_cannot_be_right_leaves_nothing(tmp_path, value, message):
    source = make(tmp_path / "s", samples=np.full(8000, value, dtype=np.float32))
    with pytest.raises(AudioError, match=message):
        bring(tmp_path / "out" / "c", source)
    assert list((tmp_path / "out").iterdir()) == []


def test_all_bad_recordings_are_in_one_report(tmp_path):
    source = tmp_path / "s"
    make(source)
    make(source, speaker="mabc0", samples=np.zeros(8000, dtype=np.float32))
    make(source, speaker="mdef0", samples=np.full(8000, 9, dtype=np.float32))
    make(source, speaker="mghi0", samples=np.full(8000, np.nan, dtype=np.float32))
    with pytest.raises(
        AudioError, match=r"found faults in 3 of 4 recordings: \(1\) expected finite samples in .*mghi0"
    ) as e:
        bring(tmp_path / "c", source)
    assert "(2) expected samples within [-1, 1]" in str(e.value)
    assert "(3) expected sound in" in str(e.value)
    assert "export the recording again; or: " in str(e.value)
    assert not (tmp_path / "c").exists()


def test_the_manifest_says_what_was_changed_and_left_out(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 8000).astype(np.float32)
    samples[:2] = 1.001
    make(tmp_path / "s", samples=samples)
    make(tmp_path / "s", speaker="mabc0", sample_rate_hz=8000)
    (tmp_path / "s" / ".DS_Store").touch()
    report = bring(tmp_path / "c", tmp_path / "s").import_report
    assert report["left_out"] == {".DS_Store": 1}
    assert report["changed"] == {
        "recordings resampled from 8000 to 16000 Hz, which hold nothing above 4000 Hz": 1,
        "recordings with samples clipped to full scale": 1,
        "samples clipped to full scale": 2,
    }
    assert "2 samples clipped to full scale; left out: 1 .DS_Store" in caplog.text


def test_files_that_systems_leave_behind_do_not_change_the_corpus(tmp_path):
    source = make(tmp_path / "s")
    first = bring(tmp_path / "a", source)
    (source / ".DS_Store").write_bytes(b"Bud1")
    (source / ".git").mkdir()
    (source / ".git" / "index").write_bytes(b"x")
    assert bring(tmp_path / "b", source).recipe == first.recipe


def test_a_full_disk_is_told_in_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    source = make(tmp_path / "s")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"expected to write .*, found: No space left on device; free space"):
        bring(tmp_path / "out" / "c", source)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data, samples of real recordings")
def test_the_public_sample_comes_from_a_mirror_into_a_corpus(tmp_path):
    url = "https://invalid.invalid/packages/corpora/timit.zip"
    fetch_file(url, tmp_path / "timit.zip", sha256=None, mirrors=[DATA.as_uri()], record=tmp_path / "hashes.json")
    unpack(tmp_path / "timit.zip", tmp_path / "source")
    import_corpus(tmp_path / "c", corpus="timit", reader="timit", source=tmp_path / "source")
    segments = pd.read_parquet(tmp_path / "c" / "segments.parquet")
    assert segments["tier"].value_counts().to_dict() == {"phone": 2934, "word": 696}
    assert len([name for name in check_folder(tmp_path / "c").files if name.endswith(".flac")]) == 80


def test_an_option_of_the_wrong_kind_is_told(tmp_path):
    with pytest.raises(
        ConfigError, match="expected option words of the corpus to be a name or a list of names, found 3"
    ):
        import_corpus(tmp_path / "c", corpus="c", reader="textgrid", source=tmp_path, options={"words": 3})
    with pytest.raises(ConfigError, match="expected option language of reader 'textgrid' to be text, found 3"):
        import_corpus(tmp_path / "c", corpus="c", reader="textgrid", source=tmp_path, options={"language": 3})


def test_alignments_outside_the_source_are_part_of_it(tmp_path):
    (tmp_path / "corpus").mkdir()
    (tmp_path / "aligned").mkdir()
    (tmp_path / "corpus" / "a.wav").write_bytes(b"1")
    (tmp_path / "aligned" / "a.TextGrid").write_bytes(b"2")
    names = [path.name for path in list_source(tmp_path / "corpus", {"alignments": "../aligned"})]
    assert names == ["a.wav", "a.TextGrid"]
    assert [path.name for path in list_source(tmp_path, {"alignments": "aligned"})] == ["a.TextGrid", "a.wav"]
