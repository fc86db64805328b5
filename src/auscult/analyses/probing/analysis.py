"""Probing: nested cross-validation of probes on every layer, with chance, shuffled labels and control tasks.

Every item is tested once, with a probe that was trained without the item's held-out unit, such as its speaker; penalty
and layer are selected without that unit as well (:mod:`auscult.probes.cross_validation`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.activations.interface import Activations
from auscult.analyses.probing.columns import PEER, PROBING_COLUMNS, SELECTED
from auscult.analyses.probing.kept_results import KeptResults
from auscult.analyses.probing.questions import Penalties, Question, answer_layer
from auscult.analyses.probing.settings import ProbingSettings
from auscult.analyses.probing.sources import open_sources
from auscult.errors import AnalysisError
from auscult.probes.confounds import predicted_from_duration
from auscult.probes.result_rows import constant_score
from auscult.probes.target_checks import check_target
from auscult.tables import check_results

__all__ = ["PENALTIES", "LOGISTIC_PENALTIES", "SELECTED", "PEER", "PROBING_COLUMNS", "probe_activations"]

PENALTIES = tuple(10.0**exponent for exponent in range(-5, 3))
LOGISTIC_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)


def probe_activations(
    activations: Activations,
    *,
    targets: Sequence[Mapping[str, Any]],
    corpus: str,
    model: str,
    step: str,
    acoustics: Mapping[str, Activations] | None = None,
    segments: pd.DataFrame | None = None,
    training: Mapping[str, Activations] | None = None,
    kept: KeptResults | None = None,
    settings: ProbingSettings = ProbingSettings(),
    penalties: Sequence[float] = PENALTIES,
    logistic_penalties: Sequence[float] = LOGISTIC_PENALTIES,
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
        (``classes``, or ``values`` for ridge regression); ``given``, a column of numbers that is held fixed
        (:class:`~auscult.probes.confounds.WithoutConfound`); ``train`` and ``test``, values of columns that training
        and test items have (:func:`~auscult.probes.sides.named_sides`), where ``corpus`` names one of ``training``;
        ``type`` and ``control`` (:func:`~auscult.probes.tasks.make_task`); ``nonlinear``, nonlinear probes (``mlp``,
        ``attention``), to which a linear probe with the same items is added; ``mdl``, whether to measure code lengths;
        ``sample``, number of randomly sampled items for nonlinear probes and code lengths, by default all;
        ``everywhere``, whether these are measured at every layer instead of the selected one; ``n_train``, numbers of
        training items of a learning curve. The selected layer is always the one that linear probes with all training
        items selected
    corpus, model, step : values of these columns of the table
    acoustics : activations of the baselines ``f0`` and ``mel``, for the derived columns ``log_f0`` and ``energy``
    segments : segments of the whole corpus, for the derived columns ``noun_number`` and ``verb_number``
    training : activations of the same model on other corpora, which targets name to train on; their speakers and
        utterances are called ``corpus:name``
    kept : collector of the results of single items and of the fitted probes, for the probes that figures show; by
        default none are kept
    settings : probe, folds, controls and resampling. With probe ``logistic``, classes are predicted by multinomial
        logistic regression, whose layer is the one that other measures use, and by a ridge probe beside it; memory of
        ``ridge`` does not grow with the corpus, that of ``logistic`` with ``max_items``
    penalties, logistic_penalties : candidates above 0, see :func:`~auscult.probes.classifiers.prepare_fitter`
    seed : seed of samples, folds, permutations, control tasks, weights and resampling

    Returns
    -------
    results : columns :data:`PROBING_COLUMNS`.

        - ``metric``: ``accuracy`` or ``macro_f1`` of classes (0 to 1, higher is better); ``r2`` of values (at most 1;
          0 is a prediction of the mean); ``selectivity`` (accuracy minus control accuracy); ``codelength_bits`` (lower
          is better); ``compression`` (1 is none, higher is better).
        - ``probe``: ``ridge``, ``logistic``, ``mlp``, ``attention``, :data:`PEER` (the linear probe with the training,
          validation and test items of the nonlinear probes) or ``online logistic`` (code lengths).
        - ``labels``: ``true``, ``shuffled`` or ``control``.
        - ``layer``: a layer, or :data:`SELECTED`, the layer selected on validation data. Code lengths count tested
          items, each at the layer selected for its test fold; items that are never tested are sent but not counted.
        - ``chance``: the metric of the most frequent class, or the mean, of the training items, for accuracies at
          least 1 / ``n_classes``; for code lengths, a code without vectors.
        - ``valid_value``: validation score that selected penalty and layer, for all metrics; ``penalty``: median over
          folds; ``selected_layer``: most frequent selection.
        - ``n_dropped``: number of items without a usable label; ``text_overlap``, ``type_overlap``: share of tested
          items whose sentence or type also occurs in training; ``n_train``: number of training items of a learning
          curve or, for nonlinear probes and :data:`PEER`, of the smallest fold, otherwise missing.

        - ``given``: the column held fixed; ``duration_alone``: accuracy or R² of the same target from the duration of
          items alone (:func:`~auscult.probes.confounds.predicted_from_duration`), a control of every target.
        - ``train``, ``test``: what training and test items have in common, where the target names it; ``n_folds`` is
          then 1.

        Intervals resample speakers, and types as well where types are held out.

    Raises
    ------
    AnalysisError
        A tier, column, probe or held-out unit does not exist; fewer than two classes, or too few speakers, are left; a
        penalty is not above 0; a vector is not finite; see also :mod:`auscult.probes.target_checks`,
        :func:`~auscult.probes.tasks.make_task`, :mod:`auscult.probes.nonlinear`, :mod:`auscult.probes.learning_curves`
        and :mod:`auscult.probes.mdl`.
    """
    _check_settings(targets, settings)
    for asked in (penalties, logistic_penalties):
        _check_penalties(asked)
    sources = open_sources(
        activations, targets, corpus=corpus, training=training or {}, acoustics=acoustics, segments=segments
    )
    candidates = Penalties.of(penalties, logistic_penalties)
    questions = [Question.of(target, source, settings, candidates, seed) for target, source in zip(targets, sources)]
    for layer in tqdm(activations.layers, desc=f"{model} {step}", disable=None):
        answer_layer(questions, layer, candidates, keep=kept is not None)
    names = {"corpus": corpus, "model": model, "step": str(step)}
    rows: list[dict[str, Any]] = []
    for question, by_duration in zip(questions, _duration_scores(questions, candidates)):
        found, shown = question.rows(settings.n_resamples, seed)
        if kept is not None:
            question.keep(kept, shown, names)
        given = {"given": question.target.get("given")}
        rows += [row | given | {"duration_alone": by_duration.get(row["metric"], np.nan)} for row in found]
    return check_results(pd.DataFrame(rows).assign(**names).reindex(columns=list(PROBING_COLUMNS)))


def _duration_scores(questions: Sequence[Question], penalties: Penalties) -> list[dict[str, float]]:
    """Return the scores of each target from duration alone; none unless all items have a duration."""
    if not all("log_duration" in question.source.index for question in questions):
        return [{} for _ in questions]
    return [
        constant_score(
            question.task, predicted_from_duration(question.source.index, [question.task], penalties.ridge)[0]
        )
        for question in questions
    ]


def _check_settings(targets: Sequence[Mapping[str, Any]], settings: ProbingSettings) -> None:
    if settings.n_folds < 2:
        raise AnalysisError(f"expected n_folds of 2 or more, found {settings.n_folds}; raise n_folds")
    if settings.probe not in ("ridge", "logistic"):
        raise AnalysisError(f"expected one of the probes ridge, logistic, found {settings.probe!r}")
    for target in targets:
        check_target(target)


def _check_penalties(penalties: Sequence[float]) -> None:
    if not len(penalties) or not all(0 < penalty < np.inf for penalty in penalties):
        found = ", ".join(f"{penalty:g}" for penalty in penalties) or "none"
        raise AnalysisError(f"expected penalties above 0, found {found}; give one or several such as {PENALTIES[3]:g}")
