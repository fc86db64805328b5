"""Decisions of probing: models to probe on a corpus, and further inputs that the targets of a corpus need."""

from typing import Any

from auscult.activations.columns import ACOUSTIC, CUED
from auscult.probes.target_checks import training_corpora
from auscult.requirements import Config
from auscult.study.configuration import runs_of

__all__ = ["probed_runs", "probed_targets", "training_names", "acoustic_baselines", "needs_words"]


def probed_runs(config: Config, corpus: str) -> list[tuple[str, str]]:
    """Return the (model, step) pairs to probe on a corpus."""
    return [(model, step) for name, model, step in runs_of(config, "probing") if name == corpus]


def probed_targets(config: Config, corpus: str) -> list[dict[str, Any]]:
    """Return the targets of a corpus, each with its ``name``."""
    probing = config["analyses"]["probing"]
    return [{"name": name, **probing["targets"][name]} for name in probing["corpora"][corpus]]


def training_names(config: Config, corpus: str) -> list[str]:
    """Return the other corpora on which probes of a corpus are trained."""
    targets = probed_targets(config, corpus)
    return list(dict.fromkeys(name for target in targets for name in training_corpora(target)))


def acoustic_baselines(config: Config, corpus: str) -> dict[str, str]:
    """Return the baselines that hold the values of numeric targets, such as log F0.

    Returns
    -------
    names : model of each kind of features (``f0``, ``mel``); the last one of the study if several have the same
    """
    models = {model["features"]: name for name, model in config["models"].items() if model["source"] == "acoustic"}
    columns = {target["column"] for target in probed_targets(config, corpus)}
    return {features: models[features] for column, features in ACOUSTIC.items() if column in columns}


def needs_words(config: Config, corpus: str) -> bool:
    """Return whether a target of a corpus is derived from all words of the corpus, such as ``noun_number``."""
    return any(target["column"] in CUED for target in probed_targets(config, corpus))
