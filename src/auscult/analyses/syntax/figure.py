"""Details of syntax: loss, attachment and grammatical accuracy over training, by relation and by paradigm."""

import re
from collections.abc import Mapping
from itertools import zip_longest

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from auscult.analyses.syntax.columns import ACCURACY, ALL, FIXED_OFF, LOSS, ONSET, RATIO, UAS, UAS_OFF
from auscult.analyses.syntax.figure_panels import (
    CURVES,
    OFFSET,
    Condition,
    draw_curves,
    draw_offsets,
    draw_paradigms,
    draw_relations,
    name_steps,
    step_places,
)
from auscult.figures import marks, plotting
from auscult.figures.context import FigureContext
from auscult.figures.findings import finding
from auscult.figures.palette import ModelStyle
from auscult.seeds import task_of

__all__ = [
    "draw",
    "drawn_rows",
    "describe_finding",
    "corpora_of",
    "curve_rows",
    "conditions_of",
    "at_end",
    "came_first",
]

_CURVE_MM, _ROW_MM = 45, 5


def draw(table: pd.DataFrame, onsets: pd.DataFrame, *, context: FigureContext = FigureContext()) -> list[Figure]:
    """Draw, for each pair of corpora, a page of four aligned curves and a page of relations and paradigms.

    Parameters
    ----------
    table : as returned by :func:`~auscult.analyses.syntax.analysis.follow_syntax`
    onsets : as returned by :func:`~auscult.analyses.syntax.onsets.find_onsets`
    context : models and study

    Raises
    ------
    AnalysisError
        The table has no row of a model that the context names.
    """
    rows = drawn_rows(table, onsets, context=context)
    pages = []
    for parses, pairs in corpora_of(rows):
        pages.append(_curves_page(rows, onsets, (parses, pairs), context))
        parts = rows[(rows["target"] != ALL) & rows["corpus"].isin([parses, pairs])]
        if len(parts):
            pages.append(_parts_page(rows, (parses, pairs), context))
    return pages


def corpora_of(rows: pd.DataFrame) -> list[tuple[str | None, str | None]]:
    """Return the corpora that share a page: one with parses and one with minimal pairs, None where one lacks."""
    parsed, paired = (list(dict.fromkeys(rows.loc[rows["metric"] == metric, "corpus"])) for metric in (UAS, ACCURACY))
    return list(zip_longest(parsed, paired))


def curve_rows(rows: pd.DataFrame, metric: str, corpora: tuple[str | None, str | None]) -> pd.DataFrame:
    """Return the rows of a curve: over all arcs of the first corpus, or over all minimal pairs of the second."""
    corpus = corpora[1] if metric == ACCURACY else corpora[0]
    return rows[(rows["metric"] == metric) & (rows["corpus"] == corpus) & (rows["target"] == ALL)]


def _curves_page(
    rows: pd.DataFrame, onsets: pd.DataFrame, corpora: tuple[str | None, str | None], context: FigureContext
) -> Figure:
    conditions = conditions_of(rows, context)
    note = (
        f"{context.describe([name for name in corpora if name])} Thick lines: mean over seeds; step 0: untrained. "
        f"Bars: intervals of onsets. {_onset_steps(onsets, conditions)}The table holds 95 % intervals over sentences "
        "and pairs."
    )
    figure = plotting.new_figure(4 * _CURVE_MM, _legends(conditions), note)
    for axes, metric in zip(figure.subplots(4, 1, sharex=True), CURVES):
        draw_curves(axes, curve_rows(rows, metric, corpora), onsets, conditions, metric)
        if CURVES[metric].baseline:
            draw_offsets(axes, curve_rows(rows, CURVES[metric].baseline, corpora))
        name_steps(axes, rows, last=metric == ACCURACY)
    return figure


def _parts_page(rows: pd.DataFrame, corpora: tuple[str | None, str | None], context: FigureContext) -> Figure:
    parses, pairs = (rows[rows["corpus"] == corpus] for corpus in corpora)
    condition = conditions_of(rows, context)[0]
    untrained = marks.mark_handle("o", "untrained", condition.style.colour, filled=False)
    trained = [
        marks.mark_handle("o", f"{condition.style.label}, mean over seeds", condition.style.colour),
        marks.mark_handle("o", "single seed", condition.style.colour, markersize=2.5, alpha=0.5),
    ]
    offset = marks.mark_handle("|", OFFSET.label, OFFSET.colour, markersize=7, markeredgewidth=1.5)
    n_relations = parses.loc[(parses["metric"] == UAS) & (parses["target"] != ALL), "target"].nunique()
    note = f"{context.describe([name for name in corpora if name])} Lines: mean over seeds."
    figure = plotting.new_figure(
        max(80, 26 + _ROW_MM * n_relations), [[*trained, untrained, offset, marks.chance_handle()]], note
    )
    left, right = figure.subplots(1, 2)
    draw_relations(left, parses, condition)
    draw_paradigms(right, pairs, condition)
    return figure


def drawn_rows(table: pd.DataFrame, onsets: pd.DataFrame, *, context: FigureContext = FigureContext()) -> pd.DataFrame:
    """Return the rows of the models that the figures show."""
    return context.select(table)


