import pandas as pd
import pytest

from auscult.analyses.abx.items import read_items
from auscult.errors import AnalysisError, LabelError

HEADER = "#file onset offset #phone prev-phone next-phone speaker\n"
UTTERANCES = pd.DataFrame({"utterance": ["84-1", "84-2"], "sample_rate_hz": 16000, "n_samples": [32000, 16000]})


def read(tmp_path, lines, header=HEADER):
    path = tmp_path / "dev.item"
    path.write_text(header + lines, encoding="utf-8")
    return read_items(path, UTTERANCES)


def test_items_are_read_in_samples_of_their_recording(tmp_path):
    items = read(tmp_path, "84-1 0.1 0.25 AH B K 84\n84-2 0.00003 1.0 ɛ SIL # 84\n\n")
    assert items.to_dict("list") == {
        "utterance": ["84-1", "84-2"],
        "onset": [1600, 0],
        "offset": [4000, 16000],
        "label": ["AH", "ɛ"],
        "previous": ["B", "SIL"],
        "next": ["K", "#"],
        "speaker": ["84", "84"],
    }


def test_a_recording_that_does_not_exist_is_named_with_its_line(tmp_path):
    expected = r"expected recordings of the corpus \(2\) in .*dev.item, found '85-9' in line 3 \(1 such recordings\)"
    with pytest.raises(AnalysisError, match=expected):
        read(tmp_path, "84-1 0.1 0.2 AH B K 84\n85-9 0.1 0.2 AH B K 85\n85-9 0.3 0.4 AH B K 85\n")


def test_a_line_with_a_field_too_few_is_quoted(tmp_path):
    expected = r"expected 7 fields, as in the header in line 2 of .*dev.item, found 6: '84-1 .*'; correct the line"
    with pytest.raises(LabelError, match=expected):
        read(tmp_path, "84-1 0.1 0.2 AH B K\n")


@pytest.mark.parametrize("times", ["0.1 x", "nan 0.2", "0.1 inf"])
def test_a_time_that_is_no_number_is_quoted(tmp_path, times):
    with pytest.raises(LabelError) as caught:
        read(tmp_path, f"84-1 {times} AH B K 84\n")
    assert str(caught.value) == (
        f"expected onset and offset in seconds in line 2 of {tmp_path / 'dev.item'}, found {times!r}; correct the line"
    )


@pytest.mark.parametrize("header", ["", "84-1 0.1 0.2 AH B K 84\n"])
def test_a_file_without_header_is_refused_and_loses_no_item(tmp_path, header):
    expected = rf"expected the header #file onset .* in line 1 of .*dev.item, found '{header[:22].strip()}'; add it"
    with pytest.raises(LabelError, match=expected):
        read(tmp_path, "", header)


def test_a_file_that_does_not_exist_is_one_line(tmp_path):
    with pytest.raises(AnalysisError, match=r"expected an item file at .*no\.item, found none; correct the path"):
        read_items(tmp_path / "no.item", UTTERANCES)
    with pytest.raises(AnalysisError, match=r"expected a readable item file at .*, found: Is a directory; correct"):
        read_items(tmp_path, UTTERANCES)


def test_a_file_of_another_encoding_is_one_line(tmp_path):
    (tmp_path / "dev.item").write_bytes(HEADER.encode() + "84-1 0.1 0.2 é B K 84\n".encode("latin-1"))
    expected = "expected text in UTF-8 in .*dev.item, found byte 0xe9 in line 2; convert"
    with pytest.raises(LabelError, match=expected):
        read_items(tmp_path / "dev.item", UTTERANCES)


@pytest.mark.parametrize("times", ["0.5 0.4", "-0.1 0.2", "0.9 1.1", "0.5 1e300", "0.5 1e308", "-1e308 0.5"])
def test_times_outside_the_recording_are_refused(tmp_path, times):
    expected = (
        "expected an onset before its offset, both within the 16000 samples .* in line 2 of .*; give times in seconds"
    )
    with pytest.raises(LabelError, match=expected):
        read(tmp_path, f"84-2 {times} AH B K 84\n")


