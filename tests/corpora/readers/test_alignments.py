import json
from pathlib import Path

import pandas as pd
import pytest
import soundfile
from places import DATA

from auscult.corpora.readers.alignments import FORMATS, align_utterances, read_labels
from auscult.corpora.report import ImportReport
from auscult.errors import LabelError
from auscult.tables import check_segments

EXPECTED = [
    ("word", 0, "she", 1600, 6400, -1),
    ("phone", 0, "sil", 0, 1600, -1),
    ("phone", 1, "SH", 1600, 3200, 0),
    ("phone", 2, "IY", 3200, 6400, 0),
]
PHONES = [(0, 0.1, "sil"), (0.1, 0.2, "SH"), (0.2, 0.4, "IY1")]


def textgrid(tiers):
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", "0.4", "<exists>", str(len(tiers))]
    for name, rows in tiers.items():
        lines += ['"IntervalTier"', f'"{name}"', "0", "0.4", str(len(rows))]
        lines += [f'{onset}\n{offset}\n"{label}"' for onset, offset, label in rows]
    return "\n".join([*lines, ""])


def spoken(entries):
    return [{"b": onset, "d": offset - onset, "t": label} for onset, offset, label in entries]


SAID = spoken([(0, 0.1, "<sil>"), (0.1, 0.4, "she(2)")])
PAUSED, SHE = SAID[0] | {"w": spoken([(0, 0.1, "SIL")])}, SAID[1] | {"w": spoken(PHONES[1:])}
POCKETSPHINX = {"b": 0, "d": 0.5, "t": "she", "w": [PAUSED, SHE]}
ALIGNER = {
    "tiers": {
        name: {"type": "interval", "entries": rows}
        for name, rows in (("words", [[0.1, 0.4, "she"]]), ("phones", PHONES))
    }
}
WORDS = [(0, 0.1, ""), (0.1, 0.4, "she")]
SOURCES = {
    "textgrid": {"a.TextGrid": textgrid({"words": WORDS, "phones": PHONES})},
    "pocketsphinx": {"a.phone.json": json.dumps(POCKETSPHINX)},
    "aligner's json": {"a.json": json.dumps(ALIGNER)},
    "aligner's csv": {
        "a.csv": "Begin,End,Label,Type,Speaker\n0.1,0.4,she,words,anna\n0.0,0.1,,phones,anna\n0.1,0.2,SH,phones,anna\n"
        "0.2,0.4,IY1,phones,anna\n",
    },
    "ctm": {"words.ctm": "a 1 0.1 0.3 she 0.98\n", "phones.ctm": "a 1 0.2 0.2 IY1\na 1 0 0.1 SIL\na 1 0.1 0.1 SH\n"},
    "htk": {
        "words/a.lab": "1000000 4000000 she\n",
        "a.lab": "0 1000000 sil\n1000000 2000000 SH\n2000000 4000000 IY1\n",
    },
    "esps": {"a.word.lab": "color 1\n#\n0.1 125 <eps>\n0.4 125 she\n", "a.phone.lab": "#\n.1 1 #\n.2 1 SH\n.4 1 IY1\n"},
    "seconds": {"word/a.lab": "0.1 0.4 she\n", "phone/a.lab": "0.0 0.1 sil\n0.1 0.2 SH\n0.2 0.4 IY1\n"},
}


