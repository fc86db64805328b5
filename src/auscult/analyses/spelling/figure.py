"""Details of spelling: number accuracy with the cue audible and silenced, and shares of transcribed forms."""

from collections.abc import Sequence
from typing import cast

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from auscult.figures import plotting
from auscult.figures.context import FigureContext
from auscult.figures.findings import finding, number
from auscult.figures.marks import INK, chance_handle, chance_line, interval_bar, interval_row, mark_handle, row_axis
from auscult.figures.palette import Entry, ModelStyle, plain

__all__ = ["OUTPUT", "TARGETS", "draw", "drawn_rows", "describe_finding", "trained_entries", "row_of"]

OUTPUT = "output"  # layer of what the model itself spells; others are read through its head
TARGETS = ("noun", "verb")
# Endings of metrics, by condition: of the balanced share of right numbers, and of the shares of forms.
_BALANCED = {"audible": "_balanced", "silenced": "_silenced"}
_CONDITIONS = {"audible": "", "silenced": "_silenced"}
# Colour and label of each transcribed form; the colours are those of no model.
_FORMS = {
    "exact": ("#117733", "exact"),
    "right": ("#88CCAA", "right number, stem misspelt"),
    "wrong": ("#CC6677", "wrong number"),
    "neither": ("#DDDDDD", "neither: missing or not recognisable"),
}
_ROW_MM, _LENS_MM = 66, 46
_OFFSET = 0.12
_LEAST_NAMED = 0.055  # smaller shares have no room for their number


def draw(table: pd.DataFrame, *, context: FigureContext = FigureContext()) -> list[Figure]:
    """Draw one page for each corpus and trained recogniser: number accuracy, transcribed forms, and layers.

    Parameters
    ----------
    table : as returned by :func:`~auscult.analyses.spelling.analysis.score_spelling`, of one or several models
    context : models, settings and study

    Raises
    ------
    AnalysisError
        The table has no row of a model that the context names.
    """
    shown = drawn_rows(table, context=context)
    entries = context.entries(shown)
    return [
        _page(rows[rows["model"] == entry.model], str(corpus), entry, entries, context)
        for corpus, rows in shown.groupby("corpus", sort=False)
        for entry in trained_entries(entries)
        if (rows["model"] == entry.model).any()
    ]


def _page(rows: pd.DataFrame, corpus: str, entry: Entry, entries: Sequence[Entry], context: FigureContext) -> Figure:
    lens = entry.rows(rows[rows["layer"] != OUTPUT])
    heights = [_ROW_MM, *[_LENS_MM] * bool(len(lens))]
    drawn = [other for other in entries if other.model == entry.model]
    figure = plotting.new_figure(sum(heights), _legends(drawn), _note(rows, context, len(lens) > 0))
    axes = figure.subplots(len(heights), 2, squeeze=False, width_ratios=(1, 1.5), height_ratios=heights)
    rows = rows[rows["layer"] == OUTPUT]
    _draw_accuracy(axes[0, 0], rows, entry, corpus)
    _draw_forms(axes[0, 1], entry.rows(rows), f"{corpus} · {entry.style.label}")
    if len(lens):
        _draw_lens(axes[1, 0], axes[1, 1], lens, entry)
    return figure


def drawn_rows(table: pd.DataFrame, *, context: FigureContext = FigureContext()) -> pd.DataFrame:
    """Return the rows of the models that the figure shows."""
    return context.select(table)


def describe_finding(table: pd.DataFrame, *, context: FigureContext = FigureContext()) -> str:
    """Compare the number accuracy of the first trained model between audible and silenced determiners.

    Both are balanced. If no silenced target has a recognisable number, the share of all targets in the right number is
    compared with the untrained model instead.
    """
    shown = drawn_rows(table, context=context)
    shown = shown[shown["layer"] == OUTPUT]
    rows = shown[(shown["target"] == "all") & (shown["corpus"] == shown["corpus"].iloc[0])]
    entries = context.entries(shown)
    trained = next((entry for entry in entries if entry.step != "0" and len(entry.rows(rows))), None)
    if trained is None:
        return ""
    audible, silenced, share = (
        row_of(trained.rows(rows), f"number_right{ending}") for ending in ("_balanced", "_silenced", "")
    )
    if audible is not None and silenced is not None:
        subject = f"balanced number accuracy of {trained.style.label} with audible determiners"
        return finding(subject, audible, {"silenced": silenced, "chance": float(audible["chance"])})
    if share is None:
        return ""
    untrained = row_of(rows[(rows["model"] == trained.model) & (rows["step"].astype(str) == "0")], "number_right")
    subject = f"the share of targets that {trained.style.label} spells in the right number"
    return finding(subject, share, {} if untrained is None else {"untrained": untrained})


def row_of(rows: pd.DataFrame, metric: str) -> pd.Series | None:
    """Return the row of a metric, or None if it has no value."""
    found = rows[(rows["metric"] == metric) & rows["value"].notna()]
    return found.iloc[0] if len(found) else None


def trained_entries(entries: Sequence[Entry]) -> list[Entry]:
    """Return the trained models, or untrained ones if there are no others."""
    return [entry for entry in entries if entry.step != "0"] or list(entries)