def test_a_file_without_items_is_refused(tmp_path):
    with pytest.raises(AnalysisError, match=r"expected items below the header of .*dev.item, found none"):
        read(tmp_path, "")


ITEM = {
    "#file": "84-1",
    "onset": "0.1",
    "offset": "0.25",
    "#phone": "AH",
    "prev-phone": "B",
    "next-phone": "K",
    "speaker": "s",
}


@pytest.mark.parametrize("separator", [" ", "\t", ","])
@pytest.mark.parametrize(
    "names", [[*ITEM], [*ITEM][::-1], ["dialect", *ITEM], [*[*ITEM][:4], "speaker", "prev-phone", "next-phone"]]
)
def test_columns_are_found_by_name(tmp_path, separator, names):
    header, line = (separator.join(fields) for fields in (names, [ITEM.get(name, "us") for name in names]))
    items = read(tmp_path, line, header + "\n")
    assert items.to_numpy().tolist() == [["84-1", 1600, 4000, "AH", "B", "K", "s"]]


@pytest.mark.parametrize(("context", "expected"), [("b_t", ["b", "t"]), ("b-t", ["b-t", ""])])
def test_both_neighbours_may_be_one_context(tmp_path, context, expected):
    items = read(tmp_path, f"84-1 0.1 0.2 ae s01 {context}\n", "#File onset offset #phone speaker context\n")
    assert items[["previous", "next", "speaker"]].to_numpy().tolist() == [[*expected, "s01"]]


def test_missing_and_repeated_columns_are_named(tmp_path):
    with pytest.raises(
        LabelError, match=r"expected columns file, onset, .* line 1 of .*, found no next-phone, speaker: '#f"
    ):
        read(tmp_path, "", "#file onset offset #phone prev-phone\n")
    with pytest.raises(
        LabelError, match=r"expected each column once in line 1 of .*, found speaker and talker; remove"
    ):
        read(tmp_path, "", HEADER.strip() + " talker\n")


@pytest.mark.parametrize("name", ["84-1.flac", "dev/84-1.wav", "./84-1", "84/1"])
def test_recordings_may_have_folder_and_ending(tmp_path, name):
    assert read(tmp_path, f"{name} 0.1 0.2 AH B K 84\n")["utterance"].tolist() == ["84-1"]


def test_two_names_of_one_recording_are_refused(tmp_path):
    lines = "a/84-1.wav 0.1 0.2 AH B K 84\nb/84-1.wav 0.1 0.2 AH B K 84\n"
    with pytest.raises(
        AnalysisError, match=r"one name of each recording in .*, found a/84-1 and b/84-1 for utterance '84-1'"
    ):
        read(tmp_path, lines)


def test_decimal_commas_are_refused_for_all_lines_at_once(tmp_path):
    expected = (
        r"onset and offset in seconds with decimal points in line 2 of .*, found '0,1 0,2' \(2 such lines, also 3\)"
    )
    with pytest.raises(LabelError, match=expected):
        read(tmp_path, "84-1 0,1 0,2 AH B K 84\n" * 2)


def test_times_in_another_unit_are_refused_with_the_reason(tmp_path):
    with pytest.raises(LabelError, match=r"\(1 such lines; these look like milliseconds\); give times in sec"):
        read(tmp_path, "84-2 292 472 AH B K 84\n")
    with pytest.raises(LabelError, match=r"these look like samples\); give"):
        read(tmp_path, "84-2 2920 4720 AH B K 84\n")
    long = UTTERANCES.assign(n_samples=16_000_000)
    (tmp_path / "long.item").write_text(HEADER + "84-2 292 472 AH B K 84\n")
    with pytest.raises(
        LabelError, match=r"items of less than 10 s in .*, found a median of 180 s; these look like milliseconds;"
    ):
        read_items(tmp_path / "long.item", long)
