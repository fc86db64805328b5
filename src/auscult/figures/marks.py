"""Graphical marks shared by figures: chance, intervals, baselines, legends and matrices are each defined once, here."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import Collection
from matplotlib.lines import Line2D

from auscult.figures.findings import number
from auscult.figures.palette import ModelStyle
from auscult.figures.plotting import describe_range, resampling_unit

__all__ = [
    "GREY",
    "INK",
    "CHANCE",
    "chance_line",
    "chance_handle",
    "chance_tick",
    "chance_tick_handle",
    "DURATION",
    "duration_line",
    "duration_handle",
    "baseline_line",
    "interval_band",
    "interval_bar",
    "interval_lines",
    "interval_row",
    "model_curve",
    "model_handles",
    "mark_handle",
    "matrix",
    "layer_axis",
    "few_ticks",
    "row_axis",
    "side_by_side",
    "seed_lines",
    "seed_handle",
    "count_line",
]

GREY = "#555555"
INK = "#222222"
CHANCE: Mapping[str, Any] = {"color": GREY, "linestyle": ":", "linewidth": 1}
_CHANCE_TICK: Mapping[str, Any] = {
    "color": GREY,
    "linestyle": "",
    "marker": "|",
    "markersize": 4.5,
    "markeredgewidth": 0.8,
}
DURATION: Mapping[str, Any] = {"color": GREY, "linestyle": "--", "linewidth": 1}
_SEED: Mapping[str, Any] = {"linewidth": 0.6, "alpha": 0.75}
_BAND_ALPHA = 0.18
_BASELINE_ALPHA = 0.12
_WIDE_MATRIX = 12  # columns; with more, numbers would overlap


def chance_line(axes: Axes, value: float, orient: str = "h") -> None:
    """Draw the chance level, or the value of no effect, as a dotted line across the panel.

    Parameters
    ----------
    axes : panel
    value : chance level in data units
    orient : ``h`` for a horizontal line, ``v`` for a vertical line
    """
    draw = axes.axhline if orient == "h" else axes.axvline
    draw(value, zorder=0.9, **CHANCE)


def chance_handle(label: str = "chance") -> Line2D:
    """Return the legend entry of the chance line."""
    return Line2D([], [], **CHANCE, label=label)


def chance_tick(axes: Axes, x: float, y: float) -> None:
    """Draw the chance level of one row of a forest plot, such as the value for permuted items, as a short tick."""
    axes.plot(x, y, zorder=1.9, **_CHANCE_TICK)


def chance_tick_handle(label: str) -> Line2D:
    """Return the legend entry of the chance ticks of a forest plot."""
    return Line2D([], [], **_CHANCE_TICK, label=label)


def duration_line(axes: Axes, value: float, orient: str = "h") -> None:
    """Draw the value that duration alone gives, such as a word's share of the utterance, as a dashed line."""
    draw = axes.axhline if orient == "h" else axes.axvline
    draw(value, zorder=0.9, **DURATION)


def duration_handle(label: str) -> Line2D:
    """Return the legend entry of the value that duration alone gives."""
    return Line2D([], [], **DURATION, label=label)


def baseline_line(axes: Axes, row: Mapping[str, Any], style: ModelStyle) -> None:
    """Draw an acoustic baseline as a horizontal line at ``value`` with a band from ``ci_low`` to ``ci_high``."""
    if np.isfinite([row["ci_low"], row["ci_high"]]).all():
        axes.axhspan(row["ci_low"], row["ci_high"], color=style.colour, alpha=_BASELINE_ALPHA, linewidth=0)
    axes.axhline(row["value"], color=style.colour, linestyle=style.dashes, linewidth=1)


def interval_band(axes: Axes, x: Any, rows: pd.DataFrame, colour: str) -> None:
    """Draw the 95 % interval of a curve as a band from ``ci_low`` to ``ci_high``."""
    axes.fill_between(x, rows["ci_low"], rows["ci_high"], color=colour, alpha=_BAND_ALPHA, linewidth=0)


def interval_bar(axes: Axes, x: float, row: Mapping[str, Any], style: ModelStyle, **marks: Any) -> None:
    """Draw a value at ``x`` with a vertical bar for its 95 % interval; ``marks`` override the marker."""
    axes.plot([x, x], [row["ci_low"], row["ci_high"]], color=style.colour, linewidth=1.2, zorder=2)
    axes.plot(x, row["value"], **{"markersize": 4, "linestyle": "", **style.marks, "zorder": 3, **marks})


def interval_lines(axes: Axes, x: Any, rows: pd.DataFrame, colour: str) -> None:
    """Draw the 95 % interval of every point of a curve as a pale vertical line, where bands would hide each other."""
    axes.vlines(x, rows["ci_low"], rows["ci_high"], color=colour, alpha=0.45, linewidth=1)


def interval_row(axes: Axes, y: Any, row: Mapping[str, Any], style: ModelStyle, **marks: Any) -> None:
    """Draw a value in row ``y`` of a forest plot with a horizontal bar for its 95 % interval.

    If ``y`` and the entries of ``row`` are columns, all rows are drawn at once. ``marks`` override the marker.
    """
    axes.plot([row["ci_low"], row["ci_high"]], [y, y], color=style.colour, linewidth=1.2, zorder=2)
    axes.plot(row["value"], y, **{"markersize": 4, "linestyle": "", **style.marks, "zorder": 3, **marks})


