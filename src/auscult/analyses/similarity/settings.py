"""Settings of similarity: metrics, reference spaces and the sample of items."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from auscult.errors import AnalysisError
from auscult.settings import setting

__all__ = [
    "Alignment",
    "RdmDistance",
    "Distance",
    "Correlation",
    "ALIGNMENTS",
    "RDM_DISTANCES",
    "DISTANCES",
    "CORRELATIONS",
    "UNIT_METRICS",
    "LAYER_METRICS",
    "METRICS",
    "REFERENCES",
    "Blocks",
    "Measures",
    "SimilarityReference",
    "SimilaritySettings",
    "SimilaritySection",
]

Alignment = Literal["cca", "svcca", "pwcca", "procrustes", "r2"]
RdmDistance = Literal["crossvalidated", "cosine", "correlation", "euclidean"]
Distance = Literal["crossvalidated", "cosine", "correlation", "euclidean", "raw_cosine"]
Correlation = Literal["spearman", "pearson"]

ALIGNMENTS: tuple[str, ...] = get_args(Alignment)
RDM_DISTANCES: tuple[str, ...] = get_args(RdmDistance)
DISTANCES: tuple[str, ...] = get_args(Distance)
CORRELATIONS: tuple[str, ...] = get_args(Correlation)
# Of discrete units and the values of a column, so of references with space identity only.
UNIT_METRICS = ("pnmi", "jsd")
LAYER_METRICS = ("cka", *ALIGNMENTS, "rsa")
METRICS = (*LAYER_METRICS, *UNIT_METRICS)
REFERENCES = ("activations", "identity", "articulatory", "cooccurrence", "vectors")
_TIERS = ["phone", "syllable", "word", "utterance"]


@dataclass(frozen=True)
class SimilarityReference:
    """One entry of ``references``: a space and the items for which it is computed."""

    tier: str = setting("Segments that are compared, one of the extracted tiers.", "phone", enum=_TIERS)
    space: str = setting(
        "Activations of another model, one-hot values of a column, articulatory features of phones, "
        "co-occurrence vectors of words in the corpus's sentences, or word vectors from a file.",
        enum=list(REFERENCES),
    )
    model: str | None = setting("An acoustic baseline, for space activations.", None, optional=True)
    column: str | None = setting("Column of the activations' index, for space identity.", None, optional=True)
    path: str | None = setting(
        "Text file in fastText's format, for space vectors; a relative path starts at the study's file.",
        None,
        optional=True,
    )


@dataclass(frozen=True)
class Measures:
    """Settings under ``measures``: the metrics and how each is estimated.

    Raises
    ------
    AnalysisError
        A metric, distance or correlation does not exist.
    """

    metrics: tuple[str, ...] = setting(
        "Metrics between layers and references; pnmi and jsd compare discrete units with the values of a column, for "
        "references with space identity.",
        ("cka", "pwcca", "procrustes", "r2", "rsa", "pnmi", "jsd"),
        items={"enum": list(METRICS)},
        minItems=1,
    )
    distances: tuple[Distance, ...] = setting(
        "Distances in the dissimilarity matrices of RSA; the figure shows the first. Activations are standardised with "
        "the mean and scale of other speakers; crossvalidated is squared Euclidean from products of different speakers "
        "only; raw_cosine is the cosine distance of activations as they are.",
        ("crossvalidated", "cosine", "raw_cosine"),
        items={"enum": list(DISTANCES)},
        minItems=1,
    )
    correlations: tuple[Correlation, ...] = setting(
        "Correlations between the dissimilarity matrices of RSA; the figure shows the first.",
        ("spearman",),
        items={"enum": list(CORRELATIONS)},
        minItems=1,
    )
    n_folds: int = setting("Number of folds of speakers for fitted metrics.", 4, minimum=2)
    shrinkages: tuple[float, ...] = setting(
        "Values added to the diagonal of a covariance matrix, in units of its mean; one is chosen on training speakers "
        "left out of the fit.",
        (0.001, 0.01, 0.1),
        items={"type": "number", "exclusiveMinimum": 0},
        minItems=1,
    )
    n_units: int = setting("Number of discrete units, for pnmi and jsd.", 50, minimum=2)
    max_conditions: int = setting("Number of labels that RSA compares, the most frequent first.", 80, minimum=3)
    n_resamples: int = setting("Number of bootstrap samples of speakers and conditions.", 1000, minimum=100)

    def __post_init__(self) -> None:
        choices = {"metrics": METRICS, "distances": DISTANCES, "correlations": CORRELATIONS}
        for name, known in choices.items():
            for value in getattr(self, name):
                if value not in known:
                    raise AnalysisError(f"similarity: expected {name} of {', '.join(known)}, found {value!r}")


@dataclass(frozen=True)
class Blocks:
    """Settings under ``blocks``: items of which every label is said by every speaker."""

    tier: str = setting("Segments; by default those of the analysis.", "", enum=["", *_TIERS])
    column: str = setting("Column of the activations' index with the labels.", "label")
    n_labels: int = setting("Largest number of labels.", 24, minimum=3)
    n_speakers: int = setting("Largest number of speakers.", 24, minimum=3)
    n_shown: int = setting("Number of speakers and of labels in the matrices that are drawn.", 6, minimum=2, maximum=12)


@dataclass(frozen=True)
class SimilaritySettings:
    """Settings of the analysis ``similarity``."""

    tier: str = setting(
        "Segments on which layers are compared with each other and models with models.", "phone", enum=_TIERS
    )
    layer_metrics: tuple[str, ...] = setting(
        "Metrics between the layers of one model and of two models.",
        ("cka",),
        items={"enum": list(LAYER_METRICS)},
        minItems=1,
    )
    n_items: int = setting("Number of segments in the random sample, the same for all models.", 3000, minimum=50)
    measures: Measures = setting("Metrics and how each is estimated.", Measures)
    blocks: Blocks = setting(
        "Labels × speakers: whether the same word or the same voice brings vectors together.", Blocks
    )


@dataclass(frozen=True)
class SimilaritySection(SimilaritySettings):
    """The section ``similarity`` of a study: the settings and the reference spaces."""

    references: Mapping[str, Any] = setting(
        "Spaces with which every layer is compared.",
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
