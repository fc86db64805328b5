"""The slide of disentangling: what is read after one factor is erased, before and after training, and shared axes."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from auscult.analyses.disentangling import figure as details
from auscult.analyses.disentangling.figure_panels import METHODS, NULLS, factors_of, pairs_of, plain_name
from auscult.analyses.disentangling.geometry import ORTHOGONAL
from auscult.errors import AnalysisError
from auscult.figures import marks, slide
from auscult.figures.context import FigureContext
from auscult.figures.findings import compare, listed, number
from auscult.figures.palette import Entry
from auscult.figures.plotting import resampling_unit

__all__ = ["draw", "describe_headline"]

_MAX_MATRICES, _MAX_ENTRIES = 2, 4


class _Shown(NamedTuple):
    """Rows of one corpus; entries, the first of which is the model that the title is about; factors; the eraser."""

    rows: pd.DataFrame
    latents: pd.DataFrame
    entries: list[Entry]
    factors: list[str]
    method: str


def draw(table: pd.DataFrame, latents: pd.DataFrame, *, context: FigureContext = FigureContext()) -> Figure:
    """Draw the erasure matrix of the first trained model and of its control, and overlaps of subspaces.

    Parameters and errors are those of :func:`auscult.analyses.disentangling.figure.draw`.
    """
    shown = _select(table, latents, context)
    layer = next((name for name in shown.entries[0].rows(shown.rows)["layer"]), "input")
    erasures = [entry for entry in shown.entries if len(_accuracies(shown, entry))][:_MAX_MATRICES]
    counted = shown.rows[shown.rows["metric"] == "balanced_accuracy"]
    figure = slide.new_slide(
        describe_headline(table, latents, context=context),
        f"Layer {layer}; erased by {METHODS.get(shown.method, shown.method)}. Numbers: balanced accuracy of a linear "
        "probe, in brackets of a network. Overlap corrected for reliability; grey: 95 % of random contrasts. Bars: "
        f"95 % over {resampling_unit(counted)}s. {marks.count_line(counted)}.",
    )
    panels = figure.subplots(1, len(erasures) + 1, width_ratios=[*[1.0] * len(erasures), 1.15], squeeze=False)[0]
    for axes, entry in zip(panels, erasures):
        _draw_matrix(axes, shown, entry, named=axes is panels[0])
    _draw_overlaps(panels[-1], shown)
    return figure


def describe_headline(table: pd.DataFrame, latents: pd.DataFrame, *, context: FigureContext = FigureContext()) -> str:
    """Return one sentence: pairs of factors with orthogonal subspaces, and what probes read of an erased factor.

    It is on the first trained model, with its untrained state as control.
    """
    shown = _select(table, latents, context)
    entry = shown.entries[0]
    text = listed([plain_name(name) for name in shown.factors])
    pairs = _pairs_text(shown, entry)
    untrained = next((other for other in shown.entries[1:] if other.step == "0"), None)
    control = "" if untrained is None else f" (untrained: in {_n_orthogonal(shown, untrained)[0] or 'none'})"
    readouts = _readouts_text(shown, entry)
    said = "; ".join(part for part in (pairs and f"{pairs}{control}", readouts) if part)
    return f"{text[:1].upper()}{text[1:]}: {said}" if said else f"{text[:1].upper()}{text[1:]}: nothing is erased"


def _select(table: pd.DataFrame, latents: pd.DataFrame, context: FigureContext) -> _Shown:
    """Return what is shown of the first corpus: the first trained model, its untrained state, then baselines."""
    rows, probed = details.select_shown(table, latents, context)
    if rows.empty:
        raise AnalysisError("expected erasures at a declared layer in the table of disentangling, found none")
    rows = rows[rows["corpus"] == rows["corpus"].iloc[0]]
    entries = context.entries(rows)
    trained = [entry for entry in entries if entry.step != "0" and not entry.style.baseline] or entries
    lead = trained[0]
    own = [entry for entry in entries if entry.model == lead.model and entry is not lead]
    others = sorted((entry for entry in entries if entry.model != lead.model), key=lambda one: not one.style.baseline)
    erased = rows[rows["analysis"] == "erasure"]
    present = [name for name in METHODS if (erased["method"] == name).any()]
    method = next((name for name in present if name != "random"), "")
    return _Shown(rows, probed, [lead, *own, *others][:_MAX_ENTRIES], factors_of(rows), method)


def _accuracies(shown: _Shown, entry: Entry) -> pd.DataFrame:
    """Return what is read with nothing erased and after each erasure, by readout."""
    rows = entry.rows(shown.rows)
    rows = rows[(rows["analysis"] == "erasure") & (rows["metric"] == "balanced_accuracy")]
    return rows[rows["method"].isin(["none", shown.method])]


def _overlaps(shown: _Shown, entry: Entry) -> pd.DataFrame:
    rows = entry.rows(shown.rows)
    return rows[(rows["metric"] == "overlap_corrected") & (rows["target"] != rows["factor"])]


def _n_orthogonal(shown: _Shown, entry: Entry) -> tuple[int, int]:
    """Return the number of pairs of factors whose subspaces are orthogonal, and of all pairs with a verdict."""
    verdicts = _overlaps(shown, entry)["verdict"].dropna()
    return int((verdicts == ORTHOGONAL).sum()), len(verdicts)


def _pairs_text(shown: _Shown, entry: Entry) -> str:
    n, of = _n_orthogonal(shown, entry)
    return f"subspaces overlap no more than random ones in {n} of {of} pair{'' if of == 1 else 's'}" if of else ""


def _readouts_text(shown: _Shown, entry: Entry) -> str:
    """Return for how many erased factors probes are above chance or, without intervals, by how much."""
    rows = _accuracies(shown, entry)
    rows = rows[(rows["factor"] == rows["target"]) & (rows["method"] == shown.method)]
    counts, heights = [], []
    for readout, name in (("ridge", "a linear probe"), ("mlp", "a network")):
        mine = rows[rows["readout"] == readout]
        verdicts = [compare(row, float(row["chance"])) for row in mine.to_dict("records")]
        if verdicts and "against" not in verdicts:
            counts.append(f"{verdicts.count('above')} of {len(verdicts)} for {name}")
        elif verdicts:
            heights.append(f"{name} {number(float((mine['value'] - mine['chance']).max()))}")
    if counts:
        return f"once erased, above chance in {', '.join(counts)}"
    return f"once erased, above chance by at most: {', '.join(heights)}" if heights else ""


def _draw_matrix(axes: Axes, shown: _Shown, entry: Entry, named: bool) -> None:
    """Draw accuracies by erased and probed factor, coloured by their height above chance, with a row for chance."""
    accuracies = _accuracies(shown, entry)
    linear, networks = (accuracies[accuracies["readout"] == readout] for readout in ("ridge", "mlp"))
    factors = [name for name in shown.factors if (linear["target"] == name).any()]
    chance = linear.drop_duplicates("target").set_index("target")["chance"][factors]
    values = linear.drop_duplicates(["factor", "target"]).pivot(index="factor", columns="target", values="value")
    values = values.reindex(index=["", *factors], columns=factors)
    values.loc["chance"] = chance
    text = values.map(lambda value: number(value) if np.isfinite(value) else "")
    for row in networks.to_dict("records"):
        if row["factor"] in text.index and row["target"] in factors and row["factor"]:
            text.loc[row["factor"], row["target"]] += f"\n({number(row['value'])})"
    above = (values - chance) / (1 - chance)
    above.index = pd.Index(["none", *map(plain_name, factors), "chance"])
    above.columns = pd.Index([_broken(name) for name in factors])
    text.index, text.columns = above.index, above.columns
    size = 8.5 if len(factors) <= 3 else 7
    marks.matrix(axes, above, limits=(0, 1), cmap="YlGnBu", numbers=True, text=text, size=size)
    axes.axhline(len(above) - 1, color="white", linewidth=3)
    axes.tick_params(rotation=0, labelsize=8)
    axes.tick_params(axis="x", labelsize=7)
    axes.set_title(_short(shown, entry), color=entry.style.colour, weight="bold")
    axes.set_xlabel("factor read")
    axes.set_ylabel("factor erased" if named else "")
    if not named:
        axes.set_yticks([])


def _draw_overlaps(axes: Axes, shown: _Shown) -> None:
    """Draw the overlap of each pair of subspaces for every entry, over the middle 95 % of random contrasts."""
    pairs = [pair for pair in pairs_of(shown.rows) if pair[0] != pair[1]]
    step = len(shown.entries) + 1.3
    for place, (target, factor) in enumerate(pairs):
        top = place * step
        name = f"{plain_name(target)} – {plain_name(factor)}"
        # Right of the line at 0.
        about: dict[str, Any] = {"xytext": (4, 0), "textcoords": "offset points", "annotation_clip": False}
        axes.annotate(name, (0, top), fontsize=8.5, va="center", **about)
        for shift, entry in enumerate(shown.entries, start=1):
            rows = _overlaps(shown, entry)
            rows = rows[(rows["target"] == target) & (rows["factor"] == factor)]
            _draw_overlap(axes, rows, entry, top + shift)
            if not place:
                _name_entry(axes, _short(shown, entry), entry, top + shift)
    axes.set(ylim=(max(step * len(pairs) - 0.8, 1), -0.7), xlim=(-0.02, 1.02), xlabel="overlap (0: orthogonal)")
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    marks.chance_line(axes, 0, "v")
    axes.set_title("Overlap of subspaces")


def _draw_overlap(axes: Axes, rows: pd.DataFrame, entry: Entry, y: float) -> None:
    look, _ = NULLS["covariance"]
    for row in rows[rows["null"] == "covariance"].to_dict("records"):
        axes.plot([row["null_low"], row["null_high"]], [y, y], **{**look, "linewidth": 7}, zorder=1)
    for row in rows.head(1).to_dict("records"):
        marks.interval_row(axes, y, row, entry.style, markersize=5.5)


def _name_entry(axes: Axes, name: str, entry: Entry, y: float) -> None:
    axes.annotate(
        name,
        (1.04, y),
        xycoords=axes.get_yaxis_transform(),
        fontsize=8,
        color=entry.style.colour,
        va="center",
        annotation_clip=False,
    )


def _short(shown: _Shown, entry: Entry) -> str:
    """Return ``trained`` and ``untrained`` for the states of the model, and the labels of others."""
    if entry.model != shown.entries[0].model:
        return entry.style.label
    return "untrained" if entry.step == "0" else "trained"


def _broken(name: str) -> str:
    return plain_name(name).replace(" ", "\n", 1)
