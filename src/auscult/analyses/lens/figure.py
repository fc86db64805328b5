"""Details of lens: errors and agreement by layer, and one sentence as written from each layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from auscult.analyses.lens.columns import AFFINE, DIRECT, OTHER_MAP
from auscult.figures import marks, plotting, slide
from auscult.figures.context import FigureContext
from auscult.figures.findings import finding
from auscult.figures.palette import Entry, ModelStyle, plain

__all__ = [
    "MAP",
    "WORD_ERRORS",
    "Curve",
    "curves_of",
    "describe_limit",
    "describe_finding",
    "draw",
    "draw_curves",
    "draw_sentence",
    "drawn_rows",
    "read_layers",
    "trained_entries",
]

WORD_ERRORS = "word_error_rate"
# Title and axis of each panel.
_PANELS = {
    WORD_ERRORS: ("Word errors", "word error rate"),
    "character_error_rate": ("Character errors", "character error rate"),
    "word_agreement": ("Own words written", "share of the model's own words"),
}
# Tol's muted scheme, apart from the palette of models: here a colour stands for a way of reading.
MAP = ModelStyle("through the layer's map", "#882255", marker="s")
_OTHER = ModelStyle("through another layer's map", "#999933", dashes=(0, (1, 1)), marker="D")
# Error rates above this leave the panel: a decoder may repeat itself.
_HIGHEST_RATE = 1.5
_PANEL_MM, _HEAD_MM, _ROW_MM = 66, 14, 5.5
_MAX_ROWS = 14
_TEXT_PT, _TEXT_MM = 7, 73


@dataclass(frozen=True)
class Curve:
    """A way of reading the layers of one model: its rows of one metric, its look, and its name at the curve's end."""

    rows: pd.DataFrame
    style: ModelStyle
    name: str


def draw(table: pd.DataFrame, *, context: FigureContext = FigureContext()) -> list[Figure]:
    """Draw one page for each corpus and trained recogniser.

    Parameters
    ----------
    table : as returned by :func:`~auscult.analyses.lens.analysis.read_layers`, of one or several models
    context : models, settings and study

    Raises
    ------
    AnalysisError
        The table has no row of a model that the context names.
    """
    shown = drawn_rows(table, context=context)
    return [
        _page(rows[rows["model"] == entry.model], str(corpus), entry, context)
        for corpus, rows in shown.groupby("corpus", sort=False)
        for entry in trained_entries(context.entries(shown))
        if len(entry.rows(rows))
    ]


def drawn_rows(table: pd.DataFrame, *, context: FigureContext = FigureContext()) -> pd.DataFrame:
    """Return the rows of the models that the figure shows."""
    return context.select(table)


def describe_finding(table: pd.DataFrame, *, context: FigureContext = FigureContext()) -> str:
    """Compare the word error rate of the first trained model with that of the layer before, read in both ways."""
    shown = drawn_rows(table, context=context)
    entry = trained_entries(context.entries(shown))[0]
    rows = shown[(shown["corpus"] == shown["corpus"].iloc[0]) & (shown["model"] == entry.model)]
    curves = curves_of(rows, entry, WORD_ERRORS)
    layers = read_layers(rows)
    own = _at(curves[0].rows, layers[-1])
    if own is None:
        return ""
    controls: dict[str, Any] = {"exchanged transcripts": float(own["chance"])}
    for curve in curves:
        if curve.style.label == entry.style.untrained.label:
            controls |= _named("untrained", _at(curve.rows, layers[-1]))
        elif curve.style in (entry.style, MAP) and len(layers) > 1:
            name = f"{layers[-2]} {'through its map' if curve.style is MAP else 'as it is'}"
            controls |= _named(name, _at(curve.rows, layers[-2]))
    return finding(f"the word error rate of {entry.style.label} at {layers[-1]}", own.to_dict(), controls)


def trained_entries(entries: Sequence[Entry]) -> list[Entry]:
    """Return the trained models, or untrained ones if there are no others."""
    return [entry for entry in entries if entry.step != "0"] or list(entries)


