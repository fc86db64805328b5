"""Details of reliability: agreement of seeds, methods and inputs, faithfulness, pointing game, randomised layers."""

from collections.abc import Collection, Mapping, Sequence
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from auscult.analyses.attribution.settings import MIN_UTTERANCES
from auscult.analyses.reliability.agreement import DURATION, GROUPED
from auscult.analyses.reliability.figure_rows import (
    CLASSES,
    PANELS,
    Tasks,
    class_place,
    contrast_rows,
    describe,
    describe_interaction,
    describe_level,
    first_unit,
    interaction_row,
    limits_of,
    method_label,
    note,
    order_lines,
    order_methods,
    pair_rows,
    question_rows,
    retests,
    shown_input,
    stage_label,
    stages_of,
    task_title,
    trained,
    verdict_by_metrics,
)
from auscult.figures import marks, plotting
from auscult.figures.context import FigureContext
from auscult.figures.findings import finding, value_text
from auscult.figures.palette import ModelStyle, plain

__all__ = ["draw", "drawn_rows", "describe_finding", "tasks_of"]

# Apart from the colours of models: here a colour is the unit that is scored.
UNITS = {
    "word": ModelStyle("word", "#332288", marker="o"),
    "phone": ModelStyle("phone", "#44AA99", marker="^"),
    "frame": ModelStyle("frame", "#CC6677", marker="s"),
    GROUPED: ModelStyle(GROUPED, "#DDAA33", marker="D"),
}
STAGES = tuple(ModelStyle("", marks.INK, marker=marker) for marker in ("o", "s", "D", "^"))
# Removing the longest segment first is a reference, not a method.
LONGEST: Mapping[str, Any] = {"linestyle": (0, (5, 1.2, 1, 1.2)), "linewidth": 0.9}
SEED_RANGE: Mapping[str, Any] = {"linewidth": 3.2, "alpha": 0.25}
RETEST: Mapping[str, Any] = {"marker": "|", "markersize": 5, "markeredgewidth": 1.4}
ROW_MM, HEAD_MM = 4.4, 29
# Lines of a page with room for them; a panel of one question grows up to this height.
WIDE_ROW_MM, PANEL_MM = 8.5, 110
# Questions that share a page of the details.
_PAGES = (("faithfulness", "deletion"), ("pointing", "randomisation"))


def draw(table: pd.DataFrame, interaction: pd.DataFrame, *, context: FigureContext = FigureContext()) -> list[Figure]:
    """Return the pages: agreement of seeds, of methods and inputs, faithfulness, and tests against a known truth.

    Each question is one row of panels with one panel per task.

    Parameters
    ----------
    table : columns :data:`auscult.analyses.reliability.items.RELIABILITY_COLUMNS`
    interaction : columns :data:`auscult.analyses.reliability.interaction.INTERACTION_COLUMNS`
    """
    table, tasks = drawn_rows(table, interaction, context=context), tasks_of(table, context)
    questions = {question: panels for question in PANELS if (panels := question_rows(table, tasks, question))}
    pages = []
    if "seeds" in questions:
        pages.append(_seeds_page(table, tasks, questions["seeds"], interaction, context))
    pairs = pair_rows(table, shown_input(table))
    if any(len(rows) for *_, rows in pairs):
        pages.append(_pairs_page(table, tasks, pairs, context))
    for names in _PAGES:
        if shown := {question: questions[question] for question in names if question in questions}:
            pages.append(_questions_page(table, tasks, shown, context))
    return pages


def _seeds_page(
    table: pd.DataFrame,
    tasks: Tasks,
    panels: Mapping[str, pd.DataFrame],
    interaction: pd.DataFrame,
    context: FigureContext,
) -> Figure:
    methods, name = order_methods(table), shown_input(table)
    contrasts = contrast_rows(table, tasks, name)
    heights_mm = (
        HEAD_MM + min(PANEL_MM, WIDE_ROW_MM * (len(methods) + 2)),
        HEAD_MM + 2 * ROW_MM * max(2, contrasts["task"].nunique()),
    )
    figure = plotting.new_figure(
        sum(heights_mm), _legends(table, ["seeds"]), note(table, name, context, ["seeds"]), margin_mm=2
    )
    grid = figure.add_gridspec(2, 1, height_ratios=heights_mm)
    axes = grid[0].subgridspec(1, len(tasks)).subplots(squeeze=False)[0]
    _draw_question(axes, "seeds", panels, methods, tasks, name, retests(table))
    _draw_contrasts(figure.add_subplot(grid[1]), contrasts, describe_interaction(interaction, name))
    return figure


