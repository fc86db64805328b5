"""Declaration of the syntax analysis: settings and part of the talk."""

from auscult.analyses.syntax.settings import SyntaxSettings
from auscult.family import Family

__all__ = ["FAMILY"]


FAMILY = Family(
    name="syntax",
    part="Part III: outlook",
    description="Loss, syntactic attention and grammatical accuracy of language models by checkpoint, with onsets.",
    settings=SyntaxSettings,
    chart={"metric": "uas", "target": "all", "along": "layer"},
    models="Masked language models.",
    corpora="Corpora of text with parses (loss and attachment), minimal pairs (accuracy), or both.",
    watches_training=True,
    reads_text=True,
)
