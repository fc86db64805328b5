"""Panels of the probing figure: curves over layers, scores at the selected layer, and control tasks."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from auscult.analyses.probing.columns import NONLINEAR, PEER, SAMPLED, SELECTED
from auscult.figures import plotting
from auscult.figures.marks import (
    GREY,
    baseline_line,
    chance_line,
    chance_tick,
    count_line,
    duration_line,
    interval_band,
    interval_row,
    layer_axis,
    row_axis,
)
from auscult.figures.palette import Entry, ModelStyle

__all__ = [
    "METRICS",
    "LOWEST_R2",
    "SHUFFLED",
    "CONTROL",
    "NONLINEAR_MARK",
    "PEER_MARK",
    "target_name",
    "linear",
    "draw_curves",
    "draw_selected",
    "draw_controls",
]

METRICS = {"accuracy": "accuracy", "r2": "R²"}
LOWEST_R2 = -0.5
SHUFFLED: dict[str, Any] = {
    "color": "#A9A9A9",
    "linestyle": (0, (1, 1)),
    "linewidth": 0.9,
    "marker": "x",
    "markersize": 3,
}
CONTROL: dict[str, Any] = {"color": GREY, "linestyle": "", "marker": "D", "markersize": 3.2, "markerfacecolor": "white"}
NONLINEAR_MARK: dict[str, Any] = {"linestyle": "", "marker": "+", "markersize": 5.5, "markeredgewidth": 1.1}
PEER_MARK: dict[str, Any] = {
    "linestyle": "",
    "marker": "o",
    "markersize": 2.4,
    "markerfacecolor": "white",
    "markeredgewidth": 0.7,
}
# Probes of sampled items lie below the probe of all items, with which they cannot be compared.
_BELOW = 0.28
_N_LAYER_NAMES = 8
_HEAD_LETTERS, _TITLE_LETTERS = 48, 32
_HELD_OUT = {"type": "types", "speaker+type": "speakers, types"}


def target_name(target: str) -> str:
    """Return the name of a target as figures show it."""
    return target.replace("_", " ").replace("f0", "F0")


def linear(rows: pd.DataFrame, labels: str = "true") -> pd.DataFrame:
    """Return the rows of the linear probe of all items for one kind of labels."""
    return rows[~rows["probe"].isin(SAMPLED) & (rows["labels"] == labels)]


def draw_curves(axes: Axes, rows: pd.DataFrame, entries: Iterable[Entry]) -> None:
    """Draw the score of each model by layer, with acoustic baselines, shuffled labels and chance."""
    metric = rows["metric"].iloc[0]
    layers = [layer for layer in plotting.layer_order(rows["layer"]) if layer not in ("input", SELECTED)]
    rows = rows[rows["layer"] != SELECTED].assign(x=rows["layer"].map({name: x for x, name in enumerate(layers)}))
    chance = linear(rows)["chance"].iloc[0]
    bottom, top = _limits(metric, rows[~rows["probe"].isin(SAMPLED)])
    chance_line(axes, chance)
    names = [("mean" if metric == "r2" else "chance", chance, GREY)]
    alone = linear(rows)["duration_alone"].dropna() if "duration_alone" in rows else rows["value"][:0]
    if len(alone):
        duration_line(axes, max(alone.iloc[0], bottom))
    for entry in entries:
        style, mine = entry.style, entry.rows(rows).sort_values("x")
        true, shuffled = linear(mine), linear(mine, "shuffled")
        # Without a context, baselines are recognised by their only layer.
        if style.baseline or mine["layer"].eq("input").all():
            for row in true.to_dict("records"):
                baseline_line(axes, row, style)
                names.append((style.label, max(row["value"], bottom), style.colour))
            continue
        axes.plot(shuffled["x"], shuffled["value"], **SHUFFLED)
        interval_band(axes, true["x"], true, style.colour)
        axes.plot(true["x"], true["value"], **style.line)
    axes.set(ylim=(bottom, top), xlabel="layer", ylabel=METRICS[metric])
    layer_axis(axes, layers, _N_LAYER_NAMES)
    plotting.label_lines(axes, names, gap=0.085 * (top - bottom))
    first = rows.iloc[0]
    title = textwrap.wrap(f"{first['corpus']} · {target_name(first['target'])}", _TITLE_LETTERS)
    plotting.head(axes, "\n".join(title), _describe_items(rows))


def draw_selected(axes: Axes, rows: pd.DataFrame, entries: Sequence[Entry], named: bool) -> None:
    """Draw each model's score at the layer selected on validation data, with its interval, value and layer.

    Parameters
    ----------
    rows : rows of one corpus and target
    entries : one row of the panel each
    named : whether to write their names
    """
    metric, rows = rows["metric"].iloc[0], rows[rows["layer"] == SELECTED]
    row_axis(axes, [entry.name for entry in entries], named)
    chance_line(axes, linear(rows)["chance"].iloc[0], "v")
    for y, entry in enumerate(entries):
        mine = entry.rows(rows)
        for value in linear(mine, "shuffled")["value"]:
            axes.plot(value, y, **{**SHUFFLED, "linestyle": ""})
        _draw_sampled(axes, mine[mine["labels"] == "true"], y, entry.style)
        for row in linear(mine).to_dict("records"):
            interval_row(axes, y, row, entry.style, clip_on=False)
            layer = "" if row["selected_layer"] == "input" else f"  {row['selected_layer']}"
            text = f"{row['value']:.2f}{layer}".replace("-", "−")
            axes.text(1.03, y, text, transform=axes.get_yaxis_transform(), fontsize=7, va="center")
    axes.set(
        xlim=_limits(metric, rows[~rows["probe"].isin(SAMPLED)]), xlabel=f"{METRICS[metric]} at the selected layer"
    )


def draw_controls(panels: Iterable[Axes], rows: pd.DataFrame, entries: Sequence[Entry]) -> None:
    """Draw accuracy on true and control labels, selectivity and compression at the selected layer.

    Parameters
    ----------
    panels : three, of which those without data stay empty
    rows : rows of one corpus and target
    entries : one row of each panel
    """
    rows = rows[rows["layer"] == SELECTED]
    selectivity, codes = (rows[rows["metric"] == metric] for metric in ("selectivity", "compression"))
    # Without the nonlinear probes, which have other items.
    accuracy = rows[(rows["metric"] == "accuracy") & rows["n_train"].isna()]
    shown = (accuracy if len(selectivity) else accuracy[:0], selectivity, codes)
    first = next(place for place, part in enumerate(shown) if len(part))
    about = f"{rows['corpus'].iloc[0]} · {target_name(rows['target'].iloc[0])}"
    for place, (axes, part, describe) in enumerate(zip(panels, shown, (_on_accuracy, _on_selectivity, _on_codes))):
        if part.empty:
            axes.set_axis_off()
            continue
        row_axis(axes, [entry.name for entry in entries], place == first)
        for y, entry in enumerate(entries):
            _draw_control_row(axes, entry.rows(part), y, entry.style)
        title, *lines = describe(axes, part)
        if place == first:
            title, lines = about, [f"{title}, {lines[0]}", *lines[1:]]
        plotting.head(axes, title, lines)


def _draw_control_row(axes: Axes, rows: pd.DataFrame, y: float, style: ModelStyle) -> None:
    true, control = linear(rows), linear(rows, "control")
    if len(true) and len(control):
        ends = [true["value"].iloc[0], control["value"].iloc[0]]
        axes.plot(ends, [y, y], color=style.colour, alpha=0.35, linewidth=2)
    _draw_sampled(axes, rows, y, style)
    axes.plot(control["value"], [y] * len(control), **CONTROL)
    for row in true.to_dict("records"):
        if row["metric"] == "compression":
            chance_tick(axes, row["chance"], y)
        interval_row(axes, y, row, style)


def _on_accuracy(axes: Axes, rows: pd.DataFrame) -> list[str]:
    axes.set(xlim=(0, 1), xlabel="accuracy, true and control labels")
    typed = rows[rows["type"].notna()]
    return [
        "control task",
        f"one label per {typed['type'].iloc[0].replace('_', ' ')}",
        f"{100 * typed['type_overlap'].mean():.0f} % of test items: type in training",
    ]


def _on_selectivity(axes: Axes, rows: pd.DataFrame) -> list[str]:
    chance_line(axes, 0, "v")
    axes.set(xlabel="selectivity")
    return ["selectivity", "accuracy, true − control labels", plotting.describe_interval(rows)]


def _on_codes(axes: Axes, rows: pd.DataFrame) -> list[str]:
    chance_line(axes, 1, "v")
    axes.set(xlabel="compression ratio")
    return ["online code", f"n = {plotting.describe_range(rows['n'])}", plotting.describe_interval(rows)]


def _draw_sampled(axes: Axes, rows: pd.DataFrame, y: float, style: ModelStyle) -> None:
    """Draw the nonlinear probes of a row, and the linear probe of the same items."""
    for probe, marks in {PEER: PEER_MARK, **dict.fromkeys(NONLINEAR, NONLINEAR_MARK)}.items():
        mine = rows[rows["probe"] == probe]
        axes.plot(mine["value"], [y + _BELOW] * len(mine), **marks, color=style.colour, zorder=4)


def _limits(metric: str, rows: pd.DataFrame) -> tuple[float, float]:
    """Return the range of an axis; R² may fall below 0, far below for probes that overfit."""
    lowest = min(-0.08, rows["value"].min() - 0.03)
    return (max(LOWEST_R2, lowest), 1) if metric == "r2" else (0, 1)


def _describe_items(rows: pd.DataFrame) -> list[str]:
    """Return the counts of a panel, and its held-out units with the unit of resampling."""
    true = linear(rows)
    n_classes = plotting.describe_range(true["n_classes"])
    classes = [] if n_classes == "0" else [f"{n_classes} classes"]
    units = ", ".join(_HELD_OUT.get(name, f"{name}s") for name in dict.fromkeys(true["held_out"].dropna()))
    given = true["given"].dropna() if "given" in true else true["held_out"][:0]
    fixed = [f"given {given.iloc[0].replace('log_', '').replace('_', ' ')}"] if len(given) else []
    held_out = [*fixed, f"held out: {units}", plotting.describe_interval(true)]
    return [" · ".join([*classes, count_line(true)]), *plotting.join_lines(held_out, _HEAD_LETTERS)]
