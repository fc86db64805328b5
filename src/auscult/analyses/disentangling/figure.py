"""Figure of disentangling: subspaces of factors, selective erasure, latents of a bottleneck and attributions."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from auscult.analyses.disentangling.columns import REST
from auscult.analyses.disentangling.figure_panels import (
    METHODS,
    NULLS,
    READOUTS,
    block_heights_mm,
    draw_angles,
    draw_attribution,
    draw_erasure,
    draw_latents,
    draw_residuals,
    factors_of,
    plain_name,
)
from auscult.figures.context import FigureContext
from auscult.figures.findings import number, value_text
from auscult.figures.marks import chance_handle, mark_handle
from auscult.figures.palette import Entry, class_colours
from auscult.figures.plotting import describe_range, new_figure

__all__ = ["draw", "drawn_rows", "describe_finding"]

# Apart from the palettes of models and of classes.
LATENT_COLOURS = {"input": "#777777", "textual": "#661100", "acoustic": "#44AA99"}
REST_COLOUR = {REST: "#888888"}
MAX_WORDS = 22
VERDICT_TEXTS = {
    "orthogonal": "orthogonal to {}",
    "shared": "subspace shared with {}",
    "not determined": "orthogonality to {} not determined",
}


def draw(table: pd.DataFrame, latents: pd.DataFrame, *, context: FigureContext = FigureContext()) -> Figure:
    """Return the figure: for each corpus, subspaces, erasure, latents and attributions at the declared layer.

    Parameters
    ----------
    table : results of :func:`auscult.analyses.disentangling.analysis.disentangle_activations`
    latents : results of :func:`auscult.analyses.disentangling.latents.probe_latents`
    context : models, settings and study
    """
    table, latents = (rows.fillna({"factor": ""}) for rows in _select(table, latents, context))
    entries = context.entries(table)
    corpora = list(dict.fromkeys(table["corpus"]))
    by_corpus = [tuple(rows[rows["corpus"] == corpus] for rows in (table, latents)) for corpus in corpora]
    heights = [height for rows, probed in by_corpus for height in block_heights_mm(rows, probed, len(entries))]
    figure = new_figure(sum(heights), _legends(table, entries), _note(table, latents, context))
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    blocks = iter([grid[row] for row in range(len(heights))])
    for rows, probed in by_corpus:
        colours = class_colours(factors_of(rows)) | REST_COLOUR
        attributed = rows[rows["analysis"] == "attribution"]
        draw_angles(next(blocks), rows[rows["analysis"] == "geometry"], entries)
        draw_residuals(next(blocks), rows[rows["metric"] == "residual_variance"], entries)
        draw_erasure(next(blocks), rows[rows["analysis"] == "erasure"], entries)
        draw_latents(next(blocks), probed, entries, LATENT_COLOURS)
        draw_attribution(next(blocks), attributed, entries, colours, "Attribution to subspaces")
        attributed = probed[probed["analysis"] == "attribution"]
        draw_attribution(next(blocks), attributed, entries, LATENT_COLOURS, "Attribution to latents")
    return figure


def drawn_rows(table: pd.DataFrame, latents: pd.DataFrame, *, context: FigureContext = FigureContext()) -> pd.DataFrame:
    """Return the rows that the figure shows: results at the declared layer, followed by results of the latents."""
    return pd.concat(_select(table, latents, context), ignore_index=True)


def describe_finding(table: pd.DataFrame, latents: pd.DataFrame, *, context: FigureContext = FigureContext()) -> str:
    """Return one sentence on the erasure of the second factor, and on its subspace beside that of the first.

    It is of the first trained model and states the linear probe's accuracy of the erased factor, the network's, if one
    was trained, and chance. The method is LEACE, or else the first one that is no control.
    """
    table = _select(table, latents, context)[0].fillna({"factor": ""})
    trained = [entry for entry in context.entries(table) if entry.step != "0" and not entry.style.baseline]
    factors = factors_of(table)
    if not trained or len(factors) < 2:
        return ""
    mine = trained[0].rows(table)
    rows = mine[(mine["metric"] == "balanced_accuracy") & mine["factor"].eq(mine["target"])]
    method = next((name for name in METHODS if name != "random" and (rows["method"] == name).any()), "")
    kept, erased = factors[:2]
    rows = rows[(rows["method"] == method) & (rows["factor"] == erased)].set_index("readout")
    if "ridge" not in rows.index:
        return ""
    row = rows.loc["ridge"].to_dict()
    value = value_text(row) + ("" if np.isfinite(row["ci_low"]) else " without interval")
    network = f", network {number(rows.loc['mlp', 'value'])}" if "mlp" in rows.index else ""
    sentence = (
        f"{plain_name(erased).capitalize()} erased from {trained[0].name}: linear probe {value}{network} "
        f"(chance {number(row['chance'])})"
    )
    for verdict in mine.loc[mine["target"].eq(kept) & mine["factor"].eq(erased), "verdict"].dropna():
        found = f"; {VERDICT_TEXTS[verdict].format(plain_name(kept))}"
        sentence += found if len((sentence + found).split()) <= MAX_WORDS else ""
    return f"{sentence}."


def _select(table: pd.DataFrame, latents: pd.DataFrame, context: FigureContext) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of the models to draw, at the declared layer: the one where factors were erased."""
    layers = table.loc[table["analysis"] == "erasure", "layer"].unique()
    return context.select(table[table["layer"].isin(layers)]), context.select(latents)


def _legends(table: pd.DataFrame, entries: Sequence[Entry]) -> list[Sequence[Line2D | Patch]]:
    nulls = [Line2D([], [], **look, label=label) for look, label in NULLS.values()]
    factors = class_colours(factors_of(table)) | REST_COLOUR
    return [
        # Baselines, too, are drawn with markers here.
        [Line2D([], [], **entry.style.line) for entry in entries],
        [*nulls, chance_handle("chance, random axes removed, zero share")],
        [Patch(color=colour, label=plain_name(name)) for name, colour in factors.items()],
        [Patch(color=colour, label=name) for name, colour in LATENT_COLOURS.items()],
        [mark_handle("o", label, filled=filled) for filled, label in READOUTS.values()],
    ]


def _note(table: pd.DataFrame, latents: pd.DataFrame, context: FigureContext) -> str:
    layer = ", ".join(dict.fromkeys(name for name in table["layer"] if name != "input")) or "input"
    return (
        f"{context.describe(table['corpus'])} Layer {layer}, declared beforehand. “Other speakers”: a factor against "
        "itself on other speakers. Thin lines: a factor’s own axes. Matrices: linear probe, below it a network. Shares "
        "add up to 1 and may be negative; none are drawn if the score’s interval includes 0. The bottleneck was "
        f"trained on {describe_range(latents['n_train'])} utterances of other speakers."
    )
