import numpy as np
import pytest
import soundfile
from places import DATA

from auscult.corpora.archives import unpack
from auscult.corpora.readers.timit import PHONE_CLASSES, fold_phone, phone_class, read_timit
from auscult.errors import CorpusError, LabelError

PHONES_61 = [
    "aa",
    "ae",
    "ah",
    "ao",
    "aw",
    "ax",
    "ax-h",
    "axr",
    "ay",
    "b",
    "bcl",
    "ch",
    "d",
    "dcl",
    "dh",
    "dx",
    "eh",
    "el",
    "em",
    "en",
    "eng",
    "epi",
    "er",
    "ey",
    "f",
    "g",
    "gcl",
    "h#",
    "hh",
    "hv",
    "ih",
    "ix",
    "iy",
    "jh",
    "k",
    "kcl",
    "l",
    "m",
    "n",
    "ng",
    "nx",
    "ow",
    "oy",
    "p",
    "pau",
    "pcl",
    "q",
    "r",
    "s",
    "sh",
    "t",
    "tcl",
    "th",
    "uh",
    "uw",
    "ux",
    "v",
    "w",
    "y",
    "z",
    "zh",
]
PHN = "0 800 h#\n800 1600 sh\n1600 2400 iy\n2400 3000 hv\n3000 3600 ae\n3600 4000 dcl\n4000 4500 q\n4500 8000 h#\n"
WRD = "800 2400 she\n2400 4000 had\n"


def make(folder, phn=PHN, wrd=WRD, n_samples=8000, sample_rate_hz=16000, name="dr1-fvmh0/sa1", txt="0 8000 She had.\n"):
    stem = folder / name
    stem.parent.mkdir(parents=True, exist_ok=True)
    upper = stem.name.isupper()
    samples = np.random.default_rng(0).integers(-999, 999, n_samples).astype(np.int16)
    for ending, text in ((".phn", phn), (".wrd", wrd), (".txt", txt)):
        if text is not None:
            stem.with_suffix(ending.upper() if upper else ending).write_text(text)
    if n_samples:
        audio = stem.with_suffix(".WAV" if upper else ".wav")
        soundfile.write(audio, samples, sample_rate_hz, format="NIST" if upper else "WAV", subtype="PCM_16")
    return folder


def rows(segments, tier):
    table = segments[segments["tier"] == tier]
    return list(table[["index", "label", "onset", "offset", "parent"]].itertuples(index=False, name=None))


def test_sixty_one_phones_fold_to_thirty_nine():
    folded = [fold_phone(phone) for phone in PHONES_61]
    assert (len(PHONES_61), len(set(folded) - {None})) == (61, 39)
    assert [phone for phone, to in zip(PHONES_61, folded) if to is None] == ["q"]


def test_each_folded_phone_has_one_class():
    phones = [phone for members in PHONE_CLASSES.values() for phone in members]
    assert sorted(phones) == sorted({fold_phone(phone) for phone in PHONES_61} - {None})
    assert [phone_class(fold_phone(phone)) for phone in ("ix", "dx", "jh", "zh", "eng", "el", "epi")] == [
        "vowel",
        "stop",
        "affricate",
        "fricative",
        "nasal",
        "approximant",
        "silence",
    ]


def test_a_phone_that_is_not_timit_s_is_named():
    with pytest.raises(LabelError, match=r"expected one of TIMIT's 61 phones, found 'ʃ'"):
        fold_phone("ʃ")


def test_labels_are_read_in_samples_with_words_as_parents(tmp_path):
    utterances, segments = read_timit(make(tmp_path))
    assert rows(segments, "word") == [(0, "she", 800, 2400, -1), (1, "had", 2400, 4000, -1)]
    assert rows(segments, "phone") == [
        (0, "sil", 0, 800, -1),
        (1, "sh", 800, 1600, 0),
        (2, "iy", 1600, 2400, 0),
        (3, "hh", 2400, 3000, 1),
        (4, "ae", 3000, 3600, 1),
        (5, "sil", 3600, 4000, 1),
        (6, "sil", 4500, 8000, -1),
    ]
    assert segments["label_61"].dropna().tolist() == ["h#", "sh", "iy", "hv", "ae", "dcl", "h#"]
    row = utterances.iloc[0]
    assert (row.utterance, row.speaker, row.gender, row.text) == ("fvmh0-sa1", "fvmh0", "female", "She had.")
    assert (row.dialect, row.sentence_type, row.n_samples, row.path) == ("dr1", "sa", 8000, "dr1-fvmh0/sa1.wav")


def test_the_full_layout_in_upper_case_with_nist_audio_is_read(tmp_path):
    for name in ("TRAIN/DR1/FCJF0/SA1", "TEST/DR7/MDVC0/SX36"):
        make(tmp_path, name=name)
    utterances, segments = read_timit(tmp_path)
    assert utterances["utterance"].tolist() == ["mdvc0-sx36", "fcjf0-sa1"]
    assert utterances["split"].tolist() == ["test", "train"]
    assert utterances["dialect"].tolist() == ["dr7", "dr1"]
    assert len(segments) == 18


def test_every_eighth_training_speaker_of_the_full_layout_validates(tmp_path):
    for number in range(9):
        make(tmp_path, name=f"TRAIN/DR1/FAA{chr(65 + number)}0/SA1")
    splits = read_timit(tmp_path)[0].set_index("speaker")["split"]
    assert splits[splits == "valid"].index.tolist() == ["faah0"]


