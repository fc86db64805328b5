"""Reader of THCHS-30, on synthetic files in the layouts of the corpus and of its published alignments."""

import logging
import tarfile
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import soundfile
from workflow_runs import snakemake

from auscult.corpora.corpus import read_corpus
from auscult.corpora.importing import import_corpus
from auscult.corpora.readers.thchs30 import read_thchs30
from auscult.corpora.syllables import parse_pinyin
from auscult.errors import CorpusError, LabelError

# Characters, pinyin, initials and finals as published; output of an aligner in IPA.
SENTENCES = {
    "A11_0": (
        "train",
        "绿 是 阳春 的",
        "lv4 shi4 yang2 chun1 de5",
        "l v4 sh ix4 ii iang2 ch un1 d e5",
        "l y˥˩ ʂ ʐ̩˥˩ j a˧˥ ŋ ʈʂʰ w ə˥˥ n t ə˨",
    ),
    "A11_1": ("train", "好 雨", "hao3 yu3", "h ao3 vv v3", "x au˨˩˦ y˨˩˦"),
    "B2_7": ("dev", "花儿 开", "huar1 kai1", "h uar1 k ai1", "x w a˥˥ ɻ kʰ ai˥˥"),
    "D4_750": ("test", "二 女", "er4 nv3", "ee er4 n v3", "ɚ˥˩ n y˨˩˦"),
}
PHONE_S = 0.1
TABLE = "train-00000-of-00001-c7710d0536782c3f.parquet"


def write_transcript(path, lines, newline="\n"):
    path.write_bytes((newline.join(lines) + newline).encode())


def make(folder, sentences=SENTENCES, newline="\n"):
    """Write a corpus in the layout of OpenSLR 18: recordings twice, transcripts in data, their paths in the splits."""
    root = folder / "data_thchs30"
    for name, (split, text, pinyin, phones, ipa) in sentences.items():
        noise = np.random.default_rng(0).uniform(-0.1, 0.1, round(16000 * PHONE_S * (len(ipa.split()) + 2)))
        for place in ("data", split):
            (root / place).mkdir(parents=True, exist_ok=True)
            soundfile.write(root / place / f"{name}.wav", noise, 16000)
        write_transcript(root / "data" / f"{name}.wav.trn", (text, pinyin, phones), newline)
        write_transcript(root / split / f"{name}.wav.trn", (f"../data/{name}.wav.trn",), newline)
    return folder


def timed(labels):
    """Return labels of equal length between two pauses: (onset, offset, label) in seconds."""
    labels = ["[SIL]", *labels, "[SIL]"]
    return [(place * PHONE_S, (place + 1) * PHONE_S, label) for place, label in enumerate(labels)]


def textgrid(tiers):
    """Return a TextGrid in Praat's short text form."""
    end = max(offset for rows in tiers.values() for _, offset, _ in rows)
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", f"{end:g}", "<exists>", str(len(tiers))]
    for name, rows in tiers.items():
        lines += ['"IntervalTier"', f'"{name}"', "0", f"{end:g}", str(len(rows))]
        lines += [f'{onset:g}\n{offset:g}\n"{label}"' for onset, offset, label in rows]
    return "\n".join([*lines, ""])


def spans(counts):
    """Return intervals with the given numbers of phones, between two pauses."""
    ends = np.cumsum([1, *counts])
    return [
        (0.0, PHONE_S),
        *((one * PHONE_S, other * PHONE_S) for one, other in pairwise(ends)),
        (ends[-1] * PHONE_S, (ends[-1] + 1) * PHONE_S),
    ]


def save_table(folder, rows, **names):
    path = folder / "alignments" / TABLE
    path.parent.mkdir(exist_ok=True)
    pd.DataFrame(rows).rename(columns=names).to_parquet(path)
    return folder


