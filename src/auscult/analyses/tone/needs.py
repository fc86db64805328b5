"""What the tone analysis needs of a corpus: syllables of several tones and consonants, voices and strings."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from auscult.activations.planned import PlannedItems, Trial
from auscult.analyses.tone.items import contrast_items
from auscult.analyses.tone.settings import Contrast, ToneSettings
from auscult.errors import AnalysisError
from auscult.settings import settings_from

__all__ = ["trials"]


def trials(section: Mapping[str, Any], items: PlannedItems) -> Iterator[Trial]:
    """Yield a trial for each contrast, and one for the tiers of all poolings."""
    settings = settings_from(ToneSettings, section)
    for contrast in settings.contrasts:
        yield f"contrast {contrast}", partial(_choose, contrast, items, settings)
    yield "poolings", partial(_require, sorted({tier for tiers in settings.poolings.values() for tier in tiers}), items)


def _choose(contrast: Contrast, items: PlannedItems, settings: ToneSettings) -> int | None:
    syllables, train = items.of_tier("syllable"), settings.train.get(items.name, "")
    if train:
        if items.lacks([train]):
            return None
        other = items.others[train].of_tier("syllable")
        syllables = pd.concat([syllables.assign(corpus=items.name), other.assign(corpus=train)])
    found = contrast_items(syllables, contrast, n_folds=settings.n_folds, seed=items.seed, train=train)
    return len(np.unique(found.speakers[found.tested]))


def _require(tiers: Sequence[str], items: PlannedItems) -> None:
    found = set(items.index["tier"])
    missing = [tier for tier in tiers if tier not in found]
    if missing:
        raise AnalysisError(
            f"expected tiers {', '.join(tiers)} for the poolings, found no {', '.join(missing)}; label syllables and "
            "phones, or take the poolings out"
        )