def test_sentence_types_can_be_left_out(tmp_path):
    make(tmp_path, name="dr1-fvmh0/sa1")
    make(tmp_path, name="dr1-fvmh0/si836")
    assert read_timit(tmp_path, sentence_types=("si", "sx"))[0]["sentence"].tolist() == ["si836"]


def test_speakers_of_the_sample_are_for_testing_unless_divided(tmp_path):
    for name in ("faaa0", "fbbb0", "fccc0", "fddd0"):
        make(tmp_path, name=f"dr1-{name}/sa1")
    assert read_timit(tmp_path)[0]["split"].tolist() == ["test"] * 4
    assert read_timit(tmp_path, divide_speakers=True)[0]["split"].tolist() == ["train", "train", "valid", "test"]


def test_a_consonant_shared_by_two_words_goes_to_the_later_one(tmp_path, caplog):
    with caplog.at_level("INFO"):
        _, segments = read_timit(make(tmp_path, wrd="800 2400 she\n1600 4000 had\n"))
    assert rows(segments, "word") == [(0, "she", 800, 1600, -1), (1, "had", 1600, 4000, -1)]
    assert "1 words cut where the next begins" in caplog.text


@pytest.mark.parametrize("wrd", ["800 8000 she\n2400 4000 had\n", "800 4000 she\n800 4000 had\n"])
def test_words_that_overlap_otherwise_are_refused(tmp_path, wrd):
    with pytest.raises(LabelError, match=r"expected no overlap within a tier, found word 'had' at samples"):
        read_timit(make(tmp_path, wrd=wrd))


def test_phones_that_overlap_are_refused(tmp_path):
    with pytest.raises(LabelError, match=r"expected no overlap within a tier, found phone 'sh' at samples 700–1600"):
        read_timit(make(tmp_path, phn=PHN.replace("800 1600 sh", "700 1600 sh")))


def test_a_label_a_little_past_the_audio_is_cut_and_counted(tmp_path, caplog):
    with caplog.at_level("INFO"):
        _, segments = read_timit(make(tmp_path, n_samples=7700))
    assert segments["offset"].max() == 7700
    assert "1 labels cut at the end of audio" in caplog.text


def test_labels_far_past_the_audio_are_refused(tmp_path):
    with pytest.raises(
        LabelError, match=r"labels within the recording, found phone 'sil' at samples 4500–8000 in a rec"
    ):
        read_timit(make(tmp_path, n_samples=5000))


def test_labels_in_seconds_are_noticed(tmp_path):
    with pytest.raises(
        LabelError, match=r"times as sample indices, found '0\.0 0\.05 h#' at line 1 of .*sa1\.phn; times in s"
    ):
        read_timit(make(tmp_path, phn="0.0 0.05 h#\n0.05 0.5 sh\n"))


def test_labels_in_whole_seconds_are_noticed(tmp_path):
    with pytest.raises(
        LabelError, match=r"expected labels in samples, found the last .* ending at 2 of 32000 samples.*seconds"
    ):
        read_timit(make(tmp_path, phn="0 1 h#\n1 2 sh\n", wrd="1 2 she\n", n_samples=32000))


def test_labels_follow_audio_at_another_rate(tmp_path):
    _, segments = read_timit(make(tmp_path, n_samples=4000, sample_rate_hz=8000))
    assert rows(segments, "word") == [(0, "she", 400, 1200, -1), (1, "had", 1200, 2000, -1)]


def test_an_empty_label_file_is_refused(tmp_path):
    with pytest.raises(LabelError, match=r"expected lines 'onset offset label' in .*sa1\.phn, found none"):
        read_timit(make(tmp_path, phn=""))


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(
        CorpusError, match=r"expected TIMIT labels such as .* below .*, found none; check the source folder"
    ):
        read_timit(tmp_path)


@pytest.mark.parametrize(
    ("ending", "given"), [("wav", {"n_samples": 0}), ("wrd", {"wrd": None}), ("txt", {"txt": None})]
)
def test_a_missing_file_is_named(tmp_path, ending, given):
    with pytest.raises(
        CorpusError, match=rf"expected sa1\.{ending} beside .*sa1\.phn, found no such file; the corpus is inc"
    ):
        read_timit(make(tmp_path, **given))


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data, samples of real recordings")
def test_the_public_sample_is_read(tmp_path):
    unpack(DATA / "timit.zip", tmp_path / "timit")
    utterances, segments = read_timit(tmp_path / "timit")
    phones = segments[segments["tier"] == "phone"]
    assert (len(utterances), utterances["speaker"].nunique(), len(phones), phones["label"].nunique()) == (
        80,
        8,
        2934,
        39,
    )
    assert utterances.groupby("gender")["speaker"].nunique().to_dict() == {"female": 4, "male": 4}
    assert (phones["parent"] >= 0)[phones["label"] != "sil"].all()


def test_all_bad_files_are_named_at_once(tmp_path):
    make(tmp_path)
    soundfile.write(make(tmp_path, name="dr1-fvmh0/sa2") / "dr1-fvmh0" / "sa2.wav", np.zeros(0), 16000)
    make(tmp_path, name="dr1-fvmh0/si1", phn="0 0.5 h#\n")
    with pytest.raises(
        CorpusError, match=r"found faults in 2 of 3 utterances: \(1\) .*0\.5 h#.*si1\.phn.*\(2\) .*sa2\.wav"
    ):
        read_timit(tmp_path)
