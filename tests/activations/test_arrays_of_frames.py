"""Arrays made elsewhere become the activations that extraction makes of the same frames, or are refused at once."""

import json
from fractions import Fraction
from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from extraction_cases import CORPUS
from safetensors.numpy import save_file
from tiny_models import tiny_encoder

from auscult.activations.array_files import ENDINGS
from auscult.activations.array_import import import_arrays
from auscult.activations.array_settings import array_settings
from auscult.activations.array_timing import ArrayTiming
from auscult.activations.extraction import extract_activations
from auscult.activations.store import read_activations
from auscult.errors import AnalysisError
from auscult.models.frames import FrameTiming
from auscult.models.speech import SpeechModel
from auscult.study import arrays as study_arrays

SPOKEN = SimpleNamespace(**vars(CORPUS), waveform=CORPUS.waveform, manifest=SimpleNamespace(sha256="abc"))
ASKED = {"corpus": SPOKEN, "tiers": ("phone", "word", "utterance"), "splits": ("train", "test")}
RATE = {"frame_rate_hz": 50, "first_frame_s": 0.0125}


@pytest.fixture(scope="module")
def frames():
    """Frames of a wav2vec 2.0 model for every utterance and layer."""
    model = SpeechModel(tiny_encoder("wav2vec2"))
    names = list(CORPUS.waveforms)
    heard = model.frames([CORPUS.waveforms[name] for name in names])
    return {name: {layer: heard[layer][place].numpy() for layer in model.layers} for place, name in enumerate(names)}


@pytest.fixture(scope="module")
def extracted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("extracted") / "final"
    model = SpeechModel(tiny_encoder("wav2vec2"))
    extract_activations(
        folder, model=model, recipe={}, parents={}, corpus=CORPUS, tiers=ASKED["tiers"], splits=ASKED["splits"]
    )
    return read_activations(folder)


def _npy_by_layer(folder, frames):
    for name, layers in frames.items():
        for layer, array in layers.items():
            (folder / layer).mkdir(parents=True, exist_ok=True)
            np.save(folder / layer / f"{name}.npy", array)
    return folder


def _npz_by_utterance(folder, frames):
    folder.mkdir()
    for name, layers in frames.items():
        np.savez(folder / f"{name}.npz", **layers)
    return folder


def _hdf5(folder, frames):
    folder.mkdir()
    with h5py.File(folder / "all.h5", "w") as stream:
        for name, layers in frames.items():
            for layer, array in layers.items():
                stream[f"{name}/{layer}"] = array
    return folder / "all.h5"


def _safetensors(folder, frames):
    folder.mkdir()
    path = folder / "all.safetensors"
    arrays = {f"{layer}/{name}": array for name, layers in frames.items() for layer, array in layers.items()}
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)  # strides are not stored
    return path


def taken(path, folder, **settings):
    import_arrays(folder, array_settings({"path": str(path), **RATE, **settings}), **ASKED)
    return read_activations(folder)


@pytest.mark.parametrize("write", [_npy_by_layer, _npz_by_utterance, _hdf5, _safetensors])
def test_arrays_of_a_model_give_the_activations_of_the_model(tmp_path, frames, extracted, write):
    found = taken(write(tmp_path / "arrays", frames), tmp_path / "out", layers=list(extracted.layers))
    pd.testing.assert_frame_equal(found.index, extracted.index)
    assert found.layers == extracted.layers
    for layer in found.layers:
        np.testing.assert_array_equal(found.load(layer), extracted.load(layer))


def test_states_of_all_layers_in_one_array_take_their_names_from_the_study(tmp_path, frames, extracted):
    """The transformer's states, stacked with the axis of a batch of one, as scripts around transformers save them."""
    for name, layers in frames.items():
        np.save(tmp_path / f"{name}.npy", np.stack([layers[layer] for layer in ("embed", "T1", "T2")])[:, None])
    found = taken(tmp_path, tmp_path / "out", layers=["embed", "T1", "T2"])
    np.testing.assert_array_equal(found.load("T2"), extracted.load("T2"))


def test_an_axis_of_layers_without_names_is_numbered_and_one_layer_is_called_features(tmp_path, frames):
    for number in (1, 3):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, layers in frames.items():
            np.save(folder / f"{name}.npy", np.stack([layers["T1"]] * number))
    assert taken(tmp_path / "1", tmp_path / "out").layers == ("features",)
    assert taken(tmp_path / "3", tmp_path / "out").layers == ("layer0", "layer1", "layer2")


def test_half_precision_transposed_and_padded_arrays_are_read_as_stated(tmp_path, frames, extracted):
    for name, layers in frames.items():
        padded = np.concatenate([layers["T1"], np.ones((90 - len(layers["T1"]), layers["T1"].shape[1]))])
        np.save(tmp_path / f"{name}.npy", padded.astype(np.float16).T)
    found = taken(tmp_path, tmp_path / "out", transposed=True, padded=True, layers=["T1"])
    phones = (found.index["tier"] == "phone").to_numpy() & (found.index["offset"] < found.index["n_samples"] - 800)
    np.testing.assert_allclose(found.load("T1")[phones], extracted.load("T1")[phones], atol=2e-3)


