"""Runs of translation in a study: all seeds of a translator are scored together."""

from typing import Any

from auscult.requirements import Config
from auscult.seeds import task_of
from auscult.study.configuration import runs_of

__all__ = ["companion_plan", "has_companion", "scored_translators", "translator_runs"]


def has_companion(config: Config, corpus: str) -> bool:
    """Return whether a corpus gets a companion of further voices: only synthetic ones can."""
    return config["corpora"][corpus]["source"] == "synthetic"


def companion_plan(config: Config, corpus: str) -> dict[str, Any]:
    """Return the arguments of :func:`auscult.corpora.synthesis.unmet_voices.synthesise_companion`.

    Voices of equal number are equal in all corpora, so that an unmet voice has a higher number than any training voice
    of any corpus.
    """
    entry, translation = config["corpora"][corpus], config["analyses"]["translation"]
    met = [each["voices"]["train"] for each in config["corpora"].values() if "train" in each.get("voices", {})]
    return {
        "languages": entry["languages"],
        "n_unmet": translation["n_probe"],
        "first_unmet": max(met, default=0),
        "n_voices": entry["voices"]["test"],
        "n_exchanged": translation["n_exchanged"],
        "seed": config["seed"],
        "variation": entry["variation"],
    }


def scored_translators(config: Config) -> list[tuple[str, str]]:
    """Return the (corpus, translator) pairs that are scored; a translator stands for all models that share its name.

    Models share a name if they differ in nothing but their seed, see :func:`auscult.seeds.task_of`.
    """
    return list(dict.fromkeys((corpus, task_of(model)) for corpus, model, _ in runs_of(config, "translation")))


def translator_runs(config: Config, corpus: str, translator: str) -> list[tuple[str, str]]:
    """Return the (model, step) runs of a translator on a corpus: every seed, untrained and at the end of training."""
    return [
        (model, step)
        for other, model, step in runs_of(config, "translation")
        if other == corpus and task_of(model) == translator
    ]
