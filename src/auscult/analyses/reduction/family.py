"""Declaration of reduction: its settings, its place in the talk and its requirements of a study."""

from auscult.analyses.reduction.settings import ReductionSection
from auscult.family import Family
from auscult.requirements import Config, check_layers

__all__ = ["FAMILY"]


def check_reduction(reduction: Config, config: Config) -> None:
    """Raise :class:`~auscult.errors.ConfigError` if a model trained in this study lacks a layer to map."""
    check_layers("reduction: layers", reduction["layers"], reduction["models"], config["models"])


FAMILY = Family(
    name="reduction",
    part="Part I: representational analyses",
    description="Maps of segment vectors and their quality.",
    settings=ReductionSection,
    chart={"metric": "silhouette", "target": "phone_class", "along": "method"},
    reads_activations=True,
    check=check_reduction,
)
