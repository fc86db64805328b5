"""The slide of translation: the gender that a probe hears against the gender written, beside published values."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from auscult.analyses.translation import figure as details
from auscult.analyses.translation.analysis import SHUFFLED
from auscult.analyses.translation.figure_panels import PUBLISHED, PUBLISHED_FIT, ShownTranslators, regression_rows
from auscult.figures import marks, slide
from auscult.figures.context import FigureContext
from auscult.figures.findings import compare, number, value_text
from auscult.figures.palette import ModelStyle
from auscult.figures.plotting import describe_range

__all__ = ["draw", "describe_headline"]

_X, _Y = "probe_macro_f1", "gender_accuracy"


def draw(
    table: pd.DataFrame,
    summary: pd.DataFrame,
    probes: pd.DataFrame,
    accuracies: pd.DataFrame,
    *,
    context: FigureContext = FigureContext(),
) -> Figure:
    """Draw probe F1 against gender accuracy of each translator, with its control, beside the published values.

    Parameters and errors are those of :func:`auscult.analyses.translation.figure.draw`.
    """
    shown = details.shown_translators(table, summary, context)
    below = details.below_bar(shown, context)
    values = _values(shown, "")
    words = values[values["metric"] == _Y]
    few = "; open: few sentences right apart from gender" if below else ""
    figure = slide.new_slide(
        describe_headline(table, summary, probes, accuracies, context=context),
        f"Large points: models with 95 % intervals over {_unit(words)}{few}; small: languages; ×: genders shuffled "
        f"over speakers. n = {describe_range(words['n'])} words, {describe_range(words['n_groups'])} speakers. "
        "Published: Fucci et al. (2025).",
    )
    ours, published = figure.subplots(1, 2, sharey=True, width_ratios=(1, 0.8))
    _draw_ours(ours, shown, below)
    _draw_published(published, probes, accuracies)
    low = _lowest(shown, accuracies)
    for axes in (ours, published):
        marks.chance_line(axes, 0.5)
        marks.chance_line(axes, 0.5, "v")
        axes.set(xlim=(low, 1.02), ylim=(low, 1.02), xlabel="gender heard by a probe (F1)")
    ours.set_ylabel("gender written (accuracy)")
    ours.annotate(
        "chance", (1.02, 0.5), xytext=(-2, -6), textcoords="offset points", ha="right", fontsize=8, va="center"
    )
    means = {name: float(rows[rows["metric"] == _Y]["value"].iloc[0]) for name, rows in _by_model(shown, "all")}
    labels = [(style.label, means[name], style.colour) for name, style in shown.conditions.items() if name in means]
    slide.label_ends(ours, labels, 1.02, 0.075 * (1.02 - low))
    return figure


def describe_headline(
    table: pd.DataFrame,
    summary: pd.DataFrame,
    probes: pd.DataFrame,
    accuracies: pd.DataFrame,
    *,
    context: FigureContext = FigureContext(),
) -> str:
    """Return one sentence on whether written gender follows the probe over models, with the slope and its control.

    It follows if the exact p of the rank correlation is below :data:`~auscult.analyses.translation.figure.LEVEL` and
    the slope above 0. Fewer than :data:`~auscult.analyses.translation.figure.MIN_MODELS` models support no statement.
    """
    shown = details.shown_translators(table, summary, context)
    n = len(shown.conditions)
    fit, shuffled = (regression_rows(shown.control(name)) for name in ("", SHUFFLED))
    slope, control = (rows.loc["slope"] if "slope" in rows.index else None for rows in (fit, shuffled))
    if slope is None or not np.isfinite(slope["value"]):
        return f"{n} {'model is' if n == 1 else 'models are'} too few to tell whether written gender follows the probe"
    against = "" if control is None or not np.isfinite(control["value"]) else _control_text(control)
    if n < details.MIN_MODELS:
        start = f"{n} models are too few to tell whether written gender follows the probe"
        return f"{start}: slope {value_text(slope)}{against}"
    p_rank, verdict = fit["value"].get("p_rank", np.nan), compare(slope, 0.0)
    follows = p_rank < details.LEVEL and verdict == "above"
    start = "Written gender follows" if follows else "Written gender is not shown to follow"
    judged = "" if verdict == "against" else f", {verdict} 0"
    return f"{start} the gender heard by a probe ({n} models): slope {value_text(slope)}{judged}{against}"


def _control_text(control: pd.Series) -> str:
    verdict = compare(control, 0.0)
    judged = "" if verdict == "against" else f", {verdict} 0"
    return f"; with shuffled genders {number(control['value'])}{judged}"


def _values(shown: ShownTranslators, control: str) -> pd.DataFrame:
    rows = shown.control(control)
    return rows[rows["model"].isin(list(shown.conditions)) & rows["metric"].isin([_X, _Y])]


def _by_model(shown: ShownTranslators, target: str, control: str = "") -> list[tuple[str, pd.DataFrame]]:
    """Return the two measures of each translator in a language, where it has both."""
    rows = _values(shown, control)
    rows = rows[rows["target"] == target].drop_duplicates(["model", "metric"])
    groups = {str(name): part for name, part in rows.groupby("model", sort=False)}
    return [(name, groups[name]) for name in shown.conditions if name in groups and len(groups[name]) == 2]


def _unit(rows: pd.DataFrame) -> str:
    named = rows["resampling_unit"].dropna()
    return " and ".join(f"{part}s" for part in (named.iloc[0] if len(named) else "speaker").split(" and "))


def _lowest(shown: ShownTranslators, accuracies: pd.DataFrame) -> float:
    """Return the lower end of both axes: below all points, at most .3."""
    lowest = min(_values(shown, "")["value"].min(), _values(shown, SHUFFLED)["value"].min())
    return float(max(0.0, np.floor(10 * min(0.35, lowest, accuracies["all_accuracy"].min() / 100)) / 10))


def _draw_ours(axes: Axes, shown: ShownTranslators, below: list[str]) -> None:
    """Draw the control, each translator in each language, its mean with both intervals, and the regression line."""
    for language in shown.languages:
        for _, rows in _by_model(shown, language, SHUFFLED):
            x, y = _point(rows)
            axes.plot(x["value"], y["value"], "x", color=marks.GREY, markersize=3.5, alpha=0.7)
        for name, rows in _by_model(shown, language):
            x, y = _point(rows)
            axes.plot(x["value"], y["value"], "o", color=shown.conditions[name].colour, markersize=3.5, alpha=0.55)
    _draw_baselines(axes, shown)
    heard = []
    for name, rows in _by_model(shown, "all"):
        x, y = _point(rows)
        colour = shown.conditions[name].colour
        axes.plot([x["ci_low"], x["ci_high"]], [y["value"]] * 2, color=colour, linewidth=1, alpha=0.5)
        axes.plot([x["value"]] * 2, [y["ci_low"], y["ci_high"]], color=colour, linewidth=1, alpha=0.5)
        style = ModelStyle(name, colour, filled=shown.conditions[name].label not in below)
        axes.plot(x["value"], y["value"], linestyle="", markersize=8, **style.marks)
        heard.append(x["value"])
    fit = regression_rows(shown.control())["value"]
    if heard and np.isfinite([fit.get("slope", np.nan), fit.get("intercept", np.nan)]).all():
        ends = np.array([min(heard) - 0.03, max(heard) + 0.03])
        axes.plot(ends, fit["slope"] * ends + fit["intercept"], color=marks.INK, linewidth=1.5, zorder=1.5)
    axes.set_title("This study")


def _draw_baselines(axes: Axes, shown: ShownTranslators) -> None:
    """Draw what the probe hears in acoustic frames as a vertical line, named at its foot."""
    rows = shown.table
    rows = rows[(rows["metric"] == _X) & (rows["target"] == "all") & (rows["control"] == "")]
    for place, (name, style) in enumerate(shown.baselines.items()):
        for value in rows.loc[(rows["model"] == name) & (rows["layer"] == "input"), "value"].head(1):
            axes.axvline(value, color=style.colour, linestyle=style.dashes, linewidth=1, zorder=0.9)
            axes.annotate(
                style.label,
                (value, 0.04 + 0.07 * place),
                xycoords=axes.get_xaxis_transform(),
                xytext=(3, 0),
                textcoords="offset points",
                fontsize=8,
                color=style.colour,
            )


def _point(rows: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    values = rows.set_index("metric")
    return values.loc[_X], values.loc[_Y]


def _draw_published(axes: Axes, probes: pd.DataFrame, accuracies: pd.DataFrame) -> None:
    """Draw the published probe F1 of each language against the mean accuracy over languages."""
    means = accuracies.set_index("model")["all_accuracy"] / 100
    for model, (style, stage) in PUBLISHED.items():
        f1 = probes.loc[(probes["model"] == model) & (probes["stage"] == stage), "probe_macro_f1"] / 100
        axes.plot(f1, [means[model]] * len(f1), "o", color=style.colour, alpha=0.45, markersize=6)
        axes.annotate(
            style.label,
            (f1.mean(), means[model]),
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            fontsize=8.5,
            color=style.colour,
        )
    axes.set_title(f"Published: {PUBLISHED_FIT}")
