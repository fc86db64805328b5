"""What spelling needs of a corpus: words whose number only a determiner marks."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from auscult.activations.planned import PlannedItems, Trial
from auscult.analyses.spelling.settings import SpellingSettings
from auscult.corpora.cues import cues
from auscult.errors import AnalysisError
from auscult.settings import settings_from

__all__ = ["trials"]


def trials(section: Mapping[str, Any], items: PlannedItems) -> Iterator[Trial]:
    """Yield the trial of finding such words."""
    yield "cues", partial(_find, items, settings_from(SpellingSettings, section))


def _find(items: PlannedItems, settings: SpellingSettings) -> int:
    utterances = items.corpus.utterances
    utterances = utterances[utterances["split"] == settings.split]
    found = cues(items.corpus.segments, utterances)
    if found.empty:
        raise AnalysisError(
            f"expected nouns or verbs with a number cue in split {settings.split!r}, found none in {len(utterances)} "
            "utterances; add sentences of a language where only the determiner marks number"
        )
    return int(utterances.loc[utterances["utterance"].isin(found["utterance"]), "speaker"].nunique())