def describe_finding(table: pd.DataFrame, onsets: pd.DataFrame, *, context: FigureContext = FigureContext()) -> str:
    """Return a sentence on the attachment of the first condition at its last step or, without it, on its accuracy.

    The attachment is that of arcs away from the commonest distance. A second sentence says which of structure and
    capability came first, and in how many seeds. Values and bounds of intervals are means over seeds; the interval of
    the mean is at most as wide.
    """
    rows = drawn_rows(table, onsets, context=context)
    rows = rows[rows["target"] == ALL]
    if rows.empty:
        return ""
    condition = conditions_of(rows, context)[0]
    rows = rows[rows["model"].isin(condition.models)]
    uas, offset = (at_end(rows[rows["metric"] == metric], -1) for metric in (UAS_OFF, FIXED_OFF))
    if uas is not None:
        untrained = at_end(rows[rows["metric"] == UAS_OFF], 0)
        controls = {} if offset is None else {"the best fixed distance": offset}
        controls |= {} if untrained is None or untrained["step"] == uas["step"] else {"untrained": untrained}
        subject = f"attachment of {condition.style.label} away from the commonest distances"
        return " ".join([finding(subject, uas, controls), *_order(onsets, condition)])
    accuracy = at_end(rows[rows["metric"] == ACCURACY], -1)
    if accuracy is None:
        return ""
    return finding(f"accuracy of {condition.style.label} on minimal pairs", accuracy, {"chance": 0.5})


def came_first(onsets: pd.DataFrame, condition: Condition) -> tuple[int, int] | None:
    """Return in how many seeds structure and in how many capability came first; None where no seed has both onsets."""
    ratios = onsets[(onsets["metric"] == RATIO) & onsets["model"].isin(condition.models)]
    # A missing end is that of an interval that is open on that side, and separates nothing.
    return None if ratios.empty else (int((ratios["ci_low"] > 1).sum()), int((ratios["ci_high"] < 1).sum()))


def _order(onsets: pd.DataFrame, condition: Condition) -> list[str]:
    """Return a sentence on which onset came first, by seeds whose intervals of the two separate; none without both."""
    n, counts = len(condition.models), came_first(onsets, condition)
    if counts is None:
        return []
    found = [f"{name} in {count}" for name, count in zip(("structure", "capability"), counts) if count]
    seeds = f"{n} {'seed' if n == 1 else 'seeds'}"
    if not found:
        return [f"Which came first, structure or capability, cannot be told in any of {seeds}."]
    return [f"First came {' and '.join(found)} of {seeds}."]


def at_end(rows: pd.DataFrame, end: int) -> pd.Series | None:
    """Return the mean over seeds at the first (0) or last (-1) step of the first corpus, or None without rows."""
    if rows.empty:
        return None
    rows = rows[rows["corpus"] == rows["corpus"].iloc[0]]
    steps = rows["step"].unique()
    step = steps[np.argsort(step_places(steps), kind="stable")[end]]
    found = rows[rows["step"] == step]
    # Without an interval of every seed there is none of their mean.
    means = found[["value", "ci_low", "ci_high"]].mean(skipna=False)
    return pd.Series({**means, "n_groups": found["n_groups"].iloc[0], "step": step})


def conditions_of(rows: pd.DataFrame, context: FigureContext) -> list[Condition]:
    """Return the conditions, whose models differ in their seed only, with one style each."""
    styles = context.styles(rows)
    members: dict[str, list[str]] = {}
    for model in rows["model"].unique():
        members.setdefault(task_of(model), []).append(model)
    return [Condition(models, _condition_style(name, models, styles)) for name, models in members.items()]


def _condition_style(name: str, models: list[str], styles: Mapping[str, ModelStyle]) -> ModelStyle:
    """Return the style of the first seed, labelled without its seed where there are several."""
    style = styles[models[0]]
    if len(models) == 1:
        label = style.label
    else:
        label = name if style.label == models[0] else re.sub(r"[, ]*seed *\d+$", "", style.label)
    return ModelStyle(label, style.colour, marker="")


def _legends(conditions: list[Condition]) -> list[list[Line2D]]:
    """Return the handles of conditions, of onsets, and of controls."""
    onsets = [
        marks.mark_handle(CURVES[metric].marker, f"onset: {name}")
        for metric, name in ((LOSS, "loss"), (UAS_OFF, "structure"), (ACCURACY, "capability"))
    ]
    controls = [
        marks.seed_handle(),
        *marks.model_handles([OFFSET]),
        marks.chance_handle(),
    ]
    return [marks.model_handles([condition.style for condition in conditions]), onsets, controls]


def _onset_steps(onsets: pd.DataFrame, conditions: list[Condition]) -> str:
    """Return a sentence with the onsets of all seeds of the first condition."""
    condition = conditions[0]
    rows = onsets[(onsets["metric"] == ONSET) & (onsets["target"] == ALL) & onsets["model"].isin(condition.models)]
    steps = []
    for metric, name in ((LOSS, "loss"), (UAS_OFF, "structure"), (ACCURACY, "capability")):
        dates = rows.loc[rows["curve"] == metric, "value"]
        if len(dates):
            steps.append(f"{name} " + ", ".join("none" if np.isnan(date) else f"{date:.0f}" for date in dates))
    return f"Onsets of {condition.style.label} (steps): {'; '.join(steps)}. " if steps else ""
