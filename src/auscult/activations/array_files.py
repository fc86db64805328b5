"""Files of arrays: npy, npz, HDF5 and safetensors, a file per recording or one file for all, read array by array."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from auscult.errors import AnalysisError

__all__ = ["ENDINGS", "StoredArray", "array_files", "stored_arrays"]

_HDF5 = (".h5", ".hdf5")
ENDINGS = (".npy", ".npz", *_HDF5, ".safetensors")
# Features hardly compress; a file that expands further is damaged or made to fill the memory.
_MAX_RATIO, _SMALL_BYTES = 200, 10 << 20
_IGNORED = re.compile(r"^(\.|__MACOSX$)")


@dataclass(frozen=True)
class StoredArray:
    """An array in a file, read when it is asked for.

    Parameters
    ----------
    key : path of the file in its folder without ending and, for files of several arrays, the name of the array
    path : path of the file
    read : function that returns the array as it is stored
    """

    key: str
    path: Path
    read: Callable[[], npt.NDArray[Any]] = field(repr=False)


def array_files(path: str | Path) -> list[Path]:
    """Return the files of arrays at a path: the file itself, or all in a folder at any depth; hidden ones are ignored.

    Raises
    ------
    AnalysisError
        There is none.
    """
    path = Path(path)
    if path.is_file():
        found = [path] if path.suffix.lower() in ENDINGS else []
    else:
        found = sorted(
            each
            for each in path.rglob("*")
            if each.suffix.lower() in ENDINGS
            and each.is_file()
            and not any(_IGNORED.match(part) for part in each.relative_to(path).parts)
        )
    if not found:
        raise AnalysisError(
            f"expected files of arrays ({', '.join(ENDINGS)}) at {path}, found none; correct the path of the model"
        )
    return found


def stored_arrays(path: str | Path) -> list[StoredArray]:
    """Return all arrays in the files at a path.

    Raises
    ------
    AnalysisError
        There is no file of arrays, or some cannot be read; all of these are named.
    """
    path, files, found, faults = Path(path), array_files(path), [], []
    for each in files:
        stem = "" if len(files) == 1 else each.relative_to(path).with_suffix("").as_posix()
        try:
            found += list(_arrays_of(each, stem))
        except Exception as error:  # every library reports damaged files by exceptions of its own
            faults.append(f"{each} ({type(error).__name__}: {' '.join(str(error).split())[:120]})")
    if faults:
        raise AnalysisError(
            f"expected files of arrays that can be read at {path}, found {len(faults)} that cannot be: "
            f"{', '.join(faults[:5])}{' …' if len(faults) > 5 else ''}; write them again; objects pickled in npy "
            "or npz files are never loaded"
        )
    return found


def _arrays_of(path: Path, stem: str) -> Iterator[StoredArray]:
    def named(name: str) -> str:
        return "/".join(part for part in (stem, name) if part)

    ending = path.suffix.lower()
    if ending == ".npy":
        np.load(path, mmap_mode="r", allow_pickle=False)
        yield StoredArray(stem or path.stem, path, _reader(_read_npy, path, path.stem))
    elif ending == ".npz":
        # Opened here, since NumPy leaves a damaged file open.
        with open(path, "rb") as content, np.load(content, allow_pickle=False) as archive:
            names = list(archive.files)
            _check_expansion(sum(member.file_size for member in archive.zip.infolist()), path)
        for name in names:
            yield StoredArray(named(name), path, _reader(_read_npz, path, name))
    elif ending == ".safetensors":
        from safetensors import safe_open

        with safe_open(path, framework="pt") as stream:
            names = list(stream.keys())
        for name in names:
            yield StoredArray(named(name), path, _reader(_read_safetensors, path, name))
    else:
        for name in _hdf5_names(path):
            yield StoredArray(named(name), path, _reader(_read_hdf5, path, name))


def _reader(read: Callable[[Path, str], npt.NDArray[Any]], path: Path, name: str) -> Callable[[], npt.NDArray[Any]]:
    def read_array() -> npt.NDArray[Any]:
        try:
            return read(path, name)
        except Exception as error:  # as above
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
            raise AnalysisError(
                f"expected an array {name!r} that can be read in {path}, found it damaged ({reason}); write it again"
            ) from None

    return read_array


def _check_expansion(n_bytes: int, path: Path) -> None:
    """Refuse arrays that are far longer than their file: a few bytes may state terabytes of zeros."""
    n_stored = path.stat().st_size
    if n_bytes > max(_SMALL_BYTES, _MAX_RATIO * n_stored):
        raise ValueError(f"arrays of {n_bytes} bytes in a file of {n_stored}")


def _read_npy(path: Path, name: str) -> npt.NDArray[Any]:
    return cast(npt.NDArray[Any], np.load(path, mmap_mode="r", allow_pickle=False))


def _read_npz(path: Path, name: str) -> npt.NDArray[Any]:
    with open(path, "rb") as content, np.load(content, allow_pickle=False) as archive:
        return cast(npt.NDArray[Any], archive[name])


def _read_safetensors(path: Path, name: str) -> npt.NDArray[Any]:
    # Through torch, since NumPy has no bfloat16.
    from safetensors import safe_open

    with safe_open(path, framework="pt") as stream:
        tensor = stream.get_tensor(name)
    return cast(npt.NDArray[Any], (tensor.float() if tensor.is_floating_point() else tensor).numpy())


def _hdf5_names(path: Path) -> list[str]:
    import h5py

    names: list[str] = []
    n_bytes = 0

    def keep(name: str, entry: Any) -> None:
        nonlocal n_bytes
        if isinstance(entry, h5py.Dataset):
            names.append(name)
            n_bytes += entry.nbytes

    with h5py.File(path, "r") as stream:
        stream.visititems(keep)
    _check_expansion(n_bytes, path)
    return names


def _read_hdf5(path: Path, name: str) -> npt.NDArray[Any]:
    import h5py

    with h5py.File(path, "r") as stream:
        return np.asarray(stream[name][()])
