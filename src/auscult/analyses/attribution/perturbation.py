"""Attribution by removing units of the input: feature ablation, occlusion, LIME and KernelSHAP, in batches.

All four evaluate the explained output while only some units are present. A :class:`Game` evaluates such coalitions in
batches and keeps their values, so that no coalition runs twice.
"""

from itertools import product
from math import comb

import numpy as np
import torch
from torch import Tensor

from auscult.analyses.attribution.gradients import Function
from auscult.analyses.attribution.settings import AttributionSettings
from auscult.errors import AnalysisError

__all__ = [
    "Game",
    "ablation",
    "occlusion_spans",
    "occlusion",
    "n_coalitions",
    "shapley_coalitions",
    "solve_shapley",
    "kernel_shap",
    "lime_coalitions",
    "solve_lime",
    "lime",
]

# Largest number of players whose coalitions are enumerated.
_ENUMERABLE = 20
# Least number of sampled coalitions per player: with fewer, sampling noise dominates the scores.
_SAMPLES_EACH = 8


class Game:
    """Worth of coalitions of units: the explained output while all other units are replaced by a baseline.

    Parameters
    ----------
    function : maps a batch of inputs to one number per input
    values, baseline : the input and its absence, of the same shape
    spans : positions of each unit, see :func:`auscult.analyses.attribution.inputs.unit_spans`; a position shared by
        several units is present only if all of them are
    n_bands : number of equal bands of the second axis into which each unit is divided; players are ordered by unit,
        then by band from the lowest
    chunk : number of inputs that run at once
    """

    def __init__(
        self,
        function: Function,
        values: Tensor,
        baseline: Tensor,
        spans: np.ndarray,
        *,
        n_bands: int = AttributionSettings.n_bands,
        chunk: int = 8,
    ):
        self.function, self.values, self.baseline, self.chunk = function, values, baseline, chunk
        self.n_players = len(spans) * n_bands
        self._spans, self._bands = torch.from_numpy(spans).to(values.device), n_bands
        self._worth: dict[bytes, float] = {}

    def __call__(self, coalitions: np.ndarray) -> np.ndarray:
        """Return the worth [shape=(n,), float64] of coalitions [shape=(n, n_players), bool, True is present]."""
        keys = [row.tobytes() for row in np.packbits(coalitions, axis=1)]
        new = {key: place for place, key in enumerate(keys) if key not in self._worth}
        for start in range(0, len(new), self.chunk):
            some = list(new)[start : start + self.chunk]
            self._worth |= zip(some, self._run(coalitions[[new[key] for key in some]]))
        return np.array([self._worth[key] for key in keys])

    @property
    def full(self) -> float:
        """Worth of all units: the explained output of the input itself."""
        return float(self(np.ones((1, self.n_players), dtype=bool))[0])

    @property
    def empty(self) -> float:
        """Worth of the empty coalition."""
        return float(self(np.zeros((1, self.n_players), dtype=bool))[0])

    def _run(self, coalitions: np.ndarray) -> list[float]:
        with torch.no_grad():
            batch = torch.where(self._removed(coalitions), self.baseline, self.values)
            worth: list[float] = self.function(batch).double().tolist()
            return worth

    def _removed(self, coalitions: np.ndarray) -> Tensor:
        # +1 at the start and −1 at the stop of each absent unit: positions with a positive sum are removed.
        absent = torch.from_numpy(~coalitions).to(self.values.device, torch.int32)
        absent = absent.reshape(len(absent), len(self._spans), self._bands)
        edges = absent.new_zeros(len(absent), len(self.values) + 1, self._bands)
        edges.index_add_(1, self._spans[:, 0], absent).index_add_(1, self._spans[:, 1], -absent)
        removed = edges.cumsum(1)[:, :-1] > 0
        return removed[..., 0] if self.values.dim() == 1 else removed[..., _band_of(self.values, self._bands)]


def _band_of(values: Tensor, n_bands: int) -> Tensor:
    n_bins = values.shape[1]
    return torch.arange(n_bins, device=values.device) * n_bands // n_bins


def ablation(game: Game) -> np.ndarray:
    """Return the loss when one unit is removed: f(all) − f(all but it) [shape=(n_players,)]."""
    return game.full - game(~np.eye(game.n_players, dtype=bool))


def occlusion_spans(n_positions: int, width: int, stride: int) -> np.ndarray:
    """Return sliding windows as half-open ranges [shape=(n_windows, 2)]; the last ends with the input."""
    starts = np.arange(0, max(1, n_positions - width + stride), stride)
    return np.stack([starts, np.minimum(starts + width, n_positions)], axis=1)


def occlusion(
    function: Function, values: Tensor, baseline: Tensor, *, width: int, stride: int, chunk: int = 8
) -> np.ndarray:
    """Return the loss at each position when a window of silence covers it [shape=(n_positions,)].

    The loss of a position is the mean over the windows that cover it (Zeiler and Fergus, 2014; averaged as in captum).

    Parameters
    ----------
    width, stride : length of the window and step between windows, in positions
    """
    spans = occlusion_spans(len(values), width, stride)
    losses = ablation(Game(function, values, baseline, spans, chunk=chunk))
    sums, counts = (np.zeros(len(values) + 1) for _ in range(2))
    for each, amounts in ((sums, losses), (counts, np.ones(len(spans)))):
        np.add.at(each, spans[:, 0], amounts)
        np.add.at(each, spans[:, 1], -amounts)
    return np.cumsum(sums)[:-1] / np.cumsum(counts)[:-1]


