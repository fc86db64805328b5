"""Declaration of attribution."""

from auscult.analyses.attribution.settings import AttributionSection
from auscult.family import Family
from auscult.requirements import Config, check_known

__all__ = ["FAMILY"]


def check_attribution(attribution: Config, config: Config) -> None:
    """Refuse inputs of further seeds that are not among the inputs."""
    for name in attribution["inputs_of_seeds"]:
        check_known(name, attribution["inputs"], "analyses: attribution: inputs_of_seeds", "attribution inputs")


FAMILY = Family(
    name="attribution",
    part="Part II: feature importance",
    description="Attributions of predictions, their completeness, and the share of the deciding word.",
    settings=AttributionSection,
    chart={"metric": "cue_share", "input": "waveform", "along": "method"},
    corpora="Models to explain on each corpus; each must have a head.",
    asks="models",
    check=check_attribution,
)
