"""Details of similarity: CKA between layers and between models, and similarity of each layer to reference spaces."""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import Collection
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec, SubplotSpec
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from auscult.analyses.similarity.figure_blocks import draw_blocks
from auscult.analyses.similarity.settings import ALIGNMENTS
from auscult.figures import plotting
from auscult.figures.context import FigureContext
from auscult.figures.findings import finding
from auscult.figures.marks import CHANCE, GREY, chance_handle, layer_axis, matrix, model_curve, model_handles
from auscult.figures.palette import Entry

__all__ = [
    "draw",
    "drawn_rows",
    "describe_finding",
    "BETWEEN",
    "METRICS",
    "layer_matrices",
    "first_variant",
    "reference_name",
]

METRICS = {
    "cka": "CKA",
    "rsa": "RSA",
    "pwcca": "PWCCA",
    "svcca": "SVCCA",
    "cca": "CCA",
    "procrustes": "Procrustes",
    "r2": "R²",
    "pnmi": "PNMI",
    "jsd": "JSD",
}
_ZERO_SHOT, _FITTED, _UNITS = ("cka", "rsa"), ("pwcca", "svcca", "cca", "procrustes", "r2"), ("pnmi",)
BETWEEN = ("layers", "models")
_CEILING = "#BBBBBB"
_HEAT_MM, _CURVE_MM = 54, 33
# Why a metric has no rows for a reference.
_MISSING = {
    "rsa": "undefined: equal\ndistances, or fewer\nthan 3 labels",
    "cka": "undefined: speakers\nshare no value",
    "pnmi": "undefined: vectors\nwithout classes",
    "": "left out: property of\nfewer than 30 speakers",
}


class LayerMatrix(NamedTuple):
    """Comparisons of two sets of layers: rows of the table, the title of the panel, and the labels of its axes."""

    title: str
    rows: pd.DataFrame
    across: str = ""
    down: str = ""


def draw(
    table: pd.DataFrame,
    blocks: pd.DataFrame | None = None,
    gram: pd.DataFrame | None = None,
    *,
    context: FigureContext = FigureContext(),
) -> list[Figure]:
    """Draw, for each corpus, a page of CKA matrices, one of similarity to references, and one of labels × speakers.

    Parameters
    ----------
    table : result rows of :func:`~auscult.analyses.similarity.analysis.compare_activations` and
        :func:`~auscult.analyses.similarity.analysis.compare_models`
    blocks, gram : as returned by :func:`~auscult.analyses.similarity.blocks.block_tables`; may be left out
    context : models, settings and study

    Raises
    ------
    AnalysisError
        The table has no row of a model that the context names.
    """
    shown = drawn_rows(table, context=context)
    entries = context.entries(shown)
    pages: list[Figure] = []
    for corpus, rows in shown.groupby("corpus", sort=False):
        panels = [panel for panel in _matrices(rows, entries) if len(panel.rows)]
        if panels:
            pages.append(_matrices_page(str(corpus), panels, context))
        if _metrics(rows):
            pages.append(_references_page(rows, entries, context))
    return pages + (draw_blocks(blocks, gram, entries, context) if blocks is not None and gram is not None else [])


def _matrices_page(corpus: str, panels: Sequence[LayerMatrix], context: FigureContext) -> Figure:
    note = f"{context.describe([corpus])} All layers are compared on the same segments."
    figure = plotting.new_figure(_HEAT_MM, [], note)
    _draw_matrices(figure, figure.add_gridspec(1, 3), corpus, panels)
    return figure


def _references_page(rows: pd.DataFrame, entries: Sequence[Entry], context: FigureContext) -> Figure:
    metrics, rows = _metrics(rows), rows[~rows["target"].isin(BETWEEN)]
    entries = [entry for entry in entries if len(entry.rows(rows))]
    heights_mm = 14 + _CURVE_MM * len(metrics)
    figure = plotting.new_figure(heights_mm, _legends(rows, entries), _note(rows, context))
    _draw_references(figure, figure.add_gridspec(1, 1)[0], rows, entries, metrics)
    return figure


def drawn_rows(
    table: pd.DataFrame,
    blocks: pd.DataFrame | None = None,
    gram: pd.DataFrame | None = None,
    *,
    context: FigureContext = FigureContext(),
) -> pd.DataFrame:
    """Return the rows of the models that the figure shows."""
    return context.select(table)