def n_coalitions(n_players: int, n_samples: int) -> int:
    """Return the number of coalitions to evaluate: ``n_samples``, but at least 8 per player.

    If this covers all coalitions, each is evaluated once, see :func:`shapley_coalitions` and :func:`lime_coalitions`.
    """
    return max(n_samples, _SAMPLES_EACH * n_players)


def shapley_coalitions(n_players: int, n_samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return coalitions and their weights in the regression for Shapley values.

    If 2^n − 2 is at most ``n_samples``, all coalitions are returned with the weights of the Shapley kernel,
    (n − 1) / (C(n, k) k (n − k)) for k present players. Otherwise coalitions are sampled, with sizes drawn from the
    kernel and equal weights, each together with its complement, which removes even interactions from the noise (Covert
    and Lee, 2021, section 4.2).

    Raises
    ------
    AnalysisError
        There are fewer samples than twice the number of players.
    """
    sizes = np.arange(1, n_players)
    if n_players <= _ENUMERABLE and 2**n_players - 2 <= n_samples:
        coalitions = np.array(list(product((False, True), repeat=n_players)))[1:-1].reshape(-1, n_players)
        weights = [(n_players - 1) / (comb(n_players, k) * k * (n_players - k)) for k in coalitions.sum(axis=1)]
        return coalitions, np.array(weights)
    if n_samples < 2 * n_players:
        raise AnalysisError(
            f"expected at least {2 * n_players} samples for {n_players} units, found {n_samples}; raise n_samples or "
            "choose larger units"
        )
    generator = np.random.default_rng(seed)
    kernel = 1 / (sizes * (n_players - sizes))
    drawn = generator.choice(sizes, size=n_samples // 2, p=kernel / kernel.sum())
    half = generator.random((n_samples // 2, n_players)).argsort(axis=1) < drawn[:, None]
    return np.stack([half, ~half], axis=1).reshape(-1, n_players), np.ones(2 * len(half))


def solve_shapley(
    coalitions: np.ndarray, weights: np.ndarray, worth: np.ndarray, empty: float, full: float
) -> np.ndarray:
    """Return the additive scores nearest to the worth of coalitions, under Σ scores = full − empty.

    Weighted least squares with the constraint substituted (Lundberg and Lee, 2017, theorem 2), where captum
    approximates it by a large weight.

    Parameters
    ----------
    coalitions : True is present [shape=(n, n_players), bool]
    weights, worth : of each coalition [shape=(n,)]
    """
    present = np.asarray(coalitions, dtype=float)
    total, root = full - empty, np.sqrt(weights)
    design = present[:, :-1] - present[:, -1:]
    aim = worth - empty - present[:, -1] * total
    scores = np.linalg.lstsq(design * root[:, None], aim * root, rcond=None)[0]
    return np.append(scores, total - scores.sum())


def kernel_shap(game: Game, n_samples: int, seed: int) -> np.ndarray:
    """Return Shapley values of the units [shape=(n_players,)], exact if ``n_samples`` covers all coalitions.

    They sum to f(all) − f(none). Raises the errors of :func:`shapley_coalitions`.
    """
    coalitions, weights = shapley_coalitions(game.n_players, n_samples, seed)
    return solve_shapley(coalitions, weights, game(coalitions), game.empty, game.full)


def lime_coalitions(n_players: int, n_samples: int, seed: int) -> np.ndarray:
    """Return coalitions to which each unit belongs with probability ½, or all coalitions if there are no more."""
    if n_players <= _ENUMERABLE and 2**n_players <= n_samples:
        return np.array(list(product((False, True), repeat=n_players)))
    return np.random.default_rng(seed).random((n_samples, n_players)) < 0.5


def solve_lime(coalitions: np.ndarray, worth: np.ndarray, *, width: float = 0.25, penalty: float = 0.01) -> np.ndarray:
    """Return the slopes of a weighted ridge regression of worth on coalitions.

    The weight of a coalition is exp(−d² / 2 width²), where d = 1 − √(k / n) is its cosine distance to the full one
    (Ribeiro and others, 2016, and their code; the same form as in captum). The penalty is relative to the sum of all
    weights; the intercept is not penalised.

    Parameters
    ----------
    coalitions : True is present [shape=(n, n_players), bool]
    worth : of each coalition [shape=(n,)]
    """
    present = np.asarray(coalitions, dtype=float)
    weights = np.exp(-((1 - np.sqrt(present.mean(axis=1))) ** 2) / (2 * width**2))
    weights /= weights.sum()
    centred, aim = present - weights @ present, worth - weights @ worth
    system = (centred * weights[:, None]).T @ centred + penalty * np.eye(present.shape[1])
    return np.linalg.lstsq(system, centred.T @ (weights * aim), rcond=None)[0]


def lime(game: Game, n_samples: int, seed: int) -> np.ndarray:
    """Return LIME scores of the units [shape=(n_players,)], see :func:`solve_lime`."""
    coalitions = lime_coalitions(game.n_players, n_samples, seed)
    return solve_lime(coalitions, game(coalitions))
