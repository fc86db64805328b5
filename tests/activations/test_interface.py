"""Activations of arrays: vectors are returned unchanged, all implementations fit the protocol, faults are named."""

import doctest

import numpy as np
import pandas as pd
import pytest
from probe_tasks import PHONE, task_of
from reference import plant

from auscult.activations import interface
from auscult.activations.interface import Activations
from auscult.activations.memory import MemoryActivations
from auscult.activations.store import StoredActivations
from auscult.errors import AnalysisError
from auscult.manifests import Manifest

X = np.random.default_rng(0).normal(size=(5, 3))
LABELS = ["a", "i", "a", "u", "i"]


def test_vectors_are_returned_in_float32_and_in_the_requested_order():
    activations = Activations.from_arrays({"T1": X, "T2": (2 * X).tolist()}, LABELS)
    assert activations.layers == ("T1", "T2")
    np.testing.assert_array_equal(activations.load("T1"), X.astype(np.float32))
    np.testing.assert_array_equal(activations.load("T2", np.array([4, 0, 4])), (2 * X).astype(np.float32)[[4, 0, 4]])
    assert activations.load("T1").dtype == activations.load("T2", np.array([1])).dtype == np.float32
    assert activations.load("T1", np.array([], dtype=int)).shape == (0, 3)


def test_changing_loaded_vectors_leaves_the_activations_as_they_are():
    activations = Activations.from_arrays({"T1": X}, LABELS)
    activations.load("T1")[:] = 0
    activations.load("T1", np.arange(5))[:] = 0
    np.testing.assert_array_equal(activations.load("T1"), X.astype(np.float32))


def test_labels_and_columns_make_an_index():
    index = Activations.from_arrays(
        {"T1": X}, np.array(LABELS), utterance=["u", "u", "v", "v", "v"], tier="phone", gender="female"
    ).index
    assert index["label"].tolist() == LABELS
    assert index["index"].tolist() == [0, 1, 0, 1, 2]
    assert index["speaker"].tolist() == index["utterance"].tolist() == ["u", "u", "v", "v", "v"]
    assert set(index["tier"]) == {"phone"}
    assert set(index["gender"]) == {"female"}
    assert set(index["language"]) == set(index["text"]) == {""}


def test_without_columns_every_vector_is_an_item_of_a_speaker_of_its_own():
    index = Activations.from_arrays({"T1": X}).index
    assert index["utterance"].nunique() == index["speaker"].nunique() == 5
    assert index["index"].eq(0).all()
    assert index["tier"].eq("item").all()
    assert index["label"].eq("").all()


def test_a_table_is_kept_with_its_rows_numbered_anew():
    table = plant(n_speakers=2, n_items=3).index.iloc[::-1]
    index = Activations.from_arrays({"T1": np.zeros((6, 2))}, table, gender="female").index
    pd.testing.assert_frame_equal(index, table.reset_index(drop=True).assign(gender="female"))


def test_every_implementation_fits_the_protocol(tmp_path):
    in_memory = Activations.from_arrays({"T1": X})
    assert isinstance(in_memory, MemoryActivations)
    stored = StoredActivations(tmp_path, ("T1",), in_memory.index, Manifest({}))
    assert all(isinstance(each, Activations) for each in (in_memory, stored, plant(n_speakers=1)))
    assert not isinstance(pd.DataFrame(), Activations)


def test_an_unknown_layer_is_named_with_the_existing_layers(tmp_path):
    in_memory = Activations.from_arrays({"T1": X, "T2": X})
    stored = StoredActivations(tmp_path, ("T1", "T2"), in_memory.index, Manifest({}))
    for activations, where in ((in_memory, "the activations in memory"), (stored, tmp_path)):
        with pytest.raises(AnalysisError, match=f"expected one of the layers T1, T2 of {where}, found 'T9'"):
            activations.load("T9")


def test_probing_tasks_are_made_from_arrays_as_from_a_corpus():
    planted = plant()
    columns = {name: planted.index[name] for name in ("tier", "utterance", "speaker", "gender", "text", "language")}
    activations = Activations.from_arrays(planted.vectors, planted.index["label"], **columns)
    ours, theirs = (task_of(index, PHONE) for index in (activations.index, planted.index))
    np.testing.assert_array_equal(ours.labels, theirs.labels)
    np.testing.assert_array_equal(ours.folds, theirs.folds)


@pytest.mark.parametrize(
    ("vectors", "index", "columns", "message"),
    [
        ({}, None, {}, "expected an array for at least one layer, found none"),
        ({"T1": X[0]}, None, {}, r"expected a two-dimensional array .* for layer 'T1', found shape \(3,\)"),
        ({"T1": X, "T2": X[:4]}, LABELS, {}, "expected 5 rows, one per row of the index, .* 'T2', found 4"),
        ({"T1": X}, LABELS[:4], {}, r"expected one value of column 'label' per vector \(5\), found 4"),
        ({"T1": X}, None, {"speaker": ["f"]}, r"expected one value of column 'speaker' per vector \(5\), found 1"),
        ({"T1": X}, pd.DataFrame({"label": ["a"]}), {}, r"expected one row of the index per vector \(5\), found 1"),
        ({"T1": X * np.array([1, np.nan, 1])}, None, {}, "expected finite float32 numbers .* 'T1', .* in 5 of 5 rows"),
        ({"T1": np.vstack([X[:4], 1e300 * X[4:]])}, None, {}, "NaN or infinity in 1 of 5 rows"),
    ],
)
def test_faulty_arrays_and_indices_are_named(vectors, index, columns, message):
    with pytest.raises(AnalysisError, match=message):
        Activations.from_arrays(vectors, index, **columns)


def test_the_example_of_the_docstring_holds():
    assert doctest.testmod(interface).failed == 0