def hub_rows(sentences=SENTENCES, words=None):
    rows = []
    for name, (_, text, _, _, ipa) in sentences.items():
        phones = timed(ipa.split())
        said = words.get(name) if words else None
        intervals = [(phones[0][0], phones[-1][1])] if said is None else spans([count for _, count in said])
        labels = [text.replace(" ", "")] if said is None else ["[SIL]", *(word for word, _ in said), "[SIL]"]
        rows.append(
            {
                "id": name,
                "phones": [label for *_, label in phones],
                "start": [on for on, *_ in phones],
                "end": [off for _, off, _ in phones],
                "words": labels,
                "word_start": [on for on, _ in intervals],
                "word_end": [off for _, off in intervals],
            }
        )
    return rows


def of(segments, utterance, tier):
    return segments[(segments["utterance"] == utterance) & (segments["tier"] == tier)].reset_index(drop=True)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_hubs_table_of_ipa_phones_gives_syllables_words_and_phones(tmp_path, newline):
    save_table(make(tmp_path, newline=newline), hub_rows())
    utterances, segments = read_thchs30(tmp_path)
    rows = utterances.set_index("utterance")
    assert rows["split"].to_dict() == {"A11_0": "train", "A11_1": "train", "B2_7": "valid", "D4_750": "test"}
    assert (rows.loc["A11_0", "speaker"], rows.loc["A11_0", "text"]) == ("A11", "绿 是 阳春 的")
    assert rows.loc["A11_0", "path"] == "data_thchs30/train/A11_0.wav"
    assert set(utterances["gender"]) == {""}
    syllables = of(segments, "A11_0", "syllable")
    assert syllables["label"].tolist() == ["lv4", "shi4", "yang2", "chun1", "de5"]
    assert syllables["onset_consonant"].tolist() == ["l", "sh", "∅", "ch", "d"]
    assert syllables["rime"].tolist() == ["v", "i", "yang", "un", "e"]
    assert syllables["tone"].tolist() == syllables["lexical_tone"].tolist() == ["4", "4", "2", "1", "5"]
    assert (syllables["onset"] / 1600).tolist() == [1, 3, 5, 8, 12]
    assert (syllables["offset"] / 1600).tolist() == [3, 5, 8, 12, 14]
    words = of(segments, "A11_0", "word")
    assert words["label"].tolist() == ["绿", "是", "阳春", "的"]
    assert (words["offset"] / 1600).tolist() == [3, 5, 12, 14]
    assert syllables["parent"].tolist() == [0, 1, 2, 2, 3]
    phones, plain = of(segments, "A11_0", "phone"), ["l", "y", "ʂ", "ʐ̩", "j", "a", "ŋ", "ʈʂʰ", "w", "ə", "n", "t", "ə"]
    assert phones["label"].tolist() == ["sil", *plain, "sil"]
    assert phones["parent"].tolist() == [-1, 0, 0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, -1]
    assert phones["phone_class"].tolist()[:6] == [
        "silence",
        "approximant",
        "vowel",
        "fricative",
        "vowel",
        "approximant",
    ]


def test_third_tones_rise_before_third_tones_unless_a_pause_parts_them(tmp_path):
    save_table(make(tmp_path), hub_rows())
    syllables = of(read_thchs30(tmp_path)[1], "A11_1", "syllable")
    assert (syllables["tone"].tolist(), syllables["lexical_tone"].tolist()) == (["2", "3"], ["3", "3"])
    rows = hub_rows()
    rows[1]["start"][3] += PHONE_S / 2
    save_table(tmp_path, rows)
    assert of(read_thchs30(tmp_path)[1], "A11_1", "syllable")["tone"].tolist() == ["3", "3"]


def test_erhua_is_one_syllable_of_two_characters(tmp_path):
    save_table(make(tmp_path), hub_rows())
    _, segments = read_thchs30(tmp_path)
    syllables = of(segments, "B2_7", "syllable")
    assert syllables["rime"].tolist() == ["uar", "ai"]
    assert (syllables["offset"] / 1600).tolist() == [5, 7]
    assert of(segments, "B2_7", "word")["label"].tolist() == ["花儿", "开"]
    assert of(segments, "D4_750", "syllable")["onset"].tolist() == [1600, 3200]


