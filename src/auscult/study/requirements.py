"""What analyses ask of a study: tiers, layers, speakers and baselines that must be there before anything runs."""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from auscult.activations.derived_columns import ACOUSTIC
from auscult.errors import AnalysisError, ConfigError
from auscult.probes.target_checks import check_target
from auscult.seeds import task_of

__all__ = ["TEXT_READERS", "check_analyses", "check_known", "is_text", "suggestion", "tiers_of"]

Config = dict[str, Any]
# That of auscult.models.training.architecture, whose imports would delay every start of the workflow by seconds.
DEFAULT_LAYERS = 4
# Those of auscult.corpora.text_importing.
TEXT_READERS = ("conllu", "blimp")
_LISTENERS = ("trained", "finetuned", "translator", "acoustic")


def check_analyses(config: Config) -> None:
    """Refuse what an analysis asks for and the study cannot give.

    Raises
    ------
    ConfigError
        A target, tier, layer or baseline does not exist; what a target asks for cannot be combined; speakers are held
        out of more folds than there are voices.
    """
    analyses, models = config["analyses"], config["models"]
    for family in ("probing", "abx", "encoding"):
        analysis = analyses.get(family, {"corpora": {}})
        for corpus, targets in analysis["corpora"].items():
            for target in targets:
                check_known(target, analysis["targets"], f"analyses: {family}: corpora: {corpus}", "targets")
    if "abx" in analyses and "probing" not in analyses:
        raise ConfigError(
            "expected analyses: probing beside analyses: abx, whose figure compares both, found none; "
            "add probing or leave abx out"
        )
    _check_tiers(config)
    if "probing" in analyses:
        _check_probing(analyses["probing"], config)
    if "encoding" in analyses:
        _check_encoding(analyses["encoding"], config)
    if "reduction" in analyses:
        _check_layers("reduction: layers", analyses["reduction"]["layers"], analyses["reduction"]["models"], models)
    if "disentangling" in analyses:
        _check_disentangling(analyses["disentangling"], config)
    acoustic = {name: model for name, model in models.items() if model["source"] == "acoustic"}
    for name, reference in analyses.get("similarity", {"references": {}})["references"].items():
        if reference["space"] == "activations":
            where = f"analyses: similarity: references: {name}: model"
            check_known(reference["model"], acoustic, where, "acoustic models")
    attribution = analyses.get("attribution", {"corpora": {}})
    for corpus, names in attribution["corpora"].items():
        for model in names:
            check_known(model, attribution["models"], f"analyses: attribution: corpora: {corpus}", "models")
    for name in attribution.get("inputs_of_seeds", []):
        check_known(name, attribution["inputs"], "analyses: attribution: inputs_of_seeds", "attribution inputs")
    if "reliability" in analyses:
        _check_reliability(analyses, models)
    if "tone" in analyses:
        _check_tone(analyses["tone"], config)
    if "scrubbing" in analyses:
        _check_scrubbing(analyses["scrubbing"], config)
    _check_text(config)
    for model in analyses.get("mixing", {"models": []})["models"]:
        if model in acoustic:
            raise ConfigError(
                f"expected models with attention in analyses: mixing: models, found the acoustic "
                f"baseline {model!r}; take it out"
            )


def is_text(corpus: Mapping[str, Any]) -> bool:
    """Tell whether a corpus is read and not heard."""
    return corpus["source"] == "text" or corpus.get("reader") in TEXT_READERS


def _check_text(config: Config) -> None:
    """Refuse to have speech read and text heard; whether a model of a hub or folder can read, only its files tell."""
    corpora, models, analyses = config["corpora"], config["models"], config["analyses"]
    text = [name for name, corpus in corpora.items() if is_text(corpus)]
    readers = [name for name, model in models.items() if model.get("recipe") == "masked_language_model"]
    listeners = [name for name, model in models.items() if model["source"] in _LISTENERS]
    for name in listeners:
        if models[name]["source"] != "acoustic" and (models[name]["corpus"] in text) != (name in readers):
            kind = "text" if name in readers else "speech"
            raise ConfigError(
                f"expected a corpus of {kind} in models: {name}: corpus, found "
                f"{models[name]['corpus']!r}; a language model reads (source: text), the others listen"
            )
    for family, analysis in analyses.items():
        reads = family == "syntax"
        for corpus in analysis["corpora"]:
            if (corpus in text) != reads:
                raise ConfigError(
                    f"expected corpora of {'text' if reads else 'speech'} in analyses: {family}: "
                    f"corpora, found {corpus!r}; take it out"
                )
        for model in analysis["models"]:
            if model in listeners and (model in readers) != reads:
                raise ConfigError(
                    f"expected models of {'text' if reads else 'speech'} in analyses: {family}: models, "
                    f"found {model!r}; take it out"
                )


