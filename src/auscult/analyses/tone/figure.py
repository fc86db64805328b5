"""Figure of tone probing: accuracy over training, paired differences at the last step, and accuracy by layer."""

import re
from dataclasses import replace

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from auscult.analyses.tone.columns import CONTOUR
from auscult.analyses.tone.figure_panels import (
    Styles,
    draw_curves,
    draw_differences,
    draw_maps,
    mode_handles,
    panels_of,
    short_label,
    step_order,
)
from auscult.figures import marks, plotting
from auscult.figures.context import FigureContext
from auscult.figures.findings import compare, finding, number, value_text
from auscult.figures.palette import ModelStyle, model_style
from auscult.seeds import condition_label, task_of

__all__ = ["draw", "drawn_rows", "describe_finding"]

_MIN_SEEDS = 3
_CURVES_MM, _ROW_MM, _MAP_MM = 66, 4.6, 30


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
        panels = panels_of(mine, condensed)
        shown = [name for name in _conditions(styles) if (condensed["model"] == name).any()]
        curves, forests, maps = (
            grid[3 * place + part].subgridspec(n_rows, len(panels)).subplots(squeeze=False)
            for part, n_rows in enumerate((1, 1, len(shown)))
        )
        for column, panel in enumerate(panels):
            draw_curves(curves[0, column], panel, styles, _pooling_label(panel.pooling, context))
            curves[0, column].set_ylim(_limits(condensed[condensed["target"] == panel.target]))
            curves[0, column].set_ylabel("" if column else "accuracy")
            draw_differences(forests[0, column], panel, _compared(condensed), styles, named=not column)
            draw_maps(maps[:, column], panel, {name: styles[name] for name in shown}, named=not column)
    return figure


def drawn_rows(table: pd.DataFrame, summary: pd.DataFrame, *, context: FigureContext = FigureContext()) -> pd.DataFrame:
    """Return the rows of the summary whose conditions the figure shows."""
    _drawn_models(table, context)
    names, summary = set(_condition_styles(table, summary, context)), summary.copy()
    summary["other_step"] = summary["other_step"].astype(str)
    return summary[summary["model"].isin(names) & (summary["other_model"].isna() | summary["other_model"].isin(names))]


def describe_finding(table: pd.DataFrame, summary: pd.DataFrame, *, context: FigureContext = FigureContext()) -> str:
    """Return sentences on the highest accuracy of tone (or the first contrast), on conditions and on which rises first.

    The control is whichever of the untrained model and the acoustic baselines leaves the smallest difference. A
    difference between conditions is stated as such only from three seeds each.
    """
    rows = drawn_rows(table, summary, context=context)
    styles = _condition_styles(table, summary, context)
    corpora, targets = rows["corpus"].unique(), list(rows["target"].unique())
    if not len(rows):
        return ""
    target = "tone" if "tone" in targets else targets[0]
    rows = rows[(rows["corpus"] == corpora[0]) & (rows["target"] == target)]
    own = rows[(rows["metric"] == "accuracy") & (rows["pooling"] != CONTOUR)]
    last = own.assign(at=own["step"].map(step_order)).sort_values("at", kind="stable")
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
    rows = rows[rows["pooling"] == best["pooling"]]
    return (
        f"{subject} is {number(best['value'])}, {verdict} {control} (difference {value_text(gap)})."
        f"{_between_conditions(rows, best['model'], styles)}{_which_first(rows, best['model'], styles)}"
    )


