"""The slide of similarity: which layers are alike, trained and untrained, and which reference each layer is near to."""

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from auscult.analyses.similarity import figure as details
from auscult.figures import marks, plotting, slide
from auscult.figures.context import FigureContext
from auscult.figures.findings import compare, listed, number
from auscult.figures.palette import Entry, ModelStyle

__all__ = ["draw", "describe_headline"]

# References are no models: none of these is the colour of one.
_COLOURS = ("#332288", "#882255", "#117733", "#999933", "#661100")
_MOST = 3


class _Message(NamedTuple):
    """The first model: its rows against the references shown, its matrices, and its entries (trained first)."""

    rows: pd.DataFrame
    matrices: list[details.LayerMatrix]
    entries: list[Entry]
    references: list[str]


def draw(
    table: pd.DataFrame,
    blocks: pd.DataFrame | None = None,
    gram: pd.DataFrame | None = None,
    *,
    context: FigureContext = FigureContext(),
) -> Figure:
    """Draw the layers of the first model against each other, trained and untrained, and against references.

    Parameters and errors are those of :func:`auscult.analyses.similarity.figure.draw`.
    """
    message = _message(table, context)
    figure = slide.new_slide(describe_headline(table, context=context), _note(message))
    n = len(message.matrices)
    widths = [*[1.0] * n, *([1.4] if len(message.rows) else [])]
    panels = list(figure.subplots(1, len(widths), squeeze=False, width_ratios=widths)[0])
    for axes, panel in zip(panels, message.matrices):
        _draw_matrix(axes, panel, named=axes is panels[0])
    if len(message.rows):
        _draw_references(panels[n], message)
    return figure


def describe_headline(
    table: pd.DataFrame,
    blocks: pd.DataFrame | None = None,
    gram: pd.DataFrame | None = None,
    *,
    context: FigureContext = FigureContext(),
) -> str:
    """Return one sentence: the layer that is nearest to each reference, against the same layer untrained."""
    message = _message(table, context)
    if not message.entries:
        return "No model was compared"
    first, *others = message.entries
    metric = "CKA" if message.rows.empty else details.METRICS[message.rows["metric"].iloc[0]]
    said: list[str] = []
    judged: dict[str, list[str]] = {}
    for target in message.references:
        rows = message.rows[message.rows["target"] == target]
        own = first.rows(rows)
        best = own.loc[own["value"].idxmax()]
        same = rows[rows["layer"] == best["layer"]]
        untrained = others[0].rows(same) if others else same[:0]
        name, control = ("untrained", untrained.iloc[0]) if len(untrained) else ("chance", float(best["chance"]))
        reference = details.reference_name(target)
        said.append(f"{best['layer']} {'like' if said else 'is most like'} {reference} ({number(best['value'])})")
        judged.setdefault(f"{compare(best, control)} {name}", []).append(reference)
    if not said:
        return f"{first.style.label}: CKA of its layers with each other"
    return f"{first.style.label}, by {metric}: {', '.join(said)}; {_judged(judged)}"


def _judged(judged: Mapping[str, list[str]]) -> str:
    """Return verdicts with the references that they are on, which are named only if verdicts differ."""
    if len(judged) == 1:
        (verdict, names), *_ = judged.items()
        return f"all {verdict}" if len(names) > 1 else verdict
    return ", ".join(f"{listed(names)} {verdict}" for verdict, names in judged.items())


def _message(table: pd.DataFrame, context: FigureContext) -> _Message:
    shown = details.drawn_rows(table, context=context)
    shown = shown[shown["corpus"] == shown["corpus"].iloc[0]]
    entries = [entry for entry in context.entries(shown) if not entry.style.baseline]
    own = [entry for entry in entries if entry.model == entries[0].model]
    rows = shown[~shown["target"].isin(details.BETWEEN)]
    metric = next((name for name in details.METRICS if (rows["metric"] == name).any()), "")
    rows = details.first_variant(rows[rows["metric"] == metric])
    rows = rows[rows["model"].isin([entry.model for entry in own])]
    first = own[0].rows(rows) if own else rows
    targets = _references(first)
    matrices = [panel for panel in details.layer_matrices(shown, entries) if len(panel.rows)]
    return _Message(rows[rows["target"].isin(targets)], matrices, own, targets)


