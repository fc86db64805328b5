"""Pages of the similarity figure with labels × speakers: Gram matrices of some layers, and what matters in each."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from auscult.figures import plotting
from auscult.figures.context import FigureContext
from auscult.figures.marks import GREY, layer_axis, matrix, model_curve, model_handles
from auscult.figures.palette import Entry

__all__ = ["draw_blocks", "shown_layers"]

_GRAM_MM, _CURVES_MM = 74, 52
_N_MATRICES = 3
_TITLES = {"label": "Because the same is said", "speaker": "Because the same person speaks"}


def draw_blocks(
    blocks: pd.DataFrame, gram: pd.DataFrame, entries: Sequence[Entry], context: FigureContext
) -> list[Figure]:
    """Draw a page for each corpus: Gram matrices of the first trained model, and ω² of all models by layer.

    Parameters
    ----------
    blocks, gram : as returned by :func:`~auscult.analyses.similarity.blocks.block_tables`
    entries : entries of the figure
    context : study
    """
    pages = [
        _page(blocks[blocks["corpus"] == corpus], gram[gram["corpus"] == corpus], entries, context)
        for corpus in blocks["corpus"].unique()
    ]
    return [page for page in pages if page is not None]


def shown_layers(layers: Sequence[str]) -> list[str]:
    """Return the first layer, the one in the middle and the last, of layers in order of depth."""
    ordered = plotting.layer_order(layers)
    places = dict.fromkeys([0, len(ordered) // 2, len(ordered) - 1])
    return [ordered[place] for place in places][:_N_MATRICES]


def _page(blocks: pd.DataFrame, gram: pd.DataFrame, entries: Sequence[Entry], context: FigureContext) -> Figure | None:
    drawn = [entry for entry in entries if len(entry.rows(blocks))]
    trained = [entry for entry in drawn if not entry.style.baseline and entry.step != "0"]
    if not trained:
        return None
    figure = plotting.new_figure(
        _GRAM_MM + _CURVES_MM, [model_handles([entry.style for entry in drawn])], _note(blocks, context)
    )
    parts: Any = figure.subfigures(2, 1, height_ratios=(_GRAM_MM, _CURVES_MM))
    above, below = parts
    _draw_matrices(above, trained[0], trained[0].rows(gram))
    layers = plotting.layer_order(set(blocks["layer"]) - {"input"})
    for axes, factor in zip(below.subplots(1, 2, sharey=True), _TITLES):
        _draw_curves(axes, blocks[blocks["target"] == factor], drawn, layers)
        plotting.head(axes, _TITLES[factor], _counts(blocks))
        if factor == "label":
            axes.set_ylabel("share of variance, ω²")
    return figure


def _draw_matrices(figure: Figure, entry: Entry, gram: pd.DataFrame) -> None:
    layers = shown_layers(gram["layer"].unique())
    panels = figure.subplots(1, len(layers), squeeze=False)[0]
    for axes, layer in zip(panels, layers):
        rows = gram[gram["layer"] == layer]
        keys = rows[["speaker", "label"]].drop_duplicates()
        size = len(keys)
        values = pd.DataFrame(rows["cosine"].to_numpy().reshape(size, size))
        cells = matrix(axes, values, limits=(-1, 1), cmap="RdBu_r", numbers=False)
        axes.set_aspect("equal")
        _mark_speakers(axes, keys, named=axes is panels[0])
        plotting.head(axes, f"{entry.style.label} · {layer}", ())
    bar = figure.colorbar(cells, ax=list(panels), location="right", fraction=0.025, pad=0.01, aspect=25)
    bar.set_label("cosine")
    bar.outline.set_visible(False)


def _mark_speakers(axes: Axes, keys: pd.DataFrame, *, named: bool) -> None:
    """Draw a line between speakers, whose items are neighbours, and number them."""
    n_labels = keys["label"].nunique()
    n_speakers = len(keys) // n_labels
    for place in range(1, n_speakers):
        for line in (axes.axhline, axes.axvline):
            line(place * n_labels, color=GREY, linewidth=0.5)
    middles = [(place + 0.5) * n_labels for place in range(n_speakers)]
    numbers = [str(place + 1) for place in range(n_speakers)]
    axes.set_xticks(middles, numbers)
    axes.set_yticks(middles, numbers if named else [""] * n_speakers)
    axes.tick_params(length=0)
    axes.set_xlabel(f"speaker, {n_labels} labels each")
    if named:
        axes.set_ylabel("speaker")


def _draw_curves(axes: Axes, rows: pd.DataFrame, entries: Sequence[Entry], layers: Sequence[str]) -> None:
    rows = rows.assign(x=rows["layer"].map({name: x for x, name in enumerate(layers)})).sort_values("x")
    axes.axhline(0, color=GREY, linewidth=0.6)
    for entry in entries:
        model_curve(axes, entry.rows(rows), entry.style, markersize=2.8)
    layer_axis(axes, layers, n_names=8)
    axes.tick_params(axis="x", rotation=90)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.grid(axis="y")


def _counts(rows: pd.DataFrame) -> tuple[str]:
    ranges = [plotting.describe_range(rows[column]) for column in ("n_labels", "n_groups")]
    return (f"{ranges[0]} labels × {ranges[1]} speakers",)


def _note(rows: pd.DataFrame, context: FigureContext) -> str:
    return (
        f"{context.describe(rows['corpus'])} Every label is said once by every speaker. Matrices: cosines of "
        "standardised vectors, ordered by speaker; blocks along the diagonal: the same voice; stripes: the same label. "
        "ω²: share of the variance, 0 by chance. Bands: 95 % intervals over speakers and labels."
    )
