"""Settings of abx."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auscult.settings import setting

__all__ = ["AbxSettings", "AbxTarget", "AbxItemFile"]

_DISTANCES = ["cosine", "angular", "euclidean", "kl"]
_CONTEXTS = {"items": {"enum": ["in", "any"]}, "minItems": 1}
_SPEAKERS = {"items": {"enum": ["within", "across", "any"]}, "minItems": 1}


@dataclass(frozen=True)
class AbxTarget:
    """A target whose items are segments of a tier."""

    tier: str = setting("Segments that are compared.", enum=["phone", "syllable", "word", "utterance"])
    column: str = setting("Column of the activations' index that tells A and X from B.")
    context: tuple[str, ...] = setting(
        "Columns that A, B and X share in context; previous and next are the labels beside a segment.",
        ("previous", "next"),
        minItems=1,
        uniqueItems=True,
    )
    contexts: tuple[str, ...] | None = setting(
        "Contexts of this target instead of those of the analysis.", None, optional=True, **_CONTEXTS
    )
    speakers: tuple[str, ...] | None = setting(
        "Speaker conditions of this target instead of those of the analysis.", None, optional=True, **_SPEAKERS
    )


@dataclass(frozen=True)
class AbxItemFile:
    """A target whose items are those of a file."""

    items: str = setting(
        "Item file, as Libri-Light publishes them, that names recordings of the corpus; relative to the study's file.",
        minLength=1,
    )
    frames: str = setting(
        "Items are compared as sequences of frames by dynamic time warping, or by the mean of their frames.",
        "dtw",
        enum=["dtw", "mean"],
    )
    drop_last_frame: bool = setting(
        "Whether to leave out the last frame of each item, as Libri-Light's evaluation does.", False
    )
    distance: str = setting(
        "Distance between frames or their means; angular is what Libri-Light calls cosine.", "angular", enum=_DISTANCES
    )
    contexts: tuple[str, ...] | None = setting(
        "Contexts of this target instead of those of the analysis.", None, optional=True, **_CONTEXTS
    )
    speakers: tuple[str, ...] | None = setting(
        "Speaker conditions of this target instead of those of the analysis.", None, optional=True, **_SPEAKERS
    )


@dataclass(frozen=True)
class AbxSettings:
    """Settings of the analysis ``abx``."""

    targets: Mapping[str, Any] = setting(
        "Segments of a tier, named as the probing targets that they are drawn beside, or an item file.",
        entries={"items": AbxItemFile, "": AbxTarget},
        minProperties=1,
        propertyNames={"pattern": "^[a-z][a-z0-9_]*$"},
    )
    contexts: tuple[str, ...] = setting(
        "Whether A, B and X share their context (in) or may differ in it (any).", ("in", "any"), **_CONTEXTS
    )
    speakers: tuple[str, ...] = setting(
        "Whether A, B and X come from one speaker, X comes from another, or any of them may.",
        ("within", "across"),
        **_SPEAKERS,
    )
    distance: str = setting("Distance between pooled vectors; kl is for probabilities.", "cosine", enum=_DISTANCES)
    max_items_per_bin: int | None = setting(
        "Maximum number of items per label, context and speaker; more are sampled.", 10, minimum=2
    )
    max_cells: int | None = setting("Maximum number of cells per condition; more are sampled.", 50000, minimum=100)
    n_resamples: int = setting("Number of bootstrap samples of speakers.", 2000, minimum=100)
