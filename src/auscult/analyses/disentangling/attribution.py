"""Attribution of a readout's score to the parts of a vector, subspaces or latents, on unseen speakers."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from auscult.analyses.disentangling.decomposition import Parts, joint_parts, shapley_of_parts
from auscult.analyses.disentangling.erasure import factor_erasers
from auscult.analyses.disentangling.items import FactorItems
from auscult.analyses.disentangling.readouts import fit_readouts
from auscult.errors import AnalysisError
from auscult.probes.mlp import fit_mlp_scores
from auscult.statistics.intervals import bootstrap_statistic

__all__ = [
    "PartTarget",
    "factor_targets",
    "labelled_target",
    "subspace_parts",
    "measure_attribution",
    "share_rows",
]

Score = Callable[[np.ndarray], np.ndarray]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PartTarget:
    """A target of readouts: items with one class each, whose speakers keep the folds of the factors' items.

    Parameters
    ----------
    name : name of the target
    rows : positions in the index of the activations [shape=(n,)]
    codes : class of each item [shape=(n,)]
    n_classes : number of classes
    weights, folds, speakers : weight, fold and speaker of each item [shapes=(n,)]
    """

    name: str
    rows: np.ndarray
    codes: np.ndarray
    n_classes: int
    weights: np.ndarray
    folds: np.ndarray
    speakers: np.ndarray


def factor_targets(items: FactorItems) -> list[PartTarget]:
    """Return one target per factor."""
    shared = (items.weights, items.folds, items.speakers)
    return [
        PartTarget(factor, items.rows, items.codes[factor], len(labels), *shared)
        for factor, labels in items.labels.items()
    ]


def labelled_target(
    index: pd.DataFrame,
    fold_of: Mapping[str, int],
    name: str,
    target: Mapping[str, Any],
    *,
    min_class_size: int,
    max_items: int | None,
    seed: int = 0,
) -> PartTarget:
    """Return the target of a column and tier of the index, such as the phone or the word.

    Parameters
    ----------
    index : index of the activations
    fold_of : fold of each speaker; items of other speakers are left out
    name : name of the target
    target : ``tier`` and ``column``
    min_class_size : classes with fewer items, or with speakers of a single fold, are left out
    max_items : size of the random sample of items; None for all
    seed : of the sample

    Raises
    ------
    AnalysisError
        There is no such column or tier, or fewer than two classes are left.
    """
    tier, column = target["tier"], target["column"]
    if column not in index or not (index["tier"] == tier).any():
        raise AnalysisError(
            f"disentangling: expected column {column!r} and tier {tier!r} for target {name!r}, found "
            f"columns {', '.join(index)} and tiers {', '.join(index['tier'].unique())}"
        )
    speakers = index["speaker"].astype(str).to_numpy()
    labels = index[column].astype("string").fillna("").to_numpy(dtype=str)
    rows = np.flatnonzero((index["tier"] == tier).to_numpy() & (labels != "") & np.isin(speakers, list(fold_of)))
    if max_items is not None:
        rows = _sample(rows, max_items, seed)
    table = pd.DataFrame({"label": labels[rows], "fold": [fold_of[speaker] for speaker in speakers[rows]]})
    counts = table.groupby("label")["fold"].agg(["size", "nunique"])
    kept = counts.index[(counts["size"] >= min_class_size) & (counts["nunique"] > 1)]
    if len(kept) < 2:
        raise AnalysisError(
            f"disentangling: expected two or more classes of target {name!r} with at least {min_class_size} items "
            f"(min_class_size), found {len(kept)}; lower it or add sentences"
        )
    used = table["label"].isin(kept).to_numpy()
    _log.info("disentangling: target %s: %d of %d items, %d classes", name, used.sum(), len(used), len(kept))
    codes = np.unique(table["label"][used].to_numpy(dtype=str), return_inverse=True)[1]
    folds = table["fold"].to_numpy()[used]
    return PartTarget(name, rows[used], codes, len(kept), np.ones(used.sum()), folds, speakers[rows[used]])


def measure_attribution(
    parts: Sequence[Mapping[str, Parts]],
    targets: Sequence[tuple[PartTarget, np.ndarray]],
    *,
    n_mlp_items: int,
    n_resamples: int,
    seed: int = 0,
) -> Iterator[dict[str, Any]]:
    """Yield the share of each target's score that runs through each part of the vectors.

    The score of an item is the score of its true class minus the mean score over classes, relative to the same
    difference for the mean vector of the training speakers. A part that is left out is replaced by its mean. The score
    of a linear readout is a sum over parts; the score of a network is divided by exact Shapley values. Parts and
    readouts are fitted on other folds of speakers than the items.

    Parameters
    ----------
    parts : for each fold of speakers and each method, the parts fitted without that fold
    targets : each target with the vectors of its items [shape=(n, n_dims)]
    n_mlp_items : number of items that train a network beside the linear readout; 0 for no network
    n_resamples : bootstrap samples of speakers
    seed : of samples, networks and resampling

    Yields
    ------
    rows with ``target``, ``factor`` (the part), ``method``, ``readout``, ``metric`` (``part_share``, the share of the
    summed score, which may be negative, or ``part_score``, the mean score), ``value`` and interval
    """
    readouts = ("ridge", "mlp") if n_mlp_items else ("ridge",)
    found: dict[tuple[str, str, str], list[tuple[np.ndarray, dict[str, np.ndarray]]]] = {}
    for fold, methods in enumerate(parts):
        for target, vectors in targets:
            fits, tests = target.folds != fold, np.flatnonzero(target.folds == fold)
            mean = np.average(vectors[fits], axis=0, weights=target.weights[fits])
            for readout in readouts:
                tested = tests if readout == "ridge" else _sample(tests, n_mlp_items, seed)
                score, slopes = _fit(readout, vectors, target, fold, n_mlp_items, seed)
                for method, split in methods.items():
                    # The parts may have been fitted on another tier, whose mean differs.
                    centred = Parts(mean, split.projections)
                    shares = _attribute_scores(score, slopes, centred, vectors[tested], target.codes[tested])
                    found.setdefault((target.name, method, readout), []).append((tested, shares))
    by_name = {target.name: target for target, _ in targets}
    for (name, method, readout), folds in found.items():
        tested = np.concatenate([each for each, _ in folds])
        shares = {part: np.concatenate([each[part] for _, each in folds]) for part in folds[0][1]}
        target = by_name[name]
        rows = share_rows(shares, target.weights[tested], target.speakers[tested], n_resamples=n_resamples, seed=seed)
        for row in rows:
            yield {"target": name, "method": method, "readout": readout, **row}


def subspace_parts(
    x: np.ndarray, items: FactorItems, methods: Sequence[str], *, shrinkage: float, seed: int = 0
) -> list[dict[str, Parts]]:
    """Return, for each fold and method, the parts of vectors in the factors' subspaces, fitted on the other folds.

    Parameters
    ----------
    x : vectors of the items [shape=(n_items, n_dims)]
    items : items of the factors
    methods : erasers whose metric defines the subspaces, see
        :func:`auscult.analyses.disentangling.erasure.factor_erasers`; ``random`` gives random subspaces of the same
        dimensions, the control
    shrinkage : shrinkage of LEACE's covariance
    seed : of random subspaces
    """
    return [
        {
            method: joint_parts(
                factor_erasers(x, items, items.folds != fold, method, shrinkage=shrinkage, seed=seed + 100 * fold)
            )
            for method in methods
        }
        for fold in range(items.folds.max() + 1)
    ]


def share_rows(
    shares: Mapping[str, np.ndarray], weights: np.ndarray, speakers: np.ndarray, *, n_resamples: int, seed: int
) -> Iterator[dict[str, Any]]:
    """Yield each part's share of the summed score, and the mean score, with intervals over speakers.

    Parameters
    ----------
    shares : contribution of each part to the score of every item [shapes=(n,)]
    weights, speakers : weight and speaker of every item [shapes=(n,)]
    n_resamples : bootstrap samples of speakers
    seed : of the resampling
    """
    voices = np.unique(speakers, return_inverse=True)[1]
    stacked = np.stack(list(shares.values()), axis=1) * weights[:, None]
    sums = np.zeros((voices.max() + 1, len(shares) + 1))
    np.add.at(sums, voices, np.column_stack([stacked, weights]))
    shared = {"n": len(weights), "n_groups": len(sums)}
    for place, part in enumerate(shares):

        def share(totals: np.ndarray, place: int = place) -> np.ndarray:
            return totals[..., place] / totals[..., :-1].sum(axis=-1)

        low, high = bootstrap_statistic(sums, share, n_resamples=n_resamples, seed=seed)
        yield {
            "factor": part,
            "metric": "part_share",
            "value": float(share(sums.sum(axis=0))),
            "ci_low": low,
            "ci_high": high,
            **shared,
        }

    def score(totals: np.ndarray) -> np.ndarray:
        return totals[..., :-1].sum(axis=-1) / totals[..., -1]

    low, high = bootstrap_statistic(sums, score, n_resamples=n_resamples, seed=seed)
    value = float(score(sums.sum(axis=0)))
    yield {"factor": "", "metric": "part_score", "value": value, "ci_low": low, "ci_high": high, **shared}


def _attribute_scores(
    score: Score, slopes: np.ndarray | None, parts: Parts, x: np.ndarray, codes: np.ndarray
) -> dict[str, np.ndarray]:
    if slopes is None:
        return shapley_of_parts(score, parts, x, codes)
    chosen = slopes[:, codes].T
    return {name: np.sum(part * chosen, axis=1) for name, part in parts.split(x).items()}


def _fit(
    readout: str, x: np.ndarray, target: PartTarget, fold: int, n_items: int, seed: int
) -> tuple[Score, np.ndarray | None]:
    """Return the score function of a readout, whose mean over classes is 0, and its slopes if it is linear."""
    if readout == "ridge":
        slopes, offset = fit_readouts(x, [target.codes], [target.n_classes], target.weights, target.folds, fold)[0]
        slopes = slopes - slopes.mean(axis=1, keepdims=True)
        return lambda new: new @ slopes + offset - offset.mean(), slopes
    valid = (fold + 1) % (target.folds.max() + 1)
    trains = _sample(np.flatnonzero((target.folds != fold) & (target.folds != valid)), n_items, seed)
    validates = _sample(np.flatnonzero(target.folds == valid), n_items, seed)
    codes, seen = target.codes, np.unique(target.codes[trains])
    network = fit_mlp_scores(
        x[trains], codes[trains], x[validates], codes[validates], n_hidden=64, max_epochs=25, patience=4, seed=seed
    )

    def score(new: np.ndarray) -> np.ndarray:
        # A class missing from the sample has no logit; its score is the mean over classes, 0.
        scores = np.zeros((len(new), target.n_classes))
        scores[:, seen] = network(new)
        return scores

    return score, None


def _sample(rows: np.ndarray, n_items: int, seed: int) -> np.ndarray:
    drawn = np.random.default_rng([seed, len(rows)]).permutation(rows)[:n_items]
    return np.sort(drawn)
