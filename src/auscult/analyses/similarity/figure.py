"""Draw how alike layers are among themselves and between models, and how close each comes to reference spaces."""

from itertools import product

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from auscult.figures import plotting
from auscult.tables import read_table

NAMES = {
    "cka": "CKA",
    "rsa": "RSA",
    "pwcca": "PWCCA,\nheld out",
    "svcca": "SVCCA,\nheld out",
    "cca": "CCA,\nheld out",
    "procrustes": "Procrustes,\nheld out",
    "r2": "R²,\nheld out",
}
ZERO_SHOT, FITTED = ("cka", "rsa"), ("pwcca", "svcca", "cca", "procrustes", "r2")
HEAT_MM, CURVE_MM = 54, 33
# Why a measure has no rows for a reference.
MISSING = {
    "rsa": "undefined: labels\nare too few, or all\nequally far apart",
    "cka": "undefined: no two\nspeakers share any",
    "": "left out: a property of\ntoo few speakers",
}
CHANCE = {"color": "#555555", "linestyle": ":", "linewidth": 1}


def draw(table, entries, study):
    """Return the figure: for each corpus a row of matrices between layers and, for each measure, one of curves."""
    blocks = [(corpus, rows, measures_of(rows)) for corpus, rows in table.groupby("corpus", sort=False)]
    heights_mm = [mm for *_, shown in blocks for mm in (HEAT_MM, 14 + CURVE_MM * len(shown))]
    figure = plotting.new_figure(sum(heights_mm), legends(entries), note(table, study))
    grid = figure.add_gridspec(len(heights_mm), 1, height_ratios=heights_mm)
    for place, (corpus, rows, shown) in enumerate(blocks):
        draw_matrices(figure, grid[2 * place].subgridspec(1, 3), corpus, rows, entries)
        draw_curves(figure, grid[2 * place + 1], rows, entries, shown)
    return figure


def measures_of(rows):
    """Return what is drawn against references: zero-shot measures, and the first of those that are fitted."""
    measured = set(rows.loc[~rows["target"].isin(["layers", "models"]), "metric"])
    return [name for name in ZERO_SHOT if name in measured] + [name for name in FITTED if name in measured][:1]


def draw_matrices(figure, places, corpus, rows, entries):
    """Draw CKA between the layers of the first model, trained and untrained, and between two models."""
    model = next((entry.model for entry in entries if not entry.style.baseline), None)
    own = [entry for entry in entries if entry.model == model]
    panels = [
        (entry.name if place == 0 else f"the same, {entry.name}", layers_of(rows, entry))
        for place, entry in enumerate(own)
    ]
    panels.append(between_models(rows, entries))
    axes, image = [], None
    for place, (title, matrix) in enumerate(panels[:3]):
        axes.append(figure.add_subplot(places[0, place]))
        if matrix is None or matrix.empty:
            axes[-1].set_axis_off()
            continue
        image = draw_matrix(axes[-1], matrix)
        widest = (matrix["ci_high"] - matrix["ci_low"]).max() / 2
        interval = f"95 % interval: ± {widest:.2f} at most"
        interval = plotting.describe_interval(matrix) if np.isnan(widest) else interval
        plotting.head(axes[-1], title, (f"{corpus} · {', '.join(counts_of(matrix))}", interval))
    if image is not None:
        bar = figure.colorbar(image, ax=axes, location="right", fraction=0.025, pad=0.01, aspect=25)
        bar.set_label("CKA, unbiased over speakers")
        bar.outline.set_visible(False)


def counts_of(rows):
    """Say of how many items and speakers, or groups of them, result rows are."""
    unit = plotting.resampling_unit(rows).removesuffix(" and condition")
    return f"n = {plotting.describe_range(rows['n'])}", f"{plotting.describe_range(rows['n_groups'])} {unit}s"


def layers_of(rows, entry):
    """Return the comparisons of an entry's layers, each in both directions."""
    mine = entry.rows(rows[(rows["target"] == "layers") & (rows["metric"] == "cka")])
    mirrored = mine.rename(columns={"layer": "other_layer", "other_layer": "layer"})
    both = pd.concat([mine, mirrored[mirrored["layer"] != mirrored["other_layer"]]])
    return both.assign(names="")


def between_models(rows, entries):
    """Return title and comparisons of the first two trained models, or of the first with its untrained self."""
    rows = rows[(rows["target"] == "models") & (rows["metric"] == "cka")]
    # Where some partners have no step, a column of numbers is read as fractions.
    steps = {column: rows[column].astype(str).str.removesuffix(".0") for column in ("step", "other_step")}
    rows = rows.assign(**steps)
    shown = {(entry.model, entry.step): entry.style for entry in entries if not entry.style.baseline}
    pairs = rows[["model", "step", "other_model", "other_step"]].drop_duplicates().to_numpy()
    pairs = [pair for pair in pairs if tuple(pair[:2]) in shown and tuple(pair[2:]) in shown]
    if not pairs:
        return "", None
    first, step, second, other = min(pairs, key=lambda pair: pair[0] == pair[2])
    chosen = rows[(rows[["model", "other_model", "other_step"]] == [first, second, other]).all(axis=1)]
    names = shown[first, step].label, shown[second, other].label
    return "trained × untrained" if first == second else "two models", chosen.assign(names="\n".join(names))


