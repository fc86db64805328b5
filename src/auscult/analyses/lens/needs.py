"""What lens needs of a corpus: transcripts of the tests, and other speakers to fit maps on."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from auscult.activations.planned import PlannedItems, Trial
from auscult.analyses.lens.items import choose_utterances
from auscult.analyses.lens.settings import LensSettings
from auscult.settings import settings_from

__all__ = ["trials"]


def trials(section: Mapping[str, Any], items: PlannedItems) -> Iterator[Trial]:
    """Yield the trial of choosing utterances for the maps and for the tests."""
    yield "transcripts and speakers", partial(_choose, items, settings_from(LensSettings, section))


def _choose(items: PlannedItems, settings: LensSettings) -> int:
    return int(choose_utterances(items.corpus, settings, items.seed).test["speaker"].nunique())
