"""Details of probing: scores by layer and at the selected layer, beside acoustic baselines and controls."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from auscult.activations.columns import ACOUSTIC, DURATION
from auscult.analyses.probing.columns import NONLINEAR, SAMPLED, SELECTED
from auscult.analyses.probing.figure_confusions import draw_confusions
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

__all__ = ["draw", "drawn_rows", "describe_finding", "scores_of", "by_target", "present", "best_baseline"]

_CONTROL_METRICS = ("selectivity", "compression")
_OPTIONAL_COLUMNS = ("type", "type_overlap", "n_train", "given", "duration_alone", "train", "test")
_NONLINEAR_NAMES = {"mlp": "MLP", "attention": "attention-pooled"}
_CURVES_MM, _ROW_MM = 48, 4


def draw(
    table: pd.DataFrame, confusions: pd.DataFrame | None = None, *, context: FigureContext = FigureContext()
) -> list[Figure]:
    """Draw scores by layer and at the selected layer, by tier, then control tasks, code lengths, confusions.

    Parameters
    ----------
    table : result rows of :func:`~auscult.analyses.probing.analysis.probe_activations`, of one or several models
    confusions : as returned by :func:`~auscult.analyses.probing.kept_results.confusion_table`; pages if given
    context : models, settings and study

    Raises
    ------
    AnalysisError
        The table has no row of a model that the context names.
    """
    rows = drawn_rows(table, context=context)
    scores, entries = scores_of(rows), context.entries(rows)
    pages: list[Figure] = []
    for _, tier in scores.groupby("tier", sort=False, dropna=False):
        panels = by_target(tier)
        pairs = [panels[start : start + 2] for start in range(0, len(panels), 2)]
        heights_mm = [sum(_pair_heights_mm(present(entries, *pair))) for pair in pairs]
        pages += [_scores_page(pairs[page], rows, entries, context) for page in plotting.paginate(heights_mm)]
    controls = [panel for panel in by_target(rows) if _is_controlled(panel)]
    heights_mm = [_block_mm(present(entries, panel)) for panel in controls]
    pages += [_controls_page(controls[page], entries, context) for page in plotting.paginate(heights_mm)]
    return pages if confusions is None else [*pages, *draw_confusions(confusions, entries, context)]


def _scores_page(
    pairs: Sequence[Sequence[pd.DataFrame]], rows: pd.DataFrame, entries: Sequence[Entry], context: FigureContext
) -> Figure:
    """Draw the curves of two targets side by side, above their scores at the selected layer, for several pairs."""
    # The panels of a pair share the names of their rows.
    listed = [present(entries, *pair) for pair in pairs]
    heights_mm = [mm for lines in listed for mm in _pair_heights_mm(lines)]
    scores = pd.concat([panel for pair in pairs for panel in pair])
    shown = rows[rows["corpus"].isin(scores["corpus"]) & rows["target"].isin(scores["target"])]
    note = _scores_note(shown, scores, context)
    figure = plotting.new_figure(sum(heights_mm), [_scores_legend(scores, present(entries, scores))], note)
    grid = figure.subplots(len(heights_mm), len(pairs[0]), squeeze=False, height_ratios=heights_mm)
    _draw_scores(grid, pairs, listed, entries)
    return figure


def _controls_page(panels: Sequence[pd.DataFrame], entries: Sequence[Entry], context: FigureContext) -> Figure:
    """Draw control tasks and code lengths at the selected layer, one line of panels for each corpus and target."""
    listed = [present(entries, panel) for panel in panels]
    heights_mm = [_block_mm(lines) for lines in listed]
    rows = pd.concat(panels)
    figure = plotting.new_figure(
        sum(heights_mm), [_controls_legend(rows, present(entries, rows))], _note(rows, context)
    )
    blocks = figure.add_gridspec(len(heights_mm), 1, height_ratios=heights_mm)
    for place, (panel, lines) in enumerate(zip(panels, listed)):
        draw_controls(blocks[place].subgridspec(1, 3).subplots(squeeze=False)[0], panel, lines)
    return figure


def _pair_heights_mm(lines: Sequence[Entry]) -> tuple[float, ...]:
    """Return the heights of curves, of scores at the selected layer, and of the gap below them."""
    return _CURVES_MM, 10 + _ROW_MM * len(lines), 3


def _block_mm(lines: Sequence[Entry]) -> float:
    return 26 + _ROW_MM * len(lines)


def drawn_rows(
    table: pd.DataFrame, confusions: pd.DataFrame | None = None, *, context: FigureContext = FigureContext()
) -> pd.DataFrame:
    """Return the rows of the metrics, models and linear probes that the figure shows."""
    rows = table[table["metric"].isin([*METRICS, *_CONTROL_METRICS])]
    rows = rows.reindex(columns=list(dict.fromkeys([*rows.columns, *_OPTIONAL_COLUMNS])))
    return context.select(shown_linear(rows)).reset_index(drop=True)


def describe_finding(
    table: pd.DataFrame, confusions: pd.DataFrame | None = None, *, context: FigureContext = FigureContext()
) -> str:
    """Compare the first trained model, on its first target, with its untrained control and the best baseline."""
    rows = drawn_rows(table, context=context)
    entries, selected = context.entries(rows), linear(scores_of(rows))
    for panel in by_target(selected[selected["layer"] == SELECTED]):
        for entry in present(entries, panel):
            if not entry.style.baseline and entry.step != "0":
                row = entry.rows(panel).iloc[0]
                score = f"{target_name(row['target'])} {METRICS[row['metric']]}"
                subject = f"{score} of {entry.style.label} on {row['corpus']}"
                return finding(subject, row, _controls(panel, entry, entries, context))
    return ""


def _controls(
    panel: pd.DataFrame, trained: Entry, entries: Sequence[Entry], context: FigureContext
) -> dict[str, pd.Series | float]:
    """Return the row of the untrained model and of the best baseline; chance only if one of them is missing.

    Parameters
    ----------
    panel : scores of the linear probe at the selected layer, of one corpus and target
    trained : the model that is compared
    entries : entries of the figure
    context : settings, which tell that a baseline is a ceiling
    """
    controls: dict[str, pd.Series | float] = {}
    first = trained.rows(panel).iloc[0]
    # Where duration is held fixed, the vectors lack it, and the model need not do better than it.
    if np.isfinite(first["duration_alone"]) and first["given"] not in DURATION:
        controls["duration alone"] = float(first["duration_alone"])
    for entry in present(entries, panel):
        if entry.model == trained.model and entry.step == "0":
            controls["untrained"] = entry.rows(panel).iloc[0]
    best = best_baseline(panel, entries, context)
    if best:
        controls[best.style.label] = best.rows(panel).iloc[0]
    if len(controls) < 2:
        controls["mean" if first["metric"] == "r2" else "chance"] = float(first["chance"])
    return controls


def best_baseline(panel: pd.DataFrame, entries: Sequence[Entry], context: FigureContext) -> Entry | None:
    """Return the acoustic baseline with the highest score that does not hold the values of the target."""
    ceilings = _ceilings(panel, context)
    baselines = [entry for entry in present(entries, panel) if entry.style.baseline and entry.model not in ceilings]
    return max(baselines, key=lambda entry: float(entry.rows(panel)["value"].iloc[0]), default=None)


def _draw_scores(
    grid: np.ndarray, pairs: Sequence[Sequence[pd.DataFrame]], listed: Sequence[list[Entry]], entries: Sequence[Entry]
) -> None:
    """Draw two panels side by side in every three rows of the grid, the last of which is a gap."""
    for axes in grid.flat:
        axes.set_axis_off()
    for place, (pair, lines) in enumerate(zip(pairs, listed)):
        for column, rows in enumerate(pair):
            curves, selected, _ = grid[3 * place : 3 * place + 3, column]
            curves.set_axis_on()
            selected.set_axis_on()
            draw_curves(curves, rows[~rows["probe"].isin(SAMPLED)], present(entries, rows))
            draw_selected(selected, rows, lines, named=column == 0)


def scores_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return accuracies and R² without learning curves."""
    return rows[rows["metric"].isin(METRICS) & (rows["n_train"].isna() | rows["probe"].isin(SAMPLED))]


