import numpy as np
import parselmouth
import pytest
import soundfile
from parselmouth.praat import call
from places import DATA

from auscult.corpora.readers.praat import read_textgrid
from auscult.corpora.readers.textgrid import read_textgrids
from auscult.corpora.report import ImportReport
from auscult.errors import AudioError, ConfigError, CorpusError, LabelError

WORDS = [(0, 0.1, ""), (0.1, 0.4, "she"), (0.4, 0.5, "")]
PHONES = [(0, 0.1, ""), (0.1, 0.2, "SH"), (0.2, 0.4, "IY1"), (0.4, 0.5, "spn")]


def make(folder, tiers=None, stem="anna_1", n_samples=8000, encoding="utf-8"):
    tiers = {"words": WORDS, "phones": PHONES} if tiers is None else tiers
    end = max((offset for intervals in tiers.values() for _, offset, _ in intervals), default=1)
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", str(end), "<exists>", str(len(tiers))]
    for name, intervals in tiers.items():
        lines += ['"IntervalTier"', f'"{name}"', "0", str(end), str(len(intervals))]
        lines += [f'{onset}\n{offset}\n"{label}"' for onset, offset, label in intervals]
    path = folder / f"{stem}.TextGrid"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("\n".join([*lines, ""]).encode(encoding))
    if n_samples:
        soundfile.write(path.with_suffix(".wav"), np.random.default_rng(0).uniform(-0.1, 0.1, n_samples), 16000)
    return folder


def test_seconds_become_samples_and_pauses_are_kept_among_phones(tmp_path):
    utterances, segments = read_textgrids(make(tmp_path), language="english")
    columns = ["tier", "index", "label", "onset", "offset", "parent"]
    assert list(segments[columns].itertuples(index=False, name=None)) == [
        ("word", 0, "she", 1600, 6400, -1),
        ("phone", 0, "sil", 0, 1600, -1),
        ("phone", 1, "SH", 1600, 3200, 0),
        ("phone", 2, "IY", 3200, 6400, 0),
        ("phone", 3, "spn", 6400, 8000, -1),
    ]
    assert segments["phone_class"].tolist()[1:] == ["silence", "fricative", "vowel", "noise"]
    assert segments["stress"].tolist()[1:] == ["", "", "1", ""]
    row = utterances.iloc[0]
    assert (row.utterance, row.speaker, row.text, row.language, row.split) == (
        "anna_1",
        "anna",
        "she",
        "english",
        "test",
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_labels_beyond_ascii_are_read_in_either_encoding(tmp_path, encoding):
    make(tmp_path, {"words": [(0, 0.5, "čaj")], "phones": [(0, 0.5, "tʃ")]}, encoding=encoding)
    assert read_textgrid(tmp_path / "anna_1.TextGrid") == {"words": [(0, 0.5, "čaj")], "phones": [(0, 0.5, "tʃ")]}


def test_the_speaker_is_named_by_the_folder_or_the_tier(tmp_path):
    make(tmp_path, stem="bert/x")
    make(tmp_path, {"carla - words": WORDS, "carla - phones": PHONES}, stem="bert/y")
    utterances, _ = read_textgrids(tmp_path)
    assert utterances[["utterance", "speaker"]].to_numpy().tolist() == [["bert-x", "bert"], ["bert-y", "carla"]]


def test_a_table_says_more_about_speakers(tmp_path):
    make(tmp_path, stem="anna_1")
    make(tmp_path, stem="bert_1")
    (tmp_path / "speakers.csv").write_text("speaker,gender,language,split\nanna,female,dutch,test\nbert,male,,\n")
    utterances, _ = read_textgrids(tmp_path, language="english", divide_speakers=True)
    columns = ["speaker", "gender", "language", "split"]
    assert utterances[columns].to_numpy().tolist() == [
        ["anna", "female", "dutch", "test"],
        ["bert", "male", "english", "train"],
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "speaker\nbert\n",
            r"every speaker in .*speakers\.csv, found no anna \(1 of 1 speakers\); add a line for each",
        ),
        ("speaker,split\nanna,dev\n", r"expected split to be one of train, valid, test or empty in .*, found 'dev'"),
        ("name\nanna\n", r"expected a column 'speaker' in .*speakers\.csv, found name; name the column"),
        ("speaker\nanna\nanna\n", r"expected every speaker once in .*speakers\.csv, found 'anna' \(1 such cells\)"),
        ("speaker,label\nanna,x\n", r"expected columns with names of their own in .*, found 'label'"),
    ],
)
def test_a_wrong_table_of_speakers_is_told(tmp_path, content, message):
    (tmp_path / "speakers.csv").write_text(content)
    with pytest.raises(CorpusError, match=message):
        read_textgrids(make(tmp_path))


