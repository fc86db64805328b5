"""Draw whether attributions agree between seeds, are faithful, find the known word, and need the trained model."""

import numpy as np
from matplotlib.lines import Line2D

from auscult.analyses.reliability.agreement import DURATION, GROUPED
from auscult.analyses.reliability.panels import (
    CLASSES,
    PANELS,
    describe,
    describe_bounds,
    describe_interaction,
    describe_method,
    describe_stage,
    describe_task,
    first_unit,
    kind_of,
    limits_of,
    note,
    order_lines,
    order_methods,
    panels_of,
    retests_of,
    shown_input,
    stages_of,
)
from auscult.figures import plotting
from auscult.tables import read_table

CHANCE = {"color": "#555555", "linestyle": ":", "linewidth": 1}
# Apart from the models' palette: here a colour is the unit that is scored.
UNITS = {"word": ("#332288", "o"), "phone": ("#44AA99", "^"), "frame": ("#CC6677", "s"), GROUPED: ("#DDAA33", "D")}
STAGES = ("o", "s", "D", "^")
# A method that hears nothing is a reference, not a contender: taking away the longest segment first.
LONGEST = {"linestyle": (0, (5, 1.2, 1, 1.2)), "linewidth": 0.9}
ROW_MM, HEAD_MM = 4.4, 29


def draw(table, interaction, tasks, study):
    """Return the figure: rows of panels, one panel a task; under the seeds, what words gain and how pairs agree."""
    methods, kind = order_methods(table), shown_input(table)
    dots_mm = HEAD_MM + ROW_MM * max(4, len(methods))
    questions = [(name, panels) for name in PANELS if (panels := panels_of(table, tasks, name))]
    contrasts, pairs = contrasts_of(table, tasks, kind), pairs_of(table, kind)
    n_units = len(set(table["unit"]) & set(UNITS))
    summary_mm = [HEAD_MM + 2 * ROW_MM * max(1, contrasts["task"].nunique()), HEAD_MM + ROW_MM * n_units * len(tasks)]
    heights_mm = [
        mm for name, _ in questions for mm in ([dots_mm + 2 * ROW_MM, *summary_mm] if name == "seeds" else [dots_mm])
    ]
    figure = plotting.new_figure(sum(heights_mm), legends(table, kind), note(table, study, kind))
    grid = iter(figure.add_gridspec(len(heights_mm), 1, height_ratios=heights_mm))
    for name, panels in questions:
        axes = next(grid).subgridspec(1, len(tasks)).subplots(squeeze=False)[0]
        draw_row(axes, name, panels, methods, tasks, kind, retests_of(table) if name == "seeds" else None)
        if name == "seeds":
            draw_contrasts(figure.add_subplot(next(grid)), contrasts, describe_interaction(interaction, kind))
            for ax, (title, line, rows) in zip(next(grid).subgridspec(1, len(pairs)).subplots(), pairs):
                draw_pairs(ax, rows, tasks)
                plotting.head(ax, title, [line, *(describe(rows, "pairs")[:1] if len(rows) else ["not compared"])])
    return figure


def draw_row(axes, name, panels, methods, tasks, kind, retests):
    """Draw one question for each task, all on one scale; what was not measured is said to be so."""
    _, _, title, xlabel = PANELS[name]
    for ax, task in zip(axes, tasks):
        if task not in panels:
            ax.set_axis_off()
            why = {"pointing": "no word is known to decide", "seeds": "one seed"}.get(name, "not measured")
            ax.text(
                0.5,
                0.5,
                plotting.plain(f"{task}:\n{why}"),
                transform=ax.transAxes,
                fontsize=7,
                color="#777777",
                ha="center",
                va="center",
            )
            continue
        rows = panels[task]
        draw_methods(ax, name, rows, methods, task == next(iter(panels)), retests)
        ax.set(xlabel=xlabel, xlim=limits_of(panels.values(), [] if retests is None else retests))
        other = [] if shown_input(rows) == kind else [f"input: {shown_input(rows)}"]
        plotting.head(ax, task, [f"{title} · {describe_task(task, tasks)}", *other, *describe(rows, name)])


