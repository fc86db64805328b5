"""Fit erasers: LEACE, INLP, the projection of class means, and a random direction as control.

All of them need no more of the vectors than their moments with one-hot classes (:mod:`auscult.statistics.moments`), so
that frames of any corpus, or means of its utterances, are accumulated chunk by chunk and speakers are left out by
subtraction.
"""

from collections.abc import Callable, Sequence
from typing import Literal

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
# Where classes covary with vectors by less than this share of the vectors' spread, it is by rounding.
_TOLERANCE = 1e-9


def class_moments(x: np.ndarray, codes: np.ndarray, n_classes: int) -> Moments:
    """Return the moments of vectors with their classes, to be added up over chunks.

    Parameters
    ----------
    x : vectors: frames, or means of utterances [shape=(n, width)]
    codes : class of each, from 0 [shape=(n,)]
    n_classes : number of classes, so that a chunk may lack some

    Returns
    -------
    moments, whose ``sum_y`` is n per class, and whose ``cross`` is Σx per class [shape=(width, n_classes)]
    """
    return Moments.of(x, np.eye(n_classes)[codes])


def fit_leace(moments: Moments, labels: Sequence[str], *, shrinkage: Shrinkage = 0.0) -> Eraser:
    """Fit LEACE: of all affine maps that leave a linear classifier at chance, the one that changes vectors least.

    r(x) = x − W⁺ P W (x − μ) with W = (Σxx^½)⁺ and P the orthogonal projection on the range of W Σxz (Belrose et al.,
    2023, theorem 4.3). Afterwards the covariance with the classes is 0 on the vectors it was fitted on. The rank is
    at most the number of classes − 1.

    Parameters
    ----------
    moments : of the fitting vectors, see :func:`class_moments`
    labels : names of the classes, in the order of their codes
    shrinkage : how far Σxx is drawn to a multiple of the identity, see :func:`shrink_covariance`; the covariance
        with the classes is 0 whatever it is

    Raises
    ------
    AnalysisError
        Fewer than two classes have vectors, or the shrinkage is not in [0, 1].
    """
    _check(moments, labels)
    values, axes = np.linalg.eigh(shrink_covariance(moments.covariance, moments.n, shrinkage))
    # A dimension whose spread drowns in the rounding of its squares is constant.
    floor = max(values[-1] * len(values), np.diag(moments.gram).max() / moments.n) * np.finfo(float).eps
    known = values > floor
    roots = np.sqrt(values[known])
    whiten, colour = axes[:, known] / roots, axes[:, known] * roots
    basis = _basis(whiten.T @ moments.cross_covariance, len(labels) - 1)
    return Eraser("leace", moments.mean_x, colour @ basis, basis.T @ whiten.T, moments.n, tuple(labels))


def fit_inlp(
    moments: Moments, labels: Sequence[str], *, n_iterations: int = 20, penalty: float = 1e-3, stop_r2: float = 1e-3
) -> Eraser:
    """Fit iterative nullspace projection: fit a linear classifier, project its directions out, and again.

    Ravfogel et al. (2020), algorithm 1. The classifier is a ridge regression on the one-hot classes, which moments
    suffice for, where theirs is an SVM. It stops when the classes' variance that the classifier explains falls below
    ``stop_r2`` or after ``n_iterations``: each takes away as many dimensions as there are classes − 1, more than LEACE.

    Parameters
    ----------
    moments, labels : as of :func:`fit_leace`
    penalty : of the ridge, relative to the mean variance of a dimension
    stop_r2 : share of the variance of the classes, on the fitting vectors, 0 to 1

    Raises
    ------
    AnalysisError
        Fewer than two classes have vectors, or there is less than one iteration.
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
        # Rounding would let the directions lean on each other; a product of projections needs them orthogonal.
        removed = np.linalg.qr(removed)[0]
    return Eraser("inlp", moments.mean_x, removed, removed.T.copy(), moments.n, tuple(labels))


def fit_mean_projection(moments: Moments, labels: Sequence[str]) -> Eraser:
    """Fit the orthogonal projection that takes away the space which the class means span around their own mean.

    The rank is at most the number of classes − 1, and the covariance with the classes 0 as after LEACE, which changes
    vectors less. Raises as :func:`fit_leace`.
    """
    _check(moments, labels)
    spread = np.sqrt(np.trace(moments.covariance))
    basis = _basis(moments.cross_covariance, len(labels) - 1, spread)
    return Eraser("mean_projection", moments.mean_x, basis, basis.T.copy(), moments.n, tuple(labels))


def fit_random(moments: Moments, labels: Sequence[str], *, seed: int, rank: int | None = None) -> Eraser:
    """Return the control of all erasers: a random space, orthogonal and uniform over directions, is taken away.

    ``rank`` is by default that of the others, the number of classes − 1. Raises as :func:`fit_leace`.
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


def fit_eraser(method: str, moments: Moments, labels: Sequence[str], **settings) -> Eraser:
    """Fit an eraser by the name of its method, one of :data:`METHODS`.

    Raises
    ------
    AnalysisError
        There is no such method, or as the fitter says.
    """
    if method not in METHODS:
        raise AnalysisError(f"expected one of the erasers {', '.join(METHODS)}, found {method!r}; correct its name")
    return METHODS[method](moments, labels, **settings)


def shrink_covariance(covariance: np.ndarray, n: int, shrinkage: Shrinkage) -> np.ndarray:
    """Return (1 − α) S + α tr(S) / d I, which is better conditioned than the covariance S.

    Parameters
    ----------
    covariance : S [shape=(d, d)]
    n : vectors it was measured on
    shrinkage : α in [0, 1], or ``oas`` for the α of Chen et al. (2010), equation 23 (oracle approximating shrinkage),
        which assumes independent Gaussian vectors: frames are neither, so it shrinks too little rather than too much

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


def _basis(columns: np.ndarray, rank: int, scale: float = 1.0) -> np.ndarray:
    """Return an orthonormal basis of what columns span above the rounding of ``scale``, at most ``rank`` dimensions."""
    vectors, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return vectors[:, : min(rank, int(np.sum(sizes > _TOLERANCE * scale)))]


def _check(moments: Moments, labels: Sequence[str]) -> None:
    present = [label for label, n in zip(labels, moments.sum_y, strict=True) if n > 0]
    if len(labels) < 2 or len(present) < len(labels):
        raise AnalysisError(
            f"expected vectors of every class to erase, two at least, found those of {', '.join(present) or 'none'} "
            f"(classes: {', '.join(labels)}); one class alone has nothing to be told from: use more speakers"
        )
