"""Recordings without alignments: labels from names and tables, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from auscult.activations.segment_index import corpus_index
from auscult.corpora.corpus import read_corpus
from auscult.corpora.importing import import_corpus
from auscult.corpora.readers.recordings import read_recordings
from auscult.corpora.report import ImportReport
from auscult.errors import ConfigError, CorpusError

PATTERN = "(?P<digit>[0-9])_(?P<speaker>[a-z]+)_"


@pytest.fixture
def folder(tmp_path):
    """Digits of two speakers, named as in the Free Spoken Digit Dataset."""
    for name in ("0_jackson_0", "1_jackson_0", "0_theo_0", "1_theo_0"):
        soundfile.write(tmp_path / f"{name}.wav", np.random.default_rng(0).uniform(-0.1, 0.1, 4000), 8000)
    return tmp_path


def write(folder, text, name="labels.csv"):
    Path(folder, name).write_text(text, encoding="utf-8")


def test_labels_and_speakers_come_from_the_names_of_files(folder):
    report = ImportReport()
    utterances, segments = read_recordings(folder, pattern=PATTERN, language="english", report=report)
    found = utterances.set_index("utterance")[["digit", "speaker", "split", "language"]]
    assert found.loc["1_theo_0"].tolist() == ["1", "theo", "test", "english"]
    assert segments.empty
    assert report.content()["found"] == {"labels": "digit", "speakers": 2, "speakers by": "labels"}


def test_labels_come_from_a_table_and_speakers_from_another(folder):
    rows = "\n".join(f"{name};{mood};" for name, mood in zip(["0_jackson_0.wav", "1_jackson_0", "0_theo_0"], "abc"))
    write(folder, f"recording;emotion;text\n{rows}\n1_theo_0;;good day\n")
    write(folder, "speaker,gender,age\njackson,m,31\ntheo,m,\n", "speakers.csv")
    utterances, _ = read_recordings(folder, labels="labels.csv", pattern="_(?P<speaker>[a-z]+)_")
    found = utterances.set_index("utterance")
    assert found["emotion"].to_dict() == {"0_jackson_0": "a", "1_jackson_0": "b", "0_theo_0": "c", "1_theo_0": ""}
    assert found.loc["1_theo_0", "text"] == "good day"
    assert found.loc["0_jackson_0", ["gender", "age"]].tolist() == ["male", "31"]


def test_an_imported_corpus_without_labels_has_one_item_per_recording_with_its_labels(folder, tmp_path_factory):
    made = tmp_path_factory.mktemp("corpus") / "digits"
    import_corpus(made, corpus="digits", reader="recordings", source=folder, options={"pattern": PATTERN})
    corpus = read_corpus(made)
    index = corpus_index(corpus, corpus.utterances, ["utterance"], 100)
    assert index["digit"].tolist() == ["0", "0", "1", "1"]
    assert index["offset"].tolist() == [8000] * 4


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"pattern": "("}, ConfigError, "expected a regular expression in pattern, found '\\('"),
        ({"pattern": "([0-9])"}, ConfigError, "expected named groups in pattern, found none"),
        ({"pattern": "(?P<label>[0-9])"}, CorpusError, "found label; rename, for example, label to own_label"),
        (
            {"pattern": "(?P<digit>1)_(?P<speaker>[a-z]+)"},
            CorpusError,
            "found 2 of 4 that do not: 0_jackson_0.wav, 0_theo_0.wav; correct the pattern",
        ),
        ({"labels": "other.csv"}, CorpusError, "expected a table at .*other.csv, found no such file"),
        ({"labels": "labels.csv"}, CorpusError, "no row for 3 of 4 .*; no recording for 1 of 2 rows: 9_theo_0; add"),
        ({"labels": "twice.csv"}, CorpusError, "expected every recording once in .*, found repeated 0_theo_0"),
        (
            {"labels": "digits.csv", "pattern": PATTERN},
            CorpusError,
            r"expected one digit of each recording .*, found another in names for 1: 0_theo_0 \('7', '0'\)",
        ),
        ({"labels": "split.csv", "pattern": PATTERN}, CorpusError, "expected split to be one of .* found 'dev'"),
    ],
)
def test_what_does_not_fit_is_named_at_once(folder, options, kind, message):
    names = ("0_jackson_0", "1_jackson_0", "0_theo_0", "1_theo_0")
    write(folder, "recording,emotion\n0_theo_0,a\n9_theo_0,b\n")
    write(folder, "recording,emotion\n0_theo_0,a\n0_theo_0,b\n", "twice.csv")
    write(
        folder, "recording,digit\n" + "\n".join(f"{n},{'7' if n == '0_theo_0' else n[0]}" for n in names), "digits.csv"
    )
    write(folder, "recording,split\n" + "\n".join(f"{name},dev" for name in names), "split.csv")
    with pytest.raises(kind, match=message):
        read_recordings(folder, **options)


def test_a_folder_without_recordings_is_refused(tmp_path):
    with pytest.raises(CorpusError, match=r"expected recordings below .*, found none; check the path of the corpus"):
        read_recordings(tmp_path, pattern=PATTERN)
