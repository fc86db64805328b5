"""Requirements on translators: seeds with equal settings, a suitable starting model, and suitable analyses."""

from auscult.errors import ConfigError
from auscult.requirements import Config
from auscult.seeds import task_of
from auscult.study.families import get_family

__all__ = ["check_translators", "translator_seeds"]

_OF_A_SEED = ("seed", "steps", "label", "colour")
_MADE_HERE = ("trained", "finetuned")


def translator_seeds(config: Config) -> dict[str, list[str]]:
    """Return the models of each translator, its seeds, by the name they share; seeds are trained in one job."""
    groups: dict[str, list[str]] = {}
    for name, model in config["models"].items():
        if model["source"] == "translator":
            groups.setdefault(task_of(name), []).append(name)
    return groups


def check_translators(config: Config) -> None:
    """Check the translators of a study and the analyses that use them.

    Raises
    ------
    ConfigError
        Seeds of one translator differ in more than seed and steps; mechanism ``frozen`` starts from a model that is not
        a recogniser; the translation analysis has another kind of model, or another analysis has a translator.
    """
    models = config["models"]
    translators = {name: model for name, model in models.items() if model["source"] == "translator"}
    for name, model in translators.items():
        same = next(other for other in translators if task_of(other) == task_of(name))
        for key in sorted(set(model) | set(translators[same])):
            if key not in _OF_A_SEED and model.get(key) != translators[same].get(key):
                raise ConfigError(
                    f"expected equal {key} of {same} and {name} in models, which are seeds of one translator, found "
                    f"{translators[same].get(key)!r} and {model.get(key)!r}; correct one, or give it another name"
                )
        start = models[model["start"]]
        if model["mechanism"] == "frozen" and start["source"] in _MADE_HERE and start.get("task") != "ctc":
            raise ConfigError(
                f"expected a recogniser (task: ctc) in models: {name}: start, since mechanism frozen averages states "
                f"over recognised characters, found {model['start']!r}; name a recogniser"
            )
    for family, analysis in config["analyses"].items():
        translates = get_family(family).translates
        for name in analysis["models"]:
            # Whether a model of a hub or folder is a translator is only known from its files.
            fits = models[name]["source"] in ("hub", "folder") or (name in translators) == translates
            if not fits:
                wanted = "models of source translator" if translates else "encoders or recognisers"
                raise ConfigError(
                    f"expected {wanted} in analyses: {family}: models, found {name!r}, whose source is "
                    f"{models[name]['source']}; take it out"
                )
