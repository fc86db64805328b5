"""Settings of probing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auscult.settings import setting

__all__ = ["ProbingSettings", "ProbingTarget"]


@dataclass(frozen=True)
class ProbingTarget:
    """One entry of targets."""

    tier: str = setting("", enum=["phone", "syllable", "word", "utterance"])
    column: str = setting("Column of the activations' index that holds the labels.")
    held_out: str = setting(
        "What test items share with no training item; type needs the key type.",
        enum=["speaker", "utterance", "type", "speaker+type"],
    )
    kind: str = setting(
        "Classes are classified, values (log_f0, energy, duration_s, log_duration, position) "
        "predicted by ridge regression.",
        "classes",
        enum=["classes", "values"],
    )
    type: str | tuple[str, ...] | None = setting(
        "Column, or columns that together, name what an item is an instance of (a word's lemma, a phone's context).",
        None,
        optional=True,
        type=["string", "array"],
        minLength=1,
        items={"type": "string", "minLength": 1},
        minItems=1,
        uniqueItems=True,
    )
    control: bool = setting("Add a control task, a random label for each type, and selectivity; needs type.", False)
    twins: tuple[str, ...] = setting(
        "Further probes; attention reads the phones of an utterance and needs tier utterance.",
        (),
        items={"enum": ["mlp", "attention"]},
        uniqueItems=True,
    )
    mdl: bool = setting("Measure code lengths.", False)
    sample: int = setting(
        "Random items for twins and code lengths, whose cost grows with them; a linear probe is trained on them, too.",
        3000,
        minimum=50,
    )
    everywhere: bool = setting(
        "Twins and code lengths at every layer, not only at the one chosen on validation data.", False
    )
    n_train: tuple[int, ...] = setting(
        "Training items of each point of a learning curve.",
        (),
        items={"type": "integer", "minimum": 2},
        uniqueItems=True,
    )


@dataclass(frozen=True)
class ProbingSettings:
    """Settings of the analysis ``probing``."""

    targets: Mapping[str, Any] = setting(
        "", entries=ProbingTarget, minProperties=1, propertyNames={"pattern": "^[a-z][a-z0-9_]*$"}
    )
    probe: str = setting("", "ridge", enum=["ridge", "logistic"])
    n_folds: int = setting("", 4, minimum=3)
    n_permutations: int = setting("Label shufflings of the control, of which the mean is shown.", 5, minimum=1)
    n_resamples: int = setting("Bootstrap samples of speakers.", 2000, minimum=100)
    min_class_size: int = setting("", 10, minimum=2)
    max_items: int | None = setting(
        "Random items of a tier; logistic probes need it, since they hold all vectors in memory.", None, minimum=50
    )
