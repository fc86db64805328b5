"""Draw linguistic levels over training: curves with fits, midpoints, depth, maps, zero-shot scores."""

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from auscult.analyses.encoding.panels import (
    StepAxis,
    describe,
    differences,
    fit_of,
    levels_of,
    mapped,
    models_of,
    note,
    plain_name,
    title,
)
from auscult.dynamics.curves import FIT
from auscult.figures import plotting
from auscult.tables import read_table

GREY = "#555555"
CHANCE = {"color": GREY, "linestyle": ":", "linewidth": 1}
UNFITTED = {"linestyle": (0, (1, 1.5)), "linewidth": 0.9}
MIDPOINT = {
    "marker": "D",
    "markersize": 4.5,
    "markerfacecolor": "white",
    "linestyle": "",
    "markeredgewidth": 1.2,
    "zorder": 5,
}
COLUMNS = 3
LOWEST = -0.15
PANEL_MM, ZERO_MM, MAP_MM, SUMMARY_MM = 47, 44, 27, 27
SUMMARIES = {
    "midpoint_spread": ("one by one or together", "spread of midpoints, doublings"),
    "abstractness_midpoint": ("abstract later?", "ρ with midpoint"),
    "abstractness_layer": ("abstract deeper?", "ρ with layer centre"),
}


def draw(scores, curves, summary, styles, shown, compare, study):
    """Return the figure: for each corpus curves, midpoints and depth, zero-shot curves, maps, and summaries."""
    corpora, blocks_mm = list(dict.fromkeys(scores["corpus"])), []
    for corpus in corpora:
        blocks_mm += heights(*(table[table["corpus"] == corpus] for table in (scores, curves)), compare)
    figure = plotting.new_figure(sum(blocks_mm), legends(scores, styles, shown), note(scores, curves, study))
    blocks = list(figure.add_gridspec(len(blocks_mm), 1, height_ratios=blocks_mm))
    for corpus in corpora:
        mine = [table[table["corpus"] == corpus] for table in (scores, curves, summary)]
        axis = StepAxis(mine[0], mine[1])
        trained, zero = (mine[0][mine[0]["probe"] == probe] for probe in ("ridge", "abx"))
        draw_levels(blocks.pop(0), trained, mine[1], styles, axis, COLUMNS)
        draw_forests(blocks.pop(0), mine[1], trained, styles, axis)
        if len(zero):
            draw_levels(blocks.pop(0), zero, mine[1], styles, axis, len(levels_of(zero)))
        for model in mapped(mine[1], compare):
            draw_maps(blocks.pop(0), trained[trained["model"] == model], styles[model], axis)
        draw_summary(blocks.pop(0), mine[2], styles)
    return figure


