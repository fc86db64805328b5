"""Items of a disentangling analysis: segments with a value of every factor, crossed and equally weighted."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from auscult.analyses.disentangling.settings import DisentanglingSettings
from auscult.errors import AnalysisError
from auscult.statistics.folds import check_disjoint, speaker_folds

__all__ = ["FactorItems", "factor_items", "balanced_weights"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FactorItems:
    """Segments whose factors are crossed: every value occurs in every half and fold of the speakers.

    Parameters
    ----------
    rows : positions in the index of the activations [shape=(n_items,)]
    labels : names of the values of each factor, in the order of their codes
    codes : value of every item, by factor [shapes=(n_items,)]
    weights : weight of every item, with mean 1; every combination of values has the same total weight, and so has every
        speaker within a combination [shape=(n_items,)]
    speakers : speaker of every item [shape=(n_items,)]
    halves, folds : half of every item in every random split, and its fold, disjoint by speaker and stratified by the
        factors that are constant within speakers [shapes=(n_splits, n_items) and (n_items,)]
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
    factors: Sequence[str],
    settings: DisentanglingSettings = DisentanglingSettings(),
    *,
    known: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
) -> FactorItems:
    """Choose the segments of a tier that have a value of every factor, and cross the factors.

    A value that occurs in fewer than ``min_items`` segments with some combination of the other factors' values (Dutch
    has no affricates) would make one factor predictable from another. Such values are left
    out and logged, first the one with the largest share of rare combinations.

    Parameters
    ----------
    index : index of the activations, with columns ``tier`` and ``speaker``
    factors : columns of the index, two or more, such as ``phone_class``, ``gender`` and ``language``
    settings : ``tier``, ``n_folds``, ``min_items`` and ``max_items`` are used
    known : values allowed for a factor; by default any
    seed : of halves, folds and the random sample

    Raises
    ------
    AnalysisError
        A factor is missing in the corpus, has only one value or an unknown one; there are too few speakers; or the
        factors cannot be crossed.
    """
    if len(factors) < 2:
        raise AnalysisError(f"disentangling: expected two factors or more, found {', '.join(factors)}; add one")
    for factor in factors:
        if factor not in index:
            raise AnalysisError(
                f"disentangling: expected factor {factor!r} among the columns of the corpus, found "
                f"{', '.join(index)}; take it out of the factors or label the corpus"
            )
    rows = np.flatnonzero(index["tier"] == settings.tier)
    if not len(rows):
        raise AnalysisError(
            f"disentangling: expected segments of tier {settings.tier!r} in the activations, found "
            f"{', '.join(index['tier'].unique())}; add the tier to the activations"
        )
    values = index.iloc[rows][[*factors, "speaker"]].astype("string").fillna("")
    for factor in factors:
        _check_values(factor, values[factor], (known or {}).get(factor))
    valued = (values[list(factors)] != "").all(axis=1).to_numpy()
    rows, values = rows[valued], values[valued]
    crossed = _crossed(values, factors, settings.min_items)
    rows, values = rows[crossed], values[crossed]
    if settings.max_items is not None and len(rows) > settings.max_items:
        drawn = np.sort(np.random.default_rng([seed, 1]).choice(len(rows), settings.max_items, replace=False))
        rows, values = rows[drawn], values.iloc[drawn]
    labels, codes = {}, {}
    for factor in factors:
        names, codes[factor] = np.unique(values[factor].to_numpy(dtype=str), return_inverse=True)
        labels[factor] = tuple(names.tolist())
    speakers = values["speaker"].to_numpy(dtype=str)
    strata = _strata(values, factors)
    advice = "add speakers to the corpus or lower n_folds"
    *halves, folds = (
        speaker_folds(speakers, n, of, strata, where="disentangling", advice=advice)
        for n, of in [*((2, seed + 1000 * split) for split in range(settings.n_splits)), (settings.n_folds, seed)]
    )
    for parts in (*halves, folds):
        check_disjoint(speakers, parts)
        _check_parts(values, factors, parts)
    weights = balanced_weights(codes, speakers)
    return FactorItems(rows, labels, codes, weights, speakers, np.stack(halves), folds)


def balanced_weights(codes: Mapping[str, np.ndarray], speakers: np.ndarray) -> np.ndarray:
    """Return item weights with mean 1 that give every combination of values the same total, and every speaker in it.

    Crossed factors weighted in this way are independent of each other, so a correlation of factors in the corpus cannot
    make the erasure of one erase another.
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
            f"{', '.join(found) or 'none'}; take the factor out or add recordings with other values"
        )


def _crossed(values: pd.DataFrame, factors: Sequence[str], min_items: int) -> np.ndarray:
    """Return a mask of the items whose values occur in every combination with the other factors' values."""
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
            "disentangling: %s %r left out: it does not occur with all values of the other factors", factor, value
        )
        kept &= (values[factor] != value).to_numpy()


def _strata(values: pd.DataFrame, factors: Sequence[str]) -> np.ndarray:
    """Return the stratum of every item: the values of the factors that are constant within speakers, such as gender."""
    fixed = [factor for factor in factors if (values.groupby("speaker")[factor].nunique() == 1).all()]
    return values[fixed].agg("|".join, axis=1).to_numpy(dtype=str) if fixed else np.zeros(len(values), dtype=str)


def _check_parts(values: pd.DataFrame, factors: Sequence[str], parts: np.ndarray) -> None:
    """Refuse halves or folds that lack a value: it could not be fitted or not be tested there."""
    for factor in factors:
        for part in np.unique(parts):
            lacking = sorted(set(values[factor]) - set(values[factor][parts == part]))
            if lacking:
                raise AnalysisError(
                    f"disentangling: expected speakers of every value of {factor!r} in each of "
                    f"{parts.max() + 1} groups of speakers, found none of {lacking[0]!r} in one of "
                    f"{values['speaker'].nunique()} speakers; add speakers or lower n_folds"
                )
