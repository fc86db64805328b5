"""Fit erasers: LEACE, INLP, the projection of class means, and a random projection as control.

All methods use only the moments of vectors with one-hot classes (:mod:`auscult.statistics.moments`). Moments of the
frames of a corpus, or of utterance means, are accumulated chunk by chunk, and speakers are left out by subtraction.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from auscult.erasure.erasers import Eraser
from auscult.errors import AnalysisError
from auscult.statistics.moments import Moments

__all__ = [
    "METHODS",
    "class_moments",
    "fit_eraser",
    "fit_leace",
    "fit_inlp",
    "fit_mean_projection",
    "fit_random",
    "shrink_covariance",
]

Shrinkage = float | Literal["oas"]
# Singular values below this share of the vectors' spread are due to rounding.
_TOLERANCE = 1e-9


def class_moments(x: np.ndarray, codes: np.ndarray, n_classes: int) -> Moments:
    """Return the moments of vectors with their classes; moments of several chunks can be added.

    Parameters
    ----------
    x : vectors, such as frames or utterance means [shape=(n, width)]
    codes : class code of each vector, from 0 [shape=(n,)]
    n_classes : number of classes; a chunk may lack some

    Returns
    -------
    moments, with the number of vectors per class as ``sum_y`` and Σ x per class as ``cross``
    [shape=(width, n_classes)]
    """
    return Moments.of(x, np.eye(n_classes)[codes])


def fit_leace(moments: Moments, labels: Sequence[str], *, shrinkage: Shrinkage = 0.0) -> Eraser:
    """Fit LEACE, the affine map that changes vectors least among all that leave linear classifiers at chance.

    r(x) = x − W⁺ P W (x − μ) with W = (Σxx^½)⁺ and P the orthogonal projection on the range of W Σxz (Belrose et al.,
    2023, theorem 4.3). Afterwards the covariance with the classes is 0 on the vectors it was fitted on. The rank is
    at most the number of classes − 1.

    Parameters
    ----------
    moments : moments of the fitting vectors, see :func:`class_moments`
    labels : names of the classes, in the order of their codes
    shrinkage : shrinkage of Σxx towards a multiple of the identity, see :func:`shrink_covariance`; for any value, the
        covariance with the classes becomes 0

    Raises
    ------
    AnalysisError
        There are fewer than two classes, a class has no vectors, or the shrinkage is not in [0, 1].
    """
    _check(moments, labels)
    values, axes = np.linalg.eigh(shrink_covariance(moments.covariance, moments.n, shrinkage))
    # A variance within the rounding of the mean squares counts as 0.
    floor = max(values[-1] * len(values), np.diag(moments.gram).max() / moments.n) * np.finfo(float).eps
    varies = values > floor
    roots = np.sqrt(values[varies])
    whiten, colour = axes[:, varies] / roots, axes[:, varies] * roots
    basis = _basis(whiten.T @ moments.cross_covariance, len(labels) - 1)
    return Eraser("leace", moments.mean_x, colour @ basis, basis.T @ whiten.T, moments.n, tuple(labels))


def fit_inlp(
    moments: Moments, labels: Sequence[str], *, n_iterations: int = 20, penalty: float = 1e-3, stop_r2: float = 1e-3
) -> Eraser:
    """Fit iterative nullspace projection: repeatedly fit a linear classifier and project out its directions.

    Ravfogel et al. (2020), algorithm 1, with a ridge regression on the one-hot classes, which needs only moments, in
    place of their SVM. Iterations stop when the classifier explains less than ``stop_r2`` of the variance of the
    classes, or after ``n_iterations``. Each iteration removes as many dimensions as there are classes − 1, so INLP
    usually removes more than LEACE.

    Parameters
    ----------
    moments, labels : as in :func:`fit_leace`
    penalty : ridge penalty, relative to the mean variance of a dimension
    stop_r2 : share of the variance of the classes, on the fitting vectors, 0 to 1

    Raises
    ------
    AnalysisError
        There are fewer than two classes, a class has no vectors, or ``n_iterations`` is below 1.
    """
    _check(moments, labels)
    if n_iterations < 1:
        raise AnalysisError(f"expected at least one iteration of INLP, found {n_iterations}; raise n_iterations")
    width, covariance, cross = len(moments.sum_x), moments.covariance, moments.cross_covariance
    variance = np.sum(moments.mean_y * (1 - moments.mean_y))
    removed = np.zeros((width, 0))
    for _ in range(n_iterations):
        keep = np.eye(width) - removed @ removed.T
        inside, target = keep @ covariance @ keep, keep @ cross
        weights = np.linalg.solve(inside + penalty * np.trace(covariance) / width * np.eye(width), target)
        explained = 2 * np.sum(weights * target) - np.sum(weights * (inside @ weights))
        if explained < stop_r2 * variance or removed.shape[1] + len(labels) > width:
            break
        fitted = _basis(keep @ weights, len(labels) - 1, np.linalg.norm(weights))
        removed = np.hstack([removed, fitted])
        # Rounding leaves directions of different iterations slightly oblique; the projection needs them orthogonal.
        removed = np.linalg.qr(removed)[0]
    return Eraser("inlp", moments.mean_x, removed, removed.T.copy(), moments.n, tuple(labels))


def fit_mean_projection(moments: Moments, labels: Sequence[str]) -> Eraser:
    """Fit the orthogonal projection that removes the space spanned by the differences of class means.

    The rank is at most the number of classes − 1. The covariance with the classes becomes 0, as with LEACE, which
    changes vectors less. Errors as in :func:`fit_leace`.
    """
    _check(moments, labels)
    spread = np.sqrt(np.trace(moments.covariance))
    basis = _basis(moments.cross_covariance, len(labels) - 1, spread)
    return Eraser("mean_projection", moments.mean_x, basis, basis.T.copy(), moments.n, tuple(labels))


def fit_random(moments: Moments, labels: Sequence[str], *, seed: int, rank: int | None = None) -> Eraser:
    """Return a control eraser: an orthogonal projection that removes a uniformly random subspace.

    The default of ``rank`` is the number of classes − 1, as for LEACE. Errors as in :func:`fit_leace`.
    """
    _check(moments, labels)
    draws = np.random.default_rng(seed).normal(size=(len(moments.sum_x), len(labels) - 1 if rank is None else rank))
    basis = np.linalg.qr(draws)[0]
    return Eraser("random", moments.mean_x, basis, basis.T.copy(), moments.n, tuple(labels))


METHODS: dict[str, Callable[..., Eraser]] = {
    "leace": fit_leace,
    "inlp": fit_inlp,
    "mean_projection": fit_mean_projection,
    "random": fit_random,
}


def fit_eraser(method: str, moments: Moments, labels: Sequence[str], **settings: Any) -> Eraser:
    """Fit an eraser by one of :data:`METHODS`, with the settings of its function.

    Raises
    ------
    AnalysisError
        There is no such method, or the moments or settings do not allow a fit.
    """
    if method not in METHODS:
        raise AnalysisError(f"expected one of the erasers {', '.join(METHODS)}, found {method!r}; correct its name")
    return METHODS[method](moments, labels, **settings)


def shrink_covariance(covariance: np.ndarray, n: int, shrinkage: Shrinkage) -> np.ndarray:
    """Return (1 − α) S + α tr(S) / d I, which is better conditioned than the covariance S.

    Parameters
    ----------
    covariance : S [shape=(d, d)]
    n : number of vectors S was estimated from
    shrinkage : α in [0, 1], or ``oas`` for the α of Chen et al. (2010), equation 23 (oracle approximating shrinkage).
        It assumes independent Gaussian vectors; frames are neither, and α is then rather too small than too large

    Raises
    ------
    AnalysisError
        α is not in [0, 1].
    """
    d = len(covariance)
    scale = np.trace(covariance) / d
    if shrinkage == "oas":
        mean_square = np.mean(covariance**2)
        apart = (n + 1) * (mean_square - scale**2 / d)
        alpha = 1.0 if apart == 0 else min(1.0, (mean_square + scale**2) / apart)
    elif isinstance(shrinkage, str) or not 0 <= shrinkage <= 1:
        raise AnalysisError(f"expected a shrinkage from 0 to 1 or 'oas', found {shrinkage!r}; correct it")
    else:
        alpha = float(shrinkage)
    return (1 - alpha) * covariance + alpha * scale * np.eye(d)


def _basis(columns: np.ndarray, rank: int, scale: float | np.floating = 1.0) -> np.ndarray:
    """Return an orthonormal basis of the columns' span, at most ``rank`` dimensions, without those due to rounding."""
    vectors, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return vectors[:, : min(rank, int(np.sum(sizes > _TOLERANCE * scale)))]


def _check(moments: Moments, labels: Sequence[str]) -> None:
    present = [label for label, n in zip(labels, moments.sum_y, strict=True) if n > 0]
    if len(labels) < 2 or len(present) < len(labels):
        raise AnalysisError(
            f"expected vectors of every class to erase, of two classes or more, found {', '.join(present) or 'none'} "
            f"(classes: {', '.join(labels)}); use more speakers"
        )
