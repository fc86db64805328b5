"""Measures that a target may add to its linear probe: nonlinear probes, code lengths and learning curves."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from auscult.activations.interface import Activations
from auscult.activations.layer_vectors import LayerVectors
from auscult.analyses.probing.columns import PEER, SELECTED
from auscult.errors import AnalysisError
from auscult.probes.classifiers import Probe
from auscult.probes.cross_validation import Outcome, select_layer
from auscult.probes.learning_curves import check_sizes, learning_curve, linear_peer
from auscult.probes.mdl import MIN_ITEMS, codelength, coding_order, compression, online_code, prior_code
from auscult.probes.nonlinear import cross_validate_nonlinear, reduce_labellings, smallest_training
from auscult.probes.result_rows import describe_task, score_rows
from auscult.probes.tasks import Task, sample_task

__all__ = ["OptionalMeasures", "layer_rows"]

Row = dict[str, Any]
Target = Mapping[str, Any]
_CODED = ("true", "control")  # kinds of labels whose code lengths are measured


def layer_rows(task: Task, outcomes: Mapping[str, Outcome], probe: str, n_resamples: int, seed: int) -> Iterator[Row]:
    """Yield the result rows of one probe at every layer."""
    for layer, outcome in outcomes.items():
        for row in score_rows(task, outcome, n_resamples, seed):
            yield {"layer": layer, "probe": probe, **row}


@dataclass(frozen=True)
class OptionalMeasures:
    """Nonlinear probes, code lengths and learning curves of one model's activations.

    Parameters
    ----------
    activations : activations of all segments
    index : their index, with derived columns
    penalties : candidates of linear probes, in descending order
    n_resamples : number of bootstrap resamplings
    seed : seed of samples, weights, coding order and resampling
    linear : the linear probe beside nonlinear ones
    """

    activations: Activations
    index: pd.DataFrame
    penalties: np.ndarray
    n_resamples: int
    seed: int
    linear: Probe

    def sample(self, target: Target, task: Task) -> Task:
        """Return the task with the sampled items of nonlinear probes and code lengths.

        Raises
        ------
        AnalysisError
            The items are too few for a measure of the target.
        """
        if target.get("n_train"):
            check_sizes(task, target["n_train"])
        if not (target.get("nonlinear") or target.get("mdl")):
            return task
        sample = sample_task(task, target.get("sample"), self.seed)
        if target.get("mdl") and len(sample.rows) < MIN_ITEMS:
            raise AnalysisError(
                f"target {task.name!r}: expected at least {MIN_ITEMS} items for an online code, found "
                f"{len(sample.rows)}; raise sample or take mdl out of the target"
            )
        return sample

    def rows(self, target: Target, task: Task, sample: Task, linear: Mapping[str, Outcome]) -> Iterator[Row]:
        """Yield the result rows of all measures of a target.

        Parameters
        ----------
        target : target as in :func:`~auscult.analyses.probing.analysis.probe_activations`
        task, sample : its items, and the sampled ones
        linear : outcomes of the linear probe by layer, including :data:`SELECTED`
        """
        if target.get("nonlinear"):
            yield from self._nonlinear_rows(target, reduce_labellings(sample, "true", "control"), linear)
        if target.get("mdl"):
            yield from self._code_rows(target, sample, linear)
        if target.get("n_train"):
            yield from self._curve_rows(target["n_train"], reduce_labellings(task, "true"), linear)

    def _nonlinear_rows(self, target: Target, task: Task, linear: Mapping[str, Outcome]) -> Iterator[Row]:
        n_train = smallest_training(task)
        for probe in (*target["nonlinear"], PEER):
            found = {
                place: linear_peer(task, layers, self._open_layer, self.penalties, self.seed, self.linear)
                if probe == PEER
                else cross_validate_nonlinear(probe, task, layers, self._open_layer, self.index, self.seed)
                for place, layers in _measured_layers(target, linear).items()
            }
            if target.get("everywhere"):
                found[SELECTED] = select_layer(task, found)
            for row in layer_rows(task, found, probe, self.n_resamples, self.seed):
                yield {**row, "n_train": n_train}

    def _code_rows(self, target: Target, task: Task, linear: Mapping[str, Outcome]) -> Iterator[Row]:
        order, described = coding_order(task.groups, self.seed), describe_task(task)
        for place, layers in _measured_layers(target, linear).items():
            names, counts = np.unique(layers.astype(str), return_counts=True)
            shared = {
                **described,
                "layer": place,
                "probe": "online logistic",
                "selected_layer": str(names[counts.argmax()]),
            }
            bits, prior = _bits(task, layers, self._open_layer, order)
            for column, labels in enumerate(label for label in _CODED if label in task.labellings):
                yield from (
                    {**shared, "labels": labels, **row}
                    for row in self._lengths(task, bits[:, column], prior[:, column])
                )

    def _lengths(self, task: Task, bits: np.ndarray, prior: np.ndarray) -> Iterator[Row]:
        """Yield code length and compression of the tested items, each with interval and value without vectors."""
        settings = {"n_resamples": self.n_resamples, "seed": self.seed}
        bits, prior = bits[task.tested], prior[task.tested]
        speakers = np.unique(task.speakers[task.tested], return_inverse=True)[1]
        measured = {
            "codelength_bits": (codelength(bits, speakers, **settings), prior.sum()),
            "compression": (
                compression(bits, speakers, task.n_classes, **settings),
                compression(prior, speakers, task.n_classes, **settings)[0],
            ),
        }
        for metric, ((value, low, high), chance) in measured.items():
            yield {"metric": metric, "value": value, "ci_low": low, "ci_high": high, "chance": chance}

    def _curve_rows(self, sizes: Sequence[int], task: Task, linear: Mapping[str, Outcome]) -> Iterator[Row]:
        layers = linear[SELECTED].layer[:, 0]
        curve = learning_curve(task, sizes, layers, self._open_layer, self.penalties, self.seed)
        for n_train, outcome in curve.items():
            for row in score_rows(task, outcome, self.n_resamples, self.seed):
                yield {"layer": SELECTED, "probe": "ridge", "n_train": n_train, **row}

    def _open_layer(self, layer: str) -> LayerVectors:
        return LayerVectors(self.activations, layer, max_bytes=0)


def _measured_layers(target: Target, linear: Mapping[str, Outcome]) -> dict[str, np.ndarray]:
    """Return the layer to read in each test fold: the selected one or, with ``everywhere``, each layer in turn."""
    if target.get("everywhere"):
        return {name: outcome.layer[:, 0] for name, outcome in linear.items() if name != SELECTED}
    return {SELECTED: linear[SELECTED].layer[:, 0]}


def _bits(
    task: Task, layers: np.ndarray, open_layer: Callable[[str], LayerVectors], order: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the code length of every item's label with vectors and without.

    Every layer that some fold selects encodes all items, in the same order; an item is counted at the layer that was
    selected without its label.

    Returns
    -------
    bits, prior : one column for true and, if there are any, one for control labels [shapes=(n_items, n_columns)]
    """
    columns = [int(task.columns(labels)[0]) for labels in _CODED if len(task.columns(labels))]
    sent = task.labels[order][:, columns].T
    bits, prior = np.zeros((2, len(order), len(columns)))
    prior[order] = np.stack([prior_code(codes, task.n_classes) for codes in sent], axis=1)
    for layer in dict.fromkeys(layers):
        x, counted = open_layer(layer).take(task.rows[order], task.name), (layers == layer)[task.test_of[order]]
        costs = np.stack([online_code(x, codes, task.n_classes) for codes in sent], axis=1)
        bits[order[counted]] = costs[counted]
    return bits, prior