def _references(rows: pd.DataFrame) -> list[str]:
    """Return mel, phones and words where they were compared, otherwise the first references."""
    targets = [str(target) for target in rows["target"].unique()]
    wanted = [target for target in ("mel", "phone", "word") if target in targets]
    return [*wanted, *(target for target in targets if target not in wanted)][:_MOST]


def _draw_matrix(axes: Axes, panel: details.LayerMatrix, *, named: bool) -> None:
    """Draw one square of similarities between layers; only the first names its rows."""
    layers = plotting.layer_order(panel.rows["layer"])
    values = panel.rows.pivot_table(index="layer", columns="other_layer", values="value")
    values = values.reindex(index=layers, columns=layers)
    text = values.map(lambda value: number(value).replace("1.00", "1"))
    marks.matrix(axes, values, limits=(0, 1), numbers=len(layers) <= 8, text=text, size=7)
    axes.set(box_aspect=1, title=panel.title.rpartition(", ")[2].capitalize(), xlabel="layer")
    axes.tick_params(axis="x", rotation=90, labelsize=8)
    axes.tick_params(axis="y", rotation=0, labelsize=8, labelleft=named)


def _draw_references(axes: Axes, message: _Message) -> None:
    """Draw the similarity of each layer to each reference: trained as a line, untrained pale and dashed."""
    layers = plotting.layer_order(message.rows["layer"])
    rows = message.rows.assign(x=message.rows["layer"].map({name: x for x, name in enumerate(layers)}))
    labels = []
    for target, colour in zip(message.references, _COLOURS):
        for entry in message.entries:
            own = entry.rows(rows[rows["target"] == target]).sort_values("x")
            if own.empty:
                continue
            style = ModelStyle(details.reference_name(target), colour)
            style = style.untrained if entry.step == "0" else style
            marks.interval_band(axes, own["x"], own, style.colour)
            axes.plot(own["x"], own["value"], **style.line)
            if entry is message.entries[0]:
                labels.append((style.label, float(own["value"].iloc[-1]), style.colour))
            elif target == message.references[0]:
                labels.append(("untrained", float(own["value"].iloc[-1]), style.colour))
    marks.chance_line(axes, float(rows["chance"].mean()))
    labels.append(("chance", float(rows["chance"].mean()), marks.GREY))
    top = 1.08 * float(rows[["value", "ci_high"]].max(axis=None))
    low = min(-0.02, float(rows[["value", "ci_low"]].min(axis=None)))
    end = len(layers) - 0.6
    metric = details.METRICS[rows["metric"].iloc[0]]
    axes.set(ylim=(low, top), xlabel="layer", ylabel=metric, title="Likeness of each layer to")
    marks.layer_axis(axes, layers, n_names=7)
    axes.tick_params(axis="x", labelsize=7)
    axes.set_xlim(-0.4, end)
    slide.label_ends(axes, labels, end, 0.08 * (top - low))


def _note(message: _Message) -> str:
    rows = message.rows if len(message.rows) else message.matrices[0].rows
    groups = f"{plotting.describe_range(rows['n_groups'])} {plotting.resampling_unit(rows)}s"
    sentences = [
        "Squares: linear CKA of two layers on the same segments; 1: equal up to rotation.",
        "Dashed: untrained; chance: shuffled segments." if len(message.rows) else "",
        f"n = {plotting.describe_range(rows['n'])}, {groups}; {plotting.describe_interval(rows)}.",
    ]
    return " ".join(filter(None, sentences))
