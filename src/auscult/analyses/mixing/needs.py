"""What mixing needs of a corpus: words whose cue is known."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from auscult.activations.planned import PlannedItems, Trial
from auscult.analyses.mixing.sentences import plan_sentences
from auscult.analyses.mixing.settings import MixingSettings
from auscult.corpora.cues import cues
from auscult.settings import settings_from

__all__ = ["trials"]


def trials(section: Mapping[str, Any], items: PlannedItems) -> Iterator[Trial]:
    """Yield the trial of finding sentences with cues."""
    yield "cues", partial(_plan, items, settings_from(MixingSettings, section))


def _plan(items: PlannedItems, settings: MixingSettings) -> int:
    corpus = items.corpus
    found = plan_sentences(
        corpus, cues(corpus.segments, corpus.utterances), settings.splits, settings.max_sentences, items.seed
    )
    names = [sentence.utterance for sentence in found]
    return int(corpus.utterances.set_index("utterance").loc[names, "speaker"].nunique())
