"""The section ``listen`` of a study: its schema and its requirements."""

from collections.abc import Collection, Mapping
from typing import Any

from auscult.errors import ConfigError
from auscult.listening.settings import ListenSettings
from auscult.requirements import Config, check_known, is_text
from auscult.settings import object_schema

__all__ = ["listen_schema", "check_listening", "leave_out_listeners"]

_RANKS = ("probe", "tone", "spelling")


def listen_schema() -> dict[str, Any]:
    """Return the JSON Schema of the section: settings by corpus."""
    return {
        "description": "Utterances of the listening page, results/listen/index.html, by corpus.",
        "type": "object",
        "minProperties": 1,
        "additionalProperties": object_schema(ListenSettings),
    }


def check_listening(config: Config) -> None:
    """Check the section ``listen`` of a study, if it has one.

    Raises
    ------
    ConfigError
        A corpus or model does not exist or cannot be listened to; a lane needs a recogniser, an analysis or another
        lane that is not there.
    """
    for corpus, section in config.get("listen", {}).items():
        where = f"listen: {corpus}"
        check_known(corpus, config["corpora"], "listen", "corpora")
        if is_text(config["corpora"][corpus]):
            raise ConfigError(f"expected corpora of speech in listen, found {corpus!r}; take it out")
        for name in section["models"]:
            check_known(name, config["models"], f"{where}: models", "models")
            _check_model(name, config, where)
        _check_lanes(section, config, where)
        if section["hardest"] and not set(_RANKS) & set(section["lanes"]):
            raise ConfigError(
                f"expected the lane {', '.join(_RANKS[:-1])} or {_RANKS[-1]} in {where}: lanes, which rank utterances, "
                f"found {', '.join(section['lanes'])}; add one or set hardest: 0"
            )
        if "attribution" in section["lanes"]:
            _check_attribution(section, config, corpus)


def leave_out_listeners(config: Config, missing: Collection[str]) -> None:
    """Take models out of the section, and corpora to which no model is left to listen."""
    for corpus in list(config.get("listen", {})):
        section = config["listen"][corpus]
        section["models"] = [name for name in section["models"] if name not in missing]
        if not section["models"]:
            del config["listen"][corpus]
    if "listen" in config and not config["listen"]:
        del config["listen"]


def _check_model(name: str, config: Config, where: str) -> None:
    model = config["models"][name]
    if model["source"] in ("arrays", "altered", "translator") or model.get("recipe") == "masked_language_model":
        raise ConfigError(
            f"expected speech encoders, recognisers or acoustic baselines in {where}: models, found {name!r}, which "
            "is none; take it out"
        )


def _check_lanes(section: Mapping[str, Any], config: Config, where: str) -> None:
    """Require a model for each lane; what models of a hub or folder have is known when they are opened."""
    models = {name: config["models"][name] for name in section["models"]}
    pretrained = [name for name, model in models.items() if model["source"] in ("hub", "folder")]
    recognisers = [*pretrained, *(name for name, model in models.items() if model.get("task") == "ctc")]
    encoders = [name for name, model in models.items() if model["source"] != "acoustic"]
    for lane, kind, able in (
        ("spelling", "a recogniser (task: ctc)", recognisers),
        ("mixing", "an encoder", encoders),
        ("attribution", "a recogniser (task: ctc)", recognisers),
    ):
        if lane in section["lanes"] and not able:
            raise ConfigError(
                f"expected {kind} in {where}: models for the lane {lane}, found {', '.join(map(repr, models))}; take "
                "the lane out or add one"
            )


def _check_attribution(section: Mapping[str, Any], config: Config, corpus: str) -> None:
    analysis = config["analyses"].get("attribution", {})
    explained = analysis.get("corpora", {}).get(corpus, [])
    missing = [name for name in section["models"] if name not in explained]
    if missing:
        raise ConfigError(
            f"expected {missing[0]!r} in analyses: attribution: corpora: {corpus} for the lane attribution in listen: "
            f"{corpus}, found {', '.join(explained) or 'nothing'}; add it or take the lane out"
        )
