"""Which colour, line and marker stands for what: the same model looks the same in every figure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex, to_rgb

from auscult.figures.colours import MODEL_COLOURS
from auscult.seeds import task_of

__all__ = ["BASELINES", "ModelStyle", "model_style", "Entry", "entries", "CLASS_COLOURS", "class_colours", "plain"]

_MARKERS = ("o", "s", "^", "D", "v", "P")
# Acoustic baselines, drawn in greys with these dashes.
BASELINES = {
    "mfcc": ("#333333", (0, (6, 1.5))),
    "mel": ("#5C5C5C", (0, (3, 1.2))),
    "f0": ("#7F7F7F", (0, (6, 1.5, 1, 1.5))),
    "time": ("#9C9C9C", (0, (3, 1.2, 1, 1.2, 1, 1.2))),
}
# Tol's muted scheme (2021): apart from the models' palette, so that a class is not taken for a model.
CLASS_COLOURS = {
    "vowel": "#CC6677",
    "stop": "#332288",
    "affricate": "#882255",
    "fricative": "#DDAA33",
    "nasal": "#117733",
    "approximant": "#88CCEE",
    "silence": "#BBBBBB",
    "noise": "#44AA99",
}
_OTHER_CLASSES = ("#999933", "#AA4499", "#6699CC", "#661100", "#888888", "#44AA99", "#332288", "#CC6677")


@dataclass(frozen=True)
class ModelStyle:
    """How one model is drawn in every figure.

    Parameters
    ----------
    label : the name shown
    colour : hexadecimal colour
    dashes : a matplotlib line style
    marker : a matplotlib marker
    filled : open markers mean untrained
    baseline : whether it is an acoustic baseline, drawn as a grey horizontal line
    """

    label: str
    colour: str
    dashes: Any = "-"
    marker: str = "o"
    filled: bool = True
    baseline: bool = False

    @property
    def untrained(self) -> "ModelStyle":
        """The same model before training: its colour lighter, dashed, with open markers."""
        red, green, blue = (0.6 * part + 0.4 for part in to_rgb(self.colour))
        lighter = to_hex((red, green, blue))
        return replace(self, label=f"{self.label}, untrained", colour=lighter, dashes=(0, (2.5, 1.5)), filled=False)

    @property
    def marks(self) -> dict[str, Any]:
        """Keyword arguments of a marker."""
        face = self.colour if self.filled else "white"
        return {"marker": self.marker, "markerfacecolor": face, "markeredgecolor": self.colour}

    @property
    def line(self) -> dict[str, Any]:
        """Keyword arguments of a line with markers."""
        return {"color": self.colour, "linestyle": self.dashes, "label": self.label, **self.marks}


def model_style(models: Mapping[str, Mapping[str, Any]]) -> dict[str, ModelStyle]:
    """Return the look of every model. Pass all models of the study, since markers follow their order.

    The colour is that of a model's entry (:func:`auscult.study.looks.with_colours` gives it one); without it, colours
    follow the order, too. Models that differ only in their seed share a colour and differ in the marker.

    Parameters
    ----------
    models : the study's entry of each model: ``label`` is the name shown, ``source: acoustic`` makes a baseline
    """
    styles: dict[str, ModelStyle] = {}
    conditions: dict[str, int] = {}
    for place, (name, attributes) in enumerate(models.items()):
        label = plain(attributes.get("label") or name)
        if attributes.get("source") == "acoustic":
            colour, dashes = BASELINES.get(attributes.get("features") or name, BASELINES["time"])
            styles[name] = ModelStyle(label, colour, dashes, marker="d", baseline=True)
            continue
        condition = conditions.setdefault(task_of(name), len(conditions))
        colour = attributes.get("colour") or MODEL_COLOURS[condition % len(MODEL_COLOURS)]
        styles[name] = ModelStyle(label, colour, marker=_MARKERS[place % len(_MARKERS)])
    return styles


@dataclass(frozen=True)
class Entry:
    """One line of a figure: a model at one step.

    Parameters
    ----------
    model, step : as in result tables
    style : how it is drawn
    name : in a list, where an untrained model directly follows its trained self
    """

    model: str
    step: str
    style: ModelStyle
    name: str

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of a table that belong to this entry."""
        return table[(table["model"] == self.model) & (table["step"].astype(str) == self.step)]


def entries(table: pd.DataFrame, models: Iterable[str], styles: Mapping[str, ModelStyle]) -> list[Entry]:
    """List each model at its last step and, directly after it, untrained (step 0); baselines come last."""
    found = []
    for model in sorted(models, key=lambda name: styles[name].baseline):
        steps = sorted(table.loc[table["model"] == model, "step"].astype(str).unique(), key=_step_order)
        style = styles[model]
        if steps and steps[-1] != "0":
            found.append(Entry(model, steps[-1], style, style.label))
        if "0" in steps:
            name = "untrained" if len(steps) > 1 else style.untrained.label
            found.append(Entry(model, "0", style.untrained, name))
    return found


def class_colours(labels: Iterable[str]) -> dict[str, str]:
    """Give every class a colour: phone classes always the same one, others by alphabet."""
    labels = set(labels)
    known = {label: colour for label, colour in CLASS_COLOURS.items() if label in labels}
    others = sorted(labels - set(known))
    return known | {label: _OTHER_CLASSES[place % len(_OTHER_CLASSES)] for place, label in enumerate(others)}


def plain(text: str) -> str:
    """Return text so that matplotlib draws its dollar signs instead of reading a formula between them."""
    return str(text).replace("$", r"\$")


def _step_order(step: str) -> float:
    return float(step) if step.isdigit() else np.inf
