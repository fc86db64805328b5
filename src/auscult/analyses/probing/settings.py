"""Settings of probing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from auscult.settings import setting

__all__ = ["ProbingTarget", "ProbingSettings", "ProbingSection"]


_SIDE: dict[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {
        "type": ["string", "number", "array"],
        "items": {"type": ["string", "number"]},
        "minItems": 1,
        "uniqueItems": True,
    },
}


@dataclass(frozen=True)
class ProbingTarget:
    """One target: the property that a probe predicts, with its held-out units and optional measures."""

    tier: str = setting("Tier whose segments are the items.", enum=["phone", "syllable", "word", "utterance"])
    column: str = setting("Column of the activations' index that holds the labels.")
    held_out: str = setting(
        "Unit that test and training items never share; type needs the key type.",
        enum=["speaker", "utterance", "type", "speaker+type"],
    )
    kind: str = setting(
        "Classes for a classifier or values (log_f0, energy, duration_s, log_duration, position) for ridge regression.",
        "classes",
        enum=["classes", "values"],
    )
    type: str | tuple[str, ...] | None = setting(
        "Column, or columns together, that name the type of an item, such as a word's lemma or a phone's context.",
        None,
        optional=True,
        type=["string", "array"],
        minLength=1,
        items={"type": "string", "minLength": 1},
        minItems=1,
        uniqueItems=True,
    )
    given: str | None = setting(
        "Column of numbers, such as log_duration, that the claim holds fixed: what a cubic of it predicts is taken out "
        "of the vectors.",
        None,
        optional=True,
        minLength=1,
    )
    control: bool = setting(
        "Add a control task (one random label per type) and selectivity; needs the key type.", False
    )
    nonlinear: tuple[str, ...] = setting(
        "Nonlinear probes to train beside the linear one; attention pools the phones of an utterance and needs tier "
        "utterance.",
        (),
        items={"enum": ["mlp", "attention"]},
        uniqueItems=True,
    )
    mdl: bool = setting("Measure online code lengths (minimum description length).", False)
    sample: int = setting(
        "Number of randomly sampled items for nonlinear probes, the linear probe beside them, and code lengths.",
        3000,
        minimum=50,
    )
    everywhere: bool = setting(
        "Apply nonlinear probes and code lengths to every layer, not only to the one selected on validation data.",
        False,
    )
    train: Mapping[str, Any] | None = setting(
        "Items that probes are trained on, by values of columns, such as {speaker: [anna, bert]} or {corpus: [other]}; "
        "by default all but those of test.",
        None,
        optional=True,
        **_SIDE,
    )
    test: Mapping[str, Any] | None = setting(
        "Items that probes are tested on, by values of columns; by default all items of the corpus but those of train.",
        None,
        optional=True,
        **_SIDE,
    )
    n_train: tuple[int, ...] = setting(
        "Numbers of training items of a learning curve.",
        (),
        items={"type": "integer", "minimum": 2},
        uniqueItems=True,
    )


@dataclass(frozen=True)
class ProbingSettings:
    """Settings of :func:`~auscult.analyses.probing.analysis.probe_activations`."""

    probe: Literal["ridge", "logistic"] = setting(
        "Linear probe of classes: multinomial logistic regression with a ridge probe beside it, or ridge alone. Values "
        "are predicted by ridge regression.",
        "logistic",
        enum=["ridge", "logistic"],
    )
    n_folds: int = setting(
        "Number of folds. With two, as for two speakers, halves of the training fold choose penalty and layer.",
        4,
        minimum=2,
    )
    n_permutations: int = setting(
        "Number of probes with shuffled labels, and of control tasks, whose mean is reported.", 5, minimum=1
    )
    n_resamples: int = setting("Number of bootstrap resamplings of speakers.", 2000, minimum=100)
    min_class_size: int = setting(
        "Smallest number of items of a class; classes with fewer items are dropped.", 10, minimum=2
    )
    max_items: int | None = setting(
        "Number of randomly sampled items per target, null for all; logistic probes hold the vectors of all items of a "
        "layer in memory.",
        6000,
        minimum=50,
    )


@dataclass(frozen=True)
class ProbingSection(ProbingSettings):
    """Section ``probing`` of a study."""

    keep_items: bool = setting(
        "Write truth, prediction, probability, fold and speaker of every tested item at every layer, confusion "
        "matrices, and the fitted probes.",
        False,
    )

    targets: Mapping[str, Any] = setting(
        "Targets by name.", entries=ProbingTarget, minProperties=1, propertyNames={"pattern": "^[a-z][a-z0-9_]*$"}
    )
