"""Settings of attribution."""

from dataclasses import dataclass

from auscult.errors import AnalysisError
from auscult.settings import setting

__all__ = [
    "MIN_UTTERANCES",
    "METHODS",
    "INTEGRATED",
    "INPUTS",
    "UNITS",
    "SCALES",
    "ExplainedKind",
    "AttributionSettings",
    "AttributionSection",
]

# Least number of utterances of which a statement is made.
MIN_UTTERANCES = 40

METHODS = (
    "saliency",
    "input_x_gradient",
    "integrated_gradients",
    "integrated_gradients_noise",
    "occlusion",
    "ablation",
    "lime",
    "kernel_shap",
)
# Integrated gradients, by the baseline from which they start.
INTEGRATED = {"integrated_gradients": "silence", "integrated_gradients_noise": "noise"}
INPUTS = ("waveform", "spectrogram", "cnn")
UNITS = ("frame", "phone", "word")
SCALES = ("log_probability", "logit")


@dataclass(frozen=True)
class ExplainedKind:
    """Kind of explained output, by head of the model."""

    classes: str = setting(
        "Explained output of classifiers: the class that was said (labelled) or the predicted one.",
        "labelled",
        enum=["predicted", "labelled"],
    )
    ctc: str = setting(
        "Explained output of recognisers: the transcript, or one word against its other spelling.",
        "word",
        enum=["transcript", "word"],
    )

    def of(self, head: str) -> str:
        """Return the kind for a head, ``classes`` or ``ctc``."""
        return self.classes if head == "classes" else self.ctc


@dataclass(frozen=True)
class AttributionSettings:
    """How the predictions of one model are attributed.

    Raises
    ------
    AnalysisError
        A method, input or unit does not exist.
    """

    explain: ExplainedKind = setting(
        "Explained output, by head of the model; word needs a corpus in which cues are known.", ExplainedKind
    )
    scale: str = setting("Scale on which the score of a class is explained.", "log_probability", enum=list(SCALES))
    methods: tuple[str, ...] = setting(
        "Attribution methods to compare.", METHODS, items={"enum": list(METHODS)}, minItems=1, uniqueItems=True
    )
    inputs: tuple[str, ...] = setting(
        "Representations of the utterance to which a prediction is attributed; cnn are the frames of the front end.",
        INPUTS,
        items={"enum": list(INPUTS)},
        minItems=1,
        uniqueItems=True,
    )
    units: tuple[str, ...] = setting(
        "Segments that receive scores.", ("word",), items={"enum": list(UNITS)}, minItems=1, uniqueItems=True
    )
    n_utterances: int = setting("Number of test utterances.", 16, minimum=1)
    n_samples: int = setting(
        "Coalitions of LIME and KernelSHAP: at least 8 per unit, and all coalitions where there are no more.",
        256,
        minimum=4,
    )
    max_steps: int = setting(
        "Largest number of gradients in one path of integrated gradients, whose steps are added until it is complete.",
        128,
        minimum=9,
    )
    largest_gap: float = setting(
        "Largest completeness gap of integrated gradients, as a share of the explained difference; a method whose gap "
        "is larger over the utterances of a model is left out.",
        0.05,
        exclusiveMinimum=0,
        maximum=1,
    )
    window_ms: float = setting("Length of the occlusion window in ms.", 100, exclusiveMinimum=0)
    stride_ms: float = setting("Step between occlusion windows in ms.", 50, exclusiveMinimum=0)
    n_bands: int = setting("Frequency bands into which each unit of a spectrogram is divided.", 1, minimum=1)
    frame_hops: int = setting("Length of the unit frame in hops of the model.", 1, minimum=1)
    frame_inputs: tuple[str, ...] = setting(
        "Inputs on which the unit frame is scored, if it is among the units; other units are scored on every input.",
        INPUTS,
        items={"enum": list(INPUTS)},
        uniqueItems=True,
    )
    memory_mb: float = setting(
        "Memory in MB for activations; perturbed inputs run in chunks that fit.", 1000, exclusiveMinimum=0
    )
    max_s: float = setting("Longest utterance in s; a longer one that was drawn is refused.", 30, exclusiveMinimum=0)
    drawn_within_s: float | None = setting(
        "Longest utterance in s to draw from; without it, utterances of any length are drawn.",
        None,
        optional=True,
        exclusiveMinimum=0,
    )
    n_resamples: int = setting("Bootstrap resamples of utterances per interval.", 2000, minimum=100)

    def __post_init__(self) -> None:
        for key, known in (("methods", METHODS), ("inputs", INPUTS), ("frame_inputs", INPUTS), ("units", UNITS)):
            for name in getattr(self, key):
                if name not in known:
                    raise AnalysisError(f"expected {key} among {', '.join(known)}, found {name!r}; correct the name")

    def units_of(self, input_name: str) -> list[str]:
        """Return the units that are scored on an input."""
        return [unit for unit in self.units if unit != "frame" or input_name in self.frame_inputs]


@dataclass(frozen=True)
class AttributionSection(AttributionSettings):
    """Settings of the analysis ``attribution``."""

    inputs_of_seeds: tuple[str, ...] = setting(
        "Inputs of the models of a task other than the first, which differ from it only in their seed; none for the "
        "same inputs.",
        (),
        items={"enum": list(INPUTS)},
        uniqueItems=True,
    )
