"""Settings of ABX: targets, conditions, distance and samples."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from auscult.errors import AnalysisError
from auscult.settings import setting

__all__ = [
    "Distance",
    "DISTANCES",
    "Compared",
    "CONTEXTS",
    "SPEAKERS",
    "AbxTarget",
    "FrameComparison",
    "AbxItemFile",
    "AbxSettings",
    "AbxSection",
]

Distance = Literal["cosine", "angular", "euclidean", "kl"]
DISTANCES: tuple[str, ...] = get_args(Distance)
Compared = Literal["dtw", "mean"]
CONTEXTS = ("in", "any")
SPEAKERS = ("within", "across", "any")
_CONTEXTS: dict[str, Any] = {"items": {"enum": list(CONTEXTS)}, "minItems": 1}
_SPEAKERS: dict[str, Any] = {"items": {"enum": list(SPEAKERS)}, "minItems": 1}


@dataclass(frozen=True)
class AbxTarget:
    """An entry of ``targets`` whose items are segments of a tier."""

    tier: str = setting("Segments that are compared.", enum=["phone", "syllable", "word", "utterance"])
    column: str = setting("Column of the activations' index whose value A and X share and B does not.")
    context: tuple[str, ...] = setting(
        "Columns that A, B and X share in context; previous and next are the labels of the neighbouring segments.",
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
    standardise: bool | None = setting(
        "Whether this target's vectors are standardised, instead of the analysis's choice.", None, optional=True
    )


@dataclass(frozen=True)
class FrameComparison:
    """How items of several frames are compared."""

    frames: Compared = setting(
        "Compare items as sequences of frames by dynamic time warping, or by the mean of their frames.",
        "dtw",
        enum=list(get_args(Compared)),
    )
    drop_last_frame: bool = setting("Leave out the last frame of each item, as Libri-Light's evaluation does.", False)
    distance: Distance = setting(
        "Distance between frames or their means; angular is what Libri-Light calls cosine.",
        "angular",
        enum=list(DISTANCES),
    )


@dataclass(frozen=True)
class AbxItemFile(FrameComparison):
    """An entry of ``targets`` whose items are listed in a file."""

    items: str = setting(
        "Item file in Libri-Light's format that names recordings of the corpus; relative to the study's file.",
        minLength=1,
    )
    contexts: tuple[str, ...] | None = setting(
        "Contexts of this target instead of those of the analysis.", None, optional=True, **_CONTEXTS
    )
    speakers: tuple[str, ...] | None = setting(
        "Speaker conditions of this target instead of those of the analysis.", None, optional=True, **_SPEAKERS
    )
    standardise: bool = setting(
        "Whether vectors are standardised by other speakers; not in Libri-Light's evaluation, whose numbers are of raw "
        "vectors.",
        False,
    )


@dataclass(frozen=True)
class AbxSettings:
    """Settings of the analysis ``abx``."""

    contexts: tuple[str, ...] = setting(
        "Whether A, B and X share their context (in) or may differ in it (any).", ("in", "any"), **_CONTEXTS
    )
    speakers: tuple[str, ...] = setting(
        "Whether A, B and X come from one speaker (within), X comes from another (across), or any speaker will do.",
        ("within", "across"),
        **_SPEAKERS,
    )
    distance: Distance = setting(
        "Distance between pooled vectors; kl is meant for probabilities.", "cosine", enum=list(DISTANCES)
    )
    standardise: bool = setting(
        "Standardise each dimension with mean and deviation of the other speakers before distances are taken (not for "
        "kl, which needs probabilities); false measures raw vectors, whose common mean compresses cosine distances.",
        True,
    )
    max_items_per_bin: int | None = setting(
        "Maximum number of items per label, context and speaker; more are sampled.", 10, minimum=2
    )
    max_cells: int | None = setting("Maximum number of cells per condition; more are sampled.", 50000, minimum=100)
    n_resamples: int = setting("Number of bootstrap samples of speakers.", 2000, minimum=100)

    def of(self, target: Mapping[str, Any]) -> "AbxSettings":
        """Return the settings with a target's own contexts, speaker conditions and standardisation.

        Raises
        ------
        AnalysisError
            There is no context or speaker condition, or one does not exist.
        """
        keys = ("contexts", "speakers", "standardise")
        own = replace(self, **{key: target[key] for key in keys if target.get(key) is not None})
        for name, values, known in (("contexts", own.contexts, CONTEXTS), ("speakers", own.speakers, SPEAKERS)):
            unknown = [value for value in values if value not in known]
            if unknown or not values:
                found = repr(unknown[0]) if unknown else "none; name one or more"
                raise AnalysisError(f"target {target['name']!r}: expected {name} of {', '.join(known)}, found {found}")
        return own


@dataclass(frozen=True)
class AbxSection(AbxSettings):
    """The section ``abx`` of a study: the settings and the targets."""

    targets: Mapping[str, Any] = setting(
        "Segments of a tier, named like the probing target shown beside them, or items of a file.",
        entries={"items": AbxItemFile, "": AbxTarget},
        minProperties=1,
        propertyNames={"pattern": "^[a-z][a-z0-9_]*$"},
    )
