"""Panels of the figure of translation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from auscult.figures.findings import number, value_text
from auscult.figures.marks import (
    GREY,
    INK,
    baseline_line,
    chance_line,
    interval_bar,
    interval_row,
    side_by_side,
)
from auscult.figures.palette import ModelStyle, plain
from auscult.figures.plotting import describe_interval, describe_range, head
from auscult.seeds import task_of

__all__ = [
    "LANGUAGE_MARKERS",
    "PUBLISHED",
    "PUBLISHED_FIT",
    "ShownTranslators",
    "regression_rows",
    "probability_text",
    "draw_points",
    "draw_published_points",
    "draw_genders",
    "draw_stages",
    "draw_published_genders",
    "draw_exchanges",
    "draw_quality",
    "EXCHANGE_MARKERS",
    "adapter_changes",
]

LANGUAGE_MARKERS = ("o", "s", "^", "D", "v", "P")
_GENDERS = {"she_accuracy": True, "he_accuracy": False}  # whether the marker is filled
# Marker of each exchanged property of the voice.
EXCHANGE_MARKERS = {"pitch": "v", "tract": "^", "both": "D"}
_STAGES = {"encoder": False, "adapter": True}
# Published models, in colours apart from the palette of models, with the stage that their decoder reads.
PUBLISHED = {
    "enc-dec": (ModelStyle("enc-dec", "#332288"), "encoder"),
    "ZeroSwot": (ModelStyle("ZeroSwot", "#AA4499"), "post-adapter"),
    "Seamless": (ModelStyle("Seamless", "#999933"), "post-adapter"),
}
# As reported by Fucci et al. (2025), Figure 1; the reference tables lack the accuracies by language to compute it.
PUBLISHED_FIT = "R² .99, p < .01"
_HALF_GAP = 0.16  # half the distance of two values of one model


@dataclass(frozen=True)
class ShownTranslators:
    """Rows and looks of the figure; a condition is all seeds of one translator."""

    table: pd.DataFrame
    summary: pd.DataFrame
    conditions: Mapping[str, ModelStyle]
    baselines: Mapping[str, ModelStyle]

    @property
    def languages(self) -> list[str]:
        """Target languages in alphabetical order."""
        return sorted(set(self.summary.loc[self.summary["metric"] == "gender_accuracy", "target"]) - {"all"})

    def control(self, name: str = "") -> pd.DataFrame:
        """Return the summary of the true genders, or of the control ``shuffled``."""
        return self.summary[self.summary["control"] == name]


def regression_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the regression over all seeds, by metric."""
    return rows[(rows["model"] == "all") & (rows["seed"] == "")].set_index("metric").sort_index()


def draw_points(axes: Axes, shown: ShownTranslators, control: str, title: str) -> None:
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
    fit = regression_rows(rows)
    f1 = values.xs("probe_macro_f1", level="metric")["value"]
    ends = np.array([f1.min(), f1.max()])
    if np.isfinite(fit.loc["slope", "value"]):
        axes.plot(ends, fit.loc["slope", "value"] * ends + fit.loc["intercept", "value"], color=INK, linewidth=1.1)
    words = values.xs("gender_accuracy", level="metric")
    p_points, p_rank = (probability_text(fit.loc[name, "value"]) for name in ("p_points", "p_rank"))
    lines = [
        f"{fit.loc['r_squared', 'n']:.0f} points, R² {_measure(fit.loc['r_squared'])}",
        f"p {p_points} (points), {p_rank} ({fit.loc['p_rank', 'n']:.0f} models)",
        f"within models R² {_measure(fit.loc['within_model_r_squared'])}",
        f"n = {describe_range(words['n'])} words, {describe_range(words['n_groups'])} speakers",
    ]
    head(axes, title, lines)


def draw_published_points(axes: Axes, probes: pd.DataFrame, accuracies: pd.DataFrame) -> None:
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


def draw_genders(axes: Axes, shown: ShownTranslators) -> None:
    """Draw the accuracies of women and of men, and the share of masculine forms of both together."""
    rows = shown.control()
    rows = rows[(rows["target"] == "all") & rows["model"].isin(list(shown.conditions))]
    values = rows.set_index(["model", "metric"]).sort_index()
    for place, (name, style) in enumerate(shown.conditions.items()):
        for metric, filled in _GENDERS.items():
            look = ModelStyle(style.label, style.colour, filled=filled)
            row = values.loc[(name, metric)].to_dict()
            interval_bar(axes, place + (-_HALF_GAP if filled else _HALF_GAP), row, look, markersize=5)
        axes.plot(place, values.loc[(name, "masculine_share"), "value"], "_", color=INK, markersize=13)
    silence = shown.table[(shown.table["control"] == "silence") & (shown.table["target"] == "all")]
    silence = silence[silence["step"].astype(str) != "0"]
    for place, name in enumerate(shown.conditions):
        mine = silence.loc[silence["model"].map(task_of) == name, "value"]
        axes.plot([place] * len(mine), mine, "+", color=INK, markersize=5)
    _model_axis(axes, shown.conditions.values())
    axes.set_ylabel("gender accuracy")
    women, men = (values.xs(metric, level="metric")["n"] for metric in _GENDERS)
    counts = f"n = {describe_range(women)} and {describe_range(men)} words"
    # The panel is too narrow for the whole words.
    interval = describe_interval(values).replace("95 % interval over", "95 % over")
    head(axes, "Women and men", ["all languages, mean over seeds", counts, interval])


