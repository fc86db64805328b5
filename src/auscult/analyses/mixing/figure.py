"""Details of mixing: word-by-word maps by method, the cue's share of the row by layer, and hits on the cue."""

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import Collection
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecBase
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from auscult.analyses.mixing.figure_effects import EFFECT, PROBE, draw_changes, draw_layers, effects_of
from auscult.analyses.mixing.ranking import ALL, DIFFERENCE, HIT, MASS, not_separated
from auscult.figures import marks, plotting
from auscult.figures.context import FigureContext
from auscult.figures.findings import finding
from auscult.figures.palette import Entry, ModelStyle, plain

__all__ = ["METHODS", "TARGETS", "draw", "drawn_rows", "describe_finding", "panels_of", "probes_of"]

# Tol's muted scheme, apart from the colours of models: here a colour is a method, and a row of panels a model.
METHODS = {
    "attention": ModelStyle("attention", "#332288", marker="o"),
    "attention_norm": ModelStyle("attention norm", "#117733", marker="s"),
    "attention_norm_residual": ModelStyle("norm + residual", "#999933", marker="D"),
    "attention_norm_layer_norm": ModelStyle("norm + residual + LN", "#CC6677", marker="v"),
    "rollout": ModelStyle("rollout", "#4FA9D8", marker="P"),
    "value_zeroing": ModelStyle("value zeroing", "#882255", marker="^"),
}
# Marker of each kind of target word.
TARGETS = {"noun": "o", "verb": "s"}
CUE = "#E69F00"
MAP_MM, CURVE_MM, HITS_MM, EFFECTS_MM, N_COLUMNS = 52, 66, 62, 62, 3
MAP_LIMITS = (0.0, 0.6)
# Words across a map in whose cells numbers find room.
NUMBERED_WORDS = 8


def draw(
    table: pd.DataFrame,
    maps: pd.DataFrame,
    probing: pd.DataFrame | None = None,
    *,
    context: FigureContext = FigureContext(),
) -> list[Figure]:
    """Return the pages: word maps of the first model, then one page of curves and hits for each corpus and model.

    The page of a recogniser also shows the effects on its spelling.

    Parameters
    ----------
    table : columns :data:`auscult.analyses.mixing.ranking.MIXING_COLUMNS`
    maps : columns :data:`auscult.analyses.mixing.analysis.MAP_COLUMNS`
    probing : table of the analysis ``probing``, for probes of ``noun_number`` and ``verb_number``; None without it
    """
    shown = drawn_rows(table, maps, context=context)
    panels = panels_of(shown, context.entries(shown))
    corpus, first = panels[0]
    cells = first.rows(maps[maps["corpus"] == corpus])
    pages = [_maps_page(shown, cells, corpus, first, context)] if cells["method"].isin(METHODS).any() else []
    for corpus, entry in panels:
        rows = shown[(shown["corpus"] == corpus) & (shown["model"] == entry.model)]
        pages.append(_model_page(rows, probing, corpus, entry, context))
    return pages


