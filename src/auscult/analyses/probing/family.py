"""Declaration of probing: its settings, its place in the talk and its requirements of a study."""

from auscult.activations.columns import ACOUSTIC
from auscult.analyses.probing.settings import ProbingSection
from auscult.errors import AnalysisError, ConfigError
from auscult.family import Family
from auscult.probes.target_checks import check_target
from auscult.requirements import Config, check_known, check_tier, check_voices

__all__ = ["FAMILY"]


def check_probing(probing: Config, config: Config) -> None:
    """Raise :class:`ConfigError` if targets cannot be probed in this study."""
    features = [model["features"] for model in config["models"].values() if model["source"] == "acoustic"]
    for name, target in probing["targets"].items():
        try:
            check_target({"name": name, **target})
        except AnalysisError as error:
            raise ConfigError(f"analyses: probing: {error}") from None
        if target["column"] in ACOUSTIC:
            where = f"analyses: probing: targets: {name}: column: {target['column']}"
            check_known(ACOUSTIC[target["column"]], features, where, "acoustic features")
    for corpus, targets in probing["corpora"].items():
        for name in targets:
            if "attention" in probing["targets"][name]["nonlinear"]:
                where = f"analyses: probing: targets: {name}: nonlinear: attention, which reads phones"
                check_tier("phone", config, corpus, where)
            if "speaker" in probing["targets"][name]["held_out"].split("+"):
                check_voices(corpus, config, f"probing: targets: {name}", probing["n_folds"])


FAMILY = Family(
    name="probing",
    part="Part I: representational analyses",
    description="Probing results.",
    settings=ProbingSection,
    corpora="Targets to probe on each corpus.",
    asks="targets",
    also=True,
    reads_activations=True,
    check=check_probing,
)
