"""Declaration of mixing."""

from auscult.analyses.mixing.settings import MixingSettings
from auscult.errors import ConfigError
from auscult.family import Family
from auscult.requirements import Config

__all__ = ["FAMILY"]


def check_mixing(mixing: Config, config: Config) -> None:
    """Refuse models without attention."""
    for model in mixing["models"]:
        if config["models"][model]["source"] == "acoustic":
            raise ConfigError(
                f"expected models with attention in analyses: mixing: models, found the acoustic "
                f"baseline {model!r}; take it out"
            )


FAMILY = Family(
    name="mixing",
    part="Part II: feature importance",
    description="Context mixing: share and hits of the known cue word, and word-by-word maps.",
    settings=MixingSettings,
    chart={"metric": "cue_hit", "target": "all", "layer": "selected", "along": "method"},
    corpora="Corpora whose words carry number, head and relation, or whose reader gives the cues (homophones).",
    check=check_mixing,
)
