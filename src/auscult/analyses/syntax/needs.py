"""What the syntax analysis needs of a corpus of text: minimal pairs, or sentences of the split."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from auscult.activations.planned import Trial
from auscult.analyses.syntax.settings import SyntaxSettings
from auscult.corpora.text import TextCorpus
from auscult.errors import AnalysisError
from auscult.settings import settings_from

__all__ = ["trials"]


def trials(section: Mapping[str, Any], corpus: TextCorpus) -> Iterator[Trial]:
    """Yield the trial of finding pairs or sentences."""
    yield "pairs or sentences", partial(_find, corpus, settings_from(SyntaxSettings, section))


def _find(corpus: TextCorpus, settings: SyntaxSettings) -> None:
    sentences, split = corpus.sentences, settings.split
    chosen = sentences if split is None else sentences[sentences["split"] == split]
    if corpus.pairs.empty and chosen.empty:
        found = ", ".join(sentences["split"].unique()) or "none"
        raise AnalysisError(
            f"expected minimal pairs, or sentences of split {split!r}, found neither; it has splits {found}: name one "
            "of them in analyses: syntax: split"
        )
