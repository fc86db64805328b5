"""Attribution to the parts: how much of a readout's score runs through each subspace or latent, on unseen speakers."""

import logging
from collections.abc import Iterator, Mapping, Sequence
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

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PartTarget:
    """What a readout predicts: vectors with a class each, of speakers in the folds of the factors' items.

    Parameters
    ----------
    name : of the target
    rows : positions in the index of the activations [shape=(n,)]
    codes : class of each item [shape=(n,)]
    n_classes : their number
    weights, folds, speakers : of each item [shapes=(n,)]
    """

    name: str
    rows: np.ndarray
    codes: np.ndarray
    n_classes: int
    weights: np.ndarray
    folds: np.ndarray
    speakers: np.ndarray


def factor_targets(items: FactorItems) -> list[PartTarget]:
    """Return the factors themselves as targets."""
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
    min_class_size: int = 20,
    max_items: int | None = None,
    seed: int = 0,
) -> PartTarget:
    """Return a target of another column or tier, such as the phone or the word.

    Parameters
    ----------
    index : of the activations
    fold_of : the fold of each speaker; items of others are left out
    target : ``tier`` and ``column``
    min_class_size : classes with fewer items, or with speakers of a single fold, are left out
    max_items : use a random sample of so many items
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
        rows = _thin(rows, max_items, seed)
    table = pd.DataFrame({"label": labels[rows], "fold": [fold_of[speaker] for speaker in speakers[rows]]})
    counts = table.groupby("label")["fold"].agg(["size", "nunique"])
    kept = counts.index[(counts["size"] >= min_class_size) & (counts["nunique"] > 1)]
    if len(kept) < 2:
        raise AnalysisError(
            f"disentangling: expected two classes or more of target {name!r} with {min_class_size} "
            f"items (min_class_size), found {len(kept)}; lower it or add sentences"
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
    n_mlp_items: int = 2000,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Iterator[dict]:
    """Yield which share of each target's score runs through each part of the vectors.

    The score is that of the item's true class minus the mean over all classes, against the same of the mean vector of
    the training speakers, as which every part that is left out counts. Of a linear readout it is a sum over parts; of a
    network the parts' exact Shapley values are taken. Parts and readouts are of other speakers than the items.

    Parameters
    ----------
    parts : for each fold of speakers and each method, parts that were fitted without the fold
    targets : each with the vectors of its items [shape=(n, n_dims)]
    n_mlp_items : sample that trains a network, beside the linear readout; 0 trains none
    n_resamples : bootstrap samples of speakers

    Yields
    ------
    rows with ``target``, ``factor`` (the part), ``method``, ``readout``, ``metric`` (``part_share`` of the summed
    score, which may be negative; or its mean, ``part_score``), ``value`` and interval
    """
    readouts = ("ridge", "mlp") if n_mlp_items else ("ridge",)
    found: dict[tuple[str, str, str], list[tuple[np.ndarray, dict[str, np.ndarray]]]] = {}
    for fold, methods in enumerate(parts):
        for target, vectors in targets:
            fits, tests = target.folds != fold, np.flatnonzero(target.folds == fold)
            mean = np.average(vectors[fits], axis=0, weights=target.weights[fits])
            for readout in readouts:
                tested = tests if readout == "ridge" else _thin(tests, n_mlp_items, seed)
                score, slopes = _fit(readout, vectors, target, fold, n_mlp_items, seed)
                for method, split in methods.items():
                    # Vectors of another tier than the parts were fitted on have a mean of their own.
                    about = Parts(mean, split.projections)
                    shares = _share_out(score, slopes, about, vectors[tested], target.codes[tested])
                    found.setdefault((target.name, method, readout), []).append((tested, shares))
    by_name = {target.name: target for target, _ in targets}
    for (name, method, readout), pieces in found.items():
        tested = np.concatenate([each for each, _ in pieces])
        shares = {part: np.concatenate([each[part] for _, each in pieces]) for part in pieces[0][1]}
        target = by_name[name]
        rows = share_rows(shares, target.weights[tested], target.speakers[tested], n_resamples=n_resamples, seed=seed)
        for row in rows:
            yield {"target": name, "method": method, "readout": readout, **row}


def subspace_parts(
    x: np.ndarray, items: FactorItems, methods: Sequence[str], *, shrinkage: float = 0.0, seed: int = 0
) -> list[dict[str, Parts]]:
    """Return, for each fold, the parts of vectors in the factors' subspaces, fitted on the speakers of other folds.

    Parameters
    ----------
    x : vectors of the items [shape=(n_items, n_dims)]
    methods : in whose metric subspaces are, see :func:`auscult.analyses.disentangling.erasure.factor_erasers`; of
        ``random`` they are random spaces of the same dimensions: the control
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
) -> Iterator[dict]:
    """Yield each part's share of the summed score and the mean score itself, with intervals over speakers.

    Parameters
    ----------
    shares : of each part, of every item, in units of the score [shapes=(n,)]
    weights, speakers : of the items [shapes=(n,)]
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


def _share_out(score, slopes, parts: Parts, x: np.ndarray, codes: np.ndarray) -> dict[str, np.ndarray]:
    if slopes is None:
        return shapley_of_parts(score, parts, x, codes)
    chosen = slopes[:, codes].T
    return {name: np.sum(part * chosen, axis=1) for name, part in parts.split(x).items()}


def _fit(readout: str, x: np.ndarray, target: PartTarget, fold: int, n_items: int, seed: int):
    """Return what scores vectors, the mean over classes 0, and its slopes if it is linear."""
    if readout == "ridge":
        slopes, offset = fit_readouts(x, [target.codes], [target.n_classes], target.weights, target.folds, fold)[0]
        slopes = slopes - slopes.mean(axis=1, keepdims=True)
        return lambda new: new @ slopes + offset - offset.mean(), slopes
    valid = (fold + 1) % (target.folds.max() + 1)
    trains = _thin(np.flatnonzero((target.folds != fold) & (target.folds != valid)), n_items, seed)
    validates = _thin(np.flatnonzero(target.folds == valid), n_items, seed)
    codes, seen = target.codes, np.unique(target.codes[trains])
    network = fit_mlp_scores(
        x[trains], codes[trains], x[validates], codes[validates], n_hidden=64, max_epochs=25, patience=4, seed=seed
    )

    def score(new: np.ndarray) -> np.ndarray:
        # A class that the sample lacks has no logit: it counts as the mean.
        scores = np.zeros((len(new), target.n_classes))
        scores[:, seen] = network(new)
        return scores

    return score, None


def _thin(rows: np.ndarray, n_items: int, seed: int) -> np.ndarray:
    drawn = np.random.default_rng([seed, len(rows)]).permutation(rows)[:n_items]
    return np.sort(drawn)
