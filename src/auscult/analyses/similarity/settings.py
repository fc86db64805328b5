"""Settings of similarity."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auscult.settings import setting

__all__ = ["SimilaritySettings", "SimilarityMeasures", "SimilarityReference"]


@dataclass(frozen=True)
class SimilarityReference:
    """One entry of references."""

    tier: str = setting("", "phone", enum=["phone", "syllable", "word", "utterance"])
    space: str = setting(
        "Activations of another model, one-hot values of a column, articulatory features of phones, "
        "co-occurrence vectors of words in the corpus's sentences, or word vectors from a file.",
        enum=["activations", "identity", "articulatory", "cooccurrence", "vectors"],
    )
    model: str | None = setting("For activations; an acoustic one.", None, optional=True)
    column: str | None = setting("For identity; a column of the activations' index.", None, optional=True)
    path: str | None = setting(
        "For vectors; a text file in fastText's format. A relative path starts at the study's file.",
        None,
        optional=True,
    )


@dataclass(frozen=True)
class SimilarityMeasures:
    """Settings under ``measures``."""

    metrics: tuple[str, ...] = setting(
        "What is measured between layers and references.",
        ("cka", "pwcca", "procrustes", "r2", "rsa"),
        items={"enum": ["cka", "cca", "svcca", "pwcca", "procrustes", "r2", "rsa"]},
        minItems=1,
    )
    distances: tuple[str, ...] = setting(
        "Of the dissimilarity matrices of RSA; the first is drawn.",
        ("cosine",),
        items={"enum": ["cosine", "correlation", "euclidean"]},
        minItems=1,
    )
    correlations: tuple[str, ...] = setting("", ("spearman",), items={"enum": ["spearman", "pearson"]}, minItems=1)
    n_folds: int = setting("", 4, minimum=2)
    shrinkage: float = setting("Added to a covariance's diagonal, in units of its mean.", 0.001, exclusiveMinimum=0)
    max_conditions: int = setting("RSA compares so many of the most frequent labels.", 80, minimum=3)
    n_resamples: int = setting("Bootstrap samples of speakers and conditions.", 1000, minimum=100)


@dataclass(frozen=True)
class SimilaritySettings:
    """Settings of the analysis ``similarity``."""

    tier: str = setting(
        "Segments on which layers are compared with each other and models with models.",
        "phone",
        enum=["phone", "syllable", "word", "utterance"],
    )
    references: Mapping[str, Any] = setting(
        "Spaces that every layer is compared with.",
        entries=SimilarityReference,
        minProperties=1,
        propertyNames={"pattern": "^[a-z][a-z0-9_]*$"},
        additionalProperties={
            "allOf": [
                {"if": {"properties": {"space": {"const": "activations"}}}, "then": {"required": ["model"]}},
                {"if": {"properties": {"space": {"const": "identity"}}}, "then": {"required": ["column"]}},
                {"if": {"properties": {"space": {"const": "vectors"}}}, "then": {"required": ["path"]}},
            ]
        },
    )
    layer_metrics: tuple[str, ...] = setting(
        "What is measured between layers of one model and of two.",
        ("cka",),
        items={"enum": ["cka", "cca", "svcca", "pwcca", "procrustes", "r2", "rsa"]},
        minItems=1,
    )
    n_items: int = setting("Random sample of segments that all models share.", 3000, minimum=50)
    measures: SimilarityMeasures = setting("", SimilarityMeasures)
