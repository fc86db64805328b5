"""Damaged files of arrays are read or refused: no other exception, and no memory that a file merely states."""

from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from extraction_cases import CORPUS
from malformed import damage
from safetensors.numpy import save_file

from auscult.activations.array_files import stored_arrays
from auscult.activations.array_import import import_arrays
from auscult.activations.array_settings import array_settings
from auscult.errors import AnalysisError, AuscultError

SPOKEN = SimpleNamespace(**vars(CORPUS), waveform=CORPUS.waveform, manifest=SimpleNamespace(sha256="abc"))


def write(path):
    """Write frames of the corpus, 50 per second, in the form of the path's ending."""
    rng = np.random.default_rng(0)
    lengths = CORPUS.utterances.set_index("utterance")["n_samples"]
    arrays = {name: rng.normal(0, 1, (1 + (n - 400) // 320, 4)).astype(np.float32) for name, n in lengths.items()}
    if path.suffix == ".npz":
        np.savez_compressed(path, **arrays)
    elif path.suffix == ".safetensors":
        save_file(arrays, path)
    else:
        with h5py.File(path, "w") as stream:
            for name, array in arrays.items():
                stream.create_dataset(name, data=array, compression="gzip")
    return path


def take(path, folder, **more):
    settings = {"path": str(path), "frame_rate_hz": 50, "first_frame_s": 0.0125, **more}
    import_arrays(folder, array_settings(settings), corpus=SPOKEN, tiers=("phone",), splits=("train", "test"))


@pytest.mark.parametrize("ending", [".npz", ".h5", ".safetensors"])
def test_damaged_arrays_are_read_or_refused(tmp_path, ending):
    path = write(tmp_path / f"all{ending}")
    take(path, tmp_path / "whole")
    whole, refused = path.read_bytes(), 0
    for seed in range(50):
        path.write_bytes(whole)
        damage(path, np.random.default_rng(seed))
        try:
            take(path, tmp_path / "out")
        except AuscultError:
            refused += 1
    assert refused > 5


def test_a_damaged_table_of_segments_is_refused(tmp_path):
    (tmp_path / "vectors").mkdir()
    np.save(tmp_path / "vectors" / "T1.npy", np.zeros((2, 3), np.float32))
    for name in ("rows.csv", "rows.parquet"):
        (tmp_path / name).write_bytes(b"\xff\xfe\x00PAR1")
        settings = array_settings({"path": str(tmp_path / "vectors"), "segments": str(tmp_path / name)})
        with pytest.raises(AnalysisError, match=r"expected a table of segments in .*rows\.\w+, found"):
            import_arrays(tmp_path / "out", settings, corpus=SPOKEN, tiers=("phone",), splits=("test",))


def test_terabytes_that_a_file_states_are_not_asked_for(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as stream:
        stream.create_dataset("u0", shape=(1 << 30, 1 << 10), dtype="f4", chunks=(1 << 10, 1 << 10))
    np.savez_compressed(tmp_path / "a.npz", u0=np.zeros((1 << 22, 8), np.float32))
    for name in ("a.h5", "a.npz"):
        with pytest.raises(AnalysisError, match=rf"{name} \(ValueError: arrays of \d+ bytes in a file of \d+\)"):
            stored_arrays(tmp_path / name)


def test_an_array_that_is_damaged_inside_is_named(tmp_path):
    path = write(tmp_path / "all.npz")
    content = bytearray(path.read_bytes())
    content[200:220] = bytes(20)
    path.write_bytes(content)
    first = stored_arrays(path)[0]
    with pytest.raises(AnalysisError, match=r"expected an array 'u0' that can be read in .*all\.npz, found it damaged"):
        first.read()