def draw_matrix(axes, matrix):
    """Draw one matrix with its values, where there is room, and return the image."""
    ys, xs = (plotting.layer_order(matrix[column]) for column in ("layer", "other_layer"))
    values = matrix.pivot_table(index="layer", columns="other_layer", values="value").reindex(index=ys, columns=xs)
    image = axes.imshow(values.to_numpy(), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    if max(len(xs), len(ys)) <= 8:
        for (y, x), value in np.ndenumerate(values.to_numpy()):
            colour = "white" if value > 0.6 else "#222222"
            axes.text(x, y, f"{value:.2f}".replace("0.", ".", 1), ha="center", va="center", fontsize=6, color=colour)
    for axis, names in ((axes.xaxis, xs), (axes.yaxis, ys)):
        step = -(-len(names) // 8)
        axis.set_ticks(range(len(names))[::step], names[::step])
        axis.set_tick_params(length=0)
    axes.xaxis.set_tick_params(rotation=90)
    axes.spines[:].set_visible(False)
    down, _, across = matrix["names"].iloc[0].partition("\n")
    axes.set(xlabel=across, ylabel=down)
    return image


def draw_curves(figure, place, rows, entries, shown):
    """Draw a grid of panels: a row for each measure of similarity, a column for each reference space."""
    targets = [name for name in rows["target"].unique() if name not in ("layers", "models")]
    grid = place.subgridspec(len(shown), len(targets))
    layers = plotting.layer_order(set(rows["layer"]) - {"input"})
    for (row, measure), (column, target) in product(enumerate(shown), enumerate(targets)):
        axes = figure.add_subplot(grid[row, column])
        mine = rows[(rows["target"] == target) & (rows["metric"] == measure)]
        if measure == "rsa" and len(mine):
            mine = mine[
                (mine["distance"] == mine["distance"].iloc[0]) & (mine["correlation"] == mine["correlation"].iloc[0])
            ]
        draw_panel(axes, mine, entries, layers, row == len(shown) - 1)
        if mine.empty:
            axes.text(
                0.5,
                0.5,
                MISSING.get(measure, MISSING[""]),
                transform=axes.transAxes,
                fontsize=6.5,
                color="#777777",
                ha="center",
                va="center",
            )
        if measure == "rsa":
            axes.set(ylim=(-0.2, 1.02), yticks=[0, 0.5, 1])
        if column == 0:
            axes.set_ylabel(NAMES[measure])
        if row == 0:
            plotting.head(axes, f"to {target.replace('_', ' ')}", counts_of(mine))


def draw_panel(axes, rows, entries, layers, last):
    """Draw the curve of each model, a horizontal line for each baseline, chance, and the noise ceiling of RSA."""
    rows = rows.assign(x=rows["layer"].map({name: x for x, name in enumerate(layers)}))
    for place, entry in enumerate(entries):
        mine, style = entry.rows(rows).sort_values("x"), entry.style
        if style.baseline:
            for value, low, high in mine[["value", "ci_low", "ci_high"]].to_numpy():
                axes.axhspan(low, high, color=style.colour, alpha=0.1, linewidth=0)
                axes.axhline(value, color=style.colour, linestyle=style.dashes, linewidth=1)
            continue
        if place == 0:
            axes.plot(mine["x"], mine["chance"], **CHANCE)
            axes.fill_between(mine["x"], mine["ceiling_low"], mine["ceiling_high"], color="#BBBBBB", linewidth=0)
        axes.fill_between(mine["x"], mine["ci_low"], mine["ci_high"], color=style.colour, alpha=0.2, linewidth=0)
        axes.plot(mine["x"], mine["value"], **{**style.line, "markersize": 2.8})
    top = 1.12 * max(0.1, rows[["value", "ci_high"]].max(axis=None, skipna=True) if len(rows) else 1)
    axes.set(
        ylim=(rows[["value", "chance"]].min(axis=None, skipna=True) - 0.08 * top if len(rows) else 0, top),
        xlim=(-0.3, len(layers) - 0.7),
    )
    axes.yaxis.set_major_locator(MaxNLocator(3))
    step = -(-len(layers) // 8)
    axes.set_xticks(range(len(layers))[::step], layers[::step] if last else [], rotation=90)
    axes.grid(axis="y")


def legends(entries):
    """Return the handles of the models, and of what stands beside them."""
    lines = [Line2D([], [], **entry.style.line) for entry in entries if not entry.style.baseline]
    for style in (entry.style for entry in entries if entry.style.baseline):
        lines.append(Line2D([], [], color=style.colour, linestyle=style.dashes, label=style.label))
    beside = [Line2D([], [], **CHANCE, label="chance: shuffled items")]
    beside.append(Patch(color="#BBBBBB", label="noise ceiling of RSA: a perfect account"))
    return [lines, beside]


def note(table, study):
    """Say what a reader of the figure alone must know."""
    rsa = table[table["metric"] == "rsa"]
    labels = plotting.describe_range(rsa["n_conditions"]) if len(rsa) else "?"
    return (
        f"{plotting.describe_study(study, table['corpus'])} The same items for every model. Above: how alike layers "
        "are (linear CKA, unbiased over speakers). Below: how close each layer comes to a reference space; vertical "
        "axes differ. CKA and RSA take distances as they are (zero-shot); the last row fits an alignment on some "
        "speakers and is measured on others. Bands are 95 % intervals over speakers (CKA: seven or more), those of RSA "
        f"over speakers and labels ({labels} labels), six or more of each. Chance and noise ceiling are those of the "
        "first model; the ceiling is what a perfect account of its layer would reach, and chance of RSA need not be 0."
    )


def compose(paths, settings, study, models):
    """Return the figure of a study and the table of what it shows.

    Parameters
    ----------
    paths : of the tables, by the names of the rule's inputs
    settings : the figure's own entry, and that of its analysis
    study, models : as all figures take them
    """
    results = read_table(paths.table)
    shown = plotting.select(results, "model", settings.get("models"), paths.table)
    lines = plotting.entries(shown, shown["model"].unique(), plotting.model_style(models))
    return draw(shown, lines, study), shown
