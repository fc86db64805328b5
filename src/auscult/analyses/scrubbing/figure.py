"""Details of scrubbing: gender probes by layer and by position before and after erasure, and word error rates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from auscult.analyses.scrubbing.columns import ALL, BLOCKS, KIND, NONE, SHUFFLED, SPEAKER
from auscult.errors import AnalysisError
from auscult.figures.context import FigureContext
from auscult.figures.findings import compare, number, value_text
from auscult.figures.marks import (
    baseline_line,
    chance_handle,
    chance_line,
    count_line,
    interval_band,
    interval_bar,
    interval_lines,
    interval_row,
    layer_axis,
    mark_handle,
    matrix,
    model_handles,
    row_axis,
)
from auscult.figures.palette import Entry, ModelStyle
from auscult.figures.plotting import describe_interval, describe_range, head, layer_order, new_figure

__all__ = [
    "AFTER",
    "METHODS",
    "Curve",
    "draw",
    "drawn_rows",
    "describe_finding",
    "shown_rows",
    "recognisers",
    "main_roles",
    "accuracies_of",
    "erased_everywhere",
    "conditions_of",
    "draw_layer_curves",
]

METHODS = {
    "leace": "LEACE",
    "inlp": "INLP",
    "mean_projection": "mean projection",
    "random": "random direction",
    SHUFFLED: "shuffled genders",
}
PROBES = {"ridge": "Linear probe", "mlp": "Network probe"}
# Tol's muted scheme, apart from the palette of models: here a colour stands for a method of erasure.
AFTER = ModelStyle("LEACE at all layers", "#332288", marker="X")
MET = ModelStyle("LEACE at all layers, kinds of voice met", "#117733", dashes=(0, (4, 1.5)), marker="D", filled=False)
# Controls are drawn as bands of their intervals.
CONTROLS = {
    "random": ModelStyle("random direction at all layers", "#999933", marker="s"),
    SHUFFLED: ModelStyle("LEACE of shuffled genders at all layers", "#DDAA33", marker="s"),
}
POSITIONS = {
    "first": ModelStyle("first frames", "#661100", marker="<"),
    "middle": ModelStyle("middle frames", "#44AA99", marker="o"),
    "last": ModelStyle("last frames", "#CC6677", marker=">"),
}
GENDERS = {
    "all": ModelStyle("all speakers", "#222222", marker="o"),
    "female": ModelStyle("women", "#882255", marker="<"),
    "male": ModelStyle("men", "#6699CC", marker=">"),
}
PROBES_MM, POSITIONS_MM, DOSES_MM, RATES_MM, RATE_ROW_MM = 58, 58, 52, 20, 4.2
MAX_ROW_NAMES = 10
# The layer that is erased, and the last one.
DOSE_LAYERS = (ModelStyle("", "#332288", marker="X"), ModelStyle("", "#CC6677", dashes=(0, (4, 1.5)), marker="o"))


@dataclass(frozen=True)
class Curve:
    """Values of a probe by layer, and how they are drawn."""

    rows: pd.DataFrame
    style: ModelStyle


def draw(table: pd.DataFrame, *, context: FigureContext = FigureContext()) -> list[Figure]:
    """Draw, for each corpus and trained recogniser, a page of probes (layers, positions, doses) and one of word errors.

    Parameters
    ----------
    table : results of :func:`auscult.analyses.scrubbing.analysis.scrub_gender`, of all models
    context : models, settings and study

    Raises
    ------
    AnalysisError
        The table has no row of a model that the context names, or of no trained recogniser.
    """
    shown = shown_rows(table, context)
    entries = context.entries(shown)
    blocks = list(recognisers(shown, entries))
    if not blocks:
        raise AnalysisError("expected word error rates of a trained recogniser in the table of scrubbing, found none")
    pages = []
    for entry, rows in blocks:
        drawn = [other for other in entries if other.style.baseline or other.model == entry.model]
        pages += [_probes_page(entry, rows, drawn, context), _errors_page(entry, rows, context)]
    return pages


def _probes_page(entry: Entry, rows: pd.DataFrame, entries: Sequence[Entry], context: FigureContext) -> Figure:
    heights = [PROBES_MM, POSITIONS_MM, DOSES_MM]
    figure = new_figure(sum(heights), _legends(entries, rows), _note(rows, context))
    panels = figure.add_gridspec(3, 1, height_ratios=heights)
    upper, middle, lower = (panels[row].subgridspec(1, 2) for row in range(3))
    shared = None
    for column, probe in enumerate(PROBES):
        shared = figure.add_subplot(upper[column], sharey=shared)
        _draw_layers(shared, rows, entries, entry, probe)
    mine = main_roles(entry.rows(rows))
    _draw_positions(figure.add_subplot(middle[0]), mine)
    _draw_matrix(figure, figure.add_subplot(middle[1]), mine)
    _draw_doses(figure.add_subplot(lower[0]), mine)
    _draw_dose_rates(figure.add_subplot(lower[1]), mine)
    return figure


def _errors_page(entry: Entry, rows: pd.DataFrame, context: FigureContext) -> Figure:
    mine = main_roles(entry.rows(rows))
    groups = [mark_handle(style.marker, style.label, style.colour) for style in GENDERS.values()]
    note = f"{context.describe(rows['corpus'])} {entry.style.label}, greedy decoding. {_roles(rows)}"
    figure = new_figure(
        RATES_MM + RATE_ROW_MM * len(conditions_of(mine)), [[*groups, chance_handle("nothing erased")]], note
    )
    _draw_rates(figure.subplots(), mine)
    return figure


def drawn_rows(table: pd.DataFrame, *, context: FigureContext = FigureContext()) -> pd.DataFrame:
    """Return the rows of the models that the figures show."""
    return context.select(table)


def describe_finding(table: pd.DataFrame, *, context: FigureContext = FigureContext()) -> str:
    """Return one sentence on linear gender accuracy at the last layer after erasure at all layers, against chance."""
    shown = shown_rows(table, context)
    blocks = list(recognisers(shown, context.entries(shown)))
    if not blocks:
        return ""
    entry, rows = blocks[0]
    accuracies = accuracies_of(main_roles(entry.rows(rows)))
    erased = accuracies[accuracies["erased_at"] == ALL]
    layers = layer_order(accuracies["layer"])
    if erased.empty or not layers:
        return ""
    method = erased["method"].iloc[0]
    erased = erased[(erased["method"] == method) & (erased["layer"] == layers[-1])]
    before = accuracies[(accuracies["method"] == NONE) & (accuracies["layer"] == layers[-1])]
    if erased.empty or before.empty:
        return ""
    row = erased.iloc[0]
    value = value_text(row) + ("" if np.isfinite(row["ci_low"]) else " without interval")
    judged = f"{value}, {compare(row, float(row['chance']))} chance ({number(row['chance'])}"
    if len(blocks) > 1:  # of several recognisers, the first is named
        return f"After {METHODS[method]} at all layers of {entry.name}, final-layer gender accuracy is {judged})."
    kinds = " for other kinds of voice" if (row["disjoint_in"] == KIND) else ""
    return (
        f"After {METHODS[method]} at all layers, linear gender accuracy at {layers[-1]}{kinds} is {judged}; before "
        f"{number(before['value'].iloc[0])})."
    )


def shown_rows(table: pd.DataFrame, context: FigureContext) -> pd.DataFrame:
    """Return the rows of the models that the figures show, with empty texts where nothing is erased."""
    return context.select(table).fillna({"fitted_on": "", "erased_at": ""})


def recognisers(table: pd.DataFrame, entries: Sequence[Entry]) -> Iterator[tuple[Entry, pd.DataFrame]]:
    """Yield each trained recogniser with the rows of its corpus; every one has a block of panels."""
    for corpus in table["corpus"].unique():
        rows = table[table["corpus"] == corpus]
        for entry in entries:
            if entry.step != "0" and (entry.rows(rows)["target"] == "transcript").any():
                yield entry, rows


def accuracies_of(rows: pd.DataFrame, probe: str = "ridge", position: str = "all") -> pd.DataFrame:
    """Return the gender accuracies of a kind of probe on some frames of utterances."""
    return rows[(rows["metric"] == "accuracy") & (rows["probe"] == probe) & (rows["position"] == position)]


def main_roles(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows in which roles share least: no kind of voice, or no speaker where there are no kinds."""
    return rows[rows["disjoint_in"] == KIND] if (rows["disjoint_in"] == KIND).any() else rows