def _pairs_page(
    table: pd.DataFrame, tasks: Tasks, pairs: Sequence[tuple[str, str, pd.DataFrame]], context: FigureContext
) -> Figure:
    n_lines = len(set(table["unit"]) & set(UNITS)) * len(tasks)
    name = shown_input(table)
    figure = plotting.new_figure(
        HEAD_MM + min(PANEL_MM, WIDE_ROW_MM * n_lines),
        _legends(table, ["pairs"]),
        note(table, name, context, ["pairs"]),
        margin_mm=2,
    )
    for axis, (title, line, rows) in zip(figure.subplots(1, len(pairs), squeeze=False)[0], pairs):
        _draw_pairs(axis, rows, tasks)
        plotting.head(axis, title, [line, *(describe(rows, "pairs")[:1] if len(rows) else ["not compared"])])
    return figure


def _questions_page(
    table: pd.DataFrame, tasks: Tasks, questions: Mapping[str, Mapping[str, pd.DataFrame]], context: FigureContext
) -> Figure:
    methods, name = order_methods(table), shown_input(table)
    panel_mm = HEAD_MM + min(PANEL_MM / 2, WIDE_ROW_MM * max(4, len(methods)))
    figure = plotting.new_figure(
        panel_mm * len(questions),
        _legends(table, questions),
        note(table, name, context, questions),
        margin_mm=2,
    )
    grid = figure.add_gridspec(len(questions), 1)
    for place, (question, panels) in enumerate(questions.items()):
        axes = grid[place].subgridspec(1, len(tasks)).subplots(squeeze=False)[0]
        _draw_question(axes, question, panels, methods, tasks, name, None)
    return figure


def drawn_rows(
    table: pd.DataFrame, interaction: pd.DataFrame, *, context: FigureContext = FigureContext()
) -> pd.DataFrame:
    """Return the results of the study's tasks, in their order."""
    return plotting.select(table, "task", list(tasks_of(table, context)), "the table of reliability")


def describe_finding(
    table: pd.DataFrame, interaction: pd.DataFrame, *, context: FigureContext = FigureContext()
) -> str:
    """Return the interaction of unit and kind of task in the agreement of seeds, or else the agreement of one task.

    The interaction is the published finding under test and is compared with 0; the agreement of the first task by
    word-level perturbation is compared with untrained seeds.
    """
    table, tasks = drawn_rows(table, interaction, context=context), tasks_of(table, context)
    row = interaction_row(interaction, shown_input(table))
    if row is not None:
        end = verdict_by_metrics(interaction, shown_input(table))
        subject = "Gain of words over frames in seed agreement"
        sentence = f"{subject} is {value_text(row)} larger in word-based than other tasks, {end}."
        return f"{sentence} {describe_level(table, tasks, shown_input(table))}".strip()
    for task, rows in question_rows(table, tasks, "seeds").items():
        mine = rows[(rows["method"] == "perturbation") & (rows["unit"] == "word")].dropna(subset="value")
        if len(trained(mine)):
            before = mine[mine["step"].astype(str) == "0"].to_dict("records")
            subject = f"agreement of seeds by word-level perturbation ({task})"
            n = int(trained(mine)["n_groups"].iloc[0])
            if n < MIN_UTTERANCES:
                return f"{n} utterances are too few for a statement on the {subject}."
            return finding(subject, trained(mine).to_dict("records")[0], dict(zip(["untrained"], before)))
    return ""


def tasks_of(table: pd.DataFrame, context: FigureContext) -> Tasks:
    """Return the tasks of the study, or of the table."""
    tasks: Tasks = context.analysis.get("tasks") or {task: {} for task in dict.fromkeys(table["task"])}
    return tasks


