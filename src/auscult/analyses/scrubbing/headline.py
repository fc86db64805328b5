"""The slide of scrubbing: the gender probe by layer before and after erasure, and the word errors this costs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from auscult.analyses.scrubbing import figure as details
from auscult.analyses.scrubbing.columns import ALL, KIND, NONE, SHUFFLED
from auscult.errors import AnalysisError
from auscult.figures import marks, plotting, slide
from auscult.figures.context import FigureContext
from auscult.figures.findings import compare, number
from auscult.figures.palette import Entry

__all__ = ["draw", "describe_headline"]

_MAX_LAYERS = 7
# What each control erases; the first that the table has is drawn in the left panel and compared with in the title.
_CONTROLS = {SHUFFLED: "genders shuffled over speakers", "random": "a random direction"}
_SHORT = {SHUFFLED: "all, shuffled", "random": "all, random"}
_CONTROL_COLOUR = "#999933"


def draw(table: pd.DataFrame, *, context: FigureContext = FigureContext()) -> Figure:
    """Draw, for the first recogniser, gender accuracy by layer, and the word error rate by erased layer.

    Parameters and errors are those of :func:`auscult.analyses.scrubbing.figure.draw`.
    """
    entries, entry, rows = _first(table, context)
    mine = details.main_roles(entry.rows(rows))
    accuracies = details.accuracies_of(mine)
    roles = "kind of voice" if (mine["disjoint_in"] == KIND).any() else "speaker"
    control, interval = _control(mine), plotting.describe_interval(accuracies)
    said = "" if control is None else f" Control: {_CONTROLS[control['method']]}."
    figure = slide.new_slide(
        describe_headline(table, context=context),
        f"{entry.style.label}, erased in all layers; linear probes trained anew. Erasers, probes and tests share "
        f"no {roles}.{said} {interval[:1].upper()}{interval[1:]}. {marks.count_line(accuracies)}.",
    )
    left, right = figure.subplots(1, 2, width_ratios=(1.3, 1))
    _draw_probes(left, rows, entries, entry)
    _draw_errors(right, mine, entry)
    return figure


def describe_headline(table: pd.DataFrame, *, context: FigureContext = FigureContext()) -> str:
    """Return one sentence on the last layer after erasure at all layers, against chance, and on word errors."""
    _, entry, rows = _first(table, context)
    mine = details.main_roles(entry.rows(rows))
    accuracies = details.accuracies_of(mine)
    last = plotting.layer_order(accuracies["layer"])[-1]
    here = accuracies[accuracies["layer"] == last]
    before, after = (_one(part) for part in (here[here["method"] == NONE], _erased(here)))
    if before is None or after is None:
        row = after if before is None else before
        return "Gender is not erased anywhere" if row is None else f"Gender probe: {_against_chance(row)}"
    probe = f"probe of {last} from {number(before['value'])} to {_against_chance(after)}"
    return f"Gender erased in all layers: {probe}{_cost(mine)}"


def _against_chance(row: Mapping[str, Any]) -> str:
    verdict = compare(row, float(row["chance"]))
    return f"{number(row['value'])}, {'beside' if verdict == 'against' else verdict} chance ({number(row['chance'])})"


def _cost(rows: pd.DataFrame) -> str:
    """Return a clause on word errors before and after erasure at all layers, and after that of a control."""
    rates = rows[(rows["gender"] == "all") & (rows["target"] == "transcript")]
    levels, changes = (rates[rates["metric"] == f"word_error_rate{ending}"] for ending in ("", "_change"))
    before, after, change = (
        _one(part) for part in (levels[levels["method"] == NONE], _erased(levels), _erased(changes))
    )
    if before is None or after is None or change is None:
        return ""
    moved = {"above": "rise", "below": "fall"}.get(verdict := compare(change, 0.0))
    ends = f"from {number(before['value'])} to {number(after['value'])}"
    said = f"; word errors {moved} {ends}" if moved else f"; word errors {ends}"
    if not moved and verdict != "against":
        said += ", not separated"
    control = _control(levels)
    if control is None:
        return said
    return f"{said} (control: {number(control['value'])})"


def _first(table: pd.DataFrame, context: FigureContext) -> tuple[list[Entry], Entry, pd.DataFrame]:
    """Return the entries of the first recogniser and of baselines, its trained entry, and the rows of its corpus."""
    shown = details.shown_rows(table, context)
    entries = context.entries(shown)
    found = next(details.recognisers(shown, entries), None)
    if found is None:
        raise AnalysisError("expected word error rates of a trained recogniser in the table of scrubbing, found none")
    entry, rows = found
    return [other for other in entries if other.style.baseline or other.model == entry.model], entry, rows


def _one(rows: pd.DataFrame) -> pd.Series | None:
    return None if rows.empty else rows.iloc[0]


def _erased(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the first method that erases gender at all layers."""
    methods = [name for name in details.METHODS if name not in _CONTROLS]
    found = [details.erased_everywhere(rows, method) for method in methods]
    return next((part for part in found if len(part)), rows[:0])


