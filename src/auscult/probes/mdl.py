"""Minimum description length: number of bits for sending the labels to a receiver who has the vectors."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

from auscult.errors import AnalysisError
from auscult.probes.classifiers import standardiser
from auscult.statistics.intervals import bootstrap_statistic

__all__ = ["BLOCKS", "MIN_ITEMS", "coding_order", "online_code", "prior_code", "codelength", "compression"]

# Ends of the blocks, as shares of the data: Voita and Titov (2020), section 3.2.
BLOCKS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.0625, 0.125, 0.25, 0.5, 1.0)
PENALTIES = (10.0, 1.0, 1e-1, 1e-2, 1e-3)
MIN_ITEMS = 20
_MAX_STEPS = 60


def coding_order(groups: np.ndarray, seed: int) -> np.ndarray:
    """Return the order in which items are sent: group by group, groups and the items within them in random order.

    Later blocks then hold mostly new groups (speakers, utterances, types), so that the code length measures
    generalisation to the units that other scores hold out. Voita and Titov shuffle items.
    """
    rng = np.random.default_rng([seed, 5])
    _, codes = np.unique(groups, return_inverse=True)
    place = rng.permutation(codes.max() + 1)
    return np.lexsort((rng.random(len(codes)), place[codes]))


def online_code(
    x: np.ndarray,
    codes: np.ndarray,
    n_classes: int,
    *,
    blocks: Sequence[float] = BLOCKS,
    penalties: Sequence[float] = PENALTIES,
) -> np.ndarray:
    """Return the code length of every item's class in an online code, which is sent block by block.

    Voita and Titov (2020), equation 3: items of the first block cost log₂ K bits each, items of every later block
    −log₂ p(class | vector) under a probe trained on all earlier blocks. Probes are multinomial logistic regressions.
    Two choices differ from theirs and keep the code decodable: each block uses the penalty with the shortest code for
    the earlier blocks; and after n items p = (n p̂ + 1) / (n + K) (Laplace's rule), so that no class has probability 0.

    Parameters
    ----------
    x : vectors, in the order in which they are sent [shape=(n_items, n_dims)]
    codes : class codes from 0 [shape=(n_items,)]
    n_classes : number of classes, K
    blocks : ends of the blocks, as ascending shares of the data, the last 1
    penalties : relative to unit variance and to one item, in descending order

    Returns
    -------
    bits per item, lower means easier to decode [shape=(n_items,)]

    Raises
    ------
    AnalysisError
        There are fewer than :data:`MIN_ITEMS` items.
    """
    ends = _block_ends(len(x), blocks)
    bits = np.full(len(x), np.log2(n_classes))
    so_far, weights = np.zeros(len(penalties)), [np.zeros((x.shape[1] + 1, n_classes)) for _ in penalties]
    for start, end in pairwise(ends):
        mean, scale = standardiser(x[:start])
        seen, new = ((part - mean) * scale for part in (x[:start], x[start:end]))
        costs = np.empty((len(penalties), end - start))
        for place, penalty in enumerate(penalties):
            weights[place] = _fit_softmax(seen, codes[:start], n_classes, penalty, weights[place])
            log_p = log_softmax(new @ weights[place][:-1] + weights[place][-1], axis=1)
            p = np.exp(log_p[np.arange(end - start), codes[start:end]])
            costs[place] = -np.log2((start * p + 1) / (start + n_classes))
        bits[start:end] = costs[so_far.argmin()]
        so_far += costs.sum(axis=1)
    return bits


def prior_code(codes: np.ndarray, n_classes: int, *, blocks: Sequence[float] = BLOCKS) -> np.ndarray:
    """Return the code length of every item's class in the same blocks without vectors, from the class frequencies.

    A probe's code is shorter by the information that it reads from the vectors. Frequencies are smoothed by Laplace's
    rule. Arguments and result as in :func:`online_code`.
    """
    ends = _block_ends(len(codes), blocks)
    bits = np.full(len(codes), np.log2(n_classes))
    for start, end in pairwise(ends):
        counts = np.bincount(codes[:start], minlength=n_classes)
        bits[start:end] = -np.log2((counts[codes[start:end]] + 1) / (start + n_classes))
    return bits


def codelength(bits: np.ndarray, speakers: np.ndarray, **settings: int) -> tuple[float, float, float]:
    """Return the total code length in bits, with an interval from resampling speakers.

    Parameters
    ----------
    bits : code length of every item, possibly an average over codes [shape=(n_items,)]
    speakers : speaker codes from 0 [shape=(n_items,)]
    settings : ``n_resamples`` and ``seed``

    Returns
    -------
    (value, low, high)
    """
    sums = np.bincount(speakers, bits)
    return float(bits.sum()), *bootstrap_statistic(sums, lambda total: total, **settings)


def compression(bits: np.ndarray, speakers: np.ndarray, n_classes: int, **settings: int) -> tuple[float, float, float]:
    """Return n log₂ K / code length with its interval: 1 is no compression, higher is easier to decode."""
    sums = np.stack([np.bincount(speakers), np.bincount(speakers, bits)], axis=1)

    def ratio(total: np.ndarray) -> np.ndarray:
        return total[..., 0] * np.log2(n_classes) / total[..., 1]

    return float(ratio(sums.sum(axis=0))), *bootstrap_statistic(sums, ratio, **settings)


def _block_ends(n_items: int, blocks: Sequence[float]) -> np.ndarray:
    if n_items < MIN_ITEMS:
        raise AnalysisError(f"expected at least {MIN_ITEMS} items for an online code, found {n_items}; leave mdl out")
    return np.unique(np.maximum(1, np.round(np.asarray(blocks) * n_items).astype(int)))


def _fit_softmax(z: np.ndarray, codes: np.ndarray, n_classes: int, penalty: float, start: np.ndarray) -> np.ndarray:
    """Minimise mean cross-entropy + penalty / 2 · ‖W‖² from initial weights, whose last row is the intercept."""
    truth, shape = np.eye(n_classes)[codes], (z.shape[1] + 1, n_classes)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w = flat.reshape(shape)
        log_p = log_softmax(z @ w[:-1] + w[-1], axis=1)
        error = (np.exp(log_p) - truth) / len(z)
        gradient = np.concatenate([z.T @ error + penalty * w[:-1], error.sum(axis=0)[None]])
        value = -log_p[np.arange(len(z)), codes].mean() + 0.5 * penalty * np.sum(w[:-1] ** 2)
        return value, gradient.ravel()

    found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _MAX_STEPS, "maxcor": 10})
    return found.x.reshape(shape)
