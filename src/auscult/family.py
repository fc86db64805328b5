"""Families of analyses: what each declares about itself, from which schema, checks, page and DVC stages follow."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from auscult.requirements import Config
from auscult.settings import object_schema

__all__ = ["Family", "no_requirements"]

_NAMES = {"$ref": "#/$defs/names"}


def no_requirements(section: Config, config: Config) -> None:
    """Accept every study that the schema accepts."""


@dataclass(frozen=True)
class Family:
    """A family of analyses, declared in ``auscult.analyses.{name}.family`` and listed in :mod:`auscult.study.families`.

    Parameters
    ----------
    name : stem of its key in a study, rule file, scripts, package, results, figure and caption
    part : part of the talk whose argument it carries
    description : one sentence, shown in the schema and beside its DVC stage
    settings : frozen dataclass of its settings
    models, corpora : what the keys ``models`` and ``corpora`` must name, in one sentence; may be empty
    asks : the key of the section from which each corpus names entries (``targets``, ``tasks``, ``models``); empty where
        every corpus is asked everything
    also : whether further models may be named for single corpora
    watches_training : whether it reads every checkpoint of a model instead of the untrained and the last one
    reads_activations : whether it reads stored activations
    reads_text : whether its corpora are text and its models language models
    translates : whether its models are translators
    needs : families whose results it reads
    check : function of its section and the whole study that raises ConfigError for what the study cannot give
    """

    name: str
    part: str
    description: str
    settings: type
    models: str = ""
    corpora: str = ""
    asks: str = ""
    also: bool = False
    watches_training: bool = False
    reads_activations: bool = False
    reads_text: bool = False
    translates: bool = False
    needs: tuple[str, ...] = ()
    check: Callable[[Config, Config], None] = no_requirements

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the family's section of a study."""
        section = object_schema(self.settings)
        models = ({"description": self.models} if self.models else {}) | _NAMES
        corpora: dict[str, Any] = {"description": self.corpora} if self.corpora else {}
        if self.asks:
            corpora |= {"type": "object", "minProperties": 1, "additionalProperties": _NAMES}
        else:
            corpora |= _NAMES
        also = {
            "description": "Further models for single corpora.",
            "type": "object",
            "additionalProperties": _NAMES,
            "default": {},
        }
        properties = {"models": models, "corpora": corpora} | ({"also": also} if self.also else {})
        return section | {
            "description": self.description,
            "required": ["models", "corpora", *section.get("required", [])],
            "properties": properties | section["properties"],
        }