def _maps_page(shown: pd.DataFrame, cells: pd.DataFrame, corpus: str, entry: Entry, context: FigureContext) -> Figure:
    methods = [name for name in METHODS if name in set(cells["method"])]
    n_rows = -(-len(methods) // N_COLUMNS)
    note = (
        f"{context.describe([corpus])} Each row holds one word’s shares of all words, summing to 1. The cue alone "
        "marks the number of the target word. Methods differ in scale."
    )
    cue: list[Line2D | Patch] = [Patch(fill=False, edgecolor=CUE, linewidth=1.6, label="true cue")]
    figure = plotting.new_figure(MAP_MM * n_rows, [cue], note)
    chosen = entry.rows(shown[(shown["corpus"] == corpus) & (shown["layer"] == "selected")])
    grid = figure.add_gridspec(n_rows, N_COLUMNS)
    _draw_maps(figure, grid, cells, methods, chosen, f"{corpus} · {entry.style.label}")
    return figure


def _model_page(
    rows: pd.DataFrame, probing: pd.DataFrame | None, corpus: str, entry: Entry, context: FigureContext
) -> Figure:
    """Draw the cue's share by layer, below it the hits, and below a recogniser's hits the effects on its spelling."""
    own = entry.rows(rows)
    heights_mm = [CURVE_MM, HITS_MM, *([EFFECTS_MM] if len(effects_of(own)) else [])]
    figure = plotting.new_figure(sum(heights_mm), _legends(rows), _note(rows, context), margin_mm=2)
    bands = figure.add_gridspec(len(heights_mm), 1, height_ratios=heights_mm)
    targets = [target for target in TARGETS if target in set(rows["target"])]
    columns = max(1, len(targets))
    _draw_masses(figure, bands[0].subgridspec(1, columns), rows, entry, corpus)
    hits = bands[1].subgridspec(1, columns)
    for column, target in enumerate(targets):
        mine = rows[(rows["layer"] == "selected") & (rows["target"] == target)]
        _draw_hits(figure.add_subplot(hits[column]), mine, entry, target)
    if len(heights_mm) > 2:
        _draw_effects(figure, bands[2].subgridspec(1, columns + 1), own, probing, entry, corpus)
    return figure


def drawn_rows(
    table: pd.DataFrame,
    maps: pd.DataFrame,
    probing: pd.DataFrame | None = None,
    *,
    context: FigureContext = FigureContext(),
) -> pd.DataFrame:
    """Return the results of the models to draw."""
    return context.select(table)


def describe_finding(
    table: pd.DataFrame,
    maps: pd.DataFrame,
    probing: pd.DataFrame | None = None,
    *,
    context: FigureContext = FigureContext(),
) -> str:
    """Return the hits of the first-ranked method for the first model that spells, beside untrained and chance."""
    shown = drawn_rows(table, maps, context=context)
    hits = shown[(shown["metric"] == HIT) & (shown["layer"] == "selected") & (shown["target"] == ALL)]
    for corpus, entry in panels_of(shown, context.entries(shown)):
        rows = hits[hits["corpus"] == corpus]
        mine = entry.rows(rows).sort_values("rank")
        if len(mine) and _spells(mine):
            best = mine.to_dict("records")[0]
            before = rows[(rows["model"] == entry.model) & (rows["step"].astype(str) == "0")]
            before = before[(before["method"] == best["method"]) & (entry.step != "0")]
            controls = dict(zip(["untrained"], before.to_dict("records"))) | {"chance": float(best["chance"])}
            return finding(f"hit rate of {METHODS[best['method']].label} in {entry.style.label}", best, controls)
    return ""


def _spells(rows: pd.DataFrame) -> bool:
    """Return whether a model has an output that spells the target words."""
    return bool(rows["spells"].astype(bool).all())


def panels_of(table: pd.DataFrame, entries: Sequence[Entry]) -> list[tuple[str, Entry]]:
    """Return corpus and model of each row of panels: trained models, or untrained ones if there are no others."""
    trained = [entry for entry in entries if entry.step != "0"] or entries
    return [
        (corpus, entry)
        for corpus in table["corpus"].unique()
        for entry in trained
        if len(entry.rows(table[table["corpus"] == corpus]))
    ]


def _draw_maps(
    figure: Figure, grid: GridSpecBase, cells: pd.DataFrame, methods: Sequence[str], chosen: pd.DataFrame, name: str
) -> None:
    """Draw the mean map of each method at the layer chosen for all target words together, true cues framed."""
    panels: list[Axes] = []
    for place, method in enumerate(methods):
        panels.append(figure.add_subplot(grid[place // N_COLUMNS, place % N_COLUMNS]))
        mine = cells[cells["method"] == method]
        layer = _chosen_layer(chosen, method, mine)
        mine = mine[mine["layer"] == layer]
        image = _draw_map(panels[-1], mine, bottom=place + N_COLUMNS >= len(methods), left=place % N_COLUMNS == 0)
        plotting.head(panels[-1], METHODS[method].label, [name, f"{layer} · mean of {mine['n'].iloc[0]} sentences"])
    if panels:
        bar = figure.colorbar(image, ax=panels, location="right", fraction=0.02, pad=0.01, aspect=30, extend="max")
        bar.set_label("share of the row")
        bar.outline.set_visible(False)


def _draw_map(axes: Axes, cells: pd.DataFrame, bottom: bool, left: bool) -> Collection:
    """Draw one word-by-word matrix and return its cells."""
    values = cells.pivot(index="row", columns="column", values="value")
    words = cells.drop_duplicates("column").sort_values("column")["column_label"].map(plain).tolist()
    named = values.set_axis(words, axis=0).set_axis(words, axis=1)
    image = marks.matrix(axes, named, limits=MAP_LIMITS, numbers=len(words) <= NUMBERED_WORDS)
    centres = np.arange(len(words)) + 0.5
    axes.set_xticks(centres, words if bottom else [""] * len(words), rotation=90)
    axes.set_yticks(centres, words if left else [""] * len(words), rotation=0)
    for cell in cells[cells["cue"] > 0.5].to_dict("records"):
        frame: dict[str, Any] = {"fill": False, "edgecolor": CUE, "linewidth": 1.6, "clip_on": False, "zorder": 3}
        axes.add_patch(Rectangle((cell["column"], cell["row"]), 1, 1, **frame))
    return image


def _draw_masses(figure: Figure, grid: GridSpecBase, rows: pd.DataFrame, entry: Entry, corpus: str) -> None:
    """Draw the cue's share of noun and verb rows by layer."""
    masses = rows[(rows["metric"] == MASS) & (rows["layer"] != "selected") & (rows["target"] != ALL)]
    top = 1.06 * max(masses[["value", "ci_high", "one_in_words"]].max(axis=None, skipna=True), 0.3)
    targets = [target for target in TARGETS if target in set(masses["target"])]
    for column, target in enumerate(targets):
        axes = figure.add_subplot(grid[column])
        mine = masses[masses["target"] == target]
        _draw_curves(axes, mine, entry, top, "share of the row" if column == 0 else "")
        lines = [f"{corpus} · {entry.style.label}", _counts(mine), plotting.describe_interval(mine)]
        plotting.head(axes, f"Cue’s share of {target} rows", lines)


def _draw_effects(
    figure: Figure,
    grid: GridSpecBase,
    rows: pd.DataFrame,
    probing: pd.DataFrame | None,
    entry: Entry,
    corpus: str,
) -> None:
    """Draw probe, value zeroing and effect on the spelling for each kind of target word, and the changes by layer."""
    for column, target in enumerate(target for target in TARGETS if target in set(effects_of(rows)["target"])):
        axes = figure.add_subplot(grid[column])
        probes = probes_of(probing, entry, corpus, f"{target}_number")
        mine = rows[rows["target"] == target]
        counted = effects_of(mine)
        lines = [f"{corpus} · {entry.style.label}", _counts(counted), plotting.describe_interval(counted)]
        draw_layers(axes, mine, probes, target, METHODS["value_zeroing"], lines)
    draw_changes(figure.add_subplot(grid[-1]), rows, entry)


def probes_of(probing: pd.DataFrame | None, entry: Entry, corpus: str, target: str) -> pd.DataFrame:
    """Return the accuracy of the linear probe of a target at each layer; no row where it was not probed."""
    if probing is None:
        return pd.DataFrame(columns=["layer", "value", "ci_low", "ci_high"])
    rows = entry.rows(probing[(probing["corpus"] == corpus) & (probing["target"] == target)])
    rows = rows[(rows["metric"] == "accuracy") & (rows["labels"] == "true") & (rows["layer"] != "selected")]
    # A logistic probe where there is one, else the first of the others.
    probe = "logistic" if (rows["probe"] == "logistic").any() else rows["probe"].iloc[0] if len(rows) else ""
    return rows[(rows["probe"] == probe) & rows["n_train"].isna()].drop_duplicates("layer")


def _draw_curves(axes: Axes, rows: pd.DataFrame, entry: Entry, top: float, ylabel: str) -> None:
    """Draw one curve per method, trained with its interval and untrained without, and the values of an even row."""
    layers = plotting.layer_order(rows["layer"])
    rows = rows.assign(x=rows["layer"].map({name: x for x, name in enumerate(layers)})).sort_values("x")
    marks.chance_line(axes, rows["one_in_words"].iloc[0])
    marks.duration_line(axes, rows["cue_duration"].iloc[0])
    thin = {"linewidth": 0.9, "markersize": 3, "markeredgewidth": 0.8}
    for method, style in METHODS.items():
        mine = rows[rows["method"] == method]
        untrained, drawn = (mine[mine["step"].astype(str) == step] for step in ("0", entry.step))
        if entry.step != "0":
            axes.plot(untrained["x"], untrained["value"], **style.untrained.line | thin)
        marks.interval_band(axes, drawn["x"], drawn, style.colour)
        axes.plot(drawn["x"], drawn["value"], **(style if entry.step != "0" else style.untrained).line)
    marks.layer_axis(axes, layers, 7)
    axes.set(ylim=(0, top), xlabel="layer", ylabel=ylabel)


def _draw_hits(axes: Axes, rows: pd.DataFrame, entry: Entry, target: str) -> None:
    """Draw the hits of each method at its chosen layer, best on top, with the untrained model and chance."""
    hits = rows[rows["metric"] == HIT]
    mine = entry.rows(hits)
    if mine.empty:
        axes.set_axis_off()
        lines = ["too few sentences to choose layers", "on one half, report on the other"]
        plotting.head(axes, f"Hits on the cue: {target}s", lines)
        return
    order = mine.sort_values("rank", kind="stable")["method"].tolist()
    marks.chance_line(axes, float(mine["chance"].iloc[0]), "v")
    if entry.step != "0":
        before = hits[(hits["step"].astype(str) == "0") & hits["method"].isin(order)]
        # Points alone: their intervals would hide the trained ones.
        _draw_points(axes, before.assign(ci_low=np.nan, ci_high=np.nan), order, trained=False)
    _draw_points(axes, mine, order, trained=entry.step != "0")
    for row in mine.to_dict("records"):
        y = order.index(row["method"])
        axes.text(1.02, y, row["selected_layer"], transform=axes.get_yaxis_transform(), fontsize=7, va="center")
    marks.row_axis(axes, [METHODS[name].label for name in order])
    axes.set(xlim=(-0.02, 1.02), xlabel="share of hits; chosen layer at the margin")
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    differences = entry.rows(rows[rows["metric"] == DIFFERENCE])
    lines = _verdict(differences, target)
    if not _spells(rows):
        lines = ["no output to explain: the model", "does not spell, so no method is best"]
    plotting.head(axes, f"Hits on the cue: {target}s", [_counts(mine), *lines])


def _draw_points(axes: Axes, rows: pd.DataFrame, order: Sequence[str], trained: bool) -> None:
    """Draw one point per method, with its interval."""
    for row in rows.to_dict("records"):
        style = METHODS[row["method"]] if trained else METHODS[row["method"]].untrained
        marks.interval_row(axes, order.index(row["method"]), row, style, marker=TARGETS[row["target"]])


def _verdict(differences: pd.DataFrame, target: str) -> list[str]:
    """Return lines that name the first-ranked method and the methods from which it is not separated."""
    if differences.empty:
        return [f"{target}: one method"]
    first = METHODS[differences["method"].iloc[0]].label
    if differences["ci_low"].isna().any():
        return [*wrap(f"{target}: {first} first,", 44), plotting.describe_interval(differences)]
    others = [METHODS[name].label for name in not_separated(differences)]
    if not others:
        return wrap(f"{target}: {first} above all others", 44)
    return wrap(f"{target}: {first} first, not separated from {', '.join(others)}", 44)


def _chosen_layer(chosen: pd.DataFrame, method: str, cells: pd.DataFrame) -> str:
    """Return the layer chosen for a method on all target words together, or else the last layer."""
    mine = chosen[(chosen["method"] == method) & (chosen["metric"] == HIT) & (chosen["target"] == ALL)]
    return str(mine["selected_layer"].iloc[0]) if len(mine) else plotting.layer_order(cells["layer"])[-1]


def _counts(rows: pd.DataFrame) -> str:
    return f"n = {plotting.describe_range(rows['n'])} of {plotting.describe_range(rows['n_groups'])} sentences"


def _legends(rows: pd.DataFrame) -> list[list[Line2D | Patch]]:
    """Return the handles of the methods, then of controls and of effects on the spelling."""
    present = set(rows["method"])
    methods: list[Line2D | Patch] = [Line2D([], [], **style.line) for name, style in METHODS.items() if name in present]
    others: list[Line2D | Patch] = []
    if (rows["step"].astype(str) == "0").any():
        others.append(Line2D([], [], **{**ModelStyle("", marks.INK).untrained.line, "label": "untrained"}))
    others += [
        marks.chance_handle("chance, or even row"),
        marks.duration_handle("the cue’s share of the duration"),
    ]
    if len(effects_of(rows)):
        others += [Line2D([], [], **EFFECT.line), Line2D([], [], **PROBE.line)]
    return [methods, others]


def _note(table: pd.DataFrame, context: FigureContext) -> str:
    return (
        f"{context.describe(table['corpus'])} Methods differ in scale: compare shares with the untrained model. Half "
        "of the sentences chose layers and ranks; the other half shows the hits."
    )