def _control(rows: pd.DataFrame) -> pd.Series | None:
    found = (_one(details.erased_everywhere(rows, method)) for method in _CONTROLS)
    return next((row for row in found if row is not None), None)


def _draw_probes(axes: Axes, rows: pd.DataFrame, entries: list[Entry], entry: Entry) -> None:
    """Draw accuracy by layer with nothing erased, with gender erased, and of controls, labelled at their ends."""
    accuracies = details.accuracies_of(rows)
    mine = details.main_roles(entry.rows(accuracies))
    layers = plotting.layer_order(mine["layer"])
    before, after = mine[mine["method"] == NONE], _erased(mine)
    labels = [("nothing erased", _last(before, layers), entry.style.colour)]
    curves = [details.Curve(before, entry.style)]
    if len(after):
        labels.append(("gender erased", _last(after, layers), details.AFTER.colour))
        curves.append(details.Curve(after, details.AFTER))
    for method in _CONTROLS:
        control = details.erased_everywhere(mine, method).set_index("layer")
        if len(control):
            values = control["value"].reindex(layers)
            axes.plot(range(len(layers)), values, color=_CONTROL_COLOUR, linewidth=1, zorder=1.5)
            labels.append(("control", float(values.iloc[-1]), _CONTROL_COLOUR))
            break
    labels += [_other(axes, other, accuracies, layers) for other in entries if other is not entry]
    chance = float(mine["chance"].iloc[0])
    marks.chance_line(axes, chance)
    labels.append(("chance", chance, marks.GREY))
    details.draw_layer_curves(axes, curves, layers, linewidth=2, markersize=4.5)
    low = min(0.4, float(np.nanmin(mine[["value", "ci_low"]].to_numpy(float))) - 0.03)
    axes.set(ylim=(low, 1), title="Gender probe by layer", ylabel="accuracy", xlabel="layer")
    marks.layer_axis(axes, layers, n_names=_MAX_LAYERS)
    axes.tick_params(axis="x", labelsize=7.5)
    slide.label_ends(axes, labels, len(layers) - 0.5, 0.075 * (1 - low))


def _other(axes: Axes, other: Entry, accuracies: pd.DataFrame, layers: list[str]) -> tuple[str, float, str]:
    """Draw an acoustic baseline or the untrained recogniser with nothing erased, and return its label."""
    rows = details.main_roles(other.rows(accuracies))
    rows = rows[rows["method"] == NONE]
    if other.style.baseline:
        marks.baseline_line(axes, rows.iloc[0], other.style)
        return other.style.label, float(rows["value"].iloc[0]), other.style.colour
    values = rows.set_index("layer")["value"].reindex(layers)
    axes.plot(range(len(layers)), values, **{**other.style.line, "linewidth": 1, "markersize": 0})
    return "untrained", float(values.iloc[-1]), other.style.colour


def _last(rows: pd.DataFrame, layers: list[str]) -> float:
    values = rows.set_index("layer")["value"].reindex(layers).dropna()
    return float(values.iloc[-1]) if len(values) else float("nan")


def _draw_errors(axes: Axes, rows: pd.DataFrame, entry: Entry) -> None:
    """Draw the word error rate with nothing erased, and with gender erased at each layer, at all, or a control."""
    kinds = _kinds(rows)
    for y, (name, part) in enumerate(kinds.items()):
        rate = part.iloc[0]
        style = entry.style if name == "none" else details.AFTER
        colour = _CONTROL_COLOUR if part["method"].iloc[0] in _CONTROLS else style.colour
        axes.barh(y, rate["value"], color=colour, height=0.62, alpha=0.85)
        axes.plot([rate["ci_low"], rate["ci_high"]], [y, y], color=marks.INK, linewidth=1)
        end = np.nanmax([rate["value"], rate["ci_high"]])
        axes.annotate(
            number(rate["value"]), (end, y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8.5
        )
    marks.chance_line(axes, float(next(iter(kinds.values()))["value"].iloc[0]), "v")
    marks.row_axis(axes, list(kinds))
    axes.grid(visible=False)
    top = max(float(np.nanmax(part[["value", "ci_high"]].to_numpy(float))) for part in kinds.values())
    axes.set(xlim=(0, 1.2 * top), xlabel="word error rate", ylabel="erased layer", title="Word errors")


def _kinds(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the error rates with nothing erased, at every layer or every k-th, at all layers, and of controls."""
    rates = rows[(rows["metric"] == "word_error_rate") & (rows["gender"] == "all")]
    found = {"none": rates[rates["method"] == NONE]}
    at = rates["erased_at"]
    layers = [layer for layer in plotting.layer_order(at) if layer not in ("", ALL, "blocks")]
    every = max(1, -(-len(layers) // _MAX_LAYERS))
    found |= {layer: rates[(at == layer) & (rates["dose"] == 1)] for layer in layers[::-1][::every][::-1]}
    found["all"] = _erased(rates)
    found |= {name: details.erased_everywhere(rates, method) for method, name in _SHORT.items()}
    return {name: part for name, part in found.items() if len(part)}
