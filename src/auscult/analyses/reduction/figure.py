"""Details of reduction: maps of held-out segments, and the quality of every map."""

import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from auscult.analyses.reduction.columns import HELD_OUT, NEIGHBOURHOOD, NO_MAP, SHAPE
from auscult.errors import AnalysisError
from auscult.figures import plotting
from auscult.figures.context import FigureContext
from auscult.figures.findings import finding
from auscult.figures.marks import chance_tick, chance_tick_handle, interval_row, mark_handle
from auscult.figures.palette import Entry
from auscult.figures.plotting import paginate

__all__ = ["draw", "drawn_rows", "describe_finding", "METHODS", "drawn_points", "colouring_factor", "draw_map"]

METHODS = {
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
_MAP_MM, _ROW_MM = 54, 3
_MAX_PANELS = 5  # of quality, side by side


def draw(table: pd.DataFrame, coordinates: pd.DataFrame, *, context: FigureContext = FigureContext()) -> list[Figure]:
    """Draw pages with one row of maps for each corpus, model and step, then pages with the quality of all maps.

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
    quality, points = drawn_rows(table, coordinates, context=context), drawn_points(coordinates, context)
    entries, colour_by = context.entries(points), colouring_factor(quality, points, context)
    maps = [
        (entry, rows)
        for _, corpus in points.groupby("corpus", sort=False)
        for entry in entries
        if len(rows := entry.rows(corpus))
    ]
    map_mm = min(_MAP_MM, 166 / points["method"].nunique())
    pages = [_maps_page(maps[page], map_mm, colour_by, quality, context) for page in paginate([map_mm] * len(maps))]
    lines = _panel_lines(quality)
    lines_mm = [_line_mm(line, entries, quality) for line in lines]
    return pages + [
        _quality_page(lines[page], lines_mm[page], entries, quality, context) for page in paginate(lines_mm)
    ]


def _maps_page(
    maps: Sequence[tuple[Entry, pd.DataFrame]],
    map_mm: float,
    colour_by: str,
    quality: pd.DataFrame,
    context: FigureContext,
) -> Figure:
    points = pd.concat([rows for _, rows in maps])
    colours = plotting.class_colours(points[colour_by].dropna())
    legend = [mark_handle("o", label, colour) for label, colour in colours.items()]
    figure = plotting.new_figure(6 + len(maps) * map_mm, [legend], _maps_note(points, colour_by, quality, context))
    _draw_maps(figure, maps, list(points["method"].unique()), points[colour_by].map(colours), map_mm)
    return figure


def _quality_page(
    lines: Sequence[Sequence[pd.DataFrame]],
    lines_mm: Sequence[float],
    entries: Sequence[Entry],
    quality: pd.DataFrame,
    context: FigureContext,
) -> Figure:
    shown = pd.concat([rows for line in lines for rows in line])
    models = [Line2D([], [], **{**entry.style.line, "linestyle": ""}) for entry in entries]
    legend = [*models, chance_tick_handle("permuted items")]
    figure = plotting.new_figure(sum(lines_mm), [legend], _quality_note(shown, context))
    grid = figure.subplots(len(lines), max(map(len, lines)), squeeze=False, sharey="row", height_ratios=lines_mm)
    for strip, line in zip(grid, lines):
        for axes in strip[len(line) :]:
            axes.set_axis_off()
        for axes, rows in zip(strip, line):
            _draw_quality(axes, rows, _methods_of(line), entries, quality)
    return figure


def _line_mm(line: Sequence[pd.DataFrame], entries: Sequence[Entry], quality: pd.DataFrame) -> float:
    """Return the height of a line of panels of quality; of several corpora, titles have two lines."""
    title_mm = 18 + _ROW_MM * (quality["corpus"].nunique() > 1)
    return title_mm + len(_methods_of(line)) * (2 + _ROW_MM * len(entries))


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
    factor = colouring_factor(quality, drawn_points(coordinates, context), context)
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


def drawn_points(coordinates: pd.DataFrame, context: FigureContext) -> pd.DataFrame:
    """Return the held-out items on the maps of the models and the layer that the figure shows."""
    points = context.select(coordinates).reset_index(drop=True)
    points = points[points["layer"].isin([_layer(coordinates, context), "input"])]
    return points[points["part"] == HELD_OUT]


def _layer(coordinates: pd.DataFrame, context: FigureContext) -> str:
    """Return the layer that is drawn: the last one of the settings or, without settings, of the table."""
    layers = context.analysis.get("layers") or plotting.layer_order(coordinates["layer"])
    return str(layers[-1])


def colouring_factor(quality: pd.DataFrame, points: pd.DataFrame, context: FigureContext) -> str:
    """Return the factor by which maps are coloured: phone class or the first factor with at least two values."""
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
    figure: Figure,
    maps: Sequence[tuple[Entry, pd.DataFrame]],
    methods: Sequence[str],
    colours: pd.Series,
    map_mm: float,
) -> None:
    """Draw one row of maps per model: ``colours`` has the index of the points."""
    grid = figure.subplots(len(maps), len(methods), squeeze=False)
    for line, (entry, rows) in zip(grid, maps):
        first, n = rows.iloc[0], plotting.describe_range(rows.groupby("method").size())
        about = [entry.style.label, f"{plotting.plain(first['corpus'])}, {first['layer']}, n\xa0=\xa0{n}"]
        # 1.5 mm per letter: labels longer than the map is high would overlap those of its neighbours.
        line[0].set_ylabel("\n".join(row for text in about for row in textwrap.wrap(text, int(map_mm / 1.5))))
        for axes, method in zip(line, methods):
            draw_map(axes, rows[rows["method"] == method], colours)
    for axes, method in zip(grid[0], methods):
        axes.set_title(METHODS.get(method, method), loc="center")


def draw_map(axes: Axes, points: pd.DataFrame, colours: pd.Series, size: float = 3) -> None:
    """Scatter the items of one map in a fixed random order, so that no class hides another.

    Parameters
    ----------
    axes : panel
    points : places of the items
    colours : colour of each item, by the index of ``points``
    size : area of a point in square points
    """
    points = points.sample(frac=1, random_state=0)
    colour = colours[points.index].fillna("#DDDDDD")
    axes.scatter(points["x"], points["y"], s=size, c=colour, alpha=0.8, linewidth=0, rasterized=True)
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
    axes.set_yticks(range(len(methods)), [METHODS.get(method, method) for method in methods])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def _maps_note(points: pd.DataFrame, colour_by: str, quality: pd.DataFrame, context: FigureContext) -> str:
    """Return the note of a page of maps: study, items and what is special about t-SNE."""
    sentences = [
        context.describe(points["corpus"]),
        f"Each point is a held-out segment, coloured by {colour_by.replace('_', ' ')}; maps were fitted to other "
        f"{plotting.resampling_unit(quality)}s.",
        "t-SNE is fitted to the segments shown." if (points["method"] == "tsne").any() else "",
    ]
    return " ".join(filter(None, sentences))


def _quality_note(quality: pd.DataFrame, context: FigureContext) -> str:
    """Return the note of a page of quality: study, items and what stability compares."""
    n, unit = plotting.describe_range(quality["n"]), plotting.resampling_unit(quality)
    # Without intervals, the reason for their absence gives the number of groups.
    has_intervals = quality["ci_low"].notna().any()
    groups = f" of {plotting.describe_range(quality['n_groups'])} {unit}s" if has_intervals else ""
    sentences = [
        context.describe(quality["corpus"]),
        f"Quality: n = {n} segments{groups}, {plotting.describe_interval(quality)}.",
    ]
    stability = quality[quality["metric"] == "stability"]
    if len(stability):
        n_maps = plotting.describe_range(stability["n_seeds"])
        sentences.append(f"Stability compares {n_maps} maps that differ in seed and items.")
    return " ".join(filter(None, sentences))
