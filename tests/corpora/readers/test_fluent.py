"""Reader of Fluent Speech Commands, on synthetic files: intents, slots, splits, with and without alignments."""

import logging

import numpy as np
import pytest
import soundfile
from librispeech_files import textgrid

from auscult.corpora.corpus import read_corpus
from auscult.corpora.importing import import_corpus
from auscult.corpora.readers.fluent import read_fluent
from auscult.errors import CorpusError

HEADER = ",path,speakerId,transcription,action,object,location"
COMMANDS = {
    "a1": ("test", "s1", "Lights on", "activate", "lights", "none"),
    "a2": ("test", "s2", "Go", "change language", "none", "none"),
    "b1": ("train", "s3", "Heat up", "increase", "heat", "bedroom"),
    "c1": ("valid", "s4", "Lights off", "deactivate", "lights", "kitchen"),
}


def make(folder, commands=COMMANDS, aligned=(), seconds=0.5):
    root = folder / "fluent_speech_commands_dataset"
    (root / "data").mkdir(parents=True, exist_ok=True)
    lists = {split: [HEADER] for split in ("train", "valid", "test")}
    for name, (split, speaker, text, *slots) in commands.items():
        path = root / "wavs" / "speakers" / speaker / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(len(text)).uniform(-0.1, 0.1, round(16000 * seconds))
        soundfile.write(path, noise, 16000)
        lists[split].append(
            f"{len(lists[split])},wavs/speakers/{speaker}/{name}.wav,{speaker},{text},{','.join(slots)}"
        )
        if name in aligned:
            grid = root / "aligned" / "speakers" / speaker / f"{name}.TextGrid"
            grid.parent.mkdir(parents=True, exist_ok=True)
            grid.write_text(textgrid(text))
    for split, lines in lists.items():
        (root / "data" / f"{split}_data.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_slots_intent_split_and_speaker_come_from_the_lists(tmp_path):
    utterances, segments = read_fluent(make(tmp_path))
    assert dict(zip(utterances["utterance"], utterances["split"])) == {
        "b1": "train",
        "c1": "valid",
        "a1": "test",
        "a2": "test",
    }
    row = utterances.set_index("utterance").loc["a2"]
    assert (row.action, row.object, row.location) == ("change language", "none", "none")
    assert (row.intent, row.speaker, row.text) == ("change language/none/none", "s2", "Go")
    assert row.path == "fluent_speech_commands_dataset/wavs/speakers/s2/a2.wav"
    assert segments.empty


def test_splits_can_be_chosen_and_must_exist(tmp_path):
    make(tmp_path)
    assert read_fluent(tmp_path, splits=["test"])[0]["utterance"].tolist() == ["a1", "a2"]
    with pytest.raises(CorpusError, match="expected splits among train, valid, test, found dev; correct the options"):
        read_fluent(tmp_path, splits=["dev"])


def test_textgrids_give_words_and_phones(tmp_path):
    make(tmp_path, aligned=COMMANDS)
    utterances, segments = read_fluent(tmp_path, alignments="aligned")
    said = segments[(segments["utterance"] == "a1") & (segments["tier"] == "word")]
    assert said[["label", "onset", "offset"]].to_numpy().tolist() == [["lights", 1600, 4800], ["on", 4800, 8000]]
    assert len(utterances) == 4


def test_an_utterance_without_alignment_is_left_out_and_many_are_an_error(tmp_path, caplog):
    make(tmp_path / "a", aligned=[name for name in COMMANDS if name != "a2"])
    with caplog.at_level(logging.WARNING):
        utterances, _ = read_fluent(tmp_path / "a", alignments="aligned")
    assert "a2" not in utterances["utterance"].tolist()
    assert "1 of 4 utterances have no alignment and are left out: a2" in caplog.text
    make(tmp_path / "b", aligned=["a1"])
    with pytest.raises(CorpusError, match=r"expected alignments of nearly all 4 utterances below .*aligned, found"):
        read_fluent(tmp_path / "b", alignments="aligned")


def test_a_corpus_without_labels_is_imported_however_long_its_recordings(tmp_path):
    make(tmp_path / "s", seconds=3)
    import_corpus(tmp_path / "c", corpus="commands", reader="fluent", source=tmp_path / "s")
    corpus = read_corpus(tmp_path / "c")
    assert corpus.segments.empty
    assert corpus.utterances.loc[corpus.utterances["utterance"] == "b1", "object"].item() == "heat"


def test_genders_come_from_the_list_of_speakers(tmp_path):
    path = make(tmp_path) / "fluent_speech_commands_dataset/data/speaker_demographics.csv"
    path.write_text("speakerId,gender,ageRange\ns1,Female,22-40\ns2,male,22-40\ns3,undisclosed,22-40\n")
    utterances, _ = read_fluent(tmp_path)
    assert dict(zip(utterances["speaker"], utterances["gender"])) == {"s1": "female", "s2": "male", "s3": "", "s4": ""}
    path.write_text("speaker,gender\n")
    with pytest.raises(CorpusError, match=r"expected columns speakerId, gender in .*, found speaker, gender; remove"):
        read_fluent(tmp_path)


def test_missing_lists_columns_and_recordings_are_one_line(tmp_path):
    with pytest.raises(CorpusError, match=r"expected one list data/train_data\.csv below .*, found 0; give the folder"):
        read_fluent(tmp_path)
    root = make(tmp_path) / "fluent_speech_commands_dataset"
    (root / "wavs/speakers/s1/a1.wav").unlink()
    with pytest.raises(CorpusError, match=r"expected a recording at .*a1\.wav, found no such file"):
        read_fluent(tmp_path)
    (root / "data/test_data.csv").write_text("path,speakerId\n")
    with pytest.raises(CorpusError, match="found no transcription, action, object, location; unpack the corpus again"):
        read_fluent(tmp_path, splits=["test"])
