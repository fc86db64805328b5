import pytest

from auscult.corpora.recordings import name_utterances, pair_recordings
from auscult.corpora.walk import list_files
from auscult.errors import CorpusError


def make(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return list_files(folder)


def test_label_files_of_another_tree_belong_to_the_recording_of_the_same_place_or_name(tmp_path):
    files = make(tmp_path / "wav", "kim/1.WAV", "lou/1.wav", "lou/2.flac")
    labels = make(tmp_path / "grids", "kim/1.TextGrid", "lou/1.TextGrid", "all/2.TextGrid")
    found = pair_recordings(files, labels.paths, labels.folder)
    assert {
        label.name + " " + recording.relative_to(files.folder).as_posix() for label, recording in found.items()
    } == {
        "1.TextGrid kim/1.WAV",
        "1.TextGrid lou/1.wav",
        "2.TextGrid lou/2.flac",
    }
    labels = make(tmp_path / "flat", "1.TextGrid")
    with pytest.raises(CorpusError, match=r"found no recording for 1: .*flat/1\.TextGrid"):
        pair_recordings(files, labels.paths, labels.folder)


@pytest.mark.parametrize("second", ["a.flac", "a.WAV"])
def test_recordings_of_one_stem_are_refused_all_at_once(tmp_path, second):
    files = make(tmp_path, "a.wav", second, "b.wav", "b.ogg")
    with pytest.raises(CorpusError, match=r"found 2 names of several recordings: .*a\..* and .*a\..*, .*b\.ogg and"):
        pair_recordings(files, [])


def test_label_files_of_one_stem_are_refused(tmp_path):
    files = make(tmp_path, "a.wav", "a.TextGrid", "a.textgrid")
    with pytest.raises(CorpusError, match=r"found 1 names of several label files: .*a\.TextGrid and .*a\.textgrid"):
        pair_recordings(files, files.ending_in(".textgrid"))


def test_paths_that_give_one_name_are_refused(tmp_path):
    files = make(tmp_path, "a-b/c.wav", "a/b-c.wav", "d.wav")
    with pytest.raises(CorpusError, match=r"found 1 that do not: .*a/b-c\.wav and .*a-b/c\.wav \(a-b-c\); rename one"):
        name_utterances(files.paths, tmp_path)


def test_names_too_long_for_a_file_are_refused(tmp_path):
    paths = [tmp_path / ("x" * 150) / ("\u00e9" * 60 + ".wav")]
    with pytest.raises(CorpusError, match=r"expected names of at most 240 bytes, found 1 longer ones"):
        name_utterances(paths, tmp_path)
