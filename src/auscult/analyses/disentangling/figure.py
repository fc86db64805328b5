"""Details of disentangling: subspaces of factors, selective erasure, latents of a bottleneck and attributions."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from auscult.analyses.disentangling.columns import REST
from auscult.analyses.disentangling.figure_panels import (
    ERASURE_HEAD_MM,
    ERASURE_MM,
    METHODS,
    NULLS,
    READOUTS,
    RESIDUAL_MM,
    angles_height_mm,
    draw_angles,
    draw_attribution,
    draw_erasure,
    draw_latents,
    draw_residuals,
    factors_of,
    part_heights_mm,
    plain_name,
)
from auscult.figures.context import FigureContext
from auscult.figures.findings import number, value_text
from auscult.figures.marks import chance_handle, mark_handle
from auscult.figures.palette import Entry, class_colours
from auscult.figures.plotting import describe_range, new_figure, paginate

__all__ = ["draw", "drawn_rows", "describe_finding", "select_shown"]

_PAGE_MM = 200

# Apart from the palettes of models and of classes.
LATENT_COLOURS = {"input": "#777777", "textual": "#661100", "acoustic": "#44AA99"}
REST_COLOUR = {REST: "#888888"}
MAX_WORDS = 22
VERDICT_TEXTS = {
    "orthogonal": "orthogonal to {}",
    "shared": "subspace shared with {}",
    "not determined": "orthogonality to {} not determined",
}


def draw(table: pd.DataFrame, latents: pd.DataFrame, *, context: FigureContext = FigureContext()) -> list[Figure]:
    """Draw pages of subspaces, of erasure, and of latents and attributions, at the declared layer of each corpus.

    Parameters
    ----------
    table : results of :func:`auscult.analyses.disentangling.analysis.disentangle_activations`
    latents : results of :func:`auscult.analyses.disentangling.latents.probe_latents`
    context : models, settings and study
    """
    table, latents = select_shown(table, latents, context)
    entries = context.entries(table)
    pages = []
    for corpus in dict.fromkeys(table["corpus"]):
        rows, probed = (part[part["corpus"] == corpus] for part in (table, latents))
        pages += [
            *_subspace_pages(rows, entries, context),
            *_erasure_pages(rows, entries, context),
            *_part_pages(rows, probed, entries, context),
        ]
    return pages


def _subspace_pages(rows: pd.DataFrame, entries: Sequence[Entry], context: FigureContext) -> Iterator[Figure]:
    # Baselines, too, are drawn with markers here.
    models = [Line2D([], [], **entry.style.line) for entry in entries]
    nulls = [Line2D([], [], **look, label=label) for look, label in NULLS.values()]
    factors = [Patch(color=colour, label=plain_name(name)) for name, colour in class_colours(factors_of(rows)).items()]
    legends: list[Sequence[Line2D | Patch]] = [models, [*nulls, chance_handle("random axes removed")], factors]
    note = (
        f"{_describe_layer(rows, context)} “Other speakers”: a factor against itself on other speakers. Residual "
        "variance: of each factor’s centroids as axes of one are removed; thin lines: its own axes."
    )

    def draw_subspaces(block: SubplotSpec) -> None:
        draw_angles(block, rows[rows["analysis"] == "geometry"], entries)

    def draw_variance(block: SubplotSpec) -> None:
        draw_residuals(block, rows[rows["metric"] == "residual_variance"], entries)

    blocks = [(angles_height_mm(rows, len(entries)), draw_subspaces), (RESIDUAL_MM, draw_variance)]
    return _pages(blocks, legends, note)


def _erasure_pages(rows: pd.DataFrame, entries: Sequence[Entry], context: FigureContext) -> Iterator[Figure]:
    note = (
        f"{_describe_layer(rows, context)} Balanced accuracy of linear probes with 95 % intervals, below it of a "
        "network; colour: accuracy above chance. Rows: the erased factor."
    )
    n = int((_PAGE_MM - ERASURE_HEAD_MM) // ERASURE_MM)
    for part in [entries[start : start + n] for start in range(0, len(entries), n)]:
        figure = new_figure(ERASURE_HEAD_MM + ERASURE_MM * len(part), [], note)
        draw_erasure(figure.add_gridspec(1, 1)[0], rows[rows["analysis"] == "erasure"], part)
        yield figure


def _part_pages(
    rows: pd.DataFrame, probed: pd.DataFrame, entries: Sequence[Entry], context: FigureContext
) -> Iterator[Figure]:
    colours = class_colours(factors_of(rows)) | REST_COLOUR
    legends: list[Sequence[Line2D | Patch]] = [
        [Patch(color=colour, label=plain_name(name)) for name, colour in colours.items()],
        [*(Patch(color=colour, label=name) for name, colour in LATENT_COLOURS.items()), chance_handle("chance, 0")],
        [mark_handle("o", label, filled=filled) for filled, label in READOUTS.values()],
    ]
    note = (
        f"{_describe_layer(rows, context)} Shares add up to 1 and may be negative; none are drawn if the score’s "
        f"interval includes 0. The bottleneck was trained on {describe_range(probed['n_train'])} utterances of other "
        "speakers."
    )

    def draw_probes(block: SubplotSpec) -> None:
        draw_latents(block, probed, entries, LATENT_COLOURS)

    def draw_subspace_shares(block: SubplotSpec) -> None:
        attributed = rows[rows["analysis"] == "attribution"]
        draw_attribution(block, attributed, entries, colours, "Attribution to subspaces")

    def draw_latent_shares(block: SubplotSpec) -> None:
        attributed = probed[probed["analysis"] == "attribution"]
        draw_attribution(block, attributed, entries, LATENT_COLOURS, "Attribution to latents")

    drawings = (draw_probes, draw_subspace_shares, draw_latent_shares)
    return _pages(list(zip(part_heights_mm(rows, probed, len(entries)), drawings)), legends, note)


def _pages(
    blocks: Sequence[tuple[float, Callable[[SubplotSpec], None]]],
    legends: Sequence[Sequence[Line2D | Patch]],
    note: str,
) -> Iterator[Figure]:
    """Yield pages of blocks of panels, each with its height, of which as many share a page as fit."""
    for part in paginate([height for height, _ in blocks], _PAGE_MM):
        heights = [height for height, _ in blocks[part]]
        figure = new_figure(sum(heights), legends, note)
        grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
        for place, (_, drawing) in enumerate(blocks[part]):
            drawing(grid[place])
        yield figure


def _describe_layer(rows: pd.DataFrame, context: FigureContext) -> str:
    layer = ", ".join(dict.fromkeys(name for name in rows["layer"] if name != "input")) or "input"
    return f"{context.describe(rows['corpus'])} Layer {layer}, declared beforehand."


def drawn_rows(table: pd.DataFrame, latents: pd.DataFrame, *, context: FigureContext = FigureContext()) -> pd.DataFrame:
    """Return the rows that the figures show: results at the declared layer, followed by results of the latents."""
    return pd.concat(_select(table, latents, context), ignore_index=True)


def describe_finding(table: pd.DataFrame, latents: pd.DataFrame, *, context: FigureContext = FigureContext()) -> str:
    """Return one sentence on the erasure of the second factor, and on its subspace beside that of the first.

    It is of the first trained model and states the linear probe's accuracy of the erased factor, the network's, if one
    was trained, and chance. The method is LEACE, or else the first one that is no control.
    """
    table = select_shown(table, latents, context)[0]
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


def select_shown(
    table: pd.DataFrame, latents: pd.DataFrame, context: FigureContext
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of the models to draw, at the declared layer, with an empty factor where none is erased."""
    table, latents = (rows.fillna({"factor": ""}) for rows in _select(table, latents, context))
    return table, latents


def _select(table: pd.DataFrame, latents: pd.DataFrame, context: FigureContext) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of the models to draw, at the declared layer: the one where factors were erased."""
    layers = table.loc[table["analysis"] == "erasure", "layer"].unique()
    return context.select(table[table["layer"].isin(layers)]), context.select(latents)
