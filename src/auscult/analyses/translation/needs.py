"""What translation needs of a corpus: references of every utterance, and both genders in every split."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from auscult.activations.planned import PlannedItems, Trial
from auscult.analyses.translation.probes import probe_items
from auscult.analyses.translation.settings import TranslationSettings
from auscult.corpora.translations import read_references
from auscult.settings import settings_from

__all__ = ["trials"]


def trials(section: Mapping[str, Any], items: PlannedItems) -> Iterator[Trial]:
    """Yield the trial of reading the references and dividing them for probes."""
    yield "references", partial(_read, items, settings_from(TranslationSettings, section))


def _read(items: PlannedItems, settings: TranslationSettings) -> int:
    references = read_references(items.corpus.folder, items.corpus.utterances)
    return int(probe_items(references, settings.n_probe, items.seed)["test"]["speaker"].nunique())
