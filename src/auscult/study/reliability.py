"""Decisions of reliability in a study: tasks, their models, and which models are perturbed and randomised."""

from collections.abc import Mapping
from typing import Any

from auscult.seeds import task_of
from auscult.study.configuration import analysed_steps

__all__ = ["compared_tasks", "task_runs", "perturbed_runs", "perturbation_options", "word_based"]


def compared_tasks(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (corpus, task) of every task on each corpus."""
    corpora = config["analyses"]["reliability"]["corpora"]
    return [(corpus, task) for corpus, tasks in corpora.items() for task in tasks]


def task_runs(config: Mapping[str, Any], task: str) -> list[tuple[str, str]]:
    """Return (model, step) of every model of a task, untrained and trained."""
    return [(name, step) for name, steps in _steps(config, task).items() for step in steps]


def perturbed_runs(config: Mapping[str, Any], task: str) -> list[tuple[str, str]]:
    """Return (model, step) of the models of a task whose inputs are perturbed: all trained ones, and one untrained."""
    steps_of_models = _steps(config, task)
    trained = [(name, steps[-1]) for name, steps in steps_of_models.items()]
    return trained + [(name, "0") for name, steps in list(steps_of_models.items())[:1] if "0" in steps]


def perturbation_options(config: Mapping[str, Any], model: str, step: str) -> dict[str, bool]:
    """Return how one model is measured.

    ``randomised`` is true for the first trained model of a task, which stands for all seeds. ``retested`` is true for
    all trained models, whose mean agreement with themselves is the ceiling of their agreement with each other.
    ``only_right`` is false for an untrained model, whose predictions are right by chance only.
    """
    first = next(name for name in config["analyses"]["reliability"]["models"] if task_of(name) == task_of(model))
    return {"randomised": step != "0" and model == first, "retested": step != "0", "only_right": step != "0"}


def word_based(config: Mapping[str, Any]) -> dict[str, bool]:
    """Return whether a single word decides each task."""
    return {name: task["word_based"] for name, task in config["analyses"]["reliability"]["tasks"].items()}


def _steps(config: Mapping[str, Any], task: str) -> dict[str, list[str]]:
    models = [name for name in config["analyses"]["reliability"]["models"] if task_of(name) == task]
    return {name: analysed_steps(name, config["models"][name]) for name in models}
