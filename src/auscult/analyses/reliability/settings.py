"""Settings of reliability."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auscult.analyses.attribution.settings import INPUTS, UNITS
from auscult.settings import setting

__all__ = ["COMPARISONS", "ReliabilityTask", "ReliabilitySettings", "ReliabilitySection"]

COMPARISONS = ("seeds", "methods", "inputs")


@dataclass(frozen=True)
class ReliabilityTask:
    """One entry of ``tasks``."""

    word_based: bool = setting("Whether a single word decides the task.", False)
    between: tuple[str, ...] = setting(
        "Comparisons of attributions; seeds needs at least two models, two of them with step 0.",
        COMPARISONS,
        items={"enum": list(COMPARISONS)},
        uniqueItems=True,
    )


@dataclass(frozen=True)
class ReliabilitySettings:
    """How the reliability of attributions is measured."""

    methods: tuple[str, ...] = setting(
        "Methods to compare; none for all that attribution has scores of.", (), uniqueItems=True
    )
    inputs: tuple[str, ...] = setting(
        "Inputs that are perturbed for faithfulness and explained again by randomised models.",
        ("waveform",),
        items={"enum": list(INPUTS)},
        uniqueItems=True,
    )
    units: tuple[str, ...] = setting(
        "Units that are perturbed for faithfulness.",
        UNITS,
        items={"enum": list(UNITS)},
        minItems=1,
        uniqueItems=True,
    )
    n_utterances: int = setting("Number of utterances that are perturbed.", 12, minimum=1)
    n_random: int = setting("Random orders with which each method is compared.", 5, minimum=1)
    n_points: int = setting("Steps of deletion and insertion curves.", 10, minimum=2)
    shares: tuple[float, ...] = setting(
        "Shares of segments that are removed for comprehensiveness and kept for sufficiency.",
        (0.1, 0.2, 0.3, 0.4, 0.5),
        items={"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        minItems=1,
    )
    top_share: float = setting(
        "Share of segments that count as the highest in the top overlap.", 0.2, exclusiveMinimum=0, maximum=1
    )
    n_randomised: int = setting(
        "Number of utterances that the first model of a task explains again, randomised and unchanged; 0 for none.",
        6,
        minimum=0,
    )
    randomise: tuple[str, ...] = setting(
        "Layers down to which weights are randomised, from the head; none for the head, the upper half of the blocks, "
        "and all.",
        (),
        items={"type": "string", "pattern": "^(head|embed|cnn|T[1-9][0-9]*)$"},
    )
    n_draws: int = setting("Number of sets of fresh weights per randomised layer.", 3, minimum=1)
    randomised_units: tuple[str, ...] = setting(
        "Units by which randomised models are explained; none for all of attribution's.",
        (),
        items={"enum": list(UNITS)},
        uniqueItems=True,
    )
    batch_s: float = setting("Audio per batch in s; affects memory and speed, not results.", 30, exclusiveMinimum=0)
    n_resamples: int = setting("Bootstrap resamples of utterances per interval.", 1000, minimum=100)


@dataclass(frozen=True)
class ReliabilitySection(ReliabilitySettings):
    """Settings of the analysis ``reliability``."""

    tasks: Mapping[str, Any] = setting(
        "Tasks by name: the name of their models without the number of the seed, in which alone they differ.",
        entries=ReliabilityTask,
        minProperties=1,
        propertyNames={"$ref": "#/$defs/name"},
    )
