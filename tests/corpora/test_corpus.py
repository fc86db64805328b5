import numpy as np
import pandas as pd
import pytest

from auscult.corpora.audio import write_audio
from auscult.corpora.corpus import read_corpus, split_speakers
from auscult.errors import AudioError, CorpusError, LabelError, ManifestError
from auscult.manifests import build_folder
from auscult.tables import write_table


def waveform(seed=0):
    return np.random.default_rng(seed).integers(-9000, 9000, 4000) / np.float32(32768)


def utterance(name, **values):
    row = {
        "utterance": name,
        "corpus": "tiny",
        "path": f"audio/{name}.flac",
        "sample_rate_hz": 16000,
        "n_samples": 4000,
        "speaker": "anna",
        "gender": "female",
        "language": "english",
        "text": "a",
        "split": "train",
    }
    return row | values


def build(folder, rows, offset=3000):
    segments = [
        {
            "utterance": row["utterance"],
            "tier": "phone",
            "index": 0,
            "label": "a",
            "onset": 0,
            "offset": offset,
            "parent": -1,
        }
        for row in rows
    ]
    with build_folder(folder, {"corpus": "tiny"}) as partial:
        for seed, row in enumerate(rows):
            write_audio(waveform(seed).astype(np.float32), partial / row["path"])
        write_table(pd.DataFrame(rows), partial / "utterances.parquet")
        write_table(pd.DataFrame(segments), partial / "segments.parquet")
    return folder


def test_a_corpus_reads_back_what_was_written(tmp_path):
    corpus = read_corpus(build(tmp_path / "c", [utterance("u0"), utterance("u1")]))
    assert (corpus.name, corpus.folder, len(corpus.utterances), len(corpus.segments)) == ("tiny", tmp_path / "c", 2, 2)
    assert corpus.waveform("u1").dtype == np.float32
    assert np.array_equal(corpus.waveform("u1"), waveform(1))
    assert corpus.manifest.recipe == {"corpus": "tiny"}


def test_an_unknown_utterance_is_named(tmp_path):
    corpus = read_corpus(build(tmp_path / "c", [utterance("u0")]))
    with pytest.raises(CorpusError, match=r"expected one of the 1 utterances of corpus 'tiny', found 'u7'"):
        corpus.waveform("u7")


def test_a_recording_of_another_length_than_the_table_says_is_refused(tmp_path):
    corpus = read_corpus(build(tmp_path / "c", [utterance("u0", n_samples=5000)]))
    with pytest.raises(AudioError, match=r"expected 5000 samples of one channel at 16000 Hz in .*u0\.flac, found 4000"):
        corpus.waveform("u0")


def test_a_changed_recording_is_noticed_before_use(tmp_path):
    folder = build(tmp_path / "c", [utterance("u0")])
    write_audio(waveform(9).astype(np.float32), folder / "audio" / "u0.flac")
    with pytest.raises(ManifestError, match=r"expected SHA-256 .* for .*u0\.flac, found"):
        read_corpus(folder)


@pytest.mark.parametrize(("column", "value"), [("split", "dev")])
def test_a_value_outside_the_contract_is_named(tmp_path, column, value):
    folder = build(tmp_path / "c", [utterance("u0"), utterance("u1", **{column: value})])
    with pytest.raises(
        CorpusError, match=rf"expected {column} to be one of .*, found '{value}' for utterance 'u1' \(1"
    ):
        read_corpus(folder)


def test_labels_past_the_audio_are_refused(tmp_path):
    with pytest.raises(LabelError, match=r"expected labels within the recording, found phone 'a' at samples 0–4001"):
        read_corpus(build(tmp_path / "c", [utterance("u0")], offset=4001))


def test_a_corpus_without_splits_is_for_testing():
    table = pd.DataFrame({"speaker": ["a", "b"], "gender": ""}, index=[7, 3])
    assert split_speakers(table, divide=False).to_dict() == {7: "test", 3: "test"}


def test_speakers_are_split_whole_and_within_each_gender():
    speakers = [f"{gender[0]}{number}" for gender in ("female", "male") for number in range(8)]
    table = pd.DataFrame({"speaker": speakers, "gender": ["female"] * 8 + ["male"] * 8})
    table = pd.concat([table, table], ignore_index=True).sample(frac=1, random_state=0)
    split = split_speakers(table, divide=True)
    assert (split.groupby(table["speaker"]).nunique() == 1).all()
    assert split.groupby([table["gender"], split]).size().to_dict() == {
        (gender, name): n for gender in ("female", "male") for name, n in (("train", 8), ("valid", 4), ("test", 4))
    }
