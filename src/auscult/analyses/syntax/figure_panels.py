"""Panels of the syntax figure: curves over training with onsets, relations, and paradigms of minimal pairs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from auscult.analyses.syntax.columns import ACCURACY, ALL, FIXED_OFF, FIXED_OFFSET, LOSS, ONSET, UAS, UAS_OFF
from auscult.figures import marks, plotting
from auscult.figures.palette import ModelStyle

__all__ = [
    "CURVES",
    "OFFSET",
    "Condition",
    "Curve",
    "step_places",
    "draw_curves",
    "draw_seeds",
    "mark_onsets",
    "draw_offsets",
    "name_steps",
    "draw_relations",
    "draw_paradigms",
]


class Curve(NamedTuple):
    """How a metric is named, its onset marked (not at all without a marker), and its baseline named in the table."""

    title: str
    label: str
    marker: str
    items: str
    baseline: str = ""


@dataclass(frozen=True)
class Condition:
    """Models that differ in their seed only, and the style of their mean."""

    models: Sequence[str]
    style: ModelStyle


CURVES = {
    LOSS: Curve("Loss at masked tokens", "loss (nats)", "s", "tokens"),
    UAS: Curve("Attachment of attention heads", "UAS", "", "arcs", FIXED_OFFSET),
    UAS_OFF: Curve("Attachment off the commonest distance", "UAS", "^", "arcs", FIXED_OFF),
    ACCURACY: Curve("Minimal pairs", "accuracy", "o", "pairs"),
}
OFFSET = ModelStyle("best fixed offset", marks.INK, dashes=(0, (4, 2)), baseline=True)
# Tol's schemes, different from the models' palette, since a colour is a paradigm here.
_PARADIGMS = (
    "#332288",
    "#88CCEE",
    "#44AA99",
    "#117733",
    "#999933",
    "#DDCC77",
    "#CC6677",
    "#882255",
    "#AA4499",
    "#661100",
    "#6699CC",
    "#888888",
)


def step_places(steps: Iterable[str]) -> np.ndarray:
    """Return the positions of steps, log(step + 1); the checkpoint ``final`` is drawn to the right of the others."""
    numbers = pd.to_numeric(pd.Series(list(steps)), errors="coerce")
    return np.log1p(numbers.fillna(2 * numbers.max() if numbers.notna().any() else 1)).to_numpy()


def _mean_curve(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return positions and the mean over models of a curve, at the steps that all models have."""
    wide = rows.pivot_table(index="step", columns="model", values="value", sort=False).dropna()
    x = step_places(wide.index)
    order = np.argsort(x)
    return x[order], wide.mean(axis=1).to_numpy()[order]


def draw_curves(
    axes: Axes, rows: pd.DataFrame, onsets: pd.DataFrame, conditions: Sequence[Condition], metric: str
) -> None:
    """Draw every seed as a thin line with its onset and the onset's interval, and their mean as a thick line."""
    curve = CURVES[metric]
    if rows.empty:
        axes.set_ylabel(curve.label)
        plotting.head(axes, curve.title, ["not measured on these corpora"])
        return
    for condition in conditions:
        own = rows[rows["model"].isin(condition.models)]
        if len(own):
            draw_seeds(axes, own, condition)
    mark_onsets(axes, rows, onsets, conditions, metric)
    if metric == ACCURACY:
        marks.chance_line(axes, 0.5)
        axes.set_ylim(min(0.44, rows["value"].min() - 0.02), 1.02)
    axes.set(xlabel="", ylabel=curve.label)
    plotting.head(axes, curve.title, [f"{rows['corpus'].iloc[0]} · {_counts(rows, curve.items)}"])


def draw_seeds(axes: Axes, rows: pd.DataFrame, condition: Condition) -> float:
    """Draw the curve of each seed of a condition, and their mean as a thick line, whose last value is returned."""
    x, mean = _mean_curve(rows)
    marks.seed_lines(axes, step_places(rows["step"]), rows, condition.style.colour)
    axes.plot(x, mean, color=condition.style.colour)
    axes.set(xlabel="", ylabel="")
    return float(mean[-1])


def mark_onsets(
    axes: Axes, rows: pd.DataFrame, onsets: pd.DataFrame, conditions: Sequence[Condition], metric: str
) -> None:
    """Mark the onset of each seed on its curve, with a bar for the onset's interval."""
    dates = onsets[(onsets["metric"] == ONSET) & (onsets["curve"] == metric) & (onsets["target"] == ALL)]
    dates = dates[(dates["corpus"] == rows["corpus"].iloc[0]) & dates["value"].notna()]
    for condition in conditions:
        own = rows[rows["model"].isin(condition.models)]
        for date in dates[dates["model"].isin(own["model"])].itertuples():
            if CURVES[metric].marker:
                _mark_onset(axes, date, own[own["model"] == date.model], condition.style.colour, CURVES[metric].marker)


def _counts(rows: pd.DataFrame, items: str) -> str:
    """Return the number of items and, unless these are resampled, of the groups that are."""
    unit = plotting.resampling_unit(rows)
    groups = f" of {plotting.describe_range(rows['n_groups'])} {unit}s" if unit != "pair" else ""
    return f"n = {plotting.describe_range(rows['n'])} {items}{groups}"


