"""Settings of disentangling."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auscult.settings import setting

__all__ = ["BottleneckSettings", "DisentanglingSection", "DisentanglingSettings", "DisentanglingTarget"]

_SPLITS = ["train", "valid", "test"]


@dataclass(frozen=True)
class DisentanglingTarget:
    """A further target: what a readout predicts besides the factors."""

    tier: str = setting("Tier whose segments are the items.", enum=["phone", "syllable", "word", "utterance"])
    column: str = setting("Column of the activations' index that holds the class of each segment.")


@dataclass(frozen=True)
class BottleneckSettings:
    """Settings of the two-stage bottleneck: its utterances, its size and its training."""

    train_split: str = setting(
        "Split of the training utterances; if its speakers are also probed, half of them train and half are probed.",
        "train",
        enum=_SPLITS,
    )
    n_train: int | None = setting(
        "Number of training utterances, spread evenly over speakers and languages; null for all.", 480, minimum=8
    )
    n_test: int | None = setting(
        "Number of probed utterances, spread evenly over speakers and languages; null for all.", 240, minimum=8
    )
    n_latent: int = setting("Dimensions of each latent.", 32, minimum=2)
    textual_steps: int = setting("Training steps of the textual stage.", 800, minimum=2)
    acoustic_steps: int = setting("Training steps of the acoustic stage.", 300, minimum=2)
    batch_size: int = setting("Utterances per training step.", 8, minimum=1)
    beta: tuple[float, ...] = setting(
        "Weight of the information term at the first step and after nine tenths of the steps; if it is too high, the "
        "latent carries no information.",
        (0.1, 1.0),
        items={"type": "number", "minimum": 0},
        minItems=2,
        maxItems=2,
    )
    peak_learning_rate: float = setting(
        "Peak learning rate of AdamW, reached after a tenth of the steps.", 0.01, exclusiveMinimum=0
    )


@dataclass(frozen=True)
class DisentanglingSettings:
    """Settings of :func:`~auscult.analyses.disentangling.analysis.disentangle_activations` and of the bottleneck."""

    tier: str = setting("Tier whose segment vectors span the subspaces.", "phone", enum=["phone", "syllable", "word"])
    methods: tuple[str, ...] = setting(
        "Erasers, whose metrics also define the parts of an attribution; random directions are the control.",
        ("leace", "mean_projection", "random"),
        items={"enum": ["leace", "mean_projection", "random"]},
        minItems=1,
        uniqueItems=True,
    )
    shrinkage: float = setting("Shrinkage of LEACE's covariance estimate.", 0.0, minimum=0, maximum=1)
    min_items: int = setting("Minimum number of segments per combination of factor values.", 10, minimum=2)
    max_items: int | None = setting(
        "Size of the random sample of segments held in memory; null for all.", 20000, minimum=50
    )
    min_class_size: int = setting(
        "Minimum number of items per class of a target; rarer classes are left out.", 20, minimum=2
    )
    n_folds: int = setting("Number of folds, disjoint by speaker.", 4, minimum=3)
    n_splits: int = setting(
        "Number of random splits of the speakers into halves over which angles and overlaps are averaged.", 8, minimum=1
    )
    n_mlp_items: int = setting(
        "Number of items that train a network beside each linear readout; 0 for no network.", 2000, minimum=0
    )
    n_null: int = setting("Number of pairs of random subspaces in each null distribution.", 1000, minimum=100)
    n_resamples: int = setting(
        "Bootstrap samples of speakers; angles and overlaps leave out one speaker at a time instead.", 1000, minimum=100
    )
    bottleneck: BottleneckSettings = setting(
        "Two variational bottlenecks on frozen frames: the textual one is trained to transcribe phones, the acoustic "
        "one to identify speakers.",
        BottleneckSettings,
    )


@dataclass(frozen=True)
class DisentanglingSection(DisentanglingSettings):
    """The section ``disentangling`` of a study."""

    factors: tuple[str, ...] = setting(
        "Columns of the activations' index that are crossed; a value that does not occur with all values of the other "
        "factors is left out.",
        minItems=2,
        uniqueItems=True,
    )
    layer: str = setting(
        "Layer of the erasure, of the attribution and of the bottleneck; subspaces are compared at every layer.",
        pattern="^(cnn|embed|T[1-9][0-9]*)$",
    )
    targets: Mapping[str, Any] = setting(
        "Further targets, by name, whose predictions are attributed to the parts.",
        {},
        entries=DisentanglingTarget,
        propertyNames={"pattern": "^[a-z][a-z0-9_]*$"},
    )
