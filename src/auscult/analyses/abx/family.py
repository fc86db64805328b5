"""Declaration of abx: settings, part of the talk and requirements of a study."""

from auscult.analyses.abx.settings import AbxSection
from auscult.errors import ConfigError
from auscult.family import Family
from auscult.requirements import Config

__all__ = ["FAMILY"]


def check_abx(abx: Config, config: Config) -> None:
    """Refuse a study without probing, since the figure compares both."""
    if "probing" not in config["analyses"]:
        raise ConfigError(
            "expected analyses: probing beside analyses: abx, whose figure compares both, found none; "
            "add probing or leave abx out"
        )


FAMILY = Family(
    name="abx",
    part="Part I: representational analyses",
    description="ABX scores, also by contrast, and the agreement of their rankings with a probe.",
    settings=AbxSection,
    chart={"metric": "abx_accuracy", "speaker": "across", "along": "layer"},
    corpora="The targets that are scored on each corpus.",
    asks="targets",
    also=True,
    reads_activations=True,
    needs=("probing",),
    check=check_abx,
)
