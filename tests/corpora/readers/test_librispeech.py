import pytest
import soundfile
from librispeech_files import SPEAKERS, TEXTS, make, textgrid
from places import DATA as SAMPLES

from auscult.corpora.readers.librispeech import read_librispeech, read_speakers
from auscult.corpora.report import ImportReport
from auscult.errors import CorpusError, LabelError

DATA = SAMPLES / "librispeech"


def test_recordings_transcripts_speakers_and_alignments_come_together(tmp_path):
    utterances, segments = read_librispeech(make(tmp_path))
    assert utterances["utterance"].tolist() == ["174-50561-0000", "84-121123-0000", "84-121123-0001"]
    row = utterances.iloc[2]
    assert (row.speaker, row.gender, row.text, row.language) == ("84", "female", "DO YOU", "english")
    assert (row.subset, row.chapter, row.split, row.n_samples) == ("dev-clean", "121123", "valid", 8000)
    assert row.path == "LibriSpeech/dev-clean/84/121123/84-121123-0001.flac"
    said = segments[segments["utterance"] == row.utterance]
    assert said["label"].tolist() == ["do", "you", "sil", "AH", "AH"]
    assert said["onset"].tolist() == [1600, 4800, 0, 1600, 4800]
    assert said["parent"].tolist() == [-1, -1, -1, 0, 1]


def test_alignments_may_lie_beside_the_recordings_or_in_a_folder_of_their_own(tmp_path):
    beside, _ = read_librispeech(make(tmp_path / "a", alignments="LibriSpeech"))
    apart, _ = read_librispeech(make(tmp_path / "b", alignments="elsewhere"), alignments="elsewhere")
    outside = make(tmp_path / "c", alignments="../aligned")
    absolute, _ = read_librispeech(outside, alignments=str(tmp_path / "aligned"))
    assert beside.equals(apart)
    assert beside.equals(absolute)


def test_recordings_can_be_read_without_alignments(tmp_path):
    utterances, segments = read_librispeech(make(tmp_path, aligned=()), aligned=False)
    assert len(utterances) == 3
    assert segments.empty


@pytest.mark.parametrize(
    ("subset", "split"), [("train-clean-100", "train"), ("dev-other", "valid"), ("test-clean", "test")]
)
def test_the_split_is_that_of_the_subset(tmp_path, subset, split):
    assert set(read_librispeech(make(tmp_path, subset=subset))[0]["split"]) == {split}


def test_subsets_can_be_chosen(tmp_path):
    make(tmp_path)
    make(tmp_path, {"14-1-0000": "GO"}, subset="train-clean-360")
    assert read_librispeech(tmp_path, subsets=["train-clean-360"])[0]["speaker"].tolist() == ["14"]


@pytest.mark.parametrize("lines", ["84|F|x\n174 | M\n", "84\tf\tx\n174\tM\ty", "84,F,x\n174,M,y", "84 F x\n174 M y z"])
def test_separators_of_the_list_of_speakers_may_vary(tmp_path, lines):
    (tmp_path / "Speakers.txt").write_text(lines)
    assert read_speakers(tmp_path) == {"84": "female", "174": "male"}


def test_a_bar_in_a_name_does_not_disturb(tmp_path):
    make(tmp_path)
    assert read_speakers(tmp_path)["60"] == "male"


def test_a_speaker_of_two_genders_is_reported_and_has_none(tmp_path, caplog):
    utterances, _ = read_librispeech(make(tmp_path, speakers=SPEAKERS + "84 | M | dev-clean | 1 | again\n"))
    assert utterances.set_index("speaker")["gender"].to_dict() == {"174": "male", "84": ""}
    assert "1 speakers are listed with two genders, and get none: 84" in caplog.text


def test_an_utterance_that_was_not_aligned_is_left_out_and_named(tmp_path, caplog):
    utterances, _ = read_librispeech(make(tmp_path, aligned=list(TEXTS)[:2]))
    assert set(utterances["speaker"]) == {"84"}
    assert "1 of 3 utterances have no alignment and are left out: 174-50561-0000" in caplog.text


def test_many_utterances_without_alignment_are_refused(tmp_path):
    with pytest.raises(
        CorpusError, match=r"alignments of nearly all 3 utterances below .*, found none for 2, such as '174"
    ):
        read_librispeech(make(tmp_path, aligned=["84-121123-0001"]))


def test_words_that_differ_in_number_from_the_transcript_are_counted(tmp_path, caplog):
    make(tmp_path)
    (tmp_path / "alignments/dev-clean/84/121123/84-121123-0000.TextGrid").write_text(textgrid("GO ON"))
    with caplog.at_level("INFO"):
        read_librispeech(tmp_path)
    assert "1 utterances whose words differ in number from the transcript" in caplog.text


def test_a_missing_transcript_is_named(tmp_path):
    make(tmp_path)
    path = tmp_path / "LibriSpeech/dev-clean/84/121123/84-121123.trans.txt"
    path.write_text("84-121123-0000 GO\n")
    with pytest.raises(
        CorpusError, match=r"expected a transcript of 84-121123-0001 in .*, found 1 of others; the corpus"
    ):
        read_librispeech(tmp_path)
    path.unlink()
    with pytest.raises(
        CorpusError, match=r"expected transcripts .*84-121123\.trans\.txt beside 84-121123-0000\.flac, f"
    ):
        read_librispeech(tmp_path)


