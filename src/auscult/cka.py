"""Centred kernel alignment of two spaces in feature form: unbiased, and under any weights of groups.

With K = XXᵀ and L = YYᵀ everything HSIC needs of n × n matrices is a sum over items of products of x and y. Under
weights that are equal within groups it is a polynomial of the weights whose coefficients are inner products between
groups' moments; a thousand bootstrap samples then cost less than one pass over the items.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

import numpy as np

from auscult.errors import AnalysisError
from auscult.moments import JointMoments
from auscult.stats import bootstrap_statistic

__all__ = ["Estimator", "HsicSums", "hsic", "cka", "cka_interval", "cka_pairs"]

Estimator = Literal["unbiased", "biased"]
_MIN_ITEMS = 4


@dataclass(frozen=True)
class HsicSums:
    """What HSIC of two spaces needs to know under any weights of groups; small, whatever the dimensions.

    Parameters
    ----------
    n, square_x, square_y, squares : as in :class:`~auscult.moments.JointMoments` [shapes=(n_groups,)]
    cross : ⟨Cₐ, C_b⟩ of the groups' Σ x yᵀ [shape=(n_groups, n_groups)]
    chain : sₐᵀ C_b t_c with s = Σ x and t = Σ y [shape=(n_groups, n_groups, n_groups)]
    sums_x, sums_y : ⟨sₐ, s_b⟩ and ⟨tₐ, t_b⟩ [shapes=(n_groups, n_groups)]
    by_square_x, by_square_y : ⟨sₐ, (Σ x|y|²)_b⟩ and ⟨tₐ, (Σ y|x|²)_b⟩ [shapes=(n_groups, n_groups)]
    """

    n: np.ndarray
    square_x: np.ndarray
    square_y: np.ndarray
    squares: np.ndarray
    cross: np.ndarray
    chain: np.ndarray
    sums_x: np.ndarray
    sums_y: np.ndarray
    by_square_x: np.ndarray
    by_square_y: np.ndarray

    @classmethod
    def of(cls, moments: JointMoments) -> "HsicSums":
        """Reduce the moments of two spaces to the inner products between groups."""
        s, t, flat = moments.sum_x, moments.sum_y, moments.cross.reshape(len(moments.n), -1)
        chain = np.einsum("abe,ce->abc", np.tensordot(s, moments.cross, axes=(1, 1)), t)
        return cls(
            moments.n, moments.square_x, moments.square_y, moments.squares, flat @ flat.T, chain, s @ s.T, t @ t.T,
            s @ moments.x_by_square.T, t @ moments.y_by_square.T,
        )  # fmt: skip


def hsic(sums: HsicSums, weights: np.ndarray, estimator: Estimator = "unbiased") -> np.ndarray:
    """Return the Hilbert-Schmidt independence criterion of two spaces with linear kernels.

    ``unbiased`` is the U-statistic of Song et al. (2012, eq. 5), an average over distinct items i, j, q, r:
    mean K_ij L_ij + mean K_ij L_qr − 2 mean K_ij L_iq. Where they have weights, each term is weighted by the product of
    those of its items, and an item drawn twice is still one item: copies form no pair. ``biased`` is that of Gretton et
    al. (2005), ‖cov(x, y)‖².

    Parameters
    ----------
    weights : of the groups, one row per result [shape=(n_results, n_groups)]

    Returns
    -------
    values [shape=(n_results,)]; the unbiased ones are 0 on average where x and y are independent
    """
    w1 = np.asarray(weights, dtype=float)
    w2, w3, w4 = w1**2, w1**3, w1**4
    x, y = _form(w1, sums.sums_x, w1), _form(w1, sums.sums_y, w1)
    if estimator == "biased":
        n = w1 @ sums.n
        return (_form(w1, sums.cross, w1) - 2 * _chain(sums, w1, w1) / n + x * y / n**2) / n**2
    n1, n2, n3, n4 = (w @ sums.n for w in (w1, w2, w3, w4))
    pairs = _pairs(sums, w1, w1) / (n1**2 - n2)
    triples = _triples(sums, w1, w1) / (n1**3 - 3 * n1 * n2 + 2 * n3)
    apart = (x - w2 @ sums.square_x) * (y - w2 @ sums.square_y) - 4 * _triples(sums, w1, w2) - 2 * _pairs(sums, w2, w2)
    quadruples = apart / (n1**4 - 6 * n1**2 * n2 + 3 * n2**2 + 8 * n1 * n3 - 6 * n4)
    return pairs + quadruples - 2 * triples


def _pairs(sums: HsicSums, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return Σ uᵢ vⱼ K_ij L_ij over i ≠ j."""
    return _form(u, sums.cross, v) - (u * v) @ sums.squares


