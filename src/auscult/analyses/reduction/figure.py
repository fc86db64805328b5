"""Draw maps of held-out segment vectors, and how far each map can be believed."""

import textwrap

import numpy as np
from matplotlib.lines import Line2D

from auscult.errors import AnalysisError
from auscult.figures import plotting
from auscult.tables import read_table

METHODS = {
    "none": "layer itself",
    "pca": "PCA",
    "lda": "LDA (supervised)",
    "mds": "MDS",
    "umap": "UMAP",
    "tsne": "t-SNE",
}
TITLES = {("stability", "neighbourhood"): "same neighbours", ("stability", "shape"): "same shape"}


def draw(quality, coordinates, entries, colour_by, study):
    """Return the figure: one row of maps for each corpus, model and step, and below them the quality of all."""
    methods = list(coordinates["method"].unique())
    maps = [
        (entry, rows)
        for _, corpus in coordinates.groupby("corpus", sort=False)
        for entry in entries
        if len(rows := entry.rows(corpus))
    ]
    colours = plotting.class_colours(coordinates[colour_by].dropna())
    lines = arrange(quality)
    map_mm = min(54, 166 / len(methods))
    maps_mm = 6 + len(maps) * map_mm
    several_mm = 3 * (quality["corpus"].nunique() > 1)
    lines_mm = [18 + several_mm + len(shown) * (2 + 3 * len(entries)) for shown, _ in lines]
    classes = [Line2D([], [], color=colour, marker="o", linestyle="", label=label) for label, colour in colours.items()]
    models = [Line2D([], [], **{**entry.style.line, "linestyle": ""}) for entry in entries]
    figure = plotting.new_figure(maps_mm + 5 + sum(lines_mm), [classes, models], note(quality, colour_by, study))
    upper, _, lower = figure.add_gridspec(3, 1, height_ratios=(maps_mm, 5, sum(lines_mm)))
    grid = upper.subgridspec(len(maps), len(methods)).subplots(squeeze=False)
    for line, (entry, rows) in zip(grid, maps):
        first, n = rows.iloc[0], plotting.describe_range(rows.groupby("method").size())
        about = [entry.style.label, f"{plotting.plain(first['corpus'])}, {first['layer']}, n\xa0=\xa0{n}"]
        # 1.5 mm a letter: labels longer than a map is high would run into those of its neighbours.
        line[0].set_ylabel("\n".join(row for text in about for row in textwrap.wrap(text, int(map_mm / 1.5))))
        for axes, method in zip(line, methods):
            draw_map(axes, rows[rows["method"] == method], colours, colour_by)
    for axes, method in zip(grid[0], methods):
        axes.set_title(METHODS.get(method, method), loc="center")
    strips = lower.subgridspec(len(lines), len(lines[0][1]), height_ratios=lines_mm).subplots(
        squeeze=False, sharey="row"
    )
    for strip, (shown, panels) in zip(strips, lines):
        for axes in strip[len(panels) :]:
            axes.set_axis_off()
        for axes, rows in zip(strip, panels):
            draw_quality(axes, rows, shown, entries, quality)
    return figure


