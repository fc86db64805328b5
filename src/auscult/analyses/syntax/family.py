"""Declaration of syntax: its settings, its place in the talk and its requirements of a study."""

from auscult.analyses.syntax.settings import SyntaxSettings
from auscult.family import Family

__all__ = ["FAMILY"]


FAMILY = Family(
    name="syntax",
    part="Part III: outlook",
    description="Loss, syntactic attention and grammar of language models by checkpoint, and the onset of each.",
    settings=SyntaxSettings,
    models="BERTs that predict words.",
    corpora="Of text; with parses (loss and attachment), minimal pairs (accuracy), or both.",
    watches_training=True,
    reads_text=True,
)
