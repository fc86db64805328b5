"""Requirements of analyses on tiers, models and corpora, checked before anything runs."""

from collections.abc import Iterator
from typing import Any

from auscult.errors import ConfigError
from auscult.requirements import Config, check_known, check_tier, is_text
from auscult.study.families import get_family

__all__ = ["check_analyses"]

_LISTENERS = ("trained", "finetuned", "translator", "acoustic")


def check_analyses(config: Config) -> None:
    """Check that the study meets the requirements of its analyses.

    Raises
    ------
    ConfigError
        A target, tier, layer or baseline does not exist; settings of a target cannot be combined; there are more
        speaker folds than voices; another requirement declared by a family is not met.
    """
    for name, section in config["analyses"].items():
        asks = get_family(name).asks
        for corpus, wanted in section["corpora"].items() if asks else ():
            for entry in wanted:
                check_known(entry, section[asks], f"analyses: {name}: corpora: {corpus}", asks)
    _check_tiers(config)
    for name, section in config["analyses"].items():
        get_family(name).check(section, config)
    _check_text(config)


def _check_text(config: Config) -> None:
    """Refuse speech for language models and text for speech models; models of a hub or folder are not checked."""
    corpora, models, analyses = config["corpora"], config["models"], config["analyses"]
    text = [name for name, corpus in corpora.items() if is_text(corpus)]
    readers = [name for name, model in models.items() if model.get("recipe") == "masked_language_model"]
    listeners = [name for name, model in models.items() if model["source"] in _LISTENERS]
    for name in listeners:
        if models[name]["source"] != "acoustic" and (models[name]["corpus"] in text) != (name in readers):
            kind = "text" if name in readers else "speech"
            raise ConfigError(
                f"expected a corpus of {kind} in models: {name}: corpus, found "
                f"{models[name]['corpus']!r}; language models need a corpus of text (source: text), other models speech"
            )
    for family, analysis in analyses.items():
        reads = get_family(family).reads_text
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


def _check_tiers(config: Config) -> None:
    for family, analysis in config["analyses"].items():
        for corpus, chosen in _by_corpus(analysis):
            used = {"": analysis} if "tier" in analysis else {}
            used |= {f"targets: {name}: ": analysis["targets"][name] for name in chosen}
            used |= {f"references: {name}: ": entry for name, entry in analysis.get("references", {}).items()}
            for place, entry in used.items():
                if "items" not in entry:
                    check_tier(entry["tier"], config, corpus, f"analyses: {family}: {place}tier")


def _by_corpus(analysis: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield each corpus of an analysis with the targets that it names, or with all targets."""
    for corpus in analysis["corpora"]:
        targets = analysis.get("targets", {})
        named = analysis["corpora"][corpus] if isinstance(analysis["corpora"], dict) else targets
        yield corpus, [name for name in targets if name in named]
