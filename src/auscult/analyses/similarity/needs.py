"""What similarity needs of a corpus: items of its tiers, speakers for folds, columns and vectors of references."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from auscult.activations.planned import PlannedItems, Trial
from auscult.analyses.similarity.items import Items
from auscult.analyses.similarity.reference_spaces import reference_space, sample_items
from auscult.analyses.similarity.settings import SimilaritySettings
from auscult.errors import AnalysisError
from auscult.settings import settings_from

__all__ = ["trials"]


def trials(section: Mapping[str, Any], items: PlannedItems) -> Iterator[Trial]:
    """Yield a trial for the layers of a model, and for each reference."""
    settings = settings_from(SimilaritySettings, section)
    yield f"tier {settings.tier}", partial(_choose, settings.tier, items, settings)
    for name, reference in section["references"].items():
        yield f"reference {name}", partial(_refer, name, reference, items, settings)


def _choose(tier: str, items: PlannedItems, settings: SimilaritySettings) -> int:
    rows = sample_items(items.index, tier, settings.n_items, items.seed)
    return Items.of(items.index, rows, settings.measures, items.seed).n_speakers


def _refer(name: str, reference: Mapping[str, Any], items: PlannedItems, settings: SimilaritySettings) -> int:
    tier = reference.get("tier", "phone")
    rows = sample_items(items.index, tier, settings.n_items, items.seed)
    others = {reference["model"]: items.activations} if reference["space"] == "activations" else {}
    vectors = reference_space(items.index, rows, name, reference, others, items.corpus.utterances["text"])
    known = ~np.isnan(vectors).all(axis=1)
    if not known.any():
        raise AnalysisError(
            f"reference {name!r}: expected vectors of some items, found none for {len(rows)} items of tier {tier}; "
            "choose another column or tier"
        )
    return Items.of(items.index, rows[known], settings.measures, items.seed).n_speakers
