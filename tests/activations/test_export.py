"""What is exported can be read by others, and by a study, without a loss."""

from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from extraction_cases import CORPUS
from safetensors.numpy import load_file
from tiny_models import tiny_encoder

from auscult.activations.array_import import import_arrays
from auscult.activations.array_settings import array_settings
from auscult.activations.export import export, export_frames
from auscult.activations.extraction import extract_activations
from auscult.activations.store import read_activations
from auscult.analyses.abx.items import read_items
from auscult.errors import AnalysisError
from auscult.models.speech import SpeechModel

SPOKEN = SimpleNamespace(**vars(CORPUS), waveform=CORPUS.waveform, manifest=SimpleNamespace(sha256="abc"))
ASKED = {"corpus": SPOKEN, "tiers": ("phone", "utterance"), "splits": ("train", "test")}


@pytest.fixture(scope="module")
def model():
    return SpeechModel(tiny_encoder("hubert"))


@pytest.fixture(scope="module")
def activations(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("activations") / "final"
    extract_activations(folder, model=model, recipe={}, parents={}, **(ASKED | {"corpus": CORPUS}))
    return read_activations(folder)


@pytest.mark.parametrize("form", ["npy", "hdf5", "safetensors"])
def test_exported_vectors_are_read_back_by_a_study(tmp_path, activations, form):
    export(activations.folder, tmp_path / "out", form=form)
    entry = {"path": str(tmp_path / "out"), "segments": str(tmp_path / "out" / "segments.csv")}
    import_arrays(tmp_path / "back", array_settings(entry), **ASKED)
    back = read_activations(tmp_path / "back")
    for layer in activations.layers:
        np.testing.assert_array_equal(back.load(layer), activations.load(layer))


def test_one_tier_and_some_layers_are_exported_with_their_table(tmp_path, activations):
    paths = export(activations, tmp_path, tier="phone", layers=["T2"], form="hdf5")
    assert [path.name for path in paths] == ["activations.h5", "segments.csv"]
    table = pd.read_csv(tmp_path / "segments.csv")
    assert set(table["tier"]) == {"phone"}
    np.testing.assert_allclose(table["onset_s"], table["onset"] / 16000)
    with h5py.File(tmp_path / "activations.h5") as stream:
        assert list(stream) == ["T2"]
        assert stream["T2"].shape == (len(table), 32)


def test_one_file_of_safetensors_holds_all_layers(tmp_path, activations):
    export(activations, tmp_path, form="safetensors")
    assert set(load_file(tmp_path / "activations.safetensors")) == set(activations.layers)


@pytest.mark.parametrize("form", ["npy", "hdf5"])
def test_exported_frames_give_the_activations_of_the_model(tmp_path, model, activations, form):
    export_frames(model, SPOKEN, tmp_path / "out", form=form, splits=ASKED["splits"])
    rate = {"frame_rate_hz": 50, "first_frame_s": 0.0125, "layers": list(model.layers), "path": str(tmp_path / "out")}
    import_arrays(tmp_path / "back", array_settings(rate), **ASKED)
    back = read_activations(tmp_path / "back")
    for layer in activations.layers:
        np.testing.assert_allclose(back.load(layer), activations.load(layer), atol=1e-6)


def test_fastabx_gets_an_item_file_and_a_tensor_per_recording(tmp_path, model):
    paths = export_frames(model, SPOKEN, tmp_path, form="fastabx", layers=["T1"], splits=("test",))
    assert [path.name for path in paths] == ["frames.json", "items.item", "T1"]
    items = read_items(tmp_path / "items.item", CORPUS.utterances)
    phones = CORPUS.segments[CORPUS.segments["tier"] == "phone"].set_index(["utterance", "onset"])
    for item in items.itertuples():
        phone = phones.loc[(item.utterance, item.onset)]
        assert (phone["label"], phone["offset"]) == (item.label, item.offset)
    for name in CORPUS.utterances.query("split == 'test'")["utterance"]:
        frames = torch.load(tmp_path / "T1" / f"{name}.pt", weights_only=True)
        assert len(frames) == model.timing.n_frames(len(CORPUS.waveforms[name]))


def test_unknown_forms_tiers_and_layers_are_named(tmp_path, activations):
    with pytest.raises(AnalysisError, match="expected a form of export among npy, hdf5, safetensors, found 'csv'"):
        export(activations, tmp_path, form="csv")
    with pytest.raises(AnalysisError, match="expected one of the tiers phone, utterance to export, found 'word'"):
        export(activations, tmp_path, tier="word")
    with pytest.raises(AnalysisError, match=r"expected layers among cnn, .* to export, found T9"):
        export(activations, tmp_path, layers=["T9"])
