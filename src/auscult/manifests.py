"""Sealed folders, which are complete or absent: filled under a temporary name, hashed, and moved into place at once.

A *sealed folder* contains ``manifest.json``: the SHA-256 of every other file, the recipe of the folder (configuration,
seed, versions) and the manifests of the folders it was made from; for a corpus also what its import found and changed.
The manifest is written last, so a folder with a manifest is complete. A reader that checks the manifest never uses
truncated, outdated or modified files.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auscult.errors import AuscultError, ManifestError, StorageError

__all__ = [
    "MANIFEST",
    "Manifest",
    "build_folder",
    "check_folder",
    "write_file",
    "digest",
    "digest_json",
    "storage_errors",
]

MANIFEST = "manifest.json"
_RECIPE = ".recipe.json"
_WRITING_FAILED = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})
_FULL_BYTES = 64 * 1024


@dataclass(frozen=True)
class Manifest:
    """Content and origin of a sealed folder.

    Parameters
    ----------
    recipe : settings the folder was made with; equal recipes and parents give equal files
    parents : SHA-256 of the manifests of the folders it was made from, by name
    files : SHA-256 of every file, by path in the folder
    sha256 : SHA-256 of the manifest itself, which identifies the folder
    import_report : what the import of a corpus found, changed and left out
        (:class:`auscult.corpora.report.ImportReport`); empty for other folders
    """

    recipe: Mapping[str, Any]
    parents: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""
    import_report: Mapping[str, Any] = field(default_factory=dict)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_json(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON, so that equal recipes have equal digests."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn a full or read-only disk into a :class:`StorageError` that names the path.

    Writers of audio and tensors report a full disk by errors of their own, without an error number. Any error
    they raise while no space is left is therefore treated as a full disk.
    """
    try:
        yield
    except AuscultError:
        raise
    except Exception as error:
        reason = _storage_reason(error, Path(path))
        if reason is None:
            raise
        raise StorageError(
            f"expected to write {path}, found: {reason}; free space or choose another --directory, then run the same "
            "command again: nothing half-written will be used"
        ) from error


def _storage_reason(error: Exception, path: Path) -> str | None:
    if isinstance(error, OSError) and error.errno in _WRITING_FAILED:
        return os.strerror(error.errno)
    if isinstance(error, PermissionError) and error.errno is not None and str(path.parent) in str(error.filename):
        return os.strerror(error.errno)
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    full = shutil.disk_usage(folder).free < _FULL_BYTES or f"os error {errno.ENOSPC}" in str(error)
    return os.strerror(errno.ENOSPC) if full else None


@contextmanager
def write_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; flush it to disk and move it into place if the block succeeds.

    The temporary name has the ending of ``path``, by which some writers choose the format.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    try:
        with storage_errors(path):
            yield partial
            _flush(partial)
            os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def build_folder(
    folder: str | Path,
    recipe: Mapping[str, Any],
    parents: Mapping[str, str] | None = None,
    resume: bool = False,
    import_report: Callable[[], Mapping[str, Any]] | None = None,
) -> Iterator[Path]:
    """Yield a hidden folder to fill; seal it and move it to ``folder`` if the block succeeds.

    Parameters
    ----------
    folder : path of the sealed folder; an existing folder is replaced
    recipe : JSON-like description of the content
    parents : SHA-256 of the manifests of the folders it is made from, by name
    resume : keep the files of an interrupted run if its recipe and parents are the same, instead of starting empty. The
        caller decides which of these files are complete (write each with :func:`write_file`).
    import_report : returns, after the block, what an import found; entered in the manifest

    Raises
    ------
    StorageError
        The disk is full or read-only. Without ``resume`` nothing is left behind.
    """
    folder = Path(folder)
    partial = folder.with_name(f".partial-{folder.name}")
    identity = {"recipe": dict(recipe), "parents": dict(parents or {})}
    if not (resume and _recipe_of(partial) == digest_json(identity)):
        shutil.rmtree(partial, ignore_errors=True)
    try:
        with storage_errors(folder):
            partial.mkdir(parents=True, exist_ok=True)
            (partial / _RECIPE).write_text(json.dumps({"digest": digest_json(identity)}))
            yield partial
            # The recipe is removed after sealing: a run that is killed in between can still be resumed.
            _seal(partial, identity | ({"import_report": import_report()} if import_report else {}))
            (partial / _RECIPE).unlink()
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(partial, folder)
    except BaseException:
        if not resume:
            shutil.rmtree(partial, ignore_errors=True)
        raise


def check_folder(folder: str | Path, remedy: str = "delete the folder and run the same command again") -> Manifest:
    """Read the manifest of a sealed folder and compare every file with it.

    Raises
    ------
    ManifestError
        There is no manifest, a file is missing, or a file's hash differs.
    """
    folder = Path(folder)
    path = folder / MANIFEST
    if not path.is_file():
        raise ManifestError(f"expected {path} (a finished folder has one), found none; {remedy}")
    try:
        content = json.loads(path.read_text())
        files, recipe, parents = content["files"], content["recipe"], content["parents"]
    except (ValueError, KeyError, TypeError):
        raise ManifestError(f"expected a manifest in {path}, found text that is not one; {remedy}") from None
    for name, expected in files.items():
        if not (folder / name).is_file():
            raise ManifestError(f"expected {folder / name} (listed in its manifest), found no such file; {remedy}")
        found = digest(folder / name)
        if found != expected:
            raise ManifestError(f"expected SHA-256 {expected[:12]}… for {folder / name}, found {found[:12]}…; {remedy}")
    return Manifest(recipe, parents, files, digest(path), content.get("import_report", {}))


def _seal(folder: Path, identity: Mapping[str, Any]) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in (MANIFEST, _RECIPE))
    for path in files:
        _flush(path)
    content = {"files": {path.relative_to(folder).as_posix(): digest(path) for path in files}, **identity}
    with write_file(folder / MANIFEST) as partial:
        partial.write_text(json.dumps(content, indent=1, sort_keys=True, default=str) + "\n")


def _flush(path: Path) -> None:
    with open(path, "rb") as stream:
        os.fsync(stream.fileno())


def _recipe_of(partial: Path) -> str | None:
    try:
        return json.loads((partial / _RECIPE).read_text())["digest"]
    except (OSError, ValueError, KeyError):
        return None
