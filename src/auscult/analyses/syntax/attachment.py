"""Attachment scores: the best attention head per relation, chosen on half of the sentences and scored on the rest."""

from typing import Any

import numpy as np
import pandas as pd

from auscult.analyses.syntax.columns import ALL, FIXED_OFFSET, UAS
from auscult.analyses.syntax.parsing import DIRECTIONS, OFFSETS, Arcs
from auscult.errors import AnalysisError
from auscult.statistics.intervals import cluster_bootstrap

__all__ = ["score_attachment"]


def score_attachment(arcs: Arcs, *, n_heads: int, min_arcs: int, n_resamples: int, seed: int) -> pd.DataFrame:
    """Score the parse implied by attention (Clark et al., 2019; Chen et al., 2024) and the best fixed offsets.

    For each relation, the attention head and direction that find most arcs in one half of the sentences are scored on
    the other half. The baseline, the best offset from 3 words before to 2 after the dependent, is chosen and scored in
    the same way. Chen et al. choose and score on the same sentences, which favours the best of many heads.

    Parameters
    ----------
    arcs : arcs of all sentences
    n_heads : number of attention heads per layer
    min_arcs : smallest number of arcs of a relation; rarer relations are left out
    n_resamples : number of bootstrap samples of sentences
    seed : of the halves and the resampling

    Returns
    -------
    table : one row for ``all`` arcs and one per relation: ``layer, target, metric, value, ci_low, ci_high, n,
        n_groups, head, direction, offset, chance``; ``value`` is the share of arcs found, 0 to 1, higher is better;
        ``chance`` is the probability of finding the head by guessing another word of the sentence

    Raises
    ------
    AnalysisError
        No relation has enough arcs.
    """
    table, n = arcs.table, arcs.table["relation"].value_counts()
    relations = [relation for relation in n.index if n[relation] >= min_arcs]
    choosing_half = _first_half(table["sentence"], seed)
    offsets = table["offset"].to_numpy()[:, None] == np.array(OFFSETS)
    chance = 1 / table["n_others"].to_numpy()
    rows, hits, scored = [], [], []
    for relation in relations:
        members = (table["relation"] == relation).to_numpy()
        choosing, scoring = members & choosing_half, np.flatnonzero(members & ~choosing_half)
        if not choosing.any() or not len(scoring):
            continue
        best, best_offset = (values[choosing].mean(axis=0).argmax() for values in (arcs.found, offsets))
        direction, map_ = divmod(int(best), arcs.found.shape[1] // len(DIRECTIONS))
        found = {UAS: arcs.found[scoring, best], FIXED_OFFSET: offsets[scoring, best_offset]}
        names = {
            UAS: {"layer": f"T{map_ // n_heads + 1}", "head": map_ % n_heads, "direction": DIRECTIONS[direction]},
            FIXED_OFFSET: {"layer": "input", "offset": OFFSETS[best_offset]},
        }
        rows += [(relation, metric, scoring, found[metric], names[metric]) for metric in found]
        hits.append(found)
        scored.append(scoring)
    if not rows:
        raise AnalysisError(
            f"expected a relation with at least {min_arcs} arcs, in both halves of the sentences, "
            f"found {n.to_dict()}; add sentences or lower min_arcs"
        )
    every = np.concatenate(scored)
    total = [
        (
            ALL,
            metric,
            every,
            np.concatenate([found[metric] for found in hits]),
            {"layer": "heads" if metric == UAS else "input"},
        )
        for metric in (UAS, FIXED_OFFSET)
    ]
    sentences = table["sentence"].to_numpy()
    return pd.DataFrame(
        [
            _row(target, metric, found, sentences[places], chance[places], n_resamples, seed) | more
            for target, metric, places, found, more in [*total, *rows]
        ]
    )


def _first_half(sentences: pd.Series, seed: int) -> np.ndarray:
    """Return for each arc whether its sentence is in the half on which heads are chosen."""
    names = sentences.unique()
    first = np.random.default_rng([seed, *b"halves"]).permutation(len(names)) < (len(names) + 1) // 2
    return sentences.map(dict(zip(names, first))).to_numpy(dtype=bool)


def _row(
    target: str, metric: str, found: np.ndarray, sentences: np.ndarray, chance: np.ndarray, n_resamples: int, seed: int
) -> dict[str, Any]:
    low, high = cluster_bootstrap(found, np.ones(len(found)), sentences, n_resamples=n_resamples, seed=seed)
    return {
        "target": target,
        "metric": metric,
        "value": found.mean(),
        "ci_low": low,
        "ci_high": high,
        "n": len(found),
        "n_groups": len(np.unique(sentences)),
        "chance": chance.mean(),
        "resampling_unit": "sentence",
    }
