"""Single files of a hub: verified by every known hash, and copied instead of downloaded if an equal file is here."""

import hashlib
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub.hf_api import RepoSibling

from auscult.errors import DownloadError, ManifestError
from auscult.manifests import MANIFEST, check_folder, digest, read_manifest, write_file
from auscult.models.checkpoint_format import WEIGHTS

__all__ = ["copy_equal_file", "find_fetched", "verify_file"]

_log = logging.getLogger(__name__)


def find_fetched(folder: Path, recipe: Mapping[str, Any], store: str | Path | None) -> Path | None:
    """Return another checkpoint below ``store`` that was fetched by the same recipe and is still unchanged."""
    for path in sorted(Path(store).glob(f"*/[!.]*/{MANIFEST}")) if store else ():
        if path.parent.absolute() == folder.absolute():
            continue
        try:
            if read_manifest(path.parent).recipe != recipe:
                continue
            check_folder(path.parent)
        except ManifestError as error:
            _log.warning("%s is not copied: %s", path.parent, error)
            continue
        return path.parent
    return None


def copy_equal_file(folder: Path, remote: RepoSibling, path: Path) -> bool:
    """Copy a file of the same hash from a sealed folder beside ``folder``, for example another step's tokenizer.

    Returns
    -------
    whether there was such a file
    """
    if path.exists():
        return False
    for manifest in sorted(folder.parent.glob(f"[!.]*/{MANIFEST}")):
        local = manifest.with_name(remote.rfilename)
        if not local.is_file() or local.stat().st_size != remote.size:
            continue
        equal = digest(local) == remote.lfs.sha256 if remote.lfs else _git_digest(local) == remote.blob_id
        if equal:
            with write_file(path) as partial:
                shutil.copyfile(local, partial)
            if remote.rfilename == WEIGHTS:
                _log.warning("%s: the weights equal those in %s; is one of them mistaken?", folder, local.parent)
            return True
    return False


def verify_file(path: Path, remote: RepoSibling, known: Mapping[str, str | None], repository: str) -> str:
    """Return the SHA-256 of a fetched file if it agrees with the hub's hash and the known ones; else remove the file.

    Raises
    ------
    DownloadError
        A hash differs.
    """
    found = digest(path)
    expectations = [(whose, expected, found) for whose, expected in known.items()]
    if remote.lfs is not None:
        expectations.append(("the hub's", remote.lfs.sha256, found))
    else:
        expectations.append(("the hub's git", remote.blob_id, _git_digest(path)))
    for whose, expected, actual in expectations:
        if expected and expected != actual:
            path.unlink()
            raise DownloadError(
                f"expected {whose} hash {expected} for {path.name} of {repository}, found {actual}; the download is "
                "damaged or the file has been exchanged: try again, and compare with the repository before pinning anew"
            )
    return found


def _git_digest(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()
