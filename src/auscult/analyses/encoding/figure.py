"""Figure of encoding: curves of linguistic levels over training, midpoints, layers, heat maps and zero-shot scores."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
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

__all__ = ["draw", "drawn_rows", "describe_finding"]

_COLUMNS = 3
_PANEL_MM, _MAP_MM, _SUMMARY_MM = 50, 27, 32
_MAX_REASONS = 4
_MEASURES = {"ridge": "probe", "abx": "ABX"}
_VERDICTS = ("above", "below", "against", "not separated from")


def draw(
    table: pd.DataFrame, curves: pd.DataFrame, summary: pd.DataFrame, *, context: FigureContext = FigureContext()
) -> Figure:
    """Draw curves, midpoints and layers, zero-shot curves, heat maps and summaries, with the levels of all corpora.

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
    scores, curves, summary = _shown(table, curves, summary, context)
    scores = _normalised(scores)
    styles, shown_names = context.styles(scores), names_in(scores["model"])
    conditions: dict[str, ModelStyle] = {}
    for name in shown_names:
        style = styles.get(task_of(name), styles[name])
        conditions.setdefault(task_of(name), replace(style, label=condition_label(style.label)))
    mapped = _mapped(curves, context.analysis.get("compare", ()))
    heights_mm = _heights(scores, curves, summary, len(mapped))
    shown = [styles[name] for name in shown_names]
    legends = [
        marks.model_handles([style for style in shown if not style.baseline]),
        curve_handles([style for style in shown if style.baseline]),
    ]
    figure = plotting.new_figure(
        sum(heights_mm), legends, _note(scores, curves, context, describe_differences(summary, conditions))
    )
    blocks = iter(figure.add_gridspec(len(heights_mm), 1, height_ratios=heights_mm))
    axis = StepAxis(scores, curves)
    probes, zero_shot = (scores[scores["probe"] == probe] for probe in ("ridge", "abx"))
    draw_levels(next(blocks), probes, curves, styles, axis, _COLUMNS)
    draw_forests(next(blocks), curves, probes, styles, axis)
    if len(zero_shot):
        draw_levels(next(blocks), zero_shot, curves, styles, axis, _COLUMNS)
    for model in mapped:
        draw_maps(next(blocks), probes[probes["model"] == model], styles[model], axis)
    draw_summary(next(blocks), summary, conditions)
    return figure


def drawn_rows(
    table: pd.DataFrame, curves: pd.DataFrame, summary: pd.DataFrame, *, context: FigureContext = FigureContext()
) -> pd.DataFrame:
    """Return the rows of scores, curves and summary of the models that the figure shows."""
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
    scores, _, summary = _shown(table, curves, summary, context)
    scores = _normalised(scores)
    scores = scores[(scores["probe"] == "ridge") & (scores["layer"] == SELECTED)]
    styles = context.styles(scores)
    trained = scores[~scores["model"].map(lambda name: styles[name].baseline)]
    if trained.empty:
        return ""
    model = trained["model"].iloc[0]
    order = _order_sentence(summary[summary["model"] == task_of(model)])
    ranked = scores[scores["abstractness"].notna()]
    scores = ranked if (ranked["model"] == model).any() else scores
    compared = [_compare_level(rows, model, styles) for _, rows in scores.groupby("target", sort=False)]
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


def _compare_level(rows: pd.DataFrame, model: str, styles: Mapping[str, ModelStyle]) -> dict[str, Any]:
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


def _shown(
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


def _normalised(scores: pd.DataFrame) -> pd.DataFrame:
    """Return scores whose ``value``, ``ci_low`` and ``ci_high`` are normalised by chance."""
    return scores.assign(value=scores["normalised"], ci_low=scores["normalised_low"], ci_high=scores["normalised_high"])


def _mapped(curves: pd.DataFrame, compare: Sequence[Sequence[str]]) -> list[str]:
    """Return the models to draw heat maps of: the models compared or, without such, the first model."""
    present = names_in(curves["model"])
    compared = dict.fromkeys(name for pair in compare for name in pair)
    return [model for model in compared if model in present] or present[:1]


def _heights(scores: pd.DataFrame, curves: pd.DataFrame, summary: pd.DataFrame, n_mapped: int) -> list[float]:
    """Return the heights of the blocks, in millimetres."""
    n_levels, n_models = scores["target"].nunique(), curves["model"].nunique()
    n_zero_shot = scores.loc[scores["probe"] == "abx", "target"].nunique()
    zero_shot = [-(-n_zero_shot // _COLUMNS) * _PANEL_MM] if n_zero_shot else []
    n_rows = len(summary[summary["metric"] == "midpoint_spread"])
    levels = -(-n_levels // _COLUMNS) * _PANEL_MM
    forests = 16 + n_levels * max(5, 1.7 * n_models)
    return [levels, forests, *zero_shot, *[_MAP_MM] * n_mapped, _SUMMARY_MM + 4 * n_rows]


def _note(scores: pd.DataFrame, curves: pd.DataFrame, context: FigureContext, differences: Iterable[str]) -> str:
    """Return the note below the figure; ``differences`` are sentences on pairs of conditions."""
    reasons = curves.loc[(curves["metric"] == "midpoint") & (curves["verdict"] != FIT), "verdict"].value_counts()
    named = [f"{reason}: {count}" for reason, count in sorted(reasons.iloc[:_MAX_REASONS].items())]
    others = [f"other: {reasons.iloc[_MAX_REASONS:].sum()}"] if len(reasons) > _MAX_REASONS else []
    return (
        f"{context.describe(scores['corpus'])} Scores: (score − chance) / (1 − chance), at the layer selected on "
        "validation data. Step 0 is the untrained model. Heat maps: by layer and step; dots: best layer. "
        f"{' '.join(['Bottom: intervals over speakers and seeds.', *differences])}"
        + (f" No fit ({'; '.join([*named, *others])})." if named else "")
    )
