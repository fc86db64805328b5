"""The slide of lens: word errors by layer, read as it is and through a map, and one sentence as written from each."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from auscult.analyses.lens import figure as details
from auscult.analyses.lens.columns import AFFINE, DIRECT
from auscult.figures import marks, plotting, slide
from auscult.figures.context import FigureContext
from auscult.figures.findings import number
from auscult.figures.palette import Entry

__all__ = ["draw", "describe_headline"]

_MAX_ROWS = 7
_TEXT_MM, _SPOKEN_MM = 54, 50

# Error rate below which most words are right.
_HALF = 0.5


def draw(table: pd.DataFrame, *, context: FigureContext = FigureContext()) -> Figure:
    """Draw, for the first recogniser, the word error rate by layer, and what is written from each layer.

    Parameters and errors are those of :func:`auscult.analyses.lens.figure.draw`.
    """
    rows, entry = _first(table, context)
    curves = details.curves_of(rows, entry, details.WORD_ERRORS)
    figure = slide.new_slide(describe_headline(table, context=context), _note(rows, curves, entry))
    left, right = figure.subplots(1, 2, width_ratios=(1.05, 1))
    _draw_errors(left, rows, curves)
    _draw_sentence(right, rows, entry)
    return figure


def describe_headline(table: pd.DataFrame, *, context: FigureContext = FigureContext()) -> str:
    """Return one sentence: from which layer on most words are written, as it is and through a map.

    A layer counts if the interval of its word error rate lies below one half and below that of exchanged transcripts,
    and so do those of all later layers.
    """
    rows, entry = _first(table, context)
    curves = details.curves_of(rows, entry, details.WORD_ERRORS)
    layers = details.read_layers(rows)
    own, *others = curves
    mapped = next((curve for curve in others if curve.style is details.MAP), None)
    last = own.rows.set_index("layer").loc[layers[-1]]
    if not np.isfinite(last["ci_low"]):
        return f"{entry.style.label}: word error rate {number(last['value'])} at the last layer, without interval"
    first = _first_read(own, layers)
    if first is None:
        return f"{entry.style.label} writes most words from no layer"
    said = _from(first, layers, own)
    if mapped is not None:
        earlier = _first_read(mapped, layers)
        clause = _from(earlier, layers, mapped, " through a map")
        said += f", {clause if earlier != first else 'and no earlier through a map'}"
    end = "" if first == layers[-1] else f"; last layer {number(last['value'])}"
    return f"{entry.style.label} writes most words {said}{end}"


def _from(first: str | None, layers: Sequence[str], curve: details.Curve, how: str = "") -> str:
    """Return from which layer on words are written, with their error rate at that layer."""
    if first is None:
        return f"from none{how}"
    rate = number(curve.rows.set_index("layer").loc[first, "value"])
    where = f"only from {first}, the last layer" if first == layers[-1] else f"from {first} on"
    return f"{where}{how} (error rate {rate})"


def _first_read(curve: details.Curve, layers: Sequence[str]) -> str | None:
    """Return the first layer from which on most words are written, more than for other utterances."""
    rows = curve.rows.set_index("layer").reindex(layers)
    first = None
    for layer in reversed(layers):
        row = rows.loc[layer]
        if not row["ci_high"] < min(_HALF, row["chance"]):
            break
        first = layer
    return first


def _first(table: pd.DataFrame, context: FigureContext) -> tuple[pd.DataFrame, Entry]:
    """Return the rows of the first trained recogniser and corpus, at all steps, and its entry."""
    shown = details.drawn_rows(table, context=context)
    entry = details.trained_entries(context.entries(shown))[0]
    rows = shown[shown["model"] == entry.model]
    return rows[rows["corpus"] == rows["corpus"].iloc[0]], entry


def _draw_errors(axes: Axes, rows: pd.DataFrame, curves: Sequence[details.Curve]) -> None:
    layers = plotting.layer_order(rows["layer"])
    details.draw_curves(axes, curves, layers, linewidth=1.8, markersize=4)
    own = curves[0].rows.set_index("layer")
    axes.set(ylabel="word error rate", xlabel="layer that the output reads")
    marks.layer_axis(axes, layers, n_names=_MAX_ROWS)
    axes.tick_params(axis="x", labelsize=7.5)
    low, high = axes.get_ylim()
    ends = [
        (curve.name, float(np.clip(_last(curve, layers), low, high)), curve.style.colour)
        for curve in curves
        if not curve.style.label.startswith("through the layer's map, untrained")
    ]
    ends.append(("other utterances", float(own["chance"].iloc[-1]), marks.GREY))
    slide.label_ends(axes, ends, len(layers) - 0.5, 0.075 * (high - low))


def _last(curve: details.Curve, layers: Sequence[str]) -> float:
    values = curve.rows.set_index("layer")["value"].reindex(layers).dropna()
    return float(values.iloc[-1])


def _draw_sentence(axes: Axes, rows: pd.DataFrame, entry: Entry) -> None:
    """Write one sentence from each layer, as it is, and below it through the layer's map."""
    layers = details.read_layers(rows)
    every = max(1, -(-len(layers) // _MAX_ROWS))
    shown = layers[::-1][::every][::-1]
    mapped = (rows["lens"] == AFFINE).any()
    details.draw_sentence(
        axes, rows, entry, shown, DIRECT, width_mm=_TEXT_MM, lift=0.2 if mapped else 0.0, color=entry.style.colour
    )
    if mapped:
        details.draw_sentence(axes, rows, entry, shown, AFFINE, width_mm=_TEXT_MM, lift=-0.2, color=details.MAP.colour)
    spoken = slide.wrapped(f"Spoken: {rows['example_of'].iloc[0]}", _SPOKEN_MM, 8.5)
    axes.set_title("\n".join(spoken[:2]), fontsize=8.5, loc="left")


def _note(rows: pd.DataFrame, curves: Sequence[details.Curve], entry: Entry) -> str:
    """Return counts, the interval and what the maps and the control are."""
    own = curves[0].rows
    rates = pd.concat([curve.rows["value"] for curve in curves])
    interval = plotting.describe_interval(own)
    mapped = (
        " Map: affine, to the last layer's states, fitted on other speakers (input: log-mel)."
        if (rows["lens"] == AFFINE).any()
        else ""
    )
    return (
        f"{entry.style.label}, {marks.count_line(own)}. {interval[:1].upper()}{interval[1:]}.{mapped} "
        f"Dotted: transcripts of other utterances.{details.describe_limit(rates)}"
    )
