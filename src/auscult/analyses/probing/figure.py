"""Figure of probing: scores by layer and at the selected layer, beside acoustic baselines and controls."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from auscult.activations.columns import ACOUSTIC, DURATION
from auscult.analyses.probing.columns import NONLINEAR, SAMPLED, SELECTED
from auscult.analyses.probing.figure_panels import (
    CONTROL,
    LOWEST_R2,
    METRICS,
    NONLINEAR_MARK,
    PEER_MARK,
    SHUFFLED,
    draw_controls,
    draw_curves,
    draw_selected,
    linear,
    target_name,
)
from auscult.figures import plotting
from auscult.figures.context import FigureContext
from auscult.figures.findings import finding
from auscult.figures.marks import GREY, chance_handle, chance_tick_handle, duration_handle, model_handles
from auscult.figures.palette import Entry
from auscult.probes.shown import shown_linear

__all__ = ["draw", "drawn_rows", "describe_finding"]

_CONTROL_METRICS = ("selectivity", "compression")
_OPTIONAL_COLUMNS = ("type", "type_overlap", "n_train", "given", "duration_alone", "train", "test")
_NONLINEAR_NAMES = {"mlp": "MLP", "attention": "attention-pooled"}
_CURVES_MM, _ROW_MM = 56, 4


def draw(table: pd.DataFrame, *, context: FigureContext = FigureContext()) -> Figure:
    """Draw scores by layer and at the selected layer for each corpus and target, then control tasks and code lengths.

    Parameters
    ----------
    table : result rows of :func:`~auscult.analyses.probing.analysis.probe_activations`, of one or several models
    context : models, settings and study

    Raises
    ------
    AnalysisError
        The table has no row of a model that the context names.
    """
    rows = drawn_rows(table, context=context)
    scores, entries = _scores(rows), context.entries(rows)
    panels = _by_target(scores)
    pairs = [panels[start : start + 2] for start in range(0, len(panels), 2)]
    # The panels of a pair share the names of their rows.
    listed = [_present(entries, *pair) for pair in pairs]
    heights_mm = [mm for lines in listed for mm in (_CURVES_MM, 10 + _ROW_MM * len(lines), 3)]
    controls = [panel for panel in _by_target(rows) if _is_controlled(panel)]
    blocks_mm = [sum(heights_mm)] + [26 + _ROW_MM * len(_present(entries, panel)) for panel in controls]
    figure = plotting.new_figure(sum(blocks_mm), [_legend(rows, entries)], _note(rows, scores, context))
    blocks = figure.add_gridspec(len(blocks_mm), 1, height_ratios=blocks_mm)
    grid = blocks[0].subgridspec(len(heights_mm), len(pairs[0]), height_ratios=heights_mm).subplots(squeeze=False)
    _draw_scores(grid, pairs, listed, entries)
    for place, panel in enumerate(controls, start=1):
        draw_controls(blocks[place].subgridspec(1, 3).subplots(squeeze=False)[0], panel, _present(entries, panel))
    return figure


def drawn_rows(table: pd.DataFrame, *, context: FigureContext = FigureContext()) -> pd.DataFrame:
    """Return the rows of the metrics, models and linear probes that the figure shows."""
    rows = table[table["metric"].isin([*METRICS, *_CONTROL_METRICS])]
    rows = rows.reindex(columns=list(dict.fromkeys([*rows.columns, *_OPTIONAL_COLUMNS])))
    return context.select(shown_linear(rows)).reset_index(drop=True)


def describe_finding(table: pd.DataFrame, *, context: FigureContext = FigureContext()) -> str:
    """Compare the first trained model, on its first target, with its untrained control and the best baseline."""
    rows = drawn_rows(table, context=context)
    entries, selected = context.entries(rows), linear(_scores(rows))
    for panel in _by_target(selected[selected["layer"] == SELECTED]):
        for entry in _present(entries, panel):
            if not entry.style.baseline and entry.step != "0":
                row = entry.rows(panel).iloc[0]
                score = f"{target_name(row['target'])} {METRICS[row['metric']]}"
                subject = f"{score} of {entry.style.label} on {row['corpus']}"
                return finding(subject, row, _controls(panel, entry, entries, context))
    return ""


def _controls(
    panel: pd.DataFrame, trained: Entry, entries: Sequence[Entry], context: FigureContext
) -> dict[str, pd.Series | float]:
    """Return the row of the untrained model and of the best baseline; chance only if one of them is missing."""
    ceilings, present = _ceilings(panel, context), _present(entries, panel)
    controls: dict[str, pd.Series | float] = {}
    first = trained.rows(panel).iloc[0]
    # Where duration is held fixed, the vectors lack it, and the model need not do better than it.
    if np.isfinite(first["duration_alone"]) and first["given"] not in DURATION:
        controls["duration alone"] = float(first["duration_alone"])
    for entry in present:
        if entry.model == trained.model and entry.step == "0":
            controls["untrained"] = entry.rows(panel).iloc[0]
    baselines = [entry for entry in present if entry.style.baseline and entry.model not in ceilings]
    if baselines:
        best = max(baselines, key=lambda entry: entry.rows(panel)["value"].iloc[0])
        controls[best.style.label] = best.rows(panel).iloc[0]
    if len(controls) < 2:
        controls["mean" if first["metric"] == "r2" else "chance"] = float(first["chance"])
    return controls


def _draw_scores(
    grid: np.ndarray, pairs: Sequence[Sequence[pd.DataFrame]], listed: Sequence[list[Entry]], entries: list[Entry]
) -> None:
    """Draw two panels side by side in every three rows of the grid, the last of which is a gap."""
    for axes in grid.flat:
        axes.set_axis_off()
    for place, (pair, lines) in enumerate(zip(pairs, listed)):
        for column, rows in enumerate(pair):
            curves, selected, _ = grid[3 * place : 3 * place + 3, column]
            curves.set_axis_on()
            selected.set_axis_on()
            draw_curves(curves, rows[~rows["probe"].isin(SAMPLED)], _present(entries, rows))
            draw_selected(selected, rows, lines, named=column == 0)


def _scores(rows: pd.DataFrame) -> pd.DataFrame:
    """Return accuracies and R² without learning curves."""
    return rows[rows["metric"].isin(METRICS) & (rows["n_train"].isna() | rows["probe"].isin(SAMPLED))]


def _by_target(rows: pd.DataFrame) -> list[pd.DataFrame]:
    return [panel for _, panel in rows.groupby(["corpus", "target"], sort=False)]


def _present(entries: Sequence[Entry], *tables: pd.DataFrame) -> list[Entry]:
    """Return the entries that have rows in any of the tables."""
    return [entry for entry in entries if any(len(entry.rows(rows)) for rows in tables)]


def _is_controlled(rows: pd.DataFrame) -> bool:
    """Return whether a target has a control task or a code length at the selected layer."""
    return bool((rows["metric"].isin(_CONTROL_METRICS) & (rows["layer"] == SELECTED)).any())


def _legend(rows: pd.DataFrame, entries: Sequence[Entry]) -> list[Line2D]:
    """Return legend entries of models and controls; baselines are named beside their lines."""
    handles = model_handles([entry.style for entry in entries if not entry.style.baseline])
    handles += [Line2D([], [], **SHUFFLED, label="shuffled labels"), chance_handle("chance: most frequent class")]
    if rows["duration_alone"].notna().any():
        handles.append(duration_handle("duration alone"))
    if (rows["labels"] == "control").any():
        handles.append(Line2D([], [], **CONTROL, label="control task: a random label per type"))
    nonlinear = _nonlinear_names(rows)
    if nonlinear:
        handles.append(Line2D([], [], **NONLINEAR_MARK, color=GREY, label=f"{' or '.join(nonlinear)} probe"))
        handles.append(Line2D([], [], **PEER_MARK, color=GREY, label="linear probe, same items"))
    if (rows["metric"] == "compression").any():
        handles.append(chance_tick_handle("code without vectors"))
    return handles


def _nonlinear_names(rows: pd.DataFrame) -> list[str]:
    return [name for probe, name in _NONLINEAR_NAMES.items() if (rows["probe"] == probe).any()]


def _note(rows: pd.DataFrame, scores: pd.DataFrame, context: FigureContext) -> str:
    """Return the note below the figure: study, intervals, selection, and what limits single panels."""
    divided = rows.loc[rows["n_folds"] > 1, "n_folds"]
    folds = f" of {plotting.describe_range(divided)}-fold cross-validation" if len(divided) else ""
    sentences = [
        context.describe(rows["corpus"]),
        f"Test scores{folds} with 95 % intervals; {_probes(scores)}.",
        *_named_sides(rows),
        "The selected layer is chosen on validation data.",
    ]
    nonlinear = scores[scores["probe"].isin(NONLINEAR)]
    if len(nonlinear):
        n_train, n = (plotting.describe_range(nonlinear[column]) for column in ("n_train", "n"))
        sentences.append(f"{' and '.join(_nonlinear_names(scores))}: {n_train} training items, {n} items in all.")
    if (scores.loc[scores["metric"] == "r2", "value"] < LOWEST_R2).any():
        sentences.append(f"R² below {LOWEST_R2:g} is not drawn.".replace("-", "−"))
    for name, targets in _ceilings(rows, context).items():
        label = context.models[name].get("label") or name
        sentences.append(f"{label} is a ceiling for {' and '.join(map(target_name, targets))}, not a baseline.")
    return " ".join(sentences)


def _named_sides(rows: pd.DataFrame) -> list[str]:
    """Return a sentence for each target whose training or test items the study names."""
    named = rows[["corpus", "target", "train", "test"]].fillna("").drop_duplicates()
    return [
        f"{target_name(row['target'])} ({row['corpus']}): trained on {row['train'] or 'all others'}, tested on "
        f"{row['test'] or 'all others'}."
        for row in named[(named["train"] != "") | (named["test"] != "")].to_dict("records")
    ]


def _probes(scores: pd.DataFrame) -> str:
    """Return the linear probes that the figure shows."""
    if (scores["probe"] == "logistic").any():
        return "linear probes are logistic regressions, of values ridge regressions"
    return "linear probes are ridge regressions"


def _ceilings(rows: pd.DataFrame, context: FigureContext) -> dict[str, list[str]]:
    """Return the targets whose values a baseline holds, such as F0 for log F0, by model."""
    found: dict[str, list[str]] = {}
    for target, entry in context.analysis.get("targets", {}).items():
        features = ACOUSTIC.get(entry["column"])
        if features and (rows["target"] == target).any():
            for name in rows["model"].unique():
                if context.models.get(name, {}).get("features") == features:
                    found.setdefault(name, []).append(target)
    return found
