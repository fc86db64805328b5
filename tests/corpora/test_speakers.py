from pathlib import Path

import pytest

from auscult.corpora.speakers import name_speakers
from auscult.errors import ConfigError, CorpusError

ROOT = Path("/corpus")
SESSIONS = ["kim/am/1.wav", "kim/pm/1.wav", "lou/am/1.wav", "lou/pm/1.wav"]


def names(paths, rule=None, folder=ROOT, **settings):
    return list(name_speakers([folder / path for path in paths], folder, rule, **settings).names)


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["kim/1.wav", "lou/1.wav"], ["kim", "lou"]),
        (["p225/p225_001.wav", "p225/p225_002.wav", "p226/p226_001.wav"], ["p225", "p225", "p226"]),
        (["wav/kim/a.wav", "wav/lou/a.wav"], ["kim", "lou"]),
        (["kim/wav/a.wav", "lou/wav/b.wav"], ["kim", "lou"]),
        (["kim/rec_1.wav", "kim/rec_2.wav", "lou/rec_1.wav"], ["kim", "kim", "lou"]),
        (["kim_1.wav", "kim_2.wav", "lou-1.wav"], ["kim", "kim", "lou"]),
        (["kim/a.wav", "kim/b.wav"], ["kim", "kim"]),
        (["a.wav"], ["a"]),
    ],
)
def test_the_one_part_of_the_paths_that_can_be_the_speaker_is_taken(paths, expected):
    assert names(paths) == expected


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (
            SESSIONS,
            r"folder at depth 1 \(kim, lou\); folder at depth 2 \(am, pm\); write options: \{speaker: \{depth: 1\}",
        ),
        (
            ["dev-clean/84/121123/a.wav", "dev-clean/84/121550/a.wav", "dev-clean/174/50561/a.wav"],
            r"depth 2 .*; .* 3 \(",
        ),
        (["train/kim/a.wav", "test/lou/a.wav"], r"depth 1 \(test, train\); folder at depth 2 \(kim, lou\)"),
        (
            ["mon/kim_1.wav", "mon/lou_1.wav", "tue/kim_1.wav", "tue/lou_1.wav"],
            r"depth 1 \(mon, tue\); file name up to",
        ),
        (["wavs/kim_1.wav", "wavs/lou_1.wav"], r"depth 1 \(wavs\); file name up to the first _ or - \(kim, lou\)"),
        (["kim/a.wav", "lou_1.wav"], r"found several: folder at depth 1 \(, kim\); file name"),
        (
            ["0_jackson_0.wav", "1_jackson_0.wav"],
            r"file name up to the first _ or - \(0, 1\); part 2 of .* \(jackson\)",
        ),
        (["rec_kim_1.wav", "rec_lou_1.wav"], r"\(rec\); part 2 of the file name \(kim, lou\)"),
        (["01_kim.wav", "02_kim.wav", "03_lou.wav"], r"\(01, 02, 03\); part 2 of the file name \(kim, lou\)"),
        (["001.wav", "002.wav"], r"expected names of speakers in the paths below /corpus, found neither folders nor"),
    ],
)
def test_ambiguous_paths_are_refused_with_the_options_to_write(paths, message):
    with pytest.raises(CorpusError, match=message):
        names(paths)


@pytest.mark.parametrize(
    ("paths", "listed", "expected"),
    [
        (SESSIONS, {"kim", "lou"}, ["kim", "kim", "lou", "lou"]),
        (["0_jackson_0.wav", "1_theo_0.wav"], {"jackson", "theo"}, ["jackson", "theo"]),
        (["anna-maria_1.wav", "anna-lena_1.wav"], {"anna-maria", "anna-lena"}, ["anna-maria", "anna-lena"]),
        (["001.wav", "002.wav"], {"001", "002"}, ["001", "002"]),
    ],
)
def test_a_table_of_speakers_decides(paths, listed, expected):
    assert names(paths, listed=frozenset(listed)) == expected


