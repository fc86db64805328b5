"""Sealed folders, which are complete or absent: filled under a temporary name, hashed, and moved into place at once.

A *sealed folder* contains ``manifest.json``: the SHA-256 of every other file, the recipe of the folder (configuration,
seed, versions) and the manifests of the folders it was made from; for a corpus also what its import found and changed.
The manifest is written last, so a folder with a manifest is complete. A reader that checks the manifest never uses
truncated, outdated or modified files. A manifest within a study also holds the place of its folder, such as
``resources/checkpoints/hubert-english/1200``, so that folders swapped with each other are refused.
"""

import errno
import hashlib
import json
import logging
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
    "SEALS",
    "build_folder",
    "check_folder",
    "read_manifest",
    "seal_path",
    "write_file",
    "digest",
    "digest_json",
    "storage_errors",
]

MANIFEST = "manifest.json"
SEALS = ".seals"
_RECIPE = ".recipe.json"
# Entry of a manifest: the SHA-256 of all its other entries.
_OWN = "entries_sha256"
# Kinds of sealed folders in a study, by the two names at the start of their path.
_KINDS = frozenset(
    {
        ("resources", "corpora"),
        ("resources", "checkpoints"),
        ("resources", "training"),
        ("results", "activations"),
        ("results", "scrubbing"),
    }
)
_log = logging.getLogger(__name__)
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

    The temporary name has the ending of ``path``, by which some writers choose the format. In a folder that can be
    resumed, the file's SHA-256 is kept until the folder is sealed; elsewhere, the seal of an older file is removed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    try:
        with storage_errors(path):
            yield partial
            _flush(partial)
            _reseal(path, partial)
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
    resume : keep the files of an interrupted run if its recipe and parents are the same, instead of starting empty.
        Files written with :func:`write_file` are complete; those that changed since then are removed, with a warning.
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
            (partial / _RECIPE).write_text(json.dumps({"digest": digest_json(identity), "resume": resume}))
            _remove_damaged(partial, folder)
            yield partial
            place = _place(folder)
            # The recipe is removed after sealing: a run that is killed in between can still be resumed.
            _seal(
                partial,
                identity
                | ({"import_report": import_report()} if import_report else {})
                | ({"folder": place} if place else {}),
            )
            shutil.rmtree(partial / SEALS, ignore_errors=True)
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
        There is no manifest, it belongs to another folder, a file is missing, or a file's hash differs.
    """
    folder = Path(folder)
    manifest = read_manifest(folder, remedy)
    for name, expected in manifest.files.items():
        if not (folder / name).is_file():
            raise ManifestError(f"expected {folder / name} (listed in its manifest), found no such file; {remedy}")
        found = digest(folder / name)
        if found != expected:
            raise ManifestError(f"expected SHA-256 {expected[:12]}… for {folder / name}, found {found[:12]}…; {remedy}")
    return manifest


def read_manifest(folder: str | Path, remedy: str = "delete the folder and run the same command again") -> Manifest:
    """Return the manifest of a sealed folder, without comparing the files with it.

    Raises
    ------
    ManifestError
        There is no manifest, it is damaged, or it belongs to another folder.
    """
    folder = Path(folder)
    path = folder / MANIFEST
    if not path.is_file():
        raise ManifestError(f"expected {path} (a finished folder has one), found none; {remedy}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        files, recipe, parents = dict(content["files"]), dict(content["recipe"]), dict(content["parents"])
        report, made_for = dict(content.get("import_report", {})), str(content.get("folder", ""))
        own = content.pop(_OWN, None)
        whole = own in (None, digest_json(content))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ManifestError(f"expected a manifest in {path}, found text that is not one; {remedy}") from None
    if not whole:
        raise ManifestError(f"expected {path} as it was written, found other entries: it was changed; {remedy}")
    place = _place(folder)
    if made_for and place and made_for != place:
        raise ManifestError(
            f"expected in {folder} what was made for it, found the content of {made_for}: folders were swapped, or one "
            f"was copied over another; move them back, or {remedy}"
        )
    return Manifest(recipe, parents, files, digest(path), report)


def seal_path(path: str | Path) -> Path:
    """Return the path of the seal of a file or folder."""
    path = Path(path)
    return path.parent / SEALS / f"{path.name}.sha256"


def _place(folder: Path) -> str:
    """Return the path of a folder within its study, which does not change if the study is moved; empty elsewhere."""
    parts = folder.absolute().parts
    starts = [at for at in range(len(parts) - 2) if parts[at : at + 2] in _KINDS]
    return "/".join(parts[starts[-1] :]) if starts else ""


def _reseal(path: Path, partial: Path) -> None:
    """Keep the hash of a finished file in a folder that can be resumed; remove an old seal elsewhere."""
    seal = seal_path(path)
    if _resumable(path.parent):
        # Written before the file is moved into place, so that a finished file always has a hash.
        seal.parent.mkdir(exist_ok=True)
        seal.write_text(digest(partial), encoding="utf-8")
    else:
        seal.unlink(missing_ok=True)


def _resumable(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / _RECIPE).read_text(encoding="utf-8")).get("resume"))
    except (OSError, ValueError):
        return False


def _remove_damaged(partial: Path, folder: Path) -> None:
    """Remove finished files of an interrupted run that changed since they were written."""
    for seal in sorted((partial / SEALS).glob("*.sha256")):
        path = partial / seal.stem
        if path.is_file() and digest(path) != seal.read_text(encoding="utf-8", errors="replace"):
            _log.warning("%s: %s of an interrupted run was changed or damaged since, made again", folder, path.name)
            path.unlink()


def _seal(folder: Path, identity: Mapping[str, Any]) -> None:
    found = (path for path in folder.rglob("*") if path.is_file() and path.name not in (MANIFEST, _RECIPE))
    files = sorted(path for path in found if path.parent != folder / SEALS)
    for path in files:
        _flush(path)
    content = {"files": {path.relative_to(folder).as_posix(): digest(path) for path in files}, **identity}
    content = json.loads(json.dumps(content, default=str))
    content[_OWN] = digest_json(content)
    with write_file(folder / MANIFEST) as partial:
        partial.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _flush(path: Path) -> None:
    with open(path, "rb") as stream:
        os.fsync(stream.fileno())


def _recipe_of(partial: Path) -> str | None:
    try:
        return json.loads((partial / _RECIPE).read_text())["digest"]
    except (OSError, ValueError, KeyError):
        return None