def make(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def table(n_samples=8000, sample_rate_hz=16000, utterance="a"):
    return pd.DataFrame({"utterance": [utterance], "n_samples": [n_samples], "sample_rate_hz": [sample_rate_hz]})


def rows(segments):
    columns = ["tier", "index", "label", "onset", "offset", "parent"]
    return list(segments[columns].itertuples(index=False, name=None))


@pytest.mark.parametrize("form", SOURCES)
def test_every_form_gives_the_same_segments(tmp_path, form):
    segments, n_cut = align_utterances(table(), make(tmp_path, SOURCES[form]))
    assert rows(check_segments(segments, table())) == EXPECTED
    assert segments["phone_class"].tolist() == ["", "silence", "fricative", "vowel"]
    assert segments["stress"].tolist() == ["", "", "", "1"]
    assert n_cut == 0


def test_phones_of_timit_are_folded_and_follow_the_rate_of_the_recording(tmp_path):
    files = {"a.phn": "0 1600 h#\n1600 3200 sh\n3200 6400 ix\n6400 6500 q\n", "a.wrd": "1600 6400 she\n"}
    segments, _ = align_utterances(table(4000, 8000), make(tmp_path, files))
    assert rows(segments)[1:] == [
        ("phone", 0, "sil", 0, 800, -1),
        ("phone", 1, "sh", 800, 1600, 0),
        ("phone", 2, "ih", 1600, 3200, 0),
    ]


def test_a_transcript_called_lab_beside_a_textgrid_holds_no_labels(tmp_path):
    segments, _ = align_utterances(table(), make(tmp_path, SOURCES["textgrid"] | {"a.lab": "she said nothing\n"}))
    assert rows(segments) == EXPECTED


def test_a_label_a_little_past_the_recording_is_cut_and_counted(tmp_path):
    segments, n_cut = align_utterances(table(6300), make(tmp_path, SOURCES["ctm"]))
    assert segments["offset"].max() == 6300
    assert n_cut == 2


def test_utterances_without_alignment_have_no_segments(tmp_path):
    utterances = pd.concat([table(), table(utterance="b")], ignore_index=True)
    segments, _ = align_utterances(utterances, make(tmp_path, SOURCES["textgrid"]))
    assert set(segments["utterance"]) == {"a"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("phones.ctm", "a 1 0.1 SH\n", r"expected 'utterance channel onset_s duration_s label', found 'a 1 0\.1 SH'"),
        ("phones.ctm", "a 1 0.1 0.1 SH\na 1 x 0.1 IY\n", r"found 'a 1 x 0\.1 IY' at line 2 of .*phones\.ctm; correct"),
        ("phones.ctm", "a 1 nan 0.1 SH\n", r"found 'a 1 nan 0\.1 SH' at line 1"),
        ("phones.ctm", "a 1 0.1 -0.1 SH\n", r"found 'a 1 0\.1 -0\.1 SH' at line 1"),
        ("a.phn", "0.0 0.1 h#\n", r"expected 'onset offset label \(times in samples at 16 kHz\)', found '0\.0 0"),
        (
            "a.phn",
            "0 100 ʃ\n",
            r"expected one of TIMIT's 61 phones, found 'ʃ' at line 1 of .*a\.phn; correct the line, or state",
        ),
        ("a.lab", "0 100 sil\n100 SH\n", r"expected 'onset offset label', found '100 SH' at line 2"),
        ("a.lab", "#\n0.1 sil\n", r"expected 'end_s colour label', found '0\.1 sil' at line 2"),
        ("a.json", '{"w": [{"b": 0}]}', r"expected an alignment of PocketSphinx or .* in .*a\.json, found other JSON"),
        ("a.json", json.dumps(ALIGNER).replace("0.4", "NaN"), r"found other JSON \(ValueError: a time of nan\)"),
        (
            "a.csv",
            "Begin,End,Label,Type\n0,x,a,phones\n",
            r"'Begin,End,Label,Type', found '0,x,a,phones' at line 2",
        ),
        (
            "a.csv",
            "Begin,End,Label,Type,Speaker\n0,1,a,words,b\n0,1,a,words,c\n",
            r"one speaker in .*, found b, c",
        ),
        ("a.json", "{", r"expected an alignment of PocketSphinx or .* found other JSON \(JSONDecodeError"),
        ("a.json", "[" * 200_000, r"expected an alignment .* found other JSON \(RecursionError: .*; write it"),
        (
            "a.TextGrid",
            textgrid({"words": WORDS}),
            r"expected one tier 'phones' or .* in .*a\.TextGrid, found tiers 'words'",
        ),
    ],
)
def test_a_malformed_alignment_is_told_by_line_and_file(tmp_path, name, text, message):
    with pytest.raises(LabelError, match=message) as caught:
        align_utterances(table(), make(tmp_path, {name: text}))
    assert "\n" not in str(caught.value)