def model_curve(axes: Axes, rows: pd.DataFrame, style: ModelStyle, **line: Any) -> None:
    """Draw a model over layers at column ``x``: a curve with its 95 % interval, or a line across for a baseline."""
    if style.baseline:
        for row in rows.to_dict("records"):
            baseline_line(axes, row, style)
        return
    if rows.empty:
        return
    interval_band(axes, rows["x"], rows, style.colour)
    axes.plot(rows["x"], rows["value"], **{**style.line, **line})


def model_handles(styles: Sequence[ModelStyle]) -> list[Line2D]:
    """Return legend entries for models (line and marker), followed by baselines (plain lines)."""
    models = [Line2D([], [], **style.line) for style in styles if not style.baseline]
    baselines = [
        Line2D([], [], color=style.colour, linestyle=style.dashes, linewidth=1, label=style.label)
        for style in styles
        if style.baseline
    ]
    return [*models, *baselines]


def mark_handle(marker: str, label: str, colour: str = GREY, filled: bool = True, **more: Any) -> Line2D:
    """Return the legend entry of a marker without a line; ``more`` overrides properties of the marker."""
    face = colour if filled else "white"
    look = {"linestyle": "", "marker": marker, "color": colour, "markerfacecolor": face, **more}
    return Line2D([], [], label=label, **look)


def matrix(
    axes: Axes,
    values: pd.DataFrame,
    *,
    limits: tuple[float, float],
    cmap: str = "Blues",
    numbers: bool | None = None,
    text: pd.DataFrame | None = None,
    digits: int = 2,
    size: float = 6,
) -> Collection:
    """Draw a matrix of values as a heat map and return the cells, to which a colour bar refers.

    Parameters
    ----------
    axes : panel
    values : matrix whose row and column labels become tick labels (only every k-th if there are many)
    limits : values at both ends of the colour map
    cmap : name of the colour map
    numbers : whether to write values into cells; by default if there are at most 12 rows and columns
    text : text of each cell, instead of its value
    digits : decimals of these numbers, which are written without the leading zero
    size : font size of these numbers in points
    """
    numbers = max(values.shape) <= _WIDE_MATRIX if numbers is None else numbers
    written = values.map(lambda value: number(value, digits) if np.isfinite(value) else "") if text is None else text
    sns.heatmap(
        values.astype(float),
        ax=axes,
        vmin=limits[0],
        vmax=limits[1],
        cmap=cmap,
        cbar=False,
        annot=written if numbers else False,
        fmt="",
        annot_kws={"fontsize": size},
        xticklabels=-(-values.shape[1] // _WIDE_MATRIX),
        yticklabels=-(-values.shape[0] // _WIDE_MATRIX),
    )
    axes.tick_params(length=0)
    axes.set(xlabel="", ylabel="")
    return axes.collections[0]


def layer_axis(axes: Axes, layers: Sequence[str], n_names: int = 14) -> None:
    """Label the x axis of a panel with layers at positions 0, 1, …; of more than ``n_names`` layers, every k-th."""
    every = max(1, -(-len(layers) // n_names))
    axes.set_xticks(range(0, len(layers), every), layers[::every])
    axes.set_xlim(-0.5, max(len(layers), 1) - 0.5)


def few_ticks(axes: Axes, names: Sequence[str], places: Sequence[float], share: float = 0.16) -> None:
    """Name as many places of the x axis as have room, always the last; the others keep a tick without a name.

    Parameters
    ----------
    names, places : name and position of each tick, from left to right
    share : smallest distance between two names, as a share of the axis
    """
    low, high = axes.get_xlim()
    shown = {len(places) - 1}
    for place in range(len(places)):
        if all(abs(places[place] - places[other]) >= share * (high - low) for other in shown):
            shown.add(place)
    axes.set_xticks(places, [name if place in shown else "" for place, name in enumerate(names)])


def row_axis(axes: Axes, names: Sequence[str], named: bool = True) -> None:
    """Prepare a forest plot with one row per name, from top to bottom; ``named`` writes the names at the left."""
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks(range(len(names)), list(names) if named else [""] * len(names))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y")


def side_by_side(n: int, width: float = 0.56) -> np.ndarray:
    """Return the offsets at which n values of one category or row are drawn beside each other."""
    return np.linspace(-width / 2, width / 2, n) if n > 1 else np.zeros(1)


def seed_lines(axes: Axes, x: Any, rows: pd.DataFrame, colour: str) -> None:
    """Draw the curve of every seed of a condition as a thin line.

    Parameters
    ----------
    x : position of each row
    rows : ``model`` names the seed, ``value`` is drawn
    """
    x = pd.Series(x, index=rows.index)
    style = {"color": colour, **_SEED}
    sns.lineplot(x=x, y=rows["value"], units=rows["model"], estimator=None, legend=False, ax=axes, **style)


def seed_handle(label: str = "single seed") -> Line2D:
    """Return the legend entry of the curves of single seeds."""
    return Line2D([], [], color=INK, linewidth=_SEED["linewidth"], label=label)


def count_line(rows: pd.DataFrame) -> str:
    """Return the counts that every panel states: n and the number of resampled groups, as in ``16 speakers``."""
    groups, unit = describe_range(rows["n_groups"]), re.split(", | and ", resampling_unit(rows))[0]
    return f"n = {describe_range(rows['n'])}, {groups} {unit}{'' if groups == '1' else 's'}"