def describe_finding(
    table: pd.DataFrame,
    blocks: pd.DataFrame | None = None,
    gram: pd.DataFrame | None = None,
    *,
    context: FigureContext = FigureContext(),
) -> str:
    """Compare the highest similarity of the first trained model to a reference with the same layer untrained.

    The reference is the first that is not another model's activations; the metric the first zero-shot one.
    """
    shown = drawn_rows(table, context=context)
    rows = shown[~shown["target"].isin(BETWEEN)]
    linguistic = rows[rows["reference"] != "activations"]
    rows = linguistic if len(linguistic) else rows
    for metric, entry in product(_metrics(rows), context.entries(shown)):
        measured = first_variant(rows[rows["metric"] == metric])
        own = entry.rows(measured)
        if entry.style.baseline or entry.step == "0" or own.empty:
            continue
        panel = ["corpus", "target"]
        own = own[(own[panel] == own[panel].iloc[0]).all(axis=1)]
        best = own.loc[own["value"].idxmax()]
        same = (measured[["model", *panel, "layer"]] == best[["model", *panel, "layer"]]).all(axis=1)
        untrained = measured[same & (measured["step"].astype(str) == "0")]
        control = {"untrained": untrained.iloc[0]} if len(untrained) else {"chance": float(best["chance"])}
        reference = reference_name(str(best["target"]))
        subject = f"the highest {METRICS[metric]} of {entry.style.label} with {reference} (layer {best['layer']})"
        return finding(subject, best, control)
    return ""


def _metrics(rows: pd.DataFrame) -> list[str]:
    """Return the metrics that are drawn: zero-shot ones, the first of those that are fitted, and that of units."""
    measured = set(rows.loc[~rows["target"].isin(BETWEEN), "metric"])
    zero_shot, fitted, units = ([name for name in names if name in measured] for names in (_ZERO_SHOT, _FITTED, _UNITS))
    return [*zero_shot, *fitted[:1], *units]


