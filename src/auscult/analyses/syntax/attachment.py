"""Attachment scores: the best attention head per relation, chosen on half of the sentences and scored on the rest."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from auscult.analyses.syntax.columns import ALL, FIXED_OFF, FIXED_OFFSET, UAS, UAS_OFF
from auscult.analyses.syntax.parsing import DIRECTIONS, OFFSETS, Arcs
from auscult.errors import AnalysisError
from auscult.statistics.intervals import cluster_bootstrap

__all__ = ["score_attachment"]

_BASELINES = {UAS: FIXED_OFFSET, UAS_OFF: FIXED_OFF}
_RARE = 5
_MIN_OFF = 10  # arcs in each half, for heads to be chosen and scored on


def score_attachment(arcs: Arcs, *, n_heads: int, min_arcs: int, n_resamples: int, seed: int) -> pd.DataFrame:
    """Score the parse implied by attention (Clark et al., 2019; Chen et al., 2024) and the best fixed offsets.

    For each relation, the attention head and direction that find most arcs in one half of the sentences are scored on
    the other half. The baseline, the best offset from 10 words before to 10 after the dependent, is chosen and scored
    in the same way. Chen et al. choose and score on the same sentences, which favours the best of many heads.

    A head that attends to a fixed position finds many arcs. Therefore the arcs away from the commonest offset of their
    relation are scored as well, with heads and a fixed offset chosen for them (on the same halves). There, all offsets
    of a relation weigh alike, so that a head that attends to another fixed position finds few.

    Parameters
    ----------
    arcs : arcs of all sentences
    n_heads : number of attention heads per layer
    min_arcs : smallest number of arcs of a relation; rarer relations are left out
    n_resamples : number of bootstrap samples of sentences
    seed : of the halves and the resampling

    Returns
    -------
    table : for ``all`` arcs and for each relation, one row per metric (``uas``, ``uas_off_offset`` and their
        baselines): ``layer, target, metric, value, ci_low, ci_high, n, n_groups, head, direction, offset, chance``;
        ``value`` is the share of arcs found, 0 to 1, higher is better; ``chance`` is the probability of finding the
        head by guessing another word of the sentence

    Raises
    ------
    AnalysisError
        No relation has enough arcs.
    """
    table, n = arcs.table, arcs.table["relation"].value_counts()
    relations = [relation for relation in n.index if n[relation] >= min_arcs]
    choosing_half = _first_half(table["sentence"], seed)
    parts = [part for relation in relations for part in _score_relation(arcs, relation, choosing_half, n_heads)]
    if not parts:
        raise AnalysisError(
            f"expected a relation with at least {min_arcs} arcs, in both halves of the sentences, "
            f"found {n.to_dict()}; add sentences or lower min_arcs"
        )
    names = [name for name in _BASELINES if any(part.metric == name for part in parts)]
    metrics = [metric for name in names for metric in (name, _BASELINES[name])]
    total = [_together([part for part in parts if part.metric == metric]) for metric in metrics]
    sentences, chance = table["sentence"].to_numpy(), 1 / table["n_others"].to_numpy()
    return pd.DataFrame(
        [
            _row(part, sentences[part.places], chance[part.places], n_resamples, seed) | part.found_by
            for part in [*total, *parts]
        ]
    )


class _Part(NamedTuple):
    """Scored arcs of a relation: their rows in the table, whether they are found, by what, and their weights."""

    target: str
    metric: str
    places: np.ndarray
    found: np.ndarray
    weights: np.ndarray
    found_by: dict[str, Any]


def _score_relation(arcs: Arcs, relation: str, choosing_half: np.ndarray, n_heads: int) -> Iterator[_Part]:
    """Yield attachment and baseline of a relation, of all its arcs and of those away from its commonest offset."""
    members = (arcs.table["relation"] == relation).to_numpy()
    offset = arcs.table["offset"].to_numpy()
    counts = pd.Series(offset[members & choosing_half]).value_counts()
    if counts.empty:
        return
    off = members & (offset != counts.index[0])
    # Offsets too rare in the half that chooses to be weighed up get the weight of one that occurs five times.
    balanced = 1 / pd.Series(offset).map(counts).fillna(0).clip(lower=_RARE).to_numpy()
    for metric, chosen, weights, needed in (
        (UAS, members, np.ones(len(offset)), 1),
        (UAS_OFF, off, balanced, _MIN_OFF),
    ):
        choosing, scoring = np.flatnonzero(chosen & choosing_half), np.flatnonzero(chosen & ~choosing_half)
        if min(len(choosing), len(scoring)) < needed:
            continue
        best = int((weights[choosing] @ arcs.found[choosing]).argmax())
        fixed = OFFSETS[int((weights[choosing] @ (offset[choosing, None] == np.array(OFFSETS))).argmax())]
        direction, map_ = divmod(best, arcs.found.shape[1] // len(DIRECTIONS))
        head = {"layer": f"T{map_ // n_heads + 1}", "head": map_ % n_heads, "direction": DIRECTIONS[direction]}
        scale = weights[scoring] * len(scoring) / weights[scoring].sum()
        yield _Part(relation, metric, scoring, arcs.found[scoring, best], scale, head)
        found = offset[scoring] == fixed
        yield _Part(relation, _BASELINES[metric], scoring, found, scale, {"layer": "input", "offset": fixed})


def _together(parts: Sequence[_Part]) -> _Part:
    """Return the arcs of all relations; a relation weighs as much as it has arcs."""
    places, found, weights = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("places", "found", "weights")
    )
    layer = "heads" if parts[0].metric in _BASELINES else "input"
    return _Part(ALL, parts[0].metric, places, found, weights, {"layer": layer})


def _first_half(sentences: pd.Series, seed: int) -> np.ndarray:
    """Return for each arc whether its sentence is in the half on which heads are chosen."""
    names = sentences.unique()
    first = np.random.default_rng([seed, *b"halves"]).permutation(len(names)) < (len(names) + 1) // 2
    return sentences.map(dict(zip(names, first))).to_numpy(dtype=bool)


def _row(part: _Part, sentences: np.ndarray, chance: np.ndarray, n_resamples: int, seed: int) -> dict[str, Any]:
    hits = part.found * part.weights
    low, high = cluster_bootstrap(hits, part.weights, sentences, n_resamples=n_resamples, seed=seed)
    return {
        "target": part.target,
        "metric": part.metric,
        "value": hits.sum() / part.weights.sum(),
        "ci_low": low,
        "ci_high": high,
        "n": len(hits),
        "n_groups": len(np.unique(sentences)),
        "chance": np.average(chance, weights=part.weights),
        "resampling_unit": "sentence",
    }
