"""Settings of mixing."""

from dataclasses import dataclass

from auscult.settings import setting

__all__ = ["MixingSettings"]


@dataclass(frozen=True)
class MixingSettings:
    """Settings of the analysis ``mixing``."""

    methods: tuple[str, ...] = setting(
        "How much one word takes from another; see auscult.analyses.mixing.methods.",
        (
            "attention",
            "attention_norm",
            "attention_norm_residual",
            "attention_norm_layer_norm",
            "rollout",
            "value_zeroing",
        ),
        items={
            "enum": [
                "attention",
                "attention_norm",
                "attention_norm_residual",
                "attention_norm_layer_norm",
                "rollout",
                "value_zeroing",
            ]
        },
        minItems=1,
        uniqueItems=True,
    )
    splits: tuple[str, ...] = setting(
        "Half of their sentences choose layers, the other half is reported.",
        ("test",),
        items={"enum": ["train", "valid", "test"]},
        minItems=1,
    )
    max_sentences: int | None = setting("Run so many sentences, spread evenly, instead of all.", None, minimum=1)
    memory_mb: float = setting(
        "Of a layer's attention weights, then of its altered copies, which run in chunks that fit.",
        1000,
        exclusiveMinimum=0,
    )
    n_resamples: int = setting("Bootstrap samples of an interval over sentences.", 2000, minimum=1)
