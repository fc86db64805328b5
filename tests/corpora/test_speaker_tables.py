import pandas as pd
import pytest

from auscult.corpora.speaker_tables import add_speakers, find_speaker_table, read_columns, read_speaker_table
from auscult.errors import CorpusError


def write(folder, content, name="speakers.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_of_spreadsheets_are_read(tmp_path, encoding, separator):
    rows = [["speaker", "L1"], [" ren\u0065\u0301 ", '"a, b; c"'], ["", ""], ["ana", "pt", ""]]
    text = "\r\n".join(separator.join(row) for row in rows)
    table = read_columns(write(tmp_path, text.encode(encoding)))
    assert table.to_numpy().tolist() == [["ren\u00e9", "a, b; c"], ["ana", "pt"]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"expected a table with a header in .*speakers\.csv, found an empty file"),
        (
            "speaker,gender\nan\u00efs,female\n".encode("latin-1"),
            r"in UTF-8 in .*, found byte 0xef at line 2; save it as",
        ),
        (
            "speaker,gender\na,f,x\nb\nc,m\n",
            r"expected 2 cells in every row .* others in 2: line 2 has 3, line 3 has 1",
        ),
        ("speaker,age,age\na,1,2\n", r"expected different names of columns in .*, found 'age' more than once"),
        ("speaker,,age\na,1,2\n", r"expected different names of columns in .*, found an empty one; correct line 1"),
        (
            'speaker,age\na,"1\n',
            r"expected a table with commas, semicolons or tabs in .*, found: unexpected end of data",
        ),
    ],
)
def test_a_table_that_cannot_be_read_is_named_with_its_lines(tmp_path, content, message):
    with pytest.raises(CorpusError, match=message):
        read_columns(write(tmp_path, content))


def test_genders_are_read_in_short_and_others_are_kept(tmp_path):
    path = write(tmp_path, "speaker,gender\na,F\nb,m\nc,female\nd,Male\ne,nonbinary\nf,\n")
    expected = ["female", "male", "female", "male", "nonbinary", ""]
    assert read_speaker_table(path)["gender"].tolist() == expected


def test_empty_cells_leave_what_is_there(tmp_path):
    path = write(tmp_path, "speaker,language,age\na,,30\nb,dutch,\n")
    utterances = pd.DataFrame({"speaker": ["a", "b"], "language": "english"})
    expected = [["a", "english", "30"], ["b", "dutch", ""]]
    assert add_speakers(utterances, path).to_numpy().tolist() == expected


def test_all_missing_speakers_are_named(tmp_path):
    with pytest.raises(CorpusError, match=r"found no b, c \(2 of 3 speakers\); add a line for each"):
        add_speakers(pd.DataFrame({"speaker": ["a", "b", "c"]}), write(tmp_path, "speaker\na\n"))


def test_a_row_without_a_speaker_is_refused(tmp_path):
    with pytest.raises(CorpusError, match=r"expected a speaker in every row in .*, found '' \(1 such cells\)"):
        read_speaker_table(write(tmp_path, "speaker,age\n,3\n"))


def test_two_tables_of_speakers_are_refused(tmp_path):
    assert find_speaker_table(tmp_path) is None
    first = write(tmp_path, "speaker\na\n", "Speakers.csv")
    assert find_speaker_table(tmp_path) == first
    write(tmp_path, "speaker\na\n", "speakers.tsv")
    with pytest.raises(CorpusError, match=r"expected one table of speakers, found .*Speakers\.csv and .*speakers\.tsv"):
        find_speaker_table(tmp_path)
