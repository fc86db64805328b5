"""RO-Crate of a build: one file of metadata that says what each result is, how it was made and under which licence."""

import datetime
import json
import mimetypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.model.entity import Entity
from rocrate.model.softwareapplication import SoftwareApplication
from rocrate.rocrate import ROCrate

from auscult import __version__
from auscult.errors import AuscultError, ConfigError
from auscult.manifests import MANIFEST, SEALS, digest, write_file
from auscult.study.directories import build_owner
from auscult.study.reading import read_study

__all__ = ["METADATA", "write_crate"]

METADATA = "ro-crate-metadata.json"
_PAGE = Path("results/talk/index.html")
# Vectors are rebuilt when needed and not published; pages are described as folders.
_PAGES = ("results/talk", "results/listen")
_LEFT_OUT = ("results/activations", *_PAGES)
_KINDS = {"resources/corpora": "corpus", "resources/checkpoints": "checkpoints of the model"}
_LICENCES = "https://spdx.org/licenses/"
_TYPES = {".parquet": "application/vnd.apache.parquet", ".safetensors": "application/octet-stream"}


def write_crate(directory: Path, licence: str, creators: tuple[str, ...] = ()) -> dict[str, int]:
    """Describe a finished build by ``ro-crate-metadata.json`` (RO-Crate 1.1, Soiland-Reyes et al., 2022) in its folder.

    Files are not copied: the folder becomes the crate. Pages, corpora and checkpoints are described as folders, every
    other result as a file with its SHA-256. The step that made them is one action whose instrument is this version of
    Auscult. The date is that of the page, so the same build gives the same crate.

    Parameters
    ----------
    directory : directory of a study whose page is built
    licence : SPDX identifier or address of the licence of the results, which nobody but their owner can state
    creators : ORCIDs (addresses) or names of those who made the study

    Returns
    -------
    described : number of described files and folders

    Raises
    ------
    ConfigError
        The directory holds no finished build.
    """
    if not (directory / _PAGE).is_file():
        raise ConfigError(f"expected a finished build with {_PAGE} in {directory}, found none; build it by auscult run")
    crate = ROCrate(version="1.1")
    _describe_root(crate, directory, licence, creators)
    data, results = list(_data(crate, directory)), list(_results(crate, directory))
    _describe_making(crate, directory, data, results)
    content = crate.metadata.generate()
    # The library dates the description itself; a date of today would change the file at every call.
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False)
    with write_file(directory / METADATA) as partial:
        partial.write_text(f"{text}\n", encoding="utf-8")
    return {"results": len(results), "corpora and models": len(data)}


def _describe_root(crate: ROCrate, directory: Path, licence: str, creators: tuple[str, ...]) -> None:
    owner = build_owner(directory)
    study = owner.study if owner else directory.resolve().name
    crate.name = _title(owner.file if owner else "") or study
    crate.description = (
        f"Results of the study {study} by Auscult {__version__}: figures, tables and pages on what speech models "
        "represent."
    )
    built = datetime.datetime.fromtimestamp((directory / _PAGE).stat().st_mtime, datetime.UTC)
    crate.root_dataset["datePublished"] = built.date().isoformat()
    address = licence if "://" in licence else f"{_LICENCES}{licence}"
    crate.license = crate.add(
        ContextEntity(
            crate, address, properties={"@type": "CreativeWork", "name": licence, "description": f"Licence {licence}"}
        )
    )
    people = []
    for number, creator in enumerate(creators, 1):
        identifier = creator if "://" in creator else f"#creator-{number}"
        people.append(crate.add(ContextEntity(crate, identifier, properties={"@type": "Person", "name": creator})))
    if people:
        crate.creator = people


def _title(file: str) -> str:
    try:
        return str(read_study(Path(file)).get("title", "")) if file else ""
    except (AuscultError, OSError):
        return ""


def _data(crate: ROCrate, directory: Path) -> Iterator[Entity]:
    """Add the corpora and the checkpoints of each model as folders."""
    for root, kind in _KINDS.items():
        for folder in sorted((directory / root).glob("[!.]*")):
            manifests = sorted(folder.rglob(MANIFEST))
            if manifests:
                sealed = [{"file": path.relative_to(folder).as_posix(), "sha256": digest(path)} for path in manifests]
                yield _folder(crate, directory, folder, f"{kind} {folder.name}", json.dumps(sealed))


def _results(crate: ROCrate, directory: Path) -> Iterator[Entity]:
    """Add pages as folders and every other result as a file."""
    for page in _PAGES:
        if (directory / page / "index.html").is_file():
            yield _folder(crate, directory, directory / page, f"page of the study: open {page}/index.html", "")
    for path in sorted((directory / "results").rglob("*")):
        place = path.relative_to(directory)
        hidden = SEALS in place.parts or path.name.startswith(".") or place == Path("results/README.md")
        if path.is_file() and not hidden and not place.as_posix().startswith(tuple(f"{name}/" for name in _LEFT_OUT)):
            yield _file(crate, path, place)


def _file(crate: ROCrate, path: Path, place: Path) -> Entity:
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    properties: dict[str, Any] = {
        "name": place.relative_to("results").as_posix(),
        "encodingFormat": kind,
        "contentSize": str(path.stat().st_size),
        "sha256": digest(path),
    }
    return crate.add_file(path, dest_path=place.as_posix(), properties=properties)


def _folder(crate: ROCrate, directory: Path, folder: Path, name: str, seals: str) -> Entity:
    place = folder.relative_to(directory).as_posix()
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    properties: dict[str, Any] = {"name": name, "contentSize": str(size)}
    if seals:
        properties["description"] = f"Each folder is sealed by a manifest: {seals}"
    return crate.add_dataset(folder, dest_path=place, properties=properties)


def _describe_making(crate: ROCrate, directory: Path, data: list[Entity], results: list[Entity]) -> None:
    commits = {_commit(path) for path in sorted((directory / "results/figures").glob("*.json"))} - {""}
    version = "; ".join([__version__, *(f"commit {commit}" for commit in sorted(commits))])
    software = crate.add(
        SoftwareApplication(
            crate, "#auscult", properties={"name": "Auscult", "softwareVersion": version, "version": __version__}
        )
    )
    crate.add(
        ContextEntity(
            crate,
            "#build",
            properties={
                "@type": "CreateAction",
                "name": "build of the study",
                "instrument": {"@id": software.id},
                "object": [{"@id": entity.id} for entity in data],
                "result": [{"@id": entity.id} for entity in results],
            },
        )
    )
    crate.root_dataset["mentions"] = [{"@id": "#build"}]


def _commit(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8")).get("commit", ""))
    except (OSError, ValueError, AttributeError):
        return ""
