"""Encoding: which linguistic levels a model encodes at each checkpoint and layer, by trained probes and without any.

After de Heer Kloots and others (in preparation, Figure 3): a score for each level and checkpoint, and a sigmoid for
each curve. Levels differ in chance and ceiling, so curves are fitted to (score − chance) / (1 − chance). What is held
out is each level's own: voices, or recordings where the voice is the question; where a level could be told by knowing
the word (its category, number, depth), the word types, too.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from auscult.activations.derived_columns import add_derived
from auscult.analyses.encoding.abx import abx_levels
from auscult.analyses.encoding.curves import curve_rows
from auscult.analyses.encoding.levels import add_syntax
from auscult.analyses.encoding.probes import probe_levels
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
    sweep: Mapping[str, Any],
    *,
    levels: Sequence[Mapping[str, Any]],
    corpus: str,
    model: str,
    expected: Sequence[str] = (),
    n_folds: int = 4,
    min_class_size: int = 10,
    max_items: int = 2400,
    max_items_per_bin: int = 4,
    max_cells: int = 4000,
    n_resamples: int = 500,
    seed: int = 0,
) -> Tables:
    """Score every level at every checkpoint and layer of a model, and fit its curves.

    Parameters
    ----------
    sweep : activations by step, in training order, step 0 first; one step named ``final`` for a baseline
    levels : each with ``name``, ``tier``, ``column`` of the index or one that
        :mod:`auscult.activations.derived_columns` or :func:`~auscult.analyses.encoding.levels.add_syntax` makes,
        ``held_out`` and, where types are held out, ``type``; optionally ``abx`` (whether to score it without a probe,
        too), ``given`` (a column that must not tell the label) and ``abstractness``, its declared rank from sound to
        syntax
    corpus, model : copied into the tables
    expected : steps that must be there
    n_folds, min_class_size : see :func:`~auscult.probes.tasks.make_task`
    max_items : most items of a level, shared out equally over its classes
    max_items_per_bin, max_cells : see :func:`~auscult.analyses.abx.tasks.make_abx_task`
    n_resamples : bootstrap samples of speakers, the same ones for all levels and models of a corpus
    seed : of items, folds and resampling

    Returns
    -------
    scores : columns :data:`SCORE_COLUMNS`; ``metric`` is ``accuracy`` (``probe`` is ``ridge``) or ``abx_accuracy``
        (``abx``); ``chance`` is that of the training side's most frequent class or of
        drawing lots, whichever is higher; ``layer`` may be ``selected``,
        chosen at that step on validation folds; ``chance_given`` what ``given`` alone tells
    curves : columns :data:`CURVE_COLUMNS`; one row for each metric of
        :func:`~auscult.analyses.encoding.curves.curve_rows`; none of a model without numbered checkpoints
    draws : columns :data:`DRAW_COLUMNS`

    Raises
    ------
    AnalysisError
        A checkpoint is missing or out of order, steps hold different items, a level cannot be asked of this corpus; see
        also :mod:`auscult.analyses.encoding.levels` and :func:`~auscult.probes.tasks.make_task`.
    """
    if not levels:
        raise AnalysisError(f"expected a level or more to score on corpus {corpus!r}, found none; name one")
    numbered = "final" not in sweep
    if numbered:
        check_sweep(list(sweep), expected, f"model {model!r}")
    check_same_items(sweep, f"model {model!r}")
    for level in levels:
        check_target(level)
    index = next(iter(sweep.values())).index
    columns = {name for level in levels for name in (level["column"], level.get("given"), *type_columns(level)) if name}
    index = add_syntax(add_derived(index, columns), columns)
    shared = {
        "n_folds": n_folds,
        "min_class_size": min_class_size,
        "max_items": max_items,
        "n_resamples": n_resamples,
        "seed": seed,
    }
    found = probe_levels(sweep, levels, index, **shared)
    compared = [level for level in levels if level.get("abx")]
    found += abx_levels(sweep, compared, index, max_items_per_bin=max_items_per_bin, max_cells=max_cells, **shared)
    rows = [row for scores in found for row in score_rows(scores)]
    fits = [curve_rows(scores) for scores in found] if numbered else []
    run = {"corpus": corpus, "model": model}
    curves = pd.DataFrame([row for rows, _ in fits for row in rows], columns=list(CURVE_COLUMNS)).assign(**run)
    drawn = [part for _, part in fits if len(part)]
    draws = pd.concat(drawn) if drawn else pd.DataFrame(columns=list(DRAW_COLUMNS))
    scores = pd.DataFrame(rows).assign(**run).reindex(columns=list(SCORE_COLUMNS))
    return check_results(scores), check_results(curves[list(CURVE_COLUMNS)]), draws.assign(**run)[list(DRAW_COLUMNS)]