def test_times_in_samples_are_noticed(tmp_path):
    with pytest.raises(
        LabelError, match=r"expected times in seconds in .*, found an end at 8000 .* of 0\.500 s .*look like sam"
    ):
        read_textgrids(make(tmp_path, {"words": [(0, 8000, "she")], "phones": [(0, 8000, "IY1")]}))


def test_labels_past_the_audio_are_refused(tmp_path):
    with pytest.raises(
        LabelError, match=r"labels within the recording, found word 'she' at samples 1600–6400 in a rec.* 6000"
    ):
        read_textgrids(make(tmp_path, n_samples=6000))


def test_a_label_a_little_past_the_audio_is_cut_and_counted(tmp_path):
    report = ImportReport()
    _, segments = read_textgrids(make(tmp_path, n_samples=7900), report=report)
    assert segments["offset"].max() == 7900
    assert report.changed["labels cut at the end of audio, up to 20 ms"] == 1


def test_phones_of_no_known_class_are_reported(tmp_path, caplog):
    with caplog.at_level("INFO"):
        rows = [(k / 100, (k + 1) / 100, "SH") for k in range(48)]
        _, segments = read_textgrids(make(tmp_path, {"words": WORDS, "phones": [*rows, (0.48, 0.5, "4x")]}))
    assert "alphabet of phones: arpabet; phones without a known class: '4x' (1)" in caplog.text
    assert segments.iloc[-1][["label", "phone_class"]].tolist() == ["4x", ""]


def test_a_missing_tier_is_named_with_those_there_are(tmp_path):
    with pytest.raises(
        LabelError, match=r"expected a tier 'phones' or .* none in 1 of 1, .*: 'words', 'segments'; name the tiers"
    ):
        read_textgrids(make(tmp_path, {"words": WORDS, "segments": PHONES}))


def test_tiers_of_other_names_are_read_on_request(tmp_path):
    _, segments = read_textgrids(make(tmp_path, {"ORT": WORDS, "MAU": PHONES}), words="ort", phones="mau")
    assert len(segments) == 5


def test_two_speakers_in_one_file_are_refused(tmp_path):
    tiers = {f"{speaker} - {tier}": PHONES for speaker in ("anna", "bert") for tier in ("words", "phones")}
    with pytest.raises(
        LabelError, match=r"expected one speaker in .*, found tiers anna - words, bert - words \(1 such files\); read"
    ):
        read_textgrids(make(tmp_path, tiers))


def test_two_tiers_of_one_name_are_refused(tmp_path):
    make(tmp_path)
    path = tmp_path / "anna_1.TextGrid"
    path.write_text(path.read_text().replace('"phones"', '"words"'))
    with pytest.raises(LabelError, match=r"expected tiers of different names in .*, found 'words' twice"):
        read_textgrids(tmp_path)


def test_text_that_is_no_textgrid_is_refused_in_one_line(tmp_path):
    (tmp_path / "a.TextGrid").write_text("nonsense")
    with pytest.raises(
        LabelError, match=r"expected a Praat TextGrid in .*a\.TextGrid, found text that Praat"
    ) as caught:
        read_textgrid(tmp_path / "a.TextGrid")
    assert "\n" not in str(caught.value)


def test_audio_called_a_textgrid_is_refused(tmp_path):
    make(tmp_path)
    (tmp_path / "anna_1.wav").rename(tmp_path / "anna_1.TextGrid")
    with pytest.raises(LabelError, match=r"expected a Praat TextGrid in .*, found a Sound"):
        read_textgrid(tmp_path / "anna_1.TextGrid")


def test_a_textgrid_without_its_recording_is_refused(tmp_path):
    with pytest.raises(
        CorpusError, match=r"expected a recording of the same name .*, found no recording for 1: .*anna_1\.TextGrid"
    ):
        read_textgrids(make(tmp_path, n_samples=0))


