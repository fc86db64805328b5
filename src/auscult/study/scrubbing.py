"""Settings with which a study scrubs each of its models."""

from typing import Any

from auscult.requirements import Config

__all__ = ["scrubbing_settings"]

# What the results of a run depend on; the corpora of the section are inputs of its rule.
_SETTINGS = (
    "splits",
    "kinds",
    "methods",
    "single_layers",
    "doses",
    "shrinkage",
    "n_iterations",
    "n_utterances",
    "n_test",
    "edge_ms",
    "n_resamples",
    "n_permutations",
)


def scrubbing_settings(config: Config, model: str, step: str) -> dict[str, Any]:
    """Return the settings of one run of scrubbing.

    Controls, which are untrained models and acoustic baselines, are erased by the first method at all layers only.
    """
    scrubbing = config["analyses"]["scrubbing"]
    settings = {name: scrubbing[name] for name in _SETTINGS}
    if step == "0" or config["models"][model]["source"] == "acoustic":
        settings |= {"methods": scrubbing["methods"][:1], "single_layers": False}
    return settings
