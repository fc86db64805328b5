"""Panels of the mixing figure: probe, value zeroing and the effect on the spelling, by layer."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from auscult.analyses.mixing.ranking import ALL, EVERY_LAYER, MASS, NUMBER_CHANGE, NUMBER_RIGHT, UNTOUCHED
from auscult.figures import marks, plotting
from auscult.figures.palette import Entry, ModelStyle

__all__ = ["EFFECT", "PROBE", "effects_of", "draw_layers", "draw_changes"]

EFFECT = ModelStyle("number spelt right, cue’s values zeroed here", "#000000", marker="o")
PROBE = ModelStyle("linear probe of number", "#888888", marker="s", dashes=(0, (3, 2)))


def effects_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the effect on the spelling that have a value: none for a model that does not spell."""
    return rows[rows["metric"].isin([NUMBER_RIGHT, NUMBER_CHANGE]) & rows["value"].notna()]


def draw_layers(
    axes: Axes, rows: pd.DataFrame, probes: pd.DataFrame, target: str, zeroing: ModelStyle, lines: Sequence[str]
) -> None:
    """Draw what a layer holds (probe), takes from the cue (value zeroing) and is needed for (effect on the spelling).

    Parameters
    ----------
    rows : results of one model, of one kind of target word
    probes : accuracy of a linear probe by layer, of the same model and kind of target word; may be empty
    zeroing : style of value zeroing
    lines : below the title
    """
    effects = effects_of(rows)
    effects = effects[effects["metric"] == NUMBER_RIGHT]
    untouched = effects[effects["layer"] == UNTOUCHED]
    blocks = effects.loc[~effects["layer"].isin([UNTOUCHED, EVERY_LAYER]), "layer"]
    layers = [*plotting.layer_order(blocks), EVERY_LAYER]
    places = {layer: place for place, layer in enumerate(layers)}
    marks.chance_line(axes, 0.5)
    if len(untouched):
        axes.axhline(untouched["value"].iloc[0], color=EFFECT.colour, linewidth=0.8, alpha=0.5)
    masses = rows[(rows["metric"] == MASS) & (rows["method"] == "value_zeroing")]
    for part, style in ((probes, PROBE), (masses, zeroing), (effects, EFFECT)):
        own = part.assign(x=part["layer"].map(places)).dropna(subset="x").sort_values("x")
        single = own["layer"] == EVERY_LAYER
        curve = own[~single].astype({"value": float, "ci_low": float, "ci_high": float})
        marks.interval_band(axes, curve["x"].astype(float), curve, style.colour)
        axes.plot(curve["x"], curve["value"], **style.line)
        for row in own[single].to_dict("records"):
            marks.interval_bar(axes, row["x"], row, style)
    marks.layer_axis(axes, layers, 9)
    axes.set(ylim=(-0.03, 1.03), xlabel="layer (zeroed, or probed)")
    plotting.head(axes, f"Spelling and probe: {target}s", lines)


def draw_changes(axes: Axes, rows: pd.DataFrame, entry: Entry) -> None:
    """Draw by how much the share of right numbers changes if one layer, or every layer, takes nothing from the cue."""
    own = effects_of(rows)
    own = own[(own["metric"] == NUMBER_CHANGE) & (own["target"] == ALL)]
    layers = [*plotting.layer_order(own.loc[own["layer"] != EVERY_LAYER, "layer"]), EVERY_LAYER]
    marks.chance_line(axes, 0, "v")
    for row in own.to_dict("records"):
        marks.interval_row(axes, layers.index(row["layer"]), row, EFFECT)
    marks.row_axis(axes, layers)
    low = np.nanmin([*own["value"], *own["ci_low"], -0.1])
    axes.set(xlim=(low - 0.05, 0.1), xlabel="change of number spelt right")
    counts = f"n = {plotting.describe_range(own['n'])} of {plotting.describe_range(own['n_groups'])} sentences"
    lines = [entry.style.label, counts, plotting.describe_interval(own)]
    plotting.head(axes, "Effect of zeroing the cue", lines)
