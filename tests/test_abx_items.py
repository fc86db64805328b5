import pandas as pd
import pytest

from auscult.abx_items import read_items
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
        "utterance": ["84-1", "84-2"], "onset": [1600, 0], "offset": [4000, 16000], "label": ["AH", "ɛ"],
        "previous": ["B", "SIL"], "next": ["K", "#"], "speaker": ["84", "84"],
    }  # fmt: skip


def test_a_recording_that_does_not_exist_is_named_with_its_line(tmp_path):
    expected = r"expected recordings of the corpus \(2\) in .*dev.item, found '85-9' in line 3 \(1 such recordings\)"
    with pytest.raises(AnalysisError, match=expected):
        read(tmp_path, "84-1 0.1 0.2 AH B K 84\n85-9 0.1 0.2 AH B K 85\n85-9 0.3 0.4 AH B K 85\n")


@pytest.mark.parametrize("line", ["84-1 0.1 0.2 AH B K", "84-1 0.1 x AH B K 84", "84-1 nan 0.2 AH B K 84"])
def test_a_malformed_line_is_quoted(tmp_path, line):
    with pytest.raises(
        LabelError, match=r"expected 7 fields \(#file onset .*\) in line 2 of .*dev.item, found .: '84-1"
    ):
        read(tmp_path, line + "\n")


@pytest.mark.parametrize("times", ["0.5 0.4", "-0.1 0.2", "0.9 1.1"])
def test_times_outside_the_recording_are_refused(tmp_path, times):
    expected = (
        "expected an onset before its offset, both within the 16000 samples .* in line 2 of .*; times are seconds"
    )
    with pytest.raises(LabelError, match=expected):
        read(tmp_path, f"84-2 {times} AH B K 84\n")


def test_a_file_without_items_is_refused(tmp_path):
    with pytest.raises(AnalysisError, match=r"expected items below the header of .*dev.item, found none"):
        read(tmp_path, "")
