"""Builds of a study compared file by file."""

import hashlib
from pathlib import Path


def contents(directory):
    """Return the SHA-256 of every file that a study keeps: all below ``results`` and ``resources``."""
    found = {}
    for root in ("resources", "results"):
        for path in sorted((Path(directory) / root).rglob("*")):
            place = path.relative_to(directory)
            if path.is_file() and not any(part.startswith(".snakemake") for part in place.parts):
                found[place.as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def differences(first, second):
    """Return the names of files that only one of two builds has, or that differ."""
    return sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