def _draw_question(
    axes: Sequence[Axes],
    question: str,
    panels: Mapping[str, pd.DataFrame],
    methods: Sequence[str],
    tasks: Tasks,
    name: str,
    retested: "pd.Series[float] | None",
) -> None:
    """Draw one question for each task on a common scale, and state where it was not measured."""
    *_, title, xlabel = PANELS[question]
    for axis, task in zip(axes, tasks):
        if task not in panels:
            axis.set_axis_off()
            reason = {"pointing": "no word is known to decide", "seeds": "one seed"}.get(question, "not measured")
            look: dict[str, Any] = {"fontsize": 7, "color": marks.GREY, "ha": "center", "va": "center"}
            axis.text(0.5, 0.5, plain(f"{task}:\n{reason}"), transform=axis.transAxes, **look)
            continue
        rows = panels[task]
        _draw_methods(axis, question, rows, methods, task == next(iter(panels)), retested)
        axis.set(xlabel=xlabel, xlim=limits_of(panels.values(), [] if retested is None else retested))
        other = [] if shown_input(rows) == name else [f"input: {shown_input(rows)}"]
        plotting.head(axis, task, [task_title(title, tasks[task]), *other, *describe(rows, question)])


def _draw_methods(
    axes: Axes,
    question: str,
    rows: pd.DataFrame,
    methods: Sequence[str],
    labelled: bool,
    retested: "pd.Series[float] | None",
) -> None:
    """Draw one line of points per method: one per unit, or one per stage of randomisation."""
    lines = [line for line in order_lines(methods) if question == "seeds" or line not in CLASSES]
    key, styles = "unit", UNITS
    if question == "randomisation":
        rows = rows[rows["unit"] == first_unit(rows)]
        key, styles = "layer", dict(zip(stages_of(rows), STAGES))
    longest = trained(rows[rows["method"] == DURATION]).drop_duplicates("unit")
    for unit, value in zip(longest["unit"], longest["value"]):
        axes.axvline(value, color=UNITS[unit].colour, **LONGEST)
    rows = rows.assign(y=rows["method"].map({line: y for y, line in enumerate(lines)})).dropna(subset="y")
    if question == "pointing":
        _draw_chance(axes, rows)
        rows = rows[rows["against"] == "any segment"]
    else:
        marks.chance_line(axes, 0, "v")
    _draw_points(axes, rows, key, styles, retested)
    for y, (line, above) in enumerate(zip(lines[1:], lines), start=1):
        if class_place(line) != class_place(above):
            axes.axhline(y - 0.5, color="#BBBBBB", linewidth=0.6)
    _name_rows(axes, [method_label(line) for line in lines], labelled)
    for text, line in zip(axes.get_yticklabels(), lines):
        text.set_fontweight("bold" if line in CLASSES else "normal")


def _draw_points(
    axes: Axes,
    rows: pd.DataFrame,
    key: str,
    styles: Mapping[str, ModelStyle],
    retested: "pd.Series[float] | None" = None,
) -> None:
    """Draw values with intervals at their height ``y``, side by side by ``key``, untrained models open and pale.

    Behind trained values lies the range over leaving out one seed; upright marks are retests.
    """
    present = [name for name in styles if name in set(rows[key])]
    for place, name in enumerate(present):
        shift = (place - (len(present) - 1) / 2) * 0.6 / max(1, len(present) - 1)
        for untrained, mine in rows[rows[key] == name].groupby(rows["step"].astype(str) == "0"):
            heights = mine["y"].to_numpy(float) + shift
            style = styles[name].untrained if untrained else styles[name]
            if not untrained:
                axes.hlines(heights, mine["seeds_low"], mine["seeds_high"], color=style.colour, **SEED_RANGE)
                if retested is not None:
                    keys = zip(mine["task"], mine["input"], mine["method"], mine["unit"])
                    values = [retested.get(condition, np.nan) for condition in keys]
                    axes.plot(values, heights, linestyle="", color=style.colour, **RETEST)
            for large in (False, True):
                some = mine["method"].isin(list(CLASSES)).to_numpy() == large
                columns: dict[str, Any] = mine[some].to_dict("list")
                size = 4.9 if large else 3.3
                marks.interval_row(axes, heights[some], columns, style, markersize=size, markeredgewidth=0.8)


def _draw_chance(axes: Axes, rows: pd.DataFrame) -> None:
    """Mark the hits of a random segment (dotted) and of a random moment (dashed) in each line, by unit."""
    for (unit, against), mine in trained(rows).groupby(["unit", "against"], sort=False):
        look = marks.CHANCE if against == "any segment" else marks.DURATION
        look = {**look, "color": UNITS[unit].colour, "linewidth": 0.9}
        axes.vlines(mine["chance"], mine["y"] - 0.45, mine["y"] + 0.45, **look)