def test_one_interval_a_character_is_a_syllable_whatever_its_phones(tmp_path):
    said = {
        "A11_0": [("绿", 2), ("是", 2), ("阳", 4), ("春", 3), ("的", 2)],
        "A11_1": [("好", 2), ("雨", 1)],
        "B2_7": [("花儿", 4), ("开", 2)],
        "D4_750": [("二", 1), ("女", 2)],
    }
    save_table(make(tmp_path), hub_rows(words=said))
    syllables = of(read_thchs30(tmp_path)[1], "A11_0", "syllable")
    assert (syllables["offset"] / 1600).tolist() == [3, 5, 9, 12, 14]


def test_a_syllable_whose_phones_hold_no_vowel_leaves_out_its_utterance(tmp_path, caplog):
    said = {"B2_7": [("花儿", 2), ("开", 4)]}
    save_table(make(tmp_path), hub_rows(words=said))
    with caplog.at_level(logging.INFO):
        utterances, _ = read_thchs30(tmp_path)
    assert "B2_7" not in utterances["utterance"].tolist()
    assert "1 with a syllable without a vowel after its onset consonant" in caplog.text


def test_the_table_of_segments_has_other_names_and_no_words(tmp_path):
    rows = [{key: row[key] for key in ("id", "phones", "start", "end")} for row in hub_rows()]
    save_table(make(tmp_path), rows, id="utt_id", start="phone_starts", end="phone_ends")
    assert len(of(read_thchs30(tmp_path)[1], "A11_0", "syllable")) == 5


def test_textgrids_of_initials_and_finals_under_charsius_names(tmp_path):
    make(tmp_path)
    for name, (_, text, _, phones, _) in SENTENCES.items():
        labels = phones.split()
        tiers = {"words": timed([text.replace(" ", "")] * len(labels)), "phones": timed(labels)}
        speaker, number = name.split("_")
        path = tmp_path / "alignments" / f"TH{speaker[0]}{int(speaker[1:]):02}-{int(number):03}.TextGrid"
        path.parent.mkdir(exist_ok=True)
        path.write_text(textgrid(tiers), encoding="utf-8")
        (tmp_path / "alignments" / f"{name}.lab").write_text(text)
    _, segments = read_thchs30(tmp_path)
    assert (of(segments, "A11_0", "syllable")["offset"] / 1600).tolist() == [3, 5, 7, 9, 11]
    phones = of(segments, "A11_0", "phone")
    assert phones["label"].tolist()[1:5] == ["l", "v", "sh", "ix"]
    classes = dict(zip(phones["label"], phones["phone_class"]))
    assert (classes["sh"], classes["ii"], classes["ch"], classes["v"]) == ("fricative", "vowel", "affricate", "vowel")


def test_ctm_of_words_and_phones(tmp_path):
    make(tmp_path)
    (tmp_path / "alignments").mkdir()
    spoken = {name: timed(phones.split()) for name, (_, _, _, phones, _) in SENTENCES.items()}
    whole = {name: [(rows[1][0], rows[-2][1], "whole")] for name, rows in spoken.items()}
    for tier, found in (("words", whole), ("phones", spoken)):
        lines = [
            f"{name} 1 {onset:.2f} {offset - onset:.2f} {label}"
            for name, rows in found.items()
            for onset, offset, label in rows
        ]
        (tmp_path / "alignments" / f"{tier}.ctm").write_text("\n".join(lines), encoding="utf-8")
    assert (of(read_thchs30(tmp_path)[1], "A11_0", "syllable")["offset"] / 1600).tolist() == [3, 5, 7, 9, 11]


def test_what_runs_past_the_recording_is_cut_or_leaves_out_its_utterance(tmp_path, caplog):
    rows = hub_rows()
    rows[0]["end"][-1] += 1
    rows[1]["end"][-2:] = [rows[1]["end"][-1] + 0.1, rows[1]["end"][-1] + 0.2]
    rows[1]["start"][-1] = rows[1]["end"][-2]
    save_table(make(tmp_path), rows)
    with caplog.at_level(logging.INFO):
        utterances, segments = read_thchs30(tmp_path)
    assert utterances["utterance"].tolist() == ["A11_0", "B2_7", "D4_750"]
    assert of(segments, "A11_0", "phone")["offset"].iloc[-1] == utterances["n_samples"].iloc[0]
    assert "1 whose alignment runs past the recording" in caplog.text


