"""Decisions of attribution in a study: settings and inputs of each job, and the models that share one."""

from collections.abc import Mapping
from typing import Any

from auscult.seeds import task_of
from auscult.study.configuration import runs_of

__all__ = ["explained_tasks", "explained_inputs", "explanation_settings", "attribution_settings"]

# Settings of the scores of one utterance; the inputs follow from `explained_inputs`.
_EXPLANATION = (
    "explain",
    "scale",
    "methods",
    "units",
    "n_samples",
    "max_steps",
    "largest_gap",
    "window_ms",
    "stride_ms",
    "n_bands",
    "frame_hops",
    "frame_inputs",
    "memory_mb",
    "max_s",
)
# Settings of the sample of utterances and of their summary; drawn_within_s may be absent.
_SAMPLE = ("n_utterances", "drawn_within_s", "n_resamples")


def explained_tasks(config: Mapping[str, Any]) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Return the (model, step) of each (corpus, task): models that differ only in seed are explained in one job."""
    tasks: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for corpus, model, step in runs_of(config, "attribution"):
        tasks.setdefault((corpus, task_of(model)), []).append((model, step))
    return tasks


def explained_inputs(config: Mapping[str, Any], model: str) -> list[str]:
    """Return the inputs on which a model is explained.

    The first model of a task is explained on all inputs; further seeds on ``inputs_of_seeds``, if the study names any.
    """
    attribution = config["analyses"]["attribution"]
    first = next(name for name in attribution["models"] if task_of(name) == task_of(model))
    inputs: list[str] = attribution["inputs"]
    return inputs if model == first else attribution["inputs_of_seeds"] or inputs


def explanation_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that the scores of an utterance depend on, without the inputs."""
    return {name: config["analyses"]["attribution"][name] for name in _EXPLANATION}


def attribution_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that the attributions of a model depend on, without the inputs."""
    attribution = config["analyses"]["attribution"]
    return explanation_settings(config) | {name: attribution[name] for name in _SAMPLE if name in attribution}