def test_a_folder_without_textgrids_is_refused(tmp_path):
    with pytest.raises(CorpusError, match=r"expected recordings with TextGrids below .*, found no \.TextGrid"):
        read_textgrids(tmp_path)


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data, samples of real recordings")
def test_what_the_montreal_forced_aligner_wrote_is_read(caplog):
    with caplog.at_level("INFO"):
        utterances, segments = read_textgrids(DATA / "mfa")
    assert segments["tier"].value_counts().to_dict() == {"phone": 234, "word": 61}
    assert utterances["text"].iloc[1] == "montreal forced aligner"
    assert (segments.loc[(segments["tier"] == "phone") & (segments["label"] != "sil"), "parent"] >= 0).all()
    # The two files are of models of two alphabets: the corpus is read as the more frequent one, and the rest is named.
    assert "alphabet of phones: arpabet" in caplog.text
    assert "phones without a known class: 'ɒ' (2), 'ɹ' (2)" in caplog.text


def test_recordings_without_labels_are_counted_and_left_out(tmp_path):
    make(tmp_path)
    soundfile.write(tmp_path / "anna_2.WAV", np.full(800, 0.1), 16000, format="WAV")
    report = ImportReport()
    utterances, _ = read_textgrids(tmp_path, report=report)
    assert len(utterances) == 1
    assert report.content()["left_out"] == {"recordings without a TextGrid": 1}


def test_two_recordings_of_one_stem_are_refused(tmp_path):
    make(tmp_path)
    soundfile.write(tmp_path / "anna_1.flac", np.full(800, 0.1), 16000)
    with pytest.raises(
        CorpusError, match=r"expected one recording of each name, found 1 names of several recordings: .*flac and .*wav"
    ):
        read_textgrids(tmp_path)


def test_an_empty_recording_is_not_blamed_on_its_labels(tmp_path):
    make(tmp_path)
    soundfile.write(tmp_path / "anna_1.wav", np.zeros(0), 16000)
    with pytest.raises(AudioError, match=r"expected samples in .*anna_1\.wav, found an empty recording"):
        read_textgrids(tmp_path)


@pytest.mark.parametrize(
    "name", ["[SIL]", "SIL", "pau", "sp", "SP", "<eps>", "{SL}", "#", "<b>", "-", "_", "h#", "</s>", "(...)", "SIL_S"]
)
def test_pauses_have_many_names_in_words_and_phones(tmp_path, name):
    tiers = {"words": [(0, 0.1, name), (0.1, 0.5, "she")], "phones": [(0, 0.1, name), *PHONES[1:]]}
    _, segments = read_textgrids(make(tmp_path, tiers))
    assert segments[["tier", "label", "phone_class"]].to_numpy().tolist()[:2] == [
        ["word", "she", ""],
        ["phone", "sil", "silence"],
    ]


def test_a_word_spelt_like_a_pause_is_a_word_if_it_has_phones(tmp_path):
    tiers = {"words": [(0, 0.3, "pau"), (0.3, 0.5, "sp")], "phones": [(0, 0.1, "p"), (0.1, 0.3, "au"), (0.3, 0.5, "")]}
    _, segments = read_textgrids(make(tmp_path, tiers))
    assert segments["label"].tolist() == ["pau", "p", "au", "sil"]


def test_further_names_of_pauses_are_an_option(tmp_path):
    tiers = {"words": WORDS, "phones": [*PHONES[:-1], (0.4, 0.5, "stille")]}
    _, segments = read_textgrids(make(tmp_path, tiers), pauses=["stille"])
    assert segments.iloc[-1][["label", "phone_class"]].tolist() == ["sil", "silence"]


def test_pauses_of_no_length_are_dropped_and_counted_and_their_neighbours_kept(tmp_path):
    phones = [*PHONES[:2], (0.2, 0.2, "sp"), *PHONES[2:]]
    report = ImportReport()
    _, segments = read_textgrids(make(tmp_path, {"words": WORDS, "phones": phones}), report=report)
    assert segments.loc[segments["tier"] == "phone", "label"].tolist() == ["sil", "SH", "IY", "spn"]
    assert report.left_out["pauses of no length"] == 1


def test_a_phone_of_no_length_is_refused(tmp_path):
    phones = [*PHONES[:2], (0.2, 0.2, "T"), *PHONES[2:]]
    with pytest.raises(LabelError, match="expected an offset after its onset, found phone 'T' at samples 3200–3200"):
        read_textgrids(make(tmp_path, {"words": WORDS, "phones": phones}))


def test_phones_are_read_without_words(tmp_path, caplog):
    utterances, segments = read_textgrids(make(tmp_path, {"phone": PHONES}))
    assert set(segments["tier"]) == {"phone"}
    assert utterances["text"].tolist() == [""]
    assert "no TextGrid has a tier 'words' or 'word' or 'ORT-MAU'; only phones are read" in caplog.text


