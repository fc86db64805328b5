"""Settings of attribution."""

from dataclasses import dataclass

from auscult.settings import setting

__all__ = ["AttributionSettings", "AttributionExplain"]


@dataclass(frozen=True)
class AttributionExplain:
    """Settings under ``explain``."""

    classes: str = setting("", "labelled", enum=["predicted", "labelled"])
    ctc: str = setting("", "word", enum=["transcript", "word"])


@dataclass(frozen=True)
class AttributionSettings:
    """Settings of the analysis ``attribution``."""

    explain: AttributionExplain = setting(
        "What is attributed, of classifiers and of recognisers; word needs a corpus with cues.", AttributionExplain
    )
    scale: str = setting("Of a class.", "log_probability", enum=["log_probability", "logit"])
    methods: tuple[str, ...] = setting(
        "",
        (
            "saliency",
            "input_x_gradient",
            "integrated_gradients",
            "integrated_gradients_noise",
            "occlusion",
            "ablation",
            "lime",
            "kernel_shap",
        ),
        items={
            "enum": [
                "saliency",
                "input_x_gradient",
                "integrated_gradients",
                "integrated_gradients_noise",
                "occlusion",
                "ablation",
                "lime",
                "kernel_shap",
            ]
        },
        minItems=1,
        uniqueItems=True,
    )
    inputs: tuple[str, ...] = setting(
        "",
        ("waveform", "spectrogram", "cnn"),
        items={"enum": ["waveform", "spectrogram", "cnn"]},
        minItems=1,
        uniqueItems=True,
    )
    inputs_of_seeds: tuple[str, ...] = setting(
        "Those of the models of a task other than the first, which differ from it in their seed; by "
        "default all of inputs.",
        (),
        items={"enum": ["waveform", "spectrogram", "cnn"]},
        uniqueItems=True,
    )
    units: tuple[str, ...] = setting(
        "", ("word",), items={"enum": ["frame", "phone", "word"]}, minItems=1, uniqueItems=True
    )
    n_utterances: int = setting("Test utterances", 16, minimum=1)
    n_samples: int = setting(
        "Coalitions of LIME and KernelSHAP; 8 times the units of an utterance where that is more, all "
        "there are if no more.",
        256,
        minimum=4,
    )
    n_steps: int = setting("Points of integrated gradients.", 50, minimum=2)
    window_ms: float = setting("Of occlusion.", 100, exclusiveMinimum=0)
    stride_ms: float = setting("", 50, exclusiveMinimum=0)
    n_bands: int = setting("Bands of frequency of a spectrogram's units.", 1, minimum=1)
    frame_hops: int = setting("Hops of the model in one unit frame.", 1, minimum=1)
    frame_inputs: tuple[str, ...] = setting(
        "Inputs of which frames are units, where they are among units; by default all.",
        ("waveform", "spectrogram", "cnn"),
        items={"enum": ["waveform", "spectrogram", "cnn"]},
        uniqueItems=True,
    )
    memory_mb: float = setting("Of activations; perturbations run in chunks that fit.", 1000, exclusiveMinimum=0)
    max_s: float = setting("Longest utterance; a longer one that was drawn is refused.", 30, exclusiveMinimum=0)
    drawn_within_s: float | None = setting(
        "Utterances are drawn among those of at most this length; by default among all.",
        None,
        optional=True,
        exclusiveMinimum=0,
    )
    n_resamples: int = setting("", 2000, minimum=100)
