"""Configuration of a study: validation against a closed schema, and the checkpoints and runs derived from it."""

from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.validators import extend

from auscult.errors import ConfigError
from auscult.requirements import check_known, suggestion, tiers_of
from auscult.study.altered import check_altered
from auscult.study.arrays import check_arrays
from auscult.study.families import get_family
from auscult.study.listening import check_listening, leave_out_listeners
from auscult.study.local_checkpoints import check_local, local_checkpoint, local_steps
from auscult.study.published_checkpoints import check_sweep, published_checkpoint, sweep_steps
from auscult.study.requirements import check_analyses
from auscult.study.translators import check_translators

__all__ = [
    "check_study",
    "steps_of",
    "start_of",
    "source_of",
    "teacher_of",
    "analysed_steps",
    "read_steps",
    "models_of",
    "runs_of",
    "listening_runs",
    "tiers_of",
    "leave_out",
    "model_seed",
    "uninitialised_models",
]

Config = dict[str, Any]
_MADE_HERE = ("trained", "finetuned", "translator")


def check_study(config: Mapping[str, Any], schema: Mapping[str, Any]) -> Config:
    """Check a configuration and return a copy with the defaults of the schema filled in.

    Raises
    ------
    ConfigError
        A key is unknown or missing; a value has the wrong type or range; an analysis or figure names a model, corpus
        or target that the study does not define; a requirement of an analysis is not met
        (:mod:`auscult.study.requirements`).
    """
    checked: Config = _with_text_keys(config)
    validator = _DefaultingValidator(schema)
    error = best_match(validator.iter_errors(checked))
    if error is not None:
        raise ConfigError(_explain(error))
    if isinstance(checked["mirrors"], str):
        checked["mirrors"] = checked["mirrors"].split()
    for model in checked["models"].values():
        if model["source"] in _MADE_HERE:
            model["steps"] = sorted(model["steps"])
    _check_names(checked)
    return checked


def steps_of(name: str, model: Mapping[str, Any]) -> list[str]:
    """Return the steps of a model's checkpoints in training order; ``0`` is the untrained model.

    An acoustic baseline has the single step ``final``.
    """
    match model["source"]:
        case "trained" | "finetuned" | "translator":
            return [str(step) for step in model["steps"]]
        case "hub":
            return sweep_steps(model)
        case "folder":
            return local_steps(model)
        case "acoustic" | "altered":
            return ["final"]
        case "arrays":
            return [str(step) for step in model.get("steps", ("final",))]
        case source:
            raise ConfigError(
                f"expected models: {name}: source: trained, finetuned, translator, hub, folder, acoustic, "
                f"arrays or altered, found {source!r}"
            )


def start_of(config: Mapping[str, Any], name: str) -> tuple[str, str]:
    """Return the (model, step) from which a fine-tuned model starts, by default the last checkpoint."""
    entry = config["models"][name]
    steps = steps_of(entry["start"], config["models"][entry["start"]])
    return entry["start"], str(entry.get("start_step", steps[-1]))


def source_of(config: Mapping[str, Any], name: str, step: str) -> tuple[str, str]:
    """Return the (model, step) whose weights a run uses: its own, or those of the model that hears altered speech."""
    entry = config["models"][name]
    if entry["source"] != "altered":
        return name, step
    return entry["of"], steps_of(entry["of"], config["models"][entry["of"]])[-1]


def teacher_of(config: Mapping[str, Any], name: str) -> tuple[str, str]:
    """Return the (model, step) whose states a model learns to predict, the last checkpoint of its teacher."""
    teacher = config["models"][name]["teacher"]
    return teacher, steps_of(teacher, config["models"][teacher])[-1]


def analysed_steps(name: str, model: Mapping[str, Any]) -> list[str]:
    """Return the untrained checkpoint of a model, if it has one, and the last checkpoint."""
    steps = steps_of(name, model)
    return list(dict.fromkeys([step for step in steps if step == "0"] + steps[-1:]))


def read_steps(config: Mapping[str, Any], family: str, name: str) -> list[str]:
    """Return the steps of a model that an analysis family reads.

    Models with the same recipe, architecture and seed are identical before training. Families that do not follow
    training read this untrained model once, under the name of the first of these models in the analysis.
    """
    models = config["models"]
    if get_family(family).watches_training:
        return steps_of(name, models[name])
    steps = analysed_steps(name, models[name])
    asked = models_of(config["analyses"][family])
    before = [models[other] for other in (asked[: asked.index(name)] if name in asked else ())]
    controls = [_untrained(config, other) for other in before if other["source"] == "trained" and 0 in other["steps"]]
    if models[name]["source"] == "trained" and _untrained(config, models[name]) in controls:
        return [step for step in steps if step != "0"]
    return steps


def models_of(analysis: Mapping[str, Any], corpus: str | None = None) -> list[str]:
    """Return the models of an analysis, on one corpus or on any."""
    also = analysis.get("also", {})
    more = also.get(corpus, []) if corpus else [model for models in also.values() for model in models]
    return list(dict.fromkeys([*analysis["models"], *more]))


