"""Functions shared by all figures: style, layout with legends and notes, wording of intervals, reproducible files."""

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

# Description of each kind of corpus on figures and on the page.
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
    """Apply the style sheet to everything drawn and saved within the block, regardless of the user's own settings."""
    return matplotlib.style.context(["default", str(path)])


def new_figure(panels_mm: float, legends: Sequence[Sequence[Line2D | Patch]], note: str, width: str = "full") -> Figure:
    """Return an empty figure with a fixed width and constrained layout of its panels.

    Legends and the wrapped note have their own space below the panels, so they never cover data.

    Parameters
    ----------
    panels_mm : total height of the panels in millimetres
    legends : handles of each legend, from top to bottom
    note : information needed to read the figure without its caption
    width : ``full`` or ``half``, see :data:`WIDTH_MM`
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
    """Return the rows whose ``column`` is one of ``wanted``, in that order; all rows if ``wanted`` is empty.

    Parameters
    ----------
    table : result rows
    column : column to select by
    wanted : values to keep
    source : name or path of the table, for the error message

    Raises
    ------
    AnalysisError
        The table has no row for one of these values.
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
    """Sort layer names from input to output: ``input``, ``cnn``, ``embed``, ``T1``, …, ``TL``."""
    first = {"input": 0, "cnn": 1, "embed": 2}
    return sorted(set(layers), key=lambda name: (first.get(name, 3), int("0" + re.sub(r"\D", "", name)), name))


def spread(heights: Sequence[float], gap: float, low: float = -np.inf, high: float = np.inf) -> npt.NDArray[np.float64]:
    """Move positions as little as possible so that neighbours are at least ``gap`` apart, within ``low`` and ``high``.

    The least-squares solution under p[i+1] − p[i] ≥ gap is the isotonic regression of v[i] − i·gap.
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
    """Label horizontal lines at the right edge of a panel.

    Parameters
    ----------
    axes : panel
    lines : text, height in data units, and colour of each line
    gap : minimum distance between two labels in data units; a leader connects each label to its line
    """
    low, high = axes.get_ylim()
    high -= gap / 2  # stay below the text above the panel
    edge = axes.get_yaxis_transform()
    for (text, height, colour), placed in zip(lines, spread([line[1] for line in lines], gap, low, high)):
        axes.plot([1.01, 1.06], [height, placed], transform=edge, color=colour, linewidth=0.6, clip_on=False)
        axes.text(1.08, placed, text, transform=edge, fontsize=7, color=colour, va="center")


def head(axes: Axes, title: str, lines: Iterable[str]) -> None:
    """Write the title of a panel and, below it in a smaller font, lines such as counts and intervals."""
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
    """Return the resampling unit of result rows in the singular; ``speaker`` by default."""
    named = rows["resampling_unit"].dropna() if "resampling_unit" in rows else pd.Series(dtype=object)
    return str(named.iloc[0]).removesuffix("s") if len(named) else "speaker"


def describe_interval(rows: pd.DataFrame) -> str:
    """Return the resampling unit of the intervals as text, or the reason why there are no intervals."""
    unit = resampling_unit(rows)
    if rows["ci_low"].notna().any():
        return f"95 % interval over {unit}s"
    if rows["n_groups"].isna().all():
        return "no interval"
    n_groups = describe_range(rows["n_groups"])
    return f"no interval: {n_groups} {unit}{'' if n_groups == '1' else 's'}"


def describe_range(counts: Iterable[float]) -> str:
    """Return counts as text: one number if all are equal, otherwise their range."""
    known = pd.Series(counts, dtype=float).dropna()
    low, high = (f"{int(value):,}" for value in (known.min(), known.max())) if len(known) else ("?", "?")
    return low if low == high else f"{low}–{high}"


def describe_study(study: Mapping[str, Any], corpora: Iterable[str] | None = None) -> str:
    """Return a sentence on the study: its name, whether its speech is synthesised or recorded, and models left out.

    Parameters
    ----------
    study : ``name``; ``sources``, the source of each corpus by name; ``left_out``, the reason for each model left out
    corpora : corpora to mention; by default all
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
    """Return the provenance of a figure: study, commit of the running code, digests of inputs, and package versions.

    It contains no dates, so equal inputs give an equal result.

    Parameters
    ----------
    study : name of the study
    config : part of the configuration that the figure depends on, recorded as a digest
    tables : files read, recorded as SHA-256 by file name
    corpora : manifests of corpora, recorded as SHA-256 by corpus
    models : manifests of checkpoints, recorded as SHA-256 by model and step
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
    """Write a figure as PDF, SVG and PNG, with its table (CSV) and provenance (JSON).

    Each file is written completely or not at all and contains no date or random identifier, so a figure that is drawn
    again gives the same bytes.

    Parameters
    ----------
    figure : figure drawn within :func:`figure_style`, which sets resolution and fonts
    stem : path of the files without ending
    table : rows that were drawn
    source : provenance, as returned by :func:`provenance`
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
    # The layout solver orders its terms by memory address, so the last bits of a position vary between runs. Six digits
    # correspond to a ten-thousandth of a millimetre. Fixing the layout also makes it the same in all formats.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        axes.set_position(np.round(axes.get_position(original=True).bounds, 6))


def _n_columns(labels: Sequence[str], width_mm: float) -> int:
    # 1.5 mm per letter at 7.5 points, and 14 mm for the line and the gaps.
    return max(1, min(len(labels), int(width_mm // (14 + 1.5 * max(map(len, labels), default=0)))))


def _paths(paths: Paths) -> list[Path]:
    return [Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
