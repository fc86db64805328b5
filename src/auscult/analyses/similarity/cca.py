"""Alignments of two spaces, fitted on some speakers and measured on others: CCA, SVCCA, PWCCA, Procrustes and R².

If an alignment of two unrelated spaces is fitted and measured on the same items, it approaches 1 as the dimension
approaches the number of items. Here each speaker is measured with a fit on other speakers, so unrelated spaces give
about 0. Fits and measures are computed from moments, without another pass over the items.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from auscult.analyses.similarity.settings import ALIGNMENTS, Alignment
from auscult.errors import AnalysisError
from auscult.statistics.intervals import bootstrap_statistic
from auscult.statistics.moments import JointMoments, fit_pca

__all__ = ["ALIGNMENTS", "Alignment", "Spaces", "held_out_alignment", "canonical_directions"]

_KEPT_VARIANCE = 0.99
# Below this share of the largest variance, a direction holds rounding errors of float32 vectors.
_RANK = 1e-12
_NO_VARIANCE = "expected features that vary over the items, found a constant space; leave it out or take other items"

Array = npt.NDArray[Any]
# Maps the covariances (xx, yy, xy) of a group to sums of xy, xx and yy per direction [shape=(n_directions, 3)].
GroupMeasure = Callable[[Array, Array, Array], Array]


@dataclass(frozen=True)
class Spaces:
    """Two spaces over the same items: the moments of each space and of both together, by group."""

    xx: JointMoments
    yy: JointMoments
    xy: JointMoments

    @property
    def swapped(self) -> "Spaces":
        """The spaces with x and y exchanged."""
        return Spaces(self.yy, self.xx, self.xy.swapped)


def held_out_alignment(
    spaces: Spaces,
    folds: Array,
    metric: Alignment,
    *,
    shrinkages: Sequence[float],
    n_resamples: int,
    seed: int,
) -> tuple[float, float, float]:
    """Return the similarity of two aligned spaces on held-out groups, with a 95 % interval from resampling groups.

    ``cca`` is the sum of canonical correlations divided by the dimensions of y, the reference. ``svcca`` first keeps
    the principal axes of 99 % of each space's variance (Raghu et al., 2017). ``pwcca`` weights each correlation by the
    share of y that its direction accounts for, αᵢ = Σⱼ |⟨hᵢ, yⱼ⟩| (Morcos et al., 2018, eq. 3, there of either space).
    Directions of y without a partner in x count as 0, so that spaces of different dimension can be compared with one
    reference: the mean over min(n_dims_x, n_dims_y) directions would favour small x. All three depend on which space is
    y; a rotation of y changes ``pwcca`` slightly because it sums over single dimensions. ``procrustes`` is
    tr(XQYᵀ) / (‖X‖ ‖Y‖) with the best rotation Q (Schönemann, 1966; Williams et al., 2021). ``r2`` is the share of the
    variance of y that ridge regression on x explains, relative to the mean of the training groups. Unlike the sources,
    we measure on held-out groups, around the training means, and pool each correlation over folds by its rank.

    The interval does not include the variation of fits. It is small for variables that differ between items. A property
    of the group itself (such as gender, where groups are speakers) has one value per group: with fewer than about
    thirty groups its interval is far too narrow.

    Parameters
    ----------
    spaces : moments by group
    folds : the fold of each group [shape=(n_groups,)]
    metric : the alignment
    shrinkages : values added to the diagonal of a covariance matrix, in units of its mean; of several, the one with the
        highest value on every third training group, fitted on the others, is used (the first, if there is only one
        training group)
    n_resamples : number of bootstrap samples of held-out groups; fits are kept
    seed : of the resamples

    Returns
    -------
    (value, ci_low, ci_high): at most 1; higher is more similar, about 0 for unrelated spaces, below 0 for overfitting;
    the interval is NaN with too few groups

    Raises
    ------
    AnalysisError
        The metric does not exist, there are fewer than two folds, or a space is constant.
    """
    if metric not in ALIGNMENTS:
        raise AnalysisError(f"expected one of the metrics {', '.join(ALIGNMENTS)}, found {metric!r}")
    if len(np.unique(folds)) < 2:
        raise AnalysisError("expected at least two folds of speakers (to fit and to measure), found one; add speakers")
    sums, weights = _measure(spaces, folds, metric, shrinkages)
    statistic = partial(_score, metric, weights)
    low, high = bootstrap_statistic(sums, statistic, n_resamples=n_resamples, seed=seed)
    return float(statistic(sums.sum(axis=0)[None])[0]), low, high


def canonical_directions(xx: Array, yy: Array, xy: Array, shrinkage: float) -> tuple[Array, Array, Array]:
    """Return canonical directions of x and y in columns, and their training correlations, the largest first.

    They follow from the singular vectors of (Cxx + κ)^−½ Cxy (Cyy + κ)^−½ (Hotelling, 1936), where κ is ``shrinkage`` ×
    the mean variance. Axes without variance are left out.

    Raises
    ------
    AnalysisError
        A space is constant.
    """
    a, b, correlations = _all_directions(xx, yy, xy, shrinkage)
    return a[:, : len(correlations)], b[:, : len(correlations)], correlations


def _all_directions(xx: Array, yy: Array, xy: Array, shrinkage: float) -> tuple[Array, Array, Array]:
    """Return canonical directions with those of the larger space that have no partner in the other."""
    white_x, white_y = _whitening(xx, shrinkage), _whitening(yy, shrinkage)
    left, correlations, right = np.linalg.svd(white_x.T @ xy @ white_y, full_matrices=True)
    return white_x @ left, white_y @ right.T, correlations


def _whitening(covariance: Array, shrinkage: float) -> Array:
    variances, axes = fit_pca(covariance)
    if variances[0] <= 0:
        raise AnalysisError(_NO_VARIANCE)
    kept = variances > _RANK * variances[0]
    return axes[:, kept] / np.sqrt(variances[kept] + shrinkage * variances.mean())


def _measure(spaces: Spaces, folds: Array, metric: Alignment, shrinkages: Sequence[float]) -> tuple[Array, Array]:
    """Measure each group with the fit on the other folds.

    Returns
    -------
    sums of x with y, x with x and y with y [shape=(n_groups, n_directions, 3)]; weights of the directions
    """
    measured: dict[int, Array] = {}
    weights: list[Array] = []
    for fold in np.unique(folds):
        train = folds != fold
        shrinkage = _choose_shrinkage(spaces, train, metric, shrinkages)
        found, fold_weights = _fit_and_measure(spaces, train, np.flatnonzero(~train), metric, shrinkage)
        weights.append(fold_weights)
        measured |= found
    n_kept = min(map(len, weights))
    shares = np.mean([weight[:n_kept] for weight in weights], axis=0)
    return np.stack([measured[group][:n_kept] for group in range(len(folds))]), shares


def _choose_shrinkage(spaces: Spaces, train: Array, metric: Alignment, shrinkages: Sequence[float]) -> float:
    """Return the shrinkage with the highest value on every third training group, fitted on the others."""
    groups = np.flatnonzero(train)
    if len(shrinkages) == 1 or len(groups) < 2 or metric == "procrustes":
        return shrinkages[0]
    validation, rest = groups[::3], train.copy()
    rest[validation] = False
    values = []
    for shrinkage in shrinkages:
        found, weights = _fit_and_measure(spaces, rest, validation, metric, shrinkage)
        values.append(float(_score(metric, weights, np.sum(list(found.values()), axis=0)[None])[0]))
    return shrinkages[int(np.argmax(values))]


def _fit_and_measure(
    spaces: Spaces, train: Array, groups: Array, metric: Alignment, shrinkage: float
) -> tuple[dict[int, Array], Array]:
    """Return the sums of each of the ``groups`` with a fit on ``train``, and the weights of the directions."""
    own = train.astype(float)
    xx, yy, xy = (moments.covariance(own) for moments in (spaces.xx, spaces.yy, spaces.xy))
    measure, weights = _fit(metric, xx, yy, xy, shrinkage)
    mean_x, mean_y = spaces.xy.means(own)
    found = {
        group: measure(
            spaces.xx.about(group, mean_x, mean_x),
            spaces.yy.about(group, mean_y, mean_y),
            spaces.xy.about(group, mean_x, mean_y),
        )
        for group in groups.tolist()
    }
    return found, weights


def _fit(metric: Alignment, xx: Array, yy: Array, xy: Array, shrinkage: float) -> tuple[GroupMeasure, Array]:
    """Fit an alignment to training covariances; return the measure of a group and the weight of each direction."""
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
    if metric == "svcca":
        axes_x, axes_y = _leading_axes(xx), _leading_axes(yy)
        reduced = axes_x.T @ xx @ axes_x, axes_y.T @ yy @ axes_y, axes_x.T @ xy @ axes_y
        a, b, correlations = _all_directions(*reduced, shrinkage)
        a, b = axes_x @ a, axes_y @ b
    else:
        a, b, correlations = _all_directions(xx, yy, xy, shrinkage)
    weights = np.abs(yy @ b).sum(axis=0) if metric == "pwcca" else np.ones(b.shape[1])
    # Shares of all directions of y, so that those without a partner in x count as 0.
    weights = (weights / weights.sum())[: len(correlations)]
    a, b = a[:, : len(correlations)], b[:, : len(correlations)]
    return lambda xx, yy, xy: np.stack([_along(a, xy, b), _along(a, xx, a), _along(b, yy, b)], axis=-1), weights


def _score(metric: Alignment, weights: Array, totals: Array) -> Array:
    """Return the metric for each row of sums over groups [shape=(n, n_directions, 3)]."""
    xy, xx, yy = np.moveaxis(totals, -1, 0)
    if metric == "r2":
        return 1 - xx[..., 0] / yy[..., 0]
    norm = np.sqrt(xx * yy)
    # A direction without variance in held-out groups holds no shared information there.
    return np.divide(xy, norm, where=norm > 0, out=np.zeros_like(xy)) @ weights


def _leading_axes(covariance: Array) -> Array:
    variances, axes = fit_pca(covariance)
    share = np.cumsum(variances) / variances.sum()
    return axes[:, : int(np.searchsorted(share, _KEPT_VARIANCE)) + 1]


def _residual(weights: Array, xx: Array, yy: Array, xy: Array) -> float:
    return float(np.trace(yy) - 2 * np.sum(weights * xy) + np.sum(weights * (xx @ weights)))


def _along(a: Array, matrix: Array, b: Array) -> Array:
    return np.einsum("dk,dk->k", a, matrix @ b)
