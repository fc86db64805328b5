"""Details of encoding: curves of linguistic levels over training, midpoints, layers, heat maps, zero-shot scores."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from auscult.activations.columns import DURATION
from auscult.analyses.encoding.figure_panels import (
    StepAxis,
    curve_handles,
    describe_differences,
    draw_forests,
    draw_levels,
    draw_maps,
    draw_summary,
    names_in,
    plain_name,
)
from auscult.analyses.encoding.summary import EARLIER, LATER
from auscult.analyses.encoding.sweep_scores import SELECTED
from auscult.dynamics.curves import FIT
from auscult.figures import marks, plotting
from auscult.figures.context import FigureContext
from auscult.figures.findings import compare, number, value_text
from auscult.figures.palette import ModelStyle
from auscult.seeds import condition_label, task_of

__all__ = ["draw", "drawn_rows", "describe_finding", "shown_tables", "normalised", "mapped", "compare_level"]

_COLUMNS = 3
_PANEL_MM, _MAP_MM, _SUMMARY_MM = 50, 30, 32
# Largest height of the panels of a page; legends and the note need the rest.
_PAGE_MM = 196
_MAX_REASONS = 4
_SCORES = "Scores: (score − chance) / (1 − chance), at the layer selected on validation data."
_MEASURES = {"ridge": "probe", "abx": "ABX"}
_VERDICTS = ("above", "below", "against", "not separated from")


def draw(
    table: pd.DataFrame, curves: pd.DataFrame, summary: pd.DataFrame, *, context: FigureContext = FigureContext()
) -> list[Figure]:
    """Draw pages of curves by level, of midpoints, layers and their summary, of zero-shot curves, and of heat maps.

    Parameters
    ----------
    table, curves : scores and curves as returned by :func:`~auscult.analyses.encoding.analysis.encode_sweep`
    summary : as returned by :func:`~auscult.analyses.encoding.summary.summarise_encoding`
    context : models, settings (``compare``) and study

    Raises
    ------
    AnalysisError
        The table has no row of a model that the context names.
    """
    scores, curves, summary = shown_tables(table, curves, summary, context)
    scores = normalised(scores)
    shown = _Shown(scores, curves, summary, context.styles(scores), StepAxis(scores, curves), context)
    probes, zero_shot = (scores[scores["probe"] == probe] for probe in ("ridge", "abx"))
    pages = [*_level_pages(probes, shown), *_midpoint_pages(probes, shown), *_level_pages(zero_shot, shown)]
    models = mapped(curves, context.analysis.get("compare", ()))
    for part in _chunks(models, int(_PAGE_MM // _MAP_MM)):
        note = f"{context.describe(scores['corpus'])} {_SCORES} Dots: best layer at each step."
        figure = plotting.new_figure(_MAP_MM * len(part), [], note)
        for block, model in zip(iter(figure.add_gridspec(len(part), 1)), part):
            draw_maps(block, probes[probes["model"] == model], shown.styles[model], shown.axis)
        pages.append(figure)
    return pages


@dataclass(frozen=True)
class _Shown:
    """Rows and looks that the pages share."""

    scores: pd.DataFrame
    curves: pd.DataFrame
    summary: pd.DataFrame
    styles: Mapping[str, ModelStyle]
    axis: StepAxis
    context: FigureContext

    @property
    def conditions(self) -> dict[str, ModelStyle]:
        """Look of each condition, the one of its first seed."""
        found: dict[str, ModelStyle] = {}
        for name in names_in(self.scores["model"]):
            style = self.styles.get(task_of(name), self.styles[name])
            found.setdefault(task_of(name), replace(style, label=condition_label(style.label)))
        return found

    def models(self, baselines: bool) -> list[ModelStyle]:
        """Return the looks of models, or of acoustic baselines."""
        styles = [self.styles[name] for name in names_in(self.scores["model"])]
        return [style for style in styles if style.baseline == baselines]


def _chunks(items: Sequence[Any], n: int) -> list[Sequence[Any]]:
    return [items[start : start + n] for start in range(0, len(items), n)]


def _level_pages(scores: pd.DataFrame, shown: _Shown) -> Iterator[Figure]:
    """Yield pages of one panel per level, by probes or by ABX; none without rows."""
    handles = [marks.model_handles(shown.models(baselines=False)), curve_handles(shown.models(baselines=True))]
    note = f"{shown.context.describe(scores['corpus'])} {_SCORES} Step 0 is the untrained model."
    for part in _chunks(names_in(scores["target"]), _COLUMNS * int(_PAGE_MM // _PANEL_MM)):
        rows = scores[scores["target"].isin(part)]
        figure = plotting.new_figure(-(-len(part) // _COLUMNS) * _PANEL_MM, handles, note)
        draw_levels(figure.add_gridspec(1, 1)[0], rows, shown.curves, shown.styles, shown.axis, _COLUMNS)
        yield figure


def _midpoint_pages(probes: pd.DataFrame, shown: _Shown) -> Iterator[Figure]:
    """Yield a page of midpoints, layers and their summary, or two where one would be too tall."""
    n_rows = len(shown.summary[shown.summary["metric"] == "midpoint_spread"])
    n_levels, n_models = probes["target"].nunique(), shown.curves["model"].nunique()
    forests_mm = min(_PAGE_MM, 16 + n_levels * max(5, 1.7 * n_models))
    summary_mm = min(_PAGE_MM, _SUMMARY_MM + 4 * n_rows)
    heights = [forests_mm, summary_mm]
    for part in [[0, 1]] if sum(heights) <= _PAGE_MM else [[0], [1]]:
        parts_mm = [heights[place] for place in part]
        figure = plotting.new_figure(sum(parts_mm), [marks.model_handles(shown.models(baselines=False))], _note(shown))
        for place, block in zip(part, iter(figure.add_gridspec(len(part), 1, height_ratios=parts_mm))):
            if place:
                draw_summary(block, shown.summary, shown.conditions)
            else:
                draw_forests(block, shown.curves, probes, shown.styles, shown.axis)
        yield figure


def drawn_rows(
    table: pd.DataFrame, curves: pd.DataFrame, summary: pd.DataFrame, *, context: FigureContext = FigureContext()
) -> pd.DataFrame:
    """Return the rows of scores, curves and summary of the models that the figures show."""
    scores = context.select(table)
    conditions = {task_of(name) for name in scores["model"]}
    parts = (scores, curves[curves["model"].isin(scores["model"])], summary[summary["model"].isin(conditions)])
    return pd.concat(parts, ignore_index=True)


def describe_finding(
    table: pd.DataFrame, curves: pd.DataFrame, summary: pd.DataFrame, *, context: FigureContext = FigureContext()
) -> str:
    """Return sentences on the levels that the first model encodes better than its controls, and on their order.

    The control of a level is the highest of the untrained model, the acoustic baselines, duration alone and chance, at
    the last step. An order is stated only as in :func:`~auscult.analyses.encoding.summary.order_verdict`.
    """
    scores, _, summary = shown_tables(table, curves, summary, context)
    scores = normalised(scores)
    scores = scores[(scores["probe"] == "ridge") & (scores["layer"] == SELECTED)]
    styles = context.styles(scores)
    trained = scores[~scores["model"].map(lambda name: styles[name].baseline)]
    if trained.empty:
        return ""
    model = trained["model"].iloc[0]
    order = _order_sentence(summary[summary["model"] == task_of(model)])
    ranked = scores[scores["abstractness"].notna()]
    scores = ranked if (ranked["model"] == model).any() else scores
    compared = [compare_level(rows, model, styles) for _, rows in scores.groupby("target", sort=False)]
    found = pd.DataFrame(compared).dropna(subset=["value"])
    if found.empty:
        return ""
    verdict = next(word for word in _VERDICTS if (found["verdict"] == word).any())
    chosen = found[found["verdict"] == verdict]
    lead = chosen.loc[chosen["gap"].idxmin() if verdict == "below" else chosen["gap"].idxmax()]
    control = styles[lead["control"]].label if lead["control"] in styles else lead["control"]
    values = f"{plain_name(lead['target'])}: {value_text(lead)}, {control} {number(lead['other'])}"
    if verdict == "against":
        return f"{styles[model].label} ends without comparable intervals; largest difference on {values}.{order}"
    controls = "its controls" if verdict == "not separated from" else "its strongest control"
    levels = f"{len(chosen)} of {len(found)} level{'' if len(found) == 1 else 's'}"
    return f"{styles[model].label} ends {verdict} {controls} on {levels}, most on {values}.{order}"


def _order_sentence(summary: pd.DataFrame) -> str:
    """Return a sentence on the order in which levels are learnt, or why none is stated; empty without a summary."""
    rows = summary[summary["metric"] == "abstractness_order"]
    if rows.empty:
        return ""
    verdict = str(rows["verdict"].iloc[0])
    correlations = summary[(summary["metric"] == "abstractness_midpoint") & summary["value"].notna()]
    values = ", ".join(
        f"{_MEASURES[row['probe']]} ρ {number(row['value'])}, p {number(row['p_value'])}, {int(row['n'])} levels"
        for _, row in correlations.iterrows()
    )
    if verdict in (LATER, EARLIER):
        return f" Abstract levels come {verdict} ({values})."
    return f" No order of levels is stated: {verdict}{f' ({values})' if values else ''}."


def compare_level(rows: pd.DataFrame, model: str, styles: Mapping[str, ModelStyle]) -> dict[str, Any]:
    """Return the last score of a model on one level, its strongest control, and the verdict on the two."""
    own = rows[rows["model"] == model]
    steps = own.assign(at=own["step"].replace("final", "inf").astype(float)).sort_values("at")
    if steps.empty:
        return {"target": rows["target"].iloc[0], "value": float("nan")}
    last, first = steps.iloc[-1], steps.iloc[0]
    controls: dict[str, Any] = {"chance": {"value": 0.0, "ci_low": 0.0, "ci_high": 0.0}}
    if np.isfinite(last["duration_alone"]) and last["given"] not in DURATION:
        alone = (last["duration_alone"] - last["chance"]) / (1 - last["chance"])
        controls["duration alone"] = {"value": alone, "ci_low": alone, "ci_high": alone}
    if first["step"] == "0" and len(steps) > 1:
        controls["untrained"] = first
    baselines = rows[rows["model"].map(lambda name: styles[name].baseline)]
    controls |= {row["model"]: row for _, row in baselines.iterrows()}
    name = max(controls, key=lambda control: controls[control]["value"])
    control = controls[name]
    return {
        "target": last["target"],
        **last[["value", "ci_low", "ci_high"]],
        "control": name,
        "other": control["value"],
        "gap": last["value"] - control["value"],
        "verdict": compare(last, control),
    }


def shown_tables(
    table: pd.DataFrame, curves: pd.DataFrame, summary: pd.DataFrame, context: FigureContext
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the rows of the models to draw; ``target`` names the corpus, too, where one target occurs on several."""
    scores = context.select(table)
    curves = curves[curves["model"].isin(scores["model"])]
    summary = summary[summary["model"].isin({task_of(name) for name in scores["model"]})]
    n_corpora = scores.groupby("target")["corpus"].nunique()
    scores, curves = (
        part.assign(
            target=part["target"].where(
                part["target"].map(n_corpora) == 1, part["target"] + " (" + part["corpus"] + ")"
            )
        )
        for part in (scores, curves)
    )
    return scores, curves, summary


