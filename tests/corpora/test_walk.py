import os

import pytest

from auscult.corpora.walk import list_files
from auscult.errors import CorpusError


def make(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def found(folder):
    return [path.relative_to(folder).as_posix() for path in list_files(folder).paths]


def test_files_of_linked_folders_are_listed_below_their_links(tmp_path):
    make(tmp_path / "store", "kim/a.wav", "lou/b.wav")
    corpus = make(tmp_path / "corpus", "mia/c.wav")
    (corpus / "kim").symlink_to("../store/kim")
    (corpus / "lou").symlink_to(tmp_path / "store" / "lou")
    (corpus / "d.wav").symlink_to("../store/kim/a.wav")
    assert found(corpus) == ["d.wav", "kim/a.wav", "lou/b.wav", "mia/c.wav"]
    assert list_files(corpus).linked == 2


def test_a_corpus_whose_folder_is_a_link_or_hidden_is_listed(tmp_path):
    make(tmp_path / ".store", "kim/a.wav")
    (tmp_path / "corpus").symlink_to(".store")
    assert found(tmp_path / "corpus") == found(tmp_path / ".store") == ["kim/a.wav"]


def test_cycles_of_links_end(tmp_path):
    corpus = make(tmp_path / "corpus", "kim/a.wav", "lou/b.wav")
    make(tmp_path / "store", "mia/c.wav")
    for link, target in {
        "all": "..",
        "kim/self": ".",
        "kim/other": "../lou",
        "lou/other": "../kim",
        "mia": "../store/mia",
        "../store/mia/back": "..",
    }.items():
        (corpus / link).symlink_to(target)
    assert found(corpus) == ["kim/a.wav", "lou/b.wav", "mia/c.wav"]
    assert list_files(corpus).ignored == {
        "links to a folder of the corpus": 4,
        "links to a folder that contains the corpus": 1,
    }


def test_two_links_to_one_folder_are_refused(tmp_path):
    make(tmp_path / "store", "kim/a.wav")
    corpus = make(tmp_path / "corpus", "x.txt")
    for link in ("kim", "lou"):
        (corpus / link).symlink_to("../store/kim")
    with pytest.raises(CorpusError, match=r"links to the same folder: .*/kim and .*/lou; remove one of each two"):
        list_files(corpus)


def test_all_links_that_lead_nowhere_are_named_at_once(tmp_path):
    corpus = make(tmp_path, "a.wav")
    for number in range(12):
        (corpus / f"x{number:02d}").symlink_to("gone")
    (corpus / "round").symlink_to("round")
    (corpus / ".#a.wav").symlink_to("user@host.123")  # an editor's lock
    with pytest.raises(CorpusError, match=r"found 13 links that lead nowhere: .*/round -> round, .*/x00 -> gone,") as e:
        list_files(corpus)
    assert "x08 -> gone and 3 more; mend or remove them" in str(e.value)


def test_what_systems_and_programs_leave_behind_is_ignored_and_counted(tmp_path):
    make(
        tmp_path,
        *("kim/a.wav", "kim/._a.wav", "._kim", ".DS_Store", "kim/.DS_Store", ".git/config", ".git/objects/ab/cd"),
        *(
            ".ipynb_checkpoints/a-checkpoint.TextGrid",
            "__MACOSX/kim/._a.wav",
            "Thumbs.db",
            "DESKTOP.INI",
            ".venv/x.wav",
        ),
    )
    assert found(tmp_path) == ["kim/a.wav"]
    assert list_files(tmp_path).ignored == {
        ".DS_Store": 2,
        ".git": 1,
        ".ipynb_checkpoints": 1,
        "._*": 2,
        "DESKTOP.INI": 1,
        "Thumbs.db": 1,
        "__MACOSX": 1,
        "other hidden files and folders": 1,
    }


def test_pipes_are_never_opened(tmp_path):
    make(tmp_path, "a.wav")
    os.mkfifo(tmp_path / "b.wav")
    assert found(tmp_path) == ["a.wav"]
    assert list_files(tmp_path).ignored == {"devices, pipes and sockets": 1}


def test_names_that_are_not_utf8_are_named_in_one_line(tmp_path):
    for name in (b"an\xefs.wav", b"b\n.wav"):
        with open(os.path.join(os.fsencode(tmp_path), name), "wb"):
            pass
    with pytest.raises(
        CorpusError, match=r"expected names in UTF-8 .* found 2 others: .*/an\\xefs\.wav, .*/b\\n\.wav;"
    ):
        list_files(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CorpusError, match=r"expected a folder at .*gone, found none; correct the path"):
        list_files(tmp_path / "gone")


def test_files_are_chosen_by_ending_and_pattern_in_either_case(tmp_path):
    files = list_files(make(tmp_path, "TRAIN/A.WAV", "train/b.wav", "dev/c.wav", "d.txt"))
    assert [path.name for path in files.ending_in(".wav")] == ["A.WAV", "c.wav", "b.wav"]
    assert [path.name for path in files.matching("train/*.wav")] == ["A.WAV", "b.wav"]


def test_a_recording_and_its_labels_belong_together_in_any_unicode_form(tmp_path):
    files = list_files(make(tmp_path, "e\u0301.wav", "\u00e9.TextGrid", "\u00e9b.wav"))
    assert [path.suffix for path in files.beside(tmp_path / "\u00e9.wav")] == [".wav", ".TextGrid"]
