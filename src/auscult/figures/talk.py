"""Page of a study: all figures with captions, files and provenance, as one self-contained HTML file."""

import base64
import json
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from importlib.metadata import version
from os.path import relpath
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from auscult.errors import AnalysisError
from auscult.figures.captions import caption_html
from auscult.figures.findings import value_text
from auscult.figures.plotting import SPEECH
from auscult.manifests import write_file

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


def build_talk(
    folder: str | Path,
    *,
    figures: Sequence[Mapping[str, Any]],
    study: Mapping[str, Any],
    parts: Mapping[str, Sequence[str]],
    claims: pd.DataFrame | None = None,
    commit: str = "",
) -> None:
    """Write ``index.html`` with embedded pictures and style, and relative links to the files of the figures.

    Names, labels and captions are escaped, so they cannot become markup or scripts. The content security policy of the
    page forbids scripts and requests.

    Parameters
    ----------
    folder : folder of the page
    figures : figures in their order within each part: ``name``, ``title``, and ``stem``, the path of the figure's
        files, including the caption (``.rst``), without ending
    study : ``name`` and ``title``; ``sources``, the source of each corpus by name; ``left_out``, the reason for each
        missing model
    parts : names of the families in each part of the talk
    claims : verdicts, as returned by :func:`auscult.claims.verdicts.judge`; each figure shows those of its family
    commit : commit of the code, shown with every figure

    Raises
    ------
    AnalysisError
        A file of a figure is missing.
    """
    folder = Path(folder)
    verdicts = [] if claims is None else [_claim(row) for row in claims.to_dict("records")]
    shown = [_figure(figure, folder, verdicts) for figure in figures]
    environment = Environment(
        loader=PackageLoader("auscult.figures"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("talk.html.j2").render(
        study=study,
        speech={name: SPEECH.get(source, source) for name, source in study.get("sources", {}).items()},
        left_out=study.get("left_out", {}),
        parts=_by_part(shown, parts),
        verdicts=Counter(claim["verdict"] for claim in verdicts),
        commit=commit,
        version=version("auscult"),
    )
    with write_file(folder / "index.html") as partial:
        partial.write_text(page, encoding="utf-8")


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
    caption = caption_html(text.read_text(encoding="utf-8"))
    provenance = json.loads(files[".json"].read_text(encoding="utf-8"))
    return {
        "name": figure["name"],
        "title": figure["title"],
        "finding": provenance.get("finding", ""),
        "claims": [claim for claim in verdicts if claim["family"] == figure["name"]],
        "caption": Markup(caption),
        "alt": _first_sentence(caption),
        "picture": base64.b64encode(files[".png"].read_bytes()).decode(),
        "files": {_FILES[ending]: Path(relpath(path, folder)).as_posix() for ending, path in files.items()},
        "provenance": provenance,
    }


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