def runs_of(config: Mapping[str, Any], family: str) -> Iterator[tuple[str, str, str]]:
    """Yield (corpus, model, step) for every run of an analysis family, in the order of the configuration."""
    analysis = config["analyses"][family]
    pairs = ((corpus, model) for corpus in analysis["corpora"] for model in models_of(analysis, corpus))
    for corpus, model in pairs:
        if get_family(family).asks == "models" and model not in analysis["corpora"][corpus]:
            continue
        for step in read_steps(config, family, model):
            yield corpus, model, step


def listening_runs(config: Mapping[str, Any], corpus: str) -> Iterator[tuple[str, str]]:
    """Yield (model, step) of every checkpoint that listens to a corpus: the untrained one of a model, and the last."""
    for name in config["listen"][corpus]["models"]:
        for step in analysed_steps(name, config["models"][name]):
            yield name, step


def model_seed(config: Mapping[str, Any], name: str) -> int:
    """Return the seed of a model, by default the seed of the study."""
    return config["models"][name].get("seed", config["seed"])


def uninitialised_models(config: Mapping[str, Any]) -> list[str]:
    """Return the pre-trained models whose untrained control is not published and therefore initialised here."""
    return [
        name
        for name, model in config["models"].items()
        if (model["source"] == "folder" and local_checkpoint(model, "0") is None)
        or (model["source"] == "hub" and published_checkpoint(model, "0") is None)
    ]


def leave_out(config: Mapping[str, Any], models: Collection[str]) -> Config:
    """Return the configuration without some models, and without those that depend on them.

    Raises
    ------
    ConfigError
        An analysis or a figure would have no model left.
    """
    kept_config: Config = deepcopy(dict(config))
    missing = set(models)
    # A translator starts from a recogniser, which starts from an encoder.
    while (
        more := {
            name
            for name, model in config["models"].items()
            if {model.get("start"), model.get("teacher"), model.get("of")} & missing
        }
        - missing
    ):
        missing |= more
    for section in ("analyses", "figures"):
        for name, entry in kept_config[section].items():
            kept = [model for model in entry.get("models", []) if model not in missing]
            if "models" in entry and not kept:
                raise ConfigError(
                    f"expected a model in {section}: {name} once {', '.join(sorted(missing))} is left out, found none; "
                    "fetch the models first or name others"
                )
            if kept:
                entry["models"] = kept
            for corpus, names in entry.get("also", {}).items():
                entry["also"][corpus] = [model for model in names if model not in missing]
    leave_out_listeners(kept_config, missing)
    kept_config["models"] = {name: model for name, model in config["models"].items() if name not in missing}
    return kept_config


def _with_text_keys(value: Any) -> Any:
    """Return a copy with keys converted to text: YAML reads the step in ``1000: revision`` as a number."""
    if isinstance(value, Mapping):
        return {str(key): _with_text_keys(entry) for key, entry in value.items()}
    return [_with_text_keys(entry) for entry in value] if isinstance(value, list) else value


def _check_names(config: Config) -> None:
    corpora, models = config["corpora"], config["models"]
    for name, model in models.items():
        if model["source"] in _MADE_HERE:
            check_known(model["corpus"], corpora, f"models: {name}: corpus", "corpora")
            for split in ("train", "valid"):
                _has_split(corpora[model["corpus"]], split, f"models: {name}: corpus: {model['corpus']}")
        if "start" in model:
            _check_start(config, name)
        if model.get("recipe") == "masked_prediction":
            _check_teacher(config, name)
        if model["source"] == "hub":
            check_sweep(name, model)
        if model["source"] == "folder":
            check_local(name, model)
        if model["source"] == "arrays":
            check_arrays(name, config)
        if model["source"] == "altered":
            check_altered(name, config)
        if model["source"] == "acoustic":
            model.setdefault("features", name)
            check_known(
                model["features"], ("mel", "mfcc", "f0", "time"), f"models: {name}: features", "acoustic features"
            )
        model.setdefault("label", name)
    for name, corpus in corpora.items():
        if corpus["source"] == "synthetic" and set(corpus["sentences"]) != set(corpus["voices"]):
            raise ConfigError(
                f"expected the same splits in corpora: {name}: sentences and voices, found "
                f"{sorted(corpus['sentences'])} and {sorted(corpus['voices'])}"
            )
    for corpus in config["activations"]["corpora"]:
        check_known(corpus, corpora, "activations: corpora", "corpora")
    for family, analysis in config["analyses"].items():
        for corpus in analysis["corpora"]:
            check_known(corpus, corpora, f"analyses: {family}: corpora", "corpora")
        for model in analysis["models"]:
            check_known(model, models, f"analyses: {family}: models", "models")
        for corpus, names in analysis.get("also", {}).items():
            check_known(corpus, analysis["corpora"], f"analyses: {family}: also", "corpora")
            for model in names:
                check_known(model, models, f"analyses: {family}: also: {corpus}", "models")
    _check_untrained(config)
    check_analyses(config)
    check_translators(config)
    check_listening(config)
    for figure, entry in config["figures"].items():
        check_known(figure, config["analyses"], "figures", "analyses")
        analysed = models_of(config["analyses"][figure])
        for model in entry.setdefault("models", list(analysed)):
            check_known(model, models, f"figures: {figure}: models", "models")
            check_known(model, analysed, f"figures: {figure}: models", f"analyses: {figure}: models")


