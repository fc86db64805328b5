"""Figure of translation: gender written by translators against a gender probe of their states, and published values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from auscult.analyses.translation.settings import TranslationSection
from auscult.figures.context import FigureContext
from auscult.figures.findings import compare, number, value_text
from auscult.figures.marks import (
    GREY,
    INK,
    baseline_line,
    chance_handle,
    chance_line,
    interval_bar,
    interval_row,
    mark_handle,
    model_handles,
)
from auscult.figures.palette import ModelStyle, plain
from auscult.figures.plotting import describe_interval, describe_range, head, new_figure, select
from auscult.seeds import task_of

__all__ = ["draw", "drawn_rows", "describe_finding"]

LANGUAGE_MARKERS = ("o", "s", "^", "D", "v", "P")
GENDERS = {"she_accuracy": True, "he_accuracy": False}  # whether the marker is filled
STAGES = {"encoder": False, "adapter": True}
# Published models, in colours apart from the palette of models, with the stage that their decoder reads.
PUBLISHED = {
    "enc-dec": (ModelStyle("enc-dec", "#332288"), "encoder"),
    "ZeroSwot": (ModelStyle("ZeroSwot", "#AA4499"), "post-adapter"),
    "Seamless": (ModelStyle("Seamless", "#999933"), "post-adapter"),
}
# As reported by Fucci et al. (2025), Figure 1; the reference tables lack the accuracies by language to compute it.
PUBLISHED_FIT = "R² .99, p < .01"
PANELS_MM = 128
HALF_GAP = 0.16  # half the distance of two values of one model


@dataclass(frozen=True)
class _Shown:
    """Rows and looks of the figure; a condition is all seeds of one translator."""

    table: pd.DataFrame
    summary: pd.DataFrame
    conditions: Mapping[str, ModelStyle]
    baselines: Mapping[str, ModelStyle]

    @property
    def languages(self) -> list[str]:
        return sorted(set(self.summary["target"]) - {"all"})

    def control(self, name: str = "") -> pd.DataFrame:
        """Return the summary of the true genders, or of the control ``shuffled``."""
        return self.summary[self.summary["control"] == name]


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
    _draw_points(points, shown, "", "Probe F1 vs. gender accuracy")
    _draw_points(control, shown, "shuffled", "Control: shuffled genders")
    _draw_published_points(published, probes, accuracies)
    _draw_genders(genders, shown)
    _draw_stages(stages, shown)
    _draw_published_genders(published_genders, accuracies)
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
    fit, shuffled = (_fit(shown.control(name)) for name in ("", "shuffled"))
    if not {"slope", "p_models"} <= set(fit.index) or "slope" not in shuffled.index:
        return ""
    slope = fit.loc["slope"]
    if not np.isfinite([slope["value"], shuffled.loc["slope", "value"]]).all():
        return ""
    value = value_text(slope) + ("" if np.isfinite(slope["ci_low"]) else " without interval")
    return (
        f"The slope of gender accuracy on probe F1 is {value}, {compare(slope, 0.0)} 0 "
        f"(shuffled genders {number(shuffled.loc['slope', 'value'])}; "
        f"p over models {_probability(fit.loc['p_models', 'value'])})."
    )


def _select(table: pd.DataFrame, summary: pd.DataFrame, context: FigureContext) -> _Shown:
    table, summary = (rows.assign(control=rows["control"].fillna("")) for rows in (table, summary))
    summary = summary.assign(seed=summary["seed"].fillna(""))
    conditions = _conditions(table, summary, context)
    select(summary, "model", list(conditions), "the table of translation")
    styles = context.styles(table)
    frames = table.loc[table["layer"] == "input", "model"].unique()
    baselines = context.analysis.get("baselines", frames)
    return _Shown(
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


def _fit(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the regression over all seeds, by metric."""
    return rows[(rows["model"] == "all") & (rows["seed"] == "")].set_index("metric").sort_index()


def _draw_points(axes: Axes, shown: _Shown, control: str, title: str) -> None:
    """Draw a point with both intervals for each model and language, and the regression line."""
    _share_axes(axes, "probe macro F1", "gender accuracy")
    rows = shown.control(control)
    values = rows[rows["target"].isin(shown.languages)].set_index(["model", "target", "metric"]).sort_index()
    for name, style in shown.conditions.items():
        for language, marker in zip(shown.languages, LANGUAGE_MARKERS):
            x, y = (values.loc[(name, language, metric)].to_dict() for metric in ("probe_macro_f1", "gender_accuracy"))
            look = ModelStyle(style.label, style.colour, marker=marker)
            interval_row(axes, y["value"], x, look, markersize=0)
            interval_bar(axes, x["value"], y, look, markersize=4.5, markeredgecolor="white", markeredgewidth=0.4)
    fit = _fit(rows)
    f1 = values.xs("probe_macro_f1", level="metric")["value"]
    ends = np.array([f1.min(), f1.max()])
    if np.isfinite(fit.loc["slope", "value"]):
        axes.plot(ends, fit.loc["slope", "value"] * ends + fit.loc["intercept", "value"], color=INK, linewidth=1.1)
    words = values.xs("gender_accuracy", level="metric")
    p_points, p_models = (_probability(fit.loc[name, "value"]) for name in ("p_points", "p_models"))
    lines = [
        f"{fit.loc['r_squared', 'n']:.0f} points, R² {_measure(fit.loc['r_squared'])}",
        f"p {p_points} (points), {p_models} (models)",
        f"within models R² {_measure(fit.loc['within_model_r_squared'])}",
        f"n = {describe_range(words['n'])} words, {describe_range(words['n_groups'])} speakers",
    ]
    head(axes, title, lines)


