"""Details of tone probing: accuracy over training, paired differences at the last step, and accuracy by layer."""

import re
from dataclasses import replace

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from auscult.analyses.tone.columns import CONTOUR
from auscult.analyses.tone.figure_panels import (
    Panel,
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

__all__ = ["draw", "drawn_rows", "describe_finding", "drawn_models", "condition_styles"]

_MIN_SEEDS = 3
_CURVES_MM, _ROW_MM, _MAP_MM = 66, 4.6, 30


def draw(table: pd.DataFrame, summary: pd.DataFrame, *, context: FigureContext = FigureContext()) -> list[Figure]:
    """Draw curves and differences on one page per corpus, and accuracy by layer on another.

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
    rows, styles = drawn_models(table, context), condition_styles(table, summary, context)
    summary = drawn_rows(table, summary, context=context)
    pages = []
    for corpus, part in summary.groupby("corpus", sort=False):
        panels = panels_of(rows[rows["corpus"] == corpus], part)
        pages += [_curves_page(panels, part, styles, context), _maps_page(panels, part, styles, context)]
    return pages


def _curves_page(panels: list[Panel], part: pd.DataFrame, styles: Styles, context: FigureContext) -> Figure:
    heights_mm = (_CURVES_MM, 14 + _ROW_MM * len(_compared(part)))
    figure = plotting.new_figure(sum(heights_mm), [_legend(styles)], _note(part, context))
    curves, forests = figure.subplots(2, len(panels), squeeze=False, height_ratios=heights_mm)
    for column, panel in enumerate(panels):
        draw_curves(curves[column], panel, styles, _pooling_label(panel.pooling, context))
        curves[column].set_ylim(_limits(part[part["target"] == panel.target]))
        curves[column].set_ylabel("" if column else "accuracy")
        draw_differences(forests[column], panel, _compared(part), styles, named=not column)
    return figure


def _maps_page(panels: list[Panel], part: pd.DataFrame, styles: Styles, context: FigureContext) -> Figure:
    shown = {name: styles[name] for name in _conditions(styles) if (part["model"] == name).any()}
    note = f"{context.describe(part['corpus'])} Accuracy by layer and training step, mean over seeds."
    figure = plotting.new_figure(_MAP_MM * len(shown) + 24, [], note)
    maps = figure.subplots(len(shown), len(panels), squeeze=False)
    for column, panel in enumerate(panels):
        draw_maps(maps[:, column], panel, shown, named=not column)
        maps[0, column].set_title(f"{panel.target.capitalize()}\n{_pooling_label(panel.pooling, context)}")
    return figure


def drawn_rows(table: pd.DataFrame, summary: pd.DataFrame, *, context: FigureContext = FigureContext()) -> pd.DataFrame:
    """Return the rows of the summary whose conditions the figure shows."""
    drawn_models(table, context)
    names, summary = set(condition_styles(table, summary, context)), summary.copy()
    summary["other_step"] = summary["other_step"].astype(str)
    return summary[summary["model"].isin(names) & (summary["other_model"].isna() | summary["other_model"].isin(names))]


def describe_finding(table: pd.DataFrame, summary: pd.DataFrame, *, context: FigureContext = FigureContext()) -> str:
    """Return sentences on the highest accuracy of tone (or the first contrast), on conditions and on which rises first.

    The control is whichever of the untrained model and the acoustic baselines leaves the smallest difference. A
    difference between conditions is stated as such only from three seeds each.
    """
    rows = drawn_rows(table, summary, context=context)
    styles = condition_styles(table, summary, context)
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


def drawn_models(table: pd.DataFrame, context: FigureContext) -> pd.DataFrame:
    """Return the rows of the models to draw and of all baselines."""
    shown = context.select(table)
    baselines = table[(table["pooling"] == CONTOUR) & ~table["model"].isin(shown["model"])]
    return pd.concat([shown, baselines])


def condition_styles(table: pd.DataFrame, summary: pd.DataFrame, context: FigureContext) -> dict[str, ModelStyle]:
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
        f"over speakers and strings; thin lines: range over seeds ({seeds} per condition).{_sandhi(summary)}"
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
