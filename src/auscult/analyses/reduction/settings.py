"""Settings of reduction."""

from dataclasses import dataclass

from auscult.settings import setting

__all__ = ["ReductionSettings", "ReductionSection"]


@dataclass(frozen=True)
class ReductionSettings:
    """Settings of :func:`~auscult.analyses.reduction.analysis.reduce_activations`."""

    tier: str = setting("Tier whose segments are mapped.", "phone", enum=["phone", "syllable", "word", "utterance"])
    methods: tuple[str, ...] = setting(
        "Methods of dimensionality reduction.",
        ("pca", "lda", "umap"),
        items={"enum": ["pca", "lda", "mds", "umap", "tsne"]},
        minItems=1,
        uniqueItems=True,
    )
    factors: tuple[str, ...] = setting(
        "Columns of the activations' index whose silhouettes are measured.",
        ("phone_class", "speaker", "gender", "language"),
        minItems=1,
        uniqueItems=True,
    )
    supervised_by: str = setting("Column of the activations' index whose values LDA separates.", "phone_class")
    n_items: int = setting(
        "Largest number of segments, half of them from the speakers who fit the maps and half held out.",
        3000,
        minimum=50,
    )
    n_neighbours: int = setting("Size of the neighbourhood in UMAP, trustworthiness and stability.", 15, minimum=2)
    n_resamples: int = setting("Number of bootstrap resamplings of held-out speakers.", 1000, minimum=100)
    n_seeds: int = setting(
        "Number of maps per method, including the one drawn, between which stability is measured; 1 measures none.",
        3,
        minimum=1,
    )


@dataclass(frozen=True)
class ReductionSection(ReductionSettings):
    """Section ``reduction`` of a study."""

    layers: tuple[str, ...] = setting(
        "Layers to map; the figure shows the last one, and acoustic baselines have a single layer, input.",
        items={"type": "string", "pattern": "^(cnn|embed|T[1-9][0-9]*)$"},
        minItems=1,
        uniqueItems=True,
    )
