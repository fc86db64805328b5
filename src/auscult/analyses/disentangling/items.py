"""Items of a disentangling study: segments with a value of every factor, crossed and weighted equally."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from auscult.errors import AnalysisError
from auscult.statistics.folds import check_disjoint, speaker_folds

__all__ = ["FactorItems", "factor_items", "balanced_weights"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FactorItems:
    """Segments whose factors are known and crossed: every combination of values occurs in every half and fold.

    Parameters
    ----------
    rows : positions in the index of the activations [shape=(n_items,)]
    labels : the value names of each factor, in the order of their codes
    codes : of each factor the value of every item [shapes=(n_items,)]
    weights : of every item, mean 1: each combination of values counts the same, and in it each speaker
        [shape=(n_items,)]
    speakers : of every item, as text [shape=(n_items,)]
    halves, folds : of every item, disjoint by speaker and balanced by the first factor that speakers do not vary in
        [shapes=(n_items,)]
    """

    rows: np.ndarray
    labels: Mapping[str, tuple[str, ...]]
    codes: Mapping[str, np.ndarray]
    weights: np.ndarray
    speakers: np.ndarray
    halves: np.ndarray
    folds: np.ndarray


def factor_items(
    index: pd.DataFrame,
    tier: str,
    factors: Sequence[str],
    *,
    n_folds: int = 4,
    min_items: int = 10,
    max_items: int | None = None,
    known: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
) -> FactorItems:
    """Choose the segments of a tier that have a value of every factor, and cross the factors.

    A value that is met in fewer than ``min_items`` segments with some combination of the other factors' values (Dutch
    has no affricates) would tell one factor by another: it is left out, the worst first, and logged.

    Parameters
    ----------
    index : of the activations, with columns ``tier`` and ``speaker``
    tier : the segments to take
    factors : columns of the index, two or more, such as ``phone_class``, ``gender`` and ``language``
    n_folds : of speakers, for fitting and testing
    min_items : least segments of a combination of values
    max_items : use a random sample of so many segments
    known : values that a factor may have; by default any
    seed : of halves, folds and sample

    Raises
    ------
    AnalysisError
        A factor is missing in the corpus, has one value or an unknown one; there are too few speakers, or factors
        cannot be crossed.
    """
    if len(factors) < 2:
        raise AnalysisError(f"disentangling: expected two factors or more, found {', '.join(factors)}; name another")
    for factor in factors:
        if factor not in index:
            raise AnalysisError(
                f"disentangling: expected factor {factor!r} among the columns of the corpus, found "
                f"{', '.join(index)}; take it out of the factors or label the corpus"
            )
    rows = np.flatnonzero(index["tier"] == tier)
    if not len(rows):
        raise AnalysisError(
            f"disentangling: expected items of tier {tier!r}, found {', '.join(index['tier'].unique())}"
            "; add the tier to the activations"
        )
    values = index.iloc[rows][[*factors, "speaker"]].astype("string").fillna("")
    for factor in factors:
        _check_values(factor, values[factor], (known or {}).get(factor))
    valued = (values[list(factors)] != "").all(axis=1).to_numpy()
    rows, values = rows[valued], values[valued]
    crossed = _crossed(values, factors, min_items)
    rows, values = rows[crossed], values[crossed]
    if max_items is not None and len(rows) > max_items:
        drawn = np.sort(np.random.default_rng([seed, 1]).choice(len(rows), max_items, replace=False))
        rows, values = rows[drawn], values.iloc[drawn]
    labels, codes = {}, {}
    for factor in factors:
        names, codes[factor] = np.unique(values[factor].to_numpy(dtype=str), return_inverse=True)
        labels[factor] = tuple(names.tolist())
    speakers = values["speaker"].to_numpy(dtype=str)
    strata = _strata(values, factors)
    advice = "add speakers to the corpus or lower n_folds"
    halves, folds = (
        speaker_folds(speakers, n, seed, strata, where="disentangling", advice=advice) for n in (2, n_folds)
    )
    for parts in (halves, folds):
        check_disjoint(speakers, parts)
        _check_parts(values, factors, parts)
    weights = balanced_weights(codes, speakers)
    return FactorItems(rows, labels, codes, weights, speakers, halves, folds)


def balanced_weights(codes: Mapping[str, np.ndarray], speakers: np.ndarray) -> np.ndarray:
    """Return weights of items, mean 1, by which every combination of values counts the same, and in it every speaker.

    With crossed factors the weighted factors are independent of each other: erasing one cannot erase another because
    they go together in the corpus.
    """
    cells = np.unique(np.stack(list(codes.values())), axis=1, return_inverse=True)[1].reshape(-1)
    voices = np.unique(speakers, return_inverse=True)[1]
    pairs, pair_of, sizes = np.unique(np.stack([cells, voices]), axis=1, return_inverse=True, return_counts=True)
    pair_of = pair_of.reshape(-1)
    weights = 1 / (sizes[pair_of] * np.bincount(pairs[0])[cells])
    return weights * len(weights) / weights.sum()


def _check_values(factor: str, values: pd.Series, known: Sequence[str] | None) -> None:
    found = sorted(set(values) - {""})
    if known is not None and set(found) - set(known):
        unknown = next(value for value in found if value not in known)
        raise AnalysisError(
            f"disentangling: expected values of factor {factor!r} among {', '.join(known)}, found "
            f"{unknown!r}; correct the labels of the corpus"
        )
    if len(found) < 2:
        raise AnalysisError(
            f"disentangling: expected two values or more of factor {factor!r}, found "
            f"{', '.join(found) or 'none'}; one value alone has nothing to be told from: take the "
            "factor out"
        )


def _crossed(values: pd.DataFrame, factors: Sequence[str], min_items: int) -> np.ndarray:
    """Return which items are left once values that do not occur in every combination are taken out."""
    kept = np.ones(len(values), dtype=bool)
    while True:
        counts = values[kept].groupby(list(factors)).size()
        if any(counts.index.get_level_values(factor).nunique() < 2 for factor in factors):
            raise AnalysisError(
                f"disentangling: expected two values or more of each of {', '.join(factors)} that occur together at "
                f"least {min_items} times (min_items), found fewer; add sentences, lower min_items or take a factor out"
            )
        levels = [counts.index.get_level_values(factor).unique() for factor in factors]
        counts = counts.reindex(pd.MultiIndex.from_product(levels, names=factors), fill_value=0)
        rare = counts[counts < min_items]
        if rare.empty:
            return kept
        shares = {
            (factor, value): (rare.index.get_level_values(factor) == value).sum()
            / (counts.index.get_level_values(factor) == value).sum()
            for factor in factors
            for value in rare.index.get_level_values(factor).unique()
        }
        factor, value = max(shares, key=lambda pair: (shares[pair], pair))
        _log.info(
            "disentangling: %s %r is left out: it does not occur with all values of the other factors", factor, value
        )
        kept &= (values[factor] != value).to_numpy()


def _strata(values: pd.DataFrame, factors: Sequence[str]) -> np.ndarray:
    """Return for every item the values of those factors in which its speaker does not vary, such as gender."""
    fixed = [factor for factor in factors if (values.groupby("speaker")[factor].nunique() == 1).all()]
    return values[fixed].agg("|".join, axis=1).to_numpy(dtype=str) if fixed else np.zeros(len(values), dtype=str)


def _check_parts(values: pd.DataFrame, factors: Sequence[str], parts: np.ndarray) -> None:
    """Refuse halves or folds that lack a value: nothing could be fitted, or nothing tested."""
    for factor in factors:
        for part in np.unique(parts):
            lacking = sorted(set(values[factor]) - set(values[factor][parts == part]))
            if lacking:
                raise AnalysisError(
                    f"disentangling: expected speakers of every value of {factor!r} in each of "
                    f"{parts.max() + 1} groups of speakers, found none of {lacking[0]!r} in one of "
                    f"{values['speaker'].nunique()} speakers; add speakers or lower n_folds"
                )
