"""What encoding needs of a corpus: usable items for every level."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from auscult.activations.derived_columns import add_derived
from auscult.activations.planned import PlannedItems, Trial, targets_of
from auscult.analyses.abx.tasks import make_abx_task
from auscult.analyses.encoding.levels import add_syntax, level_items
from auscult.analyses.encoding.settings import EncodingSettings
from auscult.probes.target_checks import check_target, type_columns
from auscult.probes.tasks import make_task
from auscult.settings import settings_from

__all__ = ["trials"]


def trials(section: Mapping[str, Any], items: PlannedItems) -> Iterator[Trial]:
    """Yield a trial for each level of the corpus."""
    settings = settings_from(EncodingSettings, section)
    for level in targets_of(section, items.name):
        yield f"target {level['name']}", partial(_choose, level, items, settings)


def _choose(level: Mapping[str, Any], items: PlannedItems, settings: EncodingSettings) -> int:
    check_target(level)
    columns = {name for name in (level["column"], level.get("given"), *type_columns(level)) if name}
    index = add_syntax(add_derived(items.index, columns, segments=items.corpus.segments), columns)
    index = index.assign(**{level["column"]: level_items(index, level, settings=settings, seed=items.seed)})
    task = make_task(
        index,
        level,
        n_folds=settings.n_folds,
        min_class_size=settings.min_class_size,
        n_permutations=0,
        max_items=None,
        seed=items.seed,
    )
    if level.get("abx"):
        make_abx_task(
            index,
            on=level["column"],
            across="speaker",
            name=level["name"],
            seed=items.seed,
            max_items_per_bin=settings.max_items_per_bin,
            max_cells=settings.max_cells,
        )
    return len(np.unique(index["speaker"].astype(str).to_numpy()[task.rows[task.tested]]))
