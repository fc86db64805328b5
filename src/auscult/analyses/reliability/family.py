"""Declaration of reliability."""

from auscult.analyses.reliability.settings import ReliabilitySection
from auscult.errors import ConfigError
from auscult.family import Family
from auscult.requirements import Config, check_known
from auscult.seeds import task_of

__all__ = ["FAMILY"]


def check_reliability(reliability: Config, config: Config) -> None:
    """Refuse tasks without the models, inputs and units that the comparisons need."""
    analyses, models = config["analyses"], config["models"]
    if "attribution" not in analyses:
        raise ConfigError(
            "expected analyses: attribution, whose scores analyses: reliability reads, found none; add attribution or "
            "leave reliability out"
        )
    for corpus, tasks in reliability["corpora"].items():
        for task in tasks:
            check_known(task, reliability["tasks"], f"analyses: reliability: corpora: {corpus}", "tasks")
    for task, entry in reliability["tasks"].items():
        found = [model for model in reliability["models"] if task_of(model) == task]
        needed = 1 + ("seeds" in entry["between"])
        if len(found) < needed:
            raise ConfigError(
                f"expected at least {needed} models named {task}-1, {task}-2 … in analyses: reliability: "
                f"models, found {', '.join(found) or 'none'}; add entries that differ only in seed, or "
                f"leave seeds out of tasks: {task}: between"
            )
        if "seeds" in entry["between"]:
            _check_untrained_seeds(task, {name: models[name] for name in found})
    _check_explained(reliability, analyses["attribution"])
    classifiers = [name for name in reliability["models"] if models[name].get("task") == "classes"]
    explained = analyses["attribution"]["explain"]["classes"]
    if classifiers and explained != "labelled":
        raise ConfigError(
            "expected explain: {classes: labelled} in analyses: attribution, so that reliability compares "
            f"explanations of the same class by all models of {task_of(classifiers[0])}, found {explained}; "
            "correct it or leave reliability out"
        )


def _check_explained(reliability: Config, attribution: Config) -> None:
    """Refuse to perturb or randomise on inputs and units that attribution does not explain."""
    of_seeds = attribution["inputs_of_seeds"] or attribution["inputs"]
    for name in reliability["inputs"]:
        check_known(name, of_seeds, "analyses: reliability: inputs", "attribution inputs of every seed")
    for name in reliability["randomised_units"]:
        check_known(name, attribution["units"], "analyses: reliability: randomised_units", "attribution units")


def _check_untrained_seeds(task: str, models: Config) -> None:
    """Refuse to compare seeds without two untrained models, whose agreement is the chance level."""
    untrained = [name for name, model in models.items() if 0 in model.get("steps", [0])]
    if len(untrained) < 2:
        raise ConfigError(
            f"expected step 0 for at least two models of task {task}, whose agreement is the chance level of seeds, "
            f"found it for {', '.join(untrained) or 'none'}; add 0 to models: {[*models][-1]}: steps, or leave seeds "
            f"out of analyses: reliability: tasks: {task}: between"
        )


FAMILY = Family(
    name="reliability",
    part="Part II: feature importance",
    description="Agreement, faithfulness, pointing game and sanity check of attributions.",
    settings=ReliabilitySection,
    chart={"metric": "pearson", "target": "seeds", "along": "method"},
    models="All models of all tasks; attribution explains them, too.",
    corpora="Tasks to measure on each corpus.",
    asks="tasks",
    needs=("attribution",),
    check=check_reliability,
)
