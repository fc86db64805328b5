"""Figure of reduction: maps of held-out segments, and the quality of every map."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.lines import Line2D

from auscult.analyses.reduction.columns import HELD_OUT, NEIGHBOURHOOD, NO_MAP, SHAPE
from auscult.errors import AnalysisError
from auscult.figures import plotting
from auscult.figures.context import FigureContext
from auscult.figures.findings import finding
from auscult.figures.marks import chance_tick, chance_tick_handle, interval_row, mark_handle
from auscult.figures.palette import Entry

__all__ = ["draw", "drawn_rows", "describe_finding"]

_METHODS = {
    NO_MAP: "original space",
    "pca": "PCA",
    "lda": "LDA (supervised)",
    "mds": "MDS",
    "umap": "UMAP",
    "tsne": "t-SNE",
}
# Title and axis label of each measure; a silhouette is titled by its factor.
_MEASURES = {
    ("trustworthiness", NEIGHBOURHOOD): ("neighbours", "trustworthiness"),
    ("stability", NEIGHBOURHOOD): ("neighbours", "stability (Jaccard)"),
    ("stability", SHAPE): ("shape", "stability (Procrustes)"),
}
_MAP_MM, _GAP_MM, _ROW_MM = 54, 5, 3
_MAX_PANELS = 5  # of quality, side by side


def draw(table: pd.DataFrame, coordinates: pd.DataFrame, *, context: FigureContext = FigureContext()) -> Figure:
    """Draw one row of maps for each corpus, model and step, and below them the quality of all maps.

    Parameters
    ----------
    table : quality of the maps, first table of :func:`~auscult.analyses.reduction.analysis.reduce_activations`
    coordinates : places of the items on the maps, its second table
    context : models, settings and study; maps have the colours of phone classes or, without these, of the first factor

    Raises
    ------
    AnalysisError
        A table has no row of a model that the context names, or the coordinates have no column of a factor.
    """
    quality, points = drawn_rows(table, coordinates, context=context), _drawn_points(coordinates, context)
    entries, colour_by = context.entries(points), _colouring_factor(quality, points, context)
    colours = plotting.class_colours(points[colour_by].dropna())
    maps = [
        (entry, rows)
        for _, corpus in points.groupby("corpus", sort=False)
        for entry in entries
        if len(rows := entry.rows(corpus))
    ]
    methods, lines = list(points["method"].unique()), _panel_lines(quality)
    map_mm = min(_MAP_MM, 166 / len(methods))
    maps_mm = 6 + len(maps) * map_mm
    title_mm = 18 + _ROW_MM * (quality["corpus"].nunique() > 1)
    lines_mm = [title_mm + len(_methods_of(line)) * (2 + _ROW_MM * len(entries)) for line in lines]
    figure = plotting.new_figure(
        maps_mm + _GAP_MM + sum(lines_mm), _legends(colours, entries), _note(quality, colour_by, context)
    )
    blocks = figure.add_gridspec(3, 1, height_ratios=(maps_mm, _GAP_MM, sum(lines_mm)))
    _draw_maps(blocks[0], maps, methods, points[colour_by].map(colours), map_mm)
    grid = (
        blocks[2].subgridspec(len(lines), len(lines[0]), height_ratios=lines_mm).subplots(squeeze=False, sharey="row")
    )
    for strip, line in zip(grid, lines):
        for axes in strip[len(line) :]:
            axes.set_axis_off()
        for axes, rows in zip(strip, line):
            _draw_quality(axes, rows, _methods_of(line), entries, quality)
    return figure


def drawn_rows(
    table: pd.DataFrame, coordinates: pd.DataFrame, *, context: FigureContext = FigureContext()
) -> pd.DataFrame:
    """Return the quality of the maps that the figure shows: of the models drawn, at the layer drawn."""
    rows = context.select(table).reset_index(drop=True)
    return rows[rows["layer"].isin([_layer(coordinates, context), "input"])]


def describe_finding(
    table: pd.DataFrame, coordinates: pd.DataFrame, *, context: FigureContext = FigureContext()
) -> str:
    """Compare the silhouette of the first trained model's layer with its untrained control and permuted labels."""
    quality = drawn_rows(table, coordinates, context=context)
    factor = _colouring_factor(quality, _drawn_points(coordinates, context), context)
    rows = quality[(quality["method"] == NO_MAP) & (quality["metric"] == "silhouette") & (quality["target"] == factor)]
    rows = rows[rows["corpus"] == rows["corpus"].iloc[0]] if len(rows) else rows
    entries = context.entries(rows)
    for entry in entries:
        if entry.style.baseline or entry.step == "0":
            continue
        row = entry.rows(rows).iloc[0]
        controls: dict[str, pd.Series | float] = {
            other.name: other.rows(rows).iloc[0] for other in entries if (other.model, other.step) == (entry.model, "0")
        }
        subject = f"{factor.replace('_', ' ')} silhouette in {row['layer']} of {entry.style.label}"
        return finding(subject, row, controls | {"chance": float(row["chance"])})
    return ""


def _drawn_points(coordinates: pd.DataFrame, context: FigureContext) -> pd.DataFrame:
    points = context.select(coordinates).reset_index(drop=True)
    points = points[points["layer"].isin([_layer(coordinates, context), "input"])]
    return points[points["part"] == HELD_OUT]


def _layer(coordinates: pd.DataFrame, context: FigureContext) -> str:
    """Return the layer that is drawn: the last one of the settings or, without settings, of the table."""
    layers = context.analysis.get("layers") or plotting.layer_order(coordinates["layer"])
    return str(layers[-1])


