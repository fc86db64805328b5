"""Declaration of spelling: its settings, its place in the talk and its requirements of a study."""

from auscult.analyses.spelling.settings import SpellingSettings
from auscult.family import Family

__all__ = ["FAMILY"]


FAMILY = Family(
    name="spelling",
    part="Part II: feature importance",
    description="How recognisers spell number where only a determiner tells it.",
    settings=SpellingSettings,
    models="Each must have a CTC head.",
    corpora="Their words carry number, head and relation; see auscult.corpora.cues.",
)
