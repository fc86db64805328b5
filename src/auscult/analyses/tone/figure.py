"""Figure of tone probing: accuracy over training, paired differences at the last step, and accuracy by layer."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from auscult.analyses.tone.analysis import CONTOUR, SELECTED
from auscult.figures import marks, plotting
from auscult.figures.context import FigureContext
from auscult.figures.findings import compare, finding, number, value_text
from auscult.figures.palette import ModelStyle, model_style
from auscult.seeds import task_of

__all__ = ["draw", "drawn_rows", "describe_finding"]

_CURVES_MM, _ROW_MM, _MAP_MM = 66, 4.6, 30
_MANY_STEPS = 4  # names of more steps are written vertically
Styles = Mapping[str, ModelStyle]


@dataclass(frozen=True)
class _Panel:
    """One column of the figure: a contrast read from one pooling.

    Parameters
    ----------
    target, pooling : names
    seeds : accuracy of each model at the selected layer
    means : accuracy of each condition, over its seeds, and of the baselines
    differences : paired differences at the last step
    by_layer : accuracy by layer, of all poolings of the contrast, since they share a colour scale
    """

    target: str
    pooling: str
    seeds: pd.DataFrame
    means: pd.DataFrame
    differences: pd.DataFrame
    by_layer: pd.DataFrame

    @property
    def own(self) -> pd.DataFrame:
        """Rows of ``means`` without baselines."""
        return self.means[self.means["pooling"] == self.pooling]


def draw(table: pd.DataFrame, summary: pd.DataFrame, *, context: FigureContext = FigureContext()) -> Figure:
    """Draw curves, differences and heat maps of each corpus, with one column per contrast and pooling.

    Parameters
    ----------
    table : result rows of :func:`~auscult.analyses.tone.analysis.tone_activations` and ``tone_contours``
    summary : as returned by :func:`~auscult.analyses.tone.summary.summarise_tone`
    context : models, settings and study; its models are single seeds, baselines are always drawn

    Raises
    ------
    AnalysisError
        The table has no row of a model that the context names.
    """
    rows, styles = _drawn_models(table, context), _condition_styles(table, summary, context)
    summary = drawn_rows(table, summary, context=context)
    blocks = [(rows[rows["corpus"] == corpus], part) for corpus, part in summary.groupby("corpus", sort=False)]
    heights_mm = [mm for _, part in blocks for mm in _heights(part, styles)]
    figure = plotting.new_figure(sum(heights_mm), [_legend(styles)], _note(summary, context))
    grid = figure.add_gridspec(len(heights_mm), 1, height_ratios=heights_mm)
    for place, (mine, condensed) in enumerate(blocks):
        panels = _panels(mine, condensed)
        shown = [name for name in _conditions(styles) if (condensed["model"] == name).any()]
        curves, forests, maps = (
            grid[3 * place + part].subgridspec(n_rows, len(panels)).subplots(squeeze=False)
            for part, n_rows in enumerate((1, 1, len(shown)))
        )
        for column, panel in enumerate(panels):
            _draw_curves(curves[0, column], panel, styles, _pooling_label(panel.pooling, context))
            curves[0, column].set_ylim(_limits(condensed[condensed["target"] == panel.target]))
            curves[0, column].set_ylabel("" if column else "accuracy")
            _draw_differences(forests[0, column], panel, _compared(condensed), styles, named=not column)
            _draw_maps(maps[:, column], panel, {name: styles[name] for name in shown}, named=not column)
    return figure


def drawn_rows(table: pd.DataFrame, summary: pd.DataFrame, *, context: FigureContext = FigureContext()) -> pd.DataFrame:
    """Return the rows of the summary whose conditions the figure shows."""
    _drawn_models(table, context)
    names, summary = set(_condition_styles(table, summary, context)), summary.copy()
    summary["other_step"] = summary["other_step"].astype(str)
    return summary[summary["model"].isin(names) & (summary["other_model"].isna() | summary["other_model"].isin(names))]


def describe_finding(table: pd.DataFrame, summary: pd.DataFrame, *, context: FigureContext = FigureContext()) -> str:
    """Return a sentence on the highest accuracy of tone (or the first contrast) at the last step and its control.

    The control is whichever of the untrained model and the acoustic baselines leaves the smallest difference.
    """
    rows = drawn_rows(table, summary, context=context)
    styles = _condition_styles(table, summary, context)
    corpora, targets = rows["corpus"].unique(), list(rows["target"].unique())
    if not len(rows):
        return ""
    target = "tone" if "tone" in targets else targets[0]
    rows = rows[(rows["corpus"] == corpora[0]) & (rows["target"] == target)]
    own = rows[(rows["metric"] == "accuracy") & (rows["pooling"] != CONTOUR)]
    last = own.assign(at=own["step"].map(_step_order)).sort_values("at", kind="stable")
    last = last.drop_duplicates(["model", "pooling"], keep="last")
    if last.empty:
        return ""
    best = last.loc[last["value"].idxmax()]
    where = f" in {corpora[0]}" if len(corpora) > 1 else ""
    pooling = _pooling_label(best["pooling"], context)
    subject = f"{target[0].upper()}{target[1:]} accuracy of {styles[best['model']].label}{where}, {pooling},"
    gaps = rows[(rows["metric"] == "accuracy_difference") & (rows["model"] == best["model"])]
    is_control = gaps["other_model"].map(lambda name: name == best["model"] or styles[name].baseline)
    gaps = gaps[(gaps["pooling"] == best["pooling"]) & is_control]
    if gaps.empty:
        return finding(subject, best, {"chance": float(best["chance"])})
    gap = gaps.loc[gaps["value"].idxmin()]
    control = "untrained" if gap["other_model"] == best["model"] else styles[gap["other_model"]].label
    verdict = compare(gap, 0)
    if verdict == "against":
        control_value = number(best["value"] - gap["value"])
        return f"{subject} is {number(best['value'])} without interval, against {control} ({control_value})."
    return f"{subject} is {number(best['value'])}, {verdict} {control} (difference {value_text(gap)})."


def _drawn_models(table: pd.DataFrame, context: FigureContext) -> pd.DataFrame:
    """Return the rows of the models to draw and of all baselines."""
    shown = context.select(table)
    baselines = table[(table["pooling"] == CONTOUR) & ~table["model"].isin(shown["model"])]
    return pd.concat([shown, baselines])


def _condition_styles(table: pd.DataFrame, summary: pd.DataFrame, context: FigureContext) -> dict[str, ModelStyle]:
    """Return the style of each condition, the style of its first seed; baselines come last."""
    baselines = table.loc[table["pooling"] == CONTOUR, "model"].unique()
    models = {**context.models, **{name: {"source": "acoustic", **context.models.get(name, {})} for name in baselines}}
    looks = model_style({**{name: {} for name in table["model"].unique() if name not in models}, **models})
    wanted = list(context.shown) or list(table["model"].unique())
    order = [name for name in wanted if not looks[name].baseline] + [name for name in looks if looks[name].baseline]
    styles: dict[str, ModelStyle] = {}
    for name in order:
        if (summary["model"] == task_of(name)).any():
            styles.setdefault(task_of(name), looks[name])
    return styles


def _conditions(styles: Styles) -> list[str]:
    return [name for name, style in styles.items() if not style.baseline]


def _panels(rows: pd.DataFrame, summary: pd.DataFrame) -> list[_Panel]:
    """Return the panels of one corpus, in the order of the summary."""
    own = summary[summary["pooling"] != CONTOUR]
    accuracy = rows[rows["metric"] == "accuracy"]
    panels = []
    for target, pooling in dict.fromkeys(zip(own["target"], own["pooling"])):
        of_target = accuracy[accuracy["target"] == target]
        selected = of_target["layer"] == SELECTED
        condensed = summary[(summary["target"] == target) & summary["pooling"].isin([pooling, CONTOUR])]
        panels.append(
            _Panel(
                target=target,
                pooling=pooling,
                seeds=of_target[selected & (of_target["pooling"] == pooling)],
                means=condensed[condensed["metric"] == "accuracy"],
                differences=condensed[condensed["metric"] == "accuracy_difference"],
                by_layer=of_target[~selected & (of_target["pooling"] != CONTOUR)],
            )
        )
    return panels


def _heights(summary: pd.DataFrame, styles: Styles) -> list[float]:
    """Return the heights of curves, differences and heat maps of a corpus, in millimetres."""
    n_maps = sum((summary["model"] == name).any() for name in _conditions(styles))
    return [_CURVES_MM, 14 + _ROW_MM * len(_compared(summary)), _MAP_MM * n_maps + 12]


def _compared(summary: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the pairs of conditions that are compared."""
    gaps = summary[summary["metric"] == "accuracy_difference"]
    return list(dict.fromkeys(zip(gaps["model"], gaps["other_model"])))


