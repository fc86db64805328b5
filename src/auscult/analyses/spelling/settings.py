"""Settings of spelling."""

from dataclasses import dataclass

from auscult.settings import setting

__all__ = ["SpellingSettings"]


@dataclass(frozen=True)
class SpellingSettings:
    """Settings of the analysis ``spelling``."""

    split: str = setting("", "test", enum=["train", "valid", "test"])
    n_resamples: int = setting("Bootstrap samples of an interval over speakers.", 2000, minimum=100)
