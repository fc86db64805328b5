"""Details of translation: gender written against a gender probe, women and men, adapters, and exchanged voices."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from auscult.analyses.translation.figure_panels import (
    EXCHANGE_MARKERS,
    LANGUAGE_MARKERS,
    ShownTranslators,
    adapter_changes,
    draw_exchanges,
    draw_genders,
    draw_points,
    draw_published_genders,
    draw_published_points,
    draw_quality,
    draw_stages,
    probability_text,
    regression_rows,
)
from auscult.analyses.translation.settings import TranslationSection
from auscult.figures.context import FigureContext
from auscult.figures.findings import compare, listed, number, value_text
from auscult.figures.marks import INK, chance_handle, mark_handle, model_handles
from auscult.figures.palette import ModelStyle
from auscult.figures.plotting import describe_range, new_figure, select
from auscult.seeds import task_of

__all__ = [
    "MIN_MODELS",
    "LEVEL",
    "draw",
    "drawn_rows",
    "describe_finding",
    "shown_translators",
    "exact_shares",
    "below_bar",
]

ROW_MM = 72
# The least p of permuting n models is 1/n!: .167 for three, .042 for four, .008 for five.
MIN_MODELS = 5
LEVEL = 0.05


def draw(
    table: pd.DataFrame,
    summary: pd.DataFrame,
    probes: pd.DataFrame,
    accuracies: pd.DataFrame,
    *,
    context: FigureContext = FigureContext(),
) -> list[Figure]:
    """Draw a page of probe F1, gender accuracy and published values, and a page of exchanged voices and quality.

    Parameters
    ----------
    table : results of :func:`auscult.analyses.translation.analysis.score_translators` and of the baselines
    summary : results of :func:`auscult.analyses.translation.summary.summarise_translation`
    probes, accuracies : published values of Fucci et al. (2025), in percent
    context : models, settings and study
    """
    shown = shown_translators(table, summary, context)
    return [_probes_page(shown, probes, accuracies, context), _exchanges_page(shown, context)]


def _probes_page(
    shown: ShownTranslators, probes: pd.DataFrame, accuracies: pd.DataFrame, context: FigureContext
) -> Figure:
    seeds = describe_range(shown.summary.loc[shown.summary["seed"] == "", "n_seeds"])
    languages = [mark_handle(marker, language) for language, marker in zip(shown.languages, LANGUAGE_MARKERS)]
    other = [
        mark_handle("o", "filled: women, after the adapter"),
        mark_handle("o", "open: men, before the adapter", filled=False),
        mark_handle("_", "share of masculine forms", INK),
        mark_handle("+", "masculine preferred on silence", INK),
        mark_handle("x", "untrained"),
        *model_handles(list(shown.baselines.values())),
        chance_handle(),
    ]
    figure = new_figure(
        2 * ROW_MM,
        [_models(shown), languages, other],
        f"{context.describe(shown.table['corpus'])} Points are models in a language, means over {seeds} seeds; points "
        "of one model share its encoder.",
    )
    (points, control, published), (genders, stages, published_genders) = figure.subplots(2, 3)
    draw_points(points, shown, "", "Probe F1 vs. gender accuracy")
    draw_points(control, shown, "shuffled", "Control: shuffled genders")
    draw_published_points(published, probes, accuracies)
    draw_genders(genders, shown)
    draw_stages(stages, shown)
    draw_published_genders(published_genders, accuracies)
    return figure


def _exchanges_page(shown: ShownTranslators, context: FigureContext) -> Figure:
    exact = exact_shares(shown)
    bar, below = _bar(context), below_bar(shown, context)
    verdict = f"below the bar of {bar:g}: {', '.join(below)}" if below else f"all at or above the bar of {bar:g}"
    shares = ", ".join(f"{name} {number(share)}" for name, share in exact.items())
    other = [
        *(mark_handle(marker, f"exchanged: {what}") for what, marker in EXCHANGE_MARKERS.items()),
        mark_handle("o", "filled: BLEU"),
        mark_handle("o", "open: chrF", filled=False),
        chance_handle("no shift"),
    ]
    figure = new_figure(
        ROW_MM,
        [_models(shown), other],
        f"{context.describe(shown.table['corpus'])} Sentences translated exactly, gender aside: {shares}; {verdict}.",
    )
    written, probed, quality = figure.subplots(1, 3)
    draw_exchanges(written, shown, "written", "Pitch or tract exchanged")
    draw_exchanges(probed, shown, "probe", "The same, gender by probe")
    draw_quality(quality, shown)
    return figure


def drawn_rows(
    table: pd.DataFrame,
    summary: pd.DataFrame,
    probes: pd.DataFrame,
    accuracies: pd.DataFrame,
    *,
    context: FigureContext = FigureContext(),
) -> pd.DataFrame:
    """Return the summary of the models that the figures show, and of the regression."""
    return summary[summary["model"].isin([*_conditions(table, summary, context), "all"])]


def describe_finding(
    table: pd.DataFrame,
    summary: pd.DataFrame,
    probes: pd.DataFrame,
    accuracies: pd.DataFrame,
    *,
    context: FigureContext = FigureContext(),
) -> str:
    """Return sentences on models and probe F1, on adapters, and on exchanged voices.

    Fewer than :data:`MIN_MODELS` models support no statement on how gender accuracy follows probe F1.
    """
    shown = shown_translators(table, summary, context)
    return " ".join(part for part in (_of_models(shown), _of_adapters(shown, probes), _of_exchanges(shown)) if part)


def _of_models(shown: ShownTranslators) -> str:
    fit, shuffled = (regression_rows(shown.control(name)) for name in ("", "shuffled"))
    if not {"slope", "p_rank", "rank_correlation"} <= set(fit.index) or "slope" not in shuffled.index:
        return ""
    slope, n_models = fit.loc["slope"], int(fit.loc["p_rank", "n"])
    if not np.isfinite([slope["value"], shuffled.loc["slope", "value"]]).all():
        return ""
    if n_models < MIN_MODELS:
        return f"{n_models} models are too few for a statement on gender accuracy and probe F1."
    correlation, p_rank = fit.loc["rank_correlation", "value"], fit.loc["p_rank", "value"]
    if not np.isfinite([correlation, p_rank]).all():
        return ""
    verdict = "follows" if p_rank < LEVEL else "does not demonstrably follow"
    value = value_text(slope) + ("" if np.isfinite(slope["ci_low"]) else " without interval")
    return (
        f"Over {n_models} models gender accuracy {verdict} probe F1 (rank correlation {number(correlation)}, exact p "
        f"{probability_text(p_rank)}; slope {value}, {compare(slope, 0.0)} 0; shuffled genders "
        f"{number(shuffled.loc['slope', 'value'])})."
    )


def _of_adapters(shown: ShownTranslators, probes: pd.DataFrame) -> str:
    """Return in how many models the probe finds more gender after the adapter than before it, and in published ones."""
    changes = adapter_changes(shown.table, shown.conditions)
    if not changes:
        return ""
    published = probes.pivot_table(index="model", columns="stage", values="probe_macro_f1").dropna(
        subset=["pre-adapter", "post-adapter"]
    )
    n_published = int((published["post-adapter"] > published["pre-adapter"]).sum())
    n_higher = sum(change > 0 for change in changes.values())
    return (
        f"Probe F1 rises from before to after the adapter in {n_higher} of {len(changes)} models, in "
        f"{n_published} of {len(published)} published ones."
    )


def _of_exchanges(shown: ShownTranslators) -> str:
    rows = shown.control()
    rows = rows[(rows["metric"] == "written_shift") & rows["model"].isin(list(shown.conditions))]
    found = []
    for what, words in (("pitch", "exchanged pitch"), ("tract", "an exchanged vocal tract")):
        mine = rows[rows["target"] == what]
        if mine.empty or not np.isfinite(mine[["value", "ci_low"]].to_numpy(dtype=float)).all():
            return ""
        found.append(f"{words} in {int((mine['ci_low'] > 0).sum())}")
    return f"The written gender moves with {listed(found)} of {len(mine)} models (interval above 0)."


def shown_translators(table: pd.DataFrame, summary: pd.DataFrame, context: FigureContext) -> ShownTranslators:
    """Return the rows and looks of the translators to draw and of the acoustic baselines."""
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


def exact_shares(shown: ShownTranslators) -> dict[str, float]:
    """Return the share of sentences that each translator translates exactly, gender aside, by its label."""
    rows = shown.control()
    rows = rows[(rows["target"] == "all") & (rows["metric"] == "exact_match_but_gender")].set_index("model")
    return {style.label: float(rows.loc[name, "value"]) for name, style in shown.conditions.items()}


def below_bar(shown: ShownTranslators, context: FigureContext) -> list[str]:
    """Return the labels of the translators that translate fewer sentences exactly than the bar demands."""
    return [name for name, share in exact_shares(shown).items() if share < _bar(context)]


def _bar(context: FigureContext) -> float:
    return float(context.analysis.get("bar", TranslationSection().bar))


def _models(shown: ShownTranslators) -> list[Line2D]:
    return [mark_handle(style.marker, style.label, style.colour) for style in shown.conditions.values()]
