"""Declaration of disentangling: its settings, its place in the talk and its requirements of a study."""

from auscult.analyses.disentangling.settings import DisentanglingSection
from auscult.family import Family
from auscult.requirements import Config, check_known, check_layers, check_voices

__all__ = ["FAMILY"]


def check_disentangling(disentangling: Config, config: Config) -> None:
    """Refuse what the analysis asks for and the study cannot give."""
    check_layers("disentangling: layer", [disentangling["layer"]], disentangling["models"], config["models"])
    train_split = disentangling["bottleneck"]["train_split"]
    for corpus in disentangling["corpora"]:
        splits = config["corpora"][corpus].get("sentences")
        if splits is not None:
            check_known(train_split, splits, "analyses: disentangling: bottleneck: train_split", f"splits of {corpus}")
        check_voices(corpus, config, "disentangling", disentangling["n_folds"])


FAMILY = Family(
    name="disentangling",
    part="Part III: outlook",
    description="Subspaces of factors, selective erasure, shares of predictions, latents of a two-stage bottleneck.",
    settings=DisentanglingSection,
    chart={"metric": "balanced_accuracy", "analysis": "erasure", "along": "method"},
    reads_activations=True,
    check=check_disentangling,
)