def _draw_published_points(axes: Axes, probes: pd.DataFrame, accuracies: pd.DataFrame) -> None:
    """Draw the published F1 of each language against the mean accuracy; accuracies by language are not published."""
    _share_axes(axes, "probe macro F1", "mean gender accuracy")
    means = accuracies.set_index("model")["all_accuracy"] / 100
    for model, (style, stage) in PUBLISHED.items():
        f1 = probes.loc[(probes["model"] == model) & (probes["stage"] == stage), "probe_macro_f1"] / 100
        axes.plot(f1, [means[model]] * len(f1), "o", color="white", markeredgecolor=style.colour, markersize=4.5)
        axes.annotate(
            style.label,
            (f1.mean(), means[model]),
            xytext=(0, 6),
            fontsize=7,
            textcoords="offset points",
            ha="center",
            color=style.colour,
        )
    lines = ["Fucci et al. (2025), Figure 1", f"as reported: {PUBLISHED_FIT}", "es, fr, it; mean accuracy"]
    head(axes, "Published values", lines)


def _draw_genders(axes: Axes, shown: _Shown) -> None:
    """Draw the accuracies of women and of men, and the share of masculine forms of both together."""
    rows = shown.control()
    rows = rows[(rows["target"] == "all") & rows["model"].isin(list(shown.conditions))]
    values = rows.set_index(["model", "metric"]).sort_index()
    for place, (name, style) in enumerate(shown.conditions.items()):
        for metric, filled in GENDERS.items():
            look = ModelStyle(style.label, style.colour, filled=filled)
            row = values.loc[(name, metric)].to_dict()
            interval_bar(axes, place + (-HALF_GAP if filled else HALF_GAP), row, look, markersize=5)
        axes.plot(place, values.loc[(name, "masculine_share"), "value"], "_", color=INK, markersize=13)
    _model_axis(axes, shown.conditions.values())
    axes.set_ylabel("gender accuracy")
    women, men = (values.xs(metric, level="metric")["n"] for metric in GENDERS)
    counts = f"n = {describe_range(women)} and {describe_range(men)} words"
    head(axes, "Women and men", ["all languages, mean over seeds", counts, describe_interval(values)])


def _draw_stages(axes: Axes, shown: _Shown) -> None:
    """Draw the probe of every seed before and after the adapter, of untrained models and of acoustic frames."""
    rows = shown.table
    rows = rows[(rows["metric"] == "probe_macro_f1") & (rows["target"] == "all") & (rows["control"] == "")]
    owners = rows["model"].map(task_of)
    for place, (name, style) in enumerate(shown.conditions.items()):
        for stage, filled in STAGES.items():
            mine = rows[(owners == name) & (rows["layer"] == stage)]
            x, untrained = place + (HALF_GAP if filled else -HALF_GAP), mine["step"].astype(str) == "0"
            look = ModelStyle(style.label, style.colour, filled=filled)
            axes.plot(
                [x] * int((~untrained).sum()),
                mine.loc[~untrained, "value"],
                linestyle="",
                **look.marks | {"markersize": 4.5},
            )
            axes.plot([x] * int(untrained.sum()), mine.loc[untrained, "value"], "x", color=GREY, markersize=4.5)
    for name, style in shown.baselines.items():
        for row in rows[(rows["model"] == name) & (rows["layer"] == "input")].to_dict("records"):
            baseline_line(axes, row, style)
    _model_axis(axes, shown.conditions.values())
    axes.set_ylabel("probe macro F1")
    counts = f"n = {describe_range(rows['n'])}, {describe_range(rows['n_groups'])} speakers"
    head(axes, "Before and after the adapter", ["every seed; test speakers", counts])


def _draw_published_genders(axes: Axes, accuracies: pd.DataFrame) -> None:
    """Draw the published accuracies of women and of men."""
    values = accuracies.set_index("model")
    for place, (model, (style, _)) in enumerate(PUBLISHED.items()):
        for metric, filled in GENDERS.items():
            look = ModelStyle(style.label, style.colour, filled=filled)
            x = place + (-HALF_GAP if filled else HALF_GAP)
            axes.plot(x, values.loc[model, metric] / 100, markersize=5, linestyle="", **look.marks)
    _model_axis(axes, [style for style, _ in PUBLISHED.values()])
    axes.set_ylabel("gender accuracy")
    head(axes, "Published values", ["Fucci et al. (2025), words", "for the speaker, MuST-SHE"])


def _share_axes(axes: Axes, xlabel: str, ylabel: str) -> None:
    """Give a panel axes of shares, with chance on both."""
    chance_line(axes, 0.5)
    chance_line(axes, 0.5, "v")
    axes.set(xlim=(0.2, 1.03), ylim=(0.2, 1.05), xlabel=xlabel, ylabel=ylabel)


def _model_axis(axes: Axes, styles: Iterable[ModelStyle]) -> None:
    """Name the models below a panel of shares, with chance."""
    labels = [plain(style.label).replace(" ", "\n", 1) for style in styles]
    chance_line(axes, 0.5)
    axes.set(xlim=(-0.5, len(labels) - 0.5), ylim=(-0.03, 1.05))
    axes.set_xticks(range(len(labels)), labels, fontsize=7)
    axes.tick_params(axis="x", length=0)


def _measure(row: pd.Series) -> str:
    return value_text(row.to_dict()) if np.isfinite(row["value"]) else "undefined"


def _probability(value: float) -> str:
    if not np.isfinite(value):
        return "–"
    return "< .001" if value < 0.001 else number(value, 3)


def _legends(shown: _Shown) -> list[list[Line2D]]:
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


def _note(shown: _Shown, context: FigureContext) -> str:
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
