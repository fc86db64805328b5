"""Settings of mixing."""

from dataclasses import dataclass

from auscult.settings import setting

__all__ = ["METHODS", "MixingSettings"]

METHODS = (
    "attention",
    "attention_norm",
    "attention_norm_residual",
    "attention_norm_layer_norm",
    "rollout",
    "value_zeroing",
)


@dataclass(frozen=True)
class MixingSettings:
    """Settings of the analysis ``mixing``."""

    methods: tuple[str, ...] = setting(
        "Measures of context mixing to compare, see auscult.analyses.mixing.methods.",
        METHODS,
        items={"enum": list(METHODS)},
        minItems=1,
        uniqueItems=True,
    )
    splits: tuple[str, ...] = setting(
        "Splits of the corpus; half of their sentences choose layers, the other half is reported.",
        ("test",),
        items={"enum": ["train", "valid", "test"]},
        minItems=1,
    )
    max_sentences: int | None = setting(
        "Number of sentences to analyse, spread evenly over the corpus; null for all.", None, minimum=1
    )
    memory_mb: float = setting(
        "Memory in MB for the attention weights of one layer, and for the copies that value zeroing runs at once.",
        1000,
        exclusiveMinimum=0,
    )
    n_resamples: int = setting("Bootstrap resamples of sentences per interval.", 2000, minimum=1)
