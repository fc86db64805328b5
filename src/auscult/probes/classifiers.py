"""Linear probes fitted many times on the same items: for every set of left-out folds, penalty and labelling."""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from auscult.errors import AnalysisError
from auscult.probes.logistic import LogisticPath, fit_logistic
from auscult.statistics.moments import Moments, MomentsByGroup, RidgePath, fit_ridge

__all__ = ["Probe", "LinearProbe", "Fitter", "Predictor", "prepare_fitter", "fit_together", "standardiser"]

Probe = Literal["ridge", "logistic"]


@dataclass(frozen=True)
class LinearProbe:
    """A fitted linear probe of vectors as they are stored, not standardised.

    Parameters
    ----------
    weights : [shape=(n_dims, n_outputs)]; one output per class, or one for values
    intercepts : [shape=(n_outputs,)]
    """

    weights: np.ndarray
    intercepts: np.ndarray

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Return logits, regressed one-hot labels, or values [shape=(n, n_outputs)]."""
        scores: np.ndarray = x @ self.weights + self.intercepts
        return scores


class Predictor(Protocol):
    """Probes of all labellings and penalties, fitted on the same items."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return class codes or values [shape=(n, n_penalties, n_labellings)]."""
        ...

    def linear(self, penalty: int, labelling: int) -> LinearProbe:
        """Return the probe of one labelling with one penalty, by their positions."""
        ...


Fitter = Callable[[Collection[int], np.ndarray], Predictor]
Chunks = Iterable[tuple[np.ndarray, np.ndarray]]

_log = logging.getLogger(__name__)
# With smaller penalties, rounding may leave a correlation matrix without a Cholesky factor.
_SAFE_PENALTY = 1e-9
# As in auscult.statistics.moments, but for vectors whose mean has not been subtracted.
_CONSTANT = 1e-13


def prepare_fitter(
    probe: Probe,
    chunks: Chunks,
    labels: np.ndarray,
    folds: np.ndarray,
    n_classes: Sequence[int] | np.ndarray | None = None,
) -> Fitter:
    """Read all vectors once and return a function that fits probes on all folds but some.

    Parameters
    ----------
    probe : ``ridge`` (ridge regression, on one-hot labels for classes, computed from moments) or ``logistic``
        (multinomial logistic regression, which holds all vectors in memory); both standardise the vectors
    chunks : pairs of item numbers and their vectors [shapes=(n,) and (n, n_dims)]
    labels : class codes or values of every item, one column per labelling [shape=(n_items, n_labellings)]
    folds : fold of every item [shape=(n_items,)], or several folds, with each of which the item is left out
        [shape=(n_items, n_axes)]
    n_classes : number of classes of each labelling, 0 for values (``ridge`` only); inferred from labels by default

    Returns
    -------
    fit : ``fit(left_out, penalties)`` returns ``predict(x)``, which returns class codes or values
        [shape=(n, n_penalties, n_labellings)]. Penalties are relative to unit variance and to one item: n · penalty is
        scikit-learn's ``alpha`` of the ridge regression and ``1 / C`` of the logistic regression.

    Raises
    ------
    AnalysisError
        The probe does not exist, or cannot predict values.
    """
    n_codes = labels.max(axis=0) + 1 if n_classes is None else np.asarray(n_classes)
    cells = folds[:, None] if folds.ndim == 1 else folds
    match probe:
        case "ridge":
            return _ridge_fitter(chunks, labels, cells, n_codes)
        case "logistic" if n_codes.all():
            return _LogisticFitter(chunks, labels.astype(np.int64), cells, n_codes)
        case "logistic":
            raise AnalysisError("expected probe ridge for a target of kind values, found 'logistic'")
    raise AnalysisError(f"expected one of the probes ridge, logistic, found {probe!r}")


def _ridge_fitter(chunks: Chunks, labels: np.ndarray, cells: np.ndarray, n_classes: np.ndarray) -> Fitter:
    names, groups = np.unique(cells, axis=0, return_inverse=True)
    moments, shift = MomentsByGroup(), np.empty(0)
    for items, x in chunks:
        # Without the shift, rounding of squares would hide a standard deviation far below the mean.
        shift = shift if len(shift) else x.mean(axis=0, dtype=np.float64)
        y = np.concatenate([_one_hot(*column) for column in zip(labels[items].T, n_classes)], axis=1)
        moments.accumulate(x - shift, y, groups.reshape(-1)[items])
    ends = np.cumsum(np.maximum(n_classes, 1))

    def fit(left_out: Collection[int], penalties: np.ndarray) -> Predictor:
        kept = np.flatnonzero(~np.isin(names, list(left_out)).any(axis=1))
        path = _fit_ridge(_without_constant(moments.total(kept.tolist()), shift), penalties)
        return _RidgePredictor(replace(path, mean_x=path.mean_x + shift), ends, n_classes)

    return fit


@dataclass(frozen=True)
class _RidgePredictor:
    """Ridge regressions of all labellings: ``ends`` are the last columns, plus 1, of each labelling's outputs."""

    path: RidgePath
    ends: np.ndarray
    n_classes: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        scores = np.split(self.path.predict(x), self.ends[:-1], axis=2)
        return np.stack([each.argmax(axis=2) if n else each[..., 0] for each, n in zip(scores, self.n_classes)], axis=2)

    def linear(self, penalty: int, labelling: int) -> LinearProbe:
        own = slice(0 if labelling == 0 else self.ends[labelling - 1], self.ends[labelling])
        weights = self.path.weights[penalty][:, own]
        return LinearProbe(weights, self.path.mean_y[own] - self.path.mean_x @ weights)