def erased_everywhere(rows: pd.DataFrame, method: str) -> pd.DataFrame:
    """Return the rows of a method fitted on frames and applied at all layers."""
    return rows[(rows["method"] == method) & (rows["fitted_on"] == "frame") & (rows["erased_at"] == ALL)]


def _accuracy_axis(axes: Axes, rows: pd.DataFrame, layers: Sequence[str]) -> None:
    values = rows.loc[rows["metric"] == "accuracy", ["value", "ci_low"]].to_numpy(float)
    axes.set(ylim=(min(0.4, float(np.nanmin(values)) - 0.03), 1.03), ylabel="probe accuracy (gender)")
    layer_axis(axes, layers)


def _draw_layers(axes: Axes, rows: pd.DataFrame, entries: Sequence[Entry], entry: Entry, probe: str) -> None:
    """Draw a probe's accuracy by layer before and after erasure at all layers, with controls as bands."""
    accuracies = accuracies_of(rows, probe)
    both = entry.rows(accuracies)
    mine = main_roles(both)
    layers = layer_order(mine["layer"])
    chance_line(axes, mine["chance"].iloc[0])
    for other in entries:
        unerased = main_roles(other.rows(accuracies))
        for row in unerased[unerased["method"] == NONE].to_dict("records") if other.style.baseline else ():
            baseline_line(axes, row, other.style)
    for method, style in CONTROLS.items():
        control = erased_everywhere(mine, method).set_index("layer")
        control = control.loc[[layer for layer in layers if layer in control.index]]
        interval_band(axes, [layers.index(layer) for layer in control.index], control, style.colour)
    for other in entries:
        if other.model == entry.model and other.step == "0":
            untrained = main_roles(other.rows(accuracies))
            untrained = untrained[untrained["method"] == NONE].set_index("layer").reindex(layers)
            axes.plot(range(len(layers)), untrained["value"], **{**other.style.line, "linewidth": 0.9, "markersize": 0})
    curves = [Curve(mine[mine["method"] == NONE], entry.style), Curve(erased_everywhere(mine, "leace"), AFTER)]
    if (mine["disjoint_in"] == KIND).any():
        curves.append(Curve(erased_everywhere(both[both["disjoint_in"] == SPEAKER], "leace"), MET))
    draw_layer_curves(axes, curves, layers)
    _accuracy_axis(axes, rows, layers)
    lines = [f"{rows['corpus'].iloc[0]} · {entry.style.label}", count_line(mine), describe_interval(mine)]
    head(axes, f"{PROBES[probe]} by layer", lines)


