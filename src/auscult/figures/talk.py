"""Page of a study: findings, figures, verdicts on claims, tables and provenance, as HTML that opens from a disk."""

import base64
import json
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from os.path import relpath
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from auscult.errors import AnalysisError
from auscult.figures.captions import caption_html
from auscult.figures.findings import value_text
from auscult.figures.palette import model_style
from auscult.figures.plotting import SPEECH
from auscult.manifests import write_file
from auscult.result_seals import check_results_of
from auscult.seeds import condition_label, task_of
from auscult.tables import read_table

__all__ = ["build_talk", "headline_numbers"]

# Columns that distinguish rows of one metric.
_CONDITIONS = (
    "method",
    "other_method",
    "probe",
    "pooling",
    "other_model",
    "n_train",
    "context",
    "speaker",
    "distance",
    "correlation",
    "factor",
    "component",
    "readout",
    "fitted_on",
    "erased_at",
    "dose",
    "disjoint_in",
    "position",
    "gender",
    "control",
    "seed",
)
_FILES = {
    ".pdf": "PDF",
    ".svg": "SVG",
    ".png": "PNG",
    "-details.pdf": "details (PDF)",
    ".csv": "table (CSV)",
    ".json": "provenance (JSON)",
}
_PAGE = Path(__file__).with_name("page")
# Files beside the page, and where they are in its folder of the package.
_PROGRAMS = {
    "talk.css": "talk.css",
    "talk.js": "talk.js",
    "charts.js": "charts.js",
    "vega.js": "vega/vega.js",
    "vega-lite.js": "vega/vega-lite.js",
    "vega-interpreter.js": "vega/vega-interpreter.js",
    "vega-LICENSE.txt": "vega/LICENSE",
}
# A sign beside each verdict, so that none is told by colour alone.
_MARKS = {"borne out": "✓", "not separated": "○", "contradicted": "✗", "cannot be tested here": "–"}


def build_talk(
    folder: str | Path,
    *,
    figures: Sequence[Mapping[str, Any]],
    study: Mapping[str, Any],
    parts: Mapping[str, Sequence[str]],
    claims: pd.DataFrame | None = None,
    models: Mapping[str, Mapping[str, Any]] | None = None,
    charts: Mapping[str, Mapping[str, str]] | None = None,
    commit: str = "",
) -> None:
    """Write the page of a study: ``index.html`` with its ``files``, and ``mail.html``, the same in a single file.

    The page opens from a disk, without a network. Its pictures, style and scripts lie in ``files``, so that the folder
    can be moved or sent as it is; links to PDF, SVG and tables lead to the figures' own folder. The rows of a table are
    loaded when its table or chart is first opened, and the programs that draw charts (Vega and Vega-Lite, 0.8 MB) with
    the first chart. Names, labels and captions are escaped, so they cannot become markup or scripts; the content
    security policy allows no inline script and no request outside. ``mail.html`` has no script, no tables and no
    charts.

    Parameters
    ----------
    folder : folder of the page
    figures : figures in their order within each part: ``name``, ``title``, and ``stem``, the path of the figure's
        files, including the caption (``.rst``) and the folder with pages of details, without ending
    study : ``name`` and ``title``; ``sources``, the source of each corpus by name; ``left_out``, the reason for each
        missing model
    parts : names of the families in each part of the talk
    models : entry of each model in the study, as in :func:`auscult.figures.palette.model_style`, for charts
    charts : what the chart of each figure shows at first, by column; see :class:`auscult.family.Family`
    claims : verdicts, as returned by :func:`auscult.claims.verdicts.judge`; each figure shows those of its family
    commit : commit of the code, shown with every figure

    Raises
    ------
    AnalysisError
        A file of a figure is missing, a picture is damaged, or provenance is no JSON.
    ManifestError
        A file of a figure differs from the seal of the step that wrote it.
    """
    folder = Path(folder)
    verdicts = [] if claims is None else [_claim(row) for row in claims.to_dict("records")]
    shown = [_figure(figure, folder, verdicts) for figure in figures]
    about = {
        "study": study,
        "speech": _by_kind(study.get("sources", {})),
        "left_out": study.get("left_out", {}),
        "verdicts": Counter(claim["verdict"] for claim in verdicts),
        "marks": _MARKS,
        "commit": commit,
        "version": version("auscult"),
    }
    for figure in shown:
        _write_files(figure, folder / "files")
    for name, path in _PROGRAMS.items():
        with write_file(folder / "files" / name) as partial:
            partial.write_bytes((_PAGE / path).read_bytes())
    with write_file(folder / "files" / "looks.js") as partial:
        partial.write_text(_looks(models or {}, charts or {}), encoding="utf-8")
    _render(folder / "index.html", {**about, "style": "", "parts": _by_part(map(_linked, shown), parts)})
    style = Markup((_PAGE / "talk.css").read_text(encoding="utf-8"))
    _render(folder / "mail.html", {**about, "style": style, "parts": _by_part(map(_embedded, shown), parts)})