def test_times_in_another_unit_are_noticed(tmp_path):
    files = {"words.ctm": "a 1 1600 4800 she\n", "phones.ctm": "a 1 1600 4800 SH\n"}
    with pytest.raises(
        LabelError, match=r"times in seconds for utterance 'a', found a word ending at 6400 .* 0\.500 s"
    ):
        align_utterances(table(), make(tmp_path, files))


def test_labels_of_another_recording_are_left_for_the_check_to_refuse(tmp_path):
    segments, _ = align_utterances(table(3000), make(tmp_path, SOURCES["textgrid"]))
    with pytest.raises(LabelError, match="expected labels within the recording, found word 'she' at samples 1600–6400"):
        check_segments(segments, table(3000))


def test_the_same_tier_in_two_files_is_refused(tmp_path):
    with pytest.raises(LabelError, match=r"expected the phones of utterance 'a' in one file, found .*a\.TextGrid and"):
        align_utterances(table(), make(tmp_path, SOURCES["textgrid"] | {"phones.ctm": "a 1 0 1 SH\n"}))


def test_a_folder_without_alignments_of_the_utterances_is_refused(tmp_path):
    with pytest.raises(
        LabelError, match=r"of 1 utterances \(such as 'b'\) below .*, found no label file of them; give"
    ):
        align_utterances(table(utterance="b"), make(tmp_path, SOURCES["textgrid"]))


def test_phones_without_words_are_read(tmp_path, caplog):
    segments, _ = align_utterances(table(), make(tmp_path, {"phones.ctm": "a 1 0 0.1 SH\n"}))
    assert rows(segments) == [("phone", 0, "SH", 0, 1600, -1)]
    assert "no file has words; only phones are read" in caplog.text


def test_words_that_are_named_must_exist(tmp_path):
    with pytest.raises(LabelError, match=r"expected words and phones of 1 utterances .* found phone; give the folder"):
        align_utterances(table(), make(tmp_path, {"phones.ctm": "a 1 0 0.1 SH\n"}), words="words")


@pytest.mark.parametrize("form", ["ctm", "htk"])
def test_pauses_of_no_length_are_dropped_and_counted(tmp_path, caplog, form):
    files = dict(SOURCES[form])
    name = next(name for name in files if "word" not in name)
    files[name] += {"ctm": "a 1 0.2 0 sp\n", "htk": "2000000 2000000 sp\n"}[form]
    with caplog.at_level("INFO"):
        segments, _ = align_utterances(table(), make(tmp_path, files))
    assert rows(check_segments(segments, table())) == EXPECTED
    assert "1 pauses of no length dropped" in caplog.text


def test_labels_are_decoded_or_refused(tmp_path):
    files = SOURCES["ctm"] | {"words.ctm": ""}
    (make(tmp_path, files) / "words.ctm").write_bytes("\n".join(["a 1 0 0.1 öl", "a 1 0.1 0.3 über"]).encode("latin-1"))
    with pytest.raises(LabelError, match=r"expected text in UTF-8 in .*words\.ctm, found byte 0xf6 in line 1; convert"):
        align_utterances(table(), tmp_path)
    segments, _ = align_utterances(table(), tmp_path, encoding="latin-1")
    assert segments["label"].tolist()[:2] == ["öl", "über"]


def test_all_faulty_files_are_named_at_once(tmp_path):
    utterances = pd.concat([table(), table(utterance="b")], ignore_index=True)
    files = {"a.json": "{", "b.lab": "0 100 sil\n100 SH\n"}
    with pytest.raises(LabelError, match=r"found faults in 2 of 2 label files: .*'100 SH' at line 2 .*a\.json"):
        align_utterances(utterances, make(tmp_path, files))