def draw_stages(axes: Axes, shown: ShownTranslators) -> None:
    """Draw the probe of every seed before and after the adapter, of untrained models and of acoustic frames."""
    rows = shown.table
    rows = rows[(rows["metric"] == "probe_macro_f1") & (rows["target"] == "all") & (rows["control"] == "")]
    owners = rows["model"].map(task_of)
    for place, (name, style) in enumerate(shown.conditions.items()):
        for stage, filled in _STAGES.items():
            mine = rows[(owners == name) & (rows["layer"] == stage)]
            x, untrained = place + (_HALF_GAP if filled else -_HALF_GAP), mine["step"].astype(str) == "0"
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


def draw_published_genders(axes: Axes, accuracies: pd.DataFrame) -> None:
    """Draw the published accuracies of women and of men."""
    values = accuracies.set_index("model")
    for place, (model, (style, _)) in enumerate(PUBLISHED.items()):
        for metric, filled in _GENDERS.items():
            look = ModelStyle(style.label, style.colour, filled=filled)
            x = place + (-_HALF_GAP if filled else _HALF_GAP)
            axes.plot(x, values.loc[model, metric] / 100, markersize=5, linestyle="", **look.marks)
    _model_axis(axes, [style for style, _ in PUBLISHED.values()])
    axes.set_ylabel("gender accuracy")
    head(axes, "Published values", ["Fucci et al. (2025), words", "for the speaker, MuST-SHE"])


def draw_exchanges(axes: Axes, shown: ShownTranslators, name: str, title: str) -> None:
    """Draw how far exchanging pitch, tract or both moves the gender that is ``written``, or that a ``probe`` finds."""
    rows = shown.control()
    rows = rows[(rows["metric"] == f"{name}_shift") & rows["model"].isin(list(shown.conditions))]
    values = rows.set_index(["model", "target"]).sort_index()
    offsets = side_by_side(len(EXCHANGE_MARKERS), 2 * _HALF_GAP)
    for place, (model, style) in enumerate(shown.conditions.items()):
        for offset, (what, marker) in zip(offsets, EXCHANGE_MARKERS.items()):
            if (model, what) in values.index:
                look = ModelStyle(style.label, style.colour, marker=marker)
                interval_bar(axes, place + offset, values.loc[(model, what)].to_dict(), look, markersize=4)
    chance_line(axes, 0.0)
    _name_models(axes, shown.conditions.values())
    axes.set_ylabel("shift to the other gender")
    pairs = (
        f"n = {describe_range(rows['n'])}, {describe_range(rows['n_groups'])} pairs" if len(rows) else "not measured"
    )
    head(axes, title, ["same sentences, voice exchanged", pairs])


def draw_quality(axes: Axes, shown: ShownTranslators) -> None:
    """Draw BLEU of every seed over all languages, filled, and chrF, open."""
    rows = shown.table[(shown.table["target"] == "all") & (shown.table["step"].astype(str) != "0")]
    for place, (name, style) in enumerate(shown.conditions.items()):
        mine = rows[rows["model"].map(task_of) == name]
        for metric, filled in (("bleu", True), ("chrf", False)):
            scores = mine.loc[mine["metric"] == metric, "value"]
            look = ModelStyle(style.label, style.colour, filled=filled)
            x = place + (-_HALF_GAP if filled else _HALF_GAP)
            axes.plot([x] * len(scores), scores, linestyle="", **look.marks | {"markersize": 4.5})
    _name_models(axes, shown.conditions.values())
    axes.set_ylim(0, 103)
    axes.set_ylabel("score")
    n = rows.loc[rows["metric"] == "bleu", "n"]
    head(axes, "BLEU and chrF", ["sacreBLEU, every seed", f"n = {describe_range(n)} sentences" if len(n) else ""])


def adapter_changes(table: pd.DataFrame, conditions: Iterable[str]) -> dict[str, float]:
    """Return the change of the probe's F1 from before to after the adapter, mean over trained seeds, by translator."""
    rows = table[(table["metric"] == "probe_macro_f1") & (table["target"] == "all") & (table["control"] == "")]
    rows = rows[rows["step"].astype(str) != "0"].assign(condition=rows["model"].map(task_of))
    means = rows.groupby(["condition", "layer"])["value"].mean()
    return {
        name: float(means[name, "adapter"] - means[name, "encoder"])
        for name in conditions
        if (name, "adapter") in means.index
    }


def _share_axes(axes: Axes, xlabel: str, ylabel: str) -> None:
    """Give a panel axes of shares, with chance on both."""
    chance_line(axes, 0.5)
    chance_line(axes, 0.5, "v")
    axes.set(xlim=(0.2, 1.03), ylim=(0.2, 1.05), xlabel=xlabel, ylabel=ylabel)


def _model_axis(axes: Axes, styles: Iterable[ModelStyle]) -> None:
    """Name the models below a panel of shares, with chance."""
    chance_line(axes, 0.5)
    axes.set(ylim=(-0.03, 1.05))
    _name_models(axes, styles)


def _name_models(axes: Axes, styles: Iterable[ModelStyle]) -> None:
    """Name the models below a panel; more than four names have no room, and the legend's colours stand for them."""
    names = [plain(style.label) for style in styles]
    axes.set_xlim(-0.5, len(names) - 0.5)
    if len(names) > 4:
        axes.set_xticks([])
        axes.set_xlabel("models, as in the legend")
    else:
        axes.set_xticks(range(len(names)), [name.replace(" ", "\n", 1) for name in names], fontsize=7)
    axes.tick_params(axis="x", length=0)


def _measure(row: pd.Series) -> str:
    return value_text(row.to_dict()) if np.isfinite(row["value"]) else "undefined"


def probability_text(value: float) -> str:
    """Return a p value in three digits, or a dash if it is undefined."""
    if not np.isfinite(value):
        return "–"
    return "< .001" if value < 0.001 else number(value, 3)
