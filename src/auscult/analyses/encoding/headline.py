"""The slide of encoding: when each linguistic level rises during training, one panel per model."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from auscult.analyses.encoding import figure as details
from auscult.analyses.encoding.figure_panels import StepAxis, fit_of, names_in, plain_name
from auscult.analyses.encoding.summary import EARLIER, LATER
from auscult.analyses.encoding.sweep_scores import SELECTED
from auscult.dynamics.curves import FIT
from auscult.errors import AnalysisError
from auscult.figures import marks, plotting, slide
from auscult.figures.context import FigureContext
from auscult.figures.findings import compare, value_text
from auscult.figures.palette import ModelStyle
from auscult.seeds import condition_label, task_of

__all__ = ["draw", "describe_headline"]

_MAX_PANELS, _MAX_LEVELS = 3, 8


class _Shown(NamedTuple):
    """Probe scores, fits and summaries of levels with a rank, the looks of models, and a colour per level."""

    scores: pd.DataFrame
    curves: pd.DataFrame
    summary: pd.DataFrame
    styles: Mapping[str, ModelStyle]
    levels: Mapping[str, str]


def draw(
    table: pd.DataFrame, curves: pd.DataFrame, summary: pd.DataFrame, *, context: FigureContext = FigureContext()
) -> Figure:
    """Draw, for up to three models, sigmoids of all levels over training with their midpoints and acoustic baselines.

    The models are those that the study compares. Parameters and errors are those of
    :func:`auscult.analyses.encoding.figure.draw`.
    """
    shown = _select(table, curves, summary, context)
    models = (details.mapped(shown.curves, context.analysis.get("compare", ())) or _trained(shown))[:_MAX_PANELS]
    axis = StepAxis(shown.scores, shown.curves)
    figure = slide.new_slide(
        describe_headline(table, curves, summary, context=context),
        "Score: (score − chance) / (1 − chance) of probes of unseen speakers; step 0: untrained. Diamonds: midpoints; "
        f"thin: other seeds; ◂: best acoustic baseline. {_counts(shown, models)}",
    )
    panels = figure.subplots(1, len(models), sharey=True, squeeze=False)[0]
    for axes, model in zip(panels, models):
        _draw_panel(axes, model, shown, axis)
    panels[0].set_ylabel("score (chance = 0)")
    ends = [(plain_name(level), _end(shown, models[-1], level), colour) for level, colour in shown.levels.items()]
    labels = [(name, height, colour) for name, height, colour in ends if np.isfinite(height)]
    slide.label_ends(panels[-1], [*labels, ("chance", 0.0, marks.GREY)], panels[-1].get_xlim()[1], 0.085)
    return figure


def describe_headline(
    table: pd.DataFrame, curves: pd.DataFrame, summary: pd.DataFrame, *, context: FigureContext = FigureContext()
) -> str:
    """Return one sentence on the first model: first and last midpoint, the order of levels, and levels above controls.

    An order is stated only as in :func:`~auscult.analyses.encoding.summary.order_verdict`.
    """
    shown = _select(table, curves, summary, context)
    model = _trained(shown)[0]
    own = shown.summary[shown.summary["model"] == task_of(model)]
    text = "; ".join(part for part in (_times(own, shown), _order(own), _above_controls(shown, model)) if part)
    several = len({task_of(name) for name in _trained(shown)}) > 1
    name = f"{condition_label(shown.styles[model].label)}: " if several else ""
    return f"{name}{text}" if name else text[:1].upper() + text[1:]


def _select(table: pd.DataFrame, curves: pd.DataFrame, summary: pd.DataFrame, context: FigureContext) -> _Shown:
    scores, curves, summary = details.shown_tables(table, curves, summary, context)
    scores = details.normalised(scores)
    styles = context.styles(scores)
    scores = scores[(scores["probe"] == "ridge") & (scores["layer"] == SELECTED)]
    ranked = scores[scores["abstractness"].notna()]
    scores = (ranked if len(ranked) else scores).sort_values("abstractness", kind="stable")
    if scores["model"].map(lambda name: styles[name].baseline).all():
        raise AnalysisError("expected probe scores of a trained model in the table of encoding, found none")
    levels = names_in(scores["target"])[:_MAX_LEVELS]
    shades = colormaps["viridis"](np.linspace(0, 0.82, len(levels)))
    return _Shown(
        scores[scores["target"].isin(levels)],
        curves[(curves["probe"] == "ridge") & curves["target"].isin(levels)],
        summary,
        styles,
        dict(zip(levels, map(to_hex, shades))),
    )


def _trained(shown: _Shown) -> list[str]:
    return [name for name in names_in(shown.scores["model"]) if not shown.styles[name].baseline]


def _times(summary: pd.DataFrame, shown: _Shown) -> str:
    """Return the levels of the slide with the first and the last midpoint, means over seeds."""
    rows = summary[(summary["metric"] == "midpoint") & (summary["probe"] == "ridge") & (summary["verdict"] == FIT)]
    ranked = rows[rows["value"].notna() & rows["target"].isin(list(shown.levels))].sort_values("value")
    if len(ranked) < 2:
        return "no midpoints of two levels"
    first, last = ranked.iloc[0], ranked.iloc[-1]
    steps = [f"{row['value']:.0f}" for row in (first, last)]
    # An order of levels that seeds and speakers do not bear out is not suggested by naming the first and the last.
    if compare(first, last) == "not separated from":
        return f"levels rise at steps {' to '.join(steps)}, not separated"
    ends = [f"{step} ({plain_name(row['target'])})" for step, row in zip(steps, (first, last))]
    return f"levels rise from step {' to '.join(ends)}"


def _order(summary: pd.DataFrame) -> str:
    rows = summary[summary["metric"] == "abstractness_order"]
    verdict = str(rows["verdict"].iloc[0]) if len(rows) else ""
    correlation = summary[(summary["metric"] == "abstractness_midpoint") & (summary["probe"] == "ridge")]
    correlation = correlation[correlation["value"].notna()]
    value = f" (ρ {value_text(correlation.iloc[0])})" if len(correlation) else ""
    if verdict in (LATER, EARLIER):
        return f"abstract ones {verdict}{value}"
    if value and compare(correlation.iloc[0], 0.0) == "not separated from":
        return f"not ordered by abstractness{value}"
    return f"no order stated{value or ': ' + verdict}" if value or verdict else ""


def _above_controls(shown: _Shown, model: str) -> str:
    """Return how many levels end above the highest of untrained, acoustic baselines, duration alone and chance."""
    found = [details.compare_level(rows, model, shown.styles) for _, rows in shown.scores.groupby("target", sort=False)]
    verdicts = [level["verdict"] for level in found if "verdict" in level]
    if not verdicts or set(verdicts) == {"against"}:
        return ""
    return f"{verdicts.count('above')} of {len(verdicts)} end above controls"


def _counts(shown: _Shown, models: list[str]) -> str:
    rows = shown.scores[shown.scores["model"].isin(models)]
    return f"Bands: {plotting.describe_interval(rows)}. {marks.count_line(rows)}."


def _end(shown: _Shown, model: str, level: str) -> float:
    rows = _over_steps(shown.scores[(shown.scores["model"] == model) & (shown.scores["target"] == level)])
    return float(rows["value"].iloc[-1]) if len(rows) else float("nan")


def _over_steps(rows: pd.DataFrame) -> pd.DataFrame:
    at = rows["step"].replace("final", "inf").astype(float)
    return rows.assign(at=at).sort_values("at", kind="stable")


def _draw_panel(axes: Axes, model: str, shown: _Shown, axis: StepAxis) -> None:
    """Draw all levels of a model; its other seeds are thin, and acoustic baselines are marks at the right edge."""
    marks.chance_line(axes, 0)
    axis.set(axes, room=0.26)
    seeds = [name for name in _trained(shown) if task_of(name) == task_of(model)]
    for level, colour in shown.levels.items():
        at_level = shown.scores[shown.scores["target"] == level]
        for name in seeds:
            rows = _over_steps(at_level[at_level["model"] == name])
            fit = shown.curves[(shown.curves["target"] == level) & (shown.curves["model"] == name)]
            _draw_level(axes, rows, fit, colour, axis, thick=name == model)
        baselines = at_level[at_level["model"].map(lambda name: shown.styles[name].baseline)]
        if len(baselines):
            axes.plot(axes.get_xlim()[1], baselines["value"].max(), "<", color=colour, markersize=5, clip_on=False)
    axes.set(ylim=(-0.12, 1.02), yticks=[0, 0.5, 1])
    axes.set_yticklabels(["0", "0.5", "1"])
    label = condition_label(shown.styles[model].label)
    # The parts of a label such as ``HuBERT (Dutch)`` have a line each: the panels are narrow.
    axes.set_title(label.replace(" (", "\n(", 1), color=shown.styles[model].colour, weight="bold")


def _draw_level(axes: Axes, rows: pd.DataFrame, curves: pd.DataFrame, colour: str, axis: StepAxis, thick: bool) -> None:
    """Draw the sigmoid of a level with its midpoint or, without a fit, its scores as a dotted line."""
    rows = rows[np.isfinite(rows["at"])]
    if len(rows) < 1:
        return
    x, width = axis.place(rows["at"]), 2.0 if thick else 0.7
    if thick:
        marks.interval_band(axes, x, rows, colour)
    fit = fit_of(curves)
    if fit is None or not fit.fits:
        axes.plot(x, rows["value"], color=colour, linewidth=0.75 * width, linestyle=(0, (1, 1.2)))
        return
    fine = np.linspace(x.min(), x.max(), 120)
    axes.plot(fine, fit.at(2**fine - axis.offset), color=colour, linewidth=width)
    if thick:
        middle = axis.place([fit.midpoint])
        axes.vlines(middle, -0.12, fit.at([fit.midpoint]), color=colour, linewidth=0.9, linestyle="-", alpha=0.6)
        axes.plot(
            middle,
            fit.at([fit.midpoint]),
            "D",
            markersize=6,
            markerfacecolor="white",
            markeredgecolor=colour,
            markeredgewidth=1.5,
            zorder=5,
        )