def _by_kind(sources: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the corpora of each kind."""
    kinds: dict[str, list[str]] = {}
    for name, source in sources.items():
        kinds.setdefault(SPEECH.get(source, source), []).append(name)
    return kinds


def _render(path: Path, values: Mapping[str, Any]) -> None:
    environment = Environment(
        loader=FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["capitalize_first"] = lambda text: text[:1].upper() + text[1:]
    with write_file(path) as partial:
        partial.write_text(environment.get_template("talk.html.j2").render(values), encoding="utf-8")


def headline_numbers(tables: Iterable[pd.DataFrame]) -> dict[str, Any]:
    """Return the main results of a study as nested mappings, to compare two versions of it.

    If a table has rows for a layer chosen on validation data, only these rows are used. Control tasks, comparisons of
    all pairs of layers, and values that are not finite are excluded.

    Parameters
    ----------
    tables : tables of figures, with the columns of result tables

    Returns
    -------
    numbers : metric → corpus → target → (method, probe and other conditions that vary; layer) → model → step → value,
        rounded to 4 decimals
    """
    numbers: dict[str, Any] = {}
    for table in tables:
        rows = table[table["labels"] == "true"] if "labels" in table else table
        chosen = rows["layer"] == "selected"
        rows = rows[(chosen | ~chosen.any()) & np.isfinite(rows["value"]) & ~rows["target"].isin(["layers", "models"])]
        for metric, those in rows.groupby("metric", sort=False):
            inner = [name for name in _CONDITIONS if name in those and those[name].nunique(dropna=False) > 1]
            names = ["corpus", "target", *inner, *([] if chosen.any() else ["layer"]), "model", "step"]
            for *path, step, value in (
                those[[*names, "value"]].fillna({"n_train": "all", "control": "none", "seed": "mean"}).to_numpy()
            ):
                place = numbers.setdefault(str(metric), {})
                for key in path:
                    place = place.setdefault(str(key), {})
                place[str(step)] = round(float(value), 4)
    return numbers


def _claim(row: Mapping[Hashable, Any]) -> dict[str, Any]:
    """Return what the page shows of a claim; its effect is text."""
    effect = value_text({str(name): value for name, value in row.items()}) if pd.notna(row["value"]) else ""
    return {**{str(name): "" if pd.isna(value) else value for name, value in row.items()}, "effect": effect}


def _figure(figure: Mapping[str, Any], folder: Path, verdicts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    stem = Path(figure["stem"])
    files = {ending: stem.with_name(f"{stem.name}{ending}") for ending in _FILES}
    text = stem.with_name(f"{stem.name}.rst")
    for path in (*files.values(), text):
        if not path.is_file():
            raise AnalysisError(
                f"expected {path} of figure {figure['name']!r} for the page, found no such file; "
                "draw the figure, then build the page again"
            )
    sheets = stem.with_name(f"{stem.name}-details")
    check_results_of([*files.values(), text, sheets])
    caption = caption_html(text.read_text(encoding="utf-8"))
    provenance = _provenance(files[".json"], figure["name"])
    return {
        "name": figure["name"],
        "title": figure["title"],
        "finding": provenance.get("finding", ""),
        "claims": [claim for claim in verdicts if claim["family"] == figure["name"]],
        "caption": Markup(caption),
        "alt": provenance.get("finding") or _first_sentence(caption),
        "slide": files[".png"],
        "sheets": sorted(sheets.glob("*.png"), key=lambda path: int(path.stem)),
        "rows": files[".csv"],
        "files": {_FILES[ending]: Path(relpath(path, folder)).as_posix() for ending, path in files.items()},
        "provenance": provenance,
    }


def _write_files(figure: Mapping[str, Any], folder: Path) -> None:
    """Copy the pictures of a figure into a folder, and write its table as a script."""
    for path, name in _pictures(figure):
        with write_file(folder / name) as partial:
            partial.write_bytes(path.read_bytes())
    table = read_table(figure["rows"])
    table = table.loc[:, table.notna().any()]
    values = table.astype(object).where(table.notna(), None).to_numpy().tolist()
    columns, rows = (json.dumps(part, ensure_ascii=True, default=str) for part in (list(table.columns), values))
    with write_file(folder / f"{figure['name']}.js") as partial:
        partial.write_text(f"TALK.rows({json.dumps(figure['name'])}, {columns}, {rows});\n", encoding="utf-8")


def _looks(models: Mapping[str, Mapping[str, Any]], charts: Mapping[str, Mapping[str, str]]) -> str:
    """Return a script with the look of every model and condition, and what the chart of each figure shows at first.

    Tables that take the seeds of a condition together name the condition, ``keyword`` for ``keyword-2``.
    """
    looks: dict[str, dict[str, str]] = {}
    for name, style in model_style(models).items():
        label = models[name].get("label") or name
        looks[name] = {"label": label, "colour": style.colour}
        looks.setdefault(task_of(name), {"label": condition_label(label), "colour": style.colour})
    values = {"looks": looks, "charts": {name: dict(chart) for name, chart in charts.items()}}
    return f"Object.assign(TALK, {json.dumps(values, ensure_ascii=True)});\n"


def _pictures(figure: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    yield figure["slide"], f"{figure['name']}.png"
    for path in figure["sheets"]:
        yield path, f"{figure['name']}-details-{path.name}"


def _linked(figure: Mapping[str, Any]) -> dict[str, Any]:
    """Return a figure whose pictures lie beside the page."""
    (_, slide), *sheets = _pictures(figure)
    pages = [(f"files/{name}", _size(path)) for path, name in sheets]
    return {**figure, "picture": f"files/{slide}", "size": _size(figure["slide"]), "pages": pages}


def _embedded(figure: Mapping[str, Any]) -> dict[str, Any]:
    """Return a figure whose slide is part of the page; its details are left out."""
    picture = f"data:image/png;base64,{base64.b64encode(figure['slide'].read_bytes()).decode()}"
    return {**figure, "picture": picture, "size": _size(figure["slide"]), "pages": []}


def _provenance(path: Path, name: str) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise AnalysisError(
            f"expected the provenance of figure {name!r} as a JSON object in {path}, found other text; delete the file "
            "and run the same command again"
        )
    return found


def _size(path: Path) -> tuple[int, int]:
    """Return width and height of a picture in pixels after reading all of it, so that no damaged one is shown."""
    try:
        # The checksums of all parts of the file; then its pixels, which need the file opened anew.
        with Image.open(path) as picture:
            picture.verify()
        with Image.open(path) as picture:
            picture.load()
            return picture.size
    except (OSError, SyntaxError, ValueError) as error:
        raise AnalysisError(
            f"expected a whole picture in {path}, found a damaged one ({error}); delete the file and run the same "
            "command again"
        ) from None


def _by_part(
    figures: Iterable[Mapping[str, Any]], parts: Mapping[str, Sequence[str]]
) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {part: [] for part in parts}
    for figure in figures:
        found[next(part for part, families in parts.items() if figure["name"] in families)].append(figure)
    return {part: members for part, members in found.items() if members}


def _first_sentence(caption: str) -> str:
    text = " ".join(Markup(caption).striptags().split())
    return re.split(r"(?<=\.) ", text, maxsplit=1)[0]
