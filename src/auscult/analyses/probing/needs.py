"""What probing needs of a corpus: usable items for every target."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from auscult.activations.columns import ACOUSTIC
from auscult.activations.planned import PlannedItems, Trial, targets_of
from auscult.analyses.probing.analysis import PENALTIES
from auscult.analyses.probing.optional_measures import OptionalMeasures
from auscult.analyses.probing.settings import ProbingSettings
from auscult.analyses.probing.sources import open_sources
from auscult.probes.target_checks import check_target, training_corpora
from auscult.probes.tasks import make_task
from auscult.settings import settings_from

__all__ = ["trials"]


def trials(section: Mapping[str, Any], items: PlannedItems) -> Iterator[Trial]:
    """Yield a trial for each target of the corpus."""
    settings = replace(settings_from(ProbingSettings, section), n_permutations=0)
    for target in targets_of(section, items.name):
        yield f"target {target['name']}", partial(_choose, target, items, settings)


def _choose(target: Mapping[str, Any], items: PlannedItems, settings: ProbingSettings) -> int | None:
    """Select the items of a target; acoustic columns, which are measured later, hold noise."""
    check_target(target)
    if items.lacks(training_corpora(target)):
        return None
    (source,) = open_sources(
        items.activations,
        [target],
        corpus=items.name,
        training={name: other.activations for name, other in items.others.items()},
        acoustics=dict.fromkeys(ACOUSTIC.values(), items.activations),
        segments=items.corpus.segments,
    )
    task = make_task(
        source.index,
        source.target,
        n_folds=settings.n_folds,
        n_permutations=settings.n_permutations,
        min_class_size=settings.min_class_size,
        max_items=settings.max_items,
        seed=items.seed,
    )
    measures = OptionalMeasures(source.activations, source.index, np.array(PENALTIES), 0, items.seed, "ridge")
    measures.sample(target, task)
    return len(np.unique(task.groups[task.tested]))
