"""Settings of disentangling."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auscult.settings import setting

__all__ = ["DisentanglingSettings", "DisentanglingBottleneck", "DisentanglingTarget"]


@dataclass(frozen=True)
class DisentanglingTarget:
    """One entry of targets."""

    tier: str = setting("", enum=["phone", "syllable", "word", "utterance"])
    column: str = setting("Of the activations' index.")


@dataclass(frozen=True)
class DisentanglingBottleneck:
    """Settings under ``bottleneck``."""

    train_split: str = setting(
        "Of the speakers that are probed, too, only half is then trained on.", "train", enum=["train", "valid", "test"]
    )
    n_train: int | None = setting("Utterances to train on, spread evenly; null for all.", 480, minimum=8)
    n_test: int | None = setting("Utterances to probe, spread evenly; null for all.", 240, minimum=8)
    n_latent: int = setting("Dimensions of each latent.", 32, minimum=2)
    textual_steps: int = setting("", 800, minimum=2)
    acoustic_steps: int = setting("", 300, minimum=2)
    batch_size: int = setting("Utterances a step.", 8, minimum=1)
    beta: tuple[float, ...] = setting(
        "Weight of the information term at the beginning and at nine tenths of the steps; too high, "
        "and a latent says nothing.",
        (0.1, 1.0),
        items={"type": "number", "minimum": 0},
        minItems=2,
        maxItems=2,
    )
    peak_learning_rate: float = setting("", 0.01, exclusiveMinimum=0)


@dataclass(frozen=True)
class DisentanglingSettings:
    """Settings of the analysis ``disentangling``."""

    factors: tuple[str, ...] = setting(
        "Columns of the index; values that do not occur with all values of the others are left out.",
        minItems=2,
        uniqueItems=True,
    )
    layer: str = setting(
        "Whose vectors are erased and attributed, and whose frames the bottleneck reads; subspaces are of every layer.",
        pattern="^(cnn|embed|T[1-9][0-9]*)$",
    )
    tier: str = setting("Segments whose vectors span the subspaces.", "phone", enum=["phone", "syllable", "word"])
    targets: Mapping[str, Any] = setting(
        "Further predictions that are shared out among the parts.",
        {},
        entries=DisentanglingTarget,
        propertyNames={"pattern": "^[a-z][a-z0-9_]*$"},
    )
    methods: tuple[str, ...] = setting(
        "How a factor is erased, and in whose metric its subspace is; random is the control.",
        ("leace", "mean_projection", "random"),
        items={"enum": ["leace", "mean_projection", "random"]},
        minItems=1,
        uniqueItems=True,
    )
    shrinkage: float = setting("Of the covariance in LEACE.", 0.0, minimum=0, maximum=1)
    min_items: int = setting("Least segments of a combination of values.", 10, minimum=2)
    max_items: int | None = setting("Random sample of segments; a matter of memory.", 20000, minimum=50)
    min_class_size: int = setting("Rarer classes of targets are left out.", 20, minimum=2)
    n_folds: int = setting("Of speakers.", 4, minimum=3)
    n_mlp_items: int = setting("Sample that trains a network beside each linear readout; 0 for none.", 2000, minimum=0)
    n_null: int = setting("Pairs of random subspaces.", 1000, minimum=100)
    n_resamples: int = setting("Bootstrap samples of speakers.", 1000, minimum=100)
    bottleneck: DisentanglingBottleneck = setting(
        "Two variational bottlenecks on frozen frames, the textual one trained to transcribe phones, "
        "the acoustic one to tell speakers.",
        DisentanglingBottleneck,
    )
