"""Scores of levels over a sweep: one value per step and layer, with resamples of speakers shared by all levels."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from auscult.activations.interface import Activations
from auscult.errors import AnalysisError
from auscult.statistics.intervals import corrected_interval

__all__ = ["SELECTED", "LevelScores", "score_rows", "check_same_items"]

SELECTED = "selected"
Number = TypeVar("Number", float, np.ndarray)


@dataclass(frozen=True)
class LevelScores:
    """Scores of one level by one method, at every step and layer.

    Parameters
    ----------
    level : its entry in the study, with its name
    method : ``ridge`` or ``abx``
    steps : names of the checkpoints, in training order
    layers : names of the layers; the last is :data:`SELECTED`, the layer chosen on validation data at each step
    values : scores, 0 to 1, higher is better [shape=(n_steps, n_layers)]
    resampled : scores of resampled speakers; None with too few speakers [shape=(n_resamples, n_steps, n_layers)]
    chosen : the layer chosen most often at each step [shape=(n_steps,)]
    chance : score at chance
    about : further columns of result rows that describe the items
    """

    level: Mapping[str, Any]
    method: str
    steps: tuple[str, ...]
    layers: tuple[str, ...]
    values: np.ndarray = field(repr=False)
    resampled: np.ndarray | None = field(repr=False)
    chosen: tuple[str, ...]
    chance: float
    about: Mapping[str, Any]

    def normalise(self, values: Number) -> Number:
        """Return (score − chance) / (1 − chance): 0 at chance, 1 without errors, so that levels can be compared."""
        return (values - self.chance) / (1 - self.chance)


def score_rows(scores: LevelScores) -> list[dict[str, Any]]:
    """Return one row per step and layer, with its 95 % interval over speakers."""
    rows = []
    shared = {
        "target": scores.level["name"],
        "metric": "abx_accuracy" if scores.method == "abx" else "accuracy",
        "probe": scores.method,
        "chance": scores.chance,
        "tier": scores.level["tier"],
        "abstractness": scores.level.get("abstractness"),
        **scores.about,
    }
    for s, step in enumerate(scores.steps):
        for k, layer in enumerate(scores.layers):
            value = float(scores.values[s, k])
            low, high = (
                (np.nan, np.nan)
                if scores.resampled is None
                else corrected_interval(scores.resampled[:, s, k], value=value, n_groups=scores.about["n_groups"])
            )
            selected = scores.chosen[s] if layer == SELECTED else layer
            normalised = dict(
                zip(
                    ("normalised", "normalised_low", "normalised_high"),
                    (scores.normalise(number) for number in (value, low, high)),
                )
            )
            rows.append(
                {
                    **shared,
                    "step": step,
                    "layer": layer,
                    "value": value,
                    "ci_low": low,
                    "ci_high": high,
                    "selected_layer": selected,
                    **normalised,
                }
            )
    return rows


def check_same_items(sweep: Mapping[str, Activations], model: str) -> None:
    """Raise :class:`AnalysisError` unless every step has the same layers and the same segments.

    Parameters
    ----------
    sweep : activations by step
    model : its name, for the message
    """
    if not sweep:
        raise AnalysisError(f"expected activations of at least one step of {model}, found none; extract them")
    first, *others = sweep
    keys = ["utterance", "tier", "index"]
    for step in others:
        same = sweep[step].index[keys].reset_index(drop=True).equals(sweep[first].index[keys].reset_index(drop=True))
        if tuple(sweep[step].layers) != tuple(sweep[first].layers) or not same:
            what = "segments" if not same else "layers"
            raise AnalysisError(
                f"expected the same {what} at every step of {model}, found different ones at step {step} "
                f"and at step {first}; extract both with the same tiers and splits"
            )
