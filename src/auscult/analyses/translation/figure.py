"""Figure of translation: gender written by translators against a gender probe of their states, and published values."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from auscult.analyses.translation.figure_panels import (
    LANGUAGE_MARKERS,
    ShownTranslators,
    draw_genders,
    draw_points,
    draw_published_genders,
    draw_published_points,
    draw_stages,
    probability_text,
    regression_rows,
)
from auscult.analyses.translation.settings import TranslationSection
from auscult.figures.context import FigureContext
from auscult.figures.findings import compare, number, value_text
from auscult.figures.marks import INK, chance_handle, mark_handle, model_handles
from auscult.figures.palette import ModelStyle
from auscult.figures.plotting import describe_range, new_figure, select
from auscult.seeds import task_of

__all__ = ["draw", "drawn_rows", "describe_finding"]

PANELS_MM = 128


def draw(
    table: pd.DataFrame,
    summary: pd.DataFrame,
    probes: pd.DataFrame,
    accuracies: pd.DataFrame,
    *,
    context: FigureContext = FigureContext(),
) -> Figure:
    """Return the figure: probe F1 against gender accuracy, its control, both genders, both stages, published values.

    Parameters
    ----------
    table : results of :func:`auscult.analyses.translation.analysis.score_translators` and of the baselines
    summary : results of :func:`auscult.analyses.translation.summary.summarise_translation`
    probes, accuracies : published values of Fucci et al. (2025), in percent
    context : models, settings and study
    """
    shown = _select(table, summary, context)
    figure = new_figure(PANELS_MM, _legends(shown), _note(shown, context))
    (points, control, published), (genders, stages, published_genders) = figure.subplots(2, 3)
    draw_points(points, shown, "", "Probe F1 vs. gender accuracy")
    draw_points(control, shown, "shuffled", "Control: shuffled genders")
    draw_published_points(published, probes, accuracies)
    draw_genders(genders, shown)
    draw_stages(stages, shown)
    draw_published_genders(published_genders, accuracies)
    return figure


def drawn_rows(
    table: pd.DataFrame,
    summary: pd.DataFrame,
    probes: pd.DataFrame,
    accuracies: pd.DataFrame,
    *,
    context: FigureContext = FigureContext(),
) -> pd.DataFrame:
    """Return the summary of the models that the figure shows, and of the regression."""
    return summary[summary["model"].isin([*_conditions(table, summary, context), "all"])]


def describe_finding(
    table: pd.DataFrame,
    summary: pd.DataFrame,
    probes: pd.DataFrame,
    accuracies: pd.DataFrame,
    *,
    context: FigureContext = FigureContext(),
) -> str:
    """Return one sentence on the slope of gender accuracy on probe F1, against zero and against shuffled genders."""
    shown = _select(table, summary, context)
    fit, shuffled = (regression_rows(shown.control(name)) for name in ("", "shuffled"))
    if not {"slope", "p_models"} <= set(fit.index) or "slope" not in shuffled.index:
        return ""
    slope = fit.loc["slope"]
    if not np.isfinite([slope["value"], shuffled.loc["slope", "value"]]).all():
        return ""
    value = value_text(slope) + ("" if np.isfinite(slope["ci_low"]) else " without interval")
    return (
        f"The slope of gender accuracy on probe F1 is {value}, {compare(slope, 0.0)} 0 "
        f"(shuffled genders {number(shuffled.loc['slope', 'value'])}; "
        f"p over models {probability_text(fit.loc['p_models', 'value'])})."
    )


def _select(table: pd.DataFrame, summary: pd.DataFrame, context: FigureContext) -> ShownTranslators:
    table, summary = (rows.assign(control=rows["control"].fillna("")) for rows in (table, summary))
    summary = summary.assign(seed=summary["seed"].fillna(""))
    conditions = _conditions(table, summary, context)
    select(summary, "model", list(conditions), "the table of translation")
    styles = context.styles(table)
    frames = table.loc[table["layer"] == "input", "model"].unique()
    baselines = context.analysis.get("baselines", frames)
    return ShownTranslators(
        table,
        summary[summary["model"].isin([*conditions, "all"])],
        conditions,
        {name: styles[name] for name in baselines if name in frames},
    )


def _conditions(table: pd.DataFrame, summary: pd.DataFrame, context: FigureContext) -> dict[str, ModelStyle]:
    """Return the look of each translator, whose seeds share a colour."""
    models = context.shown or table.loc[table["layer"] != "input", "model"].unique()
    styles = context.styles(table)
    conditions: dict[str, ModelStyle] = {}
    for name in models:
        label = str(context.models.get(name, {}).get("label") or task_of(name)).split(", seed")[0]
        conditions.setdefault(task_of(name), ModelStyle(label, styles[name].colour))
    return conditions


def _legends(shown: ShownTranslators) -> list[list[Line2D]]:
    models = [mark_handle(style.marker, style.label, style.colour) for style in shown.conditions.values()]
    languages = [mark_handle(marker, language) for language, marker in zip(shown.languages, LANGUAGE_MARKERS)]
    marks = [
        mark_handle("o", "filled: women, or after the adapter"),
        mark_handle("o", "open: men, or before the adapter", filled=False),
        mark_handle("_", "share of masculine forms", INK),
        mark_handle("x", "untrained"),
        *model_handles(list(shown.baselines.values())),
        chance_handle(),
    ]
    return [models, languages, marks]


def _note(shown: ShownTranslators, context: FigureContext) -> str:
    rows = shown.control()
    rows = rows[(rows["target"] == "all") & (rows["metric"] == "exact_match_but_gender")].set_index("model")
    exact = {style.label: float(rows.loc[name, "value"]) for name, style in shown.conditions.items()}
    bar = context.analysis.get("bar", TranslationSection().bar)
    below = [name for name, share in exact.items() if share < bar]
    verdict = f"below the bar of {bar:g}: {', '.join(below)}" if below else f"all at or above the bar of {bar:g}"
    seeds = describe_range(shown.summary.loc[shown.summary["seed"] == "", "n_seeds"])
    return (
        f"{context.describe(shown.table['corpus'])} Points are models in a language, means over {seeds} seeds; points "
        f"of one model share its encoder. Sentences translated exactly, gender aside: "
        f"{', '.join(f'{name} {number(share)}' for name, share in exact.items())}; {verdict}."
    )