def draw_methods(ax, name, rows, methods, labelled, retests):
    """Draw a row of dots for each method: one a unit, or one a stage of randomisation."""
    lines = [line for line in order_lines(methods) if name == "seeds" or line not in CLASSES]
    if name == "randomisation":
        rows, key = rows[rows["unit"] == first_unit(rows)], "layer"
        styles = {stage: ("#333333", mark) for stage, mark in zip(stages_of(rows), STAGES)}
    else:
        key, styles = "unit", UNITS
    draw_longest(ax, rows)
    rows = rows.assign(y=rows["method"].map({line: y for y, line in enumerate(lines)})).dropna(subset="y")
    if name == "pointing":
        draw_chance(ax, rows)
        rows = rows[rows["against"] == "any segment"]
    else:
        ax.axvline(0, **CHANCE)
    draw_dots(ax, rows, key, styles, retests)
    for y, (line, above) in enumerate(zip(lines[1:], lines), start=1):
        if kind_of(line) != kind_of(above):
            ax.axhline(y - 0.5, color="#BBBBBB", linewidth=0.6)
    label_rows(ax, [CLASSES.get(line, describe_method(line)) if labelled else "" for line in lines])
    for text, line in zip(ax.get_yticklabels(), lines):
        text.set_fontweight("bold" if line in CLASSES else "normal")


def draw_longest(ax, rows):
    """Draw what the longest segments first give, by unit."""
    rows = rows[(rows["method"] == DURATION) & (rows["step"].astype(str) != "0")]
    for row in rows.drop_duplicates("unit").itertuples():
        ax.axvline(row.value, color=UNITS[row.unit][0], **LONGEST)


def draw_dots(ax, rows, key, styles, retests=None):
    """Draw dots with intervals at their height y, beside each other by key; open ones are untrained models.

    Behind trained ones, where known, lies the range over leaving one seed out; upright, how far retests agree.
    """
    present = [name for name in styles if name in set(rows[key])]
    for place, name in enumerate(present):
        colour, marker = styles[name]
        shift = (place - (len(present) - 1) / 2) * 0.6 / max(1, len(present) - 1)
        for untrained, mine in rows[rows[key] == name].groupby(rows["step"].astype(str) == "0"):
            heights = mine["y"] + shift
            if not untrained:
                ax.hlines(heights, mine["seeds_low"], mine["seeds_high"], color=colour, linewidth=3.2, alpha=0.25)
                ceilings = [
                    retests.get((row.task, row.input, row.method, row.unit), np.nan) if retests is not None else np.nan
                    for row in mine.itertuples()
                ]
                ax.vlines(ceilings, heights - 0.13, heights + 0.13, color=colour, linewidth=1.4)
            ax.hlines(
                heights, mine["ci_low"], mine["ci_high"], color=colour, linewidth=1, alpha=0.35 if untrained else 0.9
            )
            sizes = [24 if method in CLASSES else 11 for method in mine["method"]]
            ax.scatter(
                mine["value"],
                heights,
                sizes,
                marker=marker,
                edgecolor=colour,
                alpha=0.5 if untrained else 1,
                facecolor="white" if untrained else colour,
                linewidth=0.8,
                zorder=3,
            )


def draw_chance(ax, rows):
    """Mark what a random segment hits (dotted) and what length alone hits (dashed), by unit."""
    trained = rows[rows["step"].astype(str) != "0"]
    for (unit, against), mine in trained.groupby(["unit", "against"], sort=False):
        style = ":" if against == "any segment" else "--"
        ax.vlines(
            mine["chance"], mine["y"] - 0.45, mine["y"] + 0.45, color=UNITS[unit][0], linestyle=style, linewidth=0.9
        )


