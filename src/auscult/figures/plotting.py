"""What all figures share: one style, room for legends and notes, words for what was resampled, lasting bytes."""

import json
import platform
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.optimize import isotonic_regression

from auscult.errors import AnalysisError
from auscult.figures.palette import Entry, ModelStyle, class_colours, entries, model_style, plain
from auscult.manifests import digest, digest_json, write_file
from auscult.sources import code_commit
from auscult.tables import write_table

__all__ = [
    "STYLE",
    "WIDTH_MM",
    "figure_style",
    "new_figure",
    "ModelStyle",
    "model_style",
    "Entry",
    "entries",
    "class_colours",
    "select",
    "layer_order",
    "spread",
    "label_lines",
    "head",
    "plain",
    "resampling_unit",
    "describe_interval",
    "describe_range",
    "SPEECH",
    "describe_study",
    "provenance",
    "save_figure",
]

STYLE = Path(__file__).with_name("auscult.mplstyle")
WIDTH_MM = {"full": 180, "half": 88}

# What the kinds of corpora are called on figures and on the page.
SPEECH = {
    "synthetic": "synthesised speech",
    "nonspeech": "synthesised sounds that are not speech",
    "text": "text that a grammar wrote",
    "written": "published text",
    "fetched": "recorded speech",
    "folder": "recorded speech",
}
Paths = str | Path | Iterable[str | Path]
_PACKAGES = ("auscult", "numpy", "pandas", "scikit-learn", "torch", "transformers", "matplotlib")


def figure_style(path: str | Path = STYLE) -> AbstractContextManager[None]:
    """Apply the style sheet to everything drawn and saved in the block, whatever the user's own settings are."""
    return matplotlib.style.context(["default", str(path)])


def new_figure(panels_mm: float, legends: Sequence[Sequence[Line2D | Patch]], note: str, width: str = "full") -> Figure:
    """Return a figure as wide as its column, ready for panels, which arrange themselves.

    Below the panels stand the legends and, wrapped, the note, in room of their own: they never cover data.

    Parameters
    ----------
    panels_mm : height of the panels together, in millimetres
    legends : handles of each legend, from top to bottom
    note : what a reader of the figure alone must know
    width : ``full`` or ``half`` column, see :data:`WIDTH_MM`
    """
    width_mm, lines = WIDTH_MM[width], textwrap.wrap(note, int(0.72 * WIDTH_MM[width]))
    n_columns = [_n_columns([str(handle.get_label()) for handle in handles], width_mm) for handles in legends]
    legends_mm = [2 + 4 * -(-len(handles) // n) for handles, n in zip(legends, n_columns)]
    footer_mm = 4 + sum(legends_mm) + 3.6 * len(lines)
    height_mm = panels_mm + footer_mm
    layout = ConstrainedLayoutEngine(rect=(0, footer_mm / height_mm, 1, panels_mm / height_mm))
    figure = Figure(figsize=(width_mm / 25.4, height_mm / 25.4), layout=layout)
    top = (footer_mm - 1) / height_mm
    for handles, n, legend_mm in zip(legends, n_columns, legends_mm):
        lined = any(handle.get_linestyle() != "None" for handle in handles)
        figure.legend(
            handles=handles, loc="upper left", ncols=n, bbox_to_anchor=(0.006, top), handlelength=2.6 if lined else 1
        )
        top -= legend_mm / height_mm
    figure.text(0.01, top, plain("\n".join(lines)), fontsize=7, color="#555555", linespacing=1.35, va="top")
    return figure


def select(table: pd.DataFrame, column: str, wanted: Sequence[str] | None, source: str | Path) -> pd.DataFrame:
    """Return the rows whose ``column`` is one of ``wanted``, in that order; all rows where nothing is wanted.

    Raises
    ------
    AnalysisError
        The table has no row for something that is wanted.
    """
    if not wanted:
        return table
    present = list(dict.fromkeys(table[column]))
    for value in wanted:
        if value not in present:
            raise AnalysisError(
                f"expected {column} {value!r} in {source}, found {', '.join(map(repr, present)) or 'no rows'}; "
                f"add it to the analysis or take it out of the figure"
            )
    rank = table[column].map({value: place for place, value in enumerate(wanted)})
    return table[rank.notna()].iloc[np.argsort(rank[rank.notna()].to_numpy(), kind="stable")]


def layer_order(layers: Iterable[str]) -> list[str]:
    """Sort layer names as a model computes them: ``cnn``, ``embed``, ``T1`` … ``TL``."""
    first = {"input": 0, "cnn": 1, "embed": 2}
    return sorted(set(layers), key=lambda name: (first.get(name, 3), int("0" + re.sub(r"\D", "", name)), name))


def spread(heights: Sequence[float], gap: float, low: float = -np.inf, high: float = np.inf) -> npt.NDArray[np.float64]:
    """Move positions as little as possible until neighbours are ``gap`` apart, within ``low`` and ``high``.

    Least squares under p[i+1] − p[i] ≥ gap is isotonic regression of v[i] − i·gap.
    """
    values = np.asarray(heights, dtype=float)
    order = np.argsort(values, kind="stable")
    steps = gap * np.arange(len(values))
    shifted = isotonic_regression(values[order] - steps).x if len(values) else steps
    placed = np.clip(shifted, low, max(low, high - gap * (len(values) - 1))) + steps
    positions = np.empty_like(values)
    positions[order] = placed
    return positions


def label_lines(axes: Axes, lines: Sequence[tuple[str, float, str]], gap: float) -> None:
    """Name horizontal lines at the right edge of a panel.

    Parameters
    ----------
    lines : text, height in data units, and colour of each
    gap : least distance between two names, in data units; names that are moved keep a leader to their line
    """
    low, high = axes.get_ylim()
    high -= gap / 2  # below the lines over the panel
    edge = axes.get_yaxis_transform()
    for (text, height, colour), placed in zip(lines, spread([line[1] for line in lines], gap, low, high)):
        axes.plot([1.01, 1.06], [height, placed], transform=edge, color=colour, linewidth=0.6, clip_on=False)
        axes.text(1.08, placed, text, transform=edge, fontsize=7, color=colour, va="center")


def head(axes: Axes, title: str, lines: Iterable[str]) -> None:
    """Write a panel's title and, under it in small letters, the lines that say what its numbers rest on."""
    lines = [line for line in lines if line]
    axes.set_title(plain(title), pad=5 + 9.5 * len(lines))
    axes.annotate(
        plain("\n".join(lines)),
        xy=(0, 1),
        xytext=(0, 4),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=7,
        color="#555555",
        linespacing=1.15,
    )


def resampling_unit(rows: pd.DataFrame) -> str:
    """Return what the groups of result rows are, in the singular: ``speaker`` unless they say otherwise."""
    named = rows["resampling_unit"].dropna() if "resampling_unit" in rows else pd.Series(dtype=object)
    return str(named.iloc[0]).removesuffix("s") if len(named) else "speaker"


def describe_interval(rows: pd.DataFrame) -> str:
    """Say what the intervals of result rows were resampled over, or that there are none and why."""
    unit = resampling_unit(rows)
    if rows["ci_low"].notna().any():
        return f"95 % interval over {unit}s"
    if rows["n_groups"].isna().all():
        return "no interval"
    n_groups = describe_range(rows["n_groups"])
    return f"no interval: {n_groups} {unit}{'' if n_groups == '1' else 's'}"


def describe_range(counts: Iterable[float]) -> str:
    """Write counts that are all the same as one number, others as their range."""
    known = pd.Series(counts, dtype=float).dropna()
    low, high = (f"{int(value):,}" for value in (known.min(), known.max())) if len(known) else ("?", "?")
    return low if low == high else f"{low}–{high}"


def describe_study(study: Mapping[str, Any], corpora: Iterable[str] | None = None) -> str:
    """Say which study a figure belongs to, whether its speech is synthesised or recorded, and what was left out.

    Parameters
    ----------
    study : ``name``; ``sources``, the kind of each corpus by name; ``left_out``, the reason for each model left out
    corpora : those that are shown; by default all
    """
    spoken: dict[str, list[str]] = {}
    for corpus, source in study.get("sources", {}).items():
        if corpora is None or corpus in set(corpora):
            spoken.setdefault(SPEECH.get(source, source), []).append(corpus)
    text = f"Study “{study['name']}”" + "".join(f", {kind} ({', '.join(names)})" for kind, names in spoken.items())
    missing = [f"{model} ({reason})" for model, reason in study.get("left_out", {}).items()]
    return text + (f". Left out: {', '.join(missing)}." if missing else ".")


def provenance(
    study: str,
    config: Mapping[str, Any],
    tables: Paths = (),
    corpora: Paths = (),
    models: Paths = (),
) -> dict[str, Any]:
    """Describe what a figure was made from, without dates, so that equal inputs give equal text.

    Parameters
    ----------
    study : name of the study
    config : the part of the configuration that the figure depends on; its digest is given
    tables : files read; the SHA-256 of each is given by the file's name
    corpora, models : manifests read; the SHA-256 of each is given by the corpus, by the model and step

    The commit is that of the running code.
    """
    return {
        "study": study,
        "commit": code_commit(),
        "config": digest_json(config),
        "tables": {path.name: digest(path) for path in _paths(tables)},
        "corpora": {path.parent.name: digest(path) for path in _paths(corpora)},
        "models": {"/".join(path.parts[-3:-1]): digest(path) for path in _paths(models)},
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}},
    }


