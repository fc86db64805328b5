"""Information about a study for figures and the page: the colour of every model, and a description of the study."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from auscult.figures.colours import MODEL_COLOURS
from auscult.requirements import Config, is_text
from auscult.seeds import task_of
from auscult.study.configuration import models_of

__all__ = ["with_colours", "figure_entry", "study_entry"]


def with_colours(config: Config) -> dict[str, dict[str, Any]]:
    """Return the entries of all models with a ``colour`` that is distinct in every figure that shows the model.

    A colour set in a model's entry is kept. Otherwise a model gets the first colour not yet used by a model in the same
    analyses. Models that differ only in their seed share a colour, since figures show them as one condition. Acoustic
    baselines are grey and get none. Adding a model at the end of the study does not change other colours.
    """
    models = config["models"]
    conditions = list(dict.fromkeys(task_of(name) for name in models if models[name]["source"] != "acoustic"))
    together = [{task_of(name) for name in models_of(analysis)} for analysis in config["analyses"].values()]
    chosen: dict[str, str] = {}
    for name, model in models.items():
        if "colour" in model:
            chosen.setdefault(task_of(name), model["colour"].upper())
    for condition in conditions:
        if condition not in chosen:
            taken = {chosen[other] for shown in together if condition in shown for other in shown & set(chosen)}
            free = [colour for colour in MODEL_COLOURS if colour not in taken]
            chosen[condition] = free[0] if free else MODEL_COLOURS[conditions.index(condition) % len(MODEL_COLOURS)]
    return {name: {**_colour(model, chosen.get(task_of(name))), **model} for name, model in models.items()}


def figure_entry(config: Config, name: str) -> dict[str, Any]:
    """Return the entry of a figure with its name and the settings of its analysis."""
    return {"name": name, **config["figures"].get(name, {}), "analysis": config["analyses"][name]}


def study_entry(config: Config, left_out: Sequence[str] = ()) -> dict[str, Any]:
    """Return the description of a study for figures and the page."""
    return {
        "name": config["study"],
        "title": config["title"],
        "seed": config["seed"],
        "sources": dict(_kinds(config["corpora"])),
        "left_out": dict.fromkeys(left_out, "the hub could not be reached"),
    }


def _kinds(corpora: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for name, corpus in corpora.items():
        yield name, "written" if is_text(corpus) and corpus["source"] != "text" else corpus["source"]


def _colour(model: Mapping[str, Any], colour: str | None) -> dict[str, str]:
    return {"colour": colour} if colour and model["source"] != "acoustic" else {}
