"""Panels of the tone figure: accuracy over training, paired differences, and accuracy by layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from auscult.analyses.tone.columns import CONTOUR, PUBLISHED, SELECTED
from auscult.figures import marks, plotting
from auscult.figures.palette import ModelStyle
from auscult.seeds import task_of

__all__ = [
    "Panel",
    "Styles",
    "panels_of",
    "mode_handles",
    "short_label",
    "draw_curves",
    "draw_differences",
    "draw_maps",
    "step_order",
    "step_places",
]

_PUBLISHED: Mapping[str, Any] = {"linestyle": (0, (3, 1.5)), "linewidth": 0.8}
_HALF_RISE: Mapping[str, Any] = {"marker": "D", "markersize": 4.5, "markerfacecolor": "white", "markeredgewidth": 1.2}
Styles = Mapping[str, ModelStyle]


@dataclass(frozen=True)
class Panel:
    """One column of the figure: a contrast read from one pooling.

    Parameters
    ----------
    target, pooling : names
    seeds : accuracy of each model at the selected layer
    means : accuracy of each condition, over its seeds, and of the baselines
    differences : paired differences at the last step
    by_layer : accuracy by layer, of all poolings of the contrast, since they share a colour scale
    published : accuracy of each model in the published mode
    rises : steps at which half of the rise is made
    """

    target: str
    pooling: str
    seeds: pd.DataFrame
    means: pd.DataFrame
    differences: pd.DataFrame
    by_layer: pd.DataFrame
    published: pd.DataFrame
    rises: pd.DataFrame

    @property
    def own(self) -> pd.DataFrame:
        """Rows of ``means`` without baselines."""
        return self.means[self.means["pooling"] == self.pooling]


def panels_of(rows: pd.DataFrame, summary: pd.DataFrame) -> list[Panel]:
    """Return the panels of one corpus, in the order of the summary."""
    own = summary[summary["pooling"] != CONTOUR]
    accuracy = rows[rows["metric"] == "accuracy"]
    panels = []
    for target, pooling in dict.fromkeys(zip(own["target"], own["pooling"])):
        of_target = accuracy[accuracy["target"] == target]
        published = rows[(rows["metric"] == PUBLISHED) & (rows["target"] == target) & (rows["pooling"] == pooling)]
        selected = of_target["layer"] == SELECTED
        condensed = summary[(summary["target"] == target) & summary["pooling"].isin([pooling, CONTOUR])]
        panels.append(
            Panel(
                target=target,
                pooling=pooling,
                seeds=of_target[selected & (of_target["pooling"] == pooling)],
                means=condensed[condensed["metric"] == "accuracy"],
                differences=condensed[condensed["metric"] == "accuracy_difference"],
                by_layer=of_target[~selected & (of_target["pooling"] != CONTOUR)],
                published=published,
                rises=condensed[condensed["metric"] == "half_rise"],
            )
        )
    return panels


def draw_curves(axes: Axes, panel: Panel, styles: Styles, pooling: str) -> None:
    """Draw accuracy over steps: mean over seeds with its interval, single seeds, baselines and chance.

    Dashed: mean over seeds in the published mode. Diamonds: half of the rise.
    """
    places = step_places(panel.means)
    for condition, style in styles.items():
        rows = panel.means[panel.means["model"] == condition]
        if style.baseline:
            for _, row in rows.iterrows():
                marks.baseline_line(axes, row, style)
            continue
        x = rows["step"].map(places)
        marks.interval_band(axes, x, rows, style.colour)
        seeds = panel.seeds[panel.seeds["model"].map(task_of) == condition]
        marks.seed_lines(axes, seeds["step"].map(places), seeds, style.colour)
        axes.plot(x, rows["value"], **{**style.line, "markersize": 3.4})
        published = panel.published[panel.published["model"].map(task_of) == condition]
        means = published.groupby("step", sort=False)["value"].mean()
        axes.plot([places[step] for step in means.index], means, color=style.colour, **_PUBLISHED)
        _draw_half_rise(axes, x, rows, panel.rises[panel.rises["model"] == condition], style)
    marks.chance_line(axes, panel.own["chance"].iloc[0])
    axes.set(xlabel="training step", xlim=(-0.25, max(places.values()) + 0.25))
    marks.few_ticks(axes, list(places), list(places.values()), share=0.27)
    axes.grid(axis="y")
    plotting.head(axes, panel.target.capitalize(), [pooling, *_counts(panel)])


def _draw_half_rise(axes: Axes, x: pd.Series, rows: pd.DataFrame, rises: pd.DataFrame, style: ModelStyle) -> None:
    """Mark on a curve the step at which half of its rise is made, if there is one."""
    if rises.empty or not np.isfinite(rises["value"].iloc[0]):
        return
    steps = rows["step"].map(step_order)
    numbered = np.isfinite(steps)
    place = np.interp(np.log1p(rises["value"].iloc[0]), np.log1p(steps[numbered]), x[numbered])
    height = np.interp(place, x, rows["value"])
    axes.plot(place, height, linestyle="", zorder=5, markeredgecolor=style.colour, **_HALF_RISE)


def _counts(panel: Panel) -> list[str]:
    """Return the lines below a panel's title: classes, syllables, unseen groups and interval."""
    row, n_dropped = panel.own.iloc[0], int(panel.seeds["n_dropped"].max())
    dropped = f" ({n_dropped} dropped)" if n_dropped else ""
    n_classes = int(panel.seeds["n_classes"].iloc[0])
    held_out = f"{int(row['n_groups'])} speakers, {int(row['n_strings'])} strings, all unseen"
    return [
        f"{n_classes} classes, n = {int(row['n']):,}{dropped}",
        held_out,
        # Three columns leave no room for the resampling units on the same line.
        *plotting.describe_interval(panel.own).replace(" over ", " over\n").splitlines(),
    ]


