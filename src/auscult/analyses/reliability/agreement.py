"""Agreement of attributions between models that differ only in seed, between methods, and between inputs.

Agreement is the correlation of two score vectors over the segments of one utterance (Shen and others, 2025), averaged
over pairs and then over utterances, or the overlap of their highest segments. Only the scores of
:mod:`auscult.analyses.attribution.analysis` are read; no model runs. Chance agreement is not 0, since scores add up
over segments of unequal length. It is measured on untrained models, and complemented by the agreement with duration.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from auscult.analyses.attribution.settings import INTEGRATED
from auscult.analyses.reliability.items import describe_items, require_methods
from auscult.analyses.reliability.measures import METRICS, MIN_SEGMENTS, correlate, is_constant, n_top
from auscult.analyses.reliability.settings import ReliabilitySettings
from auscult.errors import AnalysisError

__all__ = [
    "SCORE_COLUMNS",
    "GROUPED",
    "DURATION",
    "Vectors",
    "score_vectors",
    "with_duration",
    "group_frames",
    "compare",
    "between_seeds",
    "between_methods",
    "between_inputs",
]

SCORE_COLUMNS = ("utterance", "method", "input", "unit", "target", "index", "onset", "offset", "score")
# Frame scores summed within words: separates the effect of the perturbed unit from the effect of summing over words.
GROUPED = "frame in words"
# Control method without access to the audio: the score of a segment is its duration.
DURATION = "duration"

# (method, input, unit) → (utterance, explained output) → onset, offset and score of segments [shape=(3, n_segments)]
Vectors = dict[tuple[str, str, str], dict[tuple[str, str], np.ndarray]]

_log = logging.getLogger(__name__)


def score_vectors(table: pd.DataFrame, where: str) -> Vectors:
    """Return the scores of an attribution table as one array per condition and explained utterance, in time order.

    For methods with scores of frames and words, the unit :data:`GROUPED` is added: frame scores summed within words, or
    averaged for occlusion, whose word scores are means over positions.

    Parameters
    ----------
    table : columns :data:`SCORE_COLUMNS`, onset and offset in samples; a column ``form``, the full definition of the
        explained output, replaces ``target``; rows whose ``complete`` is False are left out
    where : description of the table, for messages

    Raises
    ------
    AnalysisError
        A column is missing, a segment occurs twice, or a score is not finite.
    """
    if "complete" in table:
        # Integrated gradients that are not complete are no integrated gradients.
        table = table[table["complete"].astype(bool)]
    missing = [column for column in SCORE_COLUMNS if column not in table]
    if missing:
        raise AnalysisError(
            f"expected columns {', '.join(SCORE_COLUMNS)} in {where}, found no {', '.join(missing)}; "
            "run attribution again"
        )
    keys = ["method", "input", "unit", "utterance", "form" if "form" in table else "target"]
    table = table.sort_values([*keys, "onset", "index"], kind="stable", ignore_index=True)
    for wrong, expected in (
        (~np.isfinite(table["score"]), "finite scores"),
        (table.duplicated([*keys, "index"]), "each segment once"),
    ):
        if wrong.any():
            row = table[wrong].iloc[0]
            raise AnalysisError(
                f"expected {expected} in {where}, found {row['unit']} {row['index']} of utterance {row['utterance']!r} "
                f"by {row['method']} with score {row['score']:g}; run attribution again"
            )
    starts = np.flatnonzero((table[keys] != table[keys].shift()).any(axis=1))
    numbers = table[["onset", "offset", "score"]].to_numpy(float).T
    vectors: Vectors = {}
    for (method, kind, unit, *explained), start, stop in zip(
        table.loc[starts, keys].to_numpy(), starts, [*starts[1:], len(table)]
    ):
        vectors.setdefault((method, kind, unit), {})[tuple(explained)] = numbers[:, start:stop]
    return _with_grouped(vectors)


def with_duration(vectors: Vectors) -> Vectors:
    """Return the scores with the control method :data:`DURATION` added, except for frames, whose lengths are equal."""
    added: Vectors = {}
    for (_, kind, unit), explained in vectors.items():
        if unit != "frame":
            lengths = {key: np.stack([*found[:2], found[1] - found[0]]) for key, found in explained.items()}
            added[DURATION, kind, unit] = added.get((DURATION, kind, unit), {}) | lengths
    return vectors | added


def group_frames(fine: np.ndarray, coarse: np.ndarray, *, mean: bool = False) -> np.ndarray:
    """Sum the scores of fine segments whose centres lie within each coarse segment.

    Attributions of disjoint parts of an input add up (completeness: Sundararajan and others, 2017). Fine segments whose
    centre lies in no coarse segment are left out.

    Parameters
    ----------
    fine, coarse : onset, offset and score [shape=(3, n_segments)]; coarse segments in order and without overlap
    mean : average weighted by duration instead of the sum, for scores that do not add up

    Returns
    -------
    grouped : onset and offset of ``coarse`` with the scores of ``fine`` [shape=(3, n_coarse)]; 0 for a coarse segment
        without fine ones
    """
    centres = (fine[0] + fine[1]) / 2
    place = np.searchsorted(coarse[0], centres, side="right") - 1
    inside = (place >= 0) & (centres < coarse[1][place])
    weights = (fine[1] - fine[0])[inside] if mean else np.ones(inside.sum())
    sums, totals = (
        np.bincount(place[inside], values, minlength=coarse.shape[1]) for values in (fine[2][inside] * weights, weights)
    )
    scores = np.divide(sums, totals, where=totals > 0, out=np.zeros_like(sums)) if mean else sums
    return np.stack([coarse[0], coarse[1], scores])


def between_seeds(tables: Mapping[str, Vectors], settings: ReliabilitySettings = ReliabilitySettings()) -> pd.DataFrame:
    """Compare the attributions of models that differ only in seed: all pairs, averaged within each utterance.

    Inputs on which only some of the models were explained are left out.

    Parameters
    ----------
    tables : scores of each model by its name, as returned by :func:`score_vectors`
    settings : ``methods`` (by default all methods of the first model) and ``top_share`` are used

    Returns
    -------
    items : question ``seeds``; an utterance without an explained output that all models share is counted as unmatched

    Raises
    ------
    AnalysisError
        There are fewer than two models, they share no input, one lacks a method or unit, or their segments differ.
    """
    names = ", ".join(tables)
    if len(tables) < 2:
        raise AnalysisError(
            f"expected at least two models that differ in seed, found {len(tables)} ({names or 'none'}); add an entry "
            "that differs only in seed, or leave seeds out of analyses: reliability: tasks: between"
        )
    shared = set.intersection(*({key[1] for key in vectors} for vectors in tables.values()))
    if not shared:
        raise AnalysisError(
            f"expected an input on which {names} are all explained, found none; correct analyses: "
            "attribution: inputs and inputs_of_seeds"
        )
    first = next(iter(tables.values()))
    conditions = [key for key in first if key[1] in shared and (not settings.methods or key[0] in settings.methods)]
    # Integrated gradients are compared only where they are complete for every seed.
    conditions = [
        key for key in conditions if key[0] not in INTEGRATED or all(key in vectors for vectors in tables.values())
    ]
    for name, vectors in tables.items():
        require_methods({key[0] for key in vectors}, _always(settings.methods), f"the attributions of {name}")
        lacking = [key for key in conditions if key not in vectors]
        if lacking:
            raise AnalysisError(
                f"expected {' · '.join(lacking[0])} in the attributions of {name}, found none, unlike another seed; "
                "explain all seeds with the same settings"
            )
    return describe_items(
        item
        for condition in conditions
        for item in compare(
            [vectors[condition] for vectors in tables.values()],
            dict(zip(("method", "input", "unit"), condition)) | {"question": "seeds", "against": "other seeds"},
            settings.top_share,
            f"the attributions of {names} ({' · '.join(condition)})",
        )
    )


def between_methods(
    vectors: Vectors, settings: ReliabilitySettings = ReliabilitySettings(), *, where: str = "the attributions"
) -> pd.DataFrame:
    """Compare every two methods on the same model, input and unit, duration included if it has scores.

    Raises :class:`AnalysisError` if a method has no scores or two methods explain different segments.
    """
    require_methods({key[0] for key in vectors}, _always(settings.methods), where)
    return describe_items(
        item
        for (first, kind, unit), (second, *rest) in combinations(_wanted(vectors, settings.methods), 2)
        if (kind, unit) == tuple(rest) and first != second
        for item in compare(
            [vectors[first, kind, unit], vectors[second, kind, unit]],
            {"question": "methods", "method": first, "against": second, "input": kind, "unit": unit},
            settings.top_share,
            f"{where} ({first} and {second}, {kind}, {unit})",
        )
    )


def between_inputs(
    vectors: Vectors, settings: ReliabilitySettings = ReliabilitySettings(), *, where: str = "the attributions"
) -> pd.DataFrame:
    """Compare every two inputs for the same model, method and unit; frames, whose grids differ, summed within words.

    Raises :class:`AnalysisError` if a method has no scores or two inputs have different segments.
    """
    require_methods({key[0] for key in vectors}, _always(settings.methods), where)
    return describe_items(
        item
        for (method, first, unit), (other, second, same) in combinations(_wanted(vectors, settings.methods), 2)
        if (method, unit) == (other, same) and unit != "frame" and first != second
        for item in compare(
            [vectors[method, first, unit], vectors[method, second, unit]],
            {"question": "inputs", "method": method, "input": first, "against": second, "unit": unit},
            settings.top_share,
            f"{where} ({method}, {first} and {second}, {unit})",
        )
    )


def _with_grouped(vectors: Vectors) -> Vectors:
    for method, kind, unit in list(vectors):
        words = vectors.get((method, kind, "word"), {})
        if unit == "frame" and words:
            frames = vectors[method, kind, unit]
            vectors[method, kind, GROUPED] = {
                key: group_frames(frames[key], words[key], mean=method == "occlusion") for key in frames if key in words
            }
    return vectors


def _always(methods: Sequence[str]) -> list[str]:
    """Return the methods that must have scores; integrated gradients are left out where they are incomplete."""
    return [method for method in methods if method not in INTEGRATED]


def _wanted(vectors: Vectors, methods: Sequence[str]) -> list[tuple[str, str, str]]:
    return [key for key in vectors if not methods or key[0] in (*methods, DURATION)]


def compare(
    scores: Sequence[Mapping[tuple[str, str], np.ndarray]], about: dict[str, Any], top_share: float, where: str
) -> Iterator[dict[str, Any]]:
    """Yield one item per metric and explained output of an utterance: the mean over all pairs of vectors.

    Utterances with fewer than :data:`auscult.analyses.reliability.measures.MIN_SEGMENTS` segments have no value and are
    counted.
    """
    shared = [key for key in scores[0] if all(key in others for others in scores[1:])]
    first, second = np.triu_indices(len(scores), 1)
    for key in shared:
        stack = _stack([others[key] for others in scores], key[0], where)
        n_segments, durations = stack.shape[1], scores[0][key][1] - scores[0][key][0]
        short = n_segments < MIN_SEGMENTS
        counts = {"n_constant": int(is_constant(stack).any()), "n_short": int(short), "n_segments": n_segments}
        chance = {"top_overlap": n_top(n_segments, top_share) / n_segments}
        for metric, values in correlate(stack[first], stack[second], top_share, durations).items():
            value = np.nan if short or np.isnan(values).all() else float(np.nanmean(values))
            yield about | {"utterance": key[0], "metric": metric, "value": value, "chance": chance.get(metric)} | counts
    unmatched = sorted({key[0] for others in scores for key in others} - {key[0] for key in shared})
    if unmatched:
        _log.info("%s: %d utterances share no explained output, such as %s", where, len(unmatched), unmatched[0])
    for utterance in unmatched:
        for metric in METRICS:
            yield about | {"utterance": utterance, "metric": metric, "value": np.nan, "n_unmatched": 1}


def _stack(vectors: Sequence[np.ndarray], utterance: str, where: str) -> np.ndarray:
    first = vectors[0]
    for other in vectors[1:]:
        if other.shape != first.shape or not np.array_equal(other[:2], first[:2]):
            raise AnalysisError(
                f"expected the same segments of utterance {utterance!r} in {where}, found {first.shape[1]} and "
                f"{other.shape[1]} with other times; explain all on the same corpus and units"
            )
    return np.stack([vector[2] for vector in vectors])
