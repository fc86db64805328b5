"""The slide of mixing: which layer the spelling needs the cue word in, and what each method shows there."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from auscult.analyses.mixing import figure as details
from auscult.analyses.mixing.figure_effects import EFFECT, PROBE, effects_of
from auscult.analyses.mixing.ranking import ALL, EVERY_LAYER, MASS, NUMBER_CHANGE, NUMBER_RIGHT, UNTOUCHED
from auscult.figures import marks, plotting, slide
from auscult.figures.context import FigureContext
from auscult.figures.findings import compare, listed, number
from auscult.figures.palette import Entry

__all__ = ["draw", "describe_headline"]

# The methods that the talk names; the details show two more variants of the norm.
_METHODS = ("attention", "attention_norm", "rollout", "value_zeroing")
# Layers in whose cells numbers find room, and whose names do.
_WRITTEN_LAYERS, _LAYER_NAMES = 8, 6
_ARROWS = {"above": " ▲", "below": " ▼"}


def draw(
    table: pd.DataFrame,
    maps: pd.DataFrame,
    probing: pd.DataFrame | None = None,
    *,
    context: FigureContext = FigureContext(),
) -> Figure:
    """Draw, by layer, the spelling without the cue word above a map of the cue's share of the row by method.

    Of the models, the first that spells is shown, or else the first. Parameters and errors are those of
    :func:`auscult.analyses.mixing.figure.draw`.
    """
    rows, entry = _chosen(details.drawn_rows(table, maps, context=context), context)
    own = entry.rows(rows)
    targets, methods, layers = _targets(own), _methods(own), _layers(own)
    written = len(layers) <= _WRITTEN_LAYERS
    numbers = "Numbers: its share of the target word’s row; colour: relative" if written else "Its share, relative"
    arrows = "; ▲ ▼: above, below untrained (95 % intervals over sentences apart)"
    figure = slide.new_slide(
        describe_headline(table, maps, probing, context=context),
        f"{entry.style.label}. The cue word alone tells singular from plural. {numbers} to the method’s largest"
        f"{arrows if written and _untrained(rows) else ''}.",
    )
    spelt = len(effects_of(own)) > 0
    ratios = [1, 1.25] if spelt else [1]
    grid = figure.subplots(len(ratios), max(1, len(targets)), squeeze=False, height_ratios=ratios)
    needed = _needed(own)
    for column, target in enumerate(targets):
        count = own.loc[(own["metric"] == MASS) & (own["target"] == target) & (own["layer"] != "selected"), "n"]
        grid[0, column].set_title(f"{target.capitalize()}s, n = {plotting.describe_range(count)}")
        if spelt:
            probes = details.probes_of(probing, entry, own["corpus"].iloc[0], f"{target}_number")
            _draw_effect(grid[0, column], own[own["target"] == target], probes, layers, bool(_untrained(rows)))
            if column == len(targets) - 1:
                _label_effect(grid[0, column], own[own["target"] == target], probes)
        _draw_shares(
            grid[-1, column], rows[rows["target"] == target], entry, layers, needed or layers[-1], methods, not column
        )
    if spelt:
        grid[0, 0].set_ylabel("number\nspelt right")
    return figure


def describe_headline(
    table: pd.DataFrame,
    maps: pd.DataFrame,
    probing: pd.DataFrame | None = None,
    *,
    context: FigureContext = FigureContext(),
) -> str:
    """Return one sentence: the layer without which the spelling fails, and attention on the cue there."""
    rows, entry = _chosen(details.drawn_rows(table, maps, context=context), context)
    own = entry.rows(rows)
    needed = _needed(own)
    method = next((name for name in _METHODS if name in set(own["method"])), own["method"].iloc[0])
    label = details.METHODS[method].label
    if needed:
        whole, without = (_effect(own, layer) for layer in (UNTOUCHED, needed))
        start = f"Without the cue word in {needed}, singular and plural are spelt worse (from {whole} to {without})"
    elif len(effects_of(own)):
        start = (
            f"Without the cue word in one layer, singular and plural are spelt as with it ({_effect(own, UNTOUCHED)})"
        )
    else:
        start = "This model spells nothing, so it needs no cue word"
    verdicts = _verdicts(rows, entry, method, needed or _layers(own)[-1])
    where = "there" if needed else "in the last layer"
    return f"{start}; its share of {label} {where}: {verdicts}"


def _chosen(shown: pd.DataFrame, context: FigureContext) -> tuple[pd.DataFrame, Entry]:
    """Return the rows, at all steps, of the first model that spells, or else of the first, and its entry."""
    panels = details.panels_of(shown, context.entries(shown))
    spelling = [
        (corpus, entry) for corpus, entry in panels if len(effects_of(entry.rows(shown[shown["corpus"] == corpus])))
    ]
    corpus, entry = (spelling or panels)[0]
    return shown[(shown["corpus"] == corpus) & (shown["model"] == entry.model)], entry


def _targets(rows: pd.DataFrame) -> list[str]:
    return [target for target in details.TARGETS if target in set(rows["target"])]


def _methods(rows: pd.DataFrame) -> list[str]:
    present = set(rows["method"])
    return [name for name in _METHODS if name in present] or [name for name in details.METHODS if name in present]


def _layers(rows: pd.DataFrame) -> list[str]:
    return plotting.layer_order(rows.loc[(rows["metric"] == MASS) & (rows["layer"] != "selected"), "layer"])


def _untrained(rows: pd.DataFrame) -> bool:
    """Return whether the rows hold the model both before and after training."""
    return rows["step"].astype(str).nunique() > 1 and bool((rows["step"].astype(str) == "0").any())


def _needed(own: pd.DataFrame) -> str:
    """Return the layer whose loss of the cue lowers number most, if the interval of the change is below 0."""
    changes = own[(own["metric"] == NUMBER_CHANGE) & (own["target"] == ALL) & (own["layer"] != EVERY_LAYER)]
    changes = changes[changes["ci_high"] < 0]
    return str(changes.loc[changes["value"].idxmin(), "layer"]) if len(changes) else ""


def _effect(own: pd.DataFrame, layer: str) -> str:
    rows = own[(own["metric"] == NUMBER_RIGHT) & (own["target"] == ALL) & (own["layer"] == layer)]
    return number(rows["value"].iloc[0])


def _mass(rows: pd.DataFrame, method: str, layer: str) -> list[dict[str, float]]:
    mine = rows[(rows["metric"] == MASS) & (rows["method"] == method) & (rows["layer"] == layer)]
    found: list[dict[str, float]] = mine.to_dict("records")
    return found


def _before(rows: pd.DataFrame, entry: Entry) -> pd.DataFrame:
    """Return the rows of the untrained model; none if it is the model itself."""
    return rows[(rows["step"].astype(str) == "0") & (entry.step != "0")]


def _verdicts(rows: pd.DataFrame, entry: Entry, method: str, layer: str) -> str:
    """Return how a method's mass in a layer compares with the untrained model, for each kind of target word."""
    found: dict[str, list[str]] = {}
    for target in _targets(rows):
        part = rows[rows["target"] == target]
        mine, before = (_mass(side, method, layer) for side in (entry.rows(part), _before(part, entry)))
        for row in mine:
            control = before[0] if before else float(row["one_in_words"])
            verdict, name = compare(row, control), "untrained" if before else "an even share"
            word = "not tested against" if verdict == "against" else verdict
            found.setdefault(f"{word} {name}", []).append(f"{target}s")
    if len(found) == 1:
        return next(iter(found))
    # The control is named once.
    first, *others = found
    rest = [f"{verdict.removesuffix(' untrained')} for {listed(found[verdict])}" for verdict in others]
    return ", ".join([f"{first} for {listed(found[first])}", *rest])


