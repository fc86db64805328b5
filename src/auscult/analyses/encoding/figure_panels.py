"""Panels of the encoding figure: curves with fits, midpoints and layers, heat maps, and summaries."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.gridspec import SubplotSpec
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from auscult.activations.columns import DURATION
from auscult.analyses.encoding.sweep_scores import SELECTED
from auscult.dynamics.curves import FIT, SigmoidFit, doublings
from auscult.figures import marks, plotting
from auscult.figures.findings import number, value_text
from auscult.figures.palette import ModelStyle

__all__ = [
    "StepAxis",
    "plain_name",
    "names_in",
    "fit_of",
    "draw_levels",
    "draw_forests",
    "draw_maps",
    "draw_summary",
    "describe_differences",
    "curve_handles",
]

Styles = Mapping[str, ModelStyle]
_LOWEST = -0.15
_MEASURES = {"ridge": "probe", "abx": "ABX"}
_UNFITTED: Mapping[str, Any] = {"linestyle": (0, (1, 1.5)), "linewidth": 0.9}
_MIDPOINT: Mapping[str, Any] = {"marker": "D", "markersize": 4.5, "markerfacecolor": "white", "markeredgewidth": 1.2}
_SUMMARIES = {
    "midpoint_spread": ("Spread of midpoints", "standard deviation (doublings of steps)"),
    "abstractness_midpoint": ("Rank vs. midpoint", "correlation ρ"),
    "abstractness_layer": ("Rank vs. layer", "correlation ρ"),
}


class StepAxis:
    """Axis of training steps in doublings, log₂(step + first step), which has a place for step 0."""

    def __init__(self, scores: pd.DataFrame, curves: pd.DataFrame):
        self.offset = float(curves["offset"].iloc[0]) if len(curves) else 1.0
        self.steps = sorted({int(step) for step in scores["step"] if step != "final"}) or [0]
        self.at = doublings(self.steps, self.offset)
        self.span = max(float(np.ptp(self.at)), 1.0)

    def place(self, steps: npt.ArrayLike) -> np.ndarray:
        """Return the positions of steps."""
        return doublings(np.asarray(steps, dtype=float), self.offset)

    def set(self, axes: Axes, label: bool = True, room: float = 0.11) -> None:
        """Set up the horizontal axis of a panel; names of steps are at least a share ``room`` of its length apart."""
        kept: list[int] = []
        for place in reversed(range(len(self.at))):
            if not kept or self.at[kept[-1]] - self.at[place] > room * self.span:
                kept.append(place)
        axes.set_xlim(self.at[0] - 0.04 * self.span, self.at[-1] + 0.04 * self.span)
        axes.set_xticks([self.at[place] for place in kept], [str(self.steps[place]) for place in kept])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("training step" if label else "")


def plain_name(level: str) -> str:
    """Return the name of a level with spaces."""
    return level.replace("_", " ")


def names_in(column: pd.Series) -> list[str]:
    """Return the distinct values of a column in their order."""
    return list(dict.fromkeys(column))


def draw_levels(
    block: SubplotSpec, scores: pd.DataFrame, curves: pd.DataFrame, styles: Styles, axis: StepAxis, n_columns: int
) -> None:
    """Draw one panel per level: normalised scores of every model over steps, with fits, baselines and chance.

    Parameters
    ----------
    scores : normalised scores as ``value``, ``ci_low`` and ``ci_high``, of probes or of ABX
    curves : rows of the fits
    n_columns : number of panels side by side
    """
    levels = names_in(scores["target"])
    grid = block.subgridspec(-(-len(levels) // n_columns), n_columns).subplots(squeeze=False)
    for axes in grid.flat[len(levels) :]:
        axes.set_axis_off()
    for place, (level, axes) in enumerate(zip(levels, grid.flat)):
        rows = scores[(scores["target"] == level) & (scores["layer"] == SELECTED)]
        fits = curves[(curves["target"] == level) & (curves["probe"] == rows["probe"].iloc[0])]
        marks.chance_line(axes, 0)
        alone = ((rows["duration_alone"] - rows["chance"]) / (1 - rows["chance"])).dropna()
        if len(alone):
            marks.duration_line(axes, alone.iloc[0])
        for model in names_in(rows["model"]):
            own, style = rows[rows["model"] == model], styles[model]
            final = own[own["step"] == "final"]
            if len(final):  # a baseline, or a model with its last checkpoint only
                marks.baseline_line(axes, final.iloc[0], style)
            else:
                _draw_curve(axes, own, fit_of(fits[fits["model"] == model]), style, axis)
        axis.set(axes, place >= len(levels) - n_columns, room=0.045 * n_columns)
        axes.set_ylim(_LOWEST, 1.02)
        axes.set_yticks([0, 0.5, 1])
        axes.set_ylabel("normalised score" if place % n_columns == 0 else "")
        zero_shot = ", zero-shot" if (rows["probe"] == "abx").all() else ""
        plotting.head(axes, plain_name(level) + zero_shot, _counts(rows, scores["corpus"].nunique() > 1))


def _draw_curve(axes: Axes, rows: pd.DataFrame, fit: SigmoidFit | None, style: ModelStyle, axis: StepAxis) -> None:
    """Draw scores with their interval, and the sigmoid with its midpoint or, without a fit, a dotted line."""
    x = axis.place(rows["step"])
    marks.interval_band(axes, x, rows, style.colour)
    axes.plot(x, rows["value"], **{**style.marks, "markersize": 2.4}, linestyle="")
    if fit is None or not fit.fits:
        axes.plot(x, rows["value"], color=style.colour, **_UNFITTED)
        return
    fine = np.linspace(x.min(), x.max(), 120)
    axes.plot(fine, fit.at(2**fine - axis.offset), color=style.colour, linewidth=1.2)
    middle = axis.place([fit.midpoint]), fit.at([fit.midpoint])
    axes.plot(*middle, linestyle="", zorder=5, markeredgecolor=style.colour, **_MIDPOINT)


def fit_of(rows: pd.DataFrame) -> SigmoidFit | None:
    """Return the fit that rows of curves describe, or None without rows."""
    if rows.empty:
        return None
    values = rows.set_index("metric")["value"]
    floor, ceiling, midpoint, slope, rise, r2 = (
        float(values[name]) for name in ("floor", "ceiling", "midpoint", "slope", "rise", "r2")
    )
    return SigmoidFit(rows["verdict"].iloc[0], floor, ceiling, midpoint, slope, rise, r2, float(rows["offset"].iloc[0]))


def _counts(rows: pd.DataFrame, with_corpus: bool) -> list[str]:
    """Return the lines below a panel's title: classes, items, speakers; held-out units; chance, corpus and confound."""
    n, groups, classes = (plotting.describe_range(rows[column]) for column in ("n", "n_groups", "n_classes"))
    stated = [f"chance {number(rows['chance'].iloc[0])}"]
    if with_corpus:
        stated.append(str(rows["corpus"].iloc[0]).capitalize())
    if rows["given"].iloc[0] in DURATION:
        stated.append("given duration")
    if (rows["probe"] == "abx").all():
        return [f"{classes} classes, n = {n}", " · ".join(stated)]
    held_out = rows["held_out"].iloc[0]
    units = {"speaker+type": "speakers, words", "type": "words"}.get(held_out, f"{held_out}s")
    return [f"{classes} classes, n = {n} of {groups} speakers", f"held out: {units}", " · ".join(stated)]


