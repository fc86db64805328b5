"""Selective erasure: one factor is erased and all are probed, on speakers that neither eraser nor probe has seen."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from auscult.analyses.disentangling.items import FactorItems
from auscult.analyses.disentangling.readouts import (
    accuracy_rows,
    fit_readouts,
    hits_by_speaker,
    one_hot,
    weighted_moments,
)
from auscult.analyses.disentangling.settings import DisentanglingSettings
from auscult.erasure.erasers import Eraser
from auscult.erasure.fitting import fit_eraser
from auscult.probes.mlp import fit_mlp

__all__ = ["factor_erasers", "measure_erasure", "sample_items"]


def factor_erasers(
    x: np.ndarray, items: FactorItems, fits: np.ndarray, method: str, *, shrinkage: float, seed: int = 0
) -> dict[str, Eraser]:
    """Fit one eraser per factor on weighted items, in which the factors are independent of each other.

    Parameters
    ----------
    x : vectors of the items [shape=(n_items, n_dims)]
    items : items of the factors
    fits : mask of the items to fit on [shape=(n_items,)]
    method : ``leace``, ``mean_projection`` or ``random``, which removes as many dimensions as the others
    shrinkage : shrinkage of LEACE's covariance, see :func:`auscult.erasure.fitting.shrink_covariance`
    seed : of random directions
    """
    erasers = {}
    for place, (factor, labels) in enumerate(items.labels.items()):
        moments = weighted_moments(x[fits], one_hot(items.codes[factor][fits], len(labels)), items.weights[fits])
        match method:
            case "leace":
                options: dict[str, Any] = {"shrinkage": shrinkage}
            case "random":
                options = {"seed": seed + place}
            case _:
                options = {}
        erasers[factor] = fit_eraser(method, moments, labels, **options)
    return erasers


def measure_erasure(
    x: np.ndarray, items: FactorItems, settings: DisentanglingSettings = DisentanglingSettings(), *, seed: int = 0
) -> Iterator[dict[str, Any]]:
    """Yield the balanced accuracy of every factor's probe with nothing erased and with each factor erased.

    The items of each fold of speakers are tested once, with erasers and probes fitted on the other folds; probes are
    trained anew after erasure. A network may still read what a linear probe cannot, so after LEACE a network is trained
    for the erased factor, on a random sample.

    Parameters
    ----------
    x : vectors of the items [shape=(n_items, n_dims)]
    items : items of the factors
    settings : ``methods``, ``shrinkage``, ``n_mlp_items`` and ``n_resamples`` are used
    seed : of random directions, samples, networks and resampling

    Yields
    ------
    rows with ``target`` (the probed factor), ``factor`` (the erased factor, empty for none), ``method``, ``readout``,
    ``metric`` (``balanced_accuracy``, 0 to 1, or its change from nothing erased), ``value``, interval and ``chance``
    """
    factors, speakers = list(items.labels), np.unique(items.speakers, return_inverse=True)[1]
    codes, sizes = [items.codes[factor] for factor in factors], [len(items.labels[factor]) for factor in factors]
    conditions = [("none", ""), *((method, factor) for method in settings.methods for factor in factors)]
    predictions: dict[tuple[str, str, str, str], np.ndarray] = {}

    def record(key: tuple[str, str, str, str], tests: np.ndarray, predicted: np.ndarray) -> None:
        predictions.setdefault(key, np.full(len(x), -1))[tests] = predicted

    for fold in range(items.folds.max() + 1):
        tests = items.folds == fold
        erasers = {
            method: factor_erasers(x, items, ~tests, method, shrinkage=settings.shrinkage, seed=seed + 100 * fold)
            for method in settings.methods
        }
        for method, erased in conditions:
            remaining = erasers[method][erased].apply(x) if erased else x
            readouts = fit_readouts(remaining, codes, sizes, items.weights, items.folds, fold)
            for factor, (weights, offset) in zip(factors, readouts):
                record((factor, erased, method, "ridge"), tests, (remaining[tests] @ weights + offset).argmax(axis=1))
            for factor in factors if settings.n_mlp_items and method in ("none", "leace") else ():
                if not erased or factor == erased:
                    predicted = _predict_by_network(remaining, items, factor, fold, settings.n_mlp_items, seed)
                    record((factor, erased, method, "mlp"), tests, predicted)
    sums = {
        key: hits_by_speaker(items.codes[key[0]], predicted, items.weights, speakers, len(items.labels[key[0]]))
        for key, predicted in predictions.items()
    }
    for (factor, erased, method, readout), mine in sums.items():
        before = sums[factor, "", "none", readout] if erased else None
        for row in accuracy_rows(mine, before, n=len(x), n_resamples=settings.n_resamples, seed=seed):
            yield {"target": factor, "factor": erased, "method": method, "readout": readout, **row}


def _predict_by_network(
    x: np.ndarray, items: FactorItems, factor: str, fold: int, n_items: int, seed: int
) -> np.ndarray:
    valid = (fold + 1) % (items.folds.max() + 1)
    trains = sample_items(items, (items.folds != fold) & (items.folds != valid), n_items, seed)
    validates = sample_items(items, items.folds == valid, n_items, seed)
    codes = items.codes[factor]
    network = fit_mlp(
        x[trains], codes[trains], x[validates], codes[validates], n_hidden=64, max_epochs=25, patience=4, seed=seed
    )
    return network(x[items.folds == fold])


def sample_items(items: FactorItems, among: np.ndarray, n_items: int, seed: int) -> np.ndarray:
    """Return positions of a random sample in which rare combinations of values are as likely as frequent ones."""
    rows = np.flatnonzero(among)
    probabilities = items.weights[rows] / items.weights[rows].sum()
    rng = np.random.default_rng([seed, len(rows)])
    drawn = rng.choice(rows, min(n_items, len(rows)), replace=False, p=probabilities)
    return np.sort(drawn)