def _draw_effect(axes: Axes, rows: pd.DataFrame, probes: pd.DataFrame, layers: Sequence[str], wide: bool) -> None:
    """Draw number spelt right by the layer that is cut off from the cue, above the columns of the map."""
    effects = effects_of(rows)
    effects = effects[effects["metric"] == NUMBER_RIGHT]
    end = len(layers) + (1 if wide else 0)
    for part, style in ((probes, PROBE), (effects, EFFECT)):
        own = part[part["layer"].isin(layers)].copy()
        own["x"] = own["layer"].map({layer: place + 0.5 for place, layer in enumerate(layers)}).astype(float)
        own = own.sort_values("x").astype({"value": float, "ci_low": float, "ci_high": float})
        marks.interval_band(axes, own["x"], own, style.colour)
        axes.plot(own["x"], own["value"], **style.line)
    marks.chance_line(axes, 0.5)
    axes.set(xlim=(0, end), ylim=(0.4, 1.05), xticks=[])
    axes.set_yticks([0.5, 1], [".5", "1"])
    for value in effects.loc[effects["layer"] == UNTOUCHED, "value"]:
        axes.axhline(value, color=EFFECT.colour, linewidth=0.8, alpha=0.5)


def _label_effect(axes: Axes, rows: pd.DataFrame, probes: pd.DataFrame) -> None:
    effects = effects_of(rows)
    effects = effects[effects["metric"] == NUMBER_RIGHT].set_index("layer")["value"]
    labels = [("chance", 0.5, marks.GREY)]
    if UNTOUCHED in effects:
        labels.append(("intact", float(effects[UNTOUCHED]), marks.INK))
    last = plotting.layer_order(set(effects.index) - {UNTOUCHED, EVERY_LAYER})[-1:]
    labels += [("cue cut off here", float(effects[layer]) + 0.02, marks.INK) for layer in last]
    if len(probes):
        end = probes.set_index("layer")["value"][plotting.layer_order(probes["layer"])[-1]]
        labels.append(("linear probe", float(end) - 0.02, PROBE.colour))
    slide.label_ends(axes, labels, axes.get_xlim()[1], 0.12)


