"""The page of an inspection: all findings by recording, each recording with a player; no script, no request."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from auscult.cli.check import collect, count
from auscult.corpora.inspection import Inspection
from auscult.manifests import write_file

__all__ = ["write_page"]


def write_page(page: Path, inspected: Mapping[str, Inspection | str], folders: Mapping[str, Path]) -> None:
    """Write the findings of :func:`auscult.cli.check.inspect_study` or ``inspect_folder`` as one HTML file.

    Recordings are not copied: players refer to them where they are, relative to the page.

    Parameters
    ----------
    page : file to write
    inspected : inspection of each corpus, or the reason why there is none
    folders : folders of corpora whose recordings can be played
    """
    corpora = [_corpus(name, found, folders.get(name), page.parent) for name, found in inspected.items()]
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")), undefined=StrictUndefined, autoescape=True
    )
    html = environment.get_template("check.html.j2").render(corpora=corpora, total=count(collect(inspected)))
    with write_file(page) as partial:
        partial.write_text(html, encoding="utf-8")


def _corpus(name: str, found: Inspection | str, folder: Path | None, place: Path) -> dict[str, Any]:
    if isinstance(found, str):
        return {"name": name, "summary": [f"not inspected: {found}"], "rows": [], "recordings": []}
    table = found.table()
    recordings = [
        {"file": file, "sound": _sound(str(file), folder, place), "rows": rows.to_dict("records")}
        for file, rows in table[table["file"] != ""].groupby("file", sort=True)
    ]
    whole = table[table["file"] == ""].to_dict("records")
    return {"name": name, "summary": list(found.summary), "rows": whole, "recordings": recordings}


def _sound(file: str, folder: Path | None, place: Path) -> str:
    """Return the address of a recording relative to the page; empty if it is not there."""
    path = folder / file if folder else None
    if path is None or not path.is_file():
        return ""
    return quote(Path(os.path.relpath(path.resolve(), place.resolve())).as_posix())
