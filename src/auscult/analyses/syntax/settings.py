"""Settings of the syntax analysis."""

from dataclasses import dataclass
from typing import Literal

from auscult.settings import setting

__all__ = ["SyntaxSettings", "Variant"]

Variant = Literal["original", "within_word"]


@dataclass(frozen=True)
class SyntaxSettings:
    """Settings of the analysis ``syntax``."""

    split: str | None = setting("Split of the parsed sentences.", "test", enum=["train", "valid", "test"])
    min_arcs: int = setting("Smallest number of arcs of a relation; rarer relations are left out.", 100, minimum=2)
    max_sentences: int | None = setting(
        "Number of sentences to measure, the first of the split; null measures all.", None, minimum=2
    )
    variant: Variant = setting(
        "Pseudo-log-likelihood of words of several tokens: original masks one token at a time, within_word also the "
        "later tokens of the word.",
        "original",
        enum=["original", "within_word"],
    )
    onset_share: float = setting(
        "Share of the way from its floor (chance, the best fixed offset or the untrained model) to the best possible "
        "value that a curve has made at its onset.",
        0.1,
        exclusiveMinimum=0,
        exclusiveMaximum=1,
    )
    n_resamples: int = setting("Number of bootstrap samples of sentences.", 1000, minimum=100)
