"""A question of probing: a target with its items, its linear probes, and what they found at each layer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from auscult.activations.layer_vectors import LayerVectors
from auscult.analyses.probing.columns import SELECTED
from auscult.analyses.probing.kept_results import KeptResults
from auscult.analyses.probing.optional_measures import OptionalMeasures, layer_rows
from auscult.analyses.probing.settings import ProbingSettings
from auscult.analyses.probing.sources import Source
from auscult.probes.classifiers import Probe
from auscult.probes.cross_validation import Outcome, cross_validate, select_layer
from auscult.probes.nonlinear import reduce_labellings
from auscult.probes.tasks import Task, make_task

__all__ = ["Penalties", "Question", "answer_layer"]

Row = dict[str, Any]


@dataclass(frozen=True)
class Penalties:
    """Candidates of both linear probes, in descending order, so that ties select the strongest."""

    ridge: npt.NDArray[np.float64]
    logistic: npt.NDArray[np.float64]

    @classmethod
    def of(cls, ridge: Iterable[float], logistic: Iterable[float]) -> "Penalties":
        """Sort both."""
        return cls(*(np.sort(np.asarray(list(asked), dtype=float))[::-1] for asked in (ridge, logistic)))


@dataclass
class Question:
    """A target with its items, its linear probes, and what they found at each layer.

    Parameters
    ----------
    target : as in :func:`~auscult.analyses.probing.analysis.probe_activations`
    source : vectors and index
    task : items and labels
    sample : the same with the items of nonlinear probes and code lengths
    probe : the linear probe that figures show; ridge probes are fitted in any case
    measures : what is measured beside it
    by_ridge, by_logistic : outcomes by layer
    """

    target: Mapping[str, Any]
    source: Source
    task: Task
    sample: Task
    probe: Probe
    measures: OptionalMeasures
    by_ridge: dict[str, Outcome] = field(default_factory=dict)
    by_logistic: dict[str, Outcome] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        target: Mapping[str, Any],
        source: Source,
        settings: ProbingSettings,
        penalties: Penalties,
        seed: int,
    ) -> "Question":
        """Choose the items and the probe of a target.

        Raises
        ------
        AnalysisError
            There are too few items, speakers or classes.
        """
        task = make_task(
            source.index,
            source.target,
            n_folds=settings.n_folds,
            n_permutations=settings.n_permutations,
            min_class_size=settings.min_class_size,
            max_items=settings.max_items,
            seed=seed,
        )
        probe: Probe = "logistic" if settings.probe == "logistic" and task.kind == "classes" else "ridge"
        candidates = penalties.logistic if probe == "logistic" else penalties.ridge
        measures = OptionalMeasures(source.activations, source.index, candidates, settings.n_resamples, seed, probe)
        # Sampled here, so that too small a sample is reported before any layer is read.
        return cls(target, source, task, measures.sample(target, task), probe, measures)

    @cached_property
    def small(self) -> Task:
        """The task with true labels and those of the control task only, for the slower probe."""
        return reduce_labellings(self.task, "true", "control")

    def rows(self, n_resamples: int, seed: int) -> tuple[list[Row], dict[str, Outcome]]:
        """Return the result rows, and the outcomes of the probe that figures show, with that of the selected layer."""
        shown = self.by_ridge
        shown[SELECTED] = select_layer(self.task, shown)
        found = [*layer_rows(self.task, shown, "ridge", n_resamples, seed)]
        if self.probe == "logistic":
            shown = self.by_logistic
            shown[SELECTED] = select_layer(self.small, shown)
            found += layer_rows(self.small, shown, "logistic", n_resamples, seed)
        return [*found, *self.measures.rows(self.target, self.task, self.sample, shown)], shown

    def keep(self, kept: KeptResults, shown: Mapping[str, Outcome], names: Mapping[str, str]) -> None:
        """Hand the results of single items and the fitted probes on."""
        kept.add(self.task, self.source.index, shown, self.probe, names)


def answer_layer(questions: Sequence[Question], layer: str, penalties: Penalties, *, keep: bool) -> None:
    """Fit the linear probes of all questions at a layer; those that read the same vectors share their moments."""
    shared: dict[int, list[Question]] = {}
    for question in questions:
        shared.setdefault(id(question.source.activations), []).append(question)
    for together in shared.values():
        vectors = LayerVectors(together[0].source.activations, layer)
        outcomes = cross_validate(vectors, [question.task for question in together], "ridge", penalties.ridge, keep)
        for question, outcome in zip(together, outcomes):
            question.by_ridge[layer] = outcome
            if question.probe == "logistic":
                found = cross_validate(vectors, [question.small], "logistic", penalties.logistic, keep)
                question.by_logistic[layer] = found[0]