def draw_layer_curves(axes: Axes, curves: Sequence[Curve], layers: Sequence[str], **line: Any) -> None:
    """Draw curves over layers beside each other, so that no interval hides another; ``line`` overrides their looks."""
    curves = [curve for curve in curves if len(curve.rows)]
    for position, curve in enumerate(curves):
        rows, style = curve.rows.set_index("layer"), curve.style
        rows = rows.loc[[layer for layer in layers if layer in rows.index]]
        x = np.array([layers.index(layer) for layer in rows.index]) + 0.55 * ((position + 0.5) / len(curves) - 0.5)
        interval_lines(axes, x, rows, style.colour)
        axes.plot(x, rows["value"], **{**style.line, "linewidth": 1.1, "markersize": 3.5, **line})


def _draw_positions(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the linear probe on the first, middle and last frames of utterances, before and after erasure."""
    layers = layer_order(rows.loc[rows["target"] == "gender", "layer"])
    chance_line(axes, rows["chance"].dropna().iloc[0])
    curves = []
    for position, style in POSITIONS.items():
        accuracies = accuracies_of(rows, position=position)
        curves.append(Curve(accuracies[accuracies["method"] == NONE], style))
        erased = ModelStyle(style.label, style.colour, (0, (2.5, 1.5)), style.marker, filled=False)
        curves.append(Curve(erased_everywhere(accuracies, "leace"), erased))
    draw_layer_curves(axes, curves, layers)
    _accuracy_axis(axes, rows, layers)
    interval = describe_interval(accuracies_of(rows, position="first"))
    head(axes, "Linear probe by position", ["filled: nothing erased; open: LEACE at all layers", interval])


def _draw_matrix(figure: Figure, axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the linear probe's accuracy at every layer from the erased one on, with one row per erased layer."""
    accuracies = accuracies_of(rows)
    layers = layer_order(accuracies["layer"])
    at = accuracies["erased_at"]
    kinds = {"none": accuracies[accuracies["method"] == NONE]}
    full = accuracies["dose"] == 1
    kinds |= {layer: accuracies[(at == layer) & full] for layer in layers if (at == layer).any()}
    kinds |= {"all but cnn": accuracies[at == BLOCKS]} if (at == BLOCKS).any() else {}
    kinds["all"] = erased_everywhere(accuracies, "leace")
    values = pd.DataFrame({name: part.set_index("layer")["value"] for name, part in kinds.items()}).T
    # The scale starts at chance, or at the lowest value below it, so that no two values look alike.
    lowest = min(float(accuracies["chance"].min()), float(np.nanmin(values.to_numpy(float))))
    cells = matrix(axes, values.reindex(columns=layers), limits=(lowest, 1), cmap="cividis")
    every = -(-len(kinds) // MAX_ROW_NAMES)
    # The first and the last row, which are no single layers, are always named.
    named = [0, *range(every, len(kinds) - every, every), len(kinds) - 1]
    axes.set_yticks(np.array(named) + 0.5, [list(kinds)[row] for row in named], rotation=0)
    axes.set_ylabel("erased layer")
    figure.colorbar(cells, ax=axes, label="probe accuracy (gender)", fraction=0.06, pad=0.02)
    head(axes, "Probe accuracy after erasure, by layer", ["linear probe; earlier layers are unchanged"])


def _doses(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with nothing erased and with each dose of the first method at the first layer alone, by dose."""
    layers = layer_order(rows.loc[rows["target"] == "gender", "layer"])
    return rows[(rows["method"] == NONE) | (rows["erased_at"] == layers[0])].sort_values("dose", kind="stable")


def _draw_doses(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the linear probe at the first and at the last layer by the share erased at the first layer."""
    doses = accuracies_of(_doses(rows))
    layers = layer_order(accuracies_of(rows)["layer"])
    chance_line(axes, rows["chance"].dropna().iloc[0])
    for shift, layer, style in zip((-0.006, 0.006), (layers[0], layers[-1]), DOSE_LAYERS):
        found = doses[doses["layer"] == layer]
        interval_lines(axes, found["dose"].to_numpy(float) + shift, found, style.colour)
        axes.plot(found["dose"] + shift, found["value"], **{**style.line, "linewidth": 1.1, "markersize": 3.5})
    values = doses[["value", "ci_low"]].to_numpy(float)
    axes.set(ylim=(min(0.4, float(np.nanmin(values)) - 0.03), 1.03), ylabel="probe accuracy (gender)")
    axes.set(xlabel=f"share erased at {layers[0]}", xticks=sorted(set(doses["dose"])))
    handles = [
        mark_handle(style.marker, f"probed at {layer}", style.colour)
        for style, layer in zip(DOSE_LAYERS, (layers[0], layers[-1]))
    ]
    axes.legend(handles=handles, ncols=2, loc="upper left", fontsize=6.5)
    head(axes, "Linear probe by dose", [f"LEACE at {layers[0]} alone"])


def _draw_dose_rates(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the change of the word error rate by the share erased at the first layer."""
    doses = _doses(rows)
    changes = doses[(doses["metric"] == "word_error_rate_change") & (doses["gender"] == "all")]
    chance_line(axes, 0)
    for row in changes.to_dict("records"):
        interval_bar(axes, row["dose"], row, GENDERS["all"], markersize=3.5)
    layer = layer_order(rows.loc[rows["target"] == "gender", "layer"])[0]
    axes.set(xlabel=f"share erased at {layer}", ylabel="change in word error rate", xticks=sorted({0, *doses["dose"]}))
    axes.set(xlim=(-0.06, 1.06))
    head(axes, "Word errors by dose", [describe_interval(changes) if len(changes) else "no dose"])


def conditions_of(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the error rates of each condition by its name, in the order of the table."""
    rates = rows[rows["target"] == "transcript"]
    groups = rates.groupby(["method", "fitted_on", "erased_at", "dose"], sort=False)
    return {
        _condition_name(str(method), str(level), str(layer), float(dose)): part
        for (method, level, layer, dose), part in groups
    }


def _condition_name(method: str, level: str, layer: str, dose: float) -> str:
    if method == NONE:
        return "nothing erased"
    where = {ALL: "all layers", BLOCKS: "all but cnn"}.get(layer, layer)
    share = "" if dose == 1 else f"{number(dose)} of "
    return f"{share}{METHODS[method]}, {where}" + (", fitted on utterances" if level == "utterance" else "")


def _draw_rates(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the word error rate of each condition, for all speakers and each gender, with its change at the right."""
    kinds = conditions_of(rows)
    for y, part in enumerate(kinds.values()):
        rates = part[part["metric"] == "word_error_rate"].set_index("gender")
        for shift, (gender, style) in zip((0, -0.22, 0.22), GENDERS.items()):
            if gender in rates.index:
                interval_row(axes, y + shift, rates.loc[gender].to_dict(), style, markersize=3.5)
        change = part[(part["metric"] == "word_error_rate_change") & (part["gender"] == "all")]
        for row in change.to_dict("records"):
            axes.annotate(
                _describe_change(row),
                (1, y),
                xycoords=axes.get_yaxis_transform(),
                xytext=(4, 0),
                textcoords="offset points",
                fontsize=6.5,
                va="center",
            )
    base = next(iter(kinds.values()))
    base = base[(base["metric"] == "word_error_rate") & (base["gender"] == "all")]
    chance_line(axes, base["value"].iloc[0], "v")
    row_axis(axes, list(kinds))
    axes.set(xlabel="word error rate", xlim=(0, None))
    head(
        axes,
        "Word error rate by condition",
        [f"{count_line(base)}; {describe_interval(base)}", "right: change, paired by speaker, with p"],
    )


def _describe_change(row: Mapping[str, float]) -> str:
    between = f" [{row['ci_low']:+.3f}, {row['ci_high']:+.3f}]" if np.isfinite(row["ci_low"]) else ""
    return f"{row['value']:+.3f}{between}, p = {row['p_value']:.2g}".replace("-", "−")


def _legends(entries: Sequence[Entry], table: pd.DataFrame) -> list[list[Line2D]]:
    models = model_handles([entry.style for entry in entries])
    for handle, entry in zip(models, (entry for entry in entries if not entry.style.baseline)):
        handle.set_label(f"{entry.style.label}, nothing erased")
    erased = [AFTER, *([MET] if (table["disjoint_in"] == KIND).any() else [])]
    methods = set(table["method"])
    bands = [mark_handle("s", style.label, style.colour) for method, style in CONTROLS.items() if method in methods]
    positions = [mark_handle(style.marker, style.label, style.colour) for style in POSITIONS.values()]
    return [[*models, *model_handles(erased), *bands, chance_handle("chance; no change")], positions]


def _note(table: pd.DataFrame, context: FigureContext) -> str:
    fitted = describe_range(table.loc[table["n_fit"] > 0, "n_fit"])
    return (
        f"{context.describe(table['corpus'])} Probes are trained anew after erasure. {_roles(table)} Erasers were "
        f"fitted on {fitted} frames or utterances. LEACE guarantees only that no linear probe finds gender in these."
    )


def _roles(table: pd.DataFrame) -> str:
    if (table["disjoint_in"] == KIND).any():
        return "Erasers, probes and tests share no kind of voice, except where “met”."
    return "Erasers, probes and tests have separate speakers."