def test_a_speaker_who_is_not_listed_is_named(tmp_path):
    with pytest.raises(
        CorpusError, match=r"expected speaker 174 of 174-50561-0000\.flac in SPEAKERS\.TXT, found 1 other"
    ):
        read_librispeech(make(tmp_path, speakers="84 | F | dev-clean\n"))


def test_a_list_of_speakers_that_is_missing_or_malformed_is_told(tmp_path):
    with pytest.raises(CorpusError, match=r"expected SPEAKERS\.TXT below .*, found none; unpack the whole archive"):
        read_librispeech(make(tmp_path / "a", speakers=None))
    with pytest.raises(
        CorpusError, match=r"expected 'speaker \| F or M \| …', found '84 \| X \| dev-clean' at line 2 of"
    ):
        read_librispeech(make(tmp_path / "b", speakers="; comment\n84 | X | dev-clean\n"))


def test_times_in_the_wrong_unit_are_told(tmp_path):
    make(tmp_path)
    path = tmp_path / "alignments/dev-clean/84/121123/84-121123-0000.TextGrid"
    path.write_text(textgrid("GO").replace("\n0.3\n", "\n4800\n"))
    with pytest.raises(
        LabelError, match="expected times in seconds for utterance '84-121123-0000', found a word ending"
    ):
        read_librispeech(tmp_path)


@pytest.mark.parametrize("subsets", [(), ("test-clean",)])
def test_a_folder_without_the_subset_is_refused(tmp_path, subsets):
    if subsets:
        make(tmp_path)
    with pytest.raises(CorpusError, match=r"expected recordings such as dev-clean/84/.* below .*, found none; check"):
        read_librispeech(tmp_path, subsets=subsets)


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data, samples of real recordings")
def test_real_recordings_are_read(tmp_path):
    names = {"2412-153948-0000": "IF THE READER WILL EXCUSE ME", "2412-153948-0001": "I WILL SAY NOTHING"}
    make(tmp_path, names, speakers="2412 | F | dev-clean\n")
    for name in names:
        (tmp_path / f"LibriSpeech/dev-clean/2412/153948/{name}.flac").write_bytes((DATA / f"{name}.flac").read_bytes())
    utterances, _ = read_librispeech(tmp_path)
    assert (utterances["n_samples"] > 16000).all()
    assert set(utterances["gender"]) == {"female"}


def test_alignments_of_other_recordings_are_refused(tmp_path):
    make(tmp_path, {"84-121123-0000": "GO ON THEN", "84-121123-0001": "DO YOU", "174-50561-0000": "SHE HAD"})
    one, other = (tmp_path / f"alignments/dev-clean/84/121123/84-121123-000{i}.TextGrid" for i in (0, 1))
    swapped = one.read_text(), other.read_text()
    one.write_text(swapped[1])
    other.write_text(swapped[0])
    with pytest.raises(
        LabelError, match=r"words of the transcripts .*, found others in 2 of 3 utterances, such as '84-1"
    ):
        read_librispeech(tmp_path)


def test_a_few_alignments_with_other_words_are_counted(tmp_path, caplog):
    make(tmp_path, {f"84-121123-{i:04d}": "GO" for i in range(12)})
    (tmp_path / "alignments/dev-clean/84/121123/84-121123-0003.TextGrid").write_text(textgrid("STAY"))
    with caplog.at_level("INFO"):
        assert len(read_librispeech(tmp_path)[0]) == 12
    assert "1 that share less than half with it" in caplog.text


def test_words_that_the_aligner_did_not_know_are_nobody_else_s(tmp_path):
    make(tmp_path, {"84-121123-0000": "ZYGOTES GO", "174-50561-0000": "QUIXOTIC"})
    for name, text in (("84/121123/84-121123-0000", "<unk> go"), ("174/50561/174-50561-0000", "<unk>")):
        (tmp_path / f"alignments/dev-clean/{name}.TextGrid").write_text(textgrid(text))
    assert len(read_librispeech(tmp_path)[0]) == 2


def test_a_transcript_in_another_encoding_is_told_with_the_byte(tmp_path):
    make(tmp_path)
    path = tmp_path / "LibriSpeech/dev-clean/84/121123/84-121123.trans.txt"
    path.write_bytes("84-121123-0000 CAFÉ\n84-121123-0001 DO YOU\n".encode("latin-1"))
    with pytest.raises(
        CorpusError, match=r"transcripts in UTF-8 in .*, found byte 0xc9 at offset 18; convert the file"
    ):
        read_librispeech(tmp_path)


def test_labels_past_the_audio_are_clipped_on_request_and_counted(tmp_path):
    make(tmp_path)
    recordings = sorted(tmp_path.rglob("*.flac"))
    for path in recordings:
        samples, rate = soundfile.read(path)
        soundfile.write(path, samples[:4000], rate)
    with pytest.raises(LabelError, match=r"expected labels within the recording, .* option past_end"):
        read_librispeech(tmp_path)
    report = ImportReport()
    utterances, segments = read_librispeech(tmp_path, past_end="clip", report=report)
    assert (segments.groupby("utterance")["offset"].max() <= utterances["n_samples"].iloc[0]).all()
    assert report.changed["labels clipped at the end of their recording"]
