"""``auscult export``: what a build holds, in the forms of other tools, and why there may be nothing to write."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest

from auscult.activations.array_import import import_arrays
from auscult.activations.array_settings import array_settings
from auscult.activations.extraction import extract_activations
from auscult.activations.store import read_activations
from auscult.adapters import write_adapter
from auscult.corpora.corpus import read_corpus
from auscult.corpora.importing import import_corpus
from auscult.models.acoustic import acoustic_model


@pytest.fixture
def build(study):
    """Import the corpus and extract its one baseline, as the workflow would; return the directory."""
    place = study.parent / "runs" / "mine"
    import_corpus(
        place / "resources/corpora/mine", corpus="mine", reader="textgrid", source=study.parent / "speech", options={}
    )
    corpus = read_corpus(place / "resources/corpora/mine")
    extract_activations(
        place / "results/activations/mine/mfcc/final",
        corpus=corpus,
        model=acoustic_model("mfcc"),
        tiers=("phone", "utterance"),
        splits=("test",),
        recipe={},
        parents={},
    )
    return place


def test_vectors_of_a_tier_are_written_with_their_segments(auscult, study, build, tmp_path):
    printed = auscult("export", study, "mine/mfcc", tmp_path / "out", "--form", "hdf5", "--tier", "phone")
    assert printed.splitlines() == [str(tmp_path / "out" / name) for name in ("activations.h5", "segments.csv")]
    stored = read_activations(build / "results/activations/mine/mfcc/final")
    phones = np.flatnonzero(stored.index["tier"] == "phone")
    with h5py.File(tmp_path / "out" / "activations.h5") as stream:
        np.testing.assert_array_equal(stream[stored.layers[0]][:], stored.load(stored.layers[0], phones))
    assert len(pd.read_csv(tmp_path / "out" / "segments.csv")) == len(phones)


def test_frames_are_those_of_the_model(auscult, study, build, tmp_path):
    auscult("export", study, "mine/mfcc/final", tmp_path / "out", "--frames")
    about = json.loads((tmp_path / "out" / "frames.json").read_text())
    assert about["frame_rate_hz"] == 100
    corpus = read_corpus(build / "resources/corpora/mine")
    name = corpus.utterances["utterance"].iloc[0]
    (layer,) = about["layers"]
    expected = acoustic_model("mfcc").frames([corpus.waveform(name)])[layer][0]
    np.testing.assert_array_equal(np.load(tmp_path / "out" / layer / f"{name}.npy"), np.asarray(expected))
    printed = auscult("export", study, "mine/mfcc", tmp_path / "abx", "--frames", "--form", "fastabx")
    assert (tmp_path / "abx" / "items.item").read_text().startswith("#file onset offset #phone")
    assert printed.splitlines()[1] == str(tmp_path / "abx" / "items.item")


def test_frames_of_an_adapter_are_features_of_a_study(auscult, study, build, tmp_path):
    write_adapter(tmp_path / "mine.py")
    auscult("export", study, "mine", tmp_path / "out", "--frames", "--adapter", tmp_path / "mine.py")
    about = json.loads((tmp_path / "out" / "frames.json").read_text())
    assert (about["frame_rate_hz"], about["first_frame_s"], about["layers"]) == (50, 0.0125, ["cnn"])
    corpus = read_corpus(build / "resources/corpora/mine")
    back = tmp_path / "back"
    rate = {"frame_rate_hz": 50, "first_frame_s": 0.0125, "path": str(tmp_path / "out")}
    import_arrays(back, array_settings(rate), corpus=corpus, tiers=("phone",), splits=("test",))
    assert read_activations(back).load("features").shape == (180, 16)  # as a single layer is called


def test_an_adapter_that_does_not_pass_exports_nothing(auscult, study, build, tmp_path):
    write_adapter(tmp_path / "mine.py")
    text = (tmp_path / "mine.py").read_text().replace("hop_samples=320", "hop_samples=160")
    (tmp_path / "mine.py").write_text(text)
    arguments = ["mine", tmp_path / "out", "--frames", "--adapter", tmp_path / "mine.py"]
    assert "in cnn for 16000 samples, of which timing makes 98" in auscult("export", study, *arguments, status=2)
    assert not (tmp_path / "out").exists()
    assert "expected one of the corpora mine with --adapter" in auscult("export", study, "x", *arguments[1:], status=2)


@pytest.mark.parametrize(
    ("run", "options", "message"),
    [
        ("mine/mfc", [], "expected CORPUS/MODEL or CORPUS/MODEL/STEP with one of the models mfcc, found 'mine/mfc'"),
        ("other/mfcc", [], "one of the corpora mine, found 'other/mfcc'"),
        ("mine", [], "one of the models mfcc, found 'mine'"),
        ("mine/mfcc/7", [], "expected one of the steps final of model mfcc, found '7'"),
        ("mine/mfcc", ["--form", "fastabx"], "others are forms of frames: --frames"),
        ("mine/mfcc", ["--frames", "--form", "safetensors"], "others are forms of segments: leave out --frames"),
        ("mine/mfcc", [], "expected activations of mine/mfcc/final in "),
        ("mine/mfcc", ["--frames"], "expected corpus mine in "),
    ],
)
def test_what_is_not_there_is_one_line(auscult, study, tmp_path, run, options, message):
    printed = auscult("export", study, run, tmp_path / "out", *options, status=2)
    assert printed.startswith("auscult: expected")
    assert message in printed
    assert len(printed.splitlines()) == 1
    assert not (tmp_path / "out").exists()