def test_genders_come_from_a_table_of_ones_own_alone(tmp_path):
    save_table(make(tmp_path), hub_rows())
    (tmp_path / "speakers.csv").write_text("speaker,gender\nA11,female\n")
    genders = read_thchs30(tmp_path)[0].set_index("utterance")["gender"]
    assert genders.to_dict() == {"A11_0": "female", "A11_1": "female", "B2_7": "", "D4_750": ""}


def test_utterances_that_do_not_fit_are_left_out_and_counted(tmp_path, caplog):
    rows = hub_rows()[1:]
    rows[0]["phones"][2] = "x"
    save_table(make(tmp_path), rows)
    with caplog.at_level(logging.INFO):
        utterances, _ = read_thchs30(tmp_path)
    assert utterances["utterance"].tolist() == ["B2_7", "D4_750"]
    assert "1 without alignment, 1 whose alignment has another number of syllables" in caplog.text
    save_table(tmp_path, rows[:2])
    message = (
        r"expected alignments of 4 utterances of THCHS-30 that fit .*, found 2 without alignment, 1 whose alignment"
    )
    with pytest.raises(LabelError, match=message):
        read_thchs30(tmp_path)


def replace(name, **changes):
    split, text, pinyin, phones, ipa = SENTENCES[name]
    return SENTENCES | {name: (split, text, changes.get("pinyin", pinyin), phones, ipa)}


@pytest.mark.parametrize(
    ("pinyin", "message"),
    [
        ("h3 yu3", "expected a pinyin syllable with a vowel, found 'h3'; correct the transcript .*A11_1.wav.trn"),
        ("ng2 yu3", "expected a pinyin syllable with a vowel, found 'ng2'"),
        ("hao yu3", "expected a pinyin syllable with a tone digit from 0 to 5, found 'hao'.* .1 such utterances of 4"),
    ],
)
def test_a_syllable_without_vowel_or_tone_is_one_line(tmp_path, pinyin, message):
    save_table(make(tmp_path, replace("A11_1", pinyin=pinyin)), hub_rows())
    with pytest.raises(LabelError, match=message):
        read_thchs30(tmp_path)


