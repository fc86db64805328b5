"""Reader of MuST-SHE, on synthetic tables: rows that refer to the speaker, genders, languages, terms."""

import numpy as np
import pytest
import soundfile

from auscult.corpora.corpus import read_corpus
from auscult.corpora.importing import import_corpus
from auscult.corpora.readers.must_she import read_must_she
from auscult.corpora.translations import read_references, term_pairs
from auscult.errors import CorpusError

HEADER = "ID\tLANG\tTALK\tSRC\tREF\tWRONG-REF\tSPEAKER\tGENDER\tCATEGORY\tCOMMENT\tFREE-REF\tGENDERTERMS"


def row(number, speaker, gender, category="1F", language="it", terms="stata stato;nata nato"):
    texts = 'I was "born"\tSono stata nata\tSono stato nato'
    return f"{language}-{number:04d}\t{language}\tt{number}\t{texts}\t{speaker}\t{gender}\t{category}\t\t\t{terms}"


ROWS = [row(i, f"w{i}", "She") for i in range(4)] + [row(i + 4, f"m{i}", "He", "1M") for i in range(4)]
ROWS += [row(8, "w9", "She", "2M")]


def make(folder, rows=ROWS, header=HEADER, audio=True):
    (folder / "tsv").mkdir(parents=True)
    (folder / "tsv" / "MONOLINGUAL.it_v1.2.tsv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    (folder / "wav").mkdir()
    for line in rows if audio else []:
        noise = np.random.default_rng(0).uniform(-0.1, 0.1, 8000)
        soundfile.write(folder / "wav" / f"{line.split(chr(9))[0]}.wav", noise, 16000)
    return folder


def test_rows_of_speakers_become_utterances_with_references(tmp_path):
    utterances, segments = read_must_she(make(tmp_path))
    assert len(utterances) == 8
    assert segments.empty
    first = utterances.iloc[0]
    assert (first["gender"], first["target_language"], first["reference"]) == ("female", "italian", "Sono stata nata")
    assert first["text"] == 'I was "born"'
    assert term_pairs(first["terms"]) == [("stata", "stato"), ("nata", "nato")]


def test_speakers_are_shared_out_whole_with_both_genders_in_each_split(tmp_path):
    utterances, _ = read_must_she(make(tmp_path))
    assert utterances.groupby("speaker")["split"].nunique().max() == 1
    assert utterances.groupby("split")["gender"].nunique().eq(2).all()
    assert set(read_must_she(tmp_path, divide=False)[0]["split"]) == {"test"}


def test_an_imported_corpus_has_references(tmp_path):
    import_corpus(tmp_path / "corpus", corpus="she", reader="must-she", source=make(tmp_path / "source"))
    corpus = read_corpus(tmp_path / "corpus")
    assert len(read_references(corpus.folder, corpus.utterances)) == 8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": [row(0, "s", "They")]}, r"expected GENDER of MuST-SHE among she, .* found 'They' in row 'it-0000'"),
        ({"rows": [row(0, "s", "She", language="de")]}, r"expected LANG of MuST-SHE among es, fr, it, found 'de'"),
        ({"rows": [row(0, "s", "She", "2F")]}, r"expected rows of categories 1F 1M in MuST-SHE, found 2F"),
        ({"header": HEADER.replace("GENDERTERMS", "TERMS")}, r"expected columns ID, .* found no GENDERTERMS"),
        ({"audio": False}, r"expected a recording it-0000.wav of MuST-SHE below"),
    ],
)
def test_what_is_missing_or_unknown_is_named(tmp_path, changes, message):
    with pytest.raises(CorpusError, match=message):
        read_must_she(make(tmp_path, **changes))


def test_an_empty_folder_is_no_corpus(tmp_path):
    with pytest.raises(CorpusError, match=r"expected tables of MuST-SHE \(.tsv\) below"):
        read_must_she(tmp_path)
