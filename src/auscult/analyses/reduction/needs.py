"""What reduction needs of a corpus: items of the tier in both halves of the speakers, and values of the factors."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from auscult.activations.planned import PlannedItems, Trial
from auscult.analyses.reduction.analysis import reduce_activations
from auscult.analyses.reduction.settings import ReductionSettings
from auscult.settings import settings_from

__all__ = ["trials"]

_QUICK = ("pca", "lda")


def trials(section: Mapping[str, Any], items: PlannedItems) -> Iterator[Trial]:
    """Yield the trial of mapping noise by the methods that take no time."""
    settings = settings_from(ReductionSettings, section)
    methods = [method for method in settings.methods if method in _QUICK] or ["pca"]
    quick = replace(settings, methods=tuple(methods), n_resamples=0, n_seeds=1)
    yield f"tier {settings.tier}", partial(_map, items, quick)


def _map(items: PlannedItems, settings: ReductionSettings) -> int:
    quality, _ = reduce_activations(
        items.activations,
        layers=items.activations.layers,
        corpus=items.name,
        model="",
        step="",
        settings=settings,
        seed=items.seed,
    )
    return int(quality["n_groups"].min())
