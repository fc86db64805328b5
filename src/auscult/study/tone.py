"""Runs of the tone analysis that follow from a study: acoustic baselines and the tables to collect."""

from collections.abc import Mapping
from typing import Any

__all__ = ["contour_features", "tone_runs", "tone_training"]


def contour_features(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the features (``f0`` or ``mfcc``) of each acoustic baseline of the tone analysis, by its name."""
    return {name: config["models"][name]["features"] for name in config["analyses"]["tone"]["baselines"]}


def tone_training(config: Mapping[str, Any], corpus: str) -> list[str]:
    """Return the other corpus on which the tone probes of a corpus are trained, in a list; empty without one."""
    other = config["analyses"]["tone"].get("train", {}).get(corpus)
    return [other] if other else []


def tone_runs(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (corpus, run) for every table of the tone analysis; a run is a model or all ``baselines`` together."""
    tone = config["analyses"]["tone"]
    runs = [*tone["models"], *(["baselines"] if tone["baselines"] else [])]
    return [(corpus, run) for corpus in tone["corpora"] for run in runs]