def read_layers(rows: pd.DataFrame) -> list[str]:
    """Return the layers that the output reads as they are, from the first to the last."""
    return plotting.layer_order(rows.loc[rows["lens"] == DIRECT, "layer"])


def curves_of(rows: pd.DataFrame, entry: Entry, metric: str) -> list[Curve]:
    """Return the ways of reading the layers of a model: as they are first, through maps, the control, untrained.

    Parameters
    ----------
    rows : of one corpus and model, at all steps
    entry : the model at the step that is drawn
    metric : name of the metric
    """
    rows = rows[rows["metric"] == metric]
    control = rows["control"].fillna("")
    before = Entry(entry.model, "0", entry.style.untrained, "untrained")
    plan = [
        (entry, DIRECT, "", entry.style, "as it is"),
        (entry, AFFINE, "", MAP, "through a map"),
        (entry, AFFINE, OTHER_MAP, _OTHER, "another's map"),
    ]
    if entry.step != "0":
        mapped = ModelStyle(
            "through the layer's map, untrained", MAP.untrained.colour, MAP.untrained.dashes, "s", False
        )
        plan += [
            (before, DIRECT, "", entry.style.untrained, "untrained"),
            (before, AFFINE, "", mapped, "untrained, map"),
        ]
    found = [
        Curve(of.rows(rows[(rows["lens"] == lens) & (control == kind)]), style, name)
        for of, lens, kind, style, name in plan
    ]
    return [curve for curve in found if len(curve.rows)]


def draw_curves(axes: Axes, curves: Sequence[Curve], layers: Sequence[str], **line: float) -> None:
    """Draw curves over layers with the intervals of the trained model, and the chance of its own transcripts.

    Parameters
    ----------
    axes : panel
    curves : of one metric
    layers : along the x axis
    line : overrides properties of the lines
    """
    highest = 1.0
    for curve in curves:
        rows = curve.rows.set_index("layer").reindex(layers)
        if curve.style.filled:
            marks.interval_lines(axes, np.arange(len(layers)), rows, curve.style.colour)
        look: dict[str, Any] = {**curve.style.line, "linewidth": 1.2, "markersize": 3.5, **line}
        axes.plot(range(len(layers)), rows["value"], **look)
        highest = max(highest, float(rows[["value", "ci_high"]].max(axis=None)))
    own = _at(curves[0].rows, layers[-1])
    if own is not None:
        marks.chance_line(axes, float(own["chance"]))
        highest = max(highest, float(own["chance"]))
    marks.layer_axis(axes, layers)
    axes.tick_params(axis="x", rotation=40, pad=1)
    axes.set(ylim=(-0.02, min(highest * 1.04, _HIGHEST_RATE)), xlabel="layer")


def draw_sentence(
    axes: Axes,
    rows: pd.DataFrame,
    entry: Entry,
    layers: Sequence[str],
    lens: str,
    *,
    width_mm: float,
    lift: float = 0,
    **look: Any,
) -> None:
    """Write what the output makes of one sentence from each layer, one row for each.

    Parameters
    ----------
    axes : panel, which gets an axis of rows
    rows : of one corpus and model
    entry : the model at the step that is drawn
    layers : rows from top to bottom; one that is not read has a dash
    lens : how layers are read
    width_mm : room of a text; longer ones end in an ellipsis
    lift : how far above the middle of its row a text stands, as a share of the row
    look : properties of the texts
    """
    own = entry.rows(rows[(rows["lens"] == lens) & (rows["control"].fillna("") == "")])
    spelt = own.drop_duplicates("layer").set_index("layer")["example"]
    marks.row_axis(axes, layers)
    axes.set(xlim=(0, 1), xticks=[])
    axes.grid(False)
    axes.spines["bottom"].set_visible(False)
    for y, layer in enumerate(layers):
        # The output cannot read layers of another size as they are.
        text = spelt.get(layer, "–")
        text = slide.shortened(text if isinstance(text, str) and text.strip() else "(nothing)", width_mm, _TEXT_PT)
        axes.text(0, y - lift, plain(text), va="center", fontsize=_TEXT_PT, **look)


