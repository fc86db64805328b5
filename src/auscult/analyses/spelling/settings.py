"""Settings of spelling: the split and the number of resamples."""

from dataclasses import dataclass

from auscult.settings import setting

__all__ = ["SpellingSettings"]


@dataclass(frozen=True)
class SpellingSettings:
    """Settings of the analysis ``spelling``."""

    split: str = setting("Split whose utterances are transcribed.", "test", enum=["train", "valid", "test"])
    n_resamples: int = setting("Number of bootstrap samples of speakers.", 2000, minimum=100)
