"""Settings of encoding."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auscult.settings import setting

__all__ = ["EncodingSettings", "EncodingTarget"]


@dataclass(frozen=True)
class EncodingTarget:
    """One entry of targets."""

    tier: str = setting("", enum=["phone", "syllable", "word", "utterance"])
    column: str = setting(
        "Column of the activations' index that holds the labels, or one that follows from it; of "
        "parses depth, head_distance, relative_depth, inflected_number."
    )
    held_out: str = setting(
        "What test items share with no training item; type needs the key type.",
        enum=["speaker", "utterance", "type", "speaker+type"],
    )
    type: str | tuple[str, ...] | None = setting(
        "Column, or columns that together, name what an item is an instance of, such as a word's lemma.",
        None,
        optional=True,
        type=["string", "array"],
        minLength=1,
        items={"type": "string"},
        minItems=1,
    )
    given: str | None = setting(
        "Column that must not tell the label; its values are drawn equally often with every label.",
        None,
        optional=True,
        minLength=1,
    )
    abx: bool = setting("Whether to score it zero-shot, too.", False)
    abstractness: float | None = setting(
        "Declared rank from sound (low) to syntax (high), equal ranks allowed; none for what is no linguistic level.",
        None,
    )


@dataclass(frozen=True)
class EncodingSettings:
    """Settings of the analysis ``encoding``."""

    targets: Mapping[str, Any] = setting(
        "Levels, from sound to syntax; and others for contrast.",
        entries=EncodingTarget,
        minProperties=1,
        propertyNames={"pattern": "^[a-z][a-z0-9_]*$"},
    )
    compare: tuple[tuple[str, ...], ...] = setting(
        "Pairs of models, whose spreads of midpoints are compared.",
        (),
        items={"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2, "uniqueItems": True},
    )
    n_folds: int = setting("", 4, minimum=3)
    min_class_size: int = setting("Rarer classes are left out.", 10, minimum=2)
    max_items: int = setting("Most items of a target, shared out equally over its classes.", 2400, minimum=50)
    max_items_per_bin: int = setting("Most items of one class and speaker in ABX.", 4, minimum=2)
    max_cells: int = setting("Most cells of ABX.", 4000, minimum=100)
    n_resamples: int = setting("Bootstrap samples of speakers.", 500, minimum=100)
