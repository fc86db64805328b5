"""Declaration of a family of analyses, from which its schema, checks, place in the talk and DVC stage are derived."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from auscult.requirements import Config
from auscult.settings import object_schema

__all__ = ["Family", "no_requirements"]

_NAMES = {"$ref": "#/$defs/names"}


def no_requirements(section: Config, config: Config) -> None:
    """Accept every study: the default check of a family."""


@dataclass(frozen=True)
class Family:
    """A family of analyses, declared in ``auscult.analyses.{name}.family`` and listed in :mod:`auscult.study.families`.

    Parameters
    ----------
    name : name of its section in a study, rule file, scripts, package, results, figure and caption
    part : part of the talk to which it belongs
    description : one sentence, shown in the schema and with its DVC stage
    settings : frozen dataclass of its settings
    models, corpora : descriptions of the keys ``models`` and ``corpora``, one sentence each; may be empty
    asks : key of the section (``targets``, ``tasks`` or ``models``) whose entries are listed separately for each
        corpus; empty if all entries apply to all corpora
    also : whether a study may name further models for single corpora
    watches_training : whether it reads all checkpoints of a model, instead of only the untrained and the last
    reads_activations : whether it reads stored activations
    reads_text : whether its corpora are text and its models language models
    translates : whether its models are translators
    chart : what the chart on the page shows at first, by column of the figure's table; ``along`` is the column of its
        axis. Columns and values that a table lacks are passed over
    needs : families whose results it reads
    check : function of its section and the whole study; raises ConfigError if a requirement is not met
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
    chart: Mapping[str, str] = field(default_factory=dict)
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
            "description": "Additional models for single corpora.",
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
