"""What the analyses of a study ask of each corpus, for the check between import and extraction."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auscult.requirements import Config, is_text, tiers_of
from auscult.study.families import FAMILIES, get_family
from auscult.study.places import local_path
from auscult.study.probing import training_names
from auscult.study.tone import tone_training

__all__ = ["checked_corpora", "needs_of", "needed_modules"]

_IMPORTED = ("folder", "fetched")


def checked_corpora(config: Config) -> list[str]:
    """Return the corpora that are checked against the study: those that are imported and analysed.

    Corpora that are synthesised have exact labels, and the study itself states their voices and splits.
    """
    return [
        name
        for name, corpus in config["corpora"].items()
        if corpus["source"] in _IMPORTED
        and any(name in analysis["corpora"] for analysis in config["analyses"].values())
    ]


def needs_of(config: Config, corpus: str, folder: Path) -> dict[str, Any]:
    """Return what :func:`auscult.needs.check_needs` has to know of a study.

    Parameters
    ----------
    config : checked study
    corpus : name of a corpus
    folder : folder of the study file, where relative paths start

    Returns
    -------
    needs : ``analyses``, the section of each family that reads the corpus, without its other corpora; ``tiers`` (none
        if no family reads activations), ``splits``, ``seed``; and ``others``, with the tiers of each other corpus
        that a target trains on or an eraser is fitted on
    """
    analyses = {
        name: _section(config, name, corpus, folder)
        for name in FAMILIES
        if corpus in config["analyses"].get(name, {"corpora": ()})["corpora"]
    }
    others = training_names(config, corpus) if "probing" in analyses else []
    others += tone_training(config, corpus) if "tone" in analyses else []
    others += [fit for fit in [analyses.get("scrubbing", {}).get("fit_corpora", {}).get(corpus)] if fit]
    extracted = any(get_family(name).reads_activations for name in analyses)
    return {
        "analyses": analyses,
        "text": is_text(config["corpora"][corpus]),
        "tiers": list(tiers_of(config, corpus)) if extracted else [],
        "splits": list(config["activations"]["splits"]),
        "seed": config["seed"],
        "others": {name: list(tiers_of(config, name)) for name in dict.fromkeys(others) if name != corpus},
    }


def needed_modules(config: Config) -> list[str]:
    """Return the modules that the checks of a study import, by their names within the package."""
    return [f"analyses.{name}.needs" for name in FAMILIES if name in config["analyses"] and name != "reliability"]


def _section(config: Config, name: str, corpus: str, folder: Path) -> dict[str, Any]:
    """Return the settings of a family and what it does on one corpus."""
    section = dict(config["analyses"][name])
    models = section.pop("models", ())
    section.pop("also", None)
    asked = section["corpora"]
    section["corpora"] = {corpus: asked[corpus]} if isinstance(asked, Mapping) else [corpus]
    if name == "attribution":
        explained = asked[corpus] if isinstance(asked, Mapping) else models
        heads = {model: _head(config["models"][model]) for model in explained}
        section["heads"] = {model: head for model, head in heads.items() if head}
    if name == "abx":
        targets = section["targets"].items()
        section["targets"] = {key: _placed(entry, "items", folder) for key, entry in targets}
    if name == "similarity":
        references = section["references"].items()
        section["references"] = {key: _placed(entry, "path", folder) for key, entry in references}
    return section


def _placed(entry: Mapping[str, Any], key: str, folder: Path) -> dict[str, Any]:
    return {**entry, key: local_path({"path": entry[key]}, folder)} if entry.get(key) else dict(entry)


def _head(model: Mapping[str, Any]) -> str:
    return str(model.get("task") or model.get("head") or "")