def normalised(scores: pd.DataFrame) -> pd.DataFrame:
    """Return scores whose ``value``, ``ci_low`` and ``ci_high`` are normalised by chance."""
    return scores.assign(value=scores["normalised"], ci_low=scores["normalised_low"], ci_high=scores["normalised_high"])


def mapped(curves: pd.DataFrame, compare: Sequence[Sequence[str]]) -> list[str]:
    """Return the models to draw heat maps of: the models compared or, without such, the first model."""
    present = names_in(curves["model"])
    compared = dict.fromkeys(name for pair in compare for name in pair)
    return [model for model in compared if model in present] or present[:1]


def _note(shown: _Shown) -> str:
    """Return the note below midpoints: differences of conditions, and how many curves have no fit, and why."""
    curves = shown.curves
    reasons = curves.loc[(curves["metric"] == "midpoint") & (curves["verdict"] != FIT), "verdict"].value_counts()
    named = [f"{reason}: {count}" for reason, count in sorted(reasons.iloc[:_MAX_REASONS].items())]
    others = [f"other: {reasons.iloc[_MAX_REASONS:].sum()}"] if len(reasons) > _MAX_REASONS else []
    differences = " ".join(describe_differences(shown.summary, shown.conditions))
    fits = f" No fit ({'; '.join([*named, *others])})." if named else ""
    return f"Summaries: intervals over speakers and seeds. {differences}{fits}"
