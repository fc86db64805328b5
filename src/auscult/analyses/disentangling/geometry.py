"""Subspaces of factors: the span of the means of a factor's values, and the principal angles between two of them.

All measures are computed from moments per speaker, so intervals can leave out speakers without reading vectors again.
Two subspaces are compared across different speakers: with shared speakers, sampling error would tilt both in the same
direction, and a subspace would agree with itself by construction.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from auscult.analyses.disentangling.items import FactorItems
from auscult.statistics.intervals import MIN_GROUPS

__all__ = [
    "SpeakerEffects",
    "Subspaces",
    "speaker_effects",
    "solve_subspaces",
    "principal_cosines",
    "residual_variance",
    "null_cosines",
    "measure_geometry",
    "VERDICTS",
]

ORTHOGONAL, SHARED, UNDETERMINED = VERDICTS = ("orthogonal", "shared", "not determined")
# Greatest value of each measure; the least is 0.
_LARGEST = {"angle_deg": 90.0, "overlap": 1.0, "overlap_corrected": 1.0, "residual_variance": 1.0}
# Target, factor, metric and component of a measure.
_Key = tuple[str, str, str, int]


@dataclass(frozen=True)
class SpeakerEffects:
    """Contribution of each speaker to the normal equations of an additive model of the factors.

    Parameters
    ----------
    sums : Σ dᵀd and Σ dᵀx side by side, where d holds the sum-coded factors of a cell and x its mean vector
        [shape=(n_speakers, n_effects, n_effects + n_dims)]
    halves : half of each speaker in every split, 0 or 1 [shape=(n_splits, n_speakers)]
    levels : number of values of each factor
    """

    sums: np.ndarray
    halves: np.ndarray
    levels: Mapping[str, int]


@dataclass(frozen=True)
class Subspaces:
    """Centred means of each factor's values, adjusted for the other factors, and the subspace that they span.

    Parameters
    ----------
    centroids : means of the values of each factor [shapes=(..., n_values, n_dims)]
    axes : orthonormal principal axes of the centroids, in descending order of variance
        [shapes=(..., n_values − 1, n_dims)]
    """

    centroids: Mapping[str, np.ndarray]
    axes: Mapping[str, np.ndarray]


def speaker_effects(x: np.ndarray, items: FactorItems) -> SpeakerEffects:
    """Return each speaker's contribution to a model in which a vector is a mean plus one effect per factor.

    The unit is a cell: the mean over a speaker's items with one combination of values. Thus a frequent phone class or a
    speaker with many items has no more weight than others, and the effect of a factor is not confounded with a
    correlated one.
    """
    names, voices = np.unique(items.speakers, return_inverse=True)
    codes = np.stack([*items.codes.values(), voices])
    cells, cell_of, sizes = np.unique(codes, axis=1, return_inverse=True, return_counts=True)
    means = np.zeros((len(sizes), x.shape[1]))
    np.add.at(means, cell_of.reshape(-1), x)
    means /= sizes[:, None]
    levels = {factor: len(labels) for factor, labels in items.labels.items()}
    blocks = [np.ones((len(sizes), 1))]
    for column, n in zip(cells, levels.values()):
        # Sum coding: the effect of the last value is minus the sum of the other effects.
        blocks.append(np.vstack([np.eye(n - 1), -np.ones((1, n - 1))])[column])
    design = np.hstack(blocks)
    halves = np.zeros((len(items.halves), len(names)), dtype=int)
    halves[:, voices] = items.halves
    both, sums = np.hstack([design, means]), np.zeros((len(names), design.shape[1], design.shape[1] + x.shape[1]))
    for speaker in range(len(names)):
        mine = cells[-1] == speaker
        sums[speaker] = design[mine].T @ both[mine]
    return SpeakerEffects(sums, halves, levels)


def solve_subspaces(totals: np.ndarray, levels: Mapping[str, int]) -> Subspaces:
    """Solve the normal equations for the subspaces of all factors; NaN where the speakers lack a value.

    Parameters
    ----------
    totals : sums over speakers, laid out as in :class:`SpeakerEffects` [shape=(..., n_effects, n_effects + n_dims)]
    levels : number of values of each factor
    """
    n_effects = totals.shape[-2]
    gram, cross = totals[..., :n_effects], totals[..., n_effects:]
    known = np.linalg.matrix_rank(gram, hermitian=True) == n_effects
    effects = np.linalg.solve(np.where(known[..., None, None], gram, np.eye(n_effects)), cross)
    effects = np.where(known[..., None, None], effects, np.nan)
    centroids, axes, start = {}, {}, 1
    for factor, n in levels.items():
        own = effects[..., start : start + n - 1, :]
        centroids[factor] = np.concatenate([own, -own.sum(axis=-2, keepdims=True)], axis=-2)
        safe = np.nan_to_num(centroids[factor])
        axes[factor] = np.linalg.svd(safe, full_matrices=False)[2][..., : n - 1, :]
        axes[factor] = np.where(known[..., None, None], axes[factor], np.nan)
        start += n - 1
    return Subspaces(centroids, axes)


def principal_cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the cosines of the principal angles between two subspaces, the smallest angle first.

    They are the singular values of A Bᵀ (Björck and Golub, 1973); 1 for a shared direction, 0 for an orthogonal one.

    Parameters
    ----------
    a, b : orthonormal rows; NaN gives NaN [shapes=(..., rank, n_dims)]

    Returns
    -------
    cosines [shape=(..., smaller rank)]
    """
    product = a @ b.swapaxes(-1, -2)
    unknown = np.isnan(product).any(axis=(-1, -2))
    cosines = np.linalg.svd(np.nan_to_num(product), compute_uv=False)
    return np.where(unknown[..., None], np.nan, np.clip(cosines, 0, 1))