def test_utterances_of_folders_are_found_by_the_names_that_readers_give_them(tmp_path, frames):
    renamed = SimpleNamespace(**vars(SPOKEN))
    renamed.utterances = CORPUS.utterances.assign(utterance="anna-é-" + CORPUS.utterances["utterance"])
    renamed.segments = CORPUS.segments.assign(utterance="anna-é-" + CORPUS.segments["utterance"])
    folder = tmp_path / "arrays" / "anna" / "e\u0301"
    folder.mkdir(parents=True)
    for name, layers in frames.items():
        np.save(folder / f"{name}.npy", layers["T1"])
    (tmp_path / "arrays" / "anna" / "._u1.npy").write_bytes(b"not an array")
    import_arrays(
        tmp_path / "out", array_settings({"path": str(tmp_path / "arrays"), **RATE}), **(ASKED | {"corpus": renamed})
    )
    assert read_activations(tmp_path / "out").layers == ("features",)


def test_frames_of_a_rate_that_divides_no_sample_rate_are_assigned_without_rounding():
    timing = ArrayTiming.of(Fraction("44100/512"), None, 16000)
    onsets, offsets = np.array([0, 8000]), np.array([8000, 16000])
    starts, stops, nearest = timing.segment_frames(onsets, offsets, 87)
    centres = (np.arange(87) + 0.5) * 512 / 44100
    assert starts.tolist() == [0, int(np.argmax(centres >= 0.5))]
    assert stops.tolist() == [int((centres <= 0.5).sum()), int((centres <= 1.0).sum())]
    assert not nearest.any()


def test_the_times_of_a_whole_number_of_samples_are_those_of_a_model():
    model, arrays = FrameTiming(400, 320), ArrayTiming.of(Fraction(50), Fraction("0.0125"), 16000)
    onsets = np.arange(0, 9000, 37)
    for found, expected in zip(
        arrays.segment_frames(onsets, onsets + 700, 30), model.segment_frames(onsets, onsets + 700, 30)
    ):
        np.testing.assert_array_equal(found, expected)


def refused(tmp_path, frames, pattern, **settings):
    folder = tmp_path / "arrays"
    folder.mkdir()
    for name, array in frames.items():
        np.save(folder / f"{name}.npy", array)
    with pytest.raises(AnalysisError, match=pattern) as caught:
        taken(folder, tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()
    return str(caught.value)


def test_missing_and_other_utterances_are_named_in_one_report(tmp_path, frames):
    arrays = {name: layers["T1"] for name, layers in frames.items() if name not in ("u2", "u5")}
    message = refused(
        tmp_path, arrays | {"stranger": arrays["u0"]}, "no array for 2 of 9 utterances: u2, u5; add them;"
    )
    assert "arrays of no utterance of the corpus (1): stranger; take them out, or set ignore_others" in message


def test_arrays_of_other_utterances_are_ignored_on_request(tmp_path, frames):
    for name in [*frames, "stranger"]:
        np.save(tmp_path / f"{name}.npy", frames.get(name, frames["u0"])["T1"])
    assert taken(tmp_path, tmp_path / "out", ignore_others=True).layers == ("features",)


def test_all_faulty_arrays_are_named_in_one_report(tmp_path, frames):
    arrays = {name: layers["T1"].copy() for name, layers in frames.items()}
    arrays["u0"][3, 1] = np.nan
    arrays["u1"] = arrays["u1"][0]
    arrays["u2"] = arrays["u2"].astype(np.int64)
    arrays["u3"] = arrays["u3"][:, :5]
    arrays["u4"] = np.concatenate([arrays["u4"]] * 2)
    message = refused(tmp_path, arrays, "expected arrays for corpus 'made-up'")
    for text in (
        "arrays that are not (frames, dimensions) (1): u1 (shape (32,))",
        "arrays without floating-point numbers; give embeddings of discrete units, not their numbers (1): u2 (int64)",
        "arrays with NaN, infinity or numbers beyond float32 (1): u0",
        "different dimensions of layer features: 5 in u3, 32 in u4",
        "numbers of frames that differ by more than 2 (tolerance_frames) from 50 Hz (1 of 6 arrays): u4 (30 instead of",
    ):
        assert text in message


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        (lambda x: np.repeat(x, 2, axis=0), "their numbers fit a frame rate of about 10[0-3] Hz"),
        (lambda x: np.ones((400, 3)), "all arrays are equally long: if they were padded, set padded: true"),
        (lambda x: x.T, "the other axis has the right length: set transposed: true"),
    ],
)
def test_wrong_numbers_of_frames_are_explained(tmp_path, frames, change, advice):
    refused(tmp_path, {name: change(layers["T1"]) for name, layers in frames.items()}, advice)


