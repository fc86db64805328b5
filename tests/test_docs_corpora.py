"""The page on kinds of corpora: every entry reads a corpus of its kind, made small, and the commands run."""

import re

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import soundfile
import yaml
from elan_files import elan
from places import ROOT
from typer.testing import CliRunner

from auscult.cli.app import app
from auscult.corpora.importing import read_source

PAGE = (ROOT / "docs" / "howto" / "your-corpus.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
ENTRIES = {name: entry for block in BLOCKS for name, entry in yaml.safe_load(block).items()}
BUCKEYE = (
    "header\n#\n0.1 122 <SIL>; S; S; null\n0.3 122 {0}; x; x; NN\n1.2 122 <SIL>; S; S; null\n1.5 122 {1}; x; x; NN\n"
)


def make(folder, *names, seconds=0.5, channels=1):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(len(name)).uniform(-0.1, 0.1, (int(seconds * 16000), channels))
        soundfile.write(folder / name, noise, 16000)


def digits(folder):
    make(folder, *(f"{digit}_jackson_{take}.wav" for digit in "07" for take in "01"))


def syllables(folder):
    make(folder, *(f"cmn-{syllable}{tone}.wav" for syllable in ("ma", "shi") for tone in "1234"))


def emotions(folder):
    make(folder, "a/1.wav", "b/2.wav")
    (folder / "list.csv").write_text("path,person,label\na/1.wav,anna,calm\nb/2.wav,bert,angry\n")


def voices(folder):
    for number, name in enumerate(("train", "dev", "test")):
        make(folder, f"clips/{name}.wav")
        (folder / f"{name}.tsv").write_text(
            "client_id\tpath\tsentence\tage\tgender\tlocale\n"
            f'v{number}\t{name}.wav\t"So", he said.\tteens\tmale_masculine\ten\n'
        )


def libritts(folder):
    for subset, speaker in (("train-clean-100", "103"), ("dev-clean", "84")):
        make(folder, f"{subset}/{speaker}/1/{speaker}_1_000001_000000.wav")
        (folder / f"{subset}/{speaker}/1/{speaker}_1_000001_000000.normalized.txt").write_text("Yes.")
    (folder / "speakers.tsv").write_text(
        "READER\tGENDER\tSUBSET\tNAME\n84\tF\tdev-clean\tA B\n103\tM\ttrain-clean-100\tC D\n"
    )


def buckeye(folder):
    make(folder, "s01/s0101a.wav", seconds=2)
    (folder / "s01/s0101a.words").write_text(BUCKEYE.format("she", "sees"))
    phones = BUCKEYE.format("sh", "iy").replace("<SIL>", "SIL").replace("; x; x; NN", "")
    (folder / "s01/s0101a.phones").write_text(phones)


def dataset(folder):
    make(folder.parent, "made.wav")
    sound = {"bytes": (folder.parent / "made.wav").read_bytes(), "path": "one.wav"}
    (folder / "data").mkdir(parents=True)
    table = pyarrow.Table.from_pylist([{"audio": sound, "speaker_id": "anna", "accent": "north"}])
    pyarrow.parquet.write_table(table, folder / "data" / "test-00000-of-00001.parquet")


def field_work(folder):
    make(folder, "anna/1.wav", "anna/2.wav")
    for name in ("1", "2"):
        (folder / f"anna/{name}.phn").write_text("0 1600 h#\n1600 3200 sh\n3200 6400 iy\n")
        (folder / f"anna/{name}.wrd").write_text("1600 6400 she\n")
        (folder / f"anna/{name}.txt").write_text("She.")


def dialogues(folder):
    make(folder, "talk.wav", seconds=3, channels=2)
    said = {"anna": [(100, 500, "one")], "bert": [(400, 900, "two"), (2000, 2400, "four")]}
    (folder / "talk.eaf").write_text(elan({(f"{speaker}-words", "", "t"): rows for speaker, rows in said.items()}))


# Utterances, the values of a column in their order, and segments that each entry must give.
EXPECTED = {
    "digits": (digits, "digit", ["0", "0", "7", "7"], 0),
    "syllables": (syllables, "tone", [*"1234", *"1234"], 0),
    "emotions": (emotions, "emotion", ["calm", "angry"], 0),
    "voices": (voices, "split", ["train", "valid", "test"], 0),
    "libritts": (libritts, "split", ["valid", "train"], 0),
    "dataset": (dataset, "accent", ["north"], 0),
    "field-work": (field_work, "text", ["She.", "She."], 8),
    "buckeye": (buckeye, "text", ["she", "sees"], 7),
    "dialogues": (dialogues, "text", ["one", "two", "four"], 3),
}


def test_the_page_has_an_entry_of_every_kind():
    assert list(ENTRIES) == list(EXPECTED)


@pytest.mark.parametrize("kind", EXPECTED)
def test_the_entries_of_the_page_read_what_it_says(tmp_path, kind):
    make_files, column, values, n_segments = EXPECTED[kind]
    entry = ENTRIES[kind]
    folder = tmp_path / entry["path"]
    make_files(folder)
    with read_source(entry["reader"], folder, entry.get("options", {})) as ((utterances, segments), _):
        assert utterances[column].tolist() == values
        assert len(segments) == n_segments
        assert (utterances["speaker"] != "").all()


def test_the_commands_of_the_page_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "my-corpus", "anna/1.wav", "bert/1.wav")
    for command in re.findall(r"```sh\n(.*?)```", PAGE, re.S):
        done = CliRunner().invoke(app, command.split()[1:])
        assert done.exit_code == 0, done.output
        assert "2 recordings of 2 speakers" in done.output