def first_variant(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the first distance and correlation of RSA; rows of other metrics have neither."""
    if rows.empty or rows["distance"].isna().all():
        return rows
    first = rows[["distance", "correlation"]].iloc[0]
    return rows[(rows[["distance", "correlation"]] == first).all(axis=1)]


def _matrices(rows: pd.DataFrame, entries: Sequence[Entry]) -> list[LayerMatrix]:
    """Return comparisons of the layers of the first model, trained and untrained, and of two models."""
    between = _between_models(rows, entries)
    return [*layer_matrices(rows, entries), *([between] if between else [])][:3]


def _draw_matrices(figure: Figure, places: GridSpec, corpus: str, matrices: Sequence[LayerMatrix]) -> None:
    panels = [figure.add_subplot(places[0, place]) for place in range(len(matrices))]
    for axes, panel in zip(panels, matrices):
        cells = _draw_matrix(axes, panel)
        plotting.head(axes, panel.title, (f"{corpus} · {', '.join(_counts(panel.rows))}", _widest(panel.rows)))
    bar = figure.colorbar(cells, ax=panels, location="right", fraction=0.025, pad=0.01, aspect=25)
    bar.set_label("linear CKA")
    bar.outline.set_visible(False)


def layer_matrices(rows: pd.DataFrame, entries: Sequence[Entry]) -> list[LayerMatrix]:
    """Return the comparisons of the layers of the first model, at its last step and untrained."""
    models = [entry for entry in entries if not entry.style.baseline]
    if not models:
        return []
    own = [entry for entry in models if entry.model == models[0].model]
    found = []
    for entry in own:
        layers = entry.rows(rows[(rows["target"] == "layers") & (rows["metric"] == "cka")])
        mirrored = layers.rename(columns={"layer": "other_layer", "other_layer": "layer"})
        both = pd.concat([layers, mirrored[mirrored["layer"] != mirrored["other_layer"]]])
        state = "untrained" if entry.step == "0" else "trained"
        found.append(LayerMatrix(f"Between layers, {state}", both, across=own[0].style.label))
    return found


def _between_models(rows: pd.DataFrame, entries: Sequence[Entry]) -> LayerMatrix | None:
    """Return comparisons of the first two trained models or, with one model, of trained and untrained layers."""
    rows = rows[(rows["target"] == "models") & (rows["metric"] == "cka")]
    # A column with missing steps is read as fractions.
    rows = rows.assign(**{column: rows[column].astype(str).str.removesuffix(".0") for column in ("step", "other_step")})
    styles = {(entry.model, entry.step): entry.style for entry in entries if not entry.style.baseline}
    pairs = rows[["model", "step", "other_model", "other_step"]].drop_duplicates().to_numpy()
    pairs = [pair for pair in pairs if tuple(pair[:2]) in styles and tuple(pair[2:]) in styles]
    if not pairs:
        return None
    first, step, second, other = min(pairs, key=lambda pair: pair[0] == pair[2])
    chosen = rows[(rows[["model", "other_model", "other_step"]] == [first, second, other]).all(axis=1)]
    title = "Trained vs. untrained" if first == second else "Between two models"
    return LayerMatrix(title, chosen, across=styles[second, other].label, down=styles[first, step].label)


def _draw_matrix(axes: Axes, panel: LayerMatrix) -> Collection:
    ys, xs = (plotting.layer_order(panel.rows[column]) for column in ("layer", "other_layer"))
    values = panel.rows.pivot_table(index="layer", columns="other_layer", values="value").reindex(index=ys, columns=xs)
    cells = matrix(axes, values, limits=(0, 1), numbers=max(values.shape) <= 8)
    axes.tick_params(axis="x", rotation=90)
    axes.tick_params(axis="y", rotation=0)
    axes.set(xlabel=panel.across, ylabel=panel.down)
    return cells


def _draw_references(
    figure: Figure, place: SubplotSpec, rows: pd.DataFrame, entries: Sequence[Entry], metrics: Sequence[str]
) -> None:
    """Draw a grid of panels, one row per metric and one column per reference space."""
    targets = [str(name) for name in rows["target"].unique() if name not in BETWEEN]
    if not targets:
        return
    layers = plotting.layer_order(set(rows["layer"]) - {"input"})
    grid = place.subgridspec(len(metrics), len(targets)).subplots(squeeze=False)
    for (row, metric), (column, target) in product(enumerate(metrics), enumerate(targets)):
        axes = grid[row, column]
        measured = first_variant(rows[(rows["target"] == target) & (rows["metric"] == metric)])
        _draw_curves(axes, measured, entries, layers, named=row == len(metrics) - 1)
        if measured.empty:
            text = _MISSING.get(metric, _MISSING[""])
            axes.text(0.5, 0.5, text, transform=axes.transAxes, fontsize=6.5, color=GREY, ha="center", va="center")
        if metric == "rsa":
            axes.set(ylim=(-0.2, 1.02), yticks=[0, 0.5, 1])
        if column == 0:
            axes.set_ylabel(METRICS[metric] + (",\nheld out" if metric in (*ALIGNMENTS, *_UNITS) else ""))
        if row == 0:
            plotting.head(axes, f"vs. {reference_name(target)}", _counts(measured))


def _draw_curves(
    axes: Axes, rows: pd.DataFrame, entries: Sequence[Entry], layers: Sequence[str], *, named: bool
) -> None:
    """Draw every model over layers with its own chance, and the noise ceiling of RSA for the first model."""
    rows = rows.assign(x=rows["layer"].map({name: x for x, name in enumerate(layers)})).sort_values("x")
    for place, entry in enumerate(entries):
        own = entry.rows(rows)
        chance = {**CHANCE, "color": entry.style.colour}
        if entry.style.baseline:
            for value in own["chance"]:
                axes.axhline(value, zorder=0.9, **chance)
        else:
            axes.plot(own["x"], own["chance"], **chance)
        if place == 0 and not entry.style.baseline:
            axes.fill_between(own["x"], own["ceiling_low"], own["ceiling_high"], color=_CEILING, linewidth=0)
        model_curve(axes, own, entry.style, markersize=2.8)
    top = 1.12 * max(0.1, rows[["value", "ci_high"]].max(axis=None, skipna=True)) if len(rows) else 1.12
    lowest = rows[["value", "chance"]].min(axis=None, skipna=True) - 0.08 * top if len(rows) else 0
    layer_axis(axes, layers, n_names=8)
    axes.set(ylim=(lowest, top))
    axes.tick_params(axis="x", rotation=90, labelbottom=named)
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.grid(axis="y")


def _unit(rows: pd.DataFrame) -> str:
    return plotting.resampling_unit(rows).removesuffix(" and condition")


def _counts(rows: pd.DataFrame) -> tuple[str, str]:
    """Return the number of items, and of speakers or groups of speakers."""
    return f"n = {plotting.describe_range(rows['n'])}", f"{plotting.describe_range(rows['n_groups'])} {_unit(rows)}s"


def _widest(rows: pd.DataFrame) -> str:
    """Return the half-width of the widest interval of a matrix, or why there is none."""
    widest = (rows["ci_high"] - rows["ci_low"]).max() / 2
    return plotting.describe_interval(rows) if np.isnan(widest) else f"95 % interval: ± {widest:.2f} at most"


def reference_name(target: str) -> str:
    """Return the name of a reference as figures show it."""
    return target.replace("_", " ")


def _legends(rows: pd.DataFrame, entries: Sequence[Entry]) -> list[list[Line2D | Patch]]:
    controls: list[Line2D | Patch] = [chance_handle("chance: shuffled items, in the model's colour")]
    if rows["ceiling_low"].notna().any():
        controls.append(Patch(color=_CEILING, label="noise ceiling of RSA"))
    return [[*model_handles([entry.style for entry in entries])], controls]


def _note(rows: pd.DataFrame, context: FigureContext) -> str:
    """Return the note below the figure: study, estimation and intervals."""
    sentences = [
        context.describe(rows["corpus"]),
        "All models are compared on the same segments. Vertical axes differ.",
    ]
    if rows["metric"].isin(ALIGNMENTS).any():
        sentences.append("Held out: fitted on some speakers, measured on others.")
    if (rows["metric"] == "pnmi").any():
        sentences.append(
            "PNMI: mutual information of discrete units and labels over the entropy of the labels, adjusted for chance."
        )
    sentences.append("Bands: 95 % intervals over speakers" + _rsa_labels(rows) + ".")
    sentences.append("Chance: each model's own. Noise ceiling of RSA: first model.")
    return " ".join(sentences)


def _rsa_labels(rows: pd.DataFrame) -> str:
    rsa = rows[rows["metric"] == "rsa"]
    return f", for RSA also over labels ({plotting.describe_range(rsa['n_conditions'])} labels)" if len(rsa) else ""