def _colouring_factor(quality: pd.DataFrame, points: pd.DataFrame, context: FigureContext) -> str:
    measured = quality.loc[quality["metric"] == "silhouette", "target"].unique()
    factors = list(dict.fromkeys(["phone_class", *context.analysis.get("factors", measured)]))
    for factor in factors:
        if factor in points:
            return factor
    raise AnalysisError(
        f"expected a factor with two values to colour maps by, found none of {', '.join(factors)} in the collected "
        "coordinates; name another factor"
    )


def _panel_lines(quality: pd.DataFrame) -> list[list[pd.DataFrame]]:
    """Return the rows of each panel of quality, in lines of about equal length."""
    panels = [rows for _, rows in quality.groupby(["corpus", "metric", "target"], sort=False)]
    n_columns = -(-len(panels) // -(-len(panels) // _MAX_PANELS))
    return [panels[start : start + n_columns] for start in range(0, len(panels), n_columns)]


def _methods_of(panels: Sequence[pd.DataFrame]) -> list[str]:
    """Return the methods of several panels in the order of their rows."""
    return list(dict.fromkeys(name for rows in panels for name in rows["method"]))


def _draw_maps(
    block: SubplotSpec,
    maps: Sequence[tuple[Entry, pd.DataFrame]],
    methods: Sequence[str],
    colours: pd.Series,
    map_mm: float,
) -> None:
    """Draw one row of maps per model: ``colours`` has the index of the points."""
    grid = block.subgridspec(len(maps), len(methods)).subplots(squeeze=False)
    for line, (entry, rows) in zip(grid, maps):
        first, n = rows.iloc[0], plotting.describe_range(rows.groupby("method").size())
        about = [entry.style.label, f"{plotting.plain(first['corpus'])}, {first['layer']}, n\xa0=\xa0{n}"]
        # 1.5 mm per letter: labels longer than the map is high would overlap those of its neighbours.
        line[0].set_ylabel("\n".join(row for text in about for row in textwrap.wrap(text, int(map_mm / 1.5))))
        for axes, method in zip(line, methods):
            _draw_map(axes, rows[rows["method"] == method], colours)
    for axes, method in zip(grid[0], methods):
        axes.set_title(_METHODS.get(method, method), loc="center")


def _draw_map(axes: Axes, points: pd.DataFrame, colours: pd.Series) -> None:
    """Scatter the items of one map in a fixed random order, so that no class hides another."""
    points = points.sample(frac=1, random_state=0)
    colour = colours[points.index].fillna("#DDDDDD")
    axes.scatter(points["x"], points["y"], s=3, c=colour, alpha=0.8, linewidth=0, rasterized=True)
    axes.set(xticks=[], yticks=[], box_aspect=1)
    axes.margins(0.04)
    axes.spines[["top", "right"]].set_visible(True)


def _draw_quality(
    axes: Axes, rows: pd.DataFrame, methods: Sequence[str], entries: Sequence[Entry], quality: pd.DataFrame
) -> None:
    """Draw one measure of every map with its interval and its value for permuted items."""
    corpus, metric, target = (rows[column].iloc[0] for column in ("corpus", "metric", "target"))
    for place, method in enumerate(methods):
        for member, entry in enumerate(entries):
            y = place + 0.72 * ((member + 0.5) / len(entries) - 0.5)
            for row in entry.rows(rows[rows["method"] == method]).to_dict("records"):
                chance_tick(axes, row["chance"], y)
                interval_row(axes, y, row, entry.style, markersize=3.2)
    # Panels of one metric share their range.
    values = quality.loc[quality["metric"] == metric, ["value", "ci_low", "ci_high", "chance"]]
    low, high = np.nanmin(values), np.nanmax(values)
    margin = 0.06 * (high - low)
    title, label = _MEASURES.get((metric, target), (target.replace("_", " "), metric))
    axes.set(ylim=(len(methods) - 0.5, -0.5), xlim=(low - margin, high + margin), xlabel=label)
    axes.set_title(plotting.plain(f"{corpus}:\n{title}" if quality["corpus"].nunique() > 1 else title))
    axes.locator_params(axis="x", nbins=3)
    axes.set_yticks(range(len(methods)), [_METHODS.get(method, method) for method in methods])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def _legends(colours: Mapping[str, str], entries: Sequence[Entry]) -> list[list[Line2D]]:
    classes = [mark_handle("o", label, colour) for label, colour in colours.items()]
    models = [Line2D([], [], **{**entry.style.line, "linestyle": ""}) for entry in entries]
    return [classes, [*models, chance_tick_handle("permuted items")]]


def _note(quality: pd.DataFrame, colour_by: str, context: FigureContext) -> str:
    """Return the note below the figure: study, items, and what is special about t-SNE and stability."""
    n, unit = plotting.describe_range(quality["n"]), plotting.resampling_unit(quality)
    # Without intervals, the reason for their absence gives the number of groups.
    has_intervals = quality["ci_low"].notna().any()
    groups = f" of {plotting.describe_range(quality['n_groups'])} {unit}s" if has_intervals else ""
    sentences = [
        context.describe(quality["corpus"]),
        f"Each point is a held-out segment, coloured by {colour_by.replace('_', ' ')}; maps were fitted to other "
        f"{unit}s.",
        f"Quality: n = {n} segments{groups}, {plotting.describe_interval(quality)}.",
    ]
    if (quality["method"] == "tsne").any():
        sentences.append("t-SNE is fitted to the segments shown.")
    stability = quality[quality["metric"] == "stability"]
    if len(stability):
        n_maps = plotting.describe_range(stability["n_seeds"])
        sentences.append(f"Stability compares {n_maps} maps that differ in seed and items.")
    return " ".join(sentences)
