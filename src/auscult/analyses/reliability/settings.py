"""Settings of reliability."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auscult.settings import setting

__all__ = ["ReliabilitySettings", "ReliabilityTask"]


@dataclass(frozen=True)
class ReliabilityTask:
    """One entry of tasks."""

    word_based: bool = setting("Whether what decides is a word; drawn beside the task.", False)
    between: tuple[str, ...] = setting(
        "What is compared; seeds need at least two models, two of them with step 0.",
        ("seeds", "methods", "inputs"),
        items={"enum": ["seeds", "methods", "inputs"]},
        uniqueItems=True,
    )


@dataclass(frozen=True)
class ReliabilitySettings:
    """Settings of the analysis ``reliability``."""

    tasks: Mapping[str, Any] = setting(
        "Each is the name of its models without the number of the seed; they differ in nothing else.",
        entries=ReliabilityTask,
        minProperties=1,
        propertyNames={"$ref": "#/$defs/name"},
    )
    methods: tuple[str, ...] = setting("Those compared; by default all that attribution has.", (), uniqueItems=True)
    inputs: tuple[str, ...] = setting(
        "Those perturbed for faithfulness and explained again.",
        ("waveform",),
        items={"enum": ["waveform", "spectrogram", "cnn"]},
        uniqueItems=True,
    )
    units: tuple[str, ...] = setting(
        "Those perturbed for faithfulness.",
        ("frame", "phone", "word"),
        items={"enum": ["frame", "phone", "word"]},
        minItems=1,
        uniqueItems=True,
    )
    n_utterances: int = setting("Utterances that are perturbed.", 12, minimum=1)
    n_random: int = setting("Random orders that each method is set against.", 5, minimum=1)
    n_points: int = setting("Steps of deletion and insertion curves.", 10, minimum=2)
    shares: tuple[float, ...] = setting(
        "Segments taken away for comprehensiveness and sufficiency, as shares.",
        (0.1, 0.2, 0.3, 0.4, 0.5),
        items={"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        minItems=1,
    )
    top_share: float = setting(
        "Segments that count as the highest in overlaps, as a share.", 0.2, exclusiveMinimum=0, maximum=1
    )
    n_randomised: int = setting(
        "Utterances that the first model of a task explains again, randomised and as it is; 0 for none.", 6, minimum=0
    )
    randomise: tuple[str, ...] = setting(
        "Layers down to which weights are randomised, from the head; by default three.",
        (),
        items={"type": "string", "pattern": "^(head|embed|cnn|T[1-9][0-9]*)$"},
    )
    n_draws: int = setting("Sets of fresh weights of randomised models.", 3, minimum=1)
    randomised_units: tuple[str, ...] = setting(
        "Units by which randomised models are explained; by default all of attribution's.",
        (),
        items={"enum": ["frame", "phone", "word"]},
        uniqueItems=True,
    )
    batch_s: float = setting("Seconds of audio a batch; a matter of memory and speed.", 30, exclusiveMinimum=0)
    n_resamples: int = setting("Bootstrap samples of utterances.", 1000, minimum=100)
