"""The slide of probing: what a probe reads from several models by layer, beside the controls of the same numbers."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from auscult.analyses.probing import figure as details
from auscult.analyses.probing.columns import NONLINEAR, PEER, SAMPLED, SELECTED
from auscult.analyses.probing.figure_panels import METRICS, linear, target_name
from auscult.figures import marks, plotting, slide
from auscult.figures.context import FigureContext
from auscult.figures.findings import number, verdicts
from auscult.figures.palette import Entry

__all__ = ["draw", "describe_headline"]

_GAP = 0.075


class _Panel(NamedTuple):
    """The corpus and target that most models were probed for.

    ``rows`` are its scores, ``chosen`` those of the linear probe at the selected layer, ``entries`` the models, their
    untrained controls and the best acoustic baseline, ``names`` their names on the slide.
    """

    rows: pd.DataFrame
    chosen: pd.DataFrame
    entries: list[Entry]
    names: Mapping[Entry, str]


def draw(
    table: pd.DataFrame, confusions: pd.DataFrame | None = None, *, context: FigureContext = FigureContext()
) -> Figure:
    """Draw scores by layer of the target with most models, and a matrix of its controls at the selected layer.

    Parameters and errors are those of :func:`auscult.analyses.probing.figure.draw`.
    """
    panel = _panel(table, context)
    controls = _control_matrix(panel)
    figure = slide.new_slide(describe_headline(table, context=context), _note(panel, controls))
    curves, cells = figure.subplots(1, 2, width_ratios=(1.1, 1))
    _draw_curves(curves, panel)
    _draw_controls(cells, controls, panel)
    return figure


def describe_headline(
    table: pd.DataFrame, confusions: pd.DataFrame | None = None, *, context: FigureContext = FigureContext()
) -> str:
    """Return one sentence: the highest score of a trained model against other models, untrained and acoustic ones."""
    panel = _panel(table, context)
    trained = [entry for entry in panel.entries if not entry.style.baseline and entry.step != "0"]
    first = panel.rows.iloc[0]
    subject = target_name(str(first["target"])).capitalize().replace("f0", "F0")
    about = f"{subject} {METRICS[first['metric']]} on {first['corpus']}"
    scores = {entry: entry.rows(panel.chosen).iloc[0] for entry in panel.entries}
    best = max(trained or panel.entries, key=lambda entry: float(scores[entry]["value"]))
    others: dict[str, pd.Series | float] = {
        panel.names[entry]: scores[entry] for entry in _untrained_once(panel, best) if entry is not best
    }
    name = panel.names[best] + ("" if panel.names[best] == best.style.label else " model")
    compared = verdicts(scores[best], others or {"chance": float(first["chance"])})
    return f"{about}: {name} {number(scores[best]['value'])}, {compared}"


def _untrained_once(panel: _Panel, best: Entry) -> list[Entry]:
    """Return the entries with one untrained model: that of the best model, otherwise the one that reads most."""
    untrained = [entry for entry in panel.entries if entry.step == "0"]
    own = [entry for entry in untrained if entry.model == best.model] or untrained
    kept = max(own, key=lambda entry: float(entry.rows(panel.chosen)["value"].iloc[0]), default=None)
    return [entry for entry in panel.entries if entry.step != "0" or entry is kept]


def _panel(table: pd.DataFrame, context: FigureContext) -> _Panel:
    rows = details.drawn_rows(table, context=context)
    entries = context.entries(rows)
    panels = details.by_target(details.scores_of(rows))
    rows = max(panels, key=lambda panel: panel.loc[panel["layer"] != "input", "model"].nunique())
    chosen = linear(rows[rows["layer"] == SELECTED])
    best = details.best_baseline(chosen, entries, context)
    shown = [entry for entry in details.present(entries, chosen) if not entry.style.baseline or entry is best]
    names = slide.short_names(entry.style.label for entry in shown if entry.step != "0")
    shown.sort(key=lambda entry: -float(entry.rows(chosen)["value"].iloc[0]))
    labels = {entry: names.get(entry.style.label, entry.style.label) for entry in shown}
    labels |= {entry: "untrained" for entry in shown if entry.step == "0"}
    return _Panel(rows, chosen, shown, labels)


def _draw_curves(axes: Axes, panel: _Panel) -> None:
    """Draw the score of each model by layer, the best acoustic baseline and chance, all labelled at their ends."""
    rows = linear(panel.rows[panel.rows["layer"] != SELECTED])
    layers = [layer for layer in plotting.layer_order(rows["layer"]) if layer != "input"]
    rows = rows.assign(x=rows["layer"].map({name: x for x, name in enumerate(layers)})).sort_values("x")
    chance, end = float(rows["chance"].iloc[0]), max(len(layers) - 0.6, 0.4)
    marks.chance_line(axes, chance)
    labels = [("mean" if rows["metric"].iloc[0] == "r2" else "chance", chance, marks.GREY)]
    for entry in panel.entries:
        mine = entry.rows(rows)
        marks.model_curve(axes, mine, entry.style)
        labels.append((panel.names[entry], float(mine["value"].iloc[-1]), entry.style.colour))
    lowest = min(0, float(np.nanmin([rows["value"].min(), rows["ci_low"].min()])))
    axes.set(ylim=(lowest, 1), xlabel="layer", ylabel=METRICS[rows["metric"].iloc[0]], title="By layer")
    marks.layer_axis(axes, layers, n_names=7)
    axes.set_xlim(-0.4, end)
    slide.label_ends(axes, labels, end, _GAP * (1 - lowest))


def _control_matrix(panel: _Panel) -> pd.DataFrame:
    """Return the scores at the selected layer: a column per entry, a row per kind of labels and probe."""
    chosen = panel.rows[panel.rows["layer"] == SELECTED]
    true, sampled = chosen["labels"] == "true", chosen["probe"].isin(SAMPLED)
    rows = {
        "linear probe": true & ~sampled,
        "control task\n(random labels)": (chosen["labels"] == "control") & ~sampled,
        "shuffled labels": (chosen["labels"] == "shuffled") & ~sampled,
        "linear,\nsmall sample": true & (chosen["probe"] == PEER),
        "nonlinear,\nsmall sample": true & chosen["probe"].isin(NONLINEAR),
    }
    values = {
        name: [_mean(entry.rows(chosen[kind])["value"]) for entry in panel.entries]
        for name, kind in rows.items()
        if kind.any()
    }
    return pd.DataFrame.from_dict(values, orient="index", columns=[panel.names[entry] for entry in panel.entries])


def _mean(values: pd.Series) -> float:
    return float(values.mean()) if len(values) else np.nan


def _draw_controls(axes: Axes, controls: pd.DataFrame, panel: _Panel) -> None:
    marks.matrix(axes, controls, limits=(0, 1), numbers=True, size=7.5)
    axes.set_title("At the chosen layer")
    axes.tick_params(axis="y", rotation=0, labelsize=8)
    axes.tick_params(axis="x", rotation=90, labelsize=8)
    for label, entry in zip(axes.get_xticklabels(), panel.entries):
        label.set_color(entry.style.colour)


def _note(panel: _Panel, controls: pd.DataFrame) -> str:
    first = panel.chosen.iloc[0]
    held_out = str(first["held_out"]).replace("+", "s and ")
    sentences = [
        f"{str(first['probe']).capitalize()} probes, tested on unseen {held_out}s; layer chosen on validation data.",
        f"Bands: {plotting.describe_interval(panel.chosen)}. {marks.count_line(panel.chosen)}."
        if panel.chosen["ci_low"].notna().any()
        else f"{marks.count_line(panel.chosen)}, no intervals.",
    ]
    if any(name.endswith("small sample") for name in controls.index):
        sampled = panel.rows[panel.rows["probe"].isin(NONLINEAR)]
        sentences.append(f"Small sample: n = {plotting.describe_range(sampled['n'])}.")
    return " ".join(sentences)