def test_a_few_malformed_syllables_leave_out_their_utterances(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("auscult.corpora.readers.thchs30._MAX_MALFORMED", 0.3)
    save_table(make(tmp_path, replace("A11_1", pinyin="h3 yu3")), hub_rows())
    assert len(read_thchs30(tmp_path)[0]) == 3
    assert "left out: expected a pinyin syllable with a vowel, found 'h3'" in caplog.text


def test_a_missing_or_straying_transcript_is_one_line(tmp_path):
    save_table(make(tmp_path), hub_rows())
    (tmp_path / "data_thchs30/data/A11_0.wav.trn").unlink()
    with pytest.raises(CorpusError, match=r"expected A11_0.wav.trn at .*data/A11_0.wav.trn, found no such file of the"):
        read_thchs30(tmp_path)
    (tmp_path / "data_thchs30/train/A11_0.wav.trn").write_text("../../../secret.trn\n")
    (tmp_path.parent / "secret.trn").write_text("a\nb\nc\n")
    with pytest.raises(CorpusError, match=r"expected A11_0.wav.trn at .*secret.trn, found no such file of the corpus"):
        read_thchs30(tmp_path)
    (tmp_path / "data_thchs30/train/A11_0.wav.trn").write_text("绿 是 阳春 的\n")
    with pytest.raises(CorpusError, match=r"expected three lines \(characters, pinyin, phones\) in .*, found 1"):
        read_thchs30(tmp_path)
    (tmp_path / "data_thchs30/train/A11_0.wav.trn").write_bytes("绿\nlv4\n".encode("gb18030"))
    with pytest.raises(CorpusError, match=r"expected a transcript in UTF-8 in .*, found byte 0xc2; convert"):
        read_thchs30(tmp_path)


def test_a_recording_may_be_a_path_too_and_is_in_one_split(tmp_path):
    save_table(make(tmp_path), hub_rows())
    root = tmp_path / "data_thchs30"
    (root / "train/A11_0.wav").write_text("../data/A11_0.wav\n")
    assert read_thchs30(tmp_path)[0]["path"].iloc[0] == "data_thchs30/data/A11_0.wav"
    (root / "test/A11_0.wav").write_text("../data/A11_0.wav\n")
    with pytest.raises(CorpusError, match="expected each recording of THCHS-30 in one split, found A11_0 in"):
        read_thchs30(tmp_path)
    with pytest.raises(CorpusError, match="expected splits among train, valid, test, found dev; correct the options"):
        read_thchs30(tmp_path, splits=["dev"])
    with pytest.raises(CorpusError, match=r"expected recordings such as train/A11_0.wav below .*, found none of split"):
        read_thchs30(root / "data")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda rows: [row.pop("end") for row in rows],
            "expected columns id, phones, start, end in .*, found id, phones",
        ),
        (lambda rows: rows[0]["end"].pop(), "expected as many times as labels in columns phones, start, end of"),
        (lambda rows: rows.append(rows[0]), "expected the phones of utterance 'A11_0' once below .*, found them again"),
        (
            lambda rows: [row.update(id="x") for row in rows],
            "expected phones of 4 utterances below .*, found none; put",
        ),
        (lambda rows: rows[0].update(end=[16000 * end for end in rows[0]["end"]]), "expected times in seconds for"),
    ],
)
def test_a_damaged_table_is_one_line(tmp_path, spoil, message):
    rows = hub_rows()
    spoil(rows)
    save_table(make(tmp_path), rows)
    with pytest.raises(LabelError, match=message):
        read_thchs30(tmp_path)
    (tmp_path / "alignments" / "a.parquet").write_text("<html>")
    with pytest.raises(LabelError):
        read_thchs30(tmp_path)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("nü3", ("n", "v", "3")),
        ("lu:e4", ("l", "ve", "4")),
        ("de0", ("d", "e", "5")),
        ("wan2", ("∅", "wan", "2")),
        ("er2", ("∅", "er", "2")),
        ("dianr3", ("d", "ianr", "3")),
        ("YO1", ("∅", "yo", "1")),
    ],
)
def test_pinyin_in_its_spellings(text, parts):
    syllable = parse_pinyin(text)
    assert (syllable.onset, syllable.rime, syllable.tone) == parts


def test_an_imported_corpus_is_sealed_and_read_back(tmp_path):
    source = tmp_path / "source"
    save_table(make(source), hub_rows())
    import_corpus(tmp_path / "thchs30", corpus="thchs30", reader="thchs30", source=source)
    corpus = read_corpus(tmp_path / "thchs30")
    assert sorted(corpus.segments["tier"].unique()) == ["phone", "syllable", "word"]
    assert set(corpus.utterances["language"]) == {"mandarin"}


@pytest.mark.workflow
def test_the_published_study_reads_it_from_the_archive_and_the_hubs_table(tmp_path):
    folder = save_table(make(tmp_path / "source"), hub_rows())
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    with tarfile.open(mirror / "data_thchs30.tgz", "w:gz") as archive:
        archive.add(folder / "data_thchs30", "data_thchs30")
    (folder / "alignments" / TABLE).rename(mirror / TABLE)
    manifest = "resources/corpora/thchs30/manifest.json"
    snakemake(tmp_path / "run", "--", manifest, study="studies/published.yaml", AUSCULT_MIRRORS=f"file://{mirror}")
    corpus = read_corpus(tmp_path / "run/resources/corpora/thchs30")
    assert corpus.utterances["utterance"].tolist() == ["B2_7"]
    assert corpus.waveform("B2_7").shape == (round(16000 * PHONE_S * 8),)
