"""Settings of reduction."""

from dataclasses import dataclass

from auscult.settings import setting

__all__ = ["ReductionSettings"]


@dataclass(frozen=True)
class ReductionSettings:
    """Settings of the analysis ``reduction``."""

    tier: str = setting("", "phone", enum=["phone", "syllable", "word", "utterance"])
    layers: tuple[str, ...] = setting(
        "Layers to map; baselines have one, input.",
        items={"type": "string", "pattern": "^(cnn|embed|T[1-9][0-9]*)$"},
        minItems=1,
        uniqueItems=True,
    )
    methods: tuple[str, ...] = setting(
        "", ("pca", "lda", "umap"), items={"enum": ["pca", "lda", "mds", "umap", "tsne"]}, minItems=1, uniqueItems=True
    )
    factors: tuple[str, ...] | None = setting(
        "Labelled factors whose separation is measured.", None, optional=True, minItems=1, uniqueItems=True
    )
    supervised_by: str = setting("The labels that LDA is told.", "phone_class")
    n_items: int = setting("Segments in fit and held-out half together.", 3000, minimum=50)
    n_neighbours: int = setting("", 15, minimum=2)
    n_resamples: int = setting("", 1000, minimum=100)
    n_seeds: int = setting(
        "Maps a method, the drawn one among them, whose stability is measured; 1 measures none. Each costs a fit.",
        3,
        minimum=1,
    )
