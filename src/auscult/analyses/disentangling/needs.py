"""What disentangling needs of a corpus: factors that occur in all combinations, and speakers for every fold."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from auscult.activations.planned import PlannedItems, Trial
from auscult.analyses.disentangling.analysis import KNOWN_VALUES
from auscult.analyses.disentangling.attribution import labelled_target
from auscult.analyses.disentangling.items import factor_items
from auscult.analyses.disentangling.settings import DisentanglingSettings
from auscult.settings import settings_from

__all__ = ["trials"]


def trials(section: Mapping[str, Any], items: PlannedItems) -> Iterator[Trial]:
    """Yield the trial of crossing the factors and dividing the speakers."""
    yield "factors", partial(_cross, section, items, settings_from(DisentanglingSettings, section))


def _cross(section: Mapping[str, Any], items: PlannedItems, settings: DisentanglingSettings) -> int:
    found = factor_items(items.index, section["factors"], settings, known=KNOWN_VALUES, seed=items.seed)
    fold_of = dict(zip(found.speakers, found.folds))
    for name, target in section["targets"].items():
        labelled_target(
            items.index,
            fold_of,
            name,
            target,
            min_class_size=settings.min_class_size,
            max_items=settings.max_items,
            seed=items.seed,
        )
    return len(np.unique(found.speakers))
