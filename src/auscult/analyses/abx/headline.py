"""The slide of ABX: the same models by a trained probe and by ABX, which trains nothing."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from auscult.analyses.abx import figure as details
from auscult.analyses.abx.figure_panels import SPEAKERS
from auscult.figures import marks, plotting, slide
from auscult.figures.context import FigureContext
from auscult.figures.findings import compare, listed, number
from auscult.figures.palette import Entry

__all__ = ["draw", "describe_headline"]

_PUBLISHED = {"probe": "phone_probe_accuracy", "ABX": "phone_abx_accuracy"}
_MOST_NAMED = 4
_TITLES = {"probe": "Probe, trained on labels", "ABX": "ABX, nothing trained"}


class _Measure(NamedTuple):
    """Scores by one measure: of every layer, and of every entry at the layer that the probe chose."""

    rows: pd.DataFrame
    chosen: Mapping[Entry, pd.Series]


class _Message(NamedTuple):
    """The target of the slide: its tables, its measures by name, and the entries shown with their names."""

    results: details.Results
    measures: Mapping[str, _Measure]
    entries: list[Entry]
    names: Mapping[Entry, str]


def draw(
    table: pd.DataFrame,
    probing: pd.DataFrame | None = None,
    agreement: pd.DataFrame | None = None,
    published: pd.DataFrame | None = None,
    *,
    context: FigureContext = FigureContext(),
) -> Figure:
    """Draw probe and ABX accuracy by layer side by side, with published curves behind.

    Of the targets, the one with most models is shown, across speakers if possible. Parameters and errors are those of
    :func:`auscult.analyses.abx.figure.draw`.
    """
    message = _message(table, probing, agreement, context)
    figure = slide.new_slide(_title(message), _note(message, published))
    panels = figure.subplots(1, len(message.measures), squeeze=False)[0]
    for axes, (name, measure) in zip(panels, message.measures.items()):
        _draw_measure(axes, name, measure, message)
        if published is not None and message.results.abx["target"].iloc[0] == "phone":
            _draw_published(axes, name, measure, published, message)
    return figure


def describe_headline(
    table: pd.DataFrame,
    probing: pd.DataFrame | None = None,
    agreement: pd.DataFrame | None = None,
    published: pd.DataFrame | None = None,
    *,
    context: FigureContext = FigureContext(),
) -> str:
    """Return one sentence: how many models the best one by the probe exceeds, by the probe and by ABX."""
    return _title(_message(table, probing, agreement, context))


def _message(
    table: pd.DataFrame, probing: pd.DataFrame | None, agreement: pd.DataFrame | None, context: FigureContext
) -> _Message:
    shown = context.select(table)
    entries = context.entries(shown)
    targets = details.by_target(shown, probing, agreement)
    results = max(targets, key=lambda each: (len(each.pairs) > 0, each.abx["model"].nunique()))
    abx = results.abx[results.abx["context"] == results.abx["context"].iloc[0]]
    abx = abx[abx["speaker"] == ("across" if "across" in set(abx["speaker"]) else abx["speaker"].iloc[0])]
    zero_shot = {entry: row for entry in entries if (row := details.selected_row(entry, abx, probing)) is not None}
    measures = {"ABX": _Measure(abx, zero_shot)}
    probes = results.probes
    if len(results.pairs):
        at_chosen = probes[probes["layer"] == "selected"]
        trained = {entry: own.iloc[0] for entry in zero_shot if len(own := entry.rows(at_chosen))}
        measures = {"probe": _Measure(probes[probes["layer"] != "selected"], trained), **measures}
    entries = _with_best_baselines(list(zero_shot), measures)
    names = slide.short_names(entry.style.label for entry in entries if entry.step != "0")
    labels = {entry: "untrained" if entry.step == "0" else names[entry.style.label] for entry in entries}
    return _Message(results, measures, entries, labels)


def _with_best_baselines(entries: Sequence[Entry], measures: Mapping[str, _Measure]) -> list[Entry]:
    """Return the models, and of the acoustic baselines the best one by each measure."""
    best = {_best(measure, [entry for entry in entries if entry.style.baseline]) for measure in measures.values()}
    return [entry for entry in entries if not entry.style.baseline or entry in best]


def _best(measure: _Measure, entries: Sequence[Entry]) -> Entry | None:
    scored = [entry for entry in entries if entry in measure.chosen]
    return max(scored, key=lambda entry: float(measure.chosen[entry]["value"]), default=None)


def _title(message: _Message) -> str:
    trained = [entry for entry in message.entries if not entry.style.baseline and entry.step != "0"]
    first = next(iter(message.measures.values()))
    best = _best(first, trained) or _best(first, message.entries)
    if best is None:
        return ""
    about = str(message.results.abx["target"].iloc[0]).replace("_", " ").capitalize()
    values = [
        f"{number(measure.chosen[best]['value'])} by {name}"
        for name, measure in message.measures.items()
        if best in measure.chosen
    ]
    name = message.names[best] + ("" if message.names[best] == best.style.label else " model")
    said = f"{about} on {message.results.abx['corpus'].iloc[0]}, {name}: {' and '.join(values)}"
    others = [entry for entry in trained if entry is not best]
    return "; ".join(filter(None, [said, _compared(best, [*others, *_control(best, first, message)], message)]))


def _compared(best: Entry, others: Sequence[Entry], message: _Message) -> str:
    """Return how the best model compares with others: what both measures say, then where they differ."""
    same: dict[str, list[str]] = {}
    differing = []
    for entry in others:
        judged = {
            name: compare(measure.chosen[best], measure.chosen[entry])
            for name, measure in message.measures.items()
            if best in measure.chosen and entry in measure.chosen
        }
        name = message.names[entry]
        if len(set(judged.values())) == 1:
            same.setdefault(next(iter(judged.values())), []).append(name)
        elif judged:
            (first, by), *rest = [(verdict, measure) for measure, verdict in judged.items()]
            said = [
                f"{first} {name} by {by}",
                *(f"{verdict.removesuffix(' from')} by {other}" for verdict, other in rest),
            ]
            differing.append(", ".join(said))
    said = [
        f"{verdict} {listed(same[verdict]) if len(same[verdict]) <= _MOST_NAMED else f'{len(same[verdict])} others'}"
        for verdict in ("above", "not separated from", "below", "against")
        if verdict in same
    ]
    both = "both " if said and len(message.measures) > 1 else ""
    return both + ", ".join([*said, *differing])


def _control(best: Entry, measure: _Measure, message: _Message) -> list[Entry]:
    """Return the untrained model, its own one if there is one, or the best acoustic baseline."""
    untrained = [entry for entry in message.entries if entry.step == "0" and entry in measure.chosen]
    control = _best(measure, [entry for entry in untrained if entry.model == best.model] or untrained)
    control = control or _best(measure, [entry for entry in message.entries if entry.style.baseline])
    return [control] if control and control is not best else []


def _draw_measure(axes: Axes, name: str, measure: _Measure, message: _Message) -> None:
    """Draw the curve of every entry over its layers, labelled at their ends."""
    rows, layers = measure.rows, _layers(measure)
    rows = rows.assign(x=rows["layer"].map({layer: x for x, layer in enumerate(layers)})).sort_values("x")
    chance, end = float(rows["chance"].iloc[0]), max(len(layers) - 0.6, 0.4)
    marks.chance_line(axes, chance)
    labels = [("chance", chance, marks.GREY)]
    for entry in message.entries:
        own = entry.rows(rows)
        if own.empty:
            continue
        marks.model_curve(axes, own, entry.style)
        labels.append((message.names[entry], float(own["value"].iloc[-1]), entry.style.colour))
    low = min(0.45, float(rows["value"].min()) - 0.03) if name == "ABX" else 0.0
    axes.set(ylim=(low, 1), xlabel="layer", ylabel="accuracy" if name == "probe" else "ABX accuracy")
    axes.set_title(_TITLES[name])
    marks.layer_axis(axes, layers, n_names=7)
    axes.tick_params(axis="x", labelsize=7)
    axes.set_xlim(-0.4, end)
    slide.label_ends(axes, labels, end, 0.075 * (1 - low))


def _layers(measure: _Measure) -> list[str]:
    return [layer for layer in plotting.layer_order(measure.rows["layer"]) if layer != "input"]


def _draw_published(axes: Axes, name: str, measure: _Measure, published: pd.DataFrame, message: _Message) -> None:
    """Draw published curves at the same relative depth, pale, in the colour of the model with this pre-training."""
    layers = _layers(measure)
    blocks = [place for place, layer in enumerate(layers) if layer.startswith("T")]
    rows = published[(published["metric"] == _PUBLISHED[name]) & published["layer"].str.match(r"T\d+$")]
    if not blocks or rows.empty:
        return
    colours = {_plain(message.names[entry]): entry.style.colour for entry in message.entries if entry.step != "0"}
    depth = rows["layer"].str.removeprefix("T").astype(float)
    rows = rows.assign(x=blocks[0] - 1 + depth / depth.max() * len(blocks)).sort_values("x")
    for pretraining, curve in rows.groupby("pretraining", sort=False):
        colour = colours.get(_plain(str(pretraining)), marks.GREY)
        axes.plot(curve["x"], curve["value"], color=colour, alpha=0.3, linewidth=1.2, zorder=0.8)
    top = rows.loc[rows["value"].idxmax()]
    look: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "fontsize": 7, "color": marks.GREY}
    axes.annotate("published", (top["x"], top["value"]), (0, 2), **look)


def _plain(name: str) -> str:
    return re.sub(r"\W", "", name).lower()


def _note(message: _Message, published: pd.DataFrame | None) -> str:
    abx = message.measures["ABX"].rows
    over_models = message.results.agreement
    over_models = over_models[(over_models["over"] == "models") & over_models["spearman"].notna()]
    over_models = over_models[over_models["speaker"] == abx["speaker"].iloc[0]]
    sentences = [
        f"ABX {SPEAKERS[str(abx['speaker'].iloc[0])]}: {marks.count_line(abx)}, {plotting.describe_interval(abx)}.",
    ]
    if len(over_models):
        row = over_models.iloc[0]
        sentences.append("Title: layer chosen by the probe.")
        sentences.append(f"Rank correlation over {int(row['n'])} models: {number(row['spearman'])}.")
    if published is not None and message.results.abx["target"].iloc[0] == "phone":
        sentences.append("Pale: de Heer Kloots et al. (2025), other speech.")
    return " ".join(sentences)
