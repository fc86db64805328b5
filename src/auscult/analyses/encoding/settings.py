"""Settings of the encoding analysis."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auscult.settings import setting

__all__ = ["EncodingSettings", "EncodingSection", "EncodingTarget"]


@dataclass(frozen=True)
class EncodingTarget:
    """One linguistic level, or another target for contrast."""

    tier: str = setting(
        "Tier whose segments are the items of the target.", enum=["phone", "syllable", "word", "utterance"]
    )
    column: str = setting(
        "Label column of the activations' index, or a column derived from it (from parses: depth, head_distance, "
        "relative_depth, inflected_number; from determiners: noun_number, verb_number)."
    )
    held_out: str = setting(
        "Property that test items share with no training item; type requires the key type.",
        enum=["speaker", "utterance", "type", "speaker+type"],
    )
    type: str | tuple[str, ...] | None = setting(
        "Column, or columns together, that name the type of an item, such as the lemma of a word.",
        None,
        optional=True,
        type=["string", "array"],
        minLength=1,
        items={"type": "string"},
        minItems=1,
    )
    given: str | None = setting(
        "Column that the level holds fixed. Names (such as pos) are balanced: each is drawn equally often with every "
        "label, so that it does not predict the label. Numbers (such as log_duration) are regressed out of vectors.",
        None,
        optional=True,
        minLength=1,
    )
    abx: bool = setting("Whether to score the target zero-shot by ABX as well.", False)
    abstractness: float | None = setting(
        "Declared rank from sound (low) to syntax (high), equal ranks allowed; null for targets that are no "
        "linguistic level.",
        None,
    )


@dataclass(frozen=True)
class EncodingSettings:
    """Settings of :func:`auscult.analyses.encoding.analysis.encode_sweep`."""

    n_folds: int = setting("Number of folds of the cross-validation.", 4, minimum=3)
    min_class_size: int = setting("Smallest number of items of a class; rarer classes are left out.", 10, minimum=2)
    max_items: int = setting(
        "Largest number of items of a target, divided equally among its classes.", 2400, minimum=50
    )
    max_items_per_bin: int = setting("Largest number of items of one class and speaker in ABX.", 4, minimum=2)
    max_cells: int = setting("Largest number of ABX cells.", 4000, minimum=100)
    n_resamples: int = setting("Number of bootstrap samples of speakers.", 500, minimum=100)


@dataclass(frozen=True)
class EncodingSection(EncodingSettings):
    """Section of a study for the analysis ``encoding``: its settings, targets and pairs of models."""

    targets: Mapping[str, Any] = setting(
        "Linguistic levels from sound to syntax, and further targets for contrast.",
        entries=EncodingTarget,
        minProperties=1,
        propertyNames={"pattern": "^[a-z][a-z0-9_]*$"},
    )
    compare: tuple[tuple[str, ...], ...] = setting(
        "Pairs of models whose spreads of midpoints are compared.",
        (),
        items={"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2, "uniqueItems": True},
    )