def by_target(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the rows of each corpus and target."""
    return [panel for _, panel in rows.groupby(["corpus", "target"], sort=False)]


def present(entries: Sequence[Entry], *tables: pd.DataFrame) -> list[Entry]:
    """Return the entries that have rows in any of the tables."""
    return [entry for entry in entries if any(len(entry.rows(rows)) for rows in tables)]


def _is_controlled(rows: pd.DataFrame) -> bool:
    """Return whether a target has a control task or a code length at the selected layer."""
    return bool((rows["metric"].isin(_CONTROL_METRICS) & (rows["layer"] == SELECTED)).any())


def _scores_legend(scores: pd.DataFrame, entries: Sequence[Entry]) -> list[Line2D]:
    """Return legend entries of models and controls; baselines are named beside their lines."""
    handles = model_handles([entry.style for entry in entries if not entry.style.baseline])
    handles += [Line2D([], [], **SHUFFLED, label="shuffled labels"), chance_handle("chance: most frequent class")]
    if scores["duration_alone"].notna().any():
        handles.append(duration_handle("duration alone"))
    return handles + _nonlinear_handles(scores)


def _controls_legend(rows: pd.DataFrame, entries: Sequence[Entry]) -> list[Line2D]:
    handles = model_handles([entry.style for entry in entries if not entry.style.baseline])
    if (rows["labels"] == "control").any():
        handles.append(Line2D([], [], **CONTROL, label="control task: a random label per type"))
    if (rows["metric"] == "compression").any():
        handles.append(chance_tick_handle("code without vectors"))
    return [*handles, *_nonlinear_handles(rows), chance_handle("no effect")]


def _nonlinear_handles(rows: pd.DataFrame) -> list[Line2D]:
    names = _nonlinear_names(rows)
    if not names:
        return []
    return [
        Line2D([], [], **NONLINEAR_MARK, color=GREY, label=f"{' or '.join(names)} probe"),
        Line2D([], [], **PEER_MARK, color=GREY, label="linear probe, same items"),
    ]


def _nonlinear_names(rows: pd.DataFrame) -> list[str]:
    return [name for probe, name in _NONLINEAR_NAMES.items() if (rows["probe"] == probe).any()]


def _scores_note(rows: pd.DataFrame, scores: pd.DataFrame, context: FigureContext) -> str:
    """Return the note of a page of scores: study, intervals, selection, and what limits single panels."""
    divided = rows.loc[rows["n_folds"] > 1, "n_folds"]
    folds = f" of {plotting.describe_range(divided)}-fold cross-validation" if len(divided) else ""
    sentences = [
        context.describe(rows["corpus"]),
        f"Test scores{folds} with 95 % intervals; {_probes(scores)}.",
        *_named_sides(rows),
        "The selected layer is chosen on validation data.",
        _nonlinear_items(scores),
    ]
    if (scores.loc[scores["metric"] == "r2", "value"] < LOWEST_R2).any():
        sentences.append(f"R² below {LOWEST_R2:g} is not drawn.".replace("-", "−"))
    for name, targets in _ceilings(rows, context).items():
        label = context.models[name].get("label") or name
        sentences.append(f"{label} is a ceiling for {' and '.join(map(target_name, targets))}, not a baseline.")
    return " ".join(filter(None, sentences))


def _note(rows: pd.DataFrame, context: FigureContext) -> str:
    """Return the note of a page of controls."""
    sentences = [
        context.describe(rows["corpus"]),
        "At the layer that is selected on validation data, with 95 % intervals.",
        _nonlinear_items(rows[rows["metric"] == "accuracy"]),
    ]
    return " ".join(filter(None, sentences))


def _nonlinear_items(rows: pd.DataFrame) -> str:
    """Return a sentence on the items of nonlinear probes, if there are any."""
    nonlinear = rows[rows["probe"].isin(NONLINEAR)]
    if nonlinear.empty:
        return ""
    n_train, n = (plotting.describe_range(nonlinear[column]) for column in ("n_train", "n"))
    return f"{' and '.join(_nonlinear_names(nonlinear))}: {n_train} training items, {n} items in all."


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
