"""Single files of a hub: compared with every hash that is known of them, and not downloaded when they are here."""

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub.hf_api import RepoSibling

from auscult.errors import DownloadError, ManifestError
from auscult.manifests import MANIFEST, check_folder, digest, write_file
from auscult.models.checkpoint_format import WEIGHTS

__all__ = ["copy_twin", "find_fetched", "verify_file"]

_log = logging.getLogger(__name__)


def find_fetched(folder: Path, recipe: Mapping[str, Any], store: str | Path | None) -> Path | None:
    """Return another checkpoint below ``store`` that was fetched by the same recipe and is still whole."""
    for path in sorted(Path(store).glob(f"*/[!.]*/{MANIFEST}")) if store else ():
        if path.parent.absolute() == folder.absolute() or json.loads(path.read_text()).get("recipe") != recipe:
            continue
        try:
            check_folder(path.parent)
        except ManifestError as error:
            _log.warning("%s is not copied: %s", path.parent, error)
            continue
        return path.parent
    return None


def copy_twin(folder: Path, sibling: RepoSibling, path: Path) -> bool:
    """Copy a file of the same hash from a sealed folder beside this one, say another step's tokenizer; tell if so."""
    if path.exists():
        return False
    for manifest in sorted(folder.parent.glob(f"[!.]*/{MANIFEST}")):
        twin = manifest.with_name(sibling.rfilename)
        if not twin.is_file() or twin.stat().st_size != sibling.size:
            continue
        same = digest(twin) == sibling.lfs.sha256 if sibling.lfs else _git_digest(twin) == sibling.blob_id
        if same:
            with write_file(path) as partial:
                shutil.copyfile(twin, partial)
            if sibling.rfilename == WEIGHTS:
                _log.warning(
                    "%s: the weights are those of %s, byte by byte; is one of them mistaken?", folder, twin.parent
                )
            return True
    return False


def verify_file(path: Path, sibling: RepoSibling, known: Mapping[str, str | None], repository: str) -> str:
    """Return the SHA-256 of a fetched file once it is that of the hub and those known before; else remove it."""
    found = digest(path)
    expectations = [(whose, expected, found) for whose, expected in known.items()]
    if sibling.lfs is not None:
        expectations.append(("the hub's", sibling.lfs.sha256, found))
    else:
        expectations.append(("the hub's git", sibling.blob_id, _git_digest(path)))
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