def residual_variance(centroids: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Return the share of the centroids' variance that is left after the first 0, 1, … axes are removed.

    Source: Mohamed et al. (2024), whose cumulative residual variance is the sum of this curve. 1 if all axes are
    orthogonal to the centroids, 0 if no variance is left.

    Parameters
    ----------
    centroids : centred [shape=(..., n_values, n_dims)]
    axes : orthonormal rows, in order of removal [shape=(..., rank, n_dims)]

    Returns
    -------
    shares [shape=(..., rank + 1)]
    """
    total = np.sum(centroids**2, axis=(-1, -2))
    removed = np.sum((centroids @ axes.swapaxes(-1, -2)) ** 2, axis=-2)
    left = total[..., None] - np.cumsum(removed, axis=-1)
    return np.concatenate([np.ones((*total.shape, 1)), left / total[..., None]], axis=-1)


def null_cosines(
    ranks: tuple[int, int], n_dims: int, covariance: np.ndarray | None = None, *, n_draws: int, seed: int = 0
) -> np.ndarray:
    """Return the principal cosines of pairs of random subspaces.

    Parameters
    ----------
    ranks : dimensions of both subspaces
    n_dims : dimensions of the vectors
    covariance : covariance of the normal distribution from which directions are drawn, for random contrasts of vectors
        with this covariance; by default the identity, which makes subspaces uniform [shape=(n_dims, n_dims)]
    n_draws : number of pairs
    seed : of the draws

    Returns
    -------
    cosines [shape=(n_draws, smaller rank)]
    """
    rng, root = np.random.default_rng(seed), None
    if covariance is not None:
        values, vectors = np.linalg.eigh(covariance)
        root = np.sqrt(np.clip(values, 0, None))[:, None] * vectors.T
    spaces = []
    for rank in ranks:
        draws = rng.normal(size=(n_draws, rank, n_dims))
        draws = draws if root is None else draws @ root
        spaces.append(np.linalg.qr(draws.swapaxes(-1, -2))[0].swapaxes(-1, -2))
    return principal_cosines(*spaces)


def measure_geometry(
    effects: SpeakerEffects, covariance: np.ndarray, *, n_draws: int, seed: int = 0
) -> Iterator[dict[str, Any]]:
    """Yield rows for all pairs of factors: angles and overlaps with their null distributions, and residual variances.

    Each measure is a mean over random splits of the speakers and over two estimates each: the first factor from one
    half and the second from the other, and vice versa. A factor compared with itself shows how reliably its subspace is
    estimated; a subspace that is known poorly stands far from every other. ``overlap_corrected`` is therefore the
    overlap of two factors divided by the geometric mean of their overlaps with themselves, at most 1 (correction for
    attenuation: Spearman, 1904, The proof and measurement of association between two things, American Journal of
    Psychology 15). Its row of the null ``covariance`` has a ``verdict``:

    - ``shared``: the whole interval lies above the 97.5 % quantile of random pairs;
    - ``orthogonal``: it lies below, and both factors are known: the intervals of their overlaps with themselves lie
      above the quantile of random pairs of their dimensions;
    - ``not determined``: otherwise.

    Intervals are the value ± Student's t times the jackknife standard error over speakers, cut at the bounds of the
    measure. A bootstrap would repeat speakers, whose subspaces are then known less well than those of the sample, and
    its intervals need not contain their value. The null is a distribution of single pairs, since all estimates are of
    the same pair.

    Parameters
    ----------
    effects : contributions of all speakers
    covariance : covariance of the vectors, for the null
    n_draws : number of pairs of random subspaces
    seed : of random subspaces
    """
    levels, n_speakers = effects.levels, len(effects.sums)
    splits = [_measure(_totals(effects.sums, halves), levels) for halves in effects.halves]
    measured = _correct({key: np.mean([split[key] for split in splits], axis=0) for key in splits[0]}, list(levels))
    nulls: dict[tuple[str, tuple[int, int]], np.ndarray] = {}

    def null_of(kind: str, target: str, other: str, metric: str, component: int) -> np.ndarray:
        ranks = (levels[target] - 1, levels[other] - 1)
        if (kind, ranks) not in nulls:
            shape = covariance if kind == "covariance" else None
            nulls[kind, ranks] = null_cosines(ranks, len(covariance), shape, n_draws=n_draws, seed=seed)
        return _summaries(nulls[kind, ranks])[metric, component]

    for (target, other, metric, component), values in measured.items():
        value, low, high = _jackknife(values, _LARGEST[metric])
        row = {
            "target": target,
            "factor": other,
            "metric": metric,
            "component": component,
            "value": value,
            "ci_low": low,
            "ci_high": high,
            "n_groups": n_speakers,
        }
        if metric == "residual_variance":
            n_dims = len(covariance)
            yield row | {"null": "isotropic", "null_median": 1 - component / n_dims}
            continue
        for kind in ("isotropic", "covariance"):
            shown = "overlap" if metric == "overlap_corrected" else metric
            compared: dict[str, Any] = row | _compare_with_null(
                value, null_of(kind, target, other, shown, component), kind
            )
            if metric == "overlap_corrected" and kind == "covariance":
                known = all(
                    _jackknife(measured[factor, factor, "overlap", 0], 1.0)[1]
                    > np.quantile(null_of(kind, factor, factor, "overlap", 0), 0.975)
                    for factor in (target, other)
                )
                compared["verdict"] = _judge((low, high), compared["null_high"], known)
            yield compared


def _jackknife(values: np.ndarray, largest: float) -> tuple[float, float, float]:
    """Return the first value, which is of all speakers, and its interval from the others, each without one speaker."""
    value, without = float(np.clip(values[0], 0, largest)), values[1:]
    n = len(without)
    if n < MIN_GROUPS or not np.isfinite(values).all():
        return value, float("nan"), float("nan")
    half = stats.t.ppf(0.975, n - 1) * np.sqrt((n - 1) * without.var())
    # The correction for attenuation can give values above the largest one; the cut value lies within its interval.
    return value, float(np.clip(values[0] - half, 0, largest)), float(np.clip(values[0] + half, 0, largest))


def _judge(interval: tuple[float, float], null_high: float, known: bool) -> str:
    low, high = interval
    if known and high < null_high:
        return ORTHOGONAL
    return SHARED if low > null_high else UNDETERMINED


def _totals(sums: np.ndarray, halves: np.ndarray) -> np.ndarray:
    """Return the sums of both halves: of all speakers, and without each one [shape=(1 + n_speakers, 2, ...)]."""
    own = np.zeros((len(sums), 2, *sums.shape[1:]))
    own[np.arange(len(sums)), halves] = sums
    total = own.sum(axis=0)
    return np.concatenate([total[None], total - own])


def _correct(measured: dict[_Key, np.ndarray], factors: list[str]) -> dict[_Key, np.ndarray]:
    """Return the measures with the overlaps of different factors, corrected for attenuation."""
    corrected = {}
    for place, target in enumerate(factors):
        for other in factors[place + 1 :]:
            own = measured[target, target, "overlap", 0] * measured[other, other, "overlap", 0]
            raw = measured[target, other, "overlap", 0]
            known = np.divide(raw, np.sqrt(own), out=np.full_like(raw, np.nan), where=own > 0)
            corrected[target, other, "overlap_corrected", 0] = known
    return measured | corrected


def _measure(totals: np.ndarray, levels: Mapping[str, int]) -> dict[_Key, np.ndarray]:
    spaces = solve_subspaces(totals, levels)
    measured: dict[_Key, np.ndarray] = {}
    factors = list(levels)
    for place, target in enumerate(factors):
        for other in factors:
            crossed = [(0, 1), (1, 0)]
            if other in factors[place:]:
                cosines = [principal_cosines(spaces.axes[target][:, i], spaces.axes[other][:, j]) for i, j in crossed]
                both = [_summaries(each) for each in cosines]
                for (metric, component), values in both[0].items():
                    measured[target, other, metric, component] = (values + both[1][metric, component]) / 2
            curves = [residual_variance(spaces.centroids[target][:, i], spaces.axes[other][:, j]) for i, j in crossed]
            for component, values in enumerate(np.mean(curves, axis=0).T):
                measured[target, other, "residual_variance", component] = values
    return measured


def _summaries(cosines: np.ndarray) -> dict[tuple[str, int], np.ndarray]:
    """Return the angle in degrees of each component, numbered from 1, and the overlap, the mean squared cosine."""
    angles = np.degrees(np.arccos(cosines))
    each = {("angle_deg", place + 1): values for place, values in enumerate(angles.T)}
    return {**each, ("overlap", 0): np.mean(cosines**2, axis=-1)}


def _compare_with_null(value: float, null: np.ndarray, kind: str) -> dict[str, Any]:
    low, median, high = np.quantile(null, [0.025, 0.5, 0.975])
    below = (1 + np.sum(null <= value)) / (1 + len(null))
    return {"null": kind, "null_low": low, "null_median": median, "null_high": high, "share_of_null_below": below}
