"""Seals of checkpoint folders: hashes to check in folders that Auscult made, none in plain Hugging Face folders."""

from pathlib import Path

from auscult.manifests import MANIFEST, Manifest, check_folder, digest, digest_json
from auscult.models.checkpoint_format import ACCESSORIES, CONFIG, SHARDS, WEIGHTS, check_checkpoint, shard_names

__all__ = ["check_seal", "checkpoint_digest", "is_sealed"]

# The folder may be the user's own: nothing here says to delete it.
_REMEDY = (
    f"move {MANIFEST} away, then fetch, import or train the checkpoint again, or open the folder as it is, without "
    "hashes to check"
)
_UNFINISHED = ".partial-"  # begins the name of a folder that is still being built


def is_sealed(folder: str | Path) -> bool:
    """Return whether a checkpoint folder has, or must have, a manifest: not so a plain Hugging Face folder."""
    folder = Path(folder)
    return (folder / MANIFEST).exists() or folder.name.startswith(_UNFINISHED)


def check_seal(folder: str | Path) -> Manifest | None:
    """Return the manifest of a sealed checkpoint folder after comparing every file with it; None for a plain folder.

    Raises
    ------
    ManifestError
        The folder is unfinished, a file is missing, or a file's hash differs.
    """
    return check_folder(folder, _REMEDY) if is_sealed(folder) else None


def checkpoint_digest(folder: str | Path) -> str:
    """Return the identity of a checkpoint folder: the SHA-256 of its manifest, or of its files' hashes if it is plain.

    Raises
    ------
    ManifestError
        The folder is sealed, and a file is missing or has changed.
    CheckpointError
        The folder is plain and no checkpoint that Auscult can load.
    """
    manifest = check_seal(folder)
    if manifest is not None:
        return manifest.sha256
    folder = Path(folder)
    check_checkpoint(folder, any_type=True)
    shards = () if (folder / WEIGHTS).is_file() else (SHARDS, *shard_names(folder / SHARDS))
    names = sorted({CONFIG, *ACCESSORIES, WEIGHTS, *shards})
    return digest_json({name: digest(folder / name) for name in names if (folder / name).is_file()})
