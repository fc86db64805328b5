"""The slide of spelling: number spelt right with the determiner heard and silenced, and chance."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from auscult.analyses.spelling import figure as details
from auscult.figures import marks, plotting, slide
from auscult.figures.context import FigureContext
from auscult.figures.findings import compare, number
from auscult.figures.palette import Entry, ModelStyle, plain

__all__ = ["draw", "describe_headline"]

_HEARD, _SILENCED = "number_right_balanced", "number_right_silenced"
_WORDS = {"against": "beside"}
_SILENT_COLOUR = "#BBBBBB"
_MOST_MODELS = 4


def draw(table: pd.DataFrame, *, context: FigureContext = FigureContext()) -> Figure:
    """Draw two bars by the same measure, for nouns and verbs of one recogniser, or for all targets of several.

    Parameters and errors are those of :func:`auscult.analyses.spelling.figure.draw`.
    """
    rows, entries = _chosen(table, context)
    figure = slide.new_slide(describe_headline(table, context=context), _note(rows, entries))
    axes = figure.subplots()
    pairs = _pairs(rows, entries)
    for place, (entry, target, _) in enumerate(pairs):
        own = entry.rows(rows[rows["target"] == target])
        before = rows[(rows["model"] == entry.model) & (rows["target"] == target) & (entry.step != "0")]
        before = before[before["step"].astype(str) == "0"]
        _draw_pair(axes, 3 * place, own, before, entry.style)
    marks.chance_line(axes, 0.5)
    right = 3 * len(pairs) - 1.3
    axes.set(xlim=(-0.7, right), ylim=(0, 1.08), ylabel="number spelt right")
    centres = [3 * place + shift for place in range(len(pairs)) for shift in (0, 0.5, 1)]
    names = [name for *_, label in pairs for name in ("heard", f"\n{label}", "silenced")]
    axes.set_xticks(centres, names)
    axes.tick_params(axis="x", length=0)
    slide.label_ends(axes, [("chance", 0.5, marks.GREY)], right, 0.1)
    return figure


def describe_headline(table: pd.DataFrame, *, context: FigureContext = FigureContext()) -> str:
    """Return one sentence: number with the determiner heard, against silenced, and silenced against chance."""
    rows, entries = _chosen(table, context)
    own = entries[0].rows(rows[rows["target"] == "all"])
    heard, silenced = (details.row_of(own, metric) for metric in (_HEARD, _SILENCED))
    if heard is None:
        return f"{entries[0].style.label} spells no word in a recognisable number"
    start = (
        f"{entries[0].style.label}: singular/plural right in"
        if len(entries) > 1
        else "Singular or plural is spelt right in"
    )
    said = f"{start} {number(heard['value'])} of words with the determiner heard"
    chance = f"chance ({number(heard['chance'])})"
    if silenced is None:
        return f"{said}, {_verdict(heard, float(heard['chance']))} {chance}; silenced, none is recognisable"
    gap = f"{_verdict(heard, silenced)} silenced ({number(silenced['value'])})"
    return f"{said}, {gap}; silenced {_verdict(silenced, float(heard['chance']))} {chance}"


def _verdict(row: pd.Series, control: pd.Series | float) -> str:
    verdict = compare(row.to_dict(), control if isinstance(control, float) else control.to_dict())
    return _WORDS.get(verdict, verdict)


def _chosen(table: pd.DataFrame, context: FigureContext) -> tuple[pd.DataFrame, list[Entry]]:
    """Return what the models themselves spell of the first corpus, at all steps, and the trained models."""
    shown = details.drawn_rows(table, context=context)
    rows = shown[(shown["layer"] == details.OUTPUT) & (shown["corpus"] == shown["corpus"].iloc[0])]
    entries = [entry for entry in details.trained_entries(context.entries(shown)) if len(entry.rows(rows))]
    return rows, entries[:_MOST_MODELS]


def _pairs(rows: pd.DataFrame, entries: list[Entry]) -> list[tuple[Entry, str, str]]:
    """Return model, target and label of each pair of bars."""
    targets = [target for target in details.TARGETS if target in set(rows["target"])]
    if len(entries) > 1 or not targets:
        return [(entry, "all", entry.style.label) for entry in entries]
    return [(entries[0], target, f"{target}s") for target in targets]


def _draw_pair(axes: Axes, x: float, own: pd.DataFrame, before: pd.DataFrame, style: ModelStyle) -> None:
    """Draw two bars with their values and intervals, and the untrained model as open marks where it has a value."""
    for shift, metric, colour in ((0, _HEARD, style.colour), (1, _SILENCED, _SILENT_COLOUR)):
        row = details.row_of(own, metric)
        if row is None:
            axes.text(x + shift, 0.03, "none\nrecognisable", fontsize=8, color=marks.GREY, ha="center")
            continue
        axes.bar(x + shift, row["value"], 0.9, color=colour)
        axes.plot([x + shift] * 2, [row["ci_low"], row["ci_high"]], color=marks.INK, linewidth=1.5)
        axes.text(x + shift, 0.06, number(row["value"]), fontsize=11, weight="bold", ha="center", color=marks.INK)
        untrained = details.row_of(before, metric)
        if untrained is not None:
            marks.interval_bar(axes, x + shift + 0.3, untrained.to_dict(), style.untrained)


def _note(rows: pd.DataFrame, entries: list[Entry]) -> str:
    """Return what is counted, the interval, and the untrained model."""
    own = entries[0].rows(rows[rows["target"] == "all"]).set_index("metric")
    said = ["Mean over singulars and plurals; only the determiner marks number."]
    if len(entries) == 1:
        heard, silenced = (int(own["n"].get(metric, 0)) for metric in (_HEARD, _SILENCED))
        said = [
            f"{entries[0].style.label}, n = {heard:,} words with a recognisable number (silenced {silenced:,}).",
            *said,
        ]
    if _HEARD in own.index:
        said.append(f"Bars: {plotting.describe_interval(own.loc[[_HEARD]])}.")
    before = rows[(rows["model"] == entries[0].model) & (rows["target"] == "all") & (entries[0].step != "0")]
    before = before[before["step"].astype(str) == "0"].set_index("metric")
    if {"number_clear", _HEARD} <= set(before.index):
        clear, of = before.loc["number_clear", "value"], before.loc["number_clear", "n"]
        said.append(f"Untrained: a recognisable number in {np.round(clear * of):,.0f} of {of:,.0f} words.")
    return plain(" ".join(said))
