"""What ABX needs of a corpus: triples for every target and condition, and item files that fit the recordings."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from auscult.activations.planned import PlannedItems, Trial, targets_of
from auscult.analyses.abx.analysis import abx_activations
from auscult.analyses.abx.items import read_items
from auscult.analyses.abx.settings import AbxSettings
from auscult.settings import settings_from

__all__ = ["trials"]

_FEW_CELLS = 100


def trials(section: Mapping[str, Any], items: PlannedItems) -> Iterator[Trial]:
    """Yield a trial for each target of the corpus: a few cells of noise are scored, or the item file is read."""
    settings = replace(settings_from(AbxSettings, section), max_cells=_FEW_CELLS, n_resamples=0, distance="cosine")
    for target in targets_of(section, items.name):
        yield f"target {target['name']}", partial(_read if "items" in target else _score, target, items, settings)


def _read(target: Mapping[str, Any], items: PlannedItems, settings: AbxSettings) -> int:
    return int(read_items(target["items"], items.corpus.utterances)["speaker"].nunique())


def _score(target: Mapping[str, Any], items: PlannedItems, settings: AbxSettings) -> int:
    results, _ = abx_activations(
        items.activations, targets=[target], corpus=items.name, model="", step="", settings=settings, seed=items.seed
    )
    return int(results["n_groups"].min())