def _draw_accuracy(axes: Axes, rows: pd.DataFrame, entry: Entry, corpus: str) -> None:
    """Draw the balanced share of recognisable targets in the right number, trained and untrained, with intervals."""
    chance_line(axes, 0.5)
    runs: list[tuple[ModelStyle, pd.DataFrame]] = [(entry.style, entry.rows(rows))]
    if entry.step != "0":
        runs.append((entry.style.untrained, rows[rows["step"].astype(str) == "0"]))
    targets = [target for target in TARGETS if target in set(rows["target"])]
    places = [(target, condition) for target in targets for condition in _CONDITIONS]
    for x, (target, condition) in enumerate(places):
        metric = f"number_right{_BALANCED[condition]}"
        for (style, run), offset in zip(runs, (-_OFFSET, _OFFSET) if len(runs) > 1 else (0.0,)):
            for row in run[(run["target"] == target) & (run["metric"] == metric)].to_dict("records"):
                interval_bar(axes, x + offset, row, style)
    axes.set(xlim=(-0.5, len(places) - 0.5), ylim=(-0.03, 1.03), ylabel="number accuracy")
    axes.set_xticks(range(len(places)), [f"{target},\n{condition}" for target, condition in places])
    axes.tick_params(axis="x", length=0)
    own = entry.rows(rows[rows["target"].isin(targets)])
    audible, silenced = (own[own["metric"] == f"number_right{ending}"] for ending in _BALANCED.values())
    counts = f"n = {plotting.describe_range(audible['n'])}, silenced {plotting.describe_range(silenced['n'])}"
    speakers = f"{plotting.describe_range(audible['n_groups'])} speakers"
    lines = [f"{corpus} · {entry.style.label}", f"{counts}; {speakers}", plotting.describe_interval(audible)]
    plotting.head(axes, "Number accuracy", lines)


def _draw_forms(axes: Axes, rows: pd.DataFrame, name: str) -> None:
    """Draw the transcribed forms of all targets as stacked shares."""
    shares = pd.DataFrame(
        {
            f"{target}, {condition}": _forms(rows[rows["target"] == target].set_index("metric")["value"], ending)
            for target in TARGETS
            if target in set(rows["target"])
            for condition, ending in _CONDITIONS.items()
        }
    ).T
    colours = [colour for colour, _ in _FORMS.values()]
    shares.plot.barh(stacked=True, ax=axes, color=colours, width=0.7, legend=False)
    for bars, form in zip(cast(list[BarContainer], axes.containers), shares):
        labels = [number(share) if share >= _LEAST_NAMED else "" for share in shares[form]]
        axes.bar_label(bars, labels, label_type="center", fontsize=7, color="white" if form == "exact" else INK)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="share of targets")
    axes.tick_params(axis="y", length=0)
    rates = rows[rows["target"] == "all"].set_index("metric")["value"]
    errors = [f"{unit} error rate {rates[f'{unit}_error_rate']:.3f}" for unit in ("character", "word")]
    counted = rows[(rows["metric"] == "exact") & rows["target"].isin(TARGETS)]
    plotting.head(axes, "Transcribed forms", [name, f"n = {plotting.describe_range(counted['n'])}", ", ".join(errors)])


def _draw_lens(left: Axes, right: Axes, rows: pd.DataFrame, entry: Entry) -> None:
    """Draw what the head spells from each layer: the right numbers, and beside them the transcript of one sentence."""
    layers = plotting.layer_order(rows["layer"])
    chance_line(left, 0.5, "v")
    found = rows[rows["metric"] == "number_right_balanced"]
    for row in found.to_dict("records"):
        interval_row(left, layers.index(row["layer"]), row, entry.style)
    row_axis(left, layers)
    left.set(xlim=(-0.03, 1.03), xlabel="number accuracy")
    counts = f"n = {plotting.describe_range(found['n'])} recognisable"
    plotting.head(left, "Head applied to each layer", [f"{entry.style.label} · determiner audible", counts])
    row_axis(right, layers, named=False)
    right.set(xlim=(0, 1), xticks=[])
    right.grid(False)
    right.spines["bottom"].set_visible(False)
    spelt = rows.drop_duplicates("layer").set_index("layer")
    for y, layer in enumerate(layers):
        text = spelt.loc[layer, "example"]
        right.text(0, y, plain(text if isinstance(text, str) and text else "(nothing)"), fontsize=7.5, va="center")
    plotting.head(right, "One sentence by layer", [f"spoken: {spelt['example_of'].iloc[0]}"])


def _forms(values: pd.Series, ending: str) -> dict[str, float]:
    """Return the share of targets for each transcribed form."""
    clear, wrong, exact = (float(values[f"{name}{ending}"]) for name in ("number_clear", "number_wrong", "exact"))
    return {"exact": exact, "right": clear - wrong - exact, "wrong": wrong, "neither": 1 - clear}


def _legends(entries: Sequence[Entry]) -> list[list[Line2D | Patch]]:
    """Return legend entries of the models, chance and the transcribed forms."""
    marks: list[Line2D | Patch] = [
        mark_handle(entry.style.marker, entry.style.label, entry.style.colour, entry.style.filled) for entry in entries
    ]
    marks.append(chance_handle())
    return [marks, [Patch(color=colour, label=label) for colour, label in _FORMS.values()]]


def _note(rows: pd.DataFrame, context: FigureContext, layers: bool) -> str:
    """Return the note below the figure: study and denominators."""
    return (
        f"{context.describe(rows['corpus'])} Only the determiner marks number. Number accuracy: mean over singulars "
        "and plurals of the share right among targets with a recognisable number; no mark where there is none. Forms: "
        f"shares of all targets.{' The head was trained on the last layer only.' if layers else ''}"
    )