def draw_forests(
    block: SubplotSpec, curves: pd.DataFrame, scores: pd.DataFrame, styles: Styles, axis: StepAxis
) -> None:
    """Draw midpoints by probes and by ABX, and the centre over layers by probes, of each level and model."""
    times, zero_shot, depths = block.subgridspec(1, 3, width_ratios=[1.3, 1.3, 1]).subplots(squeeze=False)[0]
    ridge, levels = curves[curves["probe"] == "ridge"], names_in(scores["target"])
    models = names_in(ridge["model"])
    gaps = np.linspace(-0.33, 0.33, len(models)) if len(models) > 1 else [0.0]
    unfitted = axis.at[-1] + 0.09 * axis.span
    for axes, named in ((times, True), (zero_shot, False), (depths, False)):
        marks.row_axis(axes, [plain_name(level) for level in levels], named)
        axes.set_ylim(len(levels) - 0.45, -0.55)
        axes.grid(visible=False)
        for edge in np.arange(0.5, len(levels) - 1):
            axes.axhline(edge, color="#DDDDDD", linewidth=0.6)
    drawn = curves[
        (curves["metric"] == "midpoint") | ((curves["metric"] == "layer_centre") & (curves["probe"] == "ridge"))
    ]
    for _, row in drawn.iterrows():
        y = levels.index(row["target"]) + gaps[models.index(row["model"])]
        panels = (times if row["probe"] == "ridge" else zero_shot, depths)
        _draw_forest_row(panels, y, row, styles[row["model"]], axis, unfitted)
    layers = [layer for layer in plotting.layer_order(scores["layer"]) if layer not in ("input", SELECTED)]
    for axes, probe, title in ((times, "ridge", "Midpoint, probe"), (zero_shot, "abx", "Midpoint, zero-shot ABX")):
        axis.set(axes, room=0.16)
        axes.set_xlim(right=unfitted + 0.05 * axis.span)
        axes.annotate(
            "none",
            (unfitted, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 1),
            textcoords="offset points",
            fontsize=7,
            ha="center",
            color=marks.GREY,
        )
        fitted = curves[(curves["metric"] == "midpoint") & (curves["verdict"] == FIT) & (curves["probe"] == probe)]
        plotting.head(axes, title, [plotting.describe_interval(fitted) if len(fitted) else "no fits"])
    marks.layer_axis(depths, layers, n_names=8)
    depths.tick_params(axis="x", labelsize=6)
    depths.set_xlabel("layer, last step")
    plotting.head(depths, "Centre over layers", ["faint: not above controls"])


