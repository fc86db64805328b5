"""Declaration of the encoding analysis: settings, part of the talk and requirements of a study."""

from auscult.analyses.encoding.settings import EncodingSection
from auscult.errors import AnalysisError, ConfigError
from auscult.family import Family
from auscult.probes.target_checks import check_target
from auscult.requirements import Config, check_known, check_voices

__all__ = ["FAMILY"]


def check_encoding(encoding: Config, config: Config) -> None:
    """Raise ConfigError for targets that cannot be probed, too few voices, and unknown models to compare."""
    for name, target in encoding["targets"].items():
        try:
            check_target({"name": name, **target})
        except AnalysisError as error:
            raise ConfigError(f"analyses: encoding: {error}") from None
    for corpus, targets in encoding["corpora"].items():
        for name in targets:
            if "speaker" in encoding["targets"][name]["held_out"].split("+"):
                check_voices(corpus, config, f"encoding: targets: {name}", encoding["n_folds"])
    for model in (model for pair in encoding["compare"] for model in pair):
        check_known(model, encoding["models"], "analyses: encoding: compare", "models of encoding")


FAMILY = Family(
    name="encoding",
    part="Part III: outlook",
    description="Linguistic levels at every checkpoint, with sigmoid fits and comparisons of midpoints and layers.",
    settings=EncodingSection,
    chart={"metric": "accuracy", "layer": "selected", "along": "step"},
    corpora="Targets of each corpus.",
    asks="targets",
    watches_training=True,
    reads_activations=True,
    check=check_encoding,
)
