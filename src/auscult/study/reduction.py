"""Decisions of reduction: the layers of each model that are mapped."""

from auscult.requirements import Config

__all__ = ["mapped_layers"]


def mapped_layers(config: Config, model: str) -> list[str]:
    """Return the layers of a model to map: the layers of the section, or ``input`` for an acoustic baseline."""
    if config["models"][model]["source"] == "acoustic":
        return ["input"]
    return list(config["analyses"]["reduction"]["layers"])
