"""Declaration of abx: its settings, its place in the talk and its requirements of a study."""

from auscult.analyses.abx.settings import AbxSettings
from auscult.errors import ConfigError
from auscult.family import Family
from auscult.requirements import Config

__all__ = ["FAMILY"]


def check_abx(abx: Config, config: Config) -> None:
    """Refuse what the analysis asks for and the study cannot give."""
    if "probing" not in config["analyses"]:
        raise ConfigError(
            "expected analyses: probing beside analyses: abx, whose figure compares both, found none; "
            "add probing or leave abx out"
        )


FAMILY = Family(
    name="abx",
    part="Part I: representational analyses",
    description="ABX scores, by contrast too, and how far they rank like the probe.",
    settings=AbxSettings,
    corpora="Which targets are scored on which corpus.",
    asks="targets",
    reads_activations=True,
    needs=("probing",),
    check=check_abx,
)