def arrange(quality):
    """Return the panels of quality in lines of five at most, each line with the methods that occur in it."""
    panels = [rows for _, rows in quality.groupby(["corpus", "metric", "target"], sort=False)]
    n_columns = -(-len(panels) // -(-len(panels) // 5))
    lines = [panels[start : start + n_columns] for start in range(0, len(panels), n_columns)]
    order = quality["method"].unique()
    return [([name for name in order if any((rows["method"] == name).any() for rows in line)], line) for line in lines]


def draw_map(axes, rows, colours, colour_by):
    """Scatter the items of one map in a fixed random order, so that no class covers the others."""
    rows = rows.sample(frac=1, random_state=0)
    colour = rows[colour_by].map(colours).fillna("#DDDDDD")
    axes.scatter(rows["x"], rows["y"], s=3, c=colour, alpha=0.8, linewidth=0, rasterized=True)
    axes.set(xticks=[], yticks=[], box_aspect=1)
    axes.margins(0.04)
    axes.spines[["top", "right"]].set_visible(True)


def draw_quality(axes, rows, methods, entries, quality):
    """Draw one number of every map, with its interval; grey ticks are what permuted items give."""
    corpus, metric, target = (rows[column].iloc[0] for column in ("corpus", "metric", "target"))
    for place, method in enumerate(methods):
        for member, entry in enumerate(entries):
            y = place + 0.72 * ((member + 0.5) / len(entries) - 0.5)
            for row in entry.rows(rows[rows["method"] == method]).itertuples():
                axes.plot([row.ci_low, row.ci_high], [y, y], color=entry.style.colour, linewidth=1.2)
                axes.plot(row.chance, y, color="#A9A9A9", marker="|", markersize=4)
                axes.plot(row.value, y, **entry.style.marks, markersize=3.2)
    alike = quality.loc[quality["metric"] == metric, ["value", "ci_low", "ci_high", "chance"]]
    low, high = np.nanmin(alike), np.nanmax(alike)
    margin = 0.06 * (high - low)
    axes.set(ylim=(len(methods) - 0.5, -0.5), xlim=(low - margin, high + margin), xlabel=metric)
    axes.locator_params(axis="x", nbins=3)
    axes.set_yticks(range(len(methods)), [METHODS.get(method, method) for method in methods])
    several, target = quality["corpus"].nunique() > 1, TITLES.get((metric, target), target)
    axes.set_title(plotting.plain(f"{corpus}:\n{target}" if several else target).replace("_", " "))
    axes.tick_params(axis="y", length=0)
    if metric == "silhouette":
        axes.axvline(0, color="#CCCCCC", linewidth=0.6, zorder=0)


def note(quality, colour_by, study):
    """Say what a reader of the figure alone must know."""
    n, groups = (plotting.describe_range(quality[column]) for column in ("n", "n_groups"))
    unit = plotting.resampling_unit(quality)
    own = " (t-SNE cannot place new items: fitted on the items shown, without labels)"
    fitted = f"Maps were fitted on other {unit}s{own if 'tsne' in set(quality['method']) else ''}."
    return (
        f"{plotting.describe_study(study, quality['corpus'])} Maps: one point is one held-out segment, coloured by "
        f"{colour_by.replace('_', ' ')}; axes have no unit. {fitted} Below: n = {n} held-out "
        f"segments of {groups} {unit}s, {plotting.describe_interval(quality)}; | is what permuted items give."
        f"{describe_stability(quality)}"
    )


def describe_stability(quality):
    """Say what was compared where stability is shown."""
    rows = quality[quality["metric"] == "stability"]
    if rows.empty:
        return ""
    n = plotting.describe_range(rows["n_seeds"])
    return f" Stability: agreement of {n} maps, each with its own seed and four fifths of the items (one with all)."


def compose(paths, settings, study, models):
    """Return the figure of a study and the table of what it shows.

    Parameters
    ----------
    paths : of the tables, by the names of the rule's inputs
    settings : the figure's own entry, and that of its analysis
    study, models : as all figures take them
    """
    analysis = settings["analysis"]
    drawn = []
    for path in (paths.quality, paths.coordinates):
        rows = plotting.select(read_table(path), "model", settings.get("models"), path)
        drawn.append(rows[rows["layer"].isin([analysis["layers"][-1], "input"])])
    quality, coordinates = drawn
    coordinates = coordinates[coordinates["part"] == "held-out"]
    factors = list(dict.fromkeys(["phone_class", *analysis["factors"]]))
    colour_by = next((name for name in factors if name in coordinates), None)
    if colour_by is None:
        raise AnalysisError(
            "expected a factor with two values to colour maps by, found none of "
            f"{', '.join(factors)} in the collected coordinates; name another factor"
        )
    lines = plotting.entries(coordinates, coordinates["model"].unique(), plotting.model_style(models))
    figure = draw(quality, coordinates, lines, colour_by, study)
    return figure, quality
