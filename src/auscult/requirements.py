"""Checks shared by families of analyses: names, tiers, layers and voices that a study must have."""

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from auscult.errors import ConfigError

__all__ = [
    "Config",
    "TEXT_READERS",
    "is_text",
    "check_known",
    "suggestion",
    "tiers_of",
    "check_tier",
    "check_layers",
    "check_voices",
]

Config = dict[str, Any]
# Copied from auscult.models.training.architecture, whose imports would delay every start of the workflow by seconds.
# A test compares both.
DEFAULT_LAYERS = 4
# Copied from auscult.corpora.text_importing for the same reason.
TEXT_READERS = ("conllu", "blimp")


def is_text(corpus: Mapping[str, Any]) -> bool:
    """Return whether a corpus holds text instead of speech."""
    return corpus["source"] == "text" or corpus.get("reader") in TEXT_READERS


def check_known(name: str, known: Collection[str], where: str, kind: str) -> None:
    """Raise :class:`ConfigError` unless a name is known.

    Parameters
    ----------
    name : name to look up
    known : names that the study defines
    where : place of the name in the study, for the error message
    kind : plural noun for ``known``, for the error message
    """
    if name not in known:
        raise ConfigError(
            f"expected one of the study's {kind} ({', '.join(known)}) in {where}, "
            f"found {name!r}{suggestion(name, known)}"
        )


def suggestion(name: str, known: Collection[str]) -> str:
    """Return the most similar known name as a parenthesis, or an empty string."""
    close = get_close_matches(str(name), [str(candidate) for candidate in known], n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def tiers_of(config: Mapping[str, Any], corpus: str) -> list[str]:
    """Return the tiers over which frames of a corpus are averaged: its own, or the default of the study."""
    return config["activations"]["corpora"].get(corpus, config["activations"])["tiers"]


def check_tier(tier: str, config: Config, corpus: str, where: str) -> None:
    """Raise :class:`ConfigError` if activations of the corpus are not averaged over a tier."""
    own = f"corpora: {corpus}: " if corpus in config["activations"]["corpora"] else ""
    check_known(tier, tiers_of(config, corpus), where, f"activations: {own}tiers")


def check_layers(where: str, layers: Iterable[str], names: Iterable[str], models: Config) -> None:
    """Raise :class:`ConfigError` for layers that a model trained here lacks; other models are not checked."""
    for name in names:
        if models[name]["source"] == "trained":
            n_layers = models[name]["architecture"].get("layers", DEFAULT_LAYERS)
            known = ["cnn", "embed", *(f"T{layer}" for layer in range(1, n_layers + 1))]
            for layer in layers:
                check_known(layer, known, f"analyses: {where}", f"layers of models: {name}")


def check_voices(corpus: str, config: Config, place: str, n_folds: int) -> None:
    """Raise :class:`ConfigError` if a synthetic corpus has fewer voices than folds; other corpora are not checked."""
    voices, splits = config["corpora"][corpus].get("voices"), config["activations"]["splits"]
    if voices is None:
        return
    n_voices = sum(voices.get(split, 0) for split in splits)
    if n_voices < n_folds:
        raise ConfigError(
            f"expected at least {n_folds} voices ({', '.join(splits)}) in corpora: {corpus}: voices, since analyses: "
            f"{place} holds speakers out in {n_folds} folds, found {n_voices}; add voices or lower n_folds"
        )