def check_known(name: str, known: Collection[str], where: str, kind: str) -> None:
    """Raise :class:`ConfigError` if a name is not among those of the study."""
    if name not in known:
        raise ConfigError(
            f"expected one of the study's {kind} ({', '.join(known)}) in {where}, "
            f"found {name!r}{suggestion(name, known)}"
        )


def suggestion(name: str, known: Collection[str]) -> str:
    """Return the name that was probably meant, in brackets, or nothing."""
    close = get_close_matches(str(name), [str(candidate) for candidate in known], n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _check_reliability(analyses: Config, models: Config) -> None:
    reliability = analyses["reliability"]
    if "attribution" not in analyses:
        raise ConfigError(
            "expected analyses: attribution beside analyses: reliability, which reads its scores, found "
            "none; add attribution or leave reliability out"
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
    """Refuse to perturb or randomise by inputs and units that are not explained."""
    of_seeds = attribution["inputs_of_seeds"] or attribution["inputs"]
    for name in reliability["inputs"]:
        check_known(name, of_seeds, "analyses: reliability: inputs", "attribution inputs of every seed")
    for name in reliability["randomised_units"]:
        check_known(name, attribution["units"], "analyses: reliability: randomised_units", "attribution units")


def _check_untrained_seeds(task: str, models: Config) -> None:
    """Refuse to compare seeds without two untrained models, whose agreement is that by chance."""
    untrained = [name for name, model in models.items() if 0 in model.get("steps", [0])]
    if len(untrained) < 2:
        raise ConfigError(
            f"expected step 0 of at least two models of task {task}, whose agreement is what seeds agree "
            f"by chance, found it of {', '.join(untrained) or 'none'}; add 0 to models: {[*models][-1]}: "
            f"steps, or leave seeds out of analyses: reliability: tasks: {task}: between"
        )


def tiers_of(config: Mapping[str, Any], corpus: str) -> list[str]:
    """Return the tiers over which frames are averaged in a corpus: its own, or those of all."""
    return config["activations"]["corpora"].get(corpus, config["activations"])["tiers"]


def _check_tiers(config: Config) -> None:
    for family, analysis in config["analyses"].items():
        for corpus, chosen in _by_corpus(analysis):
            used = {"": analysis} if "tier" in analysis else {}
            used |= {f"targets: {name}: ": analysis["targets"][name] for name in chosen}
            used |= {f"references: {name}: ": entry for name, entry in analysis.get("references", {}).items()}
            for place, entry in used.items():
                if "items" not in entry:
                    _check_tier(entry["tier"], config, corpus, f"analyses: {family}: {place}tier")


def _by_corpus(analysis: Config) -> Iterator[tuple[str, list[str]]]:
    """Yield each corpus of an analysis with the targets asked of it: all, unless it names its own."""
    for corpus in analysis["corpora"]:
        targets = analysis.get("targets", {})
        named = analysis["corpora"][corpus] if isinstance(analysis["corpora"], dict) else targets
        yield corpus, [name for name in targets if name in named]


def _check_tier(tier: str, config: Config, corpus: str, where: str) -> None:
    own = f"corpora: {corpus}: " if corpus in config["activations"]["corpora"] else ""
    check_known(tier, tiers_of(config, corpus), where, f"activations: {own}tiers")


def _check_probing(probing: Config, config: Config) -> None:
    if probing["probe"] == "logistic" and probing["max_items"] is None:
        raise ConfigError(
            "expected max_items beside probe: logistic in analyses: probing, found none; it holds all "
            "vectors in memory: say of how many items"
        )
    features = [model["features"] for model in config["models"].values() if model["source"] == "acoustic"]
    for name, target in probing["targets"].items():
        try:
            check_target({"name": name, **target}, probing["probe"])
        except AnalysisError as error:
            raise ConfigError(f"analyses: probing: {error}") from None
        if target["column"] in ACOUSTIC:
            where = f"analyses: probing: targets: {name}: column: {target['column']}"
            check_known(ACOUSTIC[target["column"]], features, where, "acoustic features")
    for corpus, targets in probing["corpora"].items():
        for name in targets:
            if "attention" in probing["targets"][name]["twins"]:
                where = f"analyses: probing: targets: {name}: twins: attention, which reads phones"
                _check_tier("phone", config, corpus, where)
            if "speaker" in probing["targets"][name]["held_out"].split("+"):
                _check_voices(corpus, config, f"probing: targets: {name}", probing["n_folds"])


def _check_tone(tone: Config, config: Config) -> None:
    models = config["models"]
    for model in tone["models"]:
        if models[model]["source"] == "acoustic":
            raise ConfigError(
                "expected models with checkpoints in analyses: tone: models, found the acoustic "
                f"baseline {model!r}; name it under baselines"
            )
        same = next(name for name in tone["models"] if task_of(name) == task_of(model))
        steps, expected = (models[name].get("steps") for name in (model, same))
        if steps != expected:
            raise ConfigError(
                f"expected equal steps of {same} and {model} in analyses: tone: models, which are seeds of one "
                f"condition, found {expected} and {steps}; correct models: {model}"
            )
    contours = {name for name, model in models.items() if model.get("features") in ("f0", "mfcc")}
    for name in tone["baselines"]:
        check_known(name, contours, "analyses: tone: baselines", "acoustic models of features f0 or mfcc")
    for contrast, names in tone["contrasts"].items():
        for name in names:
            check_known(name, tone["poolings"], f"analyses: tone: contrasts: {contrast}", "poolings")
    for corpus in tone["corpora"]:
        for name, tiers in tone["poolings"].items():
            for tier in tiers:
                _check_tier(tier, config, corpus, f"analyses: tone: poolings: {name}")
        _check_voices(corpus, config, "tone", tone["n_folds"])


def _check_scrubbing(scrubbing: Config, config: Config) -> None:
    """Refuse models that write nothing, and splits that a synthetic corpus does not have."""
    for name in scrubbing["models"]:
        model = config["models"][name]
        if model["source"] == "trained" or model.get("task") == "classes":
            raise ConfigError(
                f"expected recognisers (task ctc) and acoustic baselines in analyses: scrubbing: models, "
                f"found {name!r}; take it out"
            )
    for corpus, fit in scrubbing["fit_corpora"].items():
        check_known(corpus, scrubbing["corpora"], "analyses: scrubbing: fit_corpora", "corpora of scrubbing")
        check_known(fit, config["corpora"], f"analyses: scrubbing: fit_corpora: {corpus}", "corpora")
    for corpus in scrubbing["corpora"]:
        fit = scrubbing["fit_corpora"].get(corpus, corpus)
        if fit == corpus and scrubbing["splits"]["test"] in (scrubbing["splits"]["fit"], scrubbing["splits"]["choose"]):
            raise ConfigError(
                f"expected a test split of its own in analyses: scrubbing: splits, found "
                f"{scrubbing['splits']['test']!r} for fit or choose, too; name another"
            )
        for use, split in scrubbing["splits"].items():
            source = corpus if use == "test" else fit
            splits = config["corpora"][source].get("sentences")
            if splits:
                check_known(split, splits, f"analyses: scrubbing: splits: {use}", f"splits of corpus {source}")


def _check_encoding(encoding: Config, config: Config) -> None:
    for name, target in encoding["targets"].items():
        try:
            check_target({"name": name, **target})
        except AnalysisError as error:
            raise ConfigError(f"analyses: encoding: {error}") from None
    for corpus, targets in encoding["corpora"].items():
        for name in targets:
            if "speaker" in encoding["targets"][name]["held_out"].split("+"):
                _check_voices(corpus, config, f"encoding: targets: {name}", encoding["n_folds"])
    for model in (model for pair in encoding["compare"] for model in pair):
        check_known(model, encoding["models"], "analyses: encoding: compare", "models of encoding")


def _check_voices(corpus: str, config: Config, place: str, n_folds: int) -> None:
    """Refuse more folds than there are voices to deal into them; only a synthetic corpus tells their number."""
    voices, splits = config["corpora"][corpus].get("voices"), config["activations"]["splits"]
    if voices is None:
        return
    n_voices = sum(voices.get(split, 0) for split in splits)
    if n_voices < n_folds:
        raise ConfigError(
            f"expected at least {n_folds} voices ({', '.join(splits)}) in corpora: {corpus}: voices, since analyses: "
            f"{place} holds speakers out in {n_folds} folds, found {n_voices}; add voices or lower n_folds"
        )


def _check_disentangling(disentangling: Config, config: Config) -> None:
    _check_layers("disentangling: layer", [disentangling["layer"]], disentangling["models"], config["models"])
    train_split = disentangling["bottleneck"]["train_split"]
    for corpus in disentangling["corpora"]:
        splits = config["corpora"][corpus].get("sentences")
        if splits is not None:
            check_known(train_split, splits, "analyses: disentangling: bottleneck: train_split", f"splits of {corpus}")
        _check_voices(corpus, config, "disentangling", disentangling["n_folds"])


def _check_layers(where: str, layers: list[str], names: list[str], models: Config) -> None:
    for name in names:
        if models[name]["source"] == "trained":
            n_layers = models[name]["architecture"].get("layers", DEFAULT_LAYERS)
            known = ["cnn", "embed", *(f"T{layer}" for layer in range(1, n_layers + 1))]
            for layer in layers:
                check_known(layer, known, f"analyses: {where}", f"layers of models: {name}")
