"""What attribution needs of a corpus: test utterances to explain and, where a word is explained, its cue."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from auscult.activations.planned import PlannedItems, Trial
from auscult.analyses.attribution.items import choose_utterances
from auscult.analyses.attribution.settings import AttributionSettings
from auscult.corpora.cues import cues, has_cues
from auscult.settings import settings_from

__all__ = ["trials"]


def trials(section: Mapping[str, Any], items: PlannedItems) -> Iterator[Trial]:
    """Yield a trial for each kind of head; a head that is known only once a model is opened is not tried."""
    settings = settings_from(AttributionSettings, section)
    for head in sorted({*section["heads"].values()} & {"classes", "ctc"}):
        yield f"explained output of {head}", partial(_choose, settings.explain.of(head), items, settings)


def _choose(kind: str, items: PlannedItems, settings: AttributionSettings) -> None:
    corpus = items.corpus
    known = cues(corpus.segments, corpus.utterances) if has_cues(corpus.segments) else None
    choose_utterances(
        corpus,
        # The classes of a model are known once it is opened; no label belongs to all utterances.
        [""],
        kind=kind,
        cues=known,
        n_utterances=settings.n_utterances,
        drawn_within_s=settings.drawn_within_s,
        seed=items.seed,
    )
