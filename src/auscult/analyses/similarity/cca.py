"""Alignments of two spaces, fitted on some speakers and measured on others: CCA, SVCCA, PWCCA, Procrustes and R².

Fitted and measured on the same items, an alignment of two unrelated spaces approaches 1 as their dimension approaches
the number of items. Here each speaker is measured by a fit that has not heard it, so unrelated spaces give about 0.
Fits and measures come from moments: no further pass over the items.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from auscult.errors import AnalysisError
from auscult.statistics.intervals import bootstrap_statistic
from auscult.statistics.moments import JointMoments, fit_pca

__all__ = ["ALIGNMENTS", "Alignment", "Spaces", "held_out_alignment", "canonical_directions"]

Alignment = Literal["cca", "svcca", "pwcca", "procrustes", "r2"]
ALIGNMENTS = ("cca", "svcca", "pwcca", "procrustes", "r2")
_KEPT_VARIANCE = 0.99
# Directions of less than this share of the largest variance are rounding errors of float32 vectors.
_RANK = 1e-12
_NO_VARIANCE = "expected features that vary over the items, found a constant space; leave it out or take other items"


@dataclass(frozen=True)
class Spaces:
    """Two spaces over the same items: the moments of each and of both, for each group."""

    xx: JointMoments
    yy: JointMoments
    xy: JointMoments

    @property
    def swapped(self) -> "Spaces":
        """The same with x and y exchanged."""
        return Spaces(self.yy, self.xx, self.xy.swapped)


def held_out_alignment(
    spaces: Spaces,
    folds: np.ndarray,
    metric: Alignment,
    *,
    shrinkage: float = 1e-3,
    n_resamples: int = 2000,
    seed: int,
) -> tuple[float, float, float]:
    """Return how well two spaces align on held-out groups, with the 95 % interval from resampling these.

    ``cca`` is the mean canonical correlation over all min(n_dims_x, n_dims_y) directions; ``svcca`` the same after
    keeping the principal axes of 99 % of each space's variance (Raghu et al., 2017); ``pwcca`` weights each
    correlation by the share of x that its direction accounts for, αᵢ = Σⱼ |⟨hᵢ, xⱼ⟩| (Morcos et al., 2018, eq. 3), so
    it is not symmetric, and rotating x changes it a little, for it sums over single dimensions; ``procrustes`` is
    tr(XQYᵀ) / (‖X‖ ‖Y‖) with the best rotation Q (Schönemann, 1966; Williams et al., 2021); ``r2`` the share of the
    variance of y that ridge regression on x explains, against the mean of the training groups. We differ from the
    sources in measuring on held-out groups, around the training means, each correlation over all folds by its rank.

    The interval leaves out that fits differ. For what varies from item to item that is little; for a property of the
    group itself (gender, where groups are speakers) a fit knows as many values as it has groups, and with fewer than
    about thirty of them the interval is far too narrow.

    Parameters
    ----------
    spaces : moments by group
    folds : the fold of each group [shape=(n_groups,)]
    shrinkage : added to the diagonal of a covariance, in units of its mean
    n_resamples : bootstrap samples; fits are kept, held-out groups are resampled

    Returns
    -------
    (value, ci_low, ci_high): at most 1, higher is more alike, about 0 for unrelated spaces and below for overfitting;
    no interval (NaN) with too few groups

    Raises
    ------
    AnalysisError
        The metric does not exist, there are fewer than two folds, or a space is constant.
    """
    if metric not in ALIGNMENTS:
        raise AnalysisError(f"expected one of the metrics {', '.join(ALIGNMENTS)}, found {metric!r}")
    if len(np.unique(folds)) < 2:
        raise AnalysisError("expected two folds of speakers or more (to fit and to measure), found one; add speakers")
    sums, weights = _measure(spaces, folds, metric, shrinkage)
    statistic = partial(_score, metric, weights)
    low, high = bootstrap_statistic(sums, statistic, n_resamples=n_resamples, seed=seed)
    return float(statistic(sums.sum(axis=0)[None])[0]), low, high


def canonical_directions(
    xx: np.ndarray, yy: np.ndarray, xy: np.ndarray, shrinkage: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return canonical directions of x and y in columns, and their correlations in the fit, the largest first.

    The singular vectors of (Cxx + κ)^−½ Cxy (Cyy + κ)^−½ (Hotelling, 1936), with κ as ``shrinkage`` × the mean
    variance; axes without variance are left out.

    Raises
    ------
    AnalysisError
        A space is constant.
    """
    white_x, white_y = _whitening(xx, shrinkage), _whitening(yy, shrinkage)
    left, correlations, right = np.linalg.svd(white_x.T @ xy @ white_y, full_matrices=False)
    return white_x @ left, white_y @ right.T, correlations


