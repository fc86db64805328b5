"""Settings of syntax."""

from dataclasses import dataclass

from auscult.settings import setting

__all__ = ["SyntaxSettings"]


@dataclass(frozen=True)
class SyntaxSettings:
    """Settings of the analysis ``syntax``."""

    split: str = setting("Of the sentences.", "test", enum=["train", "valid", "test"])
    min_arcs: int = setting("Relations with fewer arcs are left out.", 100, minimum=2)
    max_sentences: int | None = setting("Measure the first so many sentences instead of all.", None, minimum=2)
    variant: str = setting(
        "Of the likelihood of words of several tokens; original hides one token, within_word those "
        "after it in the word, too.",
        "original",
        enum=["original", "within_word"],
    )
    onset_share: float = setting(
        "Of its whole change that a curve has made at its onset.", 0.5, exclusiveMinimum=0, exclusiveMaximum=1
    )
    n_resamples: int = setting("Bootstrap samples of sentences and of pairs.", 1000, minimum=100)
