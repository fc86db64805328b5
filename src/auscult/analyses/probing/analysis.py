"""Probing: what a classifier of unknown voices reads from each layer, with the controls that say what it means.

Every number comes from nested cross-validation (:mod:`auscult.probes.cross_validation`): every item is tested once, by
a probe that has not heard its voice, at a penalty and a layer that were chosen without it.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.activations.derived_columns import add_derived
from auscult.activations.layer_vectors import LayerVectors
from auscult.errors import AnalysisError
from auscult.probes.classifiers import Probe
from auscult.probes.cross_validation import Outcome, cross_validate, select_layer
from auscult.probes.learning_curves import check_sizes, learning_curve, linear_peer
from auscult.probes.mdl import MIN_ITEMS, codelength, coding_order, compression, online_code, prior_code
from auscult.probes.nonlinear import cross_validate_nonlinear, reduce_labellings, smallest_training
from auscult.probes.result_rows import describe_task, score_rows
from auscult.probes.target_checks import check_target, type_columns
from auscult.probes.tasks import Task, make_task, sample_task
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = ["PENALTIES", "SELECTED", "PEER", "PROBING_COLUMNS", "probe_activations"]

PENALTIES = tuple(10.0**exponent for exponent in range(-5, 3))
SELECTED = "selected"
PEER = "ridge (sample)"
PROBING_COLUMNS = (
    *RESULT_COLUMNS,
    "tier",
    "probe",
    "labels",
    "held_out",
    "n_classes",
    "chance",
    "resampling_unit",
    "n_folds",
    "valid_value",
    "penalty",
    "selected_layer",
    "n_dropped",
    "text_overlap",
    "type",
    "type_overlap",
    "n_train",
)


def probe_activations(
    activations: Any,
    *,
    targets: Sequence[Mapping[str, Any]],
    corpus: str,
    model: str,
    step: str,
    acoustics: Mapping[str, Any] | None = None,
    segments: pd.DataFrame | None = None,
    n_folds: int = 4,
    penalties: Sequence[float] = PENALTIES,
    probe: Probe = "ridge",
    n_permutations: int = 1,
    n_resamples: int = 2000,
    min_class_size: int = 10,
    max_items: int | None = None,
    max_bytes: int = 2**30,
    seed: int = 0,
) -> pd.DataFrame:
    """Probe every layer for every target and return one row per layer, probe, metric and kind of labels.

    Parameters
    ----------
    activations : has ``layers``, ``index`` (one row per segment) and ``load(layer, rows)``
    targets : each with ``name``, ``tier``, ``column`` of the index or one that
        :mod:`auscult.activations.derived_columns` makes, and ``held_out``: ``speaker`` (folds disjoint by speaker,
        balanced over gender and language), ``utterance`` (for questions about the speaker), ``type`` or
        ``speaker+type`` (for claims about kinds: each probe is tested on items whose speaker and type are both new).
        Optionally ``kind`` (``values`` for a ridge regression), ``type`` and ``control`` (see
        :func:`~auscult.probes.tasks.make_task`), and what is dearer than a ridge: ``twins`` (``mlp``, ``attention``),
        beside which a ridge probe is trained on the same items; ``mdl`` (whether to measure code lengths); both on a
        random ``sample`` of so many items, at the layer that the linear probe chose on validation data or, with
        ``everywhere``, at every layer; ``n_train`` (sizes of a learning curve). The chosen layer is that of probes with
        the full training side, for twins and small sizes, too
    corpus, model, step : copied into the table
    acoustics : activations of the baselines ``f0`` and ``mel``, for the derived columns ``log_f0`` and ``energy``
    segments : of the whole corpus, for the derived columns ``noun_number`` and ``verb_number``
    n_folds : at least 3: test, validation and training
    penalties : above 0, see :func:`~auscult.probes.classifiers.prepare_fitter`
    probe : ``ridge`` (memory does not grow with the corpus) or ``logistic`` (give ``max_items``)
    n_permutations : controls with shuffled labels, of which the mean is reported; as many control tasks are drawn
    n_resamples : bootstrap samples of an interval
    min_class_size : classes with fewer items, or for held-out speakers of a single speaker, are dropped
    max_items : use a random sample of so many items of the tier
    max_bytes : keep the vectors of one layer in memory, for all targets, up to this size; larger ones are read again
    seed : of sample, folds, permutations, control tasks, weights and resampling

    Returns
    -------
    results : columns :data:`PROBING_COLUMNS`. ``metric`` is ``accuracy`` or ``macro_f1`` (0 to 1, higher is better),
        ``r2`` of values (up to 1; 0 is the mean), ``selectivity`` (accuracy minus that on control labels),
        ``codelength_bits`` or ``compression`` (1 is none, higher is easier to read);
        ``probe`` is ``ridge``, ``logistic``, ``mlp`` or ``attention``, :data:`PEER` for the linear probe that twins are
        to be compared with (trained, validated and tested on their items), for code lengths ``online logistic``;
        ``labels`` is ``true``, ``shuffled`` or ``control``; ``chance`` is the metric of always saying the training
        side's most frequent class, of code lengths that of a code without vectors. Code lengths count tested items,
        each at the layer that its own test fold chose; those never tested are sent along, for the code to learn from;
        ``valid_value`` is the validation score by which penalties and layers were chosen (for all
        metrics); ``penalty`` the median of those chosen; ``selected_layer`` the most frequent choice; ``n_dropped``
        the items without a usable label; ``text_overlap`` and ``type_overlap`` the share of tested items whose sentence
        or type also occurs in training; ``n_train`` the training items of a learning curve or, of twins and their
        peer, of the fold that has the fewest, else missing. Intervals resample speakers, even where types are held out.

    Raises
    ------
    AnalysisError
        A tier, column, probe or way of holding out does not exist; fewer than two classes or too few speakers are left;
        a penalty is not above 0; a vector is not finite; see also :mod:`auscult.probes.target_checks`,
        :func:`~auscult.probes.tasks.make_task`, :mod:`auscult.probes.nonlinear`, :mod:`auscult.probes.learning_curves`
        and :mod:`auscult.probes.mdl`.
    """
    _check_settings(targets, n_folds, penalties, probe)
    # In descending order, so that ties go to the strongest penalty.
    penalties = np.sort(np.asarray(penalties, dtype=float))[::-1]
    columns = [name for target in targets for name in (target["column"], *type_columns(target))]
    index = add_derived(activations.index, columns, acoustics, segments)
    tasks = [
        make_task(
            index,
            target,
            n_folds=n_folds,
            n_permutations=n_permutations,
            min_class_size=min_class_size,
            max_items=max_items,
            seed=seed,
        )
        for target in targets
    ]
    samples = [_sample(target, task, seed) for target, task in zip(targets, tasks)]
    outcomes: list[dict[str, Outcome]] = [{} for _ in tasks]
    for layer in tqdm(activations.layers, desc=f"{model} {step}", disable=None):
        vectors = LayerVectors(activations, layer, max_bytes)
        for found, outcome in zip(outcomes, cross_validate(vectors, tasks, probe, penalties)):
            found[layer] = outcome
    open_layer, rows = partial(LayerVectors, activations, max_bytes=0), []
    for target, task, sample, found in zip(targets, tasks, samples, outcomes):
        found[SELECTED] = select_layer(task, found)
        shared = {"open_layer": open_layer, "n_resamples": n_resamples, "seed": seed}
        rows += _score(task, found, probe, n_resamples, seed)
        rows += _twins(target, sample, found, index, penalties, **shared)
        rows += _codes(target, sample, found, **shared)
        rows += _curve(target, task, found, penalties, **shared)
    results = pd.DataFrame(rows).assign(corpus=corpus, model=model, step=str(step))
    return check_results(results.reindex(columns=list(PROBING_COLUMNS)))


def _check_settings(targets: Sequence[Mapping], n_folds: int, penalties: Sequence[float], probe: str) -> None:
    if n_folds < 3:
        raise AnalysisError(f"expected n_folds of 3 or more (test, validation, training), found {n_folds}")
    if not len(penalties) or not all(0 < penalty < np.inf for penalty in penalties):
        found = ", ".join(f"{penalty:g}" for penalty in penalties) or "none"
        raise AnalysisError(f"expected penalties above 0, found {found}; give one or several such as {PENALTIES[3]:g}")
    for target in targets:
        check_target(target, probe)


def _sample(target: Mapping[str, Any], task: Task, seed: int) -> Task:
    """Return the items of dear measures; what would fail for them after the long part is refused here, before it."""
    if target.get("n_train"):
        check_sizes(task, target["n_train"])
    if not (target.get("twins") or target.get("mdl")):
        return task
    sample = sample_task(task, target.get("sample"), seed)
    if target.get("mdl") and len(sample.rows) < MIN_ITEMS:
        raise AnalysisError(
            f"target {task.name!r}: expected at least {MIN_ITEMS} items for an online code, found "
            f"{len(sample.rows)}; raise sample or take mdl out of the target"
        )
    return sample


def _score(task: Task, outcomes: Mapping[str, Outcome], probe: str, n_resamples: int, seed: int) -> Iterator[dict]:
    for layer, outcome in outcomes.items():
        for row in score_rows(task, outcome, n_resamples, seed):
            yield {"layer": layer, "probe": probe, **row}


def _twins(
    target, task: Task, linear: Mapping[str, Outcome], index, penalties, open_layer, n_resamples, seed
) -> Iterator[dict]:
    if not target.get("twins"):
        return
    task = reduce_labellings(task, "true", "control")
    n_train = smallest_training(task)
    for probe in (*target["twins"], PEER):
        found = {
            place: linear_peer(task, layers, open_layer, penalties, seed)
            if probe == PEER
            else cross_validate_nonlinear(probe, task, layers, open_layer, index, seed)
            for place, layers in _places(target, linear).items()
        }
        if target.get("everywhere"):
            found[SELECTED] = select_layer(task, found)
        yield from ({**row, "n_train": n_train} for row in _score(task, found, probe, n_resamples, seed))


def _codes(target, task: Task, linear: Mapping[str, Outcome], open_layer, n_resamples, seed) -> Iterator[dict]:
    if not target.get("mdl"):
        return
    settings, described = {"n_resamples": n_resamples, "seed": seed}, describe_task(task)
    order, tested = coding_order(task.groups, seed), task.tested
    speakers = np.unique(task.speakers[tested], return_inverse=True)[1]
    for place, layers in _places(target, linear).items():
        names, counts = np.unique(layers.astype(str), return_counts=True)
        shared = {
            **described,
            "layer": place,
            "probe": "online logistic",
            "selected_layer": str(names[counts.argmax()]),
        }
        bits, prior = _bits(task, layers, open_layer, order)
        for column, labels in enumerate(label for label in ("true", "control") if label in task.labellings):
            mine, base = bits[tested, column], prior[tested, column]
            found = {
                "codelength_bits": (codelength(mine, speakers, **settings), base.sum()),
                "compression": (
                    compression(mine, speakers, task.n_classes, **settings),
                    compression(base, speakers, task.n_classes, **settings)[0],
                ),
            }
            for metric, ((value, low, high), chance) in found.items():
                yield {
                    **shared,
                    "labels": labels,
                    "metric": metric,
                    "value": value,
                    "ci_low": low,
                    "ci_high": high,
                    "chance": chance,
                }


def _bits(task: Task, layers: np.ndarray, open_layer, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what the label of each item costs with vectors and without, in one column a kind of labels but shuffled.

    Each layer that a fold chose sends all items; an item's bits are those at the layer chosen without its own label.
    """
    columns = [int(task.columns(labels)[0]) for labels in ("true", "control") if len(task.columns(labels))]
    sent = task.labels[order][:, columns].T
    bits, prior = np.zeros((2, len(order), len(columns)))
    prior[order] = np.stack([prior_code(codes, task.n_classes) for codes in sent], axis=1)
    for layer in dict.fromkeys(layers):
        x, mine = open_layer(layer).take(task.rows[order], task.name), (layers == layer)[task.folds[order]]
        costs = np.stack([online_code(x, codes, task.n_classes) for codes in sent], axis=1)
        bits[order[mine]] = costs[mine]
    return bits, prior


def _curve(target, task: Task, linear, penalties, open_layer, n_resamples, seed) -> Iterator[dict]:
    if not target.get("n_train"):
        return
    task = reduce_labellings(task, "true")
    curve = learning_curve(task, target["n_train"], linear[SELECTED].layer[:, 0], open_layer, penalties, seed)
    for n_train, outcome in curve.items():
        for row in score_rows(task, outcome, n_resamples, seed):
            yield {"layer": SELECTED, "probe": "ridge", "n_train": n_train, **row}


def _places(target: Mapping[str, Any], linear: Mapping[str, Outcome]) -> dict[str, np.ndarray]:
    """Return where dear measures are taken: the name of each place, and its layer in each test fold."""
    if target.get("everywhere"):
        return {name: outcome.layer[:, 0] for name, outcome in linear.items() if name != SELECTED}
    return {SELECTED: linear[SELECTED].layer[:, 0]}
