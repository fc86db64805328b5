"""Items of a corpus before any model has run: the index that an extraction will have, and noise in place of vectors.

An analysis selects its items from the index alone. What it will refuse or leave out is therefore known once a corpus is
imported, hours before the vectors exist.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from auscult.activations.memory import MemoryActivations
from auscult.activations.segment_index import corpus_index
from auscult.errors import AuscultError, CorpusError

__all__ = ["Trial", "PlannedItems", "plan_items", "targets_of", "spoken"]

# What is tried, such as a target, and a function that selects its items as the analysis will; it returns the number of
# groups that an interval would resample, or None, and raises the error of the analysis.
Trial = tuple[str, Callable[[], int | None]]
_LAYER, _N_DIMS = "noise", 2
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PlannedItems:
    """The items of a corpus and of those that its probes are trained on.

    Parameters
    ----------
    corpus : a :class:`~auscult.corpora.corpus.Corpus`, or an object with its ``name``, ``folder``, ``utterances`` and
        ``segments``
    index : the index of its activations, as returned by :func:`~auscult.activations.segment_index.corpus_index`
    seed : seed of the study
    others : the same of the other corpora that targets name
    """

    corpus: Any
    index: pd.DataFrame = field(repr=False)
    seed: int = 0
    others: Mapping[str, "PlannedItems"] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the corpus."""
        return str(self.corpus.name)

    @cached_property
    def activations(self) -> MemoryActivations:
        """Noise in place of vectors: one layer of two dimensions, the second one above 0.5, as of voiced frames."""
        vectors = np.random.default_rng(self.seed).random((len(self.index), _N_DIMS), dtype=np.float32)
        vectors[:, 1] += 1
        return MemoryActivations({_LAYER: vectors}, self.index)

    def lacks(self, corpora: Iterable[str]) -> bool:
        """Return whether other corpora are not here, so that a trial has to wait; log which."""
        missing = [name for name in corpora if name not in self.others]
        if missing:
            _log.info("not tried, since corpus %s is not here", ", ".join(missing))
        return bool(missing)

    def of_tier(self, tier: str) -> pd.DataFrame:
        """Return the rows of a tier; raise :class:`~auscult.errors.CorpusError` if there is none."""
        rows = self.index[self.index["tier"] == tier]
        if rows.empty:
            found = ", ".join(self.index["tier"].unique()) or "none"
            raise CorpusError(f"expected segments of tier {tier!r}, found tiers {found}; label them or leave this out")
        return rows


def plan_items(
    corpus: Any, *, tiers: Sequence[str], splits: Sequence[str], seed: int = 0
) -> tuple[PlannedItems, list[AuscultError]]:
    """Return the items that an extraction would have, and the errors with which it would refuse tiers.

    Parameters
    ----------
    corpus : see :class:`PlannedItems`
    tiers, splits : as for an extraction
    seed : seed of the study

    Raises
    ------
    CorpusError
        The splits hold no utterance.
    """
    utterances = corpus.utterances[corpus.utterances["split"].isin(splits)]
    if utterances.empty:
        found = ", ".join(corpus.utterances["split"].unique())
        raise CorpusError(
            f"expected utterances in splits {', '.join(splits)}, found only {found}; name them in activations: splits"
        )
    kept, errors = [], []
    for tier in tiers:
        try:
            _index(corpus, utterances, [tier])
            kept.append(tier)
        except AuscultError as error:
            errors.append(error)
    # Without any tier, whole recordings remain, so that other faults are found as well.
    return PlannedItems(corpus, _index(corpus, utterances, kept or ["utterance"]), seed), errors


def targets_of(section: Mapping[str, Any], corpus: str) -> Iterator[dict[str, Any]]:
    """Yield the targets of a corpus in the section of a family, each with its ``name``."""
    for name in section["corpora"][corpus]:
        yield {"name": name, **section["targets"][name]}


def _index(corpus: Any, utterances: pd.DataFrame, tiers: Sequence[str]) -> pd.DataFrame:
    return corpus_index(corpus, utterances, tiers, max(1, len(corpus.segments)))


def spoken(name: str, folder: Path | None, utterances: pd.DataFrame, segments: pd.DataFrame) -> Any:
    """Return tables that have not been imported in the form of a corpus."""
    return SimpleNamespace(name=name, folder=folder, utterances=utterances, segments=segments)