def _triples(sums: HsicSums, w: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return Σ uᵢ wⱼ w_q K_ij L_iq over distinct i, j, q."""
    linked = _form(w, sums.by_square_x, u * w) + _form(w, sums.by_square_y, u * w)
    return _chain(sums, w, u) - linked + (u * w * w) @ sums.squares - _pairs(sums, u, w * w)


def _chain(sums: HsicSums, w: np.ndarray, u: np.ndarray) -> np.ndarray:
    n_groups = len(sums.n)
    inner = (u @ sums.chain.transpose(1, 0, 2).reshape(n_groups, -1)).reshape(-1, n_groups, n_groups)
    return np.einsum("ra,rac,rc->r", w, inner, w, optimize=True)


def _form(u: np.ndarray, matrix: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.einsum("ra,ra->r", u @ matrix, v)


def cka(xy: HsicSums, xx: HsicSums, yy: HsicSums, weights: np.ndarray, estimator: Estimator = "unbiased") -> np.ndarray:
    """Return the linear CKA of two spaces, HSIC(x, y) / √(HSIC(x, x) HSIC(y, y)), for each row of weights.

    Kornblith et al. (2019, eq. 4), here with the unbiased HSIC (Nguyen et al., 2021): the biased one tends to 1 as the
    number of items falls below the dimension. At most about 1, higher is more alike; 0 for unrelated spaces. Invariant
    to rotation, shift and isotropic scaling, not to scaling of single dimensions.
    """
    values, own_x, own_y = (hsic(sums, weights, estimator) for sums in (xy, xx, yy))
    own = own_x * own_y
    return np.divide(values, np.sqrt(own, where=own > 0, out=np.ones_like(own)), where=own > 0,
                     out=np.full_like(own, np.nan))  # fmt: skip


def cka_interval(
    xy: HsicSums, xx: HsicSums, yy: HsicSums, *, n_resamples: int = 2000, seed: int, estimator: Estimator = "unbiased"
) -> tuple[float, float, float]:
    """Return CKA and its 95 % interval from resampling groups; both ends NaN with fewer groups than that needs.

    Raises
    ------
    AnalysisError
        There are fewer than four items, or a space does not vary.
    """
    if xy.n.sum() < _MIN_ITEMS:
        raise AnalysisError(f"expected at least {_MIN_ITEMS} items for CKA, found {int(xy.n.sum())}; raise n_items")
    n_groups = len(xy.n)
    value = cka(xy, xx, yy, np.ones((1, n_groups)), estimator)[0]
    low, high = bootstrap_statistic(
        np.eye(n_groups), lambda weights: cka(xy, xx, yy, weights, estimator), n_resamples=n_resamples, seed=seed
    )
    return float(value), low, high


def cka_pairs(
    load: Callable[[str], np.ndarray],
    pairs: Iterable[tuple[str, str]],
    groups: np.ndarray,
    *,
    n_resamples: int = 2000,
    seed: int = 0,
    estimator: Estimator = "unbiased",
) -> Iterator[tuple[str, str, float, float, float]]:
    """Compare many spaces pair by pair, holding the vectors of two of them at a time.

    Parameters
    ----------
    load : returns the vectors of a space by name [shape=(n, n_dims)]; they are centred here, in their own precision
    pairs : of names; those with the same first name should follow each other
    groups : group codes from 0 [shape=(n,)]

    Yields
    ------
    (name, other name, CKA, ci_low, ci_high)
    """

    @lru_cache(maxsize=2)
    def centred(name: str) -> np.ndarray:
        x = load(name)
        return x - x.mean(axis=0, dtype=np.float64).astype(x.dtype)

    @cache
    def own(name: str) -> HsicSums:
        x = centred(name)
        return HsicSums.of(JointMoments.of(x, x, groups))

    for first, second in pairs:
        x, own_x = centred(first), own(first)
        own_y = own(second)
        both = own_x if first == second else HsicSums.of(JointMoments.of(x, centred(second), groups))
        yield first, second, *cka_interval(both, own_x, own_y, n_resamples=n_resamples, seed=seed, estimator=estimator)