def mode_handles() -> list[Line2D]:
    """Return the legend entries of the published mode and of half of a rise."""
    half = marks.mark_handle("D", "half of the rise", filled=False, markersize=4.5, markeredgewidth=1.2)
    return [Line2D([], [], color=marks.INK, **_PUBLISHED, label="published mode"), half]


def step_order(step: str) -> float:
    """Return a step as a number; ``final`` comes last."""
    return float(str(step).replace("final", "inf"))


def step_places(rows: pd.DataFrame) -> dict[str, float]:
    """Return the position of each training step on a logarithmic axis with room for step 0."""
    names = sorted(set(rows.loc[rows["pooling"] != CONTOUR, "step"]), key=step_order)
    numbers = [float(name) for name in names if name not in ("0", "final")]
    first = min(numbers, default=1.0)
    places = {name: float(np.log2(1 + float(name) / first)) for name in names if name != "final"}
    # A checkpoint without a number is drawn to the right of the others.
    return places | ({"final": max(places.values(), default=0.0) + 1} if "final" in names else {})


def draw_differences(axes: Axes, panel: Panel, pairs: Sequence[tuple[str, str]], styles: Styles, named: bool) -> None:
    """Draw paired differences of the last step from the untrained model, baselines and other conditions."""
    marks.row_axis(axes, [_versus(*pair, styles) for pair in pairs], named)
    marks.chance_line(axes, 0, "v")
    gaps = panel.differences.set_index(["model", "other_model"])
    for place, pair in enumerate(pairs):
        row, style = gaps.loc[pair], styles[pair[0]]
        marks.interval_row(axes, place, row, style)
        axes.plot([row["seed_low"], row["seed_high"]], [place + 0.28] * 2, color=style.colour, linewidth=0.6)
    axes.tick_params(axis="y", labelsize=7)
    axes.set_xlabel("difference in accuracy")
    axes.grid(axis="x")


def _versus(condition: str, other: str, styles: Styles) -> str:
    """Name a comparison."""
    control = "untrained" if other == condition else short_label(styles[other].label)
    return f"{short_label(styles[condition].label)} − {control}"


def short_label(label: str) -> str:
    """Return the language in brackets at the end of a label, which distinguishes conditions, or the whole label."""
    return label[label.rfind("(") + 1 : -1] if label.endswith(")") else label


def draw_maps(column: np.ndarray, panel: Panel, styles: Styles, named: bool) -> None:
    """Draw accuracy by layer and step, mean over seeds, with one heat map per condition and one scale per contrast."""
    rows = panel.by_layer.assign(condition=panel.by_layer["model"].map(task_of))
    means = rows.groupby(["pooling", "condition", "layer", "step"])["value"].mean()
    limits = (float(means.min()), float(means.max()))
    for axes, (condition, style) in zip(column, styles.items()):
        values = means.loc[panel.pooling, condition].unstack("step")
        steps = sorted(values.columns, key=step_order)
        image = marks.matrix(
            axes, values.loc[plotting.layer_order(values.index)[::-1], steps], limits=limits, numbers=False
        )
        last = axes is column[-1]
        marks.few_ticks(axes, steps, [place + 0.5 for place in range(len(steps))], share=0.2)
        axes.tick_params(axis="x", rotation=0, labelbottom=last)
        axes.tick_params(axis="y", rotation=0, labelleft=named)
        axes.set_ylabel(short_label(style.label) if named else "")
    column[-1].set_xlabel("training step")
    bar = axes.figure.colorbar(image, ax=list(column), aspect=30, pad=0.02)
    bar.outline.set_visible(False)