def _draw_shares(
    axes: Axes,
    rows: pd.DataFrame,
    entry: Entry,
    layers: Sequence[str],
    needed: str,
    methods: Sequence[str],
    named: bool,
) -> None:
    """Draw the cue's share of the row by method and layer, with the untrained model at the layer of the message."""
    own, before = entry.rows(rows), _before(rows, entry)
    values, texts = {}, {}
    for method in methods:
        cells, written = [], []
        for layer in layers:
            mine, control = _mass(own, method, layer), _mass(before, method, layer)
            cells.append(mine[0]["value"] if mine else np.nan)
            arrow = _ARROWS.get(compare(mine[0], control[0]), "") if mine and control else ""
            written.append(f"{number(cells[-1])}{arrow}" if mine else "")
        if len(before):
            control = _mass(before, method, needed)
            cells.append(control[0]["value"] if control else np.nan)
            written.append(number(cells[-1]) if control else "")
        # Methods have scales of their own: the colour compares layers within a method.
        values[details.METHODS[method].label] = np.array(cells) / np.nanmax(cells)
        texts[details.METHODS[method].label] = written
    columns = [*layers, *([f"{needed}, un-\ntrained"] if len(before) else [])]
    shares = pd.DataFrame(values, index=columns).T
    marks.matrix(
        axes, shares, limits=(0, 1.4), text=pd.DataFrame(texts, index=columns).T, numbers=len(layers) <= _WRITTEN_LAYERS
    )
    for text in axes.texts:
        text.set_fontsize(8)
    every = -(-len(layers) // _LAYER_NAMES)
    named_columns = [*range(0, len(layers), every), *range(len(layers), len(columns))]
    if len(before) and every > 1:
        # The last name would run into that of the untrained column.
        named_columns = [place for place in named_columns if place >= len(layers) or place < len(layers) - every]
    axes.set_xticks([place + 0.5 for place in named_columns], [columns[place] for place in named_columns], rotation=0)
    axes.tick_params(axis="y", rotation=0)
    if len(before):
        axes.axvline(len(layers), color="white", linewidth=3)
    if not named:
        axes.set_yticklabels([""] * len(methods))
