"""Models of a study that hear altered speech: the weights of another model, with a control of the input."""

from collections.abc import Mapping
from typing import Any

from auscult.errors import ConfigError
from auscult.requirements import check_known

__all__ = ["alteration_of", "check_altered"]

_HEARERS = ("trained", "finetuned", "hub", "folder", "acoustic")
# Those that only read stored activations; others run models themselves, on speech as it is, or follow training.
_ANALYSES = ("reduction", "probing", "similarity", "abx", "tone")


def alteration_of(entry: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the settings of :class:`auscult.models.alterations.Alteration` of a model; None if it hears all."""
    if entry["source"] != "altered":
        return None
    return {"kind": entry["alteration"], **({"snr_db": entry["snr_db"]} if "snr_db" in entry else {})}


def check_altered(name: str, config: Mapping[str, Any]) -> None:
    """Check the entry of a model that hears altered speech, and the analyses that name it.

    Raises
    ------
    ConfigError
        The other model does not exist or hears nothing, there is a level of noise without noise, or an analysis
        needs more than stored activations.
    """
    entry, models = config["models"][name], config["models"]
    check_known(entry["of"], models, f"models: {name}: of", "models")
    other = models[entry["of"]]
    if other["source"] not in _HEARERS or other.get("recipe") == "masked_language_model":
        raise ConfigError(
            f"expected a model that hears speech in models: {name}: of, found {entry['of']!r} of source "
            f"{other['source']}; name one of source {', '.join(_HEARERS[:-1])} or {_HEARERS[-1]}"
        )
    if "snr_db" in entry and entry["alteration"] != "noise":
        raise ConfigError(
            f"expected no snr_db in models: {name}, whose alteration is {entry['alteration']}, found "
            f"{entry['snr_db']}; take it out, or choose noise"
        )
    for family, analysis in config["analyses"].items():
        named = [*analysis.get("models", []), *(model for also in analysis.get("also", {}).values() for model in also)]
        if name in named and family not in _ANALYSES:
            raise ConfigError(
                f"expected models that hear speech as it is in analyses: {family}: models, found {name!r}; take it "
                f"out: altered speech is for {', '.join(_ANALYSES)}"
            )
