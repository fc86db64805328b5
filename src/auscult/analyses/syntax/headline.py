"""The slide of syntax: loss, syntax in attention and grammar over training, aligned, with the step each rises at."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from auscult.analyses.syntax import figure as details
from auscult.analyses.syntax.columns import ACCURACY, ALL, LOSS, ONSET, UAS_OFF
from auscult.analyses.syntax.figure_panels import (
    CURVES,
    OFFSET,
    Condition,
    draw_seeds,
    mark_onsets,
    name_steps,
    step_places,
)
from auscult.figures import marks, plotting, slide
from auscult.figures.context import FigureContext
from auscult.figures.findings import compare, number

__all__ = ["draw", "describe_headline"]


class _Panel(NamedTuple):
    """Words for a curve: its axis, what it does at its onset and does not do without one, and its control."""

    label: str
    onset: str
    never: str
    control: str = ""


_PANELS = {
    LOSS: _Panel("loss\n(nats)", "falls from", "never falls for good"),
    UAS_OFF: _Panel("syntax in\nattention", "clear of controls from", "never clear of controls", "fixed distance"),
    ACCURACY: _Panel("grammar\n(accuracy)", "clear of chance from", "never clear of chance"),
}
_VERDICTS = {"against": "beside"}


def draw(table: pd.DataFrame, onsets: pd.DataFrame, *, context: FigureContext = FigureContext()) -> Figure:
    """Draw three aligned curves over training, of the first pair of corpora, with seeds, onsets and controls.

    Parameters and errors are those of :func:`auscult.analyses.syntax.figure.draw`.
    """
    rows = details.drawn_rows(table, onsets, context=context)
    corpora, conditions = details.corpora_of(rows)[0], details.conditions_of(rows, context)
    curves = {metric: details.curve_rows(rows, metric, corpora) for metric in _PANELS}
    curves = {metric: curve for metric, curve in curves.items() if len(curve)}
    counts = [f"{plotting.describe_range(curve['n'])} {CURVES[name].items}" for name, curve in curves.items()]
    figure = slide.new_slide(
        describe_headline(table, onsets, context=context),
        f"Thin lines: seeds; step 0: untrained. n = {', '.join(counts)}. Syntax: share of arcs off their commonest "
        f"distance that attention heads find. Marks: {_share(context)} of the way from controls to best; bars 95 %.",
    )
    stack = figure.subplots(len(curves), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (metric, curve) in zip(stack, curves.items()):
        control = details.curve_rows(rows, CURVES[metric].baseline, corpora)
        _draw_panel(axes, metric, curve, control, onsets, conditions)
        name_steps(axes, rows, last=axes is stack[-1])
        axes.yaxis.set_major_locator(MaxNLocator(3))
        _mark_step(axes, stack, _onsets(onsets, curve, metric, conditions[0]), metric)
    figure.align_ylabels()
    return figure


def describe_headline(table: pd.DataFrame, onsets: pd.DataFrame, *, context: FigureContext = FigureContext()) -> str:
    """Return one sentence: whether syntax in attention or grammar came first, and attention against fixed distances.

    Values and bounds are means over the seeds of the first condition, at its last step.
    """
    rows = details.drawn_rows(table, onsets, context=context)
    rows, conditions = rows[rows["target"] == ALL], details.conditions_of(rows, context)
    condition = conditions[0]
    own = rows[rows["model"].isin(condition.models)]
    order = _order(onsets, condition)
    ends = _attention_at_end(own) or _grammar_at_end(own)
    text = "; ".join(part for part in (order, ends) if part)
    name = f"{condition.style.label}: " if len(conditions) > 1 else ""
    return f"{name}{text}" if name else text[:1].upper() + text[1:]


def _share(context: FigureContext) -> str:
    share = context.analysis.get("onset_share")
    return f"{100 * share:g} %" if share else "first part"


def _order(onsets: pd.DataFrame, condition: Condition) -> str:
    counts, n = details.came_first(onsets, condition), len(condition.models)
    if counts is None:
        return ""
    structure, capability = counts
    if structure and capability:
        return f"syntax in attention rises first in {structure}, grammar in {capability} of {n} seeds"
    if structure or capability:
        first = ("syntax in attention rises before grammar", "grammar rises before syntax in attention")[not structure]
        return f"{first}, in {structure or capability} of {n} seed{'' if n == 1 else 's'}"
    seeds = "1 seed" if n == 1 else f"each of {n} seeds"
    return f"syntax in attention and grammar: onsets not separated in {seeds}"


def _attention_at_end(rows: pd.DataFrame) -> str:
    """Return the share of arcs found at the last step, against the best fixed distance or, without it, untrained."""
    own, fixed = (rows[rows["metric"] == metric] for metric in (UAS_OFF, CURVES[UAS_OFF].baseline))
    last, first = details.at_end(own, -1), details.at_end(own, 0)
    if last is None:
        return ""
    control = details.at_end(fixed, -1)
    return f"attention finds {number(last['value'])} of syntactic links" + (
        _against(last, first, "untrained") if control is None else _against(last, control, "fixed distance")
    )


def _grammar_at_end(rows: pd.DataFrame) -> str:
    last = details.at_end(rows[rows["metric"] == ACCURACY], -1)
    chance = {"value": 0.5, "ci_low": 0.5, "ci_high": 0.5}
    return (
        ""
        if last is None
        else f"grammar is right in {number(last['value'])} of pairs" + _against(last, chance, "chance")
    )


def _against(last: pd.Series, control: Mapping[str, Any] | None, name: str) -> str:
    if control is None or (name == "untrained" and control["step"] == last["step"]):
        return ""
    verdict = compare(last, control)
    return f", {_VERDICTS.get(verdict, verdict)} {name} ({number(control['value'])})"


def _draw_panel(
    axes: Axes,
    metric: str,
    curve: pd.DataFrame,
    control: pd.DataFrame,
    onsets: pd.DataFrame,
    conditions: list[Condition],
) -> None:
    """Draw the curves of all conditions with their onsets, the control and chance, labelled at their ends."""
    end, labels = step_places(curve["step"]).max(), []
    for condition in conditions:
        own = curve[curve["model"].isin(condition.models)]
        if len(own):
            if len(condition.models) == 1:
                marks.interval_band(axes, step_places(own["step"]), own, condition.style.colour)
            last = draw_seeds(axes, own, condition)
            labels.append((condition.style.label, last, condition.style.colour))
    mark_onsets(axes, curve, onsets, conditions, metric)
    if len(control):
        marks.baseline_line(axes, control.iloc[0], OFFSET)
        labels.append((_PANELS[metric].control, float(control["value"].iloc[0]), OFFSET.colour))
    chance = 0.5 if metric == ACCURACY else curve["chance"].iloc[0]
    if np.isfinite(chance):
        marks.chance_line(axes, chance)
        labels.append(("chance", float(chance), marks.GREY))
    low, high = _limits(curve, control, metric) if metric != LOSS else axes.get_ylim()
    axes.set(ylim=(low, high), xlim=(-0.1, end + 0.1), ylabel=_PANELS[metric].label)
    slide.label_ends(axes, labels, end + 0.1, 0.26 * (high - low))


def _limits(curve: pd.DataFrame, control: pd.DataFrame, metric: str) -> tuple[float, float]:
    if metric == ACCURACY:
        return min(0.44, curve["value"].min() - 0.02), 1.04
    return 0, min(1.02, 1.3 * np.nanmax([*curve["value"], *control["value"]]))


def _onsets(onsets: pd.DataFrame, curve: pd.DataFrame, metric: str, condition: Condition) -> pd.Series:
    """Return the steps of the onsets of a curve, one per seed of the condition, missing where a curve has none."""
    rows = onsets[(onsets["metric"] == ONSET) & (onsets["curve"] == metric) & (onsets["target"] == ALL)]
    rows = rows[(rows["corpus"] == curve["corpus"].iloc[0]) & rows["model"].isin(condition.models)]
    return rows["value"]


def _mark_step(axes: Axes, stack: np.ndarray, dates: pd.Series, metric: str) -> None:
    """Write the median onset into its panel, where the curve has not risen yet, and draw it through all panels."""
    height = 0.2 if metric == LOSS else 0.8
    if dates.isna().all():
        if dates.empty:
            return
        look: dict[str, Any] = {"xycoords": "axes fraction", "color": marks.GREY, "fontsize": 8.5, "va": "center"}
        axes.annotate(_PANELS[metric].never, (0.01, height), **look)
        return
    low, high = axes.get_xlim()
    place = float(np.log1p(dates.median()))
    left = place - low > 0.42 * (high - low)
    for other in stack:
        own = {"linewidth": 1.4} if other is axes else {"linewidth": 0.8, "alpha": 0.4}
        other.axvline(place, color=marks.INK, zorder=0.8, **own)
    axes.annotate(
        f"{_PANELS[metric].onset} step {dates.median():,.0f}",
        (place, height),
        xycoords=axes.get_xaxis_transform(),
        xytext=(-4 if left else 4, 0),
        textcoords="offset points",
        ha="right" if left else "left",
        va="center",
        fontsize=9,
        weight="bold",
    )
