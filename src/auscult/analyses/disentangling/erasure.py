"""Selective erasure: one factor is erased and all are probed, on speakers that neither eraser nor probe has met."""

from collections.abc import Iterator, Sequence

import numpy as np

from auscult.analyses.disentangling.items import FactorItems
from auscult.analyses.disentangling.readouts import (
    accuracy_row,
    fit_readouts,
    hits_by_speaker,
    one_hot,
    weighted_moments,
)
from auscult.erasure.erasers import Eraser
from auscult.erasure.fitting import fit_eraser
from auscult.probes.mlp import fit_mlp

__all__ = ["METHODS", "factor_erasers", "measure_erasure", "sample_items"]

METHODS = ("leace", "mean_projection", "random")


def factor_erasers(
    x: np.ndarray, items: FactorItems, fits: np.ndarray, method: str, *, shrinkage: float = 0.0, seed: int = 0
) -> dict[str, Eraser]:
    """Fit one eraser for each factor on weighted items, in which the factors are independent of each other.

    Parameters
    ----------
    x : vectors of the items [shape=(n_items, n_dims)]
    fits : which items to fit on [shape=(n_items,)]
    method : one of :data:`METHODS`; ``random`` takes away as many dimensions as the others
    shrinkage : of LEACE's covariance, see :func:`auscult.erasure.fitting.shrink_covariance`
    seed : of random directions
    """
    erasers = {}
    for place, (factor, labels) in enumerate(items.labels.items()):
        moments = weighted_moments(x[fits], one_hot(items.codes[factor][fits], len(labels)), items.weights[fits])
        match method:
            case "leace":
                settings = {"shrinkage": shrinkage}
            case "random":
                settings = {"seed": seed + place}
            case _:
                settings = {}
        erasers[factor] = fit_eraser(method, moments, labels, **settings)
    return erasers


def measure_erasure(
    x: np.ndarray,
    items: FactorItems,
    *,
    methods: Sequence[str] = METHODS,
    shrinkage: float = 0.0,
    n_mlp_items: int = 2000,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Iterator[dict]:
    """Yield the balanced accuracy of every factor's probe with nothing erased and with each factor erased.

    The items of each fold of speakers are tested once, by erasers and probes of the others; probes are trained anew
    after erasure. What a linear probe cannot read any more, a network may: after LEACE one is trained for the erased
    factor, on a random sample.

    Parameters
    ----------
    x : vectors of the items [shape=(n_items, n_dims)]
    methods : of :data:`METHODS`
    n_mlp_items : sample that trains a network; 0 trains none
    n_resamples : bootstrap samples of speakers

    Yields
    ------
    rows with ``target`` (the probed factor), ``factor`` (the erased one, empty for none), ``method``, ``readout``,
    ``metric`` (``balanced_accuracy``, 0 to 1, or its change from nothing erased), ``value``, interval and ``chance``
    """
    factors, speakers = list(items.labels), np.unique(items.speakers, return_inverse=True)[1]
    codes, sizes = [items.codes[factor] for factor in factors], [len(items.labels[factor]) for factor in factors]
    conditions = [("none", ""), *((method, factor) for method in methods for factor in factors)]
    guesses: dict[tuple[str, str, str, str], np.ndarray] = {}

    def note(key: tuple[str, str, str, str], tests: np.ndarray, predicted: np.ndarray) -> None:
        guesses.setdefault(key, np.full(len(x), -1))[tests] = predicted

    for fold in range(items.folds.max() + 1):
        tests = items.folds == fold
        erasers = {
            method: factor_erasers(x, items, ~tests, method, shrinkage=shrinkage, seed=seed + 100 * fold)
            for method in methods
        }
        for method, erased in conditions:
            left = erasers[method][erased].apply(x) if erased else x
            readouts = fit_readouts(left, codes, sizes, items.weights, items.folds, fold)
            for factor, (weights, offset) in zip(factors, readouts):
                note((factor, erased, method, "ridge"), tests, (left[tests] @ weights + offset).argmax(axis=1))
            for factor in factors if n_mlp_items and method in ("none", "leace") else ():
                if not erased or factor == erased:
                    predicted = _read_by_network(left, items, factor, fold, n_mlp_items, seed)
                    note((factor, erased, method, "mlp"), tests, predicted)
    sums = {
        key: hits_by_speaker(items.codes[key[0]], predicted, items.weights, speakers, len(items.labels[key[0]]))
        for key, predicted in guesses.items()
    }
    for (factor, erased, method, readout), mine in sums.items():
        before = sums[factor, "", "none", readout] if erased else None
        for row in accuracy_row(mine, before, n=len(x), n_resamples=n_resamples, seed=seed):
            yield {"target": factor, "factor": erased, "method": method, "readout": readout, **row}


def _read_by_network(x: np.ndarray, items: FactorItems, factor: str, fold: int, n_items: int, seed: int) -> np.ndarray:
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
    there = np.flatnonzero(among)
    chance = items.weights[there] / items.weights[there].sum()
    drawn = np.random.default_rng([seed, len(there)]).choice(there, min(n_items, len(there)), replace=False, p=chance)
    return np.sort(drawn)
