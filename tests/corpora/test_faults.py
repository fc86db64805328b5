import logging

import pytest

from auscult.corpora.faults import Faults
from auscult.errors import AudioError, CorpusError, LabelError, StorageError


def refuse(name):
    raise AudioError(f"expected sound in {name}, found none; remove it")


def test_values_are_returned_where_nothing_is_wrong():
    assert Faults("files").each(len, ["a", "bb"]) == [1, 2]


def test_one_error_stays_as_it_is():
    with pytest.raises(AudioError, match=r"^expected sound in a, found none; remove it$"):
        Faults("files").each(refuse, ["a"])


def test_several_errors_are_one_with_their_advice_once():
    with pytest.raises(AudioError) as error:
        Faults("files").each(refuse, ["a", "b"])
    expected = "found faults in 2 of 2 files: (1) expected sound in a, found none; (2) expected sound in b, found none"
    assert str(error.value) == expected + "; remove it"


def test_many_errors_are_counted_and_all_in_the_log(caplog):
    with (
        caplog.at_level(logging.ERROR),
        pytest.raises(AudioError, match="and 2 more, all listed in the log; remove it"),
    ):
        Faults("files").each(refuse, [f"a{number:02d}" for number in range(12)])
    assert "expected sound in a11" in caplog.text


def test_errors_of_different_kinds_are_an_error_of_the_corpus():
    faults = Faults("files")
    for error in (AudioError("no sound"), LabelError("no labels")):
        with faults.check():
            raise error
    with pytest.raises(CorpusError, match=r"\(1\) no labels; \(2\) no sound"):
        faults.complain()


def test_a_full_disk_is_told_at_once():
    with pytest.raises(StorageError), Faults("files").check():
        raise StorageError("full")
