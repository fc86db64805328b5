"""Settings of the tone analysis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from auscult.settings import setting

__all__ = ["Contrast", "ToneSettings"]

Contrast = Literal["consonant", "tone"]


@dataclass(frozen=True)
class ToneSettings:
    """Settings of the analysis ``tone``."""

    contrasts: Mapping[Contrast, Sequence[str]] = setting(
        "Contrasts to probe (consonant, tone), each with the names of its poolings.",
        {"consonant": ("mean",), "tone": ("mean", "contour")},
        minProperties=1,
        additionalProperties=False,
        properties={"consonant": {"$ref": "#/$defs/names"}, "tone": {"$ref": "#/$defs/names"}},
    )
    poolings: Mapping[str, Sequence[str]] = setting(
        "Tiers whose vectors are concatenated, by the name of the pooling; a single tier is the mean over its frames.",
        {"mean": ("syllable",), "contour": ("rime_20", "rime_50", "rime_80")},
        minProperties=1,
        propertyNames={"$ref": "#/$defs/name"},
        additionalProperties={
            "description": "The tier utterance is the whole recording, rime a syllable without its onset consonant, "
            "rime_50 the frame at 50 % of the rime.",
            "type": "array",
            "items": {"type": "string", "pattern": "^(phone|syllable|word|utterance|rime|rime_([1-9]?[0-9]|100))$"},
            "minItems": 1,
            "uniqueItems": True,
        },
    )
    baselines: tuple[str, ...] = setting(
        "Acoustic models (features f0 or mfcc) whose contours of the same syllables are probed.",
        ("f0", "mfcc"),
        uniqueItems=True,
    )
    n_folds: int = setting(
        "Number of folds of voices, and of strings. With 2, for two voices, strings have three folds, and penalty and "
        "layer are chosen on other strings of the voice that trains; fewer than 6 voices give no interval.",
        5,
        minimum=2,
    )
    train: Mapping[str, str] = setting(
        "Another corpus whose syllables train the probes, by the corpus that is tested; all voices of the latter are "
        "tested, and none is met in training.",
        {},
        additionalProperties={"$ref": "#/$defs/name"},
    )
    n_resamples: int = setting(
        "Number of bootstrap samples of voices, for differences also of strings.", 2000, minimum=100
    )
