"""Details of ABX: ABX accuracy by layer beside a probe, agreement of their rankings, and published values."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.lines import Line2D

from auscult.analyses.abx.agreement import linear_probes, pair_scores, rank_agreement
from auscult.analyses.abx.figure_panels import (
    SPEAKERS,
    condition_look,
    condition_name,
    draw_agreement,
    draw_curves,
    draw_published,
    draw_scatter,
)
from auscult.figures import plotting
from auscult.figures.context import FigureContext
from auscult.figures.findings import finding
from auscult.figures.marks import chance_handle, count_line, mark_handle, model_handles
from auscult.figures.palette import Entry

__all__ = ["draw", "drawn_rows", "describe_finding", "Results", "by_target", "selected_row"]

_UPPER_MM, _PUBLISHED_MM = 68, 58
_HEAD_LETTERS = 40
_PROBING_COLUMNS = (
    *("corpus", "target", "model", "step", "layer", "metric", "value", "ci_low", "ci_high", "n", "n_groups"),
    *("labels", "probe", "n_classes", "chance", "resampling_unit", "selected_layer"),
)


class Results(NamedTuple):
    """Tables of one corpus and target: ABX, probe, both at the same layers, and rank correlations."""

    abx: pd.DataFrame
    probes: pd.DataFrame
    pairs: pd.DataFrame
    agreement: pd.DataFrame


def draw(
    table: pd.DataFrame,
    probing: pd.DataFrame | None = None,
    agreement: pd.DataFrame | None = None,
    published: pd.DataFrame | None = None,
    *,
    context: FigureContext = FigureContext(),
) -> list[Figure]:
    """Draw ABX and probe accuracy by layer and their rank agreement, one page per target, then published values.

    Parameters
    ----------
    table : scores returned by :func:`~auscult.analyses.abx.analysis.abx_activations`, of one or several models
    probing : result rows of :func:`~auscult.analyses.probing.analysis.probe_activations`
    agreement : as returned by :func:`~auscult.analyses.abx.agreement.rank_agreement`; computed if not given
    published : columns ``pretraining``, ``layer``, ``metric`` and ``value``; a page if given
    context : models, settings and study

    Raises
    ------
    AnalysisError
        The table has no row of a model that the context names.
    """
    shown = context.select(table)
    entries = context.entries(shown)
    pages = [_target_page(results, entries, context) for results in by_target(shown, probing, agreement)]
    return pages if published is None else [*pages, _published_page(published)]


def _target_page(results: Results, entries: Sequence[Entry], context: FigureContext) -> Figure:
    """Draw scores by layer, and below them the agreement of ABX and the probe."""
    entries = [entry for entry in entries if len(entry.rows(results.abx)) or len(entry.rows(results.probes))]
    heights_mm = [_UPPER_MM]
    if len(results.pairs):
        heights_mm.append(max(52, 26 + 5 * results.agreement["model"].nunique(dropna=False)))
    figure = plotting.new_figure(sum(heights_mm), _legends(results, entries), _note(results, context))
    grid = figure.add_gridspec(len(heights_mm), 1, height_ratios=heights_mm)
    _draw_scores(grid[0], results, entries)
    if len(results.pairs):
        _draw_rankings(grid[1], results, entries)
    return figure


def _published_page(published: pd.DataFrame) -> Figure:
    colours = plotting.class_colours(published["pretraining"])
    handles = [Line2D([], [], color=colour, label=f"published: {name}") for name, colour in colours.items()]
    figure = plotting.new_figure(_PUBLISHED_MM, [handles], "Published: other models, speech and contrasts.")
    draw_published(figure.subplots(1, 3, squeeze=False)[0], published, colours)
    return figure


def drawn_rows(
    table: pd.DataFrame,
    probing: pd.DataFrame | None = None,
    agreement: pd.DataFrame | None = None,
    published: pd.DataFrame | None = None,
    *,
    context: FigureContext = FigureContext(),
) -> pd.DataFrame:
    """Return the ABX scores of the models that the figure shows."""
    return context.select(table)


def describe_finding(
    table: pd.DataFrame,
    probing: pd.DataFrame | None = None,
    agreement: pd.DataFrame | None = None,
    published: pd.DataFrame | None = None,
    *,
    context: FigureContext = FigureContext(),
) -> str:
    """Compare the first trained model with its untrained control and the best baseline, across speakers if possible.

    Every model is scored at the layer chosen on the probe's validation speakers, or at its last layer if there is no
    probe; no ABX score selects a layer.
    """
    shown = context.select(table)
    entries = context.entries(shown)
    trained = next((entry for entry in entries if not entry.style.baseline and entry.step != "0"), None)
    if trained is None:
        return ""
    rows = shown.loc[trained.rows(shown).index[:1]]
    rows = shown[(shown[["corpus", "target", "context"]] == rows[["corpus", "target", "context"]].iloc[0]).all(axis=1)]
    rows = rows[rows["speaker"] == ("across" if "across" in set(rows["speaker"]) else rows["speaker"].iloc[0])]
    selected = {entry: selected_row(entry, rows, probing) for entry in entries}
    scores = {entry: row for entry, row in selected.items() if row is not None}
    row = scores[trained]
    controls: dict[str, pd.Series | float] = {}
    for entry, score in scores.items():
        if entry.model == trained.model and entry.step == "0":
            controls["untrained"] = score
    baselines = [entry for entry in scores if entry.style.baseline]
    if baselines:
        best = max(baselines, key=lambda entry: float(scores[entry]["value"]))
        controls[best.style.label] = scores[best]
    target = str(row["target"]).replace("_", " ")
    subject = f"{row['speaker']}-speaker {target} ABX of {trained.style.label} at layer {row['layer']}"
    return finding(subject, row, controls or {"chance": float(row["chance"])})


def selected_row(entry: Entry, rows: pd.DataFrame, probing: pd.DataFrame | None) -> pd.Series | None:
    """Return the score at the layer that the probe chose, or at the last layer; None without rows."""
    own = entry.rows(rows)
    if own.empty:
        return None
    pairs = entry.rows(pair_scores(rows, _or_empty(probing)))
    chosen = pairs.loc[pairs["chosen"], "layer"]
    layer = chosen.iloc[0] if len(chosen) else plotting.layer_order(own["layer"])[-1]
    return own[own["layer"] == layer].iloc[0]


def _or_empty(probing: pd.DataFrame | None) -> pd.DataFrame:
    return pd.DataFrame(columns=list(_PROBING_COLUMNS), dtype=object) if probing is None else probing


def by_target(abx: pd.DataFrame, probing: pd.DataFrame | None, agreement: pd.DataFrame | None) -> list[Results]:
    """Return the tables of each corpus and target.

    Parameters
    ----------
    abx, probing, agreement : as for :func:`draw`
    """
    probing = _or_empty(probing)
    agreement = rank_agreement(abx, probing) if agreement is None else agreement
    others = linear_probes(probing), pair_scores(abx, probing), agreement
    found = []
    for (corpus, target), rows in abx.groupby(["corpus", "target"], sort=False):
        own = [other[(other["corpus"] == corpus) & (other["target"] == target)] for other in others]
        found.append(Results(rows, *own))
    return found


def _draw_scores(place: SubplotSpec, results: Results, entries: Sequence[Entry]) -> None:
    """Draw ABX by layer in up to two speaker conditions of the first context, and the probe."""
    context = results.abx["context"].iloc[0]
    shown = results.abx[results.abx["context"] == context]
    name = _name(results.abx)
    conditions = list(shown.groupby("speaker", sort=False))[:2]
    limits = _limits(shown[["value", "ci_low", "ci_high"]])
    *panels, probe = place.subgridspec(1, len(conditions) + 1).subplots(squeeze=False)[0]
    for column, (axes, (speaker, rows)) in enumerate(zip(panels, conditions)):
        draw_curves(axes, rows, entries, limits, "" if column else "ABX accuracy")
        plotting.head(axes, f"ABX {SPEAKERS[str(speaker)]}", [f"{name} · {context} context", *_abx_counts(rows)])
    draw_curves(probe, results.probes, entries, (0, 1), "probe accuracy")
    plotting.head(probe, "Linear probe", _probe_counts(name, results.probes))


def _draw_rankings(place: SubplotSpec, results: Results, entries: Sequence[Entry]) -> None:
    """Draw probe vs. ABX accuracy of every layer, and rank correlations over models and over layers."""
    scatter, ranks = place.subgridspec(1, 2, width_ratios=(1, 1.4)).subplots(squeeze=False)[0]
    context = results.abx["context"].iloc[0]
    shown = results.abx[results.abx["context"] == context]
    speaker = list(dict.fromkeys(shown["speaker"]))[:2][-1]
    pairs = results.pairs[(results.pairs["context"] == context) & (results.pairs["speaker"] == speaker)]
    draw_scatter(scatter, pairs, entries)
    plotting.head(scatter, "Probe vs. ABX", [condition_name(context, speaker), "one point per layer"])
    draw_agreement(ranks, results.agreement, entries)


def _legends(results: Results, entries: Sequence[Entry]) -> list[list[Line2D]]:
    models = [*model_handles([entry.style for entry in entries]), chance_handle()]
    if results.pairs.empty:
        return [models]
    conditions = list(dict.fromkeys(zip(results.agreement["context"], results.agreement["speaker"])))
    return [models, [mark_handle(label=f"ρ: {condition_name(*each)}", **condition_look(*each)) for each in conditions]]


def _name(rows: pd.DataFrame) -> str:
    return f"{rows['corpus'].iloc[0]} · {str(rows['target'].iloc[0]).replace('_', ' ')}"


def _abx_counts(rows: pd.DataFrame) -> list[str]:
    """Return distance, contrasts, cells, items and speakers of a panel, and its interval."""
    contrasts, cells = (plotting.describe_range(rows[column]) for column in ("n_contrasts", "n_cells"))
    about = [str(rows["distance"].iloc[0]), f"{contrasts} contrasts, {cells} cells"]
    return [*plotting.join_lines(about, _HEAD_LETTERS), count_line(rows), plotting.describe_interval(rows)]


def _probe_counts(name: str, rows: pd.DataFrame) -> list[str]:
    """Return target, probe, classes, items and speakers of a panel, and its interval."""
    if rows.empty:
        return [name, "not probed for this target"]
    about = [rows["probe"].iloc[0], f"{plotting.describe_range(rows['n_classes'])} classes", "held-out speakers"]
    lines = plotting.join_lines(about, _HEAD_LETTERS)
    return [name, *lines, count_line(rows), plotting.describe_interval(rows)]


def _limits(values: pd.DataFrame) -> tuple[float, float]:
    """Return the range of values and chance with a margin."""
    low, high = min(0.5, values.min(axis=None)), max(0.5, values.max(axis=None))
    return low - 0.05 * (high - low) - 0.005, high + 0.05 * (high - low) + 0.005


def _note(results: Results, context: FigureContext) -> str:
    """Return the note below a page: study, intervals and rank correlations."""
    sentences = [
        context.describe(results.abx["corpus"]),
        "Bands: 95 % intervals over speakers. ABX uses only items that form a cell, the probe all items.",
    ]
    if len(results.pairs):
        sentences.append(
            "ρ over models: each model at the layer chosen on the probe’s validation speakers, untrained models and "
            "baselines included; no interval."
        )
    return " ".join(sentences)
