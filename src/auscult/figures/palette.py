"""Colours, lines and markers of models and classes, which are the same in every figure."""

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
# Greys and dashes of the acoustic baselines.
BASELINES = {
    "mfcc": ("#333333", (0, (6, 1.5))),
    "mel": ("#5C5C5C", (0, (3, 1.2))),
    "f0": ("#7F7F7F", (0, (6, 1.5, 1, 1.5))),
    "time": ("#9C9C9C", (0, (3, 1.2, 1, 1.2, 1, 1.2))),
}
# Tol's muted scheme (2021), which is distinct from the colours of models.
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
    """Look of one model in all figures.

    Parameters
    ----------
    label : name shown
    colour : hexadecimal colour
    dashes : matplotlib line style
    marker : matplotlib marker
    filled : whether markers are filled; open markers mean untrained
    baseline : whether the model is an acoustic baseline, drawn as a grey horizontal line
    """

    label: str
    colour: str
    dashes: Any = "-"
    marker: str = "o"
    filled: bool = True
    baseline: bool = False

    @property
    def untrained(self) -> "ModelStyle":
        """Look of the same model before training: lighter colour, dashed line, open markers."""
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
    """Return the style of every model. Pass all models of the study, since markers depend on their order.

    The colour is taken from the entry of the model (set by :func:`auscult.study.looks.with_colours`); without one,
    colours also follow the order of models. Models that differ only in their seed share a colour and differ in marker.

    Parameters
    ----------
    models : entry of each model in the study: ``label`` is the name shown, ``source: acoustic`` means a baseline
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
    """Model at one step, as an entry of a figure.

    Parameters
    ----------
    model, step : values of these columns in result tables
    style : look of the model
    name : label in a list of entries; only ``untrained`` if the entry follows its trained model
    """

    model: str
    step: str
    style: ModelStyle
    name: str

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of a table that belong to this entry."""
        return table[(table["model"] == self.model) & (table["step"].astype(str) == self.step)]


def entries(table: pd.DataFrame, models: Iterable[str], styles: Mapping[str, ModelStyle]) -> list[Entry]:
    """Return each model at its last step, directly followed by the untrained model (step 0); baselines come last."""
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
    """Return a colour for every class: fixed colours for phone classes, others in alphabetical order."""
    labels = set(labels)
    known = {label: colour for label, colour in CLASS_COLOURS.items() if label in labels}
    others = sorted(labels - set(known))
    return known | {label: _OTHER_CLASSES[place % len(_OTHER_CLASSES)] for place, label in enumerate(others)}


def plain(text: str) -> str:
    """Return text with dollar signs escaped, so that matplotlib does not read it as a formula."""
    return str(text).replace("$", r"\$")


def _step_order(step: str) -> float:
    return float(step) if step.isdigit() else np.inf