def save_figure(
    figure: Figure,
    stem: str | Path,
    table: pd.DataFrame | None = None,
    source: Mapping[str, Any] | None = None,
) -> None:
    """Write a figure as PDF, SVG and PNG, with its table (CSV) and provenance (JSON) beside it.

    Each file appears whole or not at all, carries no date and no random identifier: the same figure, drawn again,
    gives the same bytes.

    Parameters
    ----------
    figure : drawn within :func:`figure_style`, which sets resolution and fonts
    stem : path without ending
    table : the rows that were drawn
    source : what :func:`provenance` returned
    """
    _fix_layout(figure)
    metadata = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}
    for ending, fields in metadata.items():
        with write_file(f"{stem}.{ending}") as partial, matplotlib.rc_context({"svg.hashsalt": "auscult"}):
            figure.savefig(partial, format=ending, metadata=fields)
    if table is not None:
        write_table(table, f"{stem}.csv")
    if source is not None:
        with write_file(f"{stem}.json") as partial:
            partial.write_text(json.dumps(source, indent=1, ensure_ascii=False) + "\n")


def _fix_layout(figure: Figure) -> None:
    # The solver of the layout orders its terms by their address in memory, so the last bits of a position vary between
    # runs; six digits are a ten-thousandth of a millimetre. All formats then share one layout, too.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        axes.set_position(np.round(axes.get_position(original=True).bounds, 6))


def _n_columns(labels: Sequence[str], width_mm: float) -> int:
    # 1.5 mm a letter at 7.5 points, and 14 mm for the line and the gaps.
    return max(1, min(len(labels), int(width_mm // (14 + 1.5 * max(map(len, labels), default=0)))))


def _paths(paths: Paths) -> list[Path]:
    return [Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
