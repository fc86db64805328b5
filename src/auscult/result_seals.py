"""Seals of results: the SHA-256 of every file that a workflow step wrote, checked before another step reads the file.

The seal of ``results/abx/abx.csv`` is ``results/abx/.seals/abx.csv.sha256``, in the form of the program ``sha256sum``:
``cat results/abx/.seals/* | sha256sum --check`` in the directory of the study checks a folder without Auscult. A
line names its file, so that files swapped together with their seals are noticed, too. The seal of a folder of pictures
has one line per file. Folders with a manifest (:mod:`auscult.manifests`) have no other seal.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from auscult.errors import ManifestError
from auscult.manifests import MANIFEST, SEALS, digest, read_manifest, seal_path, write_file

__all__ = ["seal_results", "check_results_of", "check_result", "result_fault", "sealed_results"]

_REMEDY = "delete it and run the same command again"
# Files that no step leaves empty.
_FILLED = frozenset({".csv", ".parquet", ".json", ".png", ".svg", ".pdf", ".rst", ".html", ".safetensors"})
_ROOTS = ("results", "resources")


def seal_results(paths: Iterable[str | Path]) -> None:
    """Write the seals of files and folders below ``results`` and ``resources``, relative to the current directory.

    Folders with a manifest are left out, and so are files elsewhere.
    """
    for path in map(Path, paths):
        sealed = path.name == MANIFEST or (path / MANIFEST).is_file()
        if not sealed and path.parts[:1] and path.parts[0] in _ROOTS and path.exists():
            lines = [f"{digest(file)}  {file.as_posix()}\n" for file in _files(path)]
            with write_file(seal_path(path)) as partial:
                partial.write_text("".join(lines), encoding="utf-8")


def check_results_of(paths: Iterable[str | Path]) -> None:
    """Check all files and folders that a step is about to read; they are named together if they are damaged.

    Raises
    ------
    ManifestError
        A file is empty, or it differs from its seal; a manifest is damaged or belongs to another folder.
    """
    faults = [fault for path in paths if (fault := result_fault(path))]
    if faults:
        more = f" (and {len(faults) - 1} more: {'; '.join(faults[1:4])})" if len(faults) > 1 else ""
        raise ManifestError(f"{faults[0]}{more}")


def check_result(path: str | Path, directory: str | Path = ".") -> None:
    """Check one file or folder; parameters as in :func:`result_fault`.

    Raises
    ------
    ManifestError
        The file is empty, or it differs from its seal.
    """
    fault = result_fault(path, directory)
    if fault:
        raise ManifestError(fault)


def result_fault(path: str | Path, directory: str | Path = ".") -> str:
    """Return what is wrong with a file or folder of a study; empty if nothing is, or if it has no seal.

    Parameters
    ----------
    path : path below ``directory``, as the workflow names it; files outside ``results`` and ``resources`` have no seal
    directory : directory of the study
    """
    path, directory = Path(path), Path(directory)
    if path.is_absolute() or path.parts[:1] == () or path.parts[0] not in _ROOTS:
        return ""
    if path.name == MANIFEST:
        return _manifest_fault(directory / path.parent)
    found = directory / path
    if found.is_file() and found.suffix in _FILLED and not found.stat().st_size:
        return f"expected content in {path}, found an empty file; {_REMEDY}"
    seal = seal_path(found)
    if not seal.is_file():
        return _kind_fault(path, found)
    expected = _read_seal(seal)
    if expected is None or not all(Path(name) == path or path in Path(name).parents for name in expected):
        return f"expected the seal of {path} in {seal}, found another text; delete both and run the same command again"
    return next(_differences(path, directory, expected), "")


def sealed_results(directory: str | Path) -> Iterator[Path]:
    """Yield the path, relative to the directory of a study, of every file and folder that has a seal."""
    directory = Path(directory)
    for root in _ROOTS:
        for seal in sorted((directory / root).rglob(f"{SEALS}/*.sha256")):
            yield seal.parent.with_name(seal.stem).relative_to(directory)


def _differences(path: Path, directory: Path, expected: Mapping[str, str]) -> Iterator[str]:
    for name, sha256 in expected.items():
        file = directory / name
        if not file.is_file():
            kind = "a folder" if file.is_dir() else "no such file"
            yield f"expected the file {name}, found {kind}; {_REMEDY if path.name == file.name else _whole(path)}"
        elif (found := digest(file)) != sha256:
            yield (
                f"expected SHA-256 {sha256[:12]}… for {name}, as the step that wrote it left it, found {found[:12]}…: "
                f"the file was changed or damaged; {_REMEDY if Path(name) == path else _whole(path)}"
            )


def _whole(path: Path) -> str:
    return f"delete the folder {path} and run the same command again"


def _kind_fault(path: Path, found: Path) -> str:
    if found.is_dir() and path.suffix in _FILLED:
        return f"expected the file {path}, found a folder; {_REMEDY}"
    return ""


def _manifest_fault(folder: Path) -> str:
    if not folder.exists():
        return ""  # Snakemake reports missing files itself
    try:
        read_manifest(folder)
    except ManifestError as error:
        return str(error)
    return ""


def _read_seal(seal: Path) -> dict[str, str] | None:
    try:
        lines = [line.split("  ", 1) for line in seal.read_text(encoding="utf-8").splitlines()]
        return {name: sha256 for sha256, name in lines}
    except (OSError, ValueError):
        return None


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