def _draw_curves(axes: Axes, panel: _Panel, styles: Styles, pooling: str) -> None:
    """Draw accuracy over steps: mean over seeds with its interval, single seeds, baselines and chance."""
    places = _step_places(panel.means)
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
    marks.chance_line(axes, panel.own["chance"].iloc[0])
    _name_steps(axes, list(places), list(places.values()))
    axes.set(xlabel="training step", xlim=(-0.25, max(places.values()) + 0.25))
    axes.grid(axis="y")
    plotting.head(axes, f"{panel.target.capitalize()}, {pooling}", _counts(panel))


def _counts(panel: _Panel) -> list[str]:
    """Return the lines below a panel's title: classes, syllables, unseen groups and interval."""
    row, n_dropped = panel.own.iloc[0], int(panel.seeds["n_dropped"].max())
    dropped = f" ({n_dropped} dropped)" if n_dropped else ""
    n_classes = int(panel.seeds["n_classes"].iloc[0])
    held_out = f"{int(row['n_groups'])} speakers, {int(row['n_strings'])} strings, all unseen"
    return [
        f"{n_classes} classes, n = {int(row['n']):,}{dropped}",
        held_out,
        plotting.describe_interval(panel.own),
    ]


def _pooling_label(pooling: str, context: FigureContext) -> str:
    """Name a pooling by its tiers where the context gives them."""
    tiers = context.analysis.get("poolings", {}).get(pooling, ())
    moments = [match[1] for match in (re.fullmatch(r"rime_(\d+)", tier) for tier in tiers) if match]
    if moments and len(moments) == len(tiers):
        return f"rime at {', '.join(moments)} %"
    return f"mean over {' and '.join(tiers)}" if tiers else pooling.replace("-", " ")


