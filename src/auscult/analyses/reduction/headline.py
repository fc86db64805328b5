"""The slide of reduction: the same maps coloured by several factors, with the silhouette of each."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from auscult.analyses.reduction import figure as details
from auscult.analyses.reduction.columns import NO_MAP
from auscult.figures import marks, plotting, slide
from auscult.figures.context import FigureContext
from auscult.figures.findings import compare, number, verdicts
from auscult.figures.palette import Entry, plain

__all__ = ["draw", "describe_headline"]

_METHODS = ("pca", "lda", "umap")
_FACTORS = ("phone_class", "speaker", "language")
_MOST = 3
_MOST_NAMES = 8  # of classes beside their row of maps


class _Message(NamedTuple):
    """The first trained model: its points and silhouettes, with ``columns`` of maps and ``factors`` as rows."""

    points: pd.DataFrame
    silhouettes: pd.DataFrame
    entries: list[Entry]
    columns: list[tuple[Entry, str]]
    factors: list[str]


def draw(table: pd.DataFrame, coordinates: pd.DataFrame, *, context: FigureContext = FigureContext()) -> Figure:
    """Draw up to three maps of one model and one of it untrained, each coloured by up to three factors.

    Parameters and errors are those of :func:`auscult.analyses.reduction.figure.draw`.
    """
    message = _message(table, coordinates, context)
    figure = slide.new_slide(_title(message), _note(message))
    grid = figure.subplots(len(message.factors), len(message.columns), squeeze=False)
    for line, factor in zip(grid, message.factors):
        colours = _colours(message.points[factor])
        for axes, (entry, method) in zip(line, message.columns):
            points = entry.rows(message.points[message.points["method"] == method])
            details.draw_map(axes, points, points[factor].map(colours), size=2)
            axes.set_box_aspect(None)
            axes.set_xlabel(_silhouette(message, entry, method, factor), fontsize=8, labelpad=1.5)
        line[0].set_ylabel(f"by {_name(factor)}".replace(" class", "\nclass"), fontsize=8.5)
        _name_classes(line[-1], colours, _name(factor))
    for axes, (entry, method) in zip(grid[0], message.columns):
        untrained = entry.step == "0" and entry is not message.entries[0]
        axes.set_title(_map_name(method, context) + (", untrained" if untrained else ""), loc="center")
    return figure


def describe_headline(
    table: pd.DataFrame, coordinates: pd.DataFrame, *, context: FigureContext = FigureContext()
) -> str:
    """Return one sentence: the silhouette of the first factor on maps, and in the layer against its controls."""
    return _title(_message(table, coordinates, context))


def _map_name(method: str, context: FigureContext) -> str:
    """Return the name of a map; LDA's says which factor it was given, if the settings are known."""
    given = context.analysis.get("supervised_by")
    name = details.METHODS.get(method, method)
    return name.replace("(supervised)", f"by {_name(given)}") if given else name


def _title(message: _Message) -> str:
    first, factor = message.entries[0], message.factors[0]
    own = message.silhouettes[message.silhouettes["target"] == factor]
    maps = [
        f"{number(row['value'])} ({details.METHODS.get(method, method).split(' (')[0]})"
        for entry, method in message.columns
        if entry is first
        for _, row in entry.rows(own[own["method"] == method]).head(1).iterrows()
    ]
    subject = _name(factor).capitalize()
    said = f"{subject} on maps: silhouette {', '.join(maps)}" if maps else f"Maps by {_name(factor)}"
    layer = own[own["method"] == NO_MAP]
    if first.rows(layer).empty:
        return said
    row = first.rows(layer).iloc[0]
    untrained = [entry.rows(layer).iloc[0] for entry in message.entries[1:] if len(entry.rows(layer))]
    permuted = float(row["chance"])
    controls: dict[str, pd.Series | float] = {"untrained": untrained[-1]} if untrained else {}
    # That a layer is above permuted labels goes without saying where it is compared with the untrained model.
    if not untrained or compare(row, permuted) != "above":
        controls["permuted"] = permuted
    return f"{said}; in layer {row['layer']} itself {number(row['value'])}, {verdicts(row, controls)}"


def _message(table: pd.DataFrame, coordinates: pd.DataFrame, context: FigureContext) -> _Message:
    quality, points = (
        details.drawn_rows(table, coordinates, context=context),
        details.drawn_points(coordinates, context),
    )
    corpus = points["corpus"].iloc[0]
    quality, points = quality[quality["corpus"] == corpus], points[points["corpus"] == corpus]
    silhouettes = quality[quality["metric"] == "silhouette"]
    entries = context.entries(points)
    first = next((entry for entry in entries if not entry.style.baseline), entries[0])
    own = [entry for entry in entries if entry.model == first.model]
    methods = _some(_METHODS, list(points["method"].unique()))
    columns = [(first, method) for method in methods]
    columns += [(entry, methods[-1]) for entry in own[1:2]]
    factors = [str(name) for name in silhouettes["target"].unique() if name in points and points[name].nunique() > 1]
    factors = factors or [details.colouring_factor(quality, points, context)]
    return _Message(points, silhouettes, own, columns, _some(_FACTORS, factors))


def _some(wanted: Sequence[str], present: Sequence[str]) -> list[str]:
    """Return the wanted names that are present, filled up with the others to at most three."""
    chosen = [name for name in wanted if name in present]
    return [*chosen, *(name for name in present if name not in chosen)][:_MOST]


def _colours(values: pd.Series) -> dict[str, str]:
    """Return a colour for each class; of many, such as speakers, neighbours on a colour wheel."""
    classes = sorted(values.dropna().unique())
    if len(classes) <= _MOST_NAMES:
        return plotting.class_colours(classes)
    wheel = matplotlib.colormaps["hsv"](np.linspace(0, 0.95, len(classes)))
    return dict(zip(classes, map(to_hex, wheel)))


def _silhouette(message: _Message, entry: Entry, method: str, factor: str) -> str:
    rows = message.silhouettes
    rows = entry.rows(rows[(rows["method"] == method) & (rows["target"] == factor)])
    return f"silhouette {number(rows['value'].iloc[0])}" if len(rows) else ""


def _name_classes(axes: Axes, colours: Mapping[str, str], factor: str) -> None:
    """Name the classes of a row of maps right of it, each in its colour; of many, only their number is given."""
    named = list(colours.items()) if len(colours) <= _MOST_NAMES else [(f"{len(colours)} {factor}s", marks.GREY)]
    for place, (label, colour) in enumerate(named):
        y = 0.98 - (place + 0.5) / max(len(named), 6)
        axes.text(1.06, y, plain(label), color=colour, fontsize=7, va="center", transform=axes.transAxes)


def _note(message: _Message) -> str:
    rows = message.silhouettes
    first = message.points.iloc[0]
    n = plotting.describe_range(message.points.groupby(["model", "step", "method"]).size())
    interval = f" Title: {plotting.describe_interval(rows)}." if len(rows) else ""
    return (
        f"{message.entries[0].style.label}, layer {first['layer']}, {first['corpus']}: {n} segments of "
        f"{plotting.resampling_unit(rows)}s who did not fit the map. Silhouette: 1 separate, 0 mixed.{interval}"
    )


def _name(factor: str) -> str:
    return factor.replace("_", " ")