def _check_start(config: Config, name: str) -> None:
    models, start = config["models"], config["models"][name]["start"]
    check_known(start, models, f"models: {name}: start", "models")
    allowed = ("trained", "hub", "folder") + (("finetuned",) if models[name]["source"] == "translator" else ())
    if models[start]["source"] not in allowed:
        raise ConfigError(
            f"expected a pre-trained model in models: {name}: start, found {start!r}, whose source is "
            f"{models[start]['source']}; name one that is trained, hub or folder"
        )
    check_known(start_of(config, name)[1], steps_of(start, models[start]), f"models: {name}: start_step", "steps")


def _check_teacher(config: Config, name: str) -> None:
    """Require a teacher if and only if a codebook is named after a layer."""
    models, model = config["models"], config["models"][name]
    layers = [codebook for codebook in model["codebooks"] if codebook not in ("mel", "pitch")]
    if bool(layers) != ("teacher" in model):
        found = f"codebooks {', '.join(model['codebooks'])} and {'a' if 'teacher' in model else 'no'} teacher"
        raise ConfigError(
            f"expected a teacher for codebooks named after its layers, and no teacher without such codebooks, in "
            f"models: {name}, found {found}; for example codebooks: {{T3: 100}}, teacher: hubert-dutch"
        )
    if layers:
        teacher = model["teacher"]
        check_known(teacher, models, f"models: {name}: teacher", "models")
        if teacher == name or models[teacher]["source"] not in ("trained", "hub", "folder"):
            raise ConfigError(
                f"expected another pre-trained model in models: {name}: teacher, found {teacher!r}; name one whose "
                "source is trained, hub or folder"
            )


def _check_untrained(config: Config) -> None:
    for family, analysis in config["analyses"].items():
        trained = {name: config["models"][name] for name in models_of(analysis)}
        trained = {name: model for name, model in trained.items() if model["source"] in _MADE_HERE}
        controls = [_untrained(config, model) for model in trained.values() if 0 in model["steps"]]
        for name, model in trained.items():
            if _untrained(config, model) not in controls:
                raise ConfigError(
                    f"expected 0, the untrained control, among models: {name}: steps, or among those of a model of the "
                    f"same {'start and task' if 'start' in model else 'recipe, architecture and seed'} "
                    f"in analyses: {family}: models, found {model['steps']}; add 0 or such a model"
                )


def _untrained(config: Mapping[str, Any], model: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return a key that is equal for models with the same untrained control."""
    if "start" in model:  # seeds of a task share their untrained control
        return model["start"], model.get("task", model.get("mechanism")), model["corpus"], model.get("target")
    return model["recipe"], model["architecture"], model.get("seed", config["seed"])


def _has_split(corpus: Mapping[str, Any], split: str, where: str) -> None:
    splits = corpus.get("sentences") or corpus.get("utterances")
    if splits is not None and split not in splits:
        raise ConfigError(f"expected a corpus with split {split!r} in {where}, found only {', '.join(splits)}")


def _explain(error: ValidationError) -> str:
    where = ": ".join(str(part) for part in error.absolute_path) or "the study"
    schema: Any = error.schema if isinstance(error.schema, Mapping) else {}
    wanted: Any = error.validator_value
    instance: Any = error.instance
    if error.validator == "additionalProperties":
        known = list(schema.get("properties", {}))
        unknown = next(key for key in instance if key not in known)
        return f"unknown key {unknown!r} in {where}{suggestion(unknown, known)}; keys that exist: {', '.join(known)}"
    if error.validator == "contains":
        value = wanted.get("const", f"a value of {wanted.get('minimum')} or more")
        return f"expected {value} among {where}, found {instance}"
    if error.validator == "required":
        missing = next(key for key in wanted if key not in instance)
        return f"expected key {missing!r} in {where}, found only {', '.join(map(str, instance)) or 'nothing'}"
    description = schema.get("description", "")
    return f"{where}: {error.message}" + (f" ({description})" if description else "")


def _fill_defaults(
    validator: Any, properties: Mapping[str, Any], instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for name, subschema in properties.items():
            if isinstance(subschema, Mapping) and "default" in subschema:
                instance.setdefault(name, deepcopy(subschema["default"]))
    yield from Draft202012Validator.VALIDATORS["properties"](validator, properties, instance, schema)


_DefaultingValidator = extend(Draft202012Validator, {"properties": _fill_defaults})
