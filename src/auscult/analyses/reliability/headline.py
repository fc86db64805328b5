"""The slide of reliability: agreement of seeds by method and unit, beside untrained seeds and the ceiling."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from auscult.analyses.attribution.settings import MIN_UTTERANCES
from auscult.analyses.reliability import figure as details
from auscult.analyses.reliability.agreement import GROUPED
from auscult.analyses.reliability.figure_rows import (
    CLASSES,
    class_place,
    first_unit,
    method_label,
    order_methods,
    question_rows,
    retests,
    trained,
)
from auscult.figures import marks, plotting, slide
from auscult.figures.context import FigureContext
from auscult.figures.findings import compare, count_verdicts, number
from auscult.figures.palette import plain

__all__ = ["draw", "describe_headline"]

_ARROWS = {"above": " ▲", "below": " ▼"}
# Tasks with a panel; more would leave no room for numbers.
_N_TASKS = 3


def draw(table: pd.DataFrame, interaction: pd.DataFrame, *, context: FigureContext = FigureContext()) -> Figure:
    """Draw one matrix per task: agreement of seeds by method and unit, of untrained seeds, and of the same model.

    Parameters and errors are those of :func:`auscult.analyses.reliability.figure.draw`.
    """
    panels = _panels(table, interaction, context)
    title = describe_headline(table, interaction, context=context)
    if not panels:
        figure = slide.new_slide(title, context.describe(table["corpus"]))
        axes = figure.subplots()
        axes.set_axis_off()
        axes.text(0.5, 0.5, "agreement needs at least two models\nthat differ only in their seed", ha="center")
        return figure
    rows = pd.concat(panels.values())
    figure = slide.new_slide(
        title,
        f"Pearson’s r of segment scores between models that differ only in seed ({_seeds(rows)}), mean over "
        "utterances. ▲ ▼: above, below untrained (95 % intervals over utterances). Ceiling: same model again. "
        + ("Grey: too few utterances to say." if (trained(rows)["n_groups"] < MIN_UTTERANCES).any() else ""),
    )
    methods = [name for name in order_methods(table) if name in set(trained(rows)["method"])]
    for place, (task, mine) in enumerate(panels.items()):
        axes = figure.add_subplot(1, len(panels), place + 1)
        ceilings = retests(table).loc[[task]] if task in retests(table) else None
        _draw_matrix(axes, mine, methods, ceilings, named=not place, wide=len(panels) < _N_TASKS)
        axes.set_title(plain(f"{task}, {plotting.describe_range(trained(mine)['n_groups'])} utterances"))
    return figure


def describe_headline(
    table: pd.DataFrame, interaction: pd.DataFrame, *, context: FigureContext = FigureContext()
) -> str:
    """Return one sentence on the first task with enough utterances: the range of methods, untrained, and ceiling."""
    panels = _panels(table, interaction, context)
    if not panels:
        return "One model per task: whether seeds agree on attributions cannot be judged"
    enough = [task for task in panels if (trained(panels[task])["n_groups"] >= MIN_UTTERANCES).all()]
    task = enough[0] if enough else next(iter(panels))
    unit = first_unit(panels[task])
    rows = panels[task][(panels[task]["unit"] == unit)]
    own, before = (
        {row["method"]: row for row in part.to_dict("records")}
        for part in (trained(rows), rows[rows["step"].astype(str) == "0"])
    )
    values = [number(row["value"]) for row in sorted(own.values(), key=lambda row: row["value"])]
    subject = f"Between seeds, attributions agree at r = {'–'.join(dict.fromkeys([values[0], values[-1]]))}"
    subject = f"{subject} ({task}, by {unit})"
    if not enough:
        n = plotting.describe_range(trained(rows)["n_groups"])
        return f"{subject}: {n} utterances are too few to compare with untrained seeds"
    counts = [
        count_verdicts(own, before, "untrained", "methods"),
        count_verdicts(own, _ceilings(table, task, unit), "the ceiling"),
    ]
    said = ", ".join(filter(None, counts))
    return f"{subject}: {said}" if said else subject


def _panels(table: pd.DataFrame, interaction: pd.DataFrame, context: FigureContext) -> dict[str, pd.DataFrame]:
    """Return the agreement of seeds for the first tasks that have it, single methods only."""
    shown = details.drawn_rows(table, interaction, context=context)
    panels = question_rows(shown, details.tasks_of(shown, context), "seeds")
    panels = {task: rows[~rows["method"].isin(CLASSES)].dropna(subset="value") for task, rows in panels.items()}
    panels = {task: rows for task, rows in panels.items() if len(trained(rows))}
    return dict(list(panels.items())[:_N_TASKS])


def _ceilings(table: pd.DataFrame, task: str, unit: str) -> dict[str, dict[str, float]]:
    rows = table[(table["target"] == "retest") & (table["metric"] == "pearson") & (table["task"] == task)]
    rows = rows[rows["unit"] == unit].drop_duplicates("method")
    return {row["method"]: row for row in rows.to_dict("records")}


def _seeds(rows: pd.DataFrame) -> str:
    return f"{plotting.describe_range(trained(rows)['n_seeds'])} seeds"


def _draw_matrix(
    axes: Axes, rows: pd.DataFrame, methods: Sequence[str], ceilings: "pd.Series[float] | None", named: bool, wide: bool
) -> None:
    """Draw the agreement of methods by unit, beside untrained seeds and the same model explained again.

    ``named`` writes the methods at the left, ``wide`` leaves room around numbers.
    """
    units = [unit for unit in details.UNITS if unit in set(rows["unit"]) and unit != GROUPED]
    units = units or list(dict.fromkeys(rows["unit"]))
    first, columns, texts = units[0], {}, {}
    before = rows[rows["step"].astype(str) == "0"]
    for unit in units:
        own, control = (part[part["unit"] == unit].set_index("method") for part in (trained(rows), before))
        columns[unit] = [float(own["value"].get(name, np.nan)) for name in methods]
        texts[unit] = [_cell(own, control, name) for name in methods]
    untrained = before[before["unit"] == first].set_index("method")["value"]
    again = {} if ceilings is None else {key[2]: value for key, value in ceilings.items() if key[3] == first}
    for label, found in (("un-\ntrained", untrained.to_dict()), ("ceiling", again)):
        columns[label] = [found.get(name, np.nan) for name in methods]
        texts[label] = [number(found[name]) if name in found else "–" for name in methods]
    labels = [fill(method_label(name), 22) for name in methods]
    few = (trained(rows)["n_groups"] < MIN_UTTERANCES).any()
    marks.matrix(
        axes,
        pd.DataFrame(columns, index=labels),
        limits=(0, 1.2),
        cmap="Greys" if few else "Blues",
        text=pd.DataFrame(texts, index=labels),
        numbers=True,
    )
    size = 8 if wide else 7
    for text in axes.texts:
        text.set_fontsize(size)
        text.set_text(text.get_text() if wide else text.get_text().replace(" ", ""))
    axes.axvline(len(units), color="white", linewidth=4)
    for place, (name, above) in enumerate(zip(methods[1:], methods), start=1):
        if class_place(name) != class_place(above):
            axes.axhline(place, color="white", linewidth=4)
    axes.tick_params(axis="x", rotation=0 if wide else 90, labelsize=size)
    axes.tick_params(axis="y", rotation=0)
    if not named:
        axes.set_yticklabels([""] * len(methods))


def _cell(own: pd.DataFrame, control: pd.DataFrame, method: str) -> str:
    """Return a value with the verdict against untrained seeds of the same method and unit."""
    if method not in own.index:
        return ""
    row = own.loc[method].to_dict()
    verdict = compare(row, control.loc[method].to_dict()) if method in control.index else ""
    enough = row["n_groups"] >= MIN_UTTERANCES
    return number(row["value"]) + (_ARROWS.get(verdict, "") if enough else "")