def test_words_that_only_some_textgrids_have_are_refused_unless_none_are_wanted(tmp_path):
    make(tmp_path)
    make(tmp_path, {"phones": PHONES}, stem="bert_1")
    with pytest.raises(
        LabelError, match=r"expected a tier 'words' .* found none in 1 of 2, .*bert_1\.TextGrid: 'phones'"
    ):
        read_textgrids(tmp_path)
    assert set(read_textgrids(tmp_path, words="")[1]["tier"]) == {"phone"}


def test_one_tier_has_several_names_over_a_corpus(tmp_path):
    make(tmp_path)
    make(tmp_path, {"words": WORDS, "Narrow": PHONES}, stem="bert_1")
    assert len(read_textgrids(tmp_path, phones=["phones", "narrow"])[1]) == 10


@pytest.mark.parametrize("option", [{"words": 3}, {"phones": {"a": 1}}, {"pauses": [1]}])
def test_names_of_the_wrong_kind_are_refused(tmp_path, option):
    with pytest.raises(
        ConfigError, match=rf"expected option {next(iter(option))} of the corpus to be a name or a list"
    ):
        read_textgrids(make(tmp_path), **option)


def test_labels_of_no_alphabet_are_refused_with_their_numbers(tmp_path):
    tones = [(0, 0.1, "T1"), (0.1, 0.2, "T2"), (0.2, 0.3, "T3"), (0.3, 0.5, "T1")]
    with pytest.raises(
        LabelError, match=r"found 3 of 3 labels \(4 of 4 tokens\) .*: 'T1' \(2\), 'T2' \(1\), 'T3' \(1\)"
    ):
        read_textgrids(make(tmp_path, {"words": WORDS, "phones": tones}))


def test_labels_of_no_alphabet_are_kept_whole_on_request(tmp_path):
    tones = [(0, 0.1, "T1"), (0.1, 0.2, "T2"), (0.2, 0.5, "IH1")]
    _, segments = read_textgrids(make(tmp_path, {"words": WORDS, "phones": tones}), alphabet="none")
    phones = segments[segments["tier"] == "phone"]
    assert phones[["label", "stress", "phone_class"]].to_numpy().tolist() == [
        ["T1", "", ""],
        ["T2", "", ""],
        ["IH1", "", ""],
    ]


def test_stress_digits_come_off_vowels_only(tmp_path, caplog):
    rows = [(k / 100, (k + 1) / 100, "IH1") for k in range(48)]
    with caplog.at_level("INFO"):
        _, segments = read_textgrids(make(tmp_path, {"words": WORDS, "phones": [*rows, (0.48, 0.5, "T1")]}))
    assert segments["label"].tolist()[1:] == ["IH"] * 48 + ["T1"]
    assert "48 stress marks moved to column stress; phones without a known class: 'T1' (1)" in caplog.text


def test_one_sound_in_ipa_has_one_label(tmp_path):
    labels = ["ʧ", "t͜ʃ", "t͡ʃ", "c\u0327", "\u00e7", "a:", "aː", "ˈaː"]
    rows = [(k / 16, (k + 1) / 16, label) for k, label in enumerate(labels)]
    _, segments = read_textgrids(make(tmp_path, {"phones": rows}))
    assert segments["label"].tolist() == ["t͡ʃ"] * 3 + ["\u00e7"] * 2 + ["aː"] * 3
    assert segments["stress"].tolist() == [""] * 7 + ["1"]