def _whitening(covariance: np.ndarray, shrinkage: float) -> np.ndarray:
    variances, axes = fit_pca(covariance)
    if variances[0] <= 0:
        raise AnalysisError(_NO_VARIANCE)
    kept = variances > _RANK * variances[0]
    return axes[:, kept] / np.sqrt(variances[kept] + shrinkage * variances.mean())


def _measure(spaces: Spaces, folds: np.ndarray, metric: Alignment, shrinkage: float) -> tuple[np.ndarray, np.ndarray]:
    """Measure each group by the fit of the other folds.

    Returns
    -------
    sums of x with y, x with x and y with y [shape=(n_groups, n_directions, 3)]; weights of the directions
    """
    measured, weights = {}, []
    for fold in np.unique(folds):
        train = (folds != fold).astype(float)
        xx, yy, xy = (moments.covariance(train) for moments in (spaces.xx, spaces.yy, spaces.xy))
        measure, of_directions = _fit(metric, xx, yy, xy, shrinkage)
        weights.append(of_directions)
        mean_x, mean_y = spaces.xy.means(train)
        for group in np.flatnonzero(folds == fold):
            measured[group] = measure(
                spaces.xx.about(group, mean_x, mean_x),
                spaces.yy.about(group, mean_y, mean_y),
                spaces.xy.about(group, mean_x, mean_y),
            )
    n_kept = min(map(len, weights))
    shares = np.mean([weight[:n_kept] / weight[:n_kept].sum() for weight in weights], axis=0)
    return np.stack([measured[group][:n_kept] for group in range(len(folds))]), shares


def _fit(
    metric: Alignment, xx: np.ndarray, yy: np.ndarray, xy: np.ndarray, shrinkage: float
) -> tuple[Callable, np.ndarray]:
    """Return what measures a group's (xx, yy, xy) and the weight of each direction, from training covariances."""
    if not (np.trace(xx) > 0 and np.trace(yy) > 0):
        raise AnalysisError(_NO_VARIANCE)
    match metric:
        case "procrustes":
            left, _, right = np.linalg.svd(xy, full_matrices=False)
            rotation = left @ right
            return lambda xx, yy, xy: np.array([[np.sum(rotation * xy), np.trace(xx), np.trace(yy)]]), np.ones(1)
        case "r2":
            n_dims = len(xx)
            weights = np.linalg.solve(xx + shrinkage * np.trace(xx) / n_dims * np.eye(n_dims), xy)
            return lambda xx, yy, xy: np.array([[0, _residual(weights, xx, yy, xy), np.trace(yy)]]), np.ones(1)
    axes_x, axes_y = (_leading_axes(covariance) if metric == "svcca" else None for covariance in (xx, yy))
    if metric == "svcca":
        xx, yy, xy = axes_x.T @ xx @ axes_x, axes_y.T @ yy @ axes_y, axes_x.T @ xy @ axes_y
    a, b, _ = canonical_directions(xx, yy, xy, shrinkage)
    weights = np.abs(xx @ a).sum(axis=0) if metric == "pwcca" else np.ones(a.shape[1])
    if metric == "svcca":
        a, b = axes_x @ a, axes_y @ b
    return lambda xx, yy, xy: np.stack([_along(a, xy, b), _along(a, xx, a), _along(b, yy, b)], axis=-1), weights


def _score(metric: Alignment, weights: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Return the metric of each row of sums over groups [shape=(n, n_directions, 3)]."""
    xy, xx, yy = np.moveaxis(totals, -1, 0)
    if metric == "r2":
        return 1 - xx[..., 0] / yy[..., 0]
    norm = np.sqrt(xx * yy)
    # A direction nothing varies in on held-out groups holds no shared information there.
    return np.divide(xy, norm, where=norm > 0, out=np.zeros_like(xy)) @ weights


def _leading_axes(covariance: np.ndarray) -> np.ndarray:
    variances, axes = fit_pca(covariance)
    share = np.cumsum(variances) / variances.sum()
    return axes[:, : int(np.searchsorted(share, _KEPT_VARIANCE)) + 1]


def _residual(weights: np.ndarray, xx: np.ndarray, yy: np.ndarray, xy: np.ndarray) -> float:
    return np.trace(yy) - 2 * np.sum(weights * xy) + np.sum(weights * (xx @ weights))


def _along(a: np.ndarray, matrix: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("dk,dk->k", a, matrix @ b)