def _step_order(step: str) -> float:
    return float(str(step).replace("final", "inf"))


def _step_places(rows: pd.DataFrame) -> dict[str, float]:
    """Return the position of each training step on a logarithmic axis with room for step 0."""
    names = sorted(set(rows.loc[rows["pooling"] != CONTOUR, "step"]), key=_step_order)
    numbers = [float(name) for name in names if name not in ("0", "final")]
    first = min(numbers, default=1.0)
    places = {name: float(np.log2(1 + float(name) / first)) for name in names if name != "final"}
    # A checkpoint without a number is drawn to the right of the others.
    return places | ({"final": max(places.values(), default=0.0) + 1} if "final" in names else {})


def _name_steps(axes: Axes, names: Sequence[str], places: Sequence[float]) -> None:
    axes.set_xticks(places, names, rotation=90 if len(names) > _MANY_STEPS else 0)


def _limits(summary: pd.DataFrame) -> tuple[float, float]:
    """Return the range of accuracy shown for a contrast: from below chance to above the highest interval."""
    means = summary[summary["metric"] == "accuracy"]
    low, high = means[["value", "chance", "ci_low"]].min(axis=None), means[["value", "ci_high"]].max(axis=None)
    return max(0.0, low - 0.06), min(1.0, high + 0.05)


def _draw_differences(axes: Axes, panel: _Panel, pairs: Sequence[tuple[str, str]], styles: Styles, named: bool) -> None:
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
    control = "untrained" if other == condition else _short(styles[other].label)
    return f"{_short(styles[condition].label)} − {control}"


def _short(label: str) -> str:
    """Return the language in brackets at the end of a label, which distinguishes conditions, or the whole label."""
    return label[label.rfind("(") + 1 : -1] if label.endswith(")") else label


def _draw_maps(column: np.ndarray, panel: _Panel, styles: Styles, named: bool) -> None:
    """Draw accuracy by layer and step, mean over seeds, with one heat map per condition and one scale per contrast."""
    rows = panel.by_layer.assign(condition=panel.by_layer["model"].map(task_of))
    means = rows.groupby(["pooling", "condition", "layer", "step"])["value"].mean()
    limits = (float(means.min()), float(means.max()))
    for axes, (condition, style) in zip(column, styles.items()):
        values = means.loc[panel.pooling, condition].unstack("step")
        steps = sorted(values.columns, key=_step_order)
        image = marks.matrix(
            axes, values.loc[plotting.layer_order(values.index)[::-1], steps], limits=limits, numbers=False
        )
        last = axes is column[-1]
        axes.tick_params(axis="x", rotation=90 if len(steps) > _MANY_STEPS else 0, labelbottom=last)
        axes.tick_params(axis="y", rotation=0, labelleft=named)
        axes.set_ylabel(_short(style.label) if named else "")
    column[-1].set_xlabel("training step")
    bar = axes.figure.colorbar(image, ax=list(column), aspect=30, pad=0.02)
    bar.outline.set_visible(False)


def _legend(styles: Styles) -> list[Line2D]:
    """Return the handles of conditions, baselines, seeds and chance."""
    labelled = [
        replace(style, label=f"{style.label}, {CONTOUR}") if style.baseline else style for style in styles.values()
    ]
    return [*marks.model_handles(labelled), marks.seed_handle(), marks.chance_handle("chance: most frequent class")]


def _note(summary: pd.DataFrame, context: FigureContext) -> str:
    """Return the note below the figure."""
    seeds = plotting.describe_range(summary.loc[summary["pooling"] != CONTOUR, "n_seeds"])
    return (
        f"{context.describe(summary['corpus'])} Step 0 is the untrained model. Differences: last step, 95 % intervals "
        f"over speakers and strings; thin lines: range over seeds ({seeds} per condition). Heat maps: mean over seeds, "
        f"by layer and step.{_sandhi(summary)}"
    )


def _sandhi(summary: pd.DataFrame) -> str:
    """Return a sentence on syllables with tone sandhi, if there are any."""
    rows = summary[summary["metric"].isin(["says_spoken", "says_citation"]) & (summary["pooling"] != CONTOUR)]
    if rows.empty:
        return ""
    spoken, citation = (
        plotting.describe_range(100 * rows.loc[rows["metric"] == metric, "value"].round(2))
        for metric in ("says_spoken", "says_citation")
    )
    return (
        f" For {int(rows['n'].iloc[0])} syllables with tone sandhi, probes predict the spoken tone in {spoken} %, the "
        f"dictionary tone in {citation} %."
    )
