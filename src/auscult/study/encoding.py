"""Decisions of encoding that follow from the configuration."""

from collections.abc import Mapping
from typing import Any

from auscult.activations.columns import CUED

__all__ = ["needs_words"]


def needs_words(config: Mapping[str, Any], corpus: str) -> bool:
    """Return whether a level of a corpus is derived from all words of the corpus, such as ``noun_number``."""
    encoding = config["analyses"]["encoding"]
    return any(encoding["targets"][name]["column"] in CUED for name in encoding["corpora"][corpus])