def label_rows(ax, labels):
    """Name the rows of a panel, the first on top."""
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(max(1, len(labels)) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", visible=False)


def contrasts_of(table, tasks, kind):
    """Return what scores by word gain on those by frame, by task and class of methods, on the trained models."""
    rows = table[(table["step"].astype(str) != "0") & (table["metric"] == "pearson") & (table["target"] == "units")]
    rows = rows[(rows["input"] == kind) & (rows["unit"] == "word") & rows["against"].isin(["frame", GROUPED])]
    return rows[rows["method"].isin(CLASSES) & rows["task"].isin(tasks)]


def pairs_of(table, kind):
    """Return how methods, and how inputs, agree on the trained models: title, what a dot is, and rows."""
    trained = table[(table["step"].astype(str) != "0") & (table["metric"] == "pearson")]
    methods = trained[(trained["target"] == "methods") & (trained["input"] == kind)]
    return [
        ("Between methods", "one dot: two methods; open: a method and duration", methods),
        ("Between inputs", "one dot: a method on two inputs", trained[trained["target"] == "inputs"]),
    ]


def draw_contrasts(ax, rows, verdict):
    """Draw differences of agreement between units, of perturbation methods and of gradients, by task."""
    lines = [(task, method) for task in rows["task"].unique() for method in CLASSES]
    rows = rows.assign(y=[lines.index(line) for line in zip(rows["task"], rows["method"])])
    draw_dots(ax, rows, "against", UNITS)
    for row in rows[rows["against"] == "frame"].itertuples():
        text = f"{row.value:+.2f}{describe_bounds(row)}"
        place = {"transform": ax.get_yaxis_transform(), "va": "center", "fontsize": 6.5}
        ax.text(1.02, row.y, text, color=UNITS["frame"][0], **place)
    ax.axvline(0, **CHANCE)
    label_rows(ax, [plotting.plain(f"{task}, {method}") for task, method in lines])
    ax.set_xlabel("r by word − r by frame")
    interval = [plotting.describe_interval(rows)] if len(rows) else ["not compared"]
    plotting.head(ax, "Borne out? Words less frames", ["right of 0: words agree better", *interval, *verdict])


def draw_pairs(ax, rows, tasks):
    """Draw the agreement of every pair, by task and unit."""
    units = [unit for unit in UNITS if unit in set(rows["unit"])]
    places = [(task, unit) for task in tasks for unit in units]
    for y, (task, unit) in enumerate(places):
        mine = rows[(rows["task"] == task) & (rows["unit"] == unit)]
        heights = y + (np.linspace(-0.3, 0.3, len(mine)) if len(mine) > 1 else np.zeros(len(mine)))
        colour, marker = UNITS[unit]
        faces = np.where(mine["against"] == DURATION, "white", colour)
        ax.hlines(heights, mine["ci_low"], mine["ci_high"], color=colour, linewidth=0.6, alpha=0.6)
        ax.scatter(mine["value"], heights, 6, marker=marker, facecolor=faces, edgecolor=colour, linewidth=0.5, zorder=3)
    ax.axvline(0, **CHANCE)
    label_rows(ax, ["" for _ in places])
    middles = [len(units) * place + (len(units) - 1) / 2 for place in range(len(tasks))]
    ax.set_yticks(middles, [plotting.plain(task) for task in tasks])
    ax.set(xlim=limits_of([rows]) if len(rows) else (-1, 1), xlabel="Pearson’s r")


def legends(table, kind):
    """Return the legends: units, what open marks and dotted lines are, and the stages of randomisation."""
    units = [unit for unit in UNITS if unit in set(table["unit"])]
    marks = [Line2D([], [], color=UNITS[u][0], marker=UNITS[u][1], linestyle="", label=f"by {u}") for u in units]
    grey = {"color": "#555555"}
    other = [
        Line2D([], [], **grey, marker="o", markerfacecolor="white", linestyle="", label="untrained models (chance)"),
        Line2D([], [], **grey, marker="|", markeredgewidth=1.4, linestyle="", label="same model again"),
        Line2D([], [], **grey, linewidth=3.2, alpha=0.3, label="without one seed"),
        Line2D([], [], **CHANCE, label="0, or a random segment"),
        Line2D([], [], **grey, linestyle="--", linewidth=1, label="hits by duration"),
        Line2D([], [], **grey, **LONGEST, label="longest segment first"),
    ]
    rows = table[table["target"] == "randomisation"]
    stages = [
        Line2D([], [], color="#333333", marker=mark, linestyle="", label=f"sanity: {describe_stage(stage)}")
        for stage, mark in zip(stages_of(rows), STAGES)
    ]
    return [group for group in (marks, other, stages) if group]


def compose(paths, settings, study, models):
    """Return the figure of a study and the table of what it shows.

    Parameters
    ----------
    paths : of the tables, by the names of the rule's inputs
    settings : the figure's own entry, and that of its analysis
    study, models : as all figures take them
    """
    path = paths.table
    table, interaction = read_table(path), read_table(paths.interaction)
    tasks = settings["analysis"]["tasks"]
    table = plotting.select(table, "task", list(tasks), path)
    figure = draw(table, interaction, tasks, study)
    return figure, table