def _mark_onset(axes: Axes, date: Any, rows: pd.DataFrame, colour: str, marker: str) -> None:
    """Mark the onset of a seed on its curve, with a bar for the onset's interval (to the edge where it has no end)."""
    x = np.log1p(date.value)
    y = np.interp(x, *_mean_curve(rows))
    last = step_places(rows["step"]).max()
    low, high = (np.log1p(end) for end in (date.ci_low, date.ci_high))
    if np.isfinite(low):
        high = high if np.isfinite(high) else last
        axes.plot([low, high], [y, y], color=colour, linewidth=2.5, alpha=0.35, solid_capstyle="butt")
    axes.plot(x, y, marker=marker, color=colour, markersize=5, markeredgecolor="white", zorder=4)


def draw_offsets(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the score of the best fixed offsets, and chance (another word of the sentence at random)."""
    total = rows[rows["target"] == ALL]
    if len(total):
        marks.baseline_line(axes, total.iloc[0], OFFSET)
        marks.chance_line(axes, total["chance"].iloc[0])
        axes.set_ylim(0, None)


def name_steps(axes: Axes, table: pd.DataFrame, last: bool) -> None:
    """Name the steps 0, 10, 100 … and ``final``, below the last panel only."""
    numbers = pd.to_numeric(table["step"], errors="coerce").dropna()
    top = int(numbers.max()) if len(numbers) else 0
    ticks = [0, *(10**power for power in range(1, 8) if 10**power <= top)]
    names = [f"{tick:,}" for tick in ticks]
    if (table["step"] == "final").any():
        ticks, names = [*ticks, 2 * max(top, 1)], [*names, "final"]
    axes.set_xticks(np.log1p(ticks), names)
    axes.tick_params(labelbottom=last)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel("training step (log scale)" if last else "")


def draw_relations(axes: Axes, table: pd.DataFrame, condition: Condition) -> None:
    """Draw the attachment of each relation at the last step, with the best fixed offset and the untrained model.

    It is that of arcs away from the commonest distance where the table has it.
    """
    metric = UAS_OFF if (table["metric"] == UAS_OFF).any() else UAS
    rows = table[table["metric"].isin([metric, CURVES[metric].baseline]) & (table["target"] != ALL)]
    rows = rows[rows["model"].isin(condition.models)]
    if rows.empty:
        axes.set_axis_off()
        return
    steps = rows["step"].unique()
    steps = steps[np.argsort(step_places(steps), kind="stable")]
    scores = rows[rows["metric"] == metric]
    first, last = (scores[scores["step"] == step] for step in (steps[0], steps[-1]))
    sizes = last.groupby("target")["n"].mean().sort_values(ascending=False)
    offsets = rows[rows["metric"] == CURVES[metric].baseline].groupby("target")["value"].mean()
    untrained, means = first.groupby("target")["value"].mean(), last.groupby("target")["value"].mean()
    marks.row_axis(axes, list(sizes.index))
    axes.tick_params(axis="y", labelsize=6.5)
    y, style, places = np.arange(len(sizes)), condition.style, {name: at for at, name in enumerate(sizes.index)}
    axes.vlines(offsets[sizes.index], y - 0.36, y + 0.36, color=OFFSET.colour, linewidth=1.5)
    dots: dict[str, Any] = {"linestyle": "", "marker": "o", "color": style.colour}
    axes.plot(untrained.reindex(sizes.index), y, **dots, markersize=3.5, markerfacecolor="white")
    axes.plot(last["value"], last["target"].map(places), **dots, markersize=2.5, alpha=0.5)
    axes.plot(means[sizes.index], y, **dots, markersize=5)
    axes.set(xlim=(-0.02, 1.02), xlabel="UAS")
    counts = f"n = {plotting.describe_range(sizes)} arcs per relation"
    part = "off the commonest distance" if metric == UAS_OFF else "all arcs"
    plotting.head(axes, "Attachment by relation", [f"{style.label} · step {steps[-1]} · {part}", counts])


def draw_paradigms(axes: Axes, table: pd.DataFrame, condition: Condition) -> None:
    """Draw the accuracy of each paradigm over training, mean over seeds."""
    rows = table[(table["metric"] == ACCURACY) & (table["target"] != ALL) & table["model"].isin(condition.models)]
    if rows.empty:
        axes.set_axis_off()
        return
    names = sorted(rows["target"].unique())
    colours = {name: _PARADIGMS[place % len(_PARADIGMS)] for place, name in enumerate(names)}
    curves = {name: _mean_curve(rows[rows["target"] == name]) for name in names}
    drawn = pd.concat([pd.DataFrame({"x": x, "y": y, "paradigm": name}) for name, (x, y) in curves.items()])
    many = len(names) > len(_PARADIGMS)
    width, alpha = (0.6, 0.6) if many else (1.2, 1.0)
    sns.lineplot(
        drawn,
        x="x",
        y="y",
        hue="paradigm",
        palette=colours,
        errorbar=None,
        legend=False,
        linewidth=width,
        alpha=alpha,
        ax=axes,
    )
    marks.chance_line(axes, 0.5)
    axes.set(ylim=(-0.04, 1.04), ylabel="accuracy")
    name_steps(axes, table, last=True)
    if not many:
        ends = [(name.replace("_", " "), float(curves[name][1][-1]), colours[name]) for name in names]
        plotting.label_lines(axes, ends, gap=0.085)
    counts = f"n = {plotting.describe_range(rows['n'])} pairs per paradigm"
    seeds = f", mean of {len(condition.models)} seeds" if len(condition.models) > 1 else ""
    lines = [f"{condition.style.label} · {rows['corpus'].iloc[0]}", counts + seeds]
    plotting.head(axes, "Accuracy by paradigm", lines)