def _between_conditions(rows: pd.DataFrame, best: str, styles: Styles) -> str:
    """Return a sentence on the best condition and another one; empty with a single condition."""
    gaps = rows[(rows["metric"] == "accuracy_difference") & (rows["other_model"] != rows["model"])]
    gaps = gaps[~gaps["other_model"].map(lambda name: styles[name].baseline)]
    pairs = gaps[gaps[["model", "other_model"]].eq(best).any(axis=1)]
    if pairs.empty:
        return ""
    gap = pairs.iloc[0]
    names = [short_label(styles[gap[key]].label) for key in ("model", "other_model")]
    compared = rows[(rows["metric"] == "accuracy") & rows["model"].isin([gap["model"], gap["other_model"]])]
    verdict, n_seeds = compare(gap, 0), int(compared["n_seeds"].min())
    said = f" {names[0]} − {names[1]}: {value_text(gap)}"
    if n_seeds < _MIN_SEEDS:
        return f"{said}, no statement with {n_seeds} seed{'' if n_seeds == 1 else 's'}."
    return f"{said}{', not separated from 0' if verdict == 'not separated from' else ''}."


def _which_first(rows: pd.DataFrame, best: str, styles: Styles) -> str:
    """Return a sentence on which contrast rises first in the best condition; empty without both rises."""
    gaps = rows[(rows["metric"] == "half_rise_difference") & (rows["model"] == best)].dropna(subset=["value"])
    if gaps.empty:
        return ""
    gap = gaps.iloc[0]
    target, other, value = gap["target"].capitalize(), gap["other_target"], f"({value_text(gap)} doublings of steps)"
    verdict = compare(gap, 0)
    if verdict in ("above", "below"):
        return f" {target} makes half of its rise {'later' if verdict == 'above' else 'earlier'} than {other} {value}."
    return f" Half-way points of {gap['target']} and {other} are not separated {value}."


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
            styles.setdefault(task_of(name), replace(looks[name], label=condition_label(looks[name].label)))
    return styles


def _conditions(styles: Styles) -> list[str]:
    return [name for name, style in styles.items() if not style.baseline]


def _heights(summary: pd.DataFrame, styles: Styles) -> list[float]:
    """Return the heights of curves, differences and heat maps of a corpus, in millimetres."""
    n_maps = sum((summary["model"] == name).any() for name in _conditions(styles))
    return [_CURVES_MM, 14 + _ROW_MM * len(_compared(summary)), _MAP_MM * n_maps + 12]


def _compared(summary: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the pairs of conditions that are compared."""
    gaps = summary[summary["metric"] == "accuracy_difference"]
    return list(dict.fromkeys(zip(gaps["model"], gaps["other_model"])))


def _pooling_label(pooling: str, context: FigureContext) -> str:
    """Name a pooling by its tiers where the context gives them."""
    tiers = context.analysis.get("poolings", {}).get(pooling, ())
    moments = [match[1] for match in (re.fullmatch(r"rime_(\d+)", tier) for tier in tiers) if match]
    if moments and len(moments) == len(tiers):
        return f"rime at {', '.join(moments)} %"
    return f"mean over {' and '.join(tiers)}" if tiers else pooling.replace("-", " ")


def _limits(summary: pd.DataFrame) -> tuple[float, float]:
    """Return the range of accuracy shown for a contrast: from below chance to above the highest interval."""
    means = summary[summary["metric"] == "accuracy"]
    low, high = means[["value", "chance", "ci_low"]].min(axis=None), means[["value", "ci_high"]].max(axis=None)
    return max(0.0, low - 0.06), min(1.0, high + 0.05)


def _legend(styles: Styles) -> list[Line2D]:
    """Return the handles of conditions, baselines, seeds and chance."""
    labelled = [
        replace(style, label=f"{style.label}, {CONTOUR}") if style.baseline else style for style in styles.values()
    ]
    chance = marks.chance_handle("chance: most frequent class")
    return [*marks.model_handles(labelled), marks.seed_handle(), *mode_handles(), chance]


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
        plotting.describe_range(100 * rows.loc[rows["metric"] == metric, "value"])
        for metric in ("says_spoken", "says_citation")
    )
    return (
        f" For {int(rows['n'].iloc[0])} syllables with tone sandhi, probes predict the spoken tone in {spoken} %, the "
        f"dictionary tone in {citation} %."
    )
