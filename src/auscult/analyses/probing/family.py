"""Declaration of probing: its settings, its place in the talk and its requirements of a study."""

from auscult.activations.columns import ACOUSTIC, CUED
from auscult.analyses.probing.settings import ProbingSection
from auscult.errors import AnalysisError, ConfigError
from auscult.family import Family
from auscult.probes.target_checks import check_target, training_corpora
from auscult.requirements import Config, check_known, check_tier, check_voices, is_text

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
            _check_training(corpus, name, probing, config)
            if "attention" in probing["targets"][name]["nonlinear"]:
                where = f"analyses: probing: targets: {name}: nonlinear: attention, which reads phones"
                check_tier("phone", config, corpus, where)
            sided = {"train", "test"} & set(probing["targets"][name])
            if "speaker" in probing["targets"][name]["held_out"].split("+") and not sided:
                check_voices(corpus, config, f"probing: targets: {name}", probing["n_folds"])


def _check_training(corpus: str, name: str, probing: Config, config: Config) -> None:
    """Raise :class:`ConfigError` if a target cannot be trained on the other corpora that it names."""
    target, where = probing["targets"][name], f"analyses: probing: targets: {name}: train: corpus"
    for other in training_corpora(target):
        check_known(other, config["corpora"], where, "corpora")
        if other == corpus:
            raise ConfigError(
                f"expected another corpus than the tested one, {corpus}, in {where}; name other items of one corpus by "
                "other columns, such as speaker"
            )
        if is_text(config["corpora"][other]):
            raise ConfigError(f"expected a corpus of speech in {where}, found {other!r}, which is text")
        check_tier(target["tier"], config, other, where)
        if target["column"] in (*ACOUSTIC, *CUED):
            raise ConfigError(
                f"expected a column of the index where probes are trained on another corpus, found "
                f"{target['column']!r}, which is measured on one corpus, in analyses: probing: targets: {name}"
            )


FAMILY = Family(
    name="probing",
    part="Part I: representational analyses",
    description="Probing results.",
    settings=ProbingSection,
    chart={"metric": "accuracy", "target": "phone", "labels": "true", "probe": "ridge", "along": "layer"},
    corpora="Targets to probe on each corpus.",
    asks="targets",
    also=True,
    reads_activations=True,
    check=check_probing,
)