def _draw_contrasts(axes: Axes, rows: pd.DataFrame, interaction: str) -> None:
    """Draw the differences in agreement between words and frames, by task and class of methods."""
    lines = [(task, method) for task in rows["task"].unique() for method in CLASSES]
    rows = rows.assign(y=[lines.index(line) for line in zip(rows["task"], rows["method"])])
    _draw_points(axes, rows, "against", UNITS)
    edge: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 6.5}
    for row in rows[rows["against"] == "frame"].to_dict("records"):
        axes.text(1.02, row["y"], value_text(row), color=UNITS["frame"].colour, **edge)
    marks.chance_line(axes, 0, "v")
    _name_rows(axes, [plain(f"{task}, {method}") for task, method in lines])
    axes.set_xlabel("r by word − r by frame")
    interval = plotting.describe_interval(rows) if len(rows) else "not compared"
    plotting.head(
        axes,
        "Agreement of seeds, words minus frames",
        ["right of 0: words agree better", interval, *wrap(interaction, 90)],
    )


def _draw_pairs(axes: Axes, rows: pd.DataFrame, tasks: Tasks) -> None:
    """Draw the agreement of every pair, by task and unit."""
    units = [unit for unit in UNITS if unit in set(rows["unit"])]
    for y, (task, unit) in enumerate((task, unit) for task in tasks for unit in units):
        mine = rows[(rows["task"] == task) & (rows["unit"] == unit)]
        heights = y + (np.linspace(-0.3, 0.3, len(mine)) if len(mine) > 1 else np.zeros(len(mine)))
        for with_duration in (False, True):
            some = (mine["against"] == DURATION).to_numpy() == with_duration
            columns: dict[str, Any] = mine[some].to_dict("list")
            look = {"markersize": 2.5, "markeredgewidth": 0.5} | ({"markerfacecolor": "white"} if with_duration else {})
            marks.interval_row(axes, heights[some], columns, UNITS[unit], **look)
    marks.chance_line(axes, 0, "v")
    n_rows = len(units) * len(tasks)
    _name_rows(axes, [""] * n_rows)
    middles = [len(units) * place + (len(units) - 1) / 2 for place in range(len(tasks))]
    axes.set_yticks(middles, [plain(task) for task in tasks])
    axes.set(xlim=limits_of([rows]) if len(rows) else (-1, 1), xlabel="Pearson’s r")


def _name_rows(axes: Axes, labels: Sequence[str], labelled: bool = True) -> None:
    """Prepare the rows of a panel, without lines across."""
    marks.row_axis(axes, labels or [""], labelled)
    axes.grid(axis="y", visible=False)


def _legends(table: pd.DataFrame, questions: Collection[str]) -> list[list[Line2D | Patch]]:
    """Return the handles of units, of the controls of these questions, and of the stages of randomisation."""
    targets = {PANELS[name][0] for name in questions if name in PANELS} or {"methods", "inputs"}
    present = set(table.loc[table["target"].isin(targets), "unit"])
    units: list[Line2D | Patch] = [
        marks.mark_handle(style.marker, f"by {name}", style.colour) for name, style in UNITS.items() if name in present
    ]
    others: list[Line2D | Patch] = []
    if "pairs" not in questions:
        others.append(marks.mark_handle("o", "untrained (chance)", filled=False))
    if "seeds" in questions:
        others.append(marks.mark_handle("|", "same model again (retest)", markersize=5, markeredgewidth=1.4))
        others.append(Line2D([], [], color=marks.GREY, label="range without one seed", **SEED_RANGE))
    others.append(marks.chance_handle("0, or a random segment" if "pointing" in questions else "0"))
    if "pointing" in questions:
        others.append(marks.duration_handle("random moment"))
    if {"faithfulness", "deletion", "pointing"} & set(questions):
        others.append(Line2D([], [], color=marks.GREY, label="longest segment first", **LONGEST))
    stages: list[Line2D | Patch] = []
    if "randomisation" in questions:
        stages = [
            marks.mark_handle(style.marker, f"randomised: {stage_label(stage)}", marks.INK)
            for stage, style in zip(stages_of(table[table["target"] == "randomisation"]), STAGES)
        ]
    return [group for group in (units, others, stages) if group]