def _draw_forest_row(
    panels: tuple[Axes, Axes], y: float, row: pd.Series, style: ModelStyle, axis: StepAxis, unfitted: float
) -> None:
    """Draw one model and level: its midpoint, or a cross at ``unfitted``, or its centre over layers."""
    times, depths = panels
    if row["metric"] == "layer_centre":
        faint = replace(style.untrained, filled=True)
        marks.interval_row(depths, y, row, style if row["above_chance"] else faint, markersize=3.2)
    elif row["verdict"] != FIT:
        times.plot(unfitted, y, color=style.colour, marker="x", markersize=3.5, clip_on=False)
    else:
        keys = ["value", "ci_low", "ci_high"]
        placed = dict(zip(keys, axis.place(row[keys].astype(float))))
        marks.interval_row(times, y, placed, style, markersize=3.2)


def draw_maps(block: SubplotSpec, scores: pd.DataFrame, style: ModelStyle, axis: StepAxis) -> None:
    """Draw one model's normalised scores by layer and step, with one heat map per level; dots mark the best layer."""
    levels = names_in(scores["target"])
    layers = [layer for layer in plotting.layer_order(scores["layer"]) if layer != SELECTED]
    grid = block.subgridspec(1, len(levels)).subplots(squeeze=False)[0]
    steps = [str(step) for step in axis.steps]
    for place, (level, axes) in enumerate(zip(levels, grid)):
        table = scores[scores["target"] == level].pivot(index="layer", columns="step", values="value")
        table = table.loc[layers[::-1], [step for step in steps if step in table]]
        image = marks.matrix(axes, table, limits=(0, 1), numbers=False)
        best = table.to_numpy().argmax(axis=0)
        dots = {"marker": "o", "markersize": 2, "color": "white", "markeredgecolor": marks.GREY, "markeredgewidth": 0.4}
        axes.plot(np.arange(len(best)) + 0.5, best + 0.5, linestyle="", **dots)
        axes.set_xticks([0.5, len(best) - 0.5], [table.columns[0], table.columns[-1]], rotation=0)
        axes.tick_params(axis="y", rotation=0, labelleft=not place)
        # Two lines, so that neighbours have room.
        name = "\n".join(plain_name(level).rsplit(" ", 1))
        axes.set_title(name, fontsize=6.5, fontweight="normal", color=marks.GREY, pad=2, linespacing=1.0)
    lines = textwrap.wrap(style.label, 19)
    grid[0].set_ylabel("\n".join([*lines, "layer"]), color=style.colour, fontsize=6.5)
    bar = grid[-1].figure.colorbar(image, ax=list(grid), fraction=0.02, pad=0.01, ticks=[0, 0.5, 1])
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=6.5)