def test_the_options_that_an_error_suggests_work():
    paths = ["0_jackson_0.wav", "1_theo_0.wav"]
    with pytest.raises(CorpusError, match=r"\{speaker: \{pattern: '\(\?:\^\|/\)\[\^_-\]\*\[_-\]\(\[\^/_-\]\+\)"):
        names(paths)
    assert names(paths, {"pattern": "(?:^|/)[^_-]*[_-]([^/_-]+)[^/]*$"}) == ["jackson", "theo"]
    assert names(["x_y/0_jackson_0.wav"], {"pattern": "(?:^|/)[^_-]*[_-]([^/_-]+)[^/]*$"}) == ["jackson"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"depth": 1}, ["kim", "kim", "lou", "lou"]),
        ({"depth": -1}, ["am", "pm", "am", "pm"]),
        ({"pattern": "^(.)"}, ["k", "k", "l", "l"]),
        ({"pattern": "(?:kim|lou)/(?P<other>..)/(?P<speaker>.)"}, ["1"] * 4),
        ({"name": "kim"}, ["kim"] * 4),
    ],
)
def test_a_rule_names_the_speakers(rule, expected):
    assert names(SESSIONS, rule) == expected


def test_a_table_names_the_speakers(tmp_path):
    (tmp_path / "r.csv").write_text("recording,speaker\nkim/am/1.wav,a\nkim/pm/1,b\nlou-am-1,c\nlou/pm/1.wav,d\n")
    assert names(SESSIONS, {"table": "r.csv"}, tmp_path) == ["a", "b", "c", "d"]
    (tmp_path / "r.csv").write_text("recording,speaker\nkim/am/1.wav,a\nkim/pm/1,b\nlou-am-1,\n")
    with pytest.raises(CorpusError, match=r"found none for 2: lou/am/1\.wav, lou/pm/1\.wav; correct the option"):
        names(SESSIONS, {"table": "r.csv"}, tmp_path)
    (tmp_path / "r.csv").write_text("recording,speaker\na,x\na,y\n")
    with pytest.raises(CorpusError, match=r"expected every recording once in .*r\.csv, found 1 repeated: a"):
        names(SESSIONS, {"table": "r.csv"}, tmp_path)
    (tmp_path / "r.csv").write_text("wav,who\na,x\n")
    with pytest.raises(CorpusError, match=r"expected columns recording and speaker in .*r\.csv, found wav, who"):
        names(SESSIONS, {"table": "r.csv"}, tmp_path)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("folder", r"expected the option speaker to be one of .*, found 'folder'"),
        ({"depth": 1, "name": "x"}, r"expected the option speaker to be one of"),
        ({"level": 1}, r"expected the option speaker to be one of"),
        ({"depth": 0}, r"expected depth of the option speaker to be a number of folders, .*, found 0"),
        ({"depth": "1"}, r"a number of folders, .*, found '1'"),
        ({"pattern": "("}, r"expected a regular expression in speaker: \{pattern: …\}, found '\('"),
        ({"pattern": "kim"}, r"expected a group in speaker: \{pattern: …\}, found none in 'kim'"),
        ({"name": " "}, r"expected name of the option speaker to be text, found ' '"),
    ],
)
def test_a_wrong_rule_is_refused(rule, message):
    with pytest.raises(ConfigError, match=message):
        names(SESSIONS, rule)


def test_recordings_that_a_rule_does_not_fit_are_all_named():
    with pytest.raises(CorpusError, match=r"by the option speaker: \{depth: 2\}, found none for 2: a/1\.wav, b\.wav"):
        names(["a/1.wav", "b.wav", "c/d/1.wav"], {"depth": 2})


def test_one_name_in_two_unicode_forms_is_one_speaker():
    assert names(["rene\u0301/1.wav", "ren\u00e9/2.wav", "zoe/3.wav"]) == ["ren\u00e9", "ren\u00e9", "zoe"]


def test_names_that_differ_in_case_only_are_refused_unless_both_are_listed():
    paths = ["Anna_1.wav", "anna_2.wav", "bert_1.wav"]
    with pytest.raises(CorpusError, match=r"expected one spelling of each speaker, found Anna and anna; rename"):
        names(paths)
    assert names(paths, listed=frozenset({"Anna", "anna", "bert"})) == ["Anna", "anna", "bert"]


def test_names_of_tiers_come_first():
    found = name_speakers([ROOT / "kim/1.wav", ROOT / "kim/2.wav"], ROOT, tiers=["lou", ""])
    assert (found.names, found.rule) == (("lou", "kim"), "names of tiers and folder at depth 1")
    assert names(SESSIONS, tiers=["a", "b", "c", "d"]) == ["a", "b", "c", "d"]
