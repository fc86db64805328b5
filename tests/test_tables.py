import numpy as np
import pandas as pd
import pytest

from auscult.errors import AnalysisError, CorpusError, LabelError
from auscult.tables import (
    RESULT_COLUMNS,
    SEGMENT_COLUMNS,
    UTTERANCE_COLUMNS,
    check_results,
    check_segments,
    check_utterances,
    collect_tables,
    read_table,
    write_table,
)


def utterances(**columns):
    table = pd.DataFrame([["u0", "c", "a.flac", 16000, 16000, "s", "female", "english", "hi", "train"]] * 2)
    table.columns = UTTERANCE_COLUMNS
    return table.assign(**{"utterance": ["u0", "u1"], **columns})


def segments(**columns):
    table = pd.DataFrame([["u0", "phone", 0, "a", 0, 8000, -1], ["u0", "phone", 1, "b", 8000, 16000, -1]])
    table.columns = SEGMENT_COLUMNS
    return table.assign(**columns)


def results(**columns):
    table = pd.DataFrame([["c", "m", "final", "T1", "phone", "accuracy", 1 / 3, 0.3, 0.4, 90, 8]])
    table.columns = RESULT_COLUMNS
    return table.assign(**columns)


def test_good_tables_are_returned_as_they_are():
    tables = utterances(), segments(extra=1), results(fold=0)
    assert check_utterances(tables[0]) is tables[0]
    assert check_segments(tables[1], tables[0]) is tables[1]
    assert check_results(tables[2]) is tables[2]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"utterance": "u0"}, r"expected each utterance once, found 'u0' more than once"),
        ({"n_samples": [16000, 0]}, r"expected a positive length .*, found 0 samples at 16000 Hz in utterance 'u1'"),
        (
            {"sample_rate_hz": [16000, -1]},
            r"expected a positive length .*, found 16000 samples at -1 Hz in utterance 'u1'",
        ),
    ],
)
def test_utterances_that_cannot_be_are_told(columns, message):
    with pytest.raises(CorpusError, match=message):
        check_utterances(utterances(**columns))


def test_no_utterances_are_told():
    with pytest.raises(CorpusError, match=r"expected at least one utterance, found none; check the corpus entry"):
        check_utterances(utterances()[:0])


def test_missing_columns_are_named_in_every_table():
    with pytest.raises(CorpusError, match=r"in the utterances table, found no speaker, split"):
        check_utterances(utterances().drop(columns=["speaker", "split"]))
    with pytest.raises(LabelError, match=r"in the segments table, found no parent"):
        check_segments(segments().drop(columns="parent"), utterances())
    with pytest.raises(AnalysisError, match=r"in the results table, found no n_groups"):
        check_results(results().drop(columns="n_groups"))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"onset": [0.0, 0.5]}, r"integer sample indices in column 'onset', found float64; multiply times in seconds"),
        ({"offset": [0.5, 1.0]}, r"integer sample indices in column 'offset', found float64"),
        ({"utterance": "u9"}, r"expected labels of known utterances, found labels of 'u9'"),
        (
            {"onset": [-5, 8000]},
            r"an onset at or after sample 0, found phone 'a' at samples -5–8000 .*'u0', index 0; 1 such",
        ),
        ({"offset": [8000, 8000]}, r"an offset after its onset, found phone 'b' at samples 8000–8000"),
        ({"offset": [8000, 16001]}, r"labels within the recording, .* 8000–16001 in a recording of 16000 samples"),
        ({"onset": [0, 7999]}, r"expected no overlap within a tier, found phone 'b' at samples 7999–16000"),
        (
            {"onset": [0, 1], "offset": [1, 2]},
            r"labels in samples, found the last of utterance 'u0' ending at 2 of 16000",
        ),
    ],
)
def test_segments_that_cannot_be_are_told(columns, message):
    with pytest.raises(LabelError, match=message):
        check_segments(segments(**columns), utterances())


def test_overlap_is_found_in_any_order_of_rows():
    with pytest.raises(LabelError, match="expected no overlap within a tier, found phone 'b'"):
        check_segments(segments(onset=[0, 7000])[::-1], utterances())


def test_tiers_and_utterances_may_overlap_each_other():
    table = pd.concat([segments(), segments(tier="word"), segments(utterance="u1")], ignore_index=True)
    assert len(check_segments(table, utterances())) == 6


def test_result_columns_come_first_and_in_order():
    with pytest.raises(AnalysisError, match=r"expected result columns to open with corpus, model, step"):
        check_results(results()[list(RESULT_COLUMNS[::-1])])


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_comes_back_with_its_words_and_steps(tmp_path, ending):
    table = results(step="007", target=["nan"], value=1 / 3)
    write_table(table, tmp_path / f"t.{ending}")
    back = read_table(tmp_path / f"t.{ending}")
    assert (back.loc[0, "step"], back.loc[0, "target"], list(back)) == ("007", "nan", list(RESULT_COLUMNS))
    # CSV keeps ten digits.
    assert np.isclose(back.loc[0, "value"], 1 / 3, atol=1e-10)


def test_tables_of_a_family_are_stacked_in_order(tmp_path):
    for number in (2, 1):
        write_table(results(n=number), tmp_path / f"{number}.csv")
    assert collect_tables([tmp_path / "2.csv", tmp_path / "1.csv"])["n"].tolist() == [2, 1]
