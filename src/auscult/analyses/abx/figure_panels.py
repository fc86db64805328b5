"""Panels of the ABX figure: curves by layer, probe vs. ABX, rank correlations and published values."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from auscult.analyses.abx.agreement import spearman
from auscult.figures import plotting
from auscult.figures.marks import INK, chance_line, layer_axis, model_curve, row_axis
from auscult.figures.palette import Entry

__all__ = [
    "SPEAKERS",
    "condition_look",
    "condition_name",
    "draw_curves",
    "draw_scatter",
    "draw_agreement",
    "draw_published",
]

SPEAKERS = {"within": "within speaker", "across": "across speakers", "any": "any speakers"}
_MARKERS = {("in", "within"): "o", ("in", "across"): "s", ("any", "within"): "^", ("any", "across"): "D"}
_PUBLISHED = {"phone_abx_accuracy": "ABX accuracy", "phone_probe_accuracy": "probe accuracy"}


def condition_look(context: str, speaker: str) -> dict[str, Any]:
    """Return marker, colour and filling of a condition: filled in context, open in any context."""
    return {"marker": _MARKERS.get((context, speaker), "P"), "colour": INK, "filled": context == "in"}


def condition_name(context: str, speaker: str) -> str:
    """Return the name of a condition."""
    return f"{context} context, {SPEAKERS[speaker]}"


def draw_curves(
    axes: Axes, rows: pd.DataFrame, entries: Sequence[Entry], limits: tuple[float, float], ylabel: str
) -> None:
    """Draw the curve of each model over its layers, baselines and chance."""
    layers = [layer for layer in plotting.layer_order(rows["layer"]) if layer not in ("input", "selected")]
    rows = rows[rows["layer"] != "selected"]
    rows = rows.assign(x=rows["layer"].map({name: x for x, name in enumerate(layers)})).sort_values("x")
    if len(rows):
        chance_line(axes, rows["chance"].iloc[0])
    for entry in entries:
        model_curve(axes, entry.rows(rows), entry.style)
    layer_axis(axes, layers, n_names=7)
    axes.set(ylim=limits, xlabel="layer", ylabel=ylabel)


def draw_scatter(axes: Axes, pairs: pd.DataFrame, entries: Sequence[Entry]) -> None:
    """Draw each layer by its probe accuracy and its ABX accuracy; the layers of a model are joined in order."""
    for entry in entries:
        own = entry.rows(pairs)
        rank = {layer: x for x, layer in enumerate(plotting.layer_order(own["layer"]))}
        own = own.iloc[own["layer"].map(rank).argsort()]
        axes.plot(own["probe"], own["value"], color=entry.style.colour, linewidth=0.6, alpha=0.6)
        axes.plot(own["probe"], own["value"], **entry.style.marks, linestyle="")
    axes.set(xlabel="probe accuracy", ylabel="ABX accuracy")


def draw_agreement(axes: Axes, agreement: pd.DataFrame, entries: Sequence[Entry]) -> None:
    """Draw rank correlations over models and over the layers of each model, one mark per condition."""
    rows = [("over models", agreement[agreement["over"] == "models"])]
    rows += [(entry.style.label, own) for entry in entries if len(own := entry.rows(agreement))]
    chance_line(axes, 0, "v")
    for y, (_, own) in enumerate(rows):
        step = 0.5 / max(1, len(own) - 1)
        for place, row in enumerate(own.to_dict("records")):
            look = condition_look(row["context"], row["speaker"])
            face = look["colour"] if look["filled"] else "white"
            marks = {"marker": look["marker"], "color": look["colour"], "markerfacecolor": face}
            axes.plot(row["spearman"], y - 0.25 + place * step, **marks, markersize=3.5)
        axes.text(1.03, y, _ranked(own), transform=axes.get_yaxis_transform(), fontsize=6.5, va="center")
    row_axis(axes, [plotting.plain(name) for name, _ in rows])
    axes.set(xlim=(-1.05, 1.05), xlabel="Spearman’s ρ of probe and ABX accuracy")
    first = condition_name(*agreement[["context", "speaker"]].iloc[0])
    lines = ["over models, and over the layers of each model", "right: n · best layer by probe, by ABX", f"({first})"]
    plotting.head(axes, "Rank correlation", lines)


def draw_published(panels: Sequence[Axes], published: pd.DataFrame, colours: Mapping[str, str]) -> None:
    """Draw published values by layer and against each other, in colours that no model has."""
    wide = published.pivot(index=["pretraining", "layer"], columns="metric", values="value")
    layers = ["CNN", *plotting.layer_order(set(published["layer"]) - {"CNN"})]
    for axes, (metric, label) in zip(panels, _PUBLISHED.items()):
        for name, colour in colours.items():
            axes.plot(range(len(layers)), wide.loc[name, metric].reindex(layers), color=colour, linewidth=1.2)
        layer_axis(axes, layers, n_names=7)
        axes.set(xlabel="layer", ylabel=label)
    correlations = []
    for name, colour in colours.items():
        x, y = (wide.loc[name, metric].reindex(layers) for metric in reversed(_PUBLISHED))
        panels[-1].plot(x, y, color=colour, linewidth=0.6, marker=".", markersize=4)
        correlations.append(f"{name} {spearman(x, y):.2f}")
    panels[-1].set(xlabel="probe accuracy", ylabel="ABX accuracy")
    plotting.head(panels[0], "Published: ABX", ["de Heer Kloots et al. (2025),", "four other models"])
    plotting.head(panels[1], "Published: probe", ["read by eye off slides,", "± 0.01"])
    lines = [", ".join(correlations[start : start + 2]) for start in range(0, len(correlations), 2)]
    lines = [f"ρ over n = {len(layers)} layers:", *lines] if lines else []
    plotting.head(panels[2], "Published: probe vs. ABX", lines)


def _ranked(rows: pd.DataFrame) -> str:
    """Return the number ranked and, for layers, the best layer by each measure in the first condition."""
    n = plotting.describe_range(rows["n"])
    first = rows.iloc[0]
    return f"n = {n}" if first["over"] == "models" else f"n = {n} · {first['best_by_probe']}, {first['best_by_abx']}"