def draw_summary(block: SubplotSpec, summary: pd.DataFrame, styles: Styles) -> None:
    """Draw spread of midpoints and rank correlations with abstractness of every condition, by probes and by ABX."""
    shown = summary[summary["metric"] == "midpoint_spread"]
    pairs = list(zip(shown["model"], shown["probe"]))
    names = [f"{styles[model].label}, {_MEASURES[probe]}" for model, probe in pairs]
    grid = block.subgridspec(1, len(_SUMMARIES)).subplots(squeeze=False)[0]
    for place, (axes, (metric, (title, label))) in enumerate(zip(grid, _SUMMARIES.items())):
        rows = summary[summary["metric"] == metric]
        marks.row_axis(axes, names, named=not place)
        for _, row in rows.iterrows():
            y = pairs.index((row["model"], row["probe"]))
            marks.interval_row(axes, y, row, styles[row["model"]])
            axes.plot([row["seed_low"], row["seed_high"]], [y + 0.28] * 2, color=styles[row["model"]].colour, lw=0.6)
            text = f"{row['n']} levels" if np.isfinite(row["value"]) else str(row["verdict"])
            at = axes.get_yaxis_transform()
            axes.text(1.02, y, text, transform=at, fontsize=6.5, va="center", color=marks.GREY)
        if metric == "midpoint_spread":
            axes.set_xlim(left=0)
        else:
            marks.chance_line(axes, 0, "v")
            axes.set_xlim(-1.15, 1.15)
        axes.set_xlabel(label)
        known = rows[rows["value"].notna()]
        # The panels are narrow: the note names what is resampled.
        plotting.head(axes, title, ["95 % interval" if known["ci_low"].notna().any() else ""])


def describe_differences(summary: pd.DataFrame, styles: Styles) -> Iterator[str]:
    """Yield a sentence for each pair of conditions: the difference of their spreads of midpoints by each measure."""
    gaps = summary[(summary["metric"] == "spread_difference") & summary["other"].isin(list(styles))]
    for (model, other), rows in gaps.groupby(["model", "other"], sort=False):
        values = ", ".join(
            f"{_MEASURES[row['probe']]} {value_text(row) if np.isfinite(row['value']) else row['verdict']}"
            for _, row in rows.iterrows()
        )
        yield f"Spread, {styles[model].label} − {styles[other].label}: {values}."


def curve_handles(baselines: Sequence[ModelStyle]) -> list[Line2D]:
    """Return the legend entries of midpoints, curves without a fit, chance and baselines."""
    return [
        marks.mark_handle("D", "midpoint of the sigmoid", filled=False, markersize=4.5, markeredgewidth=1.2),
        Line2D([], [], color=marks.GREY, **_UNFITTED, label="no fit"),
        marks.chance_handle(),
        marks.duration_handle("duration alone"),
        *marks.model_handles(baselines),
    ]