def test_what_was_found_and_changed_is_reported(tmp_path):
    report = ImportReport()
    align_utterances(table(6300), make(tmp_path, SOURCES["ctm"]), report=report)
    assert report.content() == {
        "found": {"alphabet": "arpabet"},
        "changed": {"labels cut at the end of audio, up to 20 ms": 2, "stress marks moved to column stress": 1},
        "left_out": {},
        "unknown": {},
    }


def test_a_table_that_is_no_alignment_holds_no_labels(tmp_path):
    assert read_labels(make(tmp_path, {"a.csv": "speaker,gender\na,female\n"}) / "a.csv") == {}


def test_comments_of_a_ctm_are_ignored(tmp_path):
    files = SOURCES["ctm"] | {"words.ctm": ";; made by sclite\n" + SOURCES["ctm"]["words.ctm"]}
    segments, _ = align_utterances(table(), make(tmp_path, files))
    assert rows(segments) == EXPECTED


def test_position_marks_of_kaldi_are_removed_and_counted(tmp_path, caplog):
    files = {"phones.ctm": "a 1 0 0.1 SIL\na 1 0.1 0.1 SH_B\na 1 0.2 0.2 IY1_E\n", "words.ctm": "a 1 0.1 0.3 she\n"}
    with caplog.at_level("INFO"):
        segments, _ = align_utterances(table(), make(tmp_path, files))
    assert rows(segments) == EXPECTED
    assert "2 marks of the position in the word removed" in caplog.text


def test_an_unknown_ending_lists_those_that_exist(tmp_path):
    with pytest.raises(LabelError, match=r"expected labels in one of \.textgrid, \.json, .*, found .*a\.srt; convert"):
        read_labels(tmp_path / "a.srt")
    assert ".lab" in FORMATS


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data, samples of real recordings")
@pytest.mark.parametrize(("folder", "n_words", "n_phones"), [("librivox", 22, 80), ("mfa", 61, 234)])
def test_what_real_aligners_wrote_is_read(folder, n_words, n_phones):
    sounds = [
        soundfile.info(path) for ending in ("wav", "flac") for path in sorted((DATA / folder).glob(f"*.{ending}"))
    ]
    names = [Path(sound.name).stem for sound in sounds]
    facts = {"n_samples": [sound.frames for sound in sounds], "sample_rate_hz": [sound.samplerate for sound in sounds]}
    utterances = pd.DataFrame({"utterance": names, **facts})
    segments, _ = align_utterances(utterances, DATA / folder)
    check_segments(segments, utterances)
    assert segments["tier"].value_counts().to_dict() == {"phone": n_phones, "word": n_words}
    # One of the two files in `mfa` has phones of another alphabet, which are counted and have no class.
    classes = segments.loc[segments["tier"] == "phone", "phone_class"]
    assert (classes != "").mean() >= (0.9 if folder == "mfa" else 1.0)
    assert (segments.loc[(segments["tier"] == "phone") & (segments["label"] != "sil"), "parent"] >= 0).all()


def test_words_in_any_order_are_the_parents_of_their_phones(tmp_path):
    entries = {"words": [[0.3, 0.4, "go"], [0.1, 0.2, "do"]], "phones": [[0.3, 0.4, "G"], [0.1, 0.2, "D"]]}
    tiers = {name: {"type": "interval", "entries": rows} for name, rows in entries.items()}
    segments, _ = align_utterances(table(), make(tmp_path, {"a.json": json.dumps({"tiers": tiers})}))
    assert rows(segments) == [
        ("word", 0, "do", 1600, 3200, -1),
        ("word", 1, "go", 4800, 6400, -1),
        ("phone", 0, "D", 1600, 3200, 0),
        ("phone", 1, "G", 4800, 6400, 1),
    ]


def test_a_ctm_of_two_channels_is_not_read_as_one_speaker(tmp_path):
    (tmp_path / "words.ctm").write_text("a A 0.1 0.1 she\na B 0.3 0.1 he\n")
    with pytest.raises(
        LabelError, match=r"one channel per recording in .*words\.ctm, found several in 1, such as a \(A, B\)"
    ):
        read_labels(tmp_path / "words.ctm")
