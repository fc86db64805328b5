"""Classifiers that are fitted many times on the same items: for every set of folds left out, penalty and labelling."""

import copy
import logging
import warnings
from collections.abc import Callable, Collection, Iterable
from typing import Literal

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from auscult.errors import AnalysisError
from auscult.moments import MomentsByGroup, fit_ridge

__all__ = ["Probe", "Fitter", "Predictor", "prepare_fitter"]

Probe = Literal["ridge", "logistic"]
Predictor = Callable[[np.ndarray], np.ndarray]
Fitter = Callable[[Collection[int], np.ndarray], Predictor]

_log = logging.getLogger(__name__)
_MAX_STEPS = 500


def prepare_fitter(
    probe: Probe, chunks: Iterable[tuple[np.ndarray, np.ndarray]], labels: np.ndarray, folds: np.ndarray
) -> Fitter:
    """Read all vectors once and return a function that fits classifiers without some of the folds.

    Parameters
    ----------
    probe : ``ridge`` regression on one-hot labels, from moments, or multinomial ``logistic`` regression, which holds
        all vectors in memory; both on standardised vectors
    chunks : pairs of item numbers and their vectors [shapes=(n,) and (n, n_dims)]
    labels : class codes of every item, one column per labelling [shape=(n_items, n_labellings)]
    folds : fold of every item [shape=(n_items,)]

    Returns
    -------
    fit : ``fit(left_out, penalties)`` gives ``predict(x)``, which gives class codes
        [shape=(n, n_penalties, n_labellings)]. Penalties are relative to unit variance and to one item: n · penalty is
        scikit-learn's alpha of the ridge and 1 / C of the logistic regression.

    Raises
    ------
    AnalysisError
        The probe does not exist.
    """
    match probe:
        case "ridge":
            return _ridge_fitter(chunks, labels, folds)
        case "logistic":
            return _logistic_fitter(chunks, labels, folds)
    raise AnalysisError(f"expected one of the probes ridge, logistic, found {probe!r}")


def _ridge_fitter(chunks, labels: np.ndarray, folds: np.ndarray) -> Fitter:
    n_labellings, n_classes = labels.shape[1], int(labels.max()) + 1
    one_hot = np.eye(n_classes)
    moments = MomentsByGroup()
    for items, x in chunks:
        moments.accumulate(x, one_hot[labels[items]].reshape(len(items), -1), folds[items])

    def fit(left_out: Collection[int], penalties: np.ndarray) -> Predictor:
        path = fit_ridge(moments.total(fold for fold in moments.groups if fold not in left_out), penalties)
        shape = (len(penalties), n_labellings, n_classes)
        return lambda x: path.predict(x).reshape(len(x), *shape).argmax(axis=-1)

    return fit


def _logistic_fitter(chunks, labels: np.ndarray, folds: np.ndarray) -> Fitter:
    numbers, vectors = zip(*chunks)
    vectors = np.concatenate(vectors).astype(np.float64)
    labels, folds = labels[np.concatenate(numbers)], folds[np.concatenate(numbers)]

    def fit(left_out: Collection[int], penalties: np.ndarray) -> Predictor:
        train = ~np.isin(folds, list(left_out))
        mean, sd = vectors[train].mean(axis=0), vectors[train].std(axis=0)
        scale = np.divide(1.0, sd, where=sd > 1e-7 * np.abs(mean), out=np.zeros_like(sd))
        z = (vectors[train] - mean) * scale
        paths = [_logistic_path(z, codes, penalties) for codes in labels[train].T]

        def predict(x: np.ndarray) -> np.ndarray:
            standardised = (x - mean) * scale
            codes = [[one(standardised) for one in path] for path in paths]
            return np.array(codes, dtype=np.int64).transpose(2, 1, 0)

        return predict

    return fit


def _logistic_path(z: np.ndarray, codes: np.ndarray, penalties: np.ndarray) -> list[Predictor]:
    if len(np.unique(codes)) == 1:
        return [lambda x: np.full(len(x), codes[0])] * len(penalties)
    model, path = LogisticRegression(max_iter=_MAX_STEPS, tol=1e-3, warm_start=True), []
    for penalty in penalties:
        model.set_params(C=1 / (len(z) * penalty))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            model.fit(z, codes)
        if caught:
            _log.info("logistic regression with penalty %g: not converged after %d steps", penalty, model.max_iter)
        path.append(copy.deepcopy(model).predict)
    return path