def _without_constant(moments: Moments, shift: np.ndarray) -> Moments:
    """Set the moments of dimensions that are constant, which after subtracting ``shift`` hold rounding errors, to 0."""
    square = (moments.mean_x + shift) ** 2
    varies = np.diag(moments.gram) / moments.n - moments.mean_x**2 > _CONSTANT * square
    gram = moments.gram * varies * varies[:, None]
    return Moments(moments.n, moments.sum_x * varies, moments.sum_y, gram, moments.cross * varies[:, None])


def _fit_ridge(moments: Moments, penalties: np.ndarray) -> RidgePath:
    """Fit as :func:`fit_ridge`, by one Cholesky factor per penalty, which for few penalties is faster."""
    if min(penalties) >= _SAFE_PENALTY:
        try:
            return _fit_by_factors(moments, penalties)
        except LinAlgError:
            _log.info("a correlation matrix has no Cholesky factor; decomposed instead")
    return fit_ridge(moments, penalties)


def _fit_by_factors(moments: Moments, penalties: np.ndarray) -> RidgePath:
    scale = moments.inverse_scale
    correlation, cross = moments.covariance * scale[:, None] * scale, moments.cross_covariance * scale[:, None]
    weights, diagonal = np.empty((len(penalties), *cross.shape)), np.diag(correlation).copy()
    for place, penalty in enumerate(penalties):
        np.fill_diagonal(correlation, diagonal + penalty)
        factor = cho_factor(correlation, check_finite=False)
        weights[place] = scale[:, None] * cho_solve(factor, cross, check_finite=False)
    return RidgePath(weights, moments.mean_x, moments.mean_y)


def _one_hot(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the regressands: one column per class, or the values themselves [shape=(n, n_columns)]."""
    return np.eye(n_classes)[labels.astype(np.int64)] if n_classes else labels[:, None]


class _LogisticFitter:
    """Logistic regressions of the same vectors; probes for several sets of left-out folds are fitted together."""

    def __init__(self, chunks: Chunks, labels: np.ndarray, cells: np.ndarray, n_classes: np.ndarray):
        numbers, parts = zip(*chunks)
        order = np.argsort(np.concatenate(numbers), kind="stable")
        self.vectors = np.concatenate(parts)[order].astype(np.float32, copy=False)
        self.labels, self.cells, self.n_classes = labels, cells, n_classes

    def __call__(self, left_out: Collection[int], penalties: np.ndarray) -> Predictor:
        return self.together([left_out], penalties)[0]

    def together(self, left_out: Sequence[Collection[int]], penalties: np.ndarray) -> list[Predictor]:
        """Return one predictor for each set of left-out folds."""
        training = np.stack([~np.isin(self.cells, list(folds)).any(axis=1) for folds in left_out])
        n_sets, n_labellings = len(left_out), self.labels.shape[1]
        paths: dict[int, LogisticPath] = {}
        # Labellings with the same number of classes are fitted together, all sets of folds of each.
        for n_classes in np.unique(self.n_classes):
            columns = np.flatnonzero(self.n_classes == n_classes)
            codes = np.repeat(self.labels[:, columns].T, n_sets, axis=0)
            path = fit_logistic(
                self.vectors, codes, np.tile(training, (len(columns), 1)), penalties, max(int(n_classes), 2)
            )
            _log_unsolved(path, penalties)
            paths |= {
                int(column): path.select(slice(place * n_sets, (place + 1) * n_sets))
                for place, column in enumerate(columns)
            }

        ordered = [paths[column] for column in range(n_labellings)]
        return [_LogisticPredictor(ordered, place) for place in range(n_sets)]


@dataclass(frozen=True)
class _LogisticPredictor:
    """Logistic regressions of all labellings, for the set of folds at ``place`` of each path."""

    paths: Sequence[LogisticPath]
    place: int

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.stack([path.scores(x, self.place).argmax(axis=2) for path in self.paths], axis=2)

    def linear(self, penalty: int, labelling: int) -> LinearProbe:
        path = self.paths[labelling]
        return LinearProbe(path.weights[penalty, self.place], path.intercepts[penalty, self.place])


def fit_together(fit: Fitter, left_out: Sequence[Collection[int]], penalties: np.ndarray) -> list[Predictor]:
    """Return the predictor of each set of left-out folds, fitted together where the probe gains by it."""
    if isinstance(fit, _LogisticFitter):
        return fit.together(left_out, penalties)
    return [fit(folds, penalties) for folds in left_out]


def _log_unsolved(path: LogisticPath, penalties: np.ndarray) -> None:
    for penalty, converged in zip(penalties, path.converged):
        if not converged.all():
            _log.info(
                "logistic regression with penalty %g: %d of %d not converged",
                penalty,
                (~converged).sum(),
                len(converged),
            )


def standardiser(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of each dimension and one over its standard deviation, 0 where it is constant."""
    mean, sd = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
    return mean, np.divide(1.0, sd, where=sd > 1e-7 * np.abs(mean), out=np.zeros_like(sd))
