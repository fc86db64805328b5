"""Declaration of spelling: settings, part of the talk and requirements of a study."""

from auscult.analyses.spelling.settings import SpellingSettings
from auscult.errors import ConfigError
from auscult.family import Family
from auscult.requirements import Config

__all__ = ["FAMILY"]


def check_spelling(spelling: Config, config: Config) -> None:
    """Refuse acoustic baselines and models trained here without a CTC head; others are known once they are opened."""
    for name in spelling["models"]:
        model = config["models"][name]
        if model["source"] not in ("hub", "folder") and model.get("task") != "ctc":
            raise ConfigError(
                f"expected recognisers (task: ctc) in analyses: spelling: models, found {name!r}; take it out"
            )


FAMILY = Family(
    name="spelling",
    part="Part II: feature importance",
    description="Number as spelt by recognisers where only the determiner marks it.",
    settings=SpellingSettings,
    chart={"metric": "number_right", "target": "all", "layer": "output", "along": "model"},
    models="Each must have a CTC head.",
    corpora="Words must be annotated with number, head and relation; see auscult.corpora.cues.",
    check=check_spelling,
)
