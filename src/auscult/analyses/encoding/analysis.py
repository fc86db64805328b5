"""Encoding of linguistic levels at each checkpoint and layer of a model, by trained probes and by zero-shot ABX.

After de Heer Kloots et al. (in preparation, Figure 3): one score per level and checkpoint, and one sigmoid per curve.
Levels differ in chance and ceiling, so curves are fitted to (score − chance) / (1 − chance). Each level declares what
is held out: voices, or recordings where the voice is the target; and word types as well where the word alone would
determine the label (part of speech, number, depth). The score of duration alone is the control of every level.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from auscult.activations.derived_columns import add_derived
from auscult.activations.interface import Activations
from auscult.analyses.encoding.abx import abx_levels
from auscult.analyses.encoding.curves import curve_rows
from auscult.analyses.encoding.levels import add_syntax
from auscult.analyses.encoding.probes import probe_levels
from auscult.analyses.encoding.settings import EncodingSettings
from auscult.analyses.encoding.sweep_scores import SELECTED, check_same_items, score_rows
from auscult.dynamics.curves import check_sweep
from auscult.errors import AnalysisError
from auscult.probes.target_checks import check_target, type_columns
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = ["SELECTED", "SCORE_COLUMNS", "CURVE_COLUMNS", "DRAW_COLUMNS", "encode_sweep"]

SCORE_COLUMNS = (
    *RESULT_COLUMNS,
    "probe",
    "chance",
    "normalised",
    "normalised_low",
    "normalised_high",
    "selected_layer",
    "abstractness",
    "tier",
    "held_out",
    "n_classes",
    "resampling_unit",
    "n_folds",
    "n_dropped",
    "text_overlap",
    "type",
    "type_overlap",
    "given",
    "chance_given",
    "duration_alone",
    "n_cells",
)
CURVE_COLUMNS = (
    *RESULT_COLUMNS,
    "probe",
    "verdict",
    "above_chance",
    "abstractness",
    "n_steps",
    "offset",
    "selected_layer",
    "resampling_unit",
)
DRAW_COLUMNS = ("corpus", "model", "target", "probe", "draw", "midpoint", "layer_centre")

Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def encode_sweep(
    sweep: Mapping[str, Activations],
    *,
    levels: Sequence[Mapping[str, Any]],
    corpus: str,
    model: str,
    expected: Sequence[str] = (),
    segments: pd.DataFrame | None = None,
    settings: EncodingSettings = EncodingSettings(),
    seed: int = 0,
) -> Tables:
    """Score every level at every checkpoint and layer of a model, and fit a sigmoid to each curve.

    Parameters
    ----------
    sweep : activations by step, in training order, step 0 first; one step named ``final`` for a baseline
    levels : each with ``name`` and the keys of :class:`~auscult.analyses.encoding.settings.EncodingTarget`; ``column``
        is in the index or derived by :mod:`auscult.activations.derived_columns` or
        :func:`~auscult.analyses.encoding.levels.add_syntax`
    corpus, model : names, copied into the tables
    expected : steps that must be present; by default any
    segments : segments of the whole corpus, needed for levels of columns ``noun_number`` and ``verb_number``
    settings : items, folds and resampling; all levels and models of a corpus share the resamples of speakers
    seed : of items, folds and resampling

    Returns
    -------
    scores : columns :data:`SCORE_COLUMNS`; ``metric`` is ``accuracy`` (``probe`` is ``ridge``) or ``abx_accuracy``
        (``abx``); ``chance`` of a probe is the accuracy of the most frequent class of the training data or of random
        guessing, whichever is higher; ``layer`` is also ``selected``, the layer chosen at that step on validation
        folds; ``chance_given`` is the accuracy of predicting the label from ``given`` alone, ``duration_alone`` the
        score of the duration of items alone: the highest of a ridge probe on log duration and of the most frequent
        label among training items of similar duration; or ABX by the difference of log durations
    curves : columns :data:`CURVE_COLUMNS`, one row per metric of
        :func:`~auscult.analyses.encoding.curves.curve_rows`; no rows for a model without numbered checkpoints
    draws : columns :data:`DRAW_COLUMNS`, one row per resample and level

    Raises
    ------
    AnalysisError
        A checkpoint is missing or out of order; steps hold different items; the corpus has no items of a level; see
        also :mod:`auscult.analyses.encoding.levels` and :func:`~auscult.probes.tasks.make_task`.
    """
    if not levels:
        raise AnalysisError(f"expected at least one level to score on corpus {corpus!r}, found none; name one")
    numbered = "final" not in sweep
    if numbered:
        check_sweep(list(sweep), expected, f"model {model!r}")
    check_same_items(sweep, f"model {model!r}")
    for level in levels:
        check_target(level)
    index = next(iter(sweep.values())).index
    columns = {name for level in levels for name in (level["column"], level.get("given"), *type_columns(level)) if name}
    columns.add("log_duration")
    index = add_syntax(add_derived(index, columns, segments=segments), columns)
    found = probe_levels(sweep, levels, index, settings=settings, seed=seed)
    zero_shot = [level for level in levels if level.get("abx")]
    found += abx_levels(sweep, zero_shot, index, settings=settings, seed=seed)
    rows = [row for scores in found for row in score_rows(scores)]
    fits = [curve_rows(scores) for scores in found] if numbered else []
    run = {"corpus": corpus, "model": model}
    curves = pd.DataFrame([row for rows, _ in fits for row in rows], columns=list(CURVE_COLUMNS)).assign(**run)
    resampled = [part for _, part in fits if len(part)]
    draws = pd.concat(resampled) if resampled else pd.DataFrame(columns=list(DRAW_COLUMNS))
    scores = pd.DataFrame(rows).assign(**run).reindex(columns=list(SCORE_COLUMNS))
    return check_results(scores), check_results(curves[list(CURVE_COLUMNS)]), draws.assign(**run)[list(DRAW_COLUMNS)]
