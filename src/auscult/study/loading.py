"""Loading of a study for the workflow: checked, with defaults, and without unreachable hub models."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auscult.corpora.synthesis.lexicon_files import TEXT_GRAMMARS, languages
from auscult.requirements import Config
from auscult.study.configuration import check_study, leave_out
from auscult.study.local_checkpoints import expand_steps
from auscult.study.looks import with_colours
from auscult.study.places import check_languages, check_places
from auscult.study.schema import build_schema

__all__ = ["Study", "load_study", "unreachable_models"]

_LEFT_OUT = "AUSCULT_LEFT_OUT"


@dataclass(frozen=True)
class Study:
    """A checked study.

    Parameters
    ----------
    config : configuration with all defaults, without the models left out
    models : entries of all models with their colours; the look of a model in figures follows from them
    left_out : names of hub models that cannot be reached
    """

    config: Config
    models: Mapping[str, Mapping[str, Any]]
    left_out: tuple[str, ...] = ()


def load_study(
    config: Mapping[str, Any],
    base_schema: Mapping[str, Any],
    folder: Path,
    is_fetched: Callable[[str, Mapping[str, Any]], bool],
) -> Study:
    """Check a study and return it.

    Parameters
    ----------
    config : configuration as read from the study file
    base_schema : schema of everything but analyses and figures, as in :func:`auscult.study.schema.build_schema`
    folder : folder of the study file, where relative paths start
    is_fetched : function of the name and entry of a hub model; returns whether all its checkpoints have been fetched

    Raises
    ------
    ConfigError
        The configuration is invalid (:func:`~auscult.study.configuration.check_study`), or a folder, file or lexicon
        that it names does not exist (:mod:`auscult.study.places`).
    """
    checked = check_study(expand_steps(config, folder), build_schema(base_schema))
    check_places(checked, folder)
    check_languages(checked, list(languages()), list(languages(TEXT_GRAMMARS)))
    missing = unreachable_models(checked, is_fetched)
    return Study(leave_out(checked, missing), with_colours(checked), tuple(missing))


def unreachable_models(config: Config, is_fetched: Callable[[str, Mapping[str, Any]], bool]) -> list[str]:
    """Return the hub models that are neither fetched nor reachable, if ``hub_unreachable`` is ``leave-out``.

    The hub is queried once per run; child processes read the answer from the environment.
    """
    if config["hub_unreachable"] != "leave-out":
        return []
    if _LEFT_OUT not in os.environ:
        unfetched = [
            name for name, model in config["models"].items() if model["source"] == "hub" and not is_fetched(name, model)
        ]
        if unfetched:
            from auscult.models.hub.fetching import is_reachable

            unfetched = [] if is_reachable(config["hub_endpoint"] or None) else unfetched
        os.environ[_LEFT_OUT] = " ".join(unfetched)
    return os.environ[_LEFT_OUT].split()