def heights(scores, curves, compare):
    """Return the heights of a corpus's blocks in millimetres."""
    levels, models = levels_of(scores), models_of(curves)
    zero = [ZERO_MM] * int((scores["probe"] == "abx").any())
    rows = -(-len(levels) // COLUMNS)
    forest = 16 + len(levels) * max(5, 1.7 * len(models))
    return [rows * PANEL_MM, forest, *zero, *[MAP_MM] * len(mapped(curves, compare)), SUMMARY_MM + 4 * len(models)]


def draw_levels(block, scores, curves, styles, axis, n_columns):
    """Draw one panel a level: normalised scores of every model over steps, their fits, baselines, chance."""
    levels = levels_of(scores)
    n_rows = -(-len(levels) // n_columns)
    grid = block.subgridspec(n_rows, n_columns).subplots(squeeze=False)
    for axes in grid.flat[len(levels) :]:
        axes.set_axis_off()
    for place, (level, axes) in enumerate(zip(levels, grid.flat)):
        rows = scores[(scores["target"] == level) & (scores["layer"] == "selected")]
        fits = curves[(curves["target"] == level) & (curves["probe"] == rows["probe"].iloc[0])]
        axes.axhline(0, **CHANCE)
        for model in dict.fromkeys(rows["model"]):
            mine, style = rows[rows["model"] == model], styles[model]
            final = mine[mine["step"] == "final"]
            if len(final):  # a baseline, or a model of which the last checkpoint alone is published
                axes.axhline(final["normalised"].iloc[0], color=style.colour, linestyle=style.dashes, linewidth=1)
                continue
            draw_curve(axes, mine, fit_of(fits[fits["model"] == model]), style, axis)
        axis.set(axes, place >= len(levels) - n_columns, room=0.045 * n_columns)
        axes.set_ylim(LOWEST, 1.02)
        axes.set_yticks([0, 0.5, 1])
        axes.set_ylabel("normalised score" if place % n_columns == 0 else "")
        plotting.head(axes, title(level, rows), describe(rows))


def draw_curve(axes, rows, fit, style, axis):
    """Draw scores with intervals, and the sigmoid with its midpoint, or a dotted line where none fits."""
    x = axis.place(rows["step"].astype(float))
    axes.vlines(x, rows["normalised_low"], rows["normalised_high"], color=style.colour, alpha=0.35, linewidth=1.4)
    axes.plot(x, rows["normalised"], **{**style.marks, "markersize": 2.4}, linestyle="")
    if fit is None or not fit.fits:
        axes.plot(x, rows["normalised"], color=style.colour, **UNFITTED)
        return
    fine = np.linspace(x.min(), x.max(), 120)
    axes.plot(fine, fit.at(2**fine - axis.offset), color=style.colour, linewidth=1.2)
    axes.plot(axis.place(fit.midpoint), fit.at([fit.midpoint]), **MIDPOINT, markeredgecolor=style.colour)


def draw_forests(block, curves, scores, styles, axis):
    """Draw for each level and model the midpoint and the centre over layers, with intervals."""
    times, depths = block.subgridspec(1, 2, width_ratios=[1.5, 1]).subplots()
    ridge, levels = curves[curves["probe"] == "ridge"], levels_of(scores)
    models = models_of(ridge)
    gaps = np.linspace(-0.33, 0.33, len(models)) if len(models) > 1 else [0.0]
    layers = [layer for layer in plotting.layer_order(scores["layer"]) if layer not in ("input", "selected")]
    unfitted = axis.at[-1] + 0.09 * max(np.ptp(axis.at), 1)
    for y, level in enumerate(levels):
        for gap, model in zip(gaps, models):
            mine, style = ridge[(ridge["target"] == level) & (ridge["model"] == model)], styles[model]
            for axes, metric in ((times, "midpoint"), (depths, "layer_centre")):
                rows = mine[mine["metric"] == metric]
                if rows.empty:
                    continue
                row = rows.iloc[0]
                if metric == "midpoint" and row["verdict"] != FIT:
                    axes.plot(unfitted, y + gap, color=style.colour, marker="x", markersize=3.5, clip_on=False)
                    continue
                faint = 1.0 if metric == "midpoint" or row["above_chance"] else 0.35
                numbers = row[["ci_low", "ci_high", "value"]].to_numpy(dtype=float)
                low, high, value = axis.place(numbers) if metric == "midpoint" else numbers
                axes.plot([low, high], [y + gap] * 2, color=style.colour, linewidth=1.2, alpha=faint)
                axes.plot(value, y + gap, **{**style.marks, "markersize": 3.2}, alpha=faint)
    axis.set(times)
    times.set_xlim(right=unfitted + 0.05 * max(np.ptp(axis.at), 1))
    times.annotate(
        "no fit",
        (unfitted, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 1),
        fontsize=7,
        textcoords="offset points",
        ha="center",
        color=GREY,
    )
    depths.set_xticks(range(len(layers)), layers)
    depths.set(xlim=(-0.3, len(layers) - 0.7), xlabel="centre over layers at the last step")
    for axes, named in ((times, True), (depths, False)):
        axes.set_ylim(len(levels) - 0.45, -0.55)
        axes.set_yticks(range(len(levels)), [plain_name(level) if named else "" for level in levels])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        for edge in np.arange(0.5, len(levels) - 1):
            axes.axhline(edge, color="#DDDDDD", linewidth=0.6)
    fitted = ridge[(ridge["metric"] == "midpoint") & (ridge["verdict"] == FIT)]
    rests = plotting.describe_interval(fitted) if len(fitted) else "no curve has a fit"
    plotting.head(times, "when: midpoint of the fit", [rests])
    plotting.head(depths, "where: centre over layers", ["faint: the last step is not above chance"])


def draw_maps(block, scores, style, axis):
    """Draw one model's normalised scores by layer (bottom: first) and step, a map for each level."""
    levels = levels_of(scores)
    layers = [layer for layer in plotting.layer_order(scores["layer"]) if layer != "selected"]
    grid = block.subgridspec(1, len(levels)).subplots(squeeze=False)[0]
    image = None
    for axes, level in zip(grid, levels):
        # Two lines, so that neighbours have room.
        name = "\n".join(plain_name(level).rsplit(" ", 1))
        axes.set_title(name, fontsize=6.5, fontweight="normal", color=GREY, pad=2, linespacing=1.0)
    for place, (level, axes) in enumerate(zip(levels, grid)):
        table = scores[scores["target"] == level].pivot(index="layer", columns="step", values="normalised")
        table = table.loc[layers, [str(step) for step in axis.steps if str(step) in table.columns]]
        image = axes.imshow(table.to_numpy(), origin="lower", aspect="auto", vmin=0, vmax=1, cmap="magma")
        best = table.to_numpy().argmax(axis=0)
        axes.plot(
            range(len(best)),
            best,
            linestyle="",
            marker="o",
            markersize=2,
            color="white",
            markeredgecolor=GREY,
            markeredgewidth=0.4,
        )
        axes.set_xticks([0, table.shape[1] - 1], [table.columns[0], table.columns[-1]])
        axes.set_yticks(range(len(layers)), layers if not place else [""] * len(layers))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    grid[0].set_ylabel(f"{style.label}\nlayer", color=style.colour, fontsize=7)
    bar = grid[-1].figure.colorbar(image, ax=list(grid), fraction=0.02, pad=0.01, ticks=[0, 0.5, 1])
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=6.5)


def draw_summary(block, summary, styles):
    """Draw the spread of midpoints and both rank correlations of every model; tell how compared ones differ."""
    ridge = summary[summary["probe"] == "ridge"]
    models = list(dict.fromkeys(ridge["model"]))
    grid = block.subgridspec(1, 3).subplots()
    for place, (axes, (metric, (headline, label))) in enumerate(zip(grid, SUMMARIES.items())):
        for y, model in enumerate(models):
            rows, style = ridge[(ridge["model"] == model) & (ridge["metric"] == metric)], styles[model]
            for row in rows.itertuples():
                axes.plot([row.ci_low, row.ci_high], [y, y], color=style.colour, linewidth=1.2)
                axes.plot(row.value, y, **style.marks)
                text = f"{row.n} levels" if np.isfinite(row.value) else str(row.verdict)
                axes.text(1.02, y, text, transform=axes.get_yaxis_transform(), fontsize=6.5, va="center", color=GREY)
        if metric != "midpoint_spread":
            axes.axvline(0, **CHANCE)
            axes.set_xlim(-1.15, 1.15)
        else:
            axes.set_xlim(left=0)
        axes.set_ylim(len(models) - 0.4, -0.6)
        axes.set_yticks(range(len(models)), [styles[model].label if not place else "" for model in models])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(label)
        lines = differences(ridge, styles) if metric == "midpoint_spread" else []
        known = ridge[(ridge["metric"] == metric) & ridge["value"].notna()]
        plotting.head(axes, headline, [*lines, plotting.describe_interval(known) if len(known) else ""])


def legends(scores, styles, shown):
    """Return the handles: models, then what else is drawn."""
    models = [Line2D([], [], **styles[name].line) for name in shown if not styles[name].baseline]
    others = [
        Line2D([], [], **MIDPOINT, markeredgecolor=GREY, label="midpoint of a sigmoid that fits"),
        Line2D([], [], color=GREY, **UNFITTED, label="no fit"),
        Line2D([], [], **CHANCE, label="chance"),
    ]
    for style in (styles[name] for name in shown if styles[name].baseline):
        others.append(Line2D([], [], color=style.colour, linestyle=style.dashes, linewidth=1, label=style.label))
    return [models, others]


def compose(paths, settings, study, models):
    """Return the figure of a study and the table of what it shows.

    Parameters
    ----------
    paths : of the tables, by the names of the rule's inputs
    settings : the figure's own entry, and that of its analysis
    study, models : as all figures take them
    """
    names = settings.get("models")
    table = plotting.select(read_table(paths.scores), "model", names, paths.scores)
    fits, said = (read_table(path) for path in (paths.curves, paths.summary))
    fits, said = (part[part["model"].isin(table["model"])] for part in (fits, said))
    look, present = plotting.model_style(models), list(dict.fromkeys(table["model"]))
    drawn = draw(table, fits, said, look, present, settings["analysis"].get("compare", []), study)
    together = pd.concat([table, fits, said], ignore_index=True)
    return drawn, together