def _page(rows: pd.DataFrame, corpus: str, entry: Entry, context: FigureContext) -> Figure:
    layers = plotting.layer_order(rows["layer"])
    mapped = (rows["lens"] == AFFINE).any()
    shown = _thinned(layers)
    table_mm = _HEAD_MM + len(shown) * _ROW_MM
    handles = _handles(rows, entry)
    figure = plotting.new_figure(_PANEL_MM + table_mm, [handles], _note(rows, context))
    grid = figure.add_gridspec(2, 6, height_ratios=(_PANEL_MM, table_mm))
    for place, (metric, (title, axis)) in enumerate(_PANELS.items()):
        axes = figure.add_subplot(grid[0, 2 * place : 2 * place + 2])
        curves = curves_of(rows, entry, metric)
        if curves:
            draw_curves(axes, curves, layers)
        axes.set_ylabel(axis)
        plotting.head(axes, title, _heading(curves, corpus, entry) if place == 0 else [""] * 3)
    left = figure.add_subplot(grid[1, :3] if mapped else grid[1, :])
    width_mm = _TEXT_MM if mapped else 2 * _TEXT_MM
    draw_sentence(left, rows, entry, shown, DIRECT, width_mm=width_mm)
    spoken = rows["example_of"].iloc[0]
    plotting.head(left, "Written from each layer as it is", [f"spoken: {slide.shortened(spoken, _TEXT_MM, _TEXT_PT)}"])
    if mapped:
        right = figure.add_subplot(grid[1, 3:])
        draw_sentence(right, rows, entry, shown, AFFINE, width_mm=width_mm, color=MAP.colour)
        plotting.head(right, "Written through the layer's map", [_fitted(rows)])
    return figure


def _heading(curves: Sequence[Curve], corpus: str, entry: Entry) -> list[str]:
    own = curves[0].rows
    return [f"{corpus} · {entry.style.label}", marks.count_line(own), plotting.describe_interval(own)]


def _fitted(rows: pd.DataFrame) -> str:
    fitted = rows[rows["lens"] == AFFINE]
    counts = [plotting.describe_range(fitted[name]) for name in ("n_fit", "n_fit_frames")]
    return f"fitted on {counts[0]} utterances ({counts[1]} frames)"


def _handles(rows: pd.DataFrame, entry: Entry) -> list[Line2D | Patch]:
    curves = curves_of(rows, entry, WORD_ERRORS)
    lines: list[Line2D | Patch] = []
    for place, curve in enumerate(curves):
        label = f"{entry.style.label}, layer as it is" if place == 0 else curve.style.label
        lines.append(Line2D([], [], **{**curve.style.line, "label": label}))
    return [*lines, marks.chance_handle("transcripts exchanged between utterances")]


def _note(rows: pd.DataFrame, context: FigureContext) -> str:
    rates = rows.loc[rows["metric"].isin([WORD_ERRORS, "character_error_rate"]), "value"]
    over = describe_limit(rates)
    mapped = (
        " Maps are affine, to the last layer's states, by least squares on other speakers; input: log-mel."
        if (rows["lens"] == AFFINE).any()
        else ""
    )
    return (
        f"{context.describe(rows['corpus'])} The output, trained on the last layer, reads each layer after the final "
        f"normalisation.{mapped}{over}"
    )


def describe_limit(rates: pd.Series) -> str:
    """Return a sentence that says which error rates are not in the panel; nothing if all of them are."""
    return f" Rates above {_HIGHEST_RATE:g} leave the panel." if (rates > _HIGHEST_RATE).any() else ""


def _thinned(layers: Sequence[str]) -> list[str]:
    """Return at most so many layers as have room, the last among them."""
    every = max(1, -(-len(layers) // _MAX_ROWS))
    return list(layers[::-1][::every][::-1])


def _at(rows: pd.DataFrame, layer: str) -> pd.Series | None:
    found = rows[(rows["layer"] == layer) & rows["value"].notna()]
    return found.iloc[0] if len(found) else None


def _named(name: str, row: pd.Series | None) -> dict[str, Any]:
    return {} if row is None else {name: row.to_dict()}