def test_names_that_fit_no_utterance_are_shown_with_those_of_the_corpus(tmp_path, frames):
    arrays = {f"feature {number}": layers["T1"] for number, layers in enumerate(frames.values())}
    refused(
        tmp_path,
        arrays,
        r"found 9 arrays such as feature 0, .*utterances such as u0, u1, u2 and 6 more; rename one of them",
    )


def test_pickled_objects_are_never_loaded(tmp_path):
    folder = tmp_path / "arrays"
    folder.mkdir()
    np.save(folder / "u0.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    (folder / "u1.npy").write_bytes(b"no array")
    with pytest.raises(AnalysisError, match=r"found 2 that cannot be: .*u0.npy .*u1.npy .*pickled .* are never loaded"):
        taken(folder, tmp_path / "out")


def test_vectors_of_segments_are_matched_by_a_table(tmp_path, extracted):
    index = extracted.index
    order = np.random.default_rng(0).permutation(len(index))
    for layer in ("T1", "T2"):
        (tmp_path / "arrays").mkdir(exist_ok=True)
        np.save(tmp_path / "arrays" / f"{layer}.npy", extracted.load(layer)[order])
    named = index.iloc[order]
    timed = pd.DataFrame(
        {
            "utterance": named["utterance"],
            "tier": named["tier"],
            "onset_s": (named["onset"] / 16000).round(3),
            "offset_s": (named["offset"] / 16000).round(3),
        }
    )
    for number, table in enumerate((named[["utterance", "tier", "index"]], timed)):
        path = tmp_path / f"{number}.csv"
        table.to_csv(path, index=False)
        entry = {"path": str(tmp_path / "arrays"), "segments": str(path)}
        import_arrays(tmp_path / f"out{number}", array_settings(entry), **ASKED)
        found = read_activations(tmp_path / f"out{number}")
        np.testing.assert_array_equal(found.load("T2"), extracted.load("T2"))
        assert found.index["label"].tolist() == index["label"].tolist()


def test_a_table_that_lacks_segments_or_names_others_is_refused_with_their_names(tmp_path, extracted):
    named = extracted.index[["utterance", "tier", "index"]].copy()
    named.iloc[0] = ["u0", "phone", 999]
    named.iloc[1] = named.iloc[2]
    np.save(tmp_path / "T1.npy", extracted.load("T1"))
    named.iloc[[0, *range(2, len(named))]].to_csv(tmp_path / "rows.csv", index=False)
    entry = array_settings({"path": str(tmp_path / "T1.npy"), "segments": str(tmp_path / "rows.csv")})
    with pytest.raises(AnalysisError, match=r"expected finite arrays of \d+ rows, one per row of .*rows.csv"):
        import_arrays(tmp_path / "out", entry, **ASKED)
    np.save(tmp_path / "T1.npy", extracted.load("T1")[1:])
    with pytest.raises(AnalysisError, match=r"no row for 2 of \d+ segments: u0 phone 0, u0 phone 1; rows that fit no"):
        import_arrays(tmp_path / "out", entry, **ASKED)


def test_columns_of_utterances_are_columns_of_the_index(tmp_path, frames):
    """An emotion is a label of the whole utterance, an age one of the speaker; both can be targets."""
    described = SimpleNamespace(**vars(SPOKEN))
    described.utterances = CORPUS.utterances.assign(emotion=list("abcabcabc"), age=range(9))
    for name, layers in frames.items():
        np.save(tmp_path / f"{name}.npy", layers["T1"])
    asked = ASKED | {"corpus": described, "tiers": ("utterance",)}
    import_arrays(tmp_path / "out", array_settings({"path": str(tmp_path), **RATE}), **asked)
    index = read_activations(tmp_path / "out").index.set_index("utterance")
    assert index["emotion"].to_dict() == dict(zip(CORPUS.utterances["utterance"], "abcabcabc"))
    assert index["age"].tolist() == sorted(index["age"])
    assert not {"path", "corpus"} & set(index)


def test_recordings_without_labels_have_activations_of_utterances(tmp_path, frames):
    from auscult.tables import no_segments

    bare = SimpleNamespace(**vars(SPOKEN))
    bare.segments = no_segments()
    for name, layers in frames.items():
        np.save(tmp_path / f"{name}.npy", layers["T1"])
    asked = ASKED | {"corpus": bare, "tiers": ("utterance",)}
    import_arrays(tmp_path / "out", array_settings({"path": str(tmp_path), **RATE}), **asked)
    assert len(read_activations(tmp_path / "out").index) == len(CORPUS.utterances)


def test_the_endings_that_a_study_knows_are_those_that_are_read():
    assert study_arrays.ENDINGS == ENDINGS


def test_the_manifest_names_the_arrays(tmp_path, frames):
    for name, layers in frames.items():
        np.save(tmp_path / f"{name}.npy", layers["T1"])
    found = taken(tmp_path, tmp_path / "out")
    assert set(found.manifest.parents) == {"corpus", "arrays"}
    assert json.dumps(found.manifest.recipe)
    assert torch.isfinite(torch.from_numpy(found.load("features"))).all()
