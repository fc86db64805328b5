"""Draw probe accuracy by layer, and at the layer chosen on validation data, beside every baseline and control."""

from pathlib import Path

from matplotlib.lines import Line2D

from auscult import plotting
from auscult.jobs import job
from auscult.tables import read_table

CONTROL = {"color": "#A9A9A9", "linestyle": (0, (1, 1)), "linewidth": 0.9, "marker": "x", "markersize": 3}


def draw(table, entries, study):
    """Return the figure: for each corpus and target the curves over layers and, below, the chosen layers."""
    panels = list(table.groupby(["corpus", "target"], sort=False))
    n_columns = min(2, len(panels))
    n_rows = -(-len(panels) // n_columns)
    heights_mm = (60, 10 + 4 * len(entries), 3)
    handles = [Line2D([], [], **entry.style.line) for entry in entries if not entry.style.baseline]
    handles += [Line2D([], [], **CONTROL, label="control: shuffled labels")]
    handles += [Line2D([], [], color="#555555", linestyle=":", linewidth=1, label="chance: most frequent class")]
    figure = plotting.new_figure(n_rows * sum(heights_mm), [handles], note(table, study))
    grid = figure.subplots(3 * n_rows, n_columns, squeeze=False, height_ratios=heights_mm * n_rows)
    for place in range(n_rows * n_columns):
        row, column = divmod(place, n_columns)
        curves, forest, gap = grid[3 * row : 3 * row + 3, column]
        for axes in (gap,) if place < len(panels) else (curves, forest, gap):
            axes.set_axis_off()
        if place >= len(panels):
            continue
        (corpus, target), rows = panels[place]
        draw_curves(curves, rows, entries, "" if column else table["metric"].iloc[0])
        plotting.head(curves, f"{corpus} · {target.replace('_', ' ')}", describe(rows))
        draw_chosen(forest, rows, entries, named=column == 0)
    return figure


def draw_curves(axes, rows, entries, metric):
    """Draw the curve of each model over its layers, and a horizontal line for each baseline and for chance."""
    layers = [layer for layer in plotting.layer_order(rows["layer"]) if layer not in ("input", "selected")]
    rows = rows[rows["layer"] != "selected"].assign(x=rows["layer"].map({name: x for x, name in enumerate(layers)}))
    chance = rows["chance"].iloc[0]
    axes.axhline(chance, color="#555555", linestyle=":", linewidth=1)
    names = [("chance", chance, "#555555")]
    for entry in entries:
        mine, style = entry.rows(rows).sort_values("x"), entry.style
        true, shuffled = mine[mine["labels"] == "true"], mine[mine["labels"] == "shuffled"]
        if style.baseline:
            for value, low, high in true[["value", "ci_low", "ci_high"]].to_numpy():
                axes.axhspan(low, high, color=style.colour, alpha=0.12, linewidth=0)
                axes.axhline(value, color=style.colour, linestyle=style.dashes, linewidth=1)
                names.append((style.label, value, style.colour))
            continue
        axes.plot(shuffled["x"], shuffled["value"], **CONTROL)
        axes.fill_between(true["x"], true["ci_low"], true["ci_high"], color=style.colour, alpha=0.2, linewidth=0)
        axes.plot(true["x"], true["value"], **style.line)
    axes.set(ylim=(0, 1), xlim=(-0.3, max(len(layers), 1) - 0.7), xlabel="layer", ylabel=metric)
    step = max(1, -(-len(layers) // 8))
    axes.set_xticks(range(len(layers))[::step], layers[::step])
    plotting.label_lines(axes, names, gap=0.085)


def draw_chosen(axes, rows, entries, named):
    """Draw one row an entry: its accuracy at the chosen layer with interval, its control, and both as text."""
    axes.axvline(rows["chance"].iloc[0], color="#555555", linestyle=":", linewidth=1)
    for y, entry in enumerate(entries):
        mine = chosen(entry.rows(rows))
        true, shuffled = mine[mine["labels"] == "true"], mine[mine["labels"] == "shuffled"]
        axes.plot(shuffled["value"], [y] * len(shuffled), **{**CONTROL, "linestyle": ""})
        for row in true.itertuples():
            axes.plot([row.ci_low, row.ci_high], [y, y], color=entry.style.colour, linewidth=1.2)
            axes.plot(row.value, y, **entry.style.marks)
            text = f"{row.value:.2f}" + ("" if row.selected_layer == "input" else f"  {row.selected_layer}")
            axes.text(1.03, y, text, transform=axes.get_yaxis_transform(), fontsize=7, va="center")
    axes.set(xlim=(0, 1), ylim=(len(entries) - 0.4, -0.6), xlabel=f"{rows['metric'].iloc[0]} at the chosen layer")
    axes.set_yticks(range(len(entries)), [entry.name if named else "" for entry in entries])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y")


def chosen(rows):
    """Return the rows of the layer chosen on validation data; a baseline has one layer to choose."""
    return rows[rows["layer"] == "selected"]


def describe(rows):
    """Say on how many items of how many classes and speakers a panel rests, and what was held out."""
    true = chosen(rows[rows["labels"] == "true"])
    n, groups, classes = (plotting.describe_range(true[column]) for column in ("n", "n_groups", "n_classes"))
    held_out = ", ".join(dict.fromkeys(true["held_out"].dropna()))
    counts = f"{classes} classes · n = {n} of {groups} {plotting.resampling_unit(true)}s"
    return counts, f"held out: {held_out}s · {plotting.describe_interval(true)}"


def note(table, study):
    """Say what a reader of the figure alone must know."""
    folds = plotting.describe_range(table["n_folds"])
    return (
        f"{plotting.describe_study(study, table['corpus'])} Accuracy on test data of {folds} folds; bands and bars are "
        "95 % intervals. Lower panels: each fold takes the layer that was best on its validation data, never on test "
        "data; the layer taken most often is named. × is the same probe on shuffled labels."
    )


with job(snakemake.log[0], snakemake.threads), plotting.figure_style(snakemake.input.style):
    settings, study, models = snakemake.params.figure, snakemake.params.study, snakemake.params.models
    results = read_table(snakemake.input.table)
    results = results[results["metric"] == "accuracy"]
    shown = plotting.select(results, "model", settings.get("models"), snakemake.input.table)
    lines = plotting.entries(shown, shown["model"].unique(), plotting.model_style(models))
    source = plotting.provenance(
        study["name"],
        {"figure": settings, "models": models},
        snakemake.input.table,
        snakemake.input.corpora,
        snakemake.input.checkpoints,
    )
    plotting.save_figure(draw(shown, lines, study), Path(snakemake.output.pdf).with_suffix(""), shown, source)