def test_words_in_one_unicode_form(tmp_path):
    make(tmp_path, {"words": [(0, 0.2, "u\u0308ber"), (0.2, 0.5, "\u00fcber")], "phones": PHONES})
    assert read_textgrids(tmp_path)[0]["text"].tolist() == ["\u00fcber \u00fcber"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-8-sig"])
def test_encodings_are_recognised(tmp_path, encoding):
    make(tmp_path, {"words": [(0, 0.5, "ʃčaj")], "phones": [(0, 0.5, "tʃ")]}, encoding=encoding)
    assert read_textgrid(tmp_path / "anna_1.TextGrid")["words"] == [(0, 0.5, "ʃčaj")]


def test_latin_1_is_read_with_a_warning(tmp_path, caplog):
    make(tmp_path, {"words": [(0, 0.5, "grün")], "phones": PHONES}, encoding="latin-1")
    assert read_textgrids(tmp_path)[0]["text"].tolist() == ["grün"]
    assert "was read as Latin-1, as Praat does, with the letters ü; if they are wrong" in caplog.text


def test_another_encoding_must_be_stated(tmp_path):
    make(tmp_path, {"words": [(0, 0.5, "grün")], "phones": PHONES}, encoding="mac-roman")
    with pytest.raises(
        LabelError, match=r"expected text in UTF-8 in .*, found byte 0x9f in line 15; convert the file, or"
    ):
        read_textgrids(tmp_path)
    assert read_textgrids(tmp_path, encoding="mac-roman")[0]["text"].tolist() == ["grün"]
    with pytest.raises(ConfigError, match=r"expected the encoding of the label files .*, found 'klingon'"):
        read_textgrids(tmp_path, encoding="klingon")


def test_praats_codes_are_characters_but_not_in_xsampa(tmp_path):
    make(tmp_path, {"words": [(0, 0.5, "x")], "phones": [(0, 0.2, r"\sw"), (0.2, 0.5, r"\ng")]})
    assert read_textgrids(tmp_path)[1]["label"].tolist() == ["x", "ə", "ŋ"]
    make(tmp_path, {"words": [(0, 0.5, "x")], "phones": [(0, 0.2, "s\\"), (0.2, 0.5, "@")]})
    _, segments = read_textgrids(tmp_path, alphabet="xsampa")
    assert segments[["label", "ipa"]].to_numpy().tolist() == [["x", ""], ["s\\", "ɕ"], ["@", "ə"]]


def test_a_damaged_textgrid_is_named_with_its_line(tmp_path):
    make(tmp_path)
    path = tmp_path / "anna_1.TextGrid"
    path.write_text(path.read_text().replace('"she"', "she"))
    with pytest.raises(
        LabelError, match=r"found '0\.4' instead of a text in quotation marks at line 19; export it again"
    ):
        read_textgrid(path)


@pytest.mark.parametrize("form", ["text", "short text", "chronological text", "binary"])
def test_every_form_that_praat_writes_is_read(tmp_path, form):
    make(tmp_path, {"words": [(0, 0.5, 'say ""čaj""')], "phones": PHONES})
    grid = parselmouth.Data.read(str(tmp_path / "anna_1.TextGrid"))
    call(grid, f"Save as {form} file", str(tmp_path / "other.TextGrid"))
    assert read_textgrid(tmp_path / "other.TextGrid") == {"words": [(0, 0.5, 'say "čaj"')], "phones": PHONES}


def test_upper_case_endings_and_both_unicode_forms_are_read(tmp_path):
    make(tmp_path, stem="ren\u00e9_1")
    (tmp_path / "ren\u00e9_1.wav").rename(tmp_path / "rene\u0301_1.WAV")
    (tmp_path / "ren\u00e9_1.TextGrid").rename(tmp_path / "ren\u00e9_1.TEXTGRID")
    (tmp_path / "speakers.csv").write_text("speaker,gender\nrene\u0301,m\n", encoding="utf-8")
    utterances, _ = read_textgrids(tmp_path)
    assert utterances[["utterance", "speaker", "gender"]].to_numpy().tolist() == [["ren\u00e9_1", "ren\u00e9", "male"]]
    assert (tmp_path / utterances["path"][0]).is_file()


def test_all_missing_and_all_empty_recordings_are_named_at_once(tmp_path):
    for number in (1, 2, 3):
        make(tmp_path, stem=f"anna_{number}", n_samples=0 if number < 3 else 8000)
    with pytest.raises(CorpusError, match=r"no recording for 2: .*anna_1\.TextGrid, .*anna_2\.TextGrid; add it or"):
        read_textgrids(tmp_path)
    for number in (1, 2):
        soundfile.write(tmp_path / f"anna_{number}.wav", np.zeros(0), 16000)
    with pytest.raises(
        AudioError, match=r"found faults in 2 of 3 recordings: \(1\) .*anna_1\.wav.* \(2\) .*anna_2\.wav"
    ):
        read_textgrids(tmp_path)


def test_a_recording_in_a_format_that_cannot_be_read_is_named(tmp_path):
    make(tmp_path, n_samples=0)
    (tmp_path / "anna_1.m4a").write_bytes(b"x")
    with pytest.raises(CorpusError, match=r"anna_1\.TextGrid \(there is \.m4a\); convert the recordings to \.flac"):
        read_textgrids(tmp_path)


def test_labels_past_the_audio_are_clipped_on_request_and_counted(tmp_path):
    make(tmp_path, n_samples=6000)  # the word and a phone end later, another begins later
    report = ImportReport()
    _, segments = read_textgrids(tmp_path, past_end="clip", report=report)
    assert segments["offset"].max() == 6000
    assert segments["label"].tolist() == ["she", "sil", "SH", "IY"]
    assert report.changed["labels clipped at the end of their recording"] == 2
    assert report.left_out["labels after the end of their recording"] == 1


def test_recordings_with_labels_past_the_audio_are_left_out_on_request(tmp_path):
    make(tmp_path, stem="anna_1", n_samples=6000)
    make(tmp_path, stem="anna_2")
    report = ImportReport()
    utterances, segments = read_textgrids(tmp_path, past_end="leave_out", report=report)
    assert set(utterances["utterance"]) == set(segments["utterance"]) == {"anna_2"}
    assert report.left_out["recordings with labels past their end"] == 1
    (tmp_path / "anna_2.TextGrid").unlink()
    with pytest.raises(CorpusError, match=r"expected recordings whose labels end before they do, found .* all 1"):
        read_textgrids(tmp_path, past_end="leave_out")


def test_all_recordings_with_labels_past_the_audio_are_named_with_the_right_reason(tmp_path):
    for number in (1, 2):
        # The last label begins just after the end, so that its offset must not be cut.
        make(tmp_path, stem=f"anna_{number}", n_samples=6395)
    with pytest.raises(
        LabelError,
        match=r"expected labels within .* 2 such segments in 2 utterances, also 'anna_2'\); .*option past_end",
    ):
        read_textgrids(tmp_path)
    with pytest.raises(ConfigError, match="option past_end to be one of refuse, clip, leave_out, found 'cut'"):
        read_textgrids(tmp_path, past_end="cut")


def test_other_columns_of_the_table_of_speakers_are_kept(tmp_path):
    (tmp_path / "Speakers.CSV").write_text("Speaker;Gender;L1;age\nanna;F;nl;31\n", encoding="utf-8-sig")
    utterances, _ = read_textgrids(make(tmp_path))
    assert utterances[["speaker", "gender", "L1", "age"]].to_numpy().tolist() == [["anna", "female", "nl", "31"]]


def test_the_speaker_option_reaches_the_paths(tmp_path):
    for session in ("morning", "evening"):
        make(tmp_path, stem=f"anna/{session}/1")
    utterances, _ = read_textgrids(tmp_path, speaker={"depth": 1})
    assert utterances["speaker"].tolist() == ["anna", "anna"]


def test_recordings_without_usable_sound_are_in_the_report_of_damaged_ones(tmp_path):
    for number in (1, 2, 3):
        make(tmp_path, stem=f"anna_{number}")
    (tmp_path / "anna_1.wav").write_bytes(b"junk")
    soundfile.write(tmp_path / "anna_2.wav", np.zeros(8000), 16000)
    with pytest.raises(
        AudioError, match=r"found faults in 2 of 3 recordings: .*anna_1\.wav.*expected sound in .*anna_2\.wav"
    ):
        read_textgrids(tmp_path)


@pytest.mark.parametrize(("source", "alignments"), [("corpus", "../aligned"), (".", "aligned")])
def test_textgrids_in_a_tree_of_their_own_are_an_option(tmp_path, source, alignments):
    for speaker in ("anna", "bert"):
        make(tmp_path, stem=f"corpus/{speaker}/001")
        (tmp_path / "aligned" / speaker).mkdir(parents=True)
        name = f"{speaker}/001.TextGrid"
        (tmp_path / "corpus" / name).rename(tmp_path / "aligned" / name)
    utterances, segments = read_textgrids(tmp_path / source, alignments=alignments, speaker={"depth": -1})
    assert utterances["speaker"].tolist() == ["anna", "bert"]
    assert len(segments) == 10
    with pytest.raises(CorpusError, match=r"expected the TextGrids in .*, found no such folder; correct the"):
        read_textgrids(tmp_path / source, alignments="nowhere")
    with pytest.raises(CorpusError, match=r"recordings with TextGrids|no recording for 2: .*option alignments"):
        read_textgrids(tmp_path / source)


def test_two_textgrids_of_one_recording_are_refused(tmp_path):
    make(tmp_path, stem="corpus/001")
    for kind in ("old", "new"):
        make(tmp_path, stem=f"aligned/{kind}/001", n_samples=0)
    with pytest.raises(CorpusError, match=r"one label file per recording, found 1 with several: .*new.* and .*old"):
        read_textgrids(tmp_path / "corpus", alignments="../aligned")
