"""Declaration of spelling: settings, part of the talk and requirements of a study."""

from auscult.analyses.spelling.settings import SpellingSettings
from auscult.family import Family

__all__ = ["FAMILY"]


FAMILY = Family(
    name="spelling",
    part="Part II: feature importance",
    description="Number as spelt by recognisers where only the determiner marks it.",
    settings=SpellingSettings,
    models="Each must have a CTC head.",
    corpora="Words must be annotated with number, head and relation; see auscult.corpora.cues.",
)
