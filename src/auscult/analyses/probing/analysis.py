"""Probing: nested cross-validation of probes on every layer, with chance, shuffled labels and control tasks.

Every item is tested once, with a probe that was trained without the item's held-out unit, such as its speaker; penalty
and layer are selected without that unit as well (:mod:`auscult.probes.cross_validation`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.activations.derived_columns import add_derived
from auscult.activations.interface import Activations
from auscult.activations.layer_vectors import LayerVectors
from auscult.analyses.probing.columns import PEER, PROBING_COLUMNS, SELECTED
from auscult.analyses.probing.optional_measures import OptionalMeasures, layer_rows
from auscult.analyses.probing.settings import ProbingSettings
from auscult.errors import AnalysisError
from auscult.probes.cross_validation import Outcome, cross_validate, select_layer
from auscult.probes.target_checks import check_target, type_columns
from auscult.probes.tasks import Task, make_task
from auscult.tables import check_results

__all__ = ["PENALTIES", "SELECTED", "PEER", "PROBING_COLUMNS", "probe_activations"]

PENALTIES = tuple(10.0**exponent for exponent in range(-5, 3))


def probe_activations(
    activations: Activations,
    *,
    targets: Sequence[Mapping[str, Any]],
    corpus: str,
    model: str,
    step: str,
    acoustics: Mapping[str, Activations] | None = None,
    segments: pd.DataFrame | None = None,
    settings: ProbingSettings = ProbingSettings(),
    penalties: Sequence[float] = PENALTIES,
    seed: int = 0,
) -> pd.DataFrame:
    """Probe every layer for every target and return one row per layer, probe, metric and kind of labels.

    Parameters
    ----------
    activations : activations of all segments
    targets : each with ``name``, ``tier``, ``column`` (of the index, or derived by
        :mod:`auscult.activations.derived_columns`) and ``held_out``, the unit that test and training items never share:
        ``speaker`` (folds balanced over gender and language), ``utterance`` (for properties of the speaker), ``type``,
        or ``speaker+type`` (only items are tested whose speaker and type are both new). Optional keys: ``kind``
        (``classes``, or ``values`` for ridge regression); ``type`` and ``control``
        (:func:`~auscult.probes.tasks.make_task`); ``nonlinear``, nonlinear probes (``mlp``, ``attention``), to which a
        ridge probe with the same items is added; ``mdl``, whether to measure code lengths; ``sample``, number of
        randomly sampled items for nonlinear probes and code lengths, by default all; ``everywhere``, whether these are
        measured at every layer instead of the selected one; ``n_train``, numbers of training items of a learning curve.
        The selected layer is always the one that linear probes with all training items selected
    corpus, model, step : values of these columns of the table
    acoustics : activations of the baselines ``f0`` and ``mel``, for the derived columns ``log_f0`` and ``energy``
    segments : segments of the whole corpus, for the derived columns ``noun_number`` and ``verb_number``
    settings : probe, folds, controls and resampling. Memory of ``ridge`` does not grow with the corpus; ``logistic``
        needs ``max_items``
    penalties : candidates above 0, see :func:`~auscult.probes.classifiers.prepare_fitter`
    seed : seed of samples, folds, permutations, control tasks, weights and resampling

    Returns
    -------
    results : columns :data:`PROBING_COLUMNS`.

        - ``metric``: ``accuracy`` or ``macro_f1`` of classes (0 to 1, higher is better); ``r2`` of values (at most 1;
          0 is a prediction of the mean); ``selectivity`` (accuracy minus control accuracy); ``codelength_bits`` (lower
          is better); ``compression`` (1 is none, higher is better).
        - ``probe``: ``ridge``, ``logistic``, ``mlp``, ``attention``, :data:`PEER` (ridge with the training, validation
          and test items of the nonlinear probes) or ``online logistic`` (code lengths).
        - ``labels``: ``true``, ``shuffled`` or ``control``.
        - ``layer``: a layer, or :data:`SELECTED`, the layer selected on validation data. Code lengths count tested
          items, each at the layer selected for its test fold; items that are never tested are sent but not counted.
        - ``chance``: the metric of the most frequent class, or the mean, of the training items; for code lengths, a
          code without vectors.
        - ``valid_value``: validation score that selected penalty and layer, for all metrics; ``penalty``: median over
          folds; ``selected_layer``: most frequent selection.
        - ``n_dropped``: number of items without a usable label; ``text_overlap``, ``type_overlap``: share of tested
          items whose sentence or type also occurs in training; ``n_train``: number of training items of a learning
          curve or, for nonlinear probes and :data:`PEER`, of the smallest fold, otherwise missing.

        Intervals resample speakers, also where types are held out.

    Raises
    ------
    AnalysisError
        A tier, column, probe or held-out unit does not exist; fewer than two classes, or too few speakers, are left; a
        penalty is not above 0; a vector is not finite; see also :mod:`auscult.probes.target_checks`,
        :func:`~auscult.probes.tasks.make_task`, :mod:`auscult.probes.nonlinear`, :mod:`auscult.probes.learning_curves`
        and :mod:`auscult.probes.mdl`.
    """
    _check_settings(targets, settings, penalties)
    columns = [name for target in targets for name in (target["column"], *type_columns(target))]
    index = add_derived(activations.index, columns, acoustics, segments)
    tasks = [_make_task(index, target, settings, seed) for target in targets]
    # In descending order, so that ties select the strongest penalty.
    candidates = np.sort(np.asarray(penalties, dtype=float))[::-1]
    measures = OptionalMeasures(activations, index, candidates, settings.n_resamples, seed)
    # Sampled here, so that too small a sample is reported before any layer is read.
    samples = [measures.sample(target, task) for target, task in zip(targets, tasks)]
    outcomes: list[dict[str, Outcome]] = [{} for _ in tasks]
    for layer in tqdm(activations.layers, desc=f"{model} {step}", disable=None):
        vectors = LayerVectors(activations, layer)
        for found, outcome in zip(outcomes, cross_validate(vectors, tasks, settings.probe, candidates)):
            found[layer] = outcome
    rows: list[dict[str, Any]] = []
    for target, task, sample, found in zip(targets, tasks, samples, outcomes):
        found[SELECTED] = select_layer(task, found)
        rows += layer_rows(task, found, settings.probe, settings.n_resamples, seed)
        rows += measures.rows(target, task, sample, found)
    results = pd.DataFrame(rows).assign(corpus=corpus, model=model, step=str(step))
    return check_results(results.reindex(columns=list(PROBING_COLUMNS)))


def _check_settings(
    targets: Sequence[Mapping[str, Any]], settings: ProbingSettings, penalties: Sequence[float]
) -> None:
    if settings.n_folds < 3:
        raise AnalysisError(f"expected n_folds of 3 or more (test, validation, training), found {settings.n_folds}")
    if not len(penalties) or not all(0 < penalty < np.inf for penalty in penalties):
        found = ", ".join(f"{penalty:g}" for penalty in penalties) or "none"
        raise AnalysisError(f"expected penalties above 0, found {found}; give one or several such as {PENALTIES[3]:g}")
    for target in targets:
        check_target(target, settings.probe)


def _make_task(index: pd.DataFrame, target: Mapping[str, Any], settings: ProbingSettings, seed: int) -> Task:
    return make_task(
        index,
        target,
        n_folds=settings.n_folds,
        n_permutations=settings.n_permutations,
        min_class_size=settings.min_class_size,
        max_items=settings.max_items,
        seed=seed,
    )
