"""Settings of tone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auscult.settings import setting

__all__ = ["ToneSettings"]


@dataclass(frozen=True)
class ToneSettings:
    """Settings of the analysis ``tone``."""

    contrasts: Mapping[str, Any] = setting(
        "Contrasts (consonant, tone), each with the poolings that it is read from.",
        {"consonant": ("mean",), "tone": ("mean", "contour")},
        minProperties=1,
        additionalProperties=False,
        properties={"consonant": {"$ref": "#/$defs/names"}, "tone": {"$ref": "#/$defs/names"}},
    )
    poolings: Mapping[str, Any] = setting(
        "Tiers whose vectors are read side by side; one tier is a mean over it.",
        {"mean": ("syllable",), "contour": ("rime_20", "rime_50", "rime_80")},
        minProperties=1,
        propertyNames={"$ref": "#/$defs/name"},
        additionalProperties={
            "description": "utterance is the whole recording; rime is a syllable without its onset consonant, rime_50 "
            "the one frame half-way through it.",
            "type": "array",
            "items": {"type": "string", "pattern": "^(phone|syllable|word|utterance|rime|rime_([1-9]?[0-9]|100))$"},
            "minItems": 1,
            "uniqueItems": True,
        },
    )
    baselines: tuple[str, ...] = setting(
        "Acoustic models (of features f0 or mfcc) whose contours around the same syllables are read.",
        ("f0", "mfcc"),
        uniqueItems=True,
    )
    n_folds: int = setting("Of voices, and of strings.", 5, minimum=3)
    n_resamples: int = setting("Bootstrap samples of voices (and strings).", 2000, minimum=100)
