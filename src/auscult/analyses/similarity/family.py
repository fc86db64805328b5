"""Declaration of similarity: settings, part of the talk and requirements of a study."""

from auscult.analyses.similarity.settings import SimilaritySection
from auscult.family import Family
from auscult.requirements import Config, check_known

__all__ = ["FAMILY"]


def check_similarity(similarity: Config, config: Config) -> None:
    """Refuse references to activations of a model that is no acoustic baseline of the study."""
    acoustic = [name for name, model in config["models"].items() if model["source"] == "acoustic"]
    for name, reference in similarity["references"].items():
        if reference["space"] == "activations":
            where = f"analyses: similarity: references: {name}: model"
            check_known(reference["model"], acoustic, where, "acoustic models")


FAMILY = Family(
    name="similarity",
    part="Part I: representational analyses",
    description="Similarity of layers, models and reference spaces.",
    settings=SimilaritySection,
    chart={"target": "articulatory", "metric": "cka", "along": "layer"},
    reads_activations=True,
    check=check_similarity,
)
