"""Runs of translation in a study: all seeds of a translator are scored together."""

from auscult.requirements import Config
from auscult.seeds import task_of
from auscult.study.configuration import runs_of

__all__ = ["scored_translators", "translator_runs"]


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
